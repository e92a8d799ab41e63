package outbox_test

import (
	"slices"
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

func types(messages []outbox.Message) []webinar.EventType {
	var list []webinar.EventType
	for _, m := range messages {
		list = append(list, m.Event.Type)
	}
	return list
}

func users(pending []outbox.Pending) []webinar.UserID {
	var list []webinar.UserID
	for _, p := range pending {
		list = append(list, p.User)
	}
	return list
}

func TestDueViewersComeOldestFirst(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 2, storetest.Enter("a", "s2"))
	f.Change(t, 3, storetest.Enter("a", "s3"))
	f.Change(t, 2, storetest.Exit("a"))
	f.Change(t, 1, storetest.Enter("a", "s1"))

	due, err := f.Outbox.DueViewers(t.Context(), 100)
	require.NoError(t, err)
	assert.Equal(t, []webinar.UserID{2, 3, 1}, users(due))
	assert.True(t, slices.IsSortedFunc(due, func(a, b outbox.Pending) int { return int(a.RowID) - int(b.RowID) }))
	assert.Equal(t, f.ViewerQueue(t, 2).Messages[0].RowID, due[0].RowID)
	due, err = f.Outbox.DueViewers(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, []webinar.UserID{2, 3}, users(due), "at most limit rows")
	deferred, err := f.Outbox.DeferredViewers(t.Context())
	require.NoError(t, err)
	assert.Empty(t, deferred)
}

func TestViewerQueueIsInOrder(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Register("a"))
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Exit("a"))
	f.Change(t, 1, storetest.Progress("a", 1000))
	queued := f.ViewerQueue(t, 1)
	assert.Equal(t, []webinar.EventType{
		webinar.EventRegistered, webinar.EventEntered, webinar.EventLeft, webinar.EventCompleted, webinar.EventAttendanceClassified,
	}, types(queued.Messages))
	assert.True(t, queued.UserExists)
	assert.False(t, queued.UnsupportedVersion)

	v, _, err := f.Store.Read(t.Context(), 1)
	require.NoError(t, err)
	registered := queued.Messages[0]
	assert.Equal(t, webinar.Event{
		ID: registered.Event.ID, Type: webinar.EventRegistered, User: 1, At: v.Registered["a"],
		Webinar: "a", WebinarType: webinar.Live, SlotID: "слот", Source: "página/1",
	}, registered.Event)
	assert.Equal(t, v.Current.LeftAt, queued.Messages[2].Event.At, "the time of an event is the stored one")
	assert.Zero(t, registered.Attempts)
	assert.Zero(t, registered.NextAttempt)

	none := f.ViewerQueue(t, 2)
	assert.Empty(t, none.Messages)
}

func TestAckDeletesOnlyUnchangedRows(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Exit("a"))
	messages := f.ViewerQueue(t, 1).Messages
	require.NoError(t, f.Outbox.Ack(t.Context(), messages[0]))
	require.NoError(t, f.Outbox.Ack(t.Context(), messages[0]), "deleted already")
	assert.Equal(t, []webinar.EventType{webinar.EventLeft}, types(f.ViewerQueue(t, 1).Messages))

	// Another dispatcher has counted an attempt meanwhile.
	stale := f.ViewerQueue(t, 1)
	f.reschedule(t, 1)
	require.NoError(t, f.Outbox.Ack(t.Context(), stale.Messages[0]))
	assert.Len(t, f.ViewerQueue(t, 1).Messages, 1)
}

func TestMarkAttemptNeedsAnUnchangedRow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	m, stale := f.ViewerQueue(t, 1).Messages[0], f.ViewerQueue(t, 1).Messages[0]
	first, later := date("2026-03-04T05:06:07Z"), date("2026-03-04T06:06:07Z")
	begin := func(m *outbox.Message, at time.Time) bool {
		begun, err := f.Outbox.MarkAttempt(t.Context(), m, at)
		require.NoError(t, err)
		return begun
	}
	assert.True(t, begin(&m, first))
	assert.Equal(t, []outbox.Message{m}, f.ViewerQueue(t, 1).Messages)
	assert.Equal(t, first, m.FirstAttempt)
	assert.Zero(t, m.Attempts)
	assert.False(t, begin(&stale, later), "the row has changed")
	assert.Zero(t, stale.FirstAttempt)
	assert.True(t, begin(&m, first))
	assert.Equal(t, first.Add(time.Second), m.FirstAttempt, "the row is written even if it has the time already")
	assert.Equal(t, []outbox.Message{m}, f.ViewerQueue(t, 1).Messages)
	assert.True(t, begin(&m, later))
	assert.Equal(t, later, m.FirstAttempt, "the earlier attempt had no result")

	f.reschedule(t, 1)
	counted := f.ViewerQueue(t, 1).Messages[0]
	known := counted
	assert.True(t, begin(&counted, later.Add(time.Hour)))
	assert.Equal(t, known, counted, "the first attempt stays the first")

	require.NoError(t, f.Outbox.Ack(t.Context(), counted))
	assert.False(t, begin(&stale, later), "the row is deleted")
	assert.Empty(t, f.Rows(t, 1)["outbox"])
}

