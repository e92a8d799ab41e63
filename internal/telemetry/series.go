package telemetry

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// initSeries creates the series whose labels are known, because increase() does
// not see the first increment of a series that it creates.
func (m *Metrics) initSeries() {
	for _, c := range []struct {
		counter *prometheus.CounterVec
		values  []string
	}{
		{m.rejections, []string{"full", "timeout"}},
		{m.retries, []string{"deadlock", "lock_wait", "connection"}},
		{m.logins, []string{"cookie", "jwt", "service_key"}},
		{m.loginFailures, []string{"forged_cookie", "forged_token", "malformed_cookie", "expired_cookie", "ended_session",
			"expired_token", "invalid_subject", "wrong_nonce", "rate_limited", "unavailable", "anonymous"}},
	} {
		for _, value := range c.values {
			c.counter.WithLabelValues(value)
		}
	}
	for _, event := range []webinar.EventType{
		webinar.EventRegistered, webinar.EventEntered, webinar.EventLeft, webinar.EventCompleted,
		webinar.EventAttendanceClassified, webinar.EventFormSubmitted,
	} {
		m.events.WithLabelValues(string(event))
		for _, outcome := range []webhook.Outcome{
			webhook.Accepted, webhook.Rejected, webhook.Unavailable, webhook.NoPayload, webhook.Canceled,
		} {
			m.attempts.WithLabelValues(string(event), string(outcome))
		}
	}
	for _, percent := range milestones {
		m.milestones.WithLabelValues(strconv.Itoa(percent))
	}
	m.initRoute(noRoute)
}

// initRoute creates the series of a route's server errors.
func (m *Metrics) initRoute(route string) {
	for _, status := range []string{"500", "503"} {
		m.requests.WithLabelValues(route, status)
	}
}

// total sums the series of a counter.
func total(counter prometheus.Collector) int { return totalWhere(counter, "") }

// totalWhere sums those series of a counter whose label has one of the values.
// No values select all series.
func totalWhere(counter prometheus.Collector, label string, values ...string) int {
	series := make(chan prometheus.Metric)
	go func() {
		defer close(series)
		counter.Collect(series)
	}()
	var sum float64
	for s := range series {
		var metric dto.Metric
		if err := s.Write(&metric); err != nil {
			continue // counters of this package have no invalid label values
		}
		matches := func(l *dto.LabelPair) bool { return l.GetName() == label && slices.Contains(values, l.GetValue()) }
		if len(values) == 0 || slices.ContainsFunc(metric.GetLabel(), matches) {
			sum += metric.GetCounter().GetValue()
		}
	}
	return int(sum)
}
