package usermeta_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
)

func TestACensusCountsTheOutboxOfTheSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	census := func() usermeta.Census {
		c, err := b.outbox.Census(t.Context())
		require.NoError(t, err)
		return c
	}
	assert.Zero(t, census(), "nothing waits, nobody leads")

	b.change(t, 1, enter("a", "s1"))
	b.change(t, 2, enter("a", "s2"))
	b.change(t, 2, exit("a"))
	first := b.backlog(t, 1).Messages[0]
	assert.Equal(t, usermeta.Census{Due: 3, Oldest: first.Event.At}, census())

	backlog := b.backlog(t, 2)
	backlog.Messages[0].Attempts, backlog.Messages[0].NextAttempt = 1, time.Now().Add(time.Hour)
	require.NoError(t, b.outbox.Postpone(t.Context(), backlog))
	assert.Equal(t, usermeta.Census{Due: 1, Waiting: 2, Oldest: first.Event.At}, census())

	require.NoError(t, b.outbox.Bury(t.Context(), first))
	c := census()
	assert.Equal(t, []int{0, 2, 1}, []int{c.Due, c.Waiting, c.Dead})
	assert.Equal(t, b.backlog(t, 2).Messages[0].Event.At, c.Oldest, "the dead do not count")

	b.db.SetMeta(t, 7, "autowebinar_OUTBOX", "another key to WordPress")
	b.db.SetMeta(t, 7, "autowebinar_outbox", "not an outbox value")
	c = census()
	assert.Equal(t, 1, c.Due)
	assert.False(t, c.Estimated)
}

func TestACensusOfAVeryLongQueueIsAnEstimate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	session := b.change(t, 1, enter("a", "s1")).Session
	_, err := b.db.SQL.Exec(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
		SELECT 1, 'autowebinar_outbox', value.meta_value FROM wp_usermeta AS value,
			(SELECT 0 AS n ` + digits + `) AS a, (SELECT 0 AS n ` + digits + `) AS b, (SELECT 0 AS n ` + digits + `) AS c,
			(SELECT 0 AS n ` + digits + `) AS d, (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) AS e
		WHERE value.meta_key = 'autowebinar_outbox'`)
	require.NoError(t, err)

	c, err := b.outbox.Census(t.Context())
	require.NoError(t, err)
	assert.True(t, c.Estimated)
	assert.Greater(t, c.Due, 50_000)
	assert.Less(t, c.Due, 200_000, "there are 60 001")
	assert.Equal(t, session.StartedAt, c.Oldest)
}

const digits = "UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"
