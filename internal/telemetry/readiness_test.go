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

const timedOut = "no response within 1s"

// hang returns when ctx ends.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestReadinessRunsChecksConcurrentlyWithTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		h.Register("hangs", hang)
		h.Register("hangs too", hang)
		h.Register("slow", func(context.Context) error {
			time.Sleep(900 * time.Millisecond) // fake time
			return nil
		})
		start := time.Now()

		report := h.Readiness(t.Context())

		assert.Equal(t, telemetry.CheckTimeout, time.Since(start))
		assert.Equal(t, telemetry.StatusUnready, report.Status)
		assert.Equal(t, map[string]telemetry.CheckState{
			"hangs":     {State: telemetry.StateFailed, Reason: timedOut},
			"hangs too": {State: telemetry.StateFailed, Reason: timedOut},
			"slow":      {State: telemetry.StateOK},
		}, report.Checks)
	})
}

func TestHangingCheckCostsOneGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		release := make(chan struct{})
		var runs atomic.Int32
		h.Register("stuck", func(context.Context) error {
			runs.Add(1)
			<-release // ignores its context
			return nil
		})

		for range 5 {
			assert.Equal(t, timedOut, h.Readiness(t.Context()).Checks["stuck"].Reason)
		}
		assert.EqualValues(t, 1, runs.Load())

		close(release)
		synctest.Wait()
		assert.Equal(t, telemetry.StatusReady, h.Readiness(t.Context()).Status)
		assert.EqualValues(t, 2, runs.Load(), "the next probe starts a new run")
	})
}

func TestCanceledProbeDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		h.Register("slow", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return errors.New("canceled")
			case <-time.After(500 * time.Millisecond):
				return nil
			}
		})
		canceled, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var first, second telemetry.Readiness
		wg.Go(func() { first = h.Readiness(canceled) })
		synctest.Wait()
		wg.Go(func() { second = h.Readiness(t.Context()) })
		synctest.Wait()

		cancel()
		wg.Wait()

		require.Equal(t, telemetry.StatusUnready, first.Status)
		assert.Equal(t, context.Canceled.Error(), first.Checks["slow"].Reason)
		assert.Equal(t, telemetry.StatusReady, second.Status)
	})
}
