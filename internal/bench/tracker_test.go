package bench

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
)

// eventKey identifies an event: each type occurs once per viewer.
type eventKey struct {
	user  uint64
	event string
}

// eventTracker records the responses that viewers get and the events that arrive
// at the receiver, in any order.
type eventTracker struct {
	mu                            sync.Mutex
	latencies                     map[string][]time.Duration // by route
	failed                        map[string]int
	lastErr                       error
	dueAt, respondedAt, arrivedAt map[eventKey]time.Time
	duplicates                    int
}

func newEventTracker() *eventTracker {
	return &eventTracker{
		latencies: map[string][]time.Duration{}, failed: map[string]int{},
		dueAt: map[eventKey]time.Time{}, respondedAt: map[eventKey]time.Time{}, arrivedAt: map[eventKey]time.Time{},
	}
}

// routeEvents maps each route that writes an event to its type.
var routeEvents = map[string]string{"/enter": "client_webinar_entered", "/exit": "client_webinar_left"}

// recordResponse records the end of a request that was due at a given time.
func (e *eventTracker) recordResponse(user uint64, route string, due time.Time, err error) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.failed[route]++
		e.lastErr = err
		return
	}
	e.latencies[route] = append(e.latencies[route], now.Sub(due))
	if event, known := routeEvents[route]; known {
		e.dueAt[eventKey{user, event}] = due
		e.respondedAt[eventKey{user, event}] = now
	}
}

// handleWebhook is the handler of the receiver.
func (e *eventTracker) handleWebhook(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	user, _ := strconv.ParseUint(r.Header.Get(webhook.HeaderUser), 10, 64)
	_, rest, _ := strings.Cut(string(body), `"type":"`)
	event, _, _ := strings.Cut(rest, `"`)
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.arrivedAt[eventKey{user, event}]; known {
		e.duplicates++
	} else {
		e.arrivedAt[eventKey{user, event}] = now
	}
	w.WriteHeader(http.StatusNoContent)
}

// complete reports whether the events of all acknowledged requests have arrived.
func (e *eventTracker) complete() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key := range e.respondedAt {
		if _, arrived := e.arrivedAt[key]; !arrived {
			return false
		}
	}
	return true
}

func (e *eventTracker) print(w io.Writer) {
	rows := [][]string{{"", "requests", "errors", "p50 ms", "p99 ms", "max ms"}}
	row := func(name string, all []time.Duration, failed string) {
		rows = append(rows, []string{
			name, fmt.Sprint(len(all)), failed,
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 50))),
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 99))),
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 100))),
		})
	}
	for _, route := range []string{"/enter", "/progress", "/exit"} {
		row("POST "+route, e.latencies[route], fmt.Sprint(e.failed[route]))
	}
	var fromResponse, fromRequest []time.Duration
	for key, at := range e.arrivedAt {
		fromResponse = append(fromResponse, max(0, at.Sub(e.respondedAt[key])))
		fromRequest = append(fromRequest, at.Sub(e.dueAt[key]))
	}
	row("response to delivery", fromResponse, "-")
	row("request to delivery", fromRequest, "-")
	printTable(w, rows)
	fmt.Fprintf(w, "events: %d of %d arrived, %d duplicates\n", len(e.arrivedAt), len(e.respondedAt), e.duplicates)
	if e.lastErr != nil {
		fmt.Fprintln(w, "last error:", e.lastErr)
	}
}

func TestEventTracker(t *testing.T) {
	t.Parallel()
	e := newEventTracker()
	require.True(t, e.complete())
	now := time.Now()
	e.recordResponse(7, "/enter", now, nil)
	e.recordResponse(7, "/progress", now, nil)
	require.False(t, e.complete())
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(`{"type":"client_webinar_entered"}`))
		require.NoError(t, err)
		req.Header.Set(webhook.HeaderUser, "7")
		e.handleWebhook(discardResponse{}, req)
	}
	require.True(t, e.complete())
	var out strings.Builder
	e.print(&out)
	require.Contains(t, out.String(), "events: 1 of 1 arrived, 1 duplicates")
}

// discardResponse is a response writer that discards everything.
type discardResponse struct{}

func (discardResponse) Header() http.Header         { return http.Header{} }
func (discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (discardResponse) WriteHeader(int)             {}
