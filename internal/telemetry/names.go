package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "autowebinar"

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// ownTallies registers the counters that the status page reads too.
func (m *Metrics) ownTallies() {
	t := &m.tally
	for _, c := range []struct {
		name, help string
		from       *atomic.Uint64
	}{
		{"sessions_entered_total", "Sessions begun: first entries of a viewer into a webinar.", &t.entered},
		{"sessions_completed_total", "Sessions completed: 100 % reached for the first time.", &t.completed},
		{"reports_total", "Reports of players that were stored: progress, and exits and clicks with a position.", &t.reports},
		{"reports_clamped_total", "Reports that claimed more than can have been watched; many from many viewers: a player that seeks without saying so, or a wrong duration.", &t.clamped},
		{"reports_stale_total", "Reports behind the stored position that were no seek: late, repeated, or from a second tab.", &t.stale},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: namespace, Name: c.name, Help: c.help},
			func() float64 { return float64(c.from.Load()) }))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: "active_sessions", Help: "Sessions that this replica has heard of in the last 30 seconds."},
		func() float64 { return float64(m.audience.size.Load()) }))
}
