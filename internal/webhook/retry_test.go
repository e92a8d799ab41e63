package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"autowebinar/internal/webhook"
)

func noJitter() float64 { return 0.5 }

func TestDefaultScheduleCoversSevenDays(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	now, policy := first, webhook.RetryPolicy{Random: noJitter}
	var pauses []string
	for attempt := 1; ; attempt++ {
		next, dead := policy.Next(attempt, first, now, 0)
		if dead {
			break
		}
		pauses = append(pauses, next.Sub(now).String())
		now = next
	}
	assert.Equal(t, "5s 30s 2m0s 10m0s 1h0m0s 3h0m0s 6h0m0s 12h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s", strings.Join(pauses, " "))
	assert.InDelta(t, 7*24, now.Sub(first).Hours(), 24, "the last attempt is on the last day")
}

func TestNextRespectsScheduleRetryAfterAndBudget(t *testing.T) {
	t.Parallel()
	schedule := webhook.DefaultSchedule()
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(0, 10_000).Draw(t, "attempts")
		age := time.Duration(rapid.Int64Range(0, int64(8*24*time.Hour)).Draw(t, "age"))
		retryAfter := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "retryAfter"))
		policy := webhook.RetryPolicy{Random: func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "random") }}
		now := time.Unix(1_800_000_000, 0)

		next, dead := policy.Next(attempts, now.Add(-age), now, retryAfter)

		pause := schedule[min(max(attempts, 1), len(schedule))-1]
		assert.GreaterOrEqual(t, next.Sub(now), max(pause*9/10, retryAfter))
		assert.LessOrEqual(t, next.Sub(now), max(pause*11/10, retryAfter))
		assert.Equal(t, next.Sub(now)+age > webhook.DefaultBudget, dead)
	})
}
