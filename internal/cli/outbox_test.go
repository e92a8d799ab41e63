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

// newOutboxFixture has events of every status and format.
func newOutboxFixture(t *testing.T) fixture {
	t.Helper()
	f := newFixture(t, 3)
	f.enter(t, 1, "intro")
	f.exit(t, 1, "intro")
	f.enter(t, 2, "intro")
	f.exit(t, 2, "intro")
	f.enter(t, 3, "pro")
	f.exec(t, `UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead', meta_value = REPLACE(meta_value, '|0|0|0', '|9|1767225600|0')
		WHERE user_id = 1 AND meta_key = 'autowebinar_outbox' AND meta_value LIKE '%entered%'`)
	f.exec(t, `UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_wait', meta_value = REPLACE(meta_value, '|0|0|0', '|2|1767225600|4102444800')
		WHERE user_id = 2 AND meta_key = 'autowebinar_outbox'`)
	f.SetMeta(t, 3, "autowebinar_outbox_wait", "2|newer version|\x1b[2J")
	f.SetMeta(t, 3, "autowebinar_outbox_dead", "not an outbox value")
	return f
}

func TestOutboxListsFiltersAndShowsEvents(t *testing.T) {
	t.Parallel()
	f := newOutboxFixture(t)
	code, out, errs := runCommand(t, f.env, "outbox", "list")
	require.Equal(t, 0, code, errs)
	golden(t, "outbox-list.golden", out)

	_, out, _ = runCommand(t, f.env, "outbox", "list", "--json")
	golden(t, "outbox-list-json.golden", out)

	_, out, _ = runCommand(t, f.env, "outbox", "show", firstRow(t, f, "--dead"))
	golden(t, "outbox-show.golden", out)

	for _, test := range []struct {
		flags []string
		rows  int
	}{
		{[]string{"--dead"}, 2}, {[]string{"--deferred"}, 3}, {[]string{"--due"}, 2}, {[]string{"--due", "--dead"}, 4},
		{[]string{"--user", "2"}, 2}, {[]string{"--event", "left"}, 2}, {[]string{"--event", "client_webinar_entered", "--user", "1"}, 1},
		{[]string{"--older-than", "1h"}, 0}, {[]string{"--event", "6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11"}, 0},
	} {
		code, out, errs := runCommand(t, f.env, append([]string{"outbox", "list", "--json"}, test.flags...)...)
		assert.Equal(t, 0, code, errs)
		assert.Equal(t, test.rows, strings.Count(out, "\n"), test.flags)
	}
}

// firstRow returns the row of the first event of a list.
func firstRow(t *testing.T, f fixture, flags ...string) string {
	t.Helper()
	_, out, errs := runCommand(t, f.env, append([]string{"outbox", "list"}, flags...)...)
	lines := strings.Split(out, "\n")
	require.Greater(t, len(lines), 1, errs)
	return strings.Fields(lines[1])[0]
}

func TestOutboxShowByWebhookID(t *testing.T) {
	t.Parallel()
	f := newOutboxFixture(t)
	_, out, _ := runCommand(t, f.env, "outbox", "list", "--json", "--user", "2", "--event", "left")
	var listed eventView
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	code, out, errs := runCommand(t, f.env, "outbox", "show", listed.WebhookID, "--json")
	require.Equal(t, 0, code, errs)
	var shown eventView
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	assert.Equal(t, listed.Row, shown.Row)
	assert.True(t, *shown.UserExists)
	assert.Contains(t, string(shown.Body), `"lead_id":"2"`)
	assert.NotEmpty(t, shown.Value)

	code, _, errs = runCommand(t, f.env, "outbox", "show", "6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "event 6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11 is not in the outbox")
}

func TestOutboxDropDeletesOnlyWithYes(t *testing.T) {
	t.Parallel()
	f := newOutboxFixture(t)
	before := f.Checksum(t)
	code, out, errs := runCommand(t, f.env, "outbox", "drop", "--dead")
	assert.Equal(t, 0, code, errs)
	assert.Contains(t, out, "2 events: 0 due, 0 deferred, 2 dead")
	assert.Contains(t, out, "nothing was dropped: repeat with --yes")
	assert.Equal(t, before, f.Checksum(t))

	code, out, errs = runCommand(t, f.env, "outbox", "drop", "--dead", "--yes")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "2 events dropped\n", out)
	assert.Zero(t, f.count(t, "meta_key = 'autowebinar_outbox_dead'"))

	code, out, _ = runCommand(t, f.env, "outbox", "drop", "--all", "--yes", "--json")
	assert.Equal(t, 0, code)
	assert.JSONEq(t, `{"selected":5,"changed":4,"skipped":1,"dry_run":false}`, out)
	assert.Equal(t, 1, f.count(t, "meta_key LIKE 'autowebinar%outbox%'"), "the row of the newer version is kept")
	assert.Positive(t, f.count(t, "meta_key = 'autowebinar_session_id'"))
}

