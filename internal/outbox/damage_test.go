package outbox_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/outbox"
	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// readAndQuarantine reads the messages of a viewer as the dispatcher does.
func (f fixture) readAndQuarantine(t testing.TB, user webinar.UserID) outbox.ViewerQueue {
	t.Helper()
	before := f.DB.Checksum(t)
	v := f.ViewerQueue(t, user)
	assert.Equal(t, before, f.DB.Checksum(t), "reading writes nothing")
	require.NoError(t, f.Outbox.Quarantine(t.Context(), v))
	return v
}

func TestCorruptRowBecomesDeadAndBlocksNoOther(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no version": "junk", "empty": "", "spaces": "  ", "cut short": "1|client_webinar_entered|", "not ASCII": "1|ç★|\\%'\"",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.DB.SetMeta(t, 1, "autowebinar_outbox", value)
			f.Change(t, 1, storetest.Enter("a", "s1"))
			f.DB.SetMeta(t, 1, "autowebinar_outbox_wait", value)
			queued := f.readAndQuarantine(t, 1)
			assert.Equal(t, []webinar.EventType{webinar.EventEntered}, types(queued.Messages))
			assert.False(t, queued.UnsupportedVersion)
			assert.Equal(t, []string{value, value}, f.DB.Meta(t, 1)["autowebinar_outbox_dead"], "not lost, and not changed")
			assert.Empty(t, f.DB.Meta(t, 1)["autowebinar_outbox_wait"])
		})
	}
}

// Otherwise every poll would return the row.
func TestRowWithNullValueBecomesDead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.DB.SQL.ExecContext(t.Context(), "INSERT INTO wp_usermeta (user_id, meta_key) VALUES (1, 'autowebinar_outbox')")
	require.NoError(t, err)
	assert.Empty(t, f.readAndQuarantine(t, 1).Messages)
	due, err := f.Outbox.DueViewers(t.Context(), 10)
	require.NoError(t, err)
	assert.Empty(t, due)
	assert.Len(t, f.DB.Meta(t, 1)["autowebinar_outbox_dead"], 1)
}

func TestUnsupportedRowBlocksNewerMessages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.DB.SetMeta(t, 1, "autowebinar_outbox", "2|from|a|newer|build")
	f.Change(t, 1, storetest.Exit("a"))

	queued := f.readAndQuarantine(t, 1)
	assert.False(t, queued.UnsupportedVersion, "older messages are sent")
	assert.Equal(t, []webinar.EventType{webinar.EventEntered}, types(queued.Messages))
	require.NoError(t, f.Outbox.Ack(t.Context(), queued.Messages[0]))
	for range 2 {
		queued = f.readAndQuarantine(t, 1)
		assert.True(t, queued.UnsupportedVersion)
		assert.Empty(t, queued.Messages)
	}
	deferred := f.DB.Meta(t, 1)["autowebinar_outbox_wait"]
	require.Len(t, deferred, 2, "deferred, with the messages behind it")
	assert.Equal(t, "2|from|a|newer|build", deferred[0], "unchanged")
	f.Change(t, 1, storetest.Progress("a", 1000))
	assert.True(t, f.readAndQuarantine(t, 1).UnsupportedVersion)
	assert.Len(t, f.DB.Meta(t, 1)["autowebinar_outbox_wait"], 4, "new events queue behind it")

	// The newer build has sent it.
	_, err := f.DB.SQL.ExecContext(t.Context(), "DELETE FROM wp_usermeta WHERE meta_value LIKE '2|%'")
	require.NoError(t, err)
	queued = f.readAndQuarantine(t, 1)
	assert.False(t, queued.UnsupportedVersion)
	assert.Equal(t, []webinar.EventType{webinar.EventLeft, webinar.EventCompleted, webinar.EventAttendanceClassified}, types(queued.Messages))
}

// While an unsupported row blocks a viewer, polls must not return the viewer.
func TestBlockedViewerIsNotDue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.DB.SetMeta(t, 1, "autowebinar_outbox", "2|from|a|newer|build")
	f.Change(t, 1, storetest.Enter("a", "s1"))
	assert.True(t, f.readAndQuarantine(t, 1).UnsupportedVersion)
	due, err := f.Outbox.DueViewers(t.Context(), 10)
	require.NoError(t, err)
	assert.Empty(t, due)
}

