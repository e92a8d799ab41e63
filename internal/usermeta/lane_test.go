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
	return &change{until: time.Now().Add(time.Second), done: make(chan struct{}), lead: make(chan struct{})}
}

// slowLane commits in 100 ms and notes the size of every batch.
func slowLane(batch, room int) (*lane, *[]int) {
	var sizes []int
	return &lane{most: batch, room: room, commit: func(changes []*change) {
		sizes = append(sizes, len(changes))
		time.Sleep(100 * time.Millisecond)
		finishAll(changes, nil)
	}}, &sizes
}

func TestTheFirstChangeWaitsForNobodyAndTheRestShareCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, sizes := slowLane(40, 1000)
		begun := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, l.do(newChange()))
			assert.Equal(t, 100*time.Millisecond, time.Since(begun))
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { assert.NoError(t, l.do(newChange())) })
		}
		wg.Wait()
		assert.Equal(t, []int{1, 40, 40, 20}, *sizes)
		assert.Equal(t, 400*time.Millisecond, time.Since(begun))
		assert.NoError(t, l.do(newChange()), "the lane is idle again")
	})
}

func TestALaneIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := slowLane(1, 3)
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, l.do(newChange())) })
		synctest.Wait()
		for range 3 {
			wg.Go(func() { assert.NoError(t, l.do(newChange())) })
		}
		synctest.Wait()
		err := l.do(newChange())
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorIs(t, err, errCrowded)
		wg.Wait()
		assert.NoError(t, l.do(newChange()))
	})
}

func TestAChangeThatWaitedTooLongIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, sizes := slowLane(1, 100)
		var wg sync.WaitGroup
		errs := make(chan error, 20)
		for range cap(errs) {
			wg.Go(func() { errs <- l.do(newChange()) })
		}
		wg.Wait()
		close(errs)
		expired := 0
		for err := range errs {
			if err != nil {
				assert.ErrorIs(t, err, errExpired)
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
		l := &lane{most: 10, room: 10}
		l.commit = func(changes []*change) {
			time.Sleep(time.Millisecond)
			if broken && len(changes) > 1 {
				broken = false
				panic("bug")
			}
			finishAll(changes, nil)
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
				if err := l.do(newChange()); errors.Is(err, errAborted) {
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
		assert.NoError(t, l.do(newChange()))
	})
}

// Rows are locked for as long as a commit takes, so slow ones become smaller.
func TestBatchesFollowTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lane{most: 64, room: 1000}
		each := 10 * time.Millisecond // a change
		largest := 0
		l.commit = func(changes []*change) {
			largest = max(largest, len(changes))
			time.Sleep(time.Duration(len(changes)) * each)
			finishAll(changes, nil)
		}
		crowd := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					_ = l.do(&change{until: time.Now().Add(time.Hour), done: make(chan struct{}), lead: make(chan struct{})})
				})
			}
			wg.Wait()
		}
		crowd(300)
		largest = 0
		crowd(50)
		assert.Equal(t, leastBatch, largest, "80 ms, no longer")
		each = 10 * time.Microsecond
		crowd(500)
		largest = 0
		crowd(200)
		assert.Equal(t, 64, largest, "as many as may be once they are quick")
	})
}
