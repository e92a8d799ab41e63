package usermeta

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newChange is a change that waits for a second at most.
func newChange() *change {
	return &change{deadline: time.Now().Add(time.Second), done: make(chan struct{}), promoted: make(chan struct{})}
}

// slowLane commits in 100 ms and notes the size of every batch.
func slowLane(batch, room int) (*commitQueue, *[]int) {
	var sizes []int
	return &commitQueue{maxBatch: batch, capacity: room, commit: func(changes []*change) {
		sizes = append(sizes, len(changes))
		time.Sleep(100 * time.Millisecond)
		resolveAll(changes, nil)
	}}, &sizes
}

func TestTheFirstChangeWaitsForNobodyAndTheRestShareCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, sizes := slowLane(40, 1000)
		begun := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, l.Submit(newChange()))
			assert.Equal(t, 100*time.Millisecond, time.Since(begun))
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { assert.NoError(t, l.Submit(newChange())) })
		}
		wg.Wait()
		assert.Equal(t, []int{1, 40, 40, 20}, *sizes)
		assert.Equal(t, 400*time.Millisecond, time.Since(begun))
		assert.NoError(t, l.Submit(newChange()), "the lane is idle again")
	})
}

func TestALaneIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := slowLane(1, 3)
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, l.Submit(newChange())) })
		synctest.Wait()
		for range 3 {
			wg.Go(func() { assert.NoError(t, l.Submit(newChange())) })
		}
		synctest.Wait()
		err := l.Submit(newChange())
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorIs(t, err, errQueueFull)
		wg.Wait()
		assert.NoError(t, l.Submit(newChange()))
	})
}

func TestAChangeThatWaitedTooLongIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, sizes := slowLane(1, 100)
		var wg sync.WaitGroup
		errs := make(chan error, 20)
		for range cap(errs) {
			wg.Go(func() { errs <- l.Submit(newChange()) })
		}
		wg.Wait()
		close(errs)
		expired := 0
		for err := range errs {
			if err != nil {
				assert.ErrorIs(t, err, errQueueTimeout)
				expired++
			}
		}
		assert.Len(t, *sizes, 11, "one second of commits")
		assert.Equal(t, 9, expired)
	})
}

func TestACommitThatPanicsAnswersEverybodyAndTheLaneGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		l := &commitQueue{maxBatch: 10, capacity: 10}
		l.commit = func(changes []*change) {
			time.Sleep(time.Millisecond)
			if broken && len(changes) > 1 {
				broken = false
				panic("bug")
			}
			resolveAll(changes, nil)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		var aborted, panics int
		for range 4 {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						mu.Lock()
						panics++
						mu.Unlock()
					}
				}()
				if err := l.Submit(newChange()); errors.Is(err, errCommitPanic) {
					mu.Lock()
					aborted++
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		assert.Equal(t, 1, panics, "the caller who led")
		assert.Equal(t, 2, aborted, "those who waited with it")
		assert.NoError(t, l.Submit(newChange()))
	})
}

// Rows are locked for as long as a commit takes, so slow ones become smaller.
func TestBatchesFollowTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &commitQueue{maxBatch: 64, capacity: 1000}
		each := 10 * time.Millisecond // a change
		largest := 0
		l.commit = func(changes []*change) {
			largest = max(largest, len(changes))
			time.Sleep(time.Duration(len(changes)) * each)
			resolveAll(changes, nil)
		}
		crowd := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					_ = l.Submit(&change{deadline: time.Now().Add(time.Hour), done: make(chan struct{}), promoted: make(chan struct{})})
				})
			}
			wg.Wait()
		}
		crowd(300)
		largest = 0
		crowd(50)
		assert.Equal(t, minBatch, largest, "80 ms, no longer")
		each = 10 * time.Microsecond
		crowd(500)
		largest = 0
		crowd(200)
		assert.Equal(t, 64, largest, "as many as may be once they are quick")
	})
}
