package usermeta

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

var planNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// apply changes rows as the two statements of Store.write do.
func apply(t require.TestingT, rows []row, p writeSet) []row {
	table := map[uint64]row{}
	var last uint64
	for _, r := range rows {
		table[r.ID], last = r, max(last, r.ID)
	}
	touched := map[uint64]bool{}
	for _, r := range p.upserts {
		if r.ID == 0 {
			last++
			r.ID = last
			table[r.ID] = r
			continue
		}
		require.Contains(t, table, r.ID)
		require.False(t, touched[r.ID], "row %d is written twice", r.ID)
		touched[r.ID] = true
		table[r.ID] = r
	}
	for _, id := range p.deletes {
		require.Contains(t, table, id)
		require.False(t, touched[id], "row %d is both written and removed", id)
		touched[id] = true
		delete(table, id)
	}
	return slices.Collect(maps.Values(table))
}

func TestWriteSetLeadsToTheNewViewer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		before := read(7, slices.Clone(rows))
		result, err := drawCommand(t, before.viewer)(before.viewer)
		if err != nil {
			return
		}
		p := diff(before, result.Viewer, result.Events)
		written := apply(t, rows, p)
		after := read(7, slices.Clone(written))
		require.Equal(t, result.Viewer, after.viewer)

		requireForeignRowsUntouched(t, rows, written)
		requireRowsKept(t, before, after)
		for _, event := range result.Events {
			require.True(t, after.pending[event.ID], "%s has its row", event.Type)
		}
		require.Len(t, after.pending, len(before.pending)+countNew(before, result.Events))

		p = diff(after, after.viewer, result.Events)
		require.True(t, p.empty(), "the same once more writes nothing: %+v", p)
	})
}

func countNew(before snapshot, events []webinar.Event) (n int) {
	for _, event := range events {
		if !before.pending[event.ID] {
			n++
		}
	}
	return n
}

// requireForeignRowsUntouched asserts that rows of other keys stay as they are.
func requireForeignRowsUntouched(t *rapid.T, rows, written []row) {
	for _, r := range rows {
		base, id := splitKey(r.Key)
		session := slices.Contains(sessionKeys, base) && (r.Key == base || webinar.IDPattern.MatchString(string(id)))
		registered := base == keyRegistered && webinar.IDPattern.MatchString(string(id))
		if !session && !registered {
			require.Contains(t, written, r)
		}
	}
	for _, r := range written {
		require.Equal(t, webinar.UserID(7), r.User)
	}
}

// requireRowsKept asserts that a session that still exists has the same rows,
// current or parked.
func requireRowsKept(t *rapid.T, before, after snapshot) {
	was, is := before.sessions(), after.sessions()
	for id, from := range was {
		to, there := is[id]
		if !there {
			continue
		}
		for base, rows := range before.sessionRows[from] {
			for _, r := range rows {
				require.True(t, slices.ContainsFunc(after.sessionRows[to][base], func(now row) bool { return now.ID == r.ID }),
					"row %d, %s, is kept by its session from %q to %q", r.ID, r.Key, from, to)
			}
		}
	}
}

// sessions returns the webinar id under which each session is stored. Session ids
// that occur twice are left out.
func (s *snapshot) sessions() map[webinar.SessionID]webinar.ID {
	found := map[webinar.SessionID][]webinar.ID{}
	if s.viewer.Current != nil {
		found[s.viewer.Current.ID] = []webinar.ID{""}
	}
	for id, session := range s.viewer.Parked {
		found[session.ID] = append(found[session.ID], id)
	}
	slots := map[webinar.SessionID]webinar.ID{}
	for session, ids := range found {
		if len(ids) == 1 {
			slots[session] = ids[0]
		}
	}
	return slots
}

// For an unchanged viewer the write set may complete rows that PHP left incomplete
// and delete copies of the current session; for complete rows it is empty.
func TestUnchangedViewerIsNotWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		before := read(7, slices.Clone(rows))
		p := diff(before, before.viewer.Clone(), nil)
		for _, r := range p.upserts {
			base, _ := splitKey(r.Key)
			require.Contains(t, []string{keyFurthest, keyWebinarID}, base, "%+v", r)
		}
		for _, id := range p.deletes {
			r := rows[slices.IndexFunc(rows, func(r row) bool { return r.ID == id })]
			_, slot := splitKey(r.Key)
			require.NotNil(t, before.viewer.Current)
			require.Equal(t, before.viewer.Current.Webinar, slot, "only a copy of the current session goes: %+v", r)
		}
		after := read(7, apply(t, rows, p))
		require.Equal(t, before.viewer, after.viewer)
		again := diff(after, after.viewer.Clone(), nil)
		require.True(t, again.empty())
	})
}

