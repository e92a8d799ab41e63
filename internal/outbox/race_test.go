package outbox_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/outbox"
	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

const (
	raceViewers = 6
	raceChanges = 40 // of each viewer
)

// Viewers change on two replicas while a dispatcher polls, acknowledges and
// reschedules: every event is acknowledged exactly once and in order.
func TestConcurrentChangesAndDeliveries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for id := uint64(4); id <= raceViewers; id++ {
		f.DB.AddUser(t, id, fmt.Sprintf("viewer%d", id), "$P$B")
	}
	other, _ := f.Replica(t)
	emitted := map[uuid.UUID]int{}
	var mu sync.Mutex
	var viewers sync.WaitGroup
	for user := webinar.UserID(1); user <= raceViewers; user++ {
		// Two tabs for each viewer, one on each replica.
		for tab, store := range []*usermeta.Store{f.Store, other} {
			viewers.Go(func() {
				for n := range raceChanges / 2 {
					result, err := store.Change(t.Context(), user, raceCommand(user, tab, n))
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					for _, event := range result.Events {
						emitted[event.ID] = 1
					}
					mu.Unlock()
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { viewers.Wait(); close(done) }()
	d := dispatcher{outbox: f.Outbox, accepted: map[uuid.UUID]int{}, last: map[webinar.UserID]uint64{}}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		d.round(t)
	}
	for d.round(t) > 0 {
	}

	assert.Equal(t, emitted, d.accepted, "each exactly once")
	assert.NotZero(t, d.postponed)
	var left int
	require.NoError(t, f.DB.SQL.Get(&left, "SELECT COUNT(*) FROM wp_usermeta WHERE meta_key LIKE '%outbox%'"))
	assert.Zero(t, left)
}

// raceCommand returns the n-th command of a tab: commands of all kinds that emit
// events or rename rows.
func raceCommand(user webinar.UserID, tab, n int) webinar.Command {
	id := webinar.ID([]string{"a", "b", "c"}[n/4%3])
	switch n % 4 {
	case 0:
		return storetest.Enter(id, webinar.SessionID(fmt.Sprintf("s%d-%d-%d", user, tab, n)))
	case 1:
		return storetest.Register(webinar.ID(fmt.Sprintf("w%d-%d", tab, n)))
	case 2:
		return storetest.Evaluate("", uuid.New())
	}
	return storetest.Exit("")
}

// dispatcher settles messages as the leader does: only the first message of a
// viewer is sent, and a failed one is rescheduled.
type dispatcher struct {
	outbox    *outbox.Queue
	accepted  map[uuid.UUID]int
	last      map[webinar.UserID]uint64
	postponed int
}

// round settles the first message of each viewer and returns how many there were.
func (d *dispatcher) round(t *testing.T) int {
	ctx := t.Context()
	due, err := d.outbox.DueViewers(ctx, 20)
	require.NoError(t, err)
	deferred, err := d.outbox.DeferredViewers(ctx)
	require.NoError(t, err)
	pending := append(due, deferred...)
	for _, p := range pending {
		queued, err := d.outbox.ViewerQueue(ctx, p.User)
		require.NoError(t, err)
		for len(queued.Messages) > 0 {
			head := &queued.Messages[0]
			begun, err := d.outbox.MarkAttempt(ctx, head, time.Now())
			require.NoError(t, err)
			require.True(t, begun, "no other process changes the row")
			if head.Attempts == 0 && rand.N(3) == 0 {
				head.Attempts++
				require.NoError(t, d.outbox.Reschedule(ctx, queued))
				d.postponed++
				break
			}
			require.NoError(t, d.outbox.Ack(ctx, *head))
			d.accepted[head.Event.ID]++
			assert.Greater(t, head.RowID, d.last[p.User], "in order")
			d.last[p.User] = head.RowID
			queued.Messages = queued.Messages[1:]
		}
	}
	return len(pending)
}
