package packaging

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// metricLabels returns the labels of the service's metrics by name, from the
// golden file of their own test.
func metricLabels(t testing.TB) map[string][]string {
	t.Helper()
	metrics := map[string][]string{}
	line := regexp.MustCompile(`(?m)^(\w+) (\w+) \{(.*)\}$`)
	for _, m := range line.FindAllStringSubmatch(read(t, "internal/telemetry/testdata/metrics.txt"), -1) {
		labels := []string{"job", "instance"} // added by Prometheus
		if m[3] != "" {
			labels = append(labels, strings.Split(m[3], ",")...)
		}
		if m[2] != "histogram" {
			metrics[m[1]] = labels
			continue
		}
		metrics[m[1]+"_bucket"] = append(slices.Clone(labels), "le")
		metrics[m[1]+"_sum"], metrics[m[1]+"_count"] = labels, labels
	}
	require.NotEmpty(t, metrics)
	return metrics
}

// processMetrics are the used metrics of the Prometheus client library.
var processMetrics = []string{"process_cpu_seconds_total", "process_resident_memory_bytes"}

// requireKnownMetrics checks that the metrics and labels in an expression exist. It
// returns the metrics.
func requireKnownMetrics(t testing.TB, known map[string][]string, expression string) (metrics []string) {
	t.Helper()
	var labels []string
	for _, m := range regexp.MustCompile(`\b((?:autowebinar|process|go)_\w+)(?:\{(.*?)\})?`).FindAllStringSubmatch(expression, -1) {
		metricLabels, ok := known[m[1]]
		if slices.Contains(processMetrics, m[1]) {
			metricLabels, ok = []string{"job", "instance"}, true
		}
		assert.True(t, ok, "unknown metric %s: %s", m[1], expression)
		metrics, labels = append(metrics, m[1]), append(labels, metricLabels...)
		for _, selector := range regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`).FindAllStringSubmatch(m[2], -1) {
			assert.Contains(t, metricLabels, selector[1], "unknown label of %s: %s", m[1], expression)
		}
	}
	assert.NotEmpty(t, metrics, expression)
	for _, m := range regexp.MustCompile(`\b(?:by|on|ignoring|without) ?\((.*?)\)`).FindAllStringSubmatch(expression, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			assert.Contains(t, labels, strings.TrimSpace(label), expression)
		}
	}
	return metrics
}

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t testing.TB) (rules []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yaml")), &file))
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

func TestAlertsUseKnownMetrics(t *testing.T) {
	t.Parallel()
	known := metricLabels(t)
	for _, rule := range alerts(t) {
		requireKnownMetrics(t, known, rule.Expr)
		assert.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], rule.Alert)
		assert.NotEmpty(t, rule.For, rule.Alert)
		assert.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		assert.NotEmpty(t, rule.Annotations["description"], rule.Alert)
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	tools, err := linters()
	require.NoError(t, err)
	promtool := tools.find(t, "bin/promtool")
	output, err := run(t, nil, promtool, "check", "rules", "--lint-fatal", deploy+"prometheus/alerts.yaml")
	require.NoError(t, err, output)
	output, err = run(t, nil, promtool, "test", "rules", "testdata/alerts.yaml")
	require.NoError(t, err, output)
	output, err = run(t, nil, promtool, "check", "config", "--syntax-only", deploy+"prometheus/scrape.yaml")
	require.NoError(t, err, output)

	scenarios := read(t, "internal/packaging/testdata/alerts.yaml")
	for _, rule := range alerts(t) {
		assert.Contains(t, scenarios, `ALERTS{alertname="`+rule.Alert+`",`, "no scenario in which it fires")
		assert.Contains(t, scenarios, "alertname: "+rule.Alert+"}", "no scenario in which it is silent")
	}
}

func TestDashboardUsesKnownMetrics(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		UID    string
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			FieldConfig struct{ Defaults struct{ NoValue string } }
			Targets     []struct {
				Expr       string
				Datasource struct{ UID string }
			}
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "deploy/grafana/autowebinar.json")), &dashboard))
	known, shown := metricLabels(t), map[string]bool{}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		assert.False(t, ids[p.ID], "two panels %d", p.ID)
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.Empty(t, cells[cell], "%s covers another panel", p.Title)
				require.Less(t, cell[0], 24, p.Title)
				cells[cell] = p.Title
			}
		}
		assert.True(t, p.Type == "row" || len(p.Targets) > 0, p.Title)
		for _, target := range p.Targets {
			assert.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			assert.Contains(t, target.Expr, `job=~"$job"`, p.Title)
			for _, name := range requireKnownMetrics(t, known, target.Expr) {
				shown[name] = true
				if name == "autowebinar_active_sessions" {
					assert.Contains(t, target.Expr, "by (instance)", "a viewer may report to several replicas, so the values must not be added")
				}
				if name == "autowebinar_receiver_up" {
					assert.NotEmpty(t, p.FieldConfig.Defaults.NoValue, "the state of the receiver is unknown before the first event")
				}
			}
		}
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "query" {
			requireKnownMetrics(t, known, variable.Definition)
		}
	}

	// Every metric is shown or used by an alert, except those that describe the
	// collection of metrics.
	for _, rule := range alerts(t) {
		for _, name := range requireKnownMetrics(t, known, rule.Expr) {
			shown[name] = true
		}
	}
	for name := range known {
		family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		seen := shown[name] || shown[family+"_bucket"] || shown[family+"_sum"]
		assert.True(t, seen || strings.HasPrefix(name, "autowebinar_outbox_count_") ||
			slices.Contains([]string{"autowebinar_dispatcher_has_leader", "autowebinar_db_connection_waits_total"}, name), "%s is not used", name)
	}
}

// The documents name only existing alerts, and explain all critical ones.
func TestDocumentedAlertsExist(t *testing.T) {
	t.Parallel()
	var names, critical []string
	for _, rule := range alerts(t) {
		names = append(names, rule.Alert)
		if rule.Labels["severity"] == "critical" {
			critical = append(critical, rule.Alert)
		}
	}
	var documented []string
	for _, name := range markdownFiles(t) {
		documented = append(documented, regexp.MustCompile(`\bAutowebinar[A-Z]\w+`).FindAllString(read(t, name), -1)...)
	}
	assert.Subset(t, names, documented)
	assert.Subset(t, documented, critical)
}
