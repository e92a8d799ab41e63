package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// queued is a table whose outbox has events in every place.
func queued(t *testing.T) table {
	t.Helper()
	x := newTable(t, 3)
	x.enter(t, 1, "intro")
	x.leave(t, 1, "intro")
	x.enter(t, 2, "intro")
	x.leave(t, 2, "intro")
	x.enter(t, 3, "pro")
	x.exec(t, `UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead', meta_value = REPLACE(meta_value, '|0|0|0', '|9|1767225600|0')
		WHERE user_id = 1 AND meta_key = 'autowebinar_outbox' AND meta_value LIKE '%entered%'`)
	x.exec(t, `UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_wait', meta_value = REPLACE(meta_value, '|0|0|0', '|2|1767225600|4102444800')
		WHERE user_id = 2 AND meta_key = 'autowebinar_outbox'`)
	x.SetMeta(t, 3, "autowebinar_outbox_wait", "2|of the future|\x1b[2J")
	x.SetMeta(t, 3, "autowebinar_outbox_dead", "rubbish")
	return x
}

func TestOutboxListsShowsAndChoosesEvents(t *testing.T) {
	t.Parallel()
	x := queued(t)
	code, out, errs := ask(t, x.env, "outbox", "list")
	require.Equal(t, 0, code, errs)
	golden(t, "outbox-list.golden", out)

	_, out, _ = ask(t, x.env, "outbox", "list", "--json")
	golden(t, "outbox-list-json.golden", out)

	_, out, _ = ask(t, x.env, "outbox", "show", firstWord(t, x, "--dead"))
	golden(t, "outbox-show.golden", out)

	for _, test := range []struct {
		flags []string
		rows  int
	}{
		{[]string{"--dead"}, 2}, {[]string{"--waiting"}, 3}, {[]string{"--due"}, 2}, {[]string{"--due", "--dead"}, 4},
		{[]string{"--user", "2"}, 2}, {[]string{"--event", "left"}, 2}, {[]string{"--event", "client_webinar_entered", "--user", "1"}, 1},
		{[]string{"--older-than", "1h"}, 0}, {[]string{"--event", "6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11"}, 0},
	} {
		code, out, errs := ask(t, x.env, append([]string{"outbox", "list", "--json"}, test.flags...)...)
		assert.Equal(t, 0, code, errs)
		assert.Equal(t, test.rows, strings.Count(out, "\n"), test.flags)
	}
}

// firstWord is the row of the first event of a list.
func firstWord(t *testing.T, x table, flags ...string) string {
	t.Helper()
	_, out, errs := ask(t, x.env, append([]string{"outbox", "list"}, flags...)...)
	rows := strings.Split(out, "\n")
	require.Greater(t, len(rows), 1, errs)
	return strings.Fields(rows[1])[0]
}

func TestOutboxShowFindsAnEventByItsWebhookID(t *testing.T) {
	t.Parallel()
	x := queued(t)
	_, out, _ := ask(t, x.env, "outbox", "list", "--json", "--user", "2", "--event", "left")
	var listed entryView
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	code, out, errs := ask(t, x.env, "outbox", "show", listed.WebhookID, "--json")
	require.Equal(t, 0, code, errs)
	var shown entryView
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	assert.Equal(t, listed.Row, shown.Row)
	assert.True(t, *shown.UserExists)
	assert.Contains(t, string(shown.Body), `"lead_id":"2"`)
	assert.NotEmpty(t, shown.Value)

	code, _, errs = ask(t, x.env, "outbox", "show", "6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "no event 6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11 is in the outbox")
}

func TestOutboxDropShowsFirstAndDropsWithYes(t *testing.T) {
	t.Parallel()
	x := queued(t)
	before := x.Checksum(t)
	code, out, errs := ask(t, x.env, "outbox", "drop", "--dead")
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "2 events: 0 due, 0 waiting, 2 dead")
	assert.Contains(t, out, "nothing was dropped: repeat with --yes")
	assert.Equal(t, before, x.Checksum(t))

	code, out, errs = ask(t, x.env, "outbox", "drop", "--dead", "--yes")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "2 events dropped\n", out)
	assert.Zero(t, x.count(t, "meta_key = 'autowebinar_outbox_dead'"))

	code, out, _ = ask(t, x.env, "outbox", "drop", "--all", "--yes", "--json")
	assert.Equal(t, 0, code)
	assert.JSONEq(t, `{"selected":5,"changed":4,"kept":1,"dry_run":false}`, out)
	assert.Equal(t, 1, x.count(t, "meta_key LIKE 'autowebinar%outbox%'"), "another version's stays")
	assert.Positive(t, x.count(t, "meta_key = 'autowebinar_session_id'"))
}

func TestOutboxRetryCountsWhatItChanges(t *testing.T) {
	t.Parallel()
	x := queued(t)
	before := x.Checksum(t)
	_, out, _ := ask(t, x.env, "outbox", "retry", "--all", "--dry-run")
	assert.Contains(t, out, "5 events: 0 due, 3 waiting, 2 dead")
	assert.Equal(t, before, x.Checksum(t))
	_, out, _ = ask(t, x.env, "outbox", "retry", "--all", "--json")
	assert.JSONEq(t, `{"selected":5,"changed":3,"kept":2,"dry_run":false}`, out)
	_, out, _ = ask(t, x.env, "outbox", "list", "--due")
	assert.Contains(t, out, "5 events: 5 due")
	assert.Equal(t, 5, strings.Count(out, " now "))
}

