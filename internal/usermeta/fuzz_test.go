package usermeta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// FuzzRows decodes rows that any PHP code may have written: the viewer must be
// valid for the rules, and encoding it again must give the same viewer.
func FuzzRows(f *testing.F) {
	f.Add(keySessionID, "s", keyLastPosition, "12.9", keyLastSeenAt, "2026-11-21 10:00:00")
	f.Add(keySessionID, "s", keyStartedAt, "2026-11-21T10:00:00+03:00", keyPercent, "99.9")
	f.Add(keySessionID, "s", keyWebinarID, "Intro", keyCompleted, "0")
	f.Add(keySessionID+"@intro", "s", keyFurthest+"@intro", "1e5", keyRegistered+"@intro", "1795290122")
	f.Add(keySessionID, "s", keyWebinarID, "intro", keySessionID+"@intro", "t")
	f.Add(outbox.KeyDeferred, "1|x", outbox.KeyDue, "2|", outbox.KeyDead, "")
	f.Add("AutoWebinar_session_id", "s", keySessionID+"@", "s", keySessionID+"@a@b", "s")
	f.Add(keyLastPosition, "NaN", keyFurthest, "-0", keyPercent, "1e-400")
	f.Add(keyLeftAt, "9223372036854775807", keyCTAClickedAt, "-62135596801", keyStartedAt, "0000-00-00 00:00:00")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2, key3, value3 string) {
		rows := []row{{ID: 3, User: 7, Key: key3, Value: value3}, {ID: 1, User: 7, Key: key1, Value: value1}, {ID: 2, User: 7, Key: key2, Value: value2}, {ID: 4, User: 7, Key: keySessionID, Value: "fallback"}}
		s := read(7, rows)
		if current := s.viewer.Current; current != nil {
			requireValid(t, *current)
			assert.NotContains(t, s.viewer.Parked, current.Webinar, "a session is current or parked, not both")
			assert.Equal(t, *current, *read(7, encodedRows(current)).viewer.Current)
		}
		for id, session := range s.viewer.Parked {
			assert.Regexp(t, webinar.IDPattern, string(id))
			requireValid(t, *session)
		}
		for id, at := range s.viewer.Registered {
			assert.Regexp(t, webinar.IDPattern, string(id))
			assert.False(t, at.IsZero())
		}
		assert.LessOrEqual(t, len(s.damaged), len(rows))
	})
}

// requireValid asserts the invariants of a session.
func requireValid(t *testing.T, s webinar.Session) {
	t.Helper()
	require.NotEmpty(t, s.ID)
	for _, n := range []int64{s.LastPosition, s.Furthest} {
		assert.True(t, n >= 0 && n <= webinar.MaxSeconds, "%d", n)
	}
	assert.GreaterOrEqual(t, s.Furthest, s.LastPosition)
	assert.Contains(t, []int{0, 25, 50, 75, 100}, s.Percent)
	if s.Webinar != "" {
		assert.Regexp(t, webinar.IDPattern, string(s.Webinar))
	}
	for _, at := range []time.Time{s.StartedAt, s.CTAClickedAt, s.LastSeenAt, s.LeftAt} {
		if !at.IsZero() {
			assert.True(t, at.Year() >= 1971 && at.Year() <= 9999, "%v", at)
			assert.Zero(t, at.Nanosecond())
		}
	}
}

// encodedRows returns the rows of a session as the service writes them.
func encodedRows(s *webinar.Session) []row {
	var rows []row
	for i, key := range sessionKeys {
		if value := encode(s, key); value != "" {
			rows = append(rows, row{ID: uint64(i + 1), User: 7, Key: key, Value: value})
		}
	}
	return rows
}

// FuzzStoredTime checks that a time survives formatting and parsing.
func FuzzStoredTime(f *testing.F) {
	for _, seed := range []string{"", "0", "0000-00-00 00:00:00", "2026-11-21 10:00:00", " 2026-11-21T10:00:00Z ", "2026-02-30 10:00:00", "1795290122",
		"1970-12-31 23:59:59", "9999-12-31T23:59:59-23:59", "253402300800", "-1", "+7", "2026-11-21 10:00:00.9", "2026-11-21T10:00:00+24:00", "1e9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		at, ok := parseTime(value)
		if !ok {
			require.True(t, at.IsZero())
			return
		}
		again, ok := parseTime(formatTime(at))
		require.True(t, ok)
		require.True(t, at.Equal(again), "%q: %v, %v", value, at, again)
		require.LessOrEqual(t, len(formatTime(at)), len(time.DateTime))
	})
}
