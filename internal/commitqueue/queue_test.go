package commitqueue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/commitqueue"
)

// submit queues a value with a deadline in one second.
func submit(q *commitqueue.Queue[int]) error {
	return q.Submit(context.Background(), 0, time.Now().Add(time.Second))
}

// slowQueue commits in 100 ms and records the size of each batch.
func slowQueue(maxBatch, capacity int) (*commitqueue.Queue[int], *[]int) {
	var sizes []int
	return commitqueue.New(maxBatch, capacity, func(batch []*commitqueue.Request[int]) {
		sizes = append(sizes, len(batch))
		time.Sleep(100 * time.Millisecond)
		commitqueue.ResolveAll(batch, nil)
	}), &sizes
}

func TestFirstRequestCommitsAtOnceAndOthersShareCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, sizes := slowQueue(40, 1000)
		begun := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, submit(q))
			assert.Equal(t, 100*time.Millisecond, time.Since(begun))
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { assert.NoError(t, submit(q)) })
		}
		wg.Wait()
		assert.Equal(t, []int{1, 40, 40, 20}, *sizes)
		assert.Equal(t, 400*time.Millisecond, time.Since(begun))
		assert.NoError(t, submit(q), "the queue is idle again")
	})
}

func TestFullQueueRejectsRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, _ := slowQueue(1, 3)
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, submit(q)) })
		synctest.Wait()
		for range 3 {
			wg.Go(func() { assert.NoError(t, submit(q)) })
		}
		synctest.Wait()
		assert.Equal(t, 3, q.Len())
		assert.Equal(t, 3, q.Cap())
		require.ErrorIs(t, submit(q), commitqueue.ErrFull)
		wg.Wait()
		assert.NoError(t, submit(q))
	})
}

func TestExpiredRequestIsNotCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, sizes := slowQueue(1, 100)
		var wg sync.WaitGroup
		errs := make(chan error, 20)
		for range cap(errs) {
			wg.Go(func() { errs <- submit(q) })
		}
		wg.Wait()
		close(errs)
		expired := 0
		for err := range errs {
			if err != nil {
				assert.ErrorIs(t, err, commitqueue.ErrTimeout)
				expired++
			}
		}
		assert.Len(t, *sizes, 11, "the number of batches committed in one second")
		assert.Equal(t, 9, expired)
	})
}

func TestCanceledRequestIsWithdrawnUnlessItsCommitHasStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, sizes := slowQueue(10, 100)
		ctx, cancel := context.WithCancel(t.Context())
		begun, promoted, queued := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		var wg sync.WaitGroup
		for _, result := range []chan error{begun, promoted, queued} {
			wg.Go(func() { result <- q.Submit(ctx, 0, time.Now().Add(time.Second)) })
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		assert.ErrorIs(t, <-promoted, context.Canceled, "the second request is not promoted before the first commit has ended")
		assert.ErrorIs(t, <-queued, context.Canceled)
		assert.Empty(t, begun, "the canceled request waits for the commit that includes it")
		wg.Wait()
		assert.NoError(t, <-begun)
		assert.NoError(t, submit(q), "the queue still works")
		assert.Equal(t, []int{1, 1}, *sizes)
	})
}

// A request that is canceled at the moment of its promotion must still make the
// next commit, or no request would be committed any more.
func TestCanceledRequestsDoNotStopQueue(t *testing.T) {
	t.Parallel()
	q := commitqueue.New(3, 10_000, func(batch []*commitqueue.Request[int]) { commitqueue.ResolveAll(batch, nil) })
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				ctx, cancel := context.WithCancel(t.Context())
				if (worker+i)%2 == 0 {
					go cancel()
				}
				err := q.Submit(ctx, i, time.Now().Add(time.Hour))
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	assert.Zero(t, q.Len())
	assert.NoError(t, q.Submit(t.Context(), 0, time.Now().Add(time.Hour)))
}

func TestPanicInCommitResolvesRequestsAndQueueContinues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		q := commitqueue.New(10, 10, func(batch []*commitqueue.Request[int]) {
			time.Sleep(time.Millisecond)
			if broken && len(batch) > 1 {
				broken = false
				panic("bug")
			}
			commitqueue.ResolveAll(batch, nil)
		})
		var wg sync.WaitGroup
		var mu sync.Mutex
		var failed, panics int
		for range 4 {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						mu.Lock()
						panics++
						mu.Unlock()
					}
				}()
				if err := submit(q); errors.Is(err, commitqueue.ErrPanic) {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		assert.Equal(t, 1, panics, "the caller that committed panics")
		assert.Equal(t, 2, failed, "the other requests of the batch fail")
		assert.NoError(t, submit(q))
	})
}

// Rows are locked for as long as a commit takes, so slow batches become smaller.
func TestBatchSizeFollowsTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		each := 10 * time.Millisecond // for one request
		largest := 0
		q := commitqueue.New(64, 1000, func(batch []*commitqueue.Request[int]) {
			largest = max(largest, len(batch))
			time.Sleep(time.Duration(len(batch)) * each)
			commitqueue.ResolveAll(batch, nil)
		})
		submitMany := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() { _ = q.Submit(t.Context(), 0, time.Now().Add(time.Hour)) })
			}
			wg.Wait()
		}
		submitMany(300)
		largest = 0
		submitMany(50)
		assert.Equal(t, 8, largest, "80 ms, no longer")
		each = 10 * time.Microsecond
		submitMany(500)
		largest = 0
		submitMany(200)
		assert.Equal(t, 64, largest, "the largest batch once commits are quick")
	})
}