func TestWriteSetsAreMinimal(t *testing.T) {
	t.Parallel()
	rows := []row{
		{ID: 1, User: 7, Key: keySessionID, Value: "s1"}, {ID: 2, User: 7, Key: keyWebinarID, Value: "a"}, {ID: 3, User: 7, Key: keyStartedAt, Value: "2026-03-04 05:00:00"},
		{ID: 4, User: 7, Key: keyLastPosition, Value: "0100"}, {ID: 5, User: 7, Key: keyFurthest, Value: "1e2"}, {ID: 6, User: 7, Key: keyPercent, Value: "30"},
		{ID: 7, User: 7, Key: keyCompleted, Value: ""}, {ID: 8, User: 7, Key: keyCTAClickedAt, Value: "long ago"}, {ID: 9, User: 7, Key: keyLastSeenAt, Value: "1772600767"},
		{ID: 10, User: 7, Key: keyRegistered + "@a", Value: "2026-03-04T05:00:00Z"}, {ID: 11, User: 7, Key: outbox.KeyDead, Value: "x"},
	}
	before := read(7, rows)
	assert.Len(t, before.damaged, 1)
	p := diff(before, before.viewer.Clone(), nil)
	assert.True(t, p.empty(), "foreign ways to write a value stay: %+v", p)

	result, err := genRules.Enter(before.viewer, "b", "s2", planNow)
	require.NoError(t, err)
	p = diff(before, result.Viewer, nil)
	var renamed, fresh []string
	for _, r := range p.upserts {
		if r.ID == 0 {
			fresh = append(fresh, r.Key)
			continue
		}
		assert.Equal(t, rows[r.ID-1].Key+"@a", r.Key)
		assert.Equal(t, rows[r.ID-1].Value, r.Value, "parked without a new value")
		renamed = append(renamed, r.Key)
	}
	assert.Len(t, renamed, 9)
	assert.ElementsMatch(t, []string{keySessionID, keyWebinarID, keyStartedAt, keyLastSeenAt}, fresh)
	assert.Empty(t, p.deletes)
}

func TestEventIsQueuedOnce(t *testing.T) {
	t.Parallel()
	event := webinar.Event{ID: uuid.Max, Type: webinar.EventCompleted, User: 7, At: planNow, Webinar: "a", Session: "s"}
	value := outbox.EventRow(event, false).Value
	for name, test := range map[string]struct {
		row  row
		want string
	}{
		"none is deferred":                {row{ID: 1, User: 7, Key: keyLeftAt, Value: ""}, outbox.KeyDue},
		"another is due":                  {row{ID: 1, User: 7, Key: outbox.KeyDue, Value: "2|x"}, outbox.KeyDue},
		"another is deferred":             {row{ID: 1, User: 7, Key: outbox.KeyDeferred, Value: "2|x"}, outbox.KeyDeferred},
		"a damaged one is deferred":       {row{ID: 1, User: 7, Key: outbox.KeyDeferred, Value: "x"}, outbox.KeyDeferred},
		"it is due already":               {row{ID: 1, User: 7, Key: outbox.KeyDue, Value: value}, ""},
		"it is deferred already":          {row{ID: 1, User: 7, Key: outbox.KeyDeferred, Value: value}, ""},
		"it is dead":                      {row{ID: 1, User: 7, Key: outbox.KeyDead, Value: value}, outbox.KeyDue},
		"a key in another case":           {row{ID: 1, User: 7, Key: "AUTOWEBINAR_OUTBOX_WAIT", Value: value}, outbox.KeyDue},
		"a longer key of another program": {row{ID: 1, User: 7, Key: outbox.KeyDeferred + "@a", Value: value}, outbox.KeyDue},
	} {
		var p writeSet
		p.events(read(7, []row{test.row}), []webinar.Event{event})
		var want []row
		if test.want != "" {
			want = []row{{ID: 0, User: 7, Key: test.want, Value: value}}
		}
		assert.Equal(t, want, p.upserts, fmt.Sprint(name))
	}
}
