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
func (d *diary) Repeated(why string)   { d.lines = append(d.lines, "repeated: "+why) }
func (d *diary) TurnedAway(why string) { d.lines = append(d.lines, "turned away: "+why) }

func TestTheObserverIsToldOfCommitsAndOfThoseTurnedAway(t *testing.T) {
	t.Parallel()
	told := &diary{}
	db, err := Open(Config{DSN: mysql.NewConfig()})
	assert.NoError(t, err)
	assert.NoError(t, db.Close()) // every commit fails at once, for no passing reason
	s := New(db, Config{DSN: mysql.NewConfig(), Observer: told}, slog.New(slog.DiscardHandler), nil)
	s.fit.Store(true)
	change := func() error {
		return s.Change(t.Context(), 2, func(v webinar.Viewer, _ time.Time) (webinar.Viewer, []webinar.Event, error) { return v, nil, nil })
	}

	assert.Error(t, change())
	assert.Equal(t, []string{"committed 1"}, told.lines)

	s.lanes[0].room = 0
	assert.ErrorIs(t, change(), errCrowded)
	assert.Equal(t, []string{"committed 1", "turned away: full"}, told.lines)
	assert.Equal(t, Pressure{Room: 2 * laneRoom}, s.Pressure(), "a lane, and beside the lanes")

	tellRefused(told, fmt.Errorf("%w: %w", ErrUnavailable, errExpired))
	tellRefused(told, webinar.ErrNoSession)
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
		assert.True(t, again(tt.err), "%v", tt.err)
		assert.Equal(t, tt.why, whyAgain(tt.err), "%v", tt.err)
	}
}
