package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/outbox"
	"autowebinar/internal/storetest"
	"autowebinar/internal/webinar"
)

// setupRows returns a fixture with messages of every status: of viewer 1 one dead,
// two deferred and one due; of viewer 2 a deferred one of an unsupported version
// and a corrupt dead one.
func setupRows(t *testing.T) fixture {
	t.Helper()
	f := setup(t)
	for user := uint64(1); user <= 3; user++ {
		f.DB.SetMeta(t, user, "nickname", "x")
	}
	for i, key := range []string{"autowebinar_outbox_dead", "autowebinar_outbox_wait", "autowebinar_outbox_wait", "autowebinar_outbox"} {
		f.DB.SetMeta(t, 1, key, stored(i, 5))
	}
	f.DB.SetMeta(t, 2, "autowebinar_outbox_wait", "9|who|knows")
	f.DB.SetMeta(t, 2, "autowebinar_outbox_dead", "rubbish")
	f.DB.SetMeta(t, 2, "AutoWebinar_Outbox", stored(0, 0)) // equal under the collation only
	return f
}

var eventTypes = []string{"entered", "left", "completed", "registered"}

// eventID is the id of the i-th event.
func eventID(i int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-5000-8000-%012d", i)) }

// stored is the value of an event at i o'clock.
func stored(i, attempts int) string {
	at := time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC).Unix()
	return fmt.Sprintf("1|client_webinar_%s|%s|%d|a|auto|s1|%s||%d|%d|%d", eventTypes[i], eventID(i), at,
		[]string{"", "user_exit", "", "page"}[i], attempts, at*int64(min(attempts, 1)), 4102444800*int64(min(attempts, 1)))
}

func (f fixture) rows(t *testing.T, s outbox.Filter) []outbox.Row {
	t.Helper()
	var all []outbox.Row
	for page, err := range f.Outbox.Rows(t.Context(), s) {
		require.NoError(t, err)
		all = append(all, page...)
	}
	return all
}

// summaries describes each row: user, status, and event type or format.
func summaries(entries []outbox.Row) []string {
	var lines []string
	for _, e := range entries {
		what := strings.TrimPrefix(string(e.Message.Event.Type), "client_webinar_")
		if e.Format != outbox.FormatOK {
			what = string(e.Format)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", e.User, e.Status, what))
	}
	return lines
}

func TestRowsMatchTheFilter(t *testing.T) {
	t.Parallel()
	f := setupRows(t)
	all := []string{"1 dead entered", "1 deferred left", "1 deferred completed", "1 due registered", "2 deferred unsupported version", "2 dead corrupt"}
	rowIDs := func(n int) []uint64 { return []uint64{f.rows(t, outbox.Filter{})[n].RowID} }
	tests := map[string]struct {
		selection outbox.Filter
		want      []string
	}{
		"all":              {outbox.Filter{}, all},
		"one user":         {outbox.Filter{User: 2}, all[4:]},
		"user without any": {outbox.Filter{User: 3}, nil},
		"dead":             {outbox.Filter{Statuses: []outbox.Status{outbox.StatusDead}}, []string{all[0], all[5]}},
		"deferred and due": {outbox.Filter{Statuses: []outbox.Status{outbox.StatusDeferred, outbox.StatusDue}},
			[]string{all[1], all[2], all[3], all[4]}},
		"one type":      {outbox.Filter{Type: webinar.EventLeft}, all[1:2]},
		"one event":     {outbox.Filter{EventID: eventID(2)}, all[2:3]},
		"older":         {outbox.Filter{OlderThan: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)}, all[:2]},
		"a row":         {outbox.Filter{RowIDs: rowIDs(1)}, all[1:2]},
		"a foreign row": {outbox.Filter{RowIDs: []uint64{1}}, nil},
		"several conditions": {outbox.Filter{User: 1, Statuses: []outbox.Status{outbox.StatusDead}, Type: webinar.EventLeft},
			nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, summaries(f.rows(t, test.selection)))
		})
	}
}

