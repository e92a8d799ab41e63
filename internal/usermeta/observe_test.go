package usermeta

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/commitqueue"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// recorder records the calls of an observer.
type recorder struct{ calls []string }

func (r *recorder) Committed(changes int, _ time.Duration) {
	r.calls = append(r.calls, fmt.Sprintf("committed %d", changes))
}
func (r *recorder) Retried(reason string)  { r.calls = append(r.calls, "retried: "+reason) }
func (r *recorder) Rejected(reason string) { r.calls = append(r.calls, "rejected: "+reason) }

func TestObserverReceivesCommitsAndRejections(t *testing.T) {
	t.Parallel()
	observer := &recorder{}
	db, err := wpdb.Open(wpdb.Config{DSN: mysql.NewConfig()})
	require.NoError(t, err)
	require.NoError(t, db.Close()) // every commit fails at once, and not temporarily
	s := New(db, Options{Observer: observer})
	s.SetReady()
	change := func() error {
		_, err := s.Change(t.Context(), 2, func(v webinar.Viewer, _ time.Time) (webinar.Result, error) { return webinar.Result{Viewer: v}, nil })
		return err
	}

	require.Error(t, change())
	assert.Equal(t, []string{"committed 1"}, observer.calls)
	assert.Equal(t, Load{Capacity: 3 * queueCapacity}, s.Load(), "two queues and the lock waiters")

	s.queues[0] = commitqueue.New(maxBatch, 0, s.commitBatch)
	err = change()
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	require.ErrorIs(t, err, commitqueue.ErrFull)
	assert.Equal(t, []string{"committed 1", "rejected: full"}, observer.calls)

	require.ErrorIs(t, s.rejected(commitqueue.ErrTimeout), wpdb.ErrUnavailable)
	require.Equal(t, webinar.ErrNoSession, s.rejected(webinar.ErrNoSession))
	assert.Equal(t, []string{"committed 1", "rejected: full", "rejected: timeout"}, observer.calls)
}
