package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"autowebinar/internal/clock"
	"autowebinar/internal/httpapi"
)

const namespace = "autowebinar"

// noRoute is the route label of requests that match no route.
const noRoute = "none"

// milestones are the percentages of a webinar whose crossing is counted.
var milestones = [...]int{25, 50, 75, 100}

// Metrics counts what the service does. It implements the observers of httpapi,
// usermeta and webhook. Its methods are safe for concurrent use and take well under
// a microsecond, because they are on the path of every request. Label values come
// from the program, so a client cannot create series.
type Metrics struct {
	registry *prometheus.Registry
	factory  promauto.Factory
	routes   sync.Map // keys: the routes that have been requested

	requests      *prometheus.CounterVec
	latency       *prometheus.HistogramVec
	httpErrors    *prometheus.CounterVec
	logins        *prometheus.CounterVec
	loginFailures *prometheus.CounterVec

	commitChanges prometheus.Histogram
	commitTime    prometheus.Histogram
	retries       *prometheus.CounterVec
	rejections    *prometheus.CounterVec

	entered     prometheus.Counter
	completed   prometheus.Counter
	reports     prometheus.Counter
	clamped     prometheus.Counter
	stale       prometheus.Counter
	milestones  *prometheus.CounterVec
	events      *prometheus.CounterVec
	attempts    *prometheus.CounterVec
	attemptTime prometheus.Histogram
	deliveryLag prometheus.Histogram

	sessions     *activeSessions
	recentErrors recentErrors
	maxLag       maxLag
}

// NewMetrics returns metrics at zero. The version is that of the service.
func NewMetrics(version string) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{registry: registry, factory: promauto.With(registry), sessions: newActiveSessions(), maxLag: maxLag{lag: -1}}
	m.requests = m.counterVec("http_requests_total", "HTTP requests, by route below the base path (none: no such route) and status.", "route", "status")
	m.latency = m.histogramVec("http_request_duration_seconds", "Duration of HTTP requests, by route.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}, "route")
	m.httpErrors = m.counterVec("http_errors_total", "HTTP error responses, by the code in the body.", "code")
	m.logins = m.counterVec("logins_total", "Authenticated requests, by kind: cookie (WordPress login), jwt, service_key.", "kind")
	m.loginFailures = m.counterVec("login_failures_total", "Requests that were not authenticated, by reason. Many forged_cookie or forged_token are guessing attempts or differing salts.", "reason")

	m.commitChanges = m.histogram("commit_changes", "Viewer changes in one group commit. The batch grows with the load.", prometheus.ExponentialBuckets(1, 2, 9))
	m.commitTime = m.histogram("commit_duration_seconds", "Duration of one group commit: locking read, write and durable commit.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5})
	m.retries = m.counterVec("db_retries_total", "Retried transactions, by reason: deadlock, lock_wait, connection. A few are normal.", "reason")
	m.rejections = m.counterVec("changes_rejected_total", "Changes rejected because the database did not keep up: full (no room in the commit queue), timeout (8 s in the queue). Clients retry them.", "reason")

	m.entered = m.counter("sessions_entered_total", "New sessions: first entries of a viewer into a webinar.")
	m.completed = m.counter("sessions_completed_total", "Sessions that reached 100 % for the first time.")
	m.reports = m.counter("reports_total", "Stored player reports: progress, and exits and clicks that include a position.")
	m.clamped = m.counter("reports_clamped_total", "Reports that claimed more progress than possible. If many viewers send them, the player seeks without reporting it, or the duration is wrong.")
	m.stale = m.counter("reports_stale_total", "Reports behind the stored position without a seek: late, repeated, or from a second tab.")
	m.milestones = m.counterVec("milestones_reached_total", "Sessions that reached a milestone for the first time, by percentage of the webinar.", "percent")
	m.events = m.counterVec("events_total", "Events, by type: stored for delivery or, for forms, accepted by the receiver.", "type")
	m.attempts = m.counterVec("delivery_attempts_total", "Delivery attempts, by event type and outcome: accepted, rejected (the receiver refuses the event), unavailable, no_lead (nothing sent for lack of a lead id), canceled (by a shutdown; no retry is used up).", "type", "outcome")
	m.attemptTime = m.histogram("delivery_attempt_duration_seconds", "Duration of delivery attempts, until the response or the failure.",
		[]float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 8, 15})
	m.deliveryLag = m.histogram("delivery_lag_seconds", "Age of events when the receiver accepted them. Event times are whole seconds, so the lag is up to a second too long.",
		[]float64{1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800})
	m.initSeries()

	m.factory.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels name the running build.",
	}, []string{"version", "goversion"}).WithLabelValues(version, runtime.Version()).Set(1)
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "active_sessions", Help: "Sessions that sent a request to this replica in the last 30 seconds.",
	}, func() float64 { return float64(m.sessions.count(clock.Now())) })
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	return m.factory.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func (m *Metrics) counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return m.factory.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	return m.factory.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func (m *Metrics) histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return m.factory.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler serves the metrics to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, DisableCompression: true})
}

// RequestDone counts a request: its pattern in the route table (empty if none
// matched), its status, and the code of its error response (empty on success).
func (m *Metrics) RequestDone(route string, status int, code string, took time.Duration) {
	if route == "" {
		route = noRoute
	}
	if _, known := m.routes.LoadOrStore(route, nil); !known {
		m.initRoute(route)
	}
	label := "other"
	if status >= 100 && status <= 599 {
		label = strconv.Itoa(status)
	}
	m.requests.WithLabelValues(route, label).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
	if code != "" {
		m.httpErrors.WithLabelValues(code).Inc()
	}
}

// LoggedIn counts an authenticated request.
func (m *Metrics) LoggedIn(kind string) { m.logins.WithLabelValues(kind).Inc() }

// LoginRefused counts a request that was not authenticated.
func (m *Metrics) LoginRefused(reason string) { m.loginFailures.WithLabelValues(reason).Inc() }

// Committed counts a group commit.
func (m *Metrics) Committed(changes int, took time.Duration) {
	m.commitChanges.Observe(float64(changes))
	m.commitTime.Observe(took.Seconds())
}

// Retried counts a transaction that is retried.
func (m *Metrics) Retried(reason string) { m.retries.WithLabelValues(reason).Inc() }

// Rejected counts a change that the commit queue rejected.
func (m *Metrics) Rejected(reason string) { m.rejections.WithLabelValues(reason).Inc() }

// SessionChanged counts a durable change of a session.
func (m *Metrics) SessionChanged(s httpapi.SessionChange) {
	if s.Session != "" {
		m.sessions.seen(string(s.Session), clock.Now())
	}
	for _, c := range []struct {
		happened bool
		counter  prometheus.Counter
	}{{s.Entered, m.entered}, {s.Reported, m.reports}, {s.Clamped, m.clamped}, {s.Stale, m.stale}, {s.Completed, m.completed}} {
		if c.happened {
			c.counter.Inc()
		}
	}
	for _, percent := range milestones {
		if s.From < percent && percent <= s.To {
			m.milestones.WithLabelValues(strconv.Itoa(percent)).Inc()
		}
	}
	for _, event := range s.Events {
		m.events.WithLabelValues(string(event.Type)).Inc()
	}
}