func TestRowsArePaged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 1001 {
		f.DB.SetMeta(t, uint64(i%3+1), "autowebinar_outbox", stored(i%4, 0))
	}
	pages, rows, last := 0, 0, uint64(0)
	for page, err := range f.Outbox.Rows(t.Context(), outbox.Filter{}) {
		require.NoError(t, err)
		pages++
		for _, e := range page {
			assert.Greater(t, e.RowID, last)
			last = e.RowID
			rows++
		}
	}
	assert.Equal(t, 1001, rows)
	assert.Equal(t, 6, pages)
}

// Retry makes all deferred messages of the viewer due, in order, and keeps the ids
// of the rows.
func TestRetryMakesMessagesDueWithoutAttempts(t *testing.T) {
	t.Parallel()
	f := setupRows(t)
	before := f.rows(t, outbox.Filter{})
	n, err := f.Outbox.Retry(t.Context(), f.rows(t, outbox.Filter{Type: webinar.EventCompleted}))
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	after := f.rows(t, outbox.Filter{})
	assert.Equal(t, []string{"1 dead entered", "1 due left", "1 due completed", "1 due registered", "2 deferred unsupported version", "2 dead corrupt"}, summaries(after))
	for i, e := range after[1:3] {
		assert.Equal(t, before[i+1].RowID, e.RowID)
		assert.Zero(t, e.Message.Attempts)
		assert.Zero(t, e.Message.FirstAttempt)
		assert.Zero(t, e.Message.NextAttempt)
		assert.Equal(t, before[i+1].Message.Event, e.Message.Event)
	}
	assert.Equal(t, 5, after[0].Message.Attempts, "the dead message was not given")

	n, err = f.Outbox.Retry(t.Context(), after)
	require.NoError(t, err)
	assert.Equal(t, 1, n, "the dead message; none that cannot be decoded")
	assert.Equal(t, []string{"1 due entered", "1 due left", "1 due completed", "1 due registered", "2 deferred unsupported version", "2 dead corrupt"},
		summaries(f.rows(t, outbox.Filter{})))
}

func TestDropSkipsUnsupportedVersions(t *testing.T) {
	t.Parallel()
	f := setupRows(t)
	n, err := f.Outbox.Drop(t.Context(), f.rows(t, outbox.Filter{}))
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	assert.Equal(t, []string{"2 deferred unsupported version"}, summaries(f.rows(t, outbox.Filter{})))
	assert.Equal(t, []string{"x"}, f.DB.Meta(t, 1)["nickname"])
	assert.Contains(t, f.DB.Meta(t, 2), "AutoWebinar_Outbox")
}

func TestRetryAndDropSkipChangedRows(t *testing.T) {
	t.Parallel()
	f := setupRows(t)
	read := f.rows(t, outbox.Filter{})
	f.Exec(t, "DELETE FROM wp_usermeta WHERE meta_key = 'autowebinar_outbox_dead'")
	f.Exec(t, "UPDATE wp_usermeta SET meta_value = CONCAT(meta_value, '0') WHERE meta_key = 'autowebinar_outbox_wait'")
	before := f.DB.Checksum(t)
	n, err := f.Outbox.Drop(t.Context(), read[:3])
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, before, f.DB.Checksum(t))
}

// A change that begins before a retry and ends after it must not leave a deferred
// event that polls do not return.
func TestEventAddedDuringRetryIsSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Exec(t, "UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_wait' WHERE meta_key = 'autowebinar_outbox'")
	read := f.rows(t, outbox.Filter{})

	entered, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		once := false
		_, err := f.Store.Change(t.Context(), 1, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			if !once {
				once = true
				close(entered)
				<-release
			}
			return storetest.Exit("a")(v, now)
		})
		done <- err
	}()
	<-entered // the rows are locked
	retried := make(chan int, 1)
	go func() {
		n, err := f.Outbox.Retry(t.Context(), read)
		assert.NoError(t, err)
		retried <- n
	}()
	close(release)
	require.NoError(t, <-done)
	assert.NotZero(t, <-retried)
	pending, err := f.Outbox.DueViewers(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, pending, 1, "the dispatcher sees the viewer")
	assert.Len(t, f.ViewerQueue(t, 1).Messages, 2, "and reads both messages, due and deferred")
}
