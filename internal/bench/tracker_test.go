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

// eventKey is what happens to a viewer once: it is answered, and it arrives as an
// event, in whichever order this process gets to see it.
type eventKey struct {
	user  uint64
	event string
}

// eventTracker notes what viewers and sink saw.
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

// routeEvents are the routes that lead to one event each.
var routeEvents = map[string]string{"/enter": "client_webinar_entered", "/exit": "client_webinar_left"}

// recordResponse writes down an answer to a request that was due at a time.
func (d *eventTracker) recordResponse(user uint64, route string, due time.Time, err error) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failed[route]++
		d.lastErr = err
		return
	}
	d.latencies[route] = append(d.latencies[route], now.Sub(due))
	if event, known := routeEvents[route]; known {
		d.dueAt[eventKey{user, event}] = due
		d.respondedAt[eventKey{user, event}] = now
	}
}

// handleWebhook is the sink.
func (d *eventTracker) handleWebhook(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	user, _ := strconv.ParseUint(r.Header.Get(webhook.HeaderUser), 10, 64)
	_, rest, _ := strings.Cut(string(body), `"type":"`)
	event, _, _ := strings.Cut(rest, `"`)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.arrivedAt[eventKey{user, event}]; known {
		d.duplicates++
	} else {
		d.arrivedAt[eventKey{user, event}] = now
	}
	w.WriteHeader(http.StatusNoContent)
}

// complete tells whether everything that was acknowledged has arrived.
func (d *eventTracker) complete() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for f := range d.respondedAt {
		if _, arrived := d.arrivedAt[f]; !arrived {
			return false
		}
	}
	return true
}

func (d *eventTracker) print(w io.Writer) {
	rows := [][]string{{"", "requests", "errors", "p50 ms", "p99 ms", "longest ms"}}
	row := func(name string, all []time.Duration, failed string) {
		rows = append(rows, []string{
			name, fmt.Sprint(len(all)), failed,
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 50))),
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 99))),
			fmt.Sprintf("%.1f", milliseconds(percentile(all, 100))),
		})
	}
	for _, route := range []string{"/enter", "/progress", "/exit"} {
		row("POST "+route, d.latencies[route], fmt.Sprint(d.failed[route]))
	}
	var fromAnswer, fromRequest []time.Duration
	for f, at := range d.arrivedAt {
		fromAnswer = append(fromAnswer, max(0, at.Sub(d.respondedAt[f])))
		fromRequest = append(fromRequest, at.Sub(d.dueAt[f]))
	}
	row("event at the sink, from the answer", fromAnswer, "-")
	row("event at the sink, from the request", fromRequest, "-")
	printTable(w, rows)
	fmt.Fprintf(w, "events: %d of %d arrived, %d of them more than once\n", len(d.arrivedAt), len(d.respondedAt), d.duplicates)
	if d.lastErr != nil {
		fmt.Fprintln(w, "the last error:", d.lastErr)
	}
}

func TestEventTracker(t *testing.T) {
	t.Parallel()
	d := newEventTracker()
	require.True(t, d.complete())
	now := time.Now()
	d.recordResponse(7, "/enter", now, nil)
	d.recordResponse(7, "/progress", now, nil)
	require.False(t, d.complete())
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(`{"type":"client_webinar_entered"}`))
		require.NoError(t, err)
		req.Header.Set(webhook.HeaderUser, "7")
		d.handleWebhook(discardResponse{}, req)
	}
	require.True(t, d.complete())
	var out strings.Builder
	d.print(&out)
	require.Contains(t, out.String(), "events: 1 of 1 arrived, 1 of them more than once")
}

// discardResponse is a response writer that nobody reads.
type discardResponse struct{}

func (discardResponse) Header() http.Header         { return http.Header{} }
func (discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (discardResponse) WriteHeader(int)             {}
