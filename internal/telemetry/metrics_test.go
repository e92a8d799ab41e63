package telemetry_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/outbox"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

var update = flag.Bool("update", false, "write the golden file")

const golden = "testdata/metrics.txt"

// scrape requests the metrics as Prometheus does.
func scrape(t *testing.T, handler http.Handler) (text []byte, families map[string]*dto.MetricFamily) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes()))
	require.NoError(t, err)
	return w.Body.Bytes(), families
}

// idleSources are the sources of a healthy service without work.
func idleSources() telemetry.Sources {
	return telemetry.Sources{
		Pool: func() sql.DBStats { return sql.DBStats{MaxOpenConnections: 32, InUse: 1, Idle: 3} },
		Load: func() usermeta.Load { return usermeta.Load{Capacity: 8192} },
		Delivery: &telemetry.DeliverySources{
			Stats:     func() webhook.Stats { return webhook.Stats{Running: true, ReceiverKnown: true, ReceiverUp: true} },
			Outbox:    func(context.Context) (outbox.Stats, error) { return outbox.Stats{}, nil },
			HasLeader: func(context.Context) (bool, error) { return true, nil },
		},
	}
}

func event(kind webinar.EventType, age time.Duration) webinar.Event {
	return webinar.Event{Type: kind, At: time.Now().Add(-age)}
}

// countEverything calls each counting method once.
func countEverything(m *telemetry.Metrics) {
	m.RequestDone("/enter", 201, "", time.Millisecond)
	m.RequestDone("", 404, "rest_no_route", time.Millisecond)
	m.LoggedIn("cookie")
	m.LoginRefused("anonymous")
	m.Committed(3, time.Millisecond)
	m.Retried("deadlock")
	m.Rejected("full")
	m.SessionChanged(httpapi.SessionChange{Session: "s", Entered: true, Events: []webinar.Event{event(webinar.EventEntered, 0)}})
	m.AttemptDone(event(webinar.EventEntered, 0), webhook.AttemptResult{Outcome: webhook.Accepted})
}

func TestMetricsMatchGoldenFile(t *testing.T) {
	t.Parallel()
	m, health := telemetry.NewMetrics("test"), telemetry.NewHealth()
	monitor := telemetry.NewMonitor(telemetry.MonitorConfig{Metrics: m, Health: health, Sources: idleSources()})
	ctx, stop := context.WithCancel(t.Context())
	go monitor.Run(ctx)
	defer stop()
	countEverything(m)
	require.Eventually(t, func() bool {
		s := monitor.Status(t.Context())
		return s.Outbox != nil && !s.Outbox.At.IsZero()
	}, 10*time.Second, 10*time.Millisecond)

	text, families := scrape(t, m.Handler())
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !strings.HasPrefix(name, "autowebinar_") {
			continue
		}
		f := families[name]
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&lines, "%s %s {%s}\n", name, strings.ToLower(f.GetType().String()), strings.Join(labels, ","))
		assert.Greater(t, len(f.GetHelp()), 20, name)
		assert.True(t, strings.HasSuffix(f.GetHelp(), "."), "%s: the help text is a sentence", name)
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(lines.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), lines.String())

	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		assert.Contains(t, families, name)
	}
}