// A write whose reply was lost may not be durable, so it is repeated.
func TestMarkAttemptIsRepeatedAfterALostReply(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	cfg, proxy := storetest.NewProxy(t, f.DB.DSN)
	queue := outbox.New(storetest.Open(t, cfg), outbox.Options{LeadMetaKey: "crm_lead"})
	updates := 0
	proxy.SetFault(func(statement string) storetest.Fault {
		if strings.HasPrefix(statement, "UPDATE") {
			if updates++; updates == 1 {
				return storetest.BreakBeforeClient
			}
		}
		return storetest.Pass
	})
	for _, begins := range []bool{false, true} {
		queued, err := queue.ViewerQueue(t.Context(), 1)
		require.NoError(t, err)
		m := queued.Messages[0]
		assert.Equal(t, begins, !m.FirstAttempt.IsZero(), "the first write succeeded")
		begun, err := queue.MarkAttempt(t.Context(), &m, date("2026-03-04T05:06:07Z"))
		require.NoError(t, err)
		assert.Equal(t, begins, begun)
	}
	assert.Equal(t, 3, updates)
}

// reschedule counts a failed attempt of the viewer's first message.
func (f fixture) reschedule(t testing.TB, user webinar.UserID) {
	t.Helper()
	queued := f.ViewerQueue(t, user)
	head := &queued.Messages[0]
	head.Attempts++
	head.FirstAttempt, head.NextAttempt = date("2026-03-04T05:06:07Z"), date("2026-03-04T05:06:37Z")
	require.NoError(t, f.Outbox.Reschedule(t.Context(), queued))
}

func TestRescheduleDefersAllMessagesOfTheViewer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Exit("a"))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	before := f.ViewerQueue(t, 1).Messages
	f.reschedule(t, 1)

	due, err := f.Outbox.DueViewers(t.Context(), 100)
	require.NoError(t, err)
	assert.Equal(t, []webinar.UserID{2}, users(due))
	deferred, err := f.Outbox.DeferredViewers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []outbox.Pending{{User: 1, RowID: before[0].RowID, NextAttempt: date("2026-03-04T05:06:37Z")}}, deferred)

	f.Change(t, 1, storetest.Progress("a", 1000)) // newer events queue behind
	assert.Equal(t, map[string]string{
		"outbox_wait": "client_webinar_entered client_webinar_left client_webinar_completed client_webinar_attendance_classified",
	}, outboxRows(f.Rows(t, 1)))
	after := f.ViewerQueue(t, 1).Messages
	assert.Len(t, after, 4)
	assert.Equal(t, before[0].RowID, after[0].RowID, "the order stays")
	assert.Equal(t, 1, after[0].Attempts)
	assert.Equal(t, date("2026-03-04T05:06:07Z"), after[0].FirstAttempt)
	assert.Equal(t, before[0].Event, after[0].Event)
	assert.Zero(t, after[1].Attempts)

	for _, m := range after {
		require.NoError(t, f.Outbox.Ack(t.Context(), m))
	}
	f.Change(t, 1, storetest.Enter("b", "s3"))
	assert.Equal(t, map[string]string{"outbox": "client_webinar_entered"}, outboxRows(f.Rows(t, 1)), "no message is deferred")
	require.NoError(t, f.Outbox.Reschedule(t.Context(), outbox.ViewerQueue{}), "no messages")
}

func outboxRows(rows map[string]string) map[string]string {
	outbox := map[string]string{}
	for key, value := range rows {
		if len(key) >= 6 && key[:6] == "outbox" {
			outbox[key] = value
		}
	}
	return outbox
}

func TestRescheduleSkipsChangedRows(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Exit("a"))
	stale := f.ViewerQueue(t, 1)
	stale.Messages[0].Attempts = 9

	f.reschedule(t, 1)
	require.NoError(t, f.Outbox.Reschedule(t.Context(), stale))
	assert.Equal(t, 1, f.ViewerQueue(t, 1).Messages[0].Attempts, "the row has changed")

	require.NoError(t, f.Outbox.Ack(t.Context(), f.ViewerQueue(t, 1).Messages[0]))
	require.NoError(t, f.Outbox.Reschedule(t.Context(), stale))
	require.NoError(t, f.Outbox.DeadLetter(t.Context(), stale.Messages[0]))
	assert.Equal(t, map[string]string{"outbox_wait": "client_webinar_left"}, outboxRows(f.Rows(t, 1)), "a deleted row is not restored")
}

func TestDeadMessageBlocksNoOther(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 1, storetest.Exit("a"))
	f.reschedule(t, 1)
	head := f.ViewerQueue(t, 1).Messages[0]
	head.Attempts = 17
	require.NoError(t, f.Outbox.DeadLetter(t.Context(), head))
	assert.Equal(t, map[string]string{"outbox_dead": "client_webinar_entered", "outbox_wait": "client_webinar_left"}, outboxRows(f.Rows(t, 1)))
	assert.Contains(t, f.DB.Meta(t, 1)["autowebinar_outbox_dead"][0], "|17|", "with its final attempts")
	assert.Equal(t, []webinar.EventType{webinar.EventLeft}, types(f.ViewerQueue(t, 1).Messages))

	require.NoError(t, f.Outbox.DeadLetter(t.Context(), head), "repeating it has no effect")
	assert.Len(t, f.DB.Meta(t, 1)["autowebinar_outbox_dead"], 1)
}

func TestRepeatedEvaluationIsQueuedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Change(t, 1, storetest.Enter("a", "s1"))
	for range 3 {
		f.Change(t, 1, storetest.Evaluate("a", uuid.Max))
		f.Change(t, 1, storetest.Enter("b", "s2"))
	}
	f.reschedule(t, 1)
	f.Change(t, 1, storetest.Evaluate("a", uuid.Max))
	f.Change(t, 1, storetest.Evaluate("a", uuid.NameSpaceDNS))
	assert.Equal(t, map[string]string{
		"outbox_wait": "client_webinar_entered client_webinar_attendance_classified client_webinar_entered client_webinar_attendance_classified",
	}, outboxRows(f.Rows(t, 1)))
}
