package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NoRoute is the route label of requests that no route was found for.
const NoRoute = "none"

// Metrics counts what the service does. Its methods are safe for concurrent use
// and cost well under a microsecond: they stand in the way of every request. The values of
// all labels come from the program: nothing that a client sends makes a series.
type Metrics struct {
	registry *prometheus.Registry
	routes   routes

	requests       *prometheus.CounterVec
	latency        *prometheus.HistogramVec
	refusals       *prometheus.CounterVec
	logins         *prometheus.CounterVec
	loginRefusals  *prometheus.CounterVec
	commitChanges  prometheus.Histogram
	commitTime     prometheus.Histogram
	repeats        *prometheus.CounterVec
	turnedAway     *prometheus.CounterVec
	attempts       *prometheus.CounterVec
	attemptTime    prometheus.Histogram
	deliveryLag    prometheus.Histogram
	eventsByType   *prometheus.CounterVec
	marksReached   [len(marks)]prometheus.Counter
	tally          tallies
	audience       *activeSessions
	mishaps        mishaps
	slowest        atomic.Int64 // of the deliveries accepted since the last sample, ns + 1; 0: none
	attemptsFailed atomic.Uint64
}

// tallies are what the status page shows of the counters: Prometheus' own can
// only be written.
type tallies struct {
	requests, failures, turnedAway                      atomic.Uint64
	reports, clamped, stale, entered, completed, events atomic.Uint64
	marks                                               [len(marks)]atomic.Uint64
}

// marks are those of a webinar, in percent.
var marks = [...]int{25, 50, 75, 100}

// NewMetrics makes metrics at zero. version is the service's own.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), audience: newAudience()}
	m.requests = m.counters("http_requests_total", "Requests answered, by route (below the base path; none: no such route) and HTTP status.", "route", "status")
	m.latency = m.histograms("http_request_duration_seconds", "Time from a request's first byte to its answer, by route.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}, "route")
	m.refusals = m.counters("http_errors_total", "Requests refused, by the code in the answer; 5xx codes are the service's fault, the others the client's.", "code")
	m.logins = m.counters("logins_total", "Requests whose caller was proven, by kind: cookie (WordPress login), jwt, service_key.", "kind")
	m.loginRefusals = m.counters("login_failures_total", "Requests whose caller was not proven, by reason; forged_cookie and forged_token in numbers are somebody guessing.", "reason")
	m.commitChanges = m.histogram("commit_changes", "Changes of viewers in one group commit; the busier, the larger.", prometheus.ExponentialBuckets(1, 2, 9))
	m.commitTime = m.histogram("commit_duration_seconds", "Time of one group commit: locking read, write and durable commit.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5})
	m.repeats = m.counters("db_retries_total", "Transactions made again, by reason: deadlock, lock_wait, connection. A few are normal.", "reason")
	m.turnedAway = m.counters("changes_rejected_total", "Changes refused because the database could not keep up: full (the queue had no room), timeout (8 s in the queue). Their clients repeat them.", "reason")
	m.attempts = m.counters("delivery_attempts_total", "Attempts to give an event to the sink, by event type and outcome: accepted, rejected (the sink does not want it), unavailable, no_lead (no lead id), canceled (by a stop; not counted as an attempt).", "type", "outcome")
	m.attemptTime = m.histogram("delivery_attempt_duration_seconds", "Time until the sink answered an attempt, or until it was given up.",
		[]float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 8, 15})
	m.deliveryLag = m.histogram("delivery_lag_seconds", "Age of events when the sink accepted them. Events carry whole seconds: up to a second of it is rounding.",
		[]float64{1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800})
	m.eventsByType = m.counters("events_total", "Events that happened, by type: stored for delivery, or for forms accepted by the sink.", "type")
	reached := m.counters("milestones_reached_total", "Sessions that reached a mark for the first time, in percent of the webinar.", "percent")
	for i, mark := range marks {
		m.marksReached[i] = reached.WithLabelValues(strconv.Itoa(mark))
	}
	m.ownTallies()
	m.beginAtZero()

	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which build runs.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics to a Prometheus server.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, DisableCompression: true})
}

// Answered counts a request: its route as in the route table, empty if there is
// none, its status, and the code of its refusal, empty for a success.
func (m *Metrics) RequestDone(route string, status int, code string, took time.Duration) {
	if route == "" {
		route = NoRoute
	}
	if m.routes.isNew(route) {
		m.requestsBeginAtZero(route)
	}
	m.requests.WithLabelValues(route, statusText(status)).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
	m.tally.requests.Add(1)
	if status == http.StatusInternalServerError {
		m.tally.failures.Add(1)
	}
	if code != "" {
		m.refusals.WithLabelValues(code).Inc()
	}
}

// statusText makes no garbage for the statuses that there are.
func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusCreated:
		return "201"
	}
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

// LoggedIn counts a request whose caller was proven, by the kind of proof.
func (m *Metrics) LoggedIn(kind string) { m.logins.WithLabelValues(kind).Inc() }

// LoginRefused counts a request whose caller was not proven.
func (m *Metrics) LoginRefused(reason string) { m.loginRefusals.WithLabelValues(reason).Inc() }

// Committed counts a group commit.
func (m *Metrics) Committed(changes int, took time.Duration) {
	m.commitChanges.Observe(float64(changes))
	m.commitTime.Observe(took.Seconds())
}

// Repeated counts a transaction that is made again.
func (m *Metrics) Retried(why string) { m.repeats.WithLabelValues(why).Inc() }

// TurnedAway counts a change that found no room or waited too long.
func (m *Metrics) Rejected(why string) {
	m.turnedAway.WithLabelValues(why).Inc()
	m.tally.turnedAway.Add(1)
}

// Step is what one durable change of a viewer led to.
type SessionChange struct {
	Session   string // empty: none was named
	Entered   bool
	Reported  bool
	Clamped   bool
	Stale     bool
	From, To  int // the mark, in percent
	Completed bool
	Events    []string // their types
}

// Stepped counts what a viewer did.
func (m *Metrics) SessionChanged(s SessionChange) {
	if s.Session != "" {
		m.audience.seen(s.Session, time.Now())
	}
	t := &m.tally
	for _, c := range []struct {
		happened bool
		count    *atomic.Uint64
	}{{s.Entered, &t.entered}, {s.Reported, &t.reports}, {s.Clamped, &t.clamped}, {s.Stale, &t.stale}, {s.Completed, &t.completed}} {
		if c.happened {
			c.count.Add(1)
		}
	}
	for i, mark := range marks {
		if s.From < mark && mark <= s.To {
			m.marksReached[i].Inc()
			t.marks[i].Add(1)
		}
	}
	for _, eventType := range s.Events {
		m.eventsByType.WithLabelValues(eventType).Inc()
	}
	t.events.Add(uint64(len(s.Events)))
}
