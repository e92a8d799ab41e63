package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webhook"
)

func steady() float64 { return 0.5 }

func TestDefaultScheduleLastsSevenDays(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	now, policy := first, webhook.RetryPolicy{Random: steady}
	var waits []string
	for attempt := 1; ; attempt++ {
		next, dead := policy.Next(attempt, first, now, 0)
		if dead {
			break
		}
		waits = append(waits, next.Sub(now).String())
		now = next
	}
	assert.Equal(t, "5s 30s 2m0s 10m0s 1h0m0s 3h0m0s 6h0m0s 12h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s", strings.Join(waits, " "))
	assert.InDelta(t, 7*24, now.Sub(first).Hours(), 24, "the last attempt is on the last day")
}

func TestNextStaysWithinJitterBudgetAndRetryAfter(t *testing.T) {
	t.Parallel()
	schedule := webhook.DefaultSchedule()
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(0, 10_000).Draw(t, "attempts")
		age := time.Duration(rapid.Int64Range(0, int64(8*24*time.Hour)).Draw(t, "age"))
		after := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "retryAfter"))
		policy := webhook.RetryPolicy{Random: func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "random") }}
		now := time.Unix(1_800_000_000, 0)

		next, dead := policy.Next(attempts, now.Add(-age), now, after)

		wait := schedule[min(max(attempts, 1), len(schedule))-1]
		assert.GreaterOrEqual(t, next.Sub(now), max(wait*9/10, after))
		assert.LessOrEqual(t, next.Sub(now), max(wait*11/10, after))
		assert.Equal(t, next.Sub(now)+age > webhook.DefaultBudget, dead)
	})
}

func TestParseSchedule(t *testing.T) {
	t.Parallel()
	schedule, err := webhook.ParseSchedule("5s, 30s,2m")
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}, schedule)

	for _, bad := range []string{"", "5s,", "5", "soon", "-5s", "0s", "169h", "5s;30s", strings.Repeat("1s,", 100) + "1s"} {
		_, err := webhook.ParseSchedule(bad)
		assert.ErrorIs(t, err, webhook.ErrSchedule, bad)
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"5s,30s,2m", "", ",", "1e9h", "-1s", "168h", "1ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := webhook.ParseSchedule(text)
		if err != nil {
			assert.ErrorIs(t, err, webhook.ErrSchedule)
			return
		}
		now := time.Now()
		for attempt := range len(schedule) + 2 {
			next, _ := webhook.RetryPolicy{Schedule: schedule, Random: steady}.Next(attempt, now, now, 0)
			assert.False(t, next.Before(now))
		}
	})
}