// A sink that takes nothing of one viewer, until it does.
type picky struct {
	mu      sync.Mutex
	refuses string
	types   []string // accepted of that viewer, in order
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var body struct{ Type string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	if r.Header.Get("autowebinar-user") == p.refuses {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.Header.Get("autowebinar-user") == "1" {
		p.types = append(p.types, strings.TrimPrefix(body.Type, "client_webinar_"))
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *picky) accepted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.types)
}

// Beside a running service: what waits for an hour, and what is dead, is sent at
// once and in order.
func TestARetryReachesTheRunningDispatcher(t *testing.T) {
	t.Parallel()
	sink := &picky{refuses: "1"}
	server := httptest.NewServer(sink)
	defer server.Close()
	x := newTable(t, 2)
	env := replace(replace(x.env, "AUTOWEBINAR_WEBHOOK_URL="+server.URL), "AUTOWEBINAR_WEBHOOK_RETRY=1h")
	x.enter(t, 1, "intro")
	x.leave(t, 1, "intro")
	x.enter(t, 1, "pro")
	x.exec(t, "UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead' WHERE meta_key = 'autowebinar_outbox' AND meta_value LIKE '%entered%session-1-intro%'")
	begin(t, replace(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), "listening", "serve")
	require.Eventually(t, func() bool {
		return x.count(t, "meta_key = 'autowebinar_outbox_wait'") == 2
	}, time.Minute, 20*time.Millisecond, "the head failed, the other joined it")
	x.enter(t, 2, "intro") // the sink is up, but for viewer 1
	require.Eventually(t, func() bool { return x.count(t, "user_id = 2 AND meta_key LIKE 'autowebinar_outbox%'") == 0 }, time.Minute, 20*time.Millisecond)

	sink.mu.Lock()
	sink.refuses = ""
	sink.mu.Unlock()
	code, out, errs := ask(t, env, "outbox", "retry", "--user", "1")
	require.Equal(t, 0, code, errs)
	assert.Equal(t, "3 events retried\n", out)
	require.Eventually(t, func() bool { return len(sink.accepted()) == 3 }, 25*time.Second, 20*time.Millisecond, "%v", sink.accepted())
	assert.Equal(t, []string{"entered", "left", "entered"}, sink.accepted())
	assert.Zero(t, x.count(t, "meta_key LIKE 'autowebinar_outbox%'"))
}

// A site where nothing happens after a restart, but for a row of a version that
// was taken back: nothing is said of the sink, and the row is counted.
func TestAnIdleServiceSaysNothingOfTheSinkAndCountsWhatIsHeld(t *testing.T) {
	t.Parallel()
	x := newTable(t, 1)
	x.SetMeta(t, 1, "autowebinar_outbox", "2|of the future")
	found, _ := begin(t, replace(x.env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), `"admin":"([^"]+)"`, "serve")
	var metrics string
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + found[1] + "/metrics")
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		metrics = string(text)
		return strings.Contains(metrics, "\nautowebinar_dispatcher_leader 1\n") && strings.Contains(metrics, "\nautowebinar_outbox_events{state=\"deferred\"} 1\n")
	}, time.Minute, 100*time.Millisecond)
	assert.NotContains(t, metrics, "\nautowebinar_receiver_up ")
	assert.Contains(t, metrics, "\nautowebinar_outbox_unsupported_events 1\n")
}

func TestOutboxSaysWhatIsWrongWithItsCommandLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		err  string
	}{
		{[]string{"outbox"}, "usage: autowebinar outbox"},
		{[]string{"outbox", "burn"}, `unexpected "burn"`},
		{[]string{"outbox", "list", "--user", "anna"}, "flag -user: must be a WordPress user id"},
		{[]string{"outbox", "list", "--event", "opened"}, "flag -event: must be a webhook id or one of"},
		{[]string{"outbox", "list", "--older-than", "yesterday"}, "flag -older-than: must be an age"},
		{[]string{"outbox", "list", "now"}, `unexpected argument "now"`},
		{[]string{"outbox", "show"}, "name at least one event"},
		{[]string{"outbox", "show", "that"}, `"that" is neither a row nor a webhook id`},
		{[]string{"outbox", "retry"}, "say which events: --user"},
		{[]string{"outbox", "retry", "--due"}, "--due events need no retry"},
		{[]string{"outbox", "retry", "--all", "--dead"}, "--all goes with no other choice"},
		{[]string{"outbox", "drop", "--yes"}, "say which events: --user"},
	} {
		code, out, errs := ask(t, nil, test.args...)
		assert.Equal(t, 2, code, test.args)
		assert.Contains(t, errs, test.err)
		assert.Empty(t, out)
	}
	for _, args := range [][]string{{"outbox", "help"}, {"outbox", "--help"}, {"outbox", "list", "-h"}, {"outbox", "retry", "-h"}, {"outbox", "drop", "-h"},
		{"outbox", "show", "-h"}, {"attendance", "-h"}, {"export", "-h"}, {"purge", "-h"}, {"check", "-h"}, {"config", "-h"}} {
		code, _, errs := ask(t, nil, args...)
		assert.Equal(t, 0, code, args)
		assert.Contains(t, errs, "autowebinar "+args[0], "examples")
	}
	code, _, errs := ask(t, nil, "outbox", "list")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "WORDPRESS_DB_HOST")
}
