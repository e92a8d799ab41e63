package telemetry_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/telemetry"
)

const noAnswer = "no answer within 1s"

// obedient hangs until it is told to stop.
func obedient(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestReadinessRunsChecksInParallelAndGivesUpAfterASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		h.Register("hangs", obedient)
		h.Register("hangs too", obedient)
		h.Register("slow", func(context.Context) error {
			time.Sleep(900 * time.Millisecond) // fake time
			return nil
		})
		start := time.Now()

		report := h.Readiness(t.Context())

		assert.Equal(t, telemetry.CheckTimeout, time.Since(start))
		assert.Equal(t, telemetry.StatusUnready, report.Status)
		assert.Equal(t, map[string]telemetry.CheckState{
			"hangs":     {State: telemetry.StateFailed, Reason: noAnswer},
			"hangs too": {State: telemetry.StateFailed, Reason: noAnswer},
			"slow":      {State: telemetry.StateOK},
		}, report.Checks)
	})
}

func TestAStuckCheckCostsOneGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		release := make(chan struct{})
		var runs atomic.Int32
		h.Register("deaf", func(context.Context) error {
			runs.Add(1)
			<-release // deaf to its context
			return nil
		})

		for range 5 {
			assert.Equal(t, noAnswer, h.Readiness(t.Context()).Checks["deaf"].Reason)
		}
		assert.EqualValues(t, 1, runs.Load())

		close(release)
		synctest.Wait()
		assert.Equal(t, telemetry.StatusReady, h.Readiness(t.Context()).Status)
		assert.EqualValues(t, 2, runs.Load(), "the next prober starts a new run")
	})
}

func TestAProberThatHangsUpDoesNotSpoilTheOthersRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		h.Register("slow", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return errors.New("cut off")
			case <-time.After(500 * time.Millisecond):
				return nil
			}
		})
		impatient, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var first, second telemetry.Readiness
		wg.Go(func() { first = h.Readiness(impatient) })
		synctest.Wait()
		wg.Go(func() { second = h.Readiness(t.Context()) })
		synctest.Wait()

		hangUp()
		wg.Wait()

		require.Equal(t, telemetry.StatusUnready, first.Status)
		assert.Equal(t, context.Canceled.Error(), first.Checks["slow"].Reason)
		assert.Equal(t, telemetry.StatusReady, second.Status)
	})
}