func TestOutboxRetryCountsChanges(t *testing.T) {
	t.Parallel()
	f := newOutboxFixture(t)
	before := f.Checksum(t)
	_, out, _ := runCommand(t, f.env, "outbox", "retry", "--all", "--dry-run")
	assert.Contains(t, out, "5 events: 0 due, 3 deferred, 2 dead")
	assert.Equal(t, before, f.Checksum(t))
	_, out, _ = runCommand(t, f.env, "outbox", "retry", "--all", "--json")
	assert.JSONEq(t, `{"selected":5,"changed":3,"skipped":2,"dry_run":false}`, out)
	_, out, _ = runCommand(t, f.env, "outbox", "list", "--due")
	assert.Contains(t, out, "5 events: 5 due")
	assert.Equal(t, 5, strings.Count(out, " now "))
}

// rejectingReceiver rejects the events of one viewer.
type rejectingReceiver struct {
	mu      sync.Mutex
	rejects string   // the viewer
	types   []string // of the accepted events of viewer 1, in order
}

func (r *rejectingReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var body struct{ Type string }
	_ = json.NewDecoder(req.Body).Decode(&body)
	if req.Header.Get("autowebinar-user") == r.rejects {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if req.Header.Get("autowebinar-user") == "1" {
		r.types = append(r.types, strings.TrimPrefix(body.Type, "client_webinar_"))
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *rejectingReceiver) accepted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.types)
}

// After a retry, a running service sends deferred and dead events at once and in
// order.
func TestRetryReachesRunningService(t *testing.T) {
	t.Parallel()
	receiver := &rejectingReceiver{rejects: "1"}
	server := httptest.NewServer(receiver)
	defer server.Close()
	f := newFixture(t, 2)
	env := withSetting(withSetting(f.env, "AUTOWEBINAR_WEBHOOK_URL="+server.URL), "AUTOWEBINAR_WEBHOOK_RETRY=1h")
	f.enter(t, 1, "intro")
	f.exit(t, 1, "intro")
	f.enter(t, 1, "pro")
	f.exec(t, "UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead' WHERE meta_key = 'autowebinar_outbox' AND meta_value LIKE '%entered%session-1-intro%'")
	startCommand(t, withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), "listening", "serve")
	require.Eventually(t, func() bool {
		return f.count(t, "meta_key = 'autowebinar_outbox_wait'") == 2
	}, time.Minute, 20*time.Millisecond, "the first failed, the second is deferred with it")
	f.enter(t, 2, "intro") // the receiver accepts the events of viewer 2
	require.Eventually(t, func() bool { return f.count(t, "user_id = 2 AND meta_key LIKE 'autowebinar_outbox%'") == 0 }, time.Minute, 20*time.Millisecond)

	receiver.mu.Lock()
	receiver.rejects = ""
	receiver.mu.Unlock()
	code, out, errs := runCommand(t, env, "outbox", "retry", "--user", "1")
	require.Equal(t, 0, code, errs)
	assert.Equal(t, "3 events retried\n", out)
	require.Eventually(t, func() bool { return len(receiver.accepted()) == 3 }, 25*time.Second, 20*time.Millisecond, "%v", receiver.accepted())
	assert.Equal(t, []string{"entered", "left", "entered"}, receiver.accepted())
	require.Eventually(t, func() bool { return f.count(t, "meta_key LIKE 'autowebinar_outbox%'") == 0 }, 25*time.Second, 20*time.Millisecond)
}

// After a downgrade, with no delivery yet, the state of the receiver is unknown, and
// the row of the newer version is counted.
func TestMetricsOfIdleServiceAfterDowngrade(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	f.SetMeta(t, 1, "autowebinar_outbox", "2|newer version")
	match, _ := startCommand(t, withSetting(f.env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0"), `"admin":"([^"]+)"`, "serve")
	var metrics string
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + match[1] + "/metrics")
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

func TestOutboxUsageErrors(t *testing.T) {
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
		{[]string{"outbox", "show"}, "give at least one row or webhook id"},
		{[]string{"outbox", "show", "that"}, `"that" is neither a row nor a webhook id`},
		{[]string{"outbox", "retry"}, "select events with --user"},
		{[]string{"outbox", "retry", "--due"}, "flag provided but not defined: -due"},
		{[]string{"outbox", "retry", "--all", "--dead"}, "--all cannot be combined with a filter"},
		{[]string{"outbox", "drop", "--yes"}, "select events with --user"},
	} {
		code, out, errs := runCommand(t, nil, test.args...)
		assert.Equal(t, 2, code, test.args)
		assert.Contains(t, errs, test.err)
		assert.Empty(t, out)
	}
	for _, args := range [][]string{{"outbox", "help"}, {"outbox", "--help"}, {"outbox", "list", "-h"}, {"outbox", "retry", "-h"}, {"outbox", "drop", "-h"},
		{"outbox", "show", "-h"}, {"attendance", "-h"}, {"export", "-h"}, {"purge", "-h"}, {"check", "-h"}, {"config", "-h"}} {
		code, _, errs := runCommand(t, nil, args...)
		assert.Equal(t, 0, code, args)
		assert.Contains(t, errs, "autowebinar "+args[0])
	}
	code, _, errs := runCommand(t, nil, "outbox", "list")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "WORDPRESS_DB_HOST")
}
