package telemetry

import (
	"context"
	"sync"
	"time"
)

// The last five minutes, second by second.
const (
	sampleEvery = time.Second
	historySize = 300
)

// Sample is one second of the service's life.
type Sample struct {
	Viewers  int     `json:"viewers"`  // heard of in the last 30 s
	Requests int     `json:"requests"` // answered in this second, and so on
	Reports  int     `json:"reports"`
	Events   int     `json:"events"`
	Failures int     `json:"failures"` // requests answered with 500
	Refused  int     `json:"refused"`  // changes turned away for want of room or time
	Lag      float64 `json:"lag"`      // seconds, of the oldest event accepted; -1: none was
	Failed   int     `json:"failed"`   // attempts to send
}

// history keeps the last samples.
type history struct {
	metrics *Metrics

	mu   sync.Mutex
	ring [historySize]Sample
	n    int // samples taken since the start
	was  totals
}

type totals struct{ requests, reports, events, failures, turnedAway, failed uint64 }

// run takes samples until ctx ends.
func (h *history) run(ctx context.Context) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			h.sample(now)
		}
	}
}

func (h *history) sample(now time.Time) {
	c := &h.metrics.tally
	is := totals{
		requests: c.requests.Load(), reports: c.reports.Load(), events: c.events.Load(),
		failures: c.failures.Load(), turnedAway: c.turnedAway.Load(), failed: h.metrics.attemptsFailed.Load(),
	}
	s := Sample{Viewers: h.metrics.audience.count(now), Lag: -1}
	if slowest := h.metrics.slowest.Swap(0); slowest > 0 {
		s.Lag = time.Duration(slowest - 1).Seconds()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Requests, s.Reports = int(is.requests-h.was.requests), int(is.reports-h.was.reports)
	s.Events, s.Failures = int(is.events-h.was.events), int(is.failures-h.was.failures)
	s.Refused, s.Failed = int(is.turnedAway-h.was.turnedAway), int(is.failed-h.was.failed)
	h.was = is
	h.ring[h.n%historySize] = s
	h.n++
}

// samples are the last ones, the oldest first; fewer after a start.
func (h *history) samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := min(h.n, historySize)
	list := make([]Sample, 0, kept)
	for i := h.n - kept; i < h.n; i++ {
		list = append(list, h.ring[i%historySize])
	}
	return list
}
