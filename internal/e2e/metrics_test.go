package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// scrapeMetrics returns the service's own metrics by "name{label=value,…}",
// without the prefix.
func scrapeMetrics(t testing.TB, s *servicetest.Service) map[string]float64 {
	t.Helper()
	res, err := http.Get(s.Admin + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(res.Body)
	require.NoError(t, err)
	values := map[string]float64{}
	for name, family := range families {
		short, found := strings.CutPrefix(name, "autowebinar_")
		if !found || short == "build_info" {
			continue
		}
		for _, series := range family.GetMetric() {
			values[short+formatLabels(series)] = series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func formatLabels(series *dto.Metric) string {
	var all []string
	for _, l := range series.GetLabel() {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	if len(all) == 0 {
		return ""
	}
	return "{" + strings.Join(all, ",") + "}"
}

func TestMetricsCountActivity(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	v := servicetest.NewViewer(t, db, 1)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
	reportPositions(t, db, s, v, v.Must(t, s, 200, "/enter", `{"webinar_id":"pro"}`).Body["session_id"].(string), 0, 600)
	v.Must(t, s, 200, "/progress", `{"webinar_id":"pro","position_sec":5}`) // a second tab
	v.Must(t, s, 400, "/progress", `{"webinar_id":"pro"}`)
	receiver.WaitFor(t, "1", "entered", "completed", "attendance_classified")
	wrongNonce := v
	wrongNonce.Nonce = "0123456789"
	wrongNonce.Must(t, s, 403, "/session", "")

	// The service counts deliveries and commits after they become visible, and
	// viewers once a second.
	var got map[string]float64
	require.Eventually(t, func() bool {
		got = scrapeMetrics(t, s)
		return got["delivery_lag_seconds"] == 3 && got["commit_changes"] >= 64 && got["active_sessions"] == 1
	}, time.Minute, 50*time.Millisecond)
	for name, want := range map[string]float64{
		"ready": 1, "active_sessions": 1, "dispatcher_leader": 1, "receiver_up": 1,
		"sessions_entered_total": 1, "sessions_completed_total": 1, "reports_total": 62, "reports_stale_total": 1, "reports_clamped_total": 0,
		"milestones_reached_total{percent=25}": 1, "milestones_reached_total{percent=50}": 1, "milestones_reached_total{percent=75}": 1, "milestones_reached_total{percent=100}": 1,
		"http_requests_total{route=/enter,status=201}": 1, "http_requests_total{route=/enter,status=200}": 1,
		"http_requests_total{route=/progress,status=200}": 62, "http_requests_total{route=/progress,status=400}": 1,
		"http_request_duration_seconds{route=/progress}":                                      63,
		"http_errors_total{code=rest_missing_callback_param}":                                 1,
		"login_failures_total{reason=wrong_nonce}":                                            1,
		"logins_total{kind=cookie}":                                                           65,
		"events_total{type=client_webinar_entered}":                                           1,
		"delivery_attempts_total{outcome=accepted,type=client_webinar_completed}":             1,
		"delivery_attempts_total{outcome=accepted,type=client_webinar_attendance_classified}": 1,
		"changes_queued": 0, "events_dead_total": 0, "outbox_count_failures_total": 0,
	} {
		assert.Equal(t, want, got[name], name)
	}
	requireMatchingIDs(t, s, 3)
	requireSelectedSeries(t, slices.Collect(maps.Keys(got)))
}

// requireSelectedSeries checks that the label values in the alerts and in the
// dashboard match at least one series, because those with fixed values exist from
// the start.
func requireSelectedSeries(t testing.TB, series []string) {
	t.Helper()
	selector := regexp.MustCompile(`\bautowebinar_(\w+)\{[^}]*?(\w+)=~?\\?"([^"$\\]+)\\?"`)
	for _, path := range []string{"prometheus/alerts.yaml", "grafana/autowebinar.json"} {
		text, err := os.ReadFile(filepath.Join(repository, "deploy", path))
		require.NoError(t, err)
		found := selector.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, found, path)
		for _, m := range found {
			for value := range strings.SplitSeq(m[3], "|") {
				matching := regexp.MustCompile(`^` + m[1] + `\{(.*,)?` + m[2] + `=` + value + `(,.*)?\}$`)
				assert.True(t, slices.ContainsFunc(series, matching.MatchString), "%s: no series matches %s", path, m[0])
			}
		}
	}
}

// requireMatchingIDs checks that the webhook id of each delivery in the log also
// occurs in the log line of a request by the same user. The last request of the
// test was rejected with 403.
func requireMatchingIDs(t testing.TB, s *servicetest.Service, deliveries int) {
	t.Helper()
	require.Eventually(t, func() bool {
		log := s.Log()
		return strings.Contains(log, `"status":403`) && strings.Count(log, `"msg":"event delivered"`) >= deliveries
	}, time.Minute, 10*time.Millisecond, "the last log lines are missing")
	type line struct {
		Level, Msg string
		RequestID  string   `json:"request_id"`
		WebhookIDs []string `json:"webhook_ids"`
		WebhookID  string   `json:"webhook_id"`
		User       uint64
	}
	users := map[string]uint64{} // by webhook id
	var delivered []line
	for text := range strings.Lines(s.Log()) {
		var l line
		require.NoError(t, json.Unmarshal([]byte(text), &l), text)
		switch l.Msg {
		case "request":
			assert.NotEmpty(t, l.RequestID)
			for _, id := range l.WebhookIDs {
				users[id] = l.User
			}
		case "event delivered":
			delivered = append(delivered, l)
		}
	}
	assert.Len(t, delivered, deliveries)
	for _, l := range delivered {
		assert.Equal(t, l.User, users[l.WebhookID], l.WebhookID)
		assert.Equal(t, "INFO", l.Level)
	}
}

func TestClientInputAddsNoMetricSeries(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	env := servicetest.Settings(db.DSN, receiver.URL)
	delete(env, "AUTOWEBINAR_WEBINARS") // any webinar id is accepted
	env["AUTOWEBINAR_RATE_LOGIN"] = "0"
	s := servicetest.Start(t, env).Ready(t)
	v := servicetest.NewViewer(t, db, 1)

	seriesAfter := func(round int) []string {
		sendGarbage(t, s, v, round)
		receiver.WaitFor(t, "1", slices.Repeat([]string{"registered", "entered"}, round+1)...)
		// On a busy machine the service counts the outbox less often.
		require.Eventually(t, func() bool {
			got := scrapeMetrics(t, s)
			return got["delivery_lag_seconds"] >= float64(2*(round+1)) && got["outbox_events{state=due}"] == 0
		}, 2*time.Minute, 100*time.Millisecond)
		return slices.DeleteFunc(slices.Sorted(maps.Keys(scrapeMetrics(t, s))), func(name string) bool {
			return strings.Contains(name, "retries") // a deadlock may happen at any time
		})
	}
	first := seriesAfter(0)
	for round := 1; round <= 5; round++ {
		assert.Equal(t, first, seriesAfter(round), "other garbage in the same requests adds no series")
	}
	assert.Less(t, len(first), 120)
}

// sendGarbage sends arbitrary text wherever a request could influence a label.
func sendGarbage(t testing.TB, s *servicetest.Service, v servicetest.Viewer, round int) {
	t.Helper()
	junk := fmt.Sprintf("junk-%d", round)
	v.Must(t, s, 201, "/register", `{"webinar_id":"`+junk+`","source":"`+junk+`"}`)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"`+junk+`"}`)
	v.Must(t, s, 400, "/exit", `{"webinar_id":"`+junk+`","leave_reason":"`+junk+`"}`)
	for _, r := range []struct{ method, path, authorization string }{
		{"GET", "/" + junk, ""},
		{strings.ToUpper(junk), "/wp-json/autowebinar/v1/enter", ""},
		{"POST", "/wp-json/autowebinar/v1/" + junk, "Bearer " + servicetest.ServiceKey},
		{"POST", "/wp-json/autowebinar/v1/users/" + fmt.Sprint(100+round) + "/enter", "Bearer " + servicetest.ServiceKey},
		{"POST", "/wp-json/autowebinar/v1/users/" + junk + "/enter", "Bearer " + servicetest.ServiceKey},
		{"POST", "/?rest_route=/autowebinar/v1/" + junk, ""},
		{"POST", "/wp-json/autowebinar/v1/enter?_method=" + junk, ""},
		{"POST", "/wp-json/autowebinar/v1/enter", "Bearer " + junk},
	} {
		req, err := http.NewRequest(r.method, s.URL+r.path, strings.NewReader(`{"webinar_id":"`+junk+`"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", r.authorization)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		assert.Less(t, res.StatusCode, 500)
		assert.GreaterOrEqual(t, res.StatusCode, 400)
	}
}