func TestMetricValues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.NewMetrics("1.2.3")
		m.RequestDone("/progress", 200, "", 20*time.Millisecond)
		m.RequestDone("/progress", 503, "autowebinar_unavailable", time.Second)
		m.RequestDone("", 999, "", time.Second)
		// A report that skips milestones reaches them all; completion counts once.
		m.SessionChanged(httpapi.SessionChange{Session: "a", Entered: true, Events: []webinar.Event{event(webinar.EventEntered, 0)}})
		m.SessionChanged(httpapi.SessionChange{Session: "a", Reported: true, From: 0, To: 50})
		m.SessionChanged(httpapi.SessionChange{Session: "a", Reported: true, Clamped: true, From: 50, To: 50})
		m.SessionChanged(httpapi.SessionChange{Session: "a", Reported: true, Stale: true, From: 50, To: 100, Completed: true,
			Events: []webinar.Event{event(webinar.EventCompleted, 0), event(webinar.EventAttendanceClassified, 0)}})
		m.AttemptDone(event(webinar.EventEntered, 3*time.Second), webhook.AttemptResult{Outcome: webhook.Accepted})
		m.AttemptDone(event(webinar.EventEntered, 0), webhook.AttemptResult{Outcome: webhook.Unavailable, Status: 500})

		_, families := scrape(t, m.Handler())
		got := map[string]float64{}
		for _, name := range []string{"http_requests_total", "http_errors_total", "sessions_entered_total", "milestones_reached_total", "sessions_completed_total",
			"reports_total", "reports_clamped_total", "reports_stale_total", "events_total", "delivery_attempts_total", "build_info"} {
			for _, series := range families["autowebinar_"+name].GetMetric() {
				key := name
				for _, l := range series.GetLabel() {
					if l.GetName() != "goversion" {
						key += " " + l.GetValue()
					}
				}
				if value := cmp.Or(series.GetCounter().GetValue(), series.GetGauge().GetValue()); value != 0 {
					got[key] = value
				}
			}
		}
		assert.Equal(t, map[string]float64{
			"http_requests_total /progress 200": 1, "http_requests_total /progress 503": 1, "http_requests_total none other": 1,
			"http_errors_total autowebinar_unavailable": 1,
			"sessions_entered_total":                    1, "sessions_completed_total": 1,
			"milestones_reached_total 25": 1, "milestones_reached_total 50": 1, "milestones_reached_total 75": 1, "milestones_reached_total 100": 1,
			"reports_total": 3, "reports_clamped_total": 1, "reports_stale_total": 1,
			"events_total client_webinar_entered": 1, "events_total client_webinar_completed": 1, "events_total client_webinar_attendance_classified": 1,
			"delivery_attempts_total accepted client_webinar_entered":    1,
			"delivery_attempts_total unavailable client_webinar_entered": 1,
			"build_info 1.2.3": 1,
		}, got)
		assert.InDelta(t, 3, families["autowebinar_delivery_lag_seconds"].GetMetric()[0].GetHistogram().GetSampleSum(), 0.001)
	})
}

// increase() does not see the first increment of a new series.
func TestSeriesUsedByAlertsStartAtZero(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test")
	m.RequestDone("/progress", 200, "", time.Millisecond)
	text, _ := scrape(t, m.Handler())
	for _, series := range []string{
		`autowebinar_changes_rejected_total{reason="full"}`, `autowebinar_changes_rejected_total{reason="timeout"}`,
		`autowebinar_db_retries_total{reason="deadlock"}`, `autowebinar_logins_total{kind="cookie"}`,
		`autowebinar_login_failures_total{reason="forged_cookie"}`, `autowebinar_login_failures_total{reason="forged_token"}`,
		`autowebinar_delivery_attempts_total{outcome="rejected",type="client_webinar_left"}`,
		`autowebinar_delivery_attempts_total{outcome="no_lead",type="client_webinar_left"}`,
		`autowebinar_events_total{type="client_webinar_entered"}`,
		`autowebinar_http_requests_total{route="/progress",status="500"}`, `autowebinar_http_requests_total{route="/progress",status="503"}`,
	} {
		assert.Contains(t, string(text), series+" 0\n")
	}
}

func TestReceiverUpIsAbsentUntilKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		delivery webhook.Stats
		want     string // empty if there is no series
	}{
		"no attempt since the start": {webhook.Stats{Running: true}, ""},
		"receiver up":                {webhook.Stats{Running: true, ReceiverKnown: true, ReceiverUp: true}, "1"},
		"receiver down":              {webhook.Stats{Running: true, ReceiverKnown: true}, "0"},
		"not the leader":             {webhook.Stats{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, sources := telemetry.NewMetrics("test"), idleSources()
			sources.Delivery.Stats = func() webhook.Stats { return tt.delivery }
			telemetry.NewMonitor(telemetry.MonitorConfig{Metrics: m, Health: telemetry.NewHealth(), Sources: sources})
			text, families := scrape(t, m.Handler())
			if tt.want == "" {
				assert.NotContains(t, families, "autowebinar_receiver_up")
				return
			}
			assert.Contains(t, string(text), "\nautowebinar_receiver_up "+tt.want+"\n")
		})
	}
}
