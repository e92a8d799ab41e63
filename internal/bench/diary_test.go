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

// fact is what happens to a viewer once: it is answered, and it arrives as an
// event, in whichever order this process gets to see it.
type fact struct {
	user  uint64
	event string
}

// diary notes what viewers and sink saw.
type diary struct {
	mu                     sync.Mutex
	taken                  map[string][]time.Duration // by route
	failed                 map[string]int
	failure                error
	due, answered, arrived map[fact]time.Time
	repeated               int
}

func newDiary() *diary {
	return &diary{
		taken: map[string][]time.Duration{}, failed: map[string]int{},
		due: map[fact]time.Time{}, answered: map[fact]time.Time{}, arrived: map[fact]time.Time{},
	}
}

// events are the routes that lead to one event each.
var events = map[string]string{"/enter": "client_webinar_entered", "/exit": "client_webinar_left"}

// note writes down an answer to a request that was due at a time.
func (d *diary) note(user uint64, route string, due time.Time, err error) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failed[route]++
		d.failure = err
		return
	}
	d.taken[route] = append(d.taken[route], now.Sub(due))
	if event, known := events[route]; known {
		d.due[fact{user, event}] = due
		d.answered[fact{user, event}] = now
	}
}

// receive is the sink.
func (d *diary) receive(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	user, _ := strconv.ParseUint(r.Header.Get(webhook.HeaderUser), 10, 64)
	_, rest, _ := strings.Cut(string(body), `"type":"`)
	event, _, _ := strings.Cut(rest, `"`)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.arrived[fact{user, event}]; known {
		d.repeated++
	} else {
		d.arrived[fact{user, event}] = now
	}
	w.WriteHeader(http.StatusNoContent)
}

// complete tells whether everything that was acknowledged has arrived.
func (d *diary) complete() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for f := range d.answered {
		if _, arrived := d.arrived[f]; !arrived {
			return false
		}
	}
	return true
}

func (d *diary) print(w io.Writer) {
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
		row("POST "+route, d.taken[route], fmt.Sprint(d.failed[route]))
	}
	var fromAnswer, fromRequest []time.Duration
	for f, at := range d.arrived {
		fromAnswer = append(fromAnswer, max(0, at.Sub(d.answered[f])))
		fromRequest = append(fromRequest, at.Sub(d.due[f]))
	}
	row("event at the sink, from the answer", fromAnswer, "-")
	row("event at the sink, from the request", fromRequest, "-")
	printTable(w, rows)
	fmt.Fprintf(w, "events: %d of %d arrived, %d of them more than once\n", len(d.arrived), len(d.answered), d.repeated)
	if d.failure != nil {
		fmt.Fprintln(w, "the last error:", d.failure)
	}
}

func TestDiaryWaitsForEveryEvent(t *testing.T) {
	t.Parallel()
	d := newDiary()
	require.True(t, d.complete())
	now := time.Now()
	d.note(7, "/enter", now, nil)
	d.note(7, "/progress", now, nil)
	require.False(t, d.complete())
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(`{"type":"client_webinar_entered"}`))
		require.NoError(t, err)
		req.Header.Set(webhook.HeaderUser, "7")
		d.receive(noAnswer{}, req)
	}
	require.True(t, d.complete())
	var out strings.Builder
	d.print(&out)
	require.Contains(t, out.String(), "events: 1 of 1 arrived, 1 of them more than once")
}

// noAnswer is a response writer that nobody reads.
type noAnswer struct{}

func (noAnswer) Header() http.Header         { return http.Header{} }
func (noAnswer) Write(b []byte) (int, error) { return len(b), nil }
func (noAnswer) WriteHeader(int)             {}
