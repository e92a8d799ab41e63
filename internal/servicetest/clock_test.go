package servicetest

import (
	"context"
	"database/sql"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
)

func TestDatabaseClockSteps(t *testing.T) {
	t.Parallel()
	clock := NewDatabaseClock(t)
	server, err := mariadbd.Start(t.Context(), mariadbd.Config{Env: clock.Env})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	db, err := sql.Open("mysql", server.AdminDSN(""))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(4)

	waiter, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer waiter.Close()
	for _, ahead := range []time.Duration{0, time.Hour, 0, -time.Hour, time.Hour, 0} {
		clock.Set(t, ahead)
		var seconds int64
		require.NoError(t, db.QueryRow("SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP())").Scan(&seconds))
		assert.InDelta(t, time.Now().Add(ahead).Unix(), seconds, 5, ahead)

		// Waits of the server do not depend on the clock that was set.
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := waiter.ExecContext(ctx, "SELECT SLEEP(0.2)")
		cancel()
		require.NoError(t, err, ahead)
		assert.GreaterOrEqual(t, time.Since(begun), 150*time.Millisecond)
	}
}

func TestServiceClockSteps(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), NewReceiver(t)
	clock := NewServiceClock(t)
	env := Settings(db.DSN, receiver.URL)
	maps.Copy(env, clock.Env)
	s := StartBinary(t, clock.Binary, env).Ready(t)
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		clock.Set(t, ahead)
		assert.WithinDuration(t, time.Now().Add(ahead), s.Time(), time.Minute, ahead)
	}
}
