package outbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/outbox"
	"autowebinar/internal/storetest"
)

func TestStats(t *testing.T) {
	t.Parallel()
	f := setup(t)
	stats := func() outbox.Stats {
		c, err := f.Outbox.Stats(t.Context())
		require.NoError(t, err)
		return c
	}
	assert.Zero(t, stats(), "an empty outbox")

	f.Change(t, 1, storetest.Enter("a", "s1"))
	f.Change(t, 2, storetest.Enter("a", "s2"))
	f.Change(t, 2, storetest.Exit("a"))
	first := f.ViewerQueue(t, 1).Messages[0]
	assert.Equal(t, outbox.Stats{Due: 3, Oldest: first.Event.At}, stats())

	queued := f.ViewerQueue(t, 2)
	queued.Messages[0].Attempts, queued.Messages[0].NextAttempt = 1, time.Now().Add(time.Hour)
	require.NoError(t, f.Outbox.Reschedule(t.Context(), queued))
	assert.Equal(t, outbox.Stats{Due: 1, Deferred: 2, Oldest: first.Event.At}, stats())

	require.NoError(t, f.Outbox.DeadLetter(t.Context(), first))
	c := stats()
	assert.Equal(t, []int{0, 2, 1}, []int{c.Due, c.Deferred, c.Dead})
	assert.Equal(t, f.ViewerQueue(t, 2).Messages[0].Event.At, c.Oldest, "dead messages are ignored")

	f.DB.SetMeta(t, 7, "autowebinar_OUTBOX", "another key to WordPress")
	f.DB.SetMeta(t, 7, "autowebinar_outbox", "not an outbox value")
	c = stats()
	assert.Equal(t, 1, c.Due)
	assert.False(t, c.Approximate)
}

// Unsupported and corrupt rows come before the rows that this build can send.
func TestStatsSkipUndecodableRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before      []string // values of the rows before the viewer's events
		key         string
		unsupported int
	}{
		"another version's":      {[]string{"2|of the future"}, "autowebinar_outbox_wait", 1},
		"damaged":                {[]string{"1|of no type"}, "autowebinar_outbox", 0},
		"both, many":             {append(slices.Repeat([]string{"2|of the future"}, 100), "1|", "1|x|y"), "autowebinar_outbox_wait", 100},
		"under the due key also": {slices.Repeat([]string{"2|of the future"}, 3), "autowebinar_outbox", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			for _, value := range test.before {
				f.DB.SetMeta(t, 3, test.key, value)
			}
			session := f.Change(t, 1, storetest.Enter("a", "s1")).Session
			c, err := f.Outbox.Stats(t.Context())
			require.NoError(t, err)
			assert.Equal(t, session.StartedAt, c.Oldest)
			assert.Equal(t, test.unsupported, c.UnsupportedVersion)
			assert.Equal(t, len(test.before)+1, c.Due+c.Deferred)
		})
	}
}

func TestStatsCountUnsupportedRows(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.DB.SetMeta(t, 3, "autowebinar_outbox_wait", "2|of the future")
	f.DB.SetMeta(t, 3, "autowebinar_outbox_dead", "2|given up")
	c, err := f.Outbox.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, outbox.Stats{Deferred: 1, Dead: 1, UnsupportedVersion: 1}, c, "their age is unknown")
}

func TestStatsOfALongQueueAreApproximate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	session := f.Change(t, 1, storetest.Enter("a", "s1")).Session
	_, err := f.DB.SQL.Exec(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
		SELECT 1, 'autowebinar_outbox', value.meta_value FROM wp_usermeta AS value,
			(SELECT 0 AS n ` + digits + `) AS a, (SELECT 0 AS n ` + digits + `) AS b, (SELECT 0 AS n ` + digits + `) AS c,
			(SELECT 0 AS n ` + digits + `) AS d, (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) AS e
		WHERE value.meta_key = 'autowebinar_outbox'`)
	require.NoError(t, err)

	c, err := f.Outbox.Stats(t.Context())
	require.NoError(t, err)
	assert.True(t, c.Approximate)
	assert.Greater(t, c.Due, 50_000)
	assert.Less(t, c.Due, 200_000, "there are 60 001")
	assert.Equal(t, session.StartedAt, c.Oldest)
}

const digits = "UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"
