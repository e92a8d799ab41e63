package usermeta

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webinar"
)

// diary is what an observer was told.
type diary struct{ lines []string }

func (d *diary) Committed(changes int, _ time.Duration) {
	d.lines = append(d.lines, fmt.Sprintf("committed %d", changes))
}
func (d *diary) Retried(why string)  { d.lines = append(d.lines, "repeated: "+why) }
func (d *diary) Rejected(why string) { d.lines = append(d.lines, "turned away: "+why) }

func TestTheObserverIsToldOfCommitsAndOfThoseTurnedAway(t *testing.T) {
	t.Parallel()
	told := &diary{}
	db, err := Open(Config{DSN: mysql.NewConfig()})
	assert.NoError(t, err)
	assert.NoError(t, db.Close()) // every commit fails at once, for no passing reason
	s := New(db, Config{DSN: mysql.NewConfig(), Observer: told}, slog.New(slog.DiscardHandler), nil)
	s.ready.Store(true)
	change := func() error {
		return s.Change(t.Context(), 2, func(v webinar.Viewer, _ time.Time) (webinar.Viewer, []webinar.Event, error) { return v, nil, nil })
	}

	assert.Error(t, change())
	assert.Equal(t, []string{"committed 1"}, told.lines)

	s.queues[0].capacity = 0
	assert.ErrorIs(t, change(), errQueueFull)
	assert.Equal(t, []string{"committed 1", "turned away: full"}, told.lines)
	assert.Equal(t, Load{Capacity: 2 * queueCapacity}, s.Load(), "a lane, and beside the lanes")

	observeRejection(told, fmt.Errorf("%w: %w", ErrUnavailable, errQueueTimeout))
	observeRejection(told, webinar.ErrNoSession)
	assert.Equal(t, []string{"committed 1", "turned away: full", "turned away: late"}, told.lines)
}

func TestWhyATransactionIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err error
		why string
	}{
		{&mysql.MySQLError{Number: 1213}, "deadlock"},
		{fmt.Errorf("commit: %w", &mysql.MySQLError{Number: 1020}), "deadlock"},
		{&mysql.MySQLError{Number: 1205}, "lock_wait"},
		{&mysql.MySQLError{Number: 3572}, "lock_wait"},
		{&mysql.MySQLError{Number: 2013}, "connection"},
		{io.ErrUnexpectedEOF, "connection"},
		{errors.Join(mysql.ErrInvalidConn), "connection"},
	} {
		assert.True(t, isRetryable(tt.err), "%v", tt.err)
		assert.Equal(t, tt.why, retryReason(tt.err), "%v", tt.err)
	}
}