func TestLeadIDIsReadAsByWordPress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rows [][2]string
		want string
	}{
		"missing":                         {nil, ""},
		"one":                             {[][2]string{{"crm_lead", " L-1 "}}, "L-1"},
		"several: the lowest row counts":  {[][2]string{{"crm_lead", "L-1"}, {"crm_lead", "L-2"}}, "L-1"},
		"empty":                           {[][2]string{{"crm_lead", ""}}, ""},
		"empty in the lowest row":         {[][2]string{{"crm_lead", ""}, {"crm_lead", "L-2"}}, ""},
		"a key in another case":           {[][2]string{{"CRM_Lead", "L-1"}}, ""},
		"a key in another case, lower id": {[][2]string{{"CRM_Lead", "L-1"}, {"crm_lead", "L-2"}}, "L-2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.Change(t, 1, storetest.Enter("a", "s1"))
			for _, row := range test.rows {
				f.DB.SetMeta(t, 1, row[0], row[1])
			}
			assert.Equal(t, test.want, f.ViewerQueue(t, 1).LeadID, "with the messages")
			lead, err := f.Outbox.LeadID(t.Context(), 1)
			require.NoError(t, err)
			assert.Equal(t, test.want, lead, "alone")
			assert.Len(t, f.ViewerQueue(t, 1).Messages, 1)
		})
	}
}

func TestMessagesOfADeletedUserAreDiscarded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.reschedule(t, 1)
	f.Change(t, 1, storetest.Exit("a"))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	assert.Equal(t, 0, f.discard(t, 1), "the user exists")
	assert.Len(t, f.ViewerQueue(t, 1).Messages, 2)

	f.deleteUser(t, 1)
	queued := f.ViewerQueue(t, 1)
	assert.False(t, queued.UserExists)
	assert.Len(t, queued.Messages, 2)
	assert.Equal(t, 2, f.discard(t, 1))
	assert.Equal(t, 0, f.discard(t, 1), "no message is left")
	assert.Empty(t, outboxRows(f.Rows(t, 1)))
	assert.Equal(t, "s1", f.Rows(t, 1)["session_id"], "only messages are deleted")
	assert.Len(t, f.ViewerQueue(t, 2).Messages, 1)
}

func TestDiscardDeletesOnlyMessages(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"crm_lead", "AUTOWEBINAR_OUTBOX", "Autowebinar_outbox_wait", "autowebinar_outbox_dead"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.Change(t, 1, storetest.Enter("a", "s1"))
			f.DB.SetMeta(t, 1, key, "kept")
			f.deleteUser(t, 1)
			assert.Equal(t, 1, f.discard(t, 1))
			assert.Equal(t, []string{"kept"}, f.DB.Meta(t, 1)[key])
		})
	}
}

// WordPress deletes the nickname with the user. If it still exists, the user is
// missing for another reason, such as a users table that is being restored: the
// messages are sent.
func TestMissingUserWithANicknameIsNotDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.DB.SetMeta(t, 1, "nickname", "viewer1")
	f.deleteUser(t, 1)
	assert.True(t, f.ViewerQueue(t, 1).UserExists)
	assert.Zero(t, f.discard(t, 1))
	assert.Len(t, f.ViewerQueue(t, 1).Messages, 1)
	_, err := f.Store.Change(t.Context(), 1, storetest.Progress("a", 1))
	require.ErrorIs(t, err, usermeta.ErrUnknownUser, "new changes are rejected")

	f.Exec(t, "DELETE FROM wp_usermeta WHERE meta_key = 'nickname'")
	assert.False(t, f.ViewerQueue(t, 1).UserExists)
	assert.Equal(t, 1, f.discard(t, 1))
}

func (f fixture) discard(t testing.TB, user webinar.UserID) int {
	t.Helper()
	n, err := f.Outbox.DiscardDeletedUser(t.Context(), user)
	require.NoError(t, err)
	return n
}

func (f fixture) deleteUser(t testing.TB, user webinar.UserID) {
	t.Helper()
	_, err := f.DB.SQL.ExecContext(t.Context(), "DELETE FROM wp_users WHERE ID = ?", user)
	require.NoError(t, err)
}
