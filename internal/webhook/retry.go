package webhook

import (
	"math/rand/v2"
	"time"
)

// DefaultBudget is how long a message is tried, from its first attempt.
const DefaultBudget = 7 * 24 * time.Hour

// DefaultSchedule is the wait after each failed attempt; the last one repeats.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
}

const jitter = 0.1 // of the wait, either way

// RetryPolicy says when a message that failed is tried again. Its zero value
// is the default policy.
type RetryPolicy struct {
	Schedule []time.Duration // wait after the nth failure, the last one repeats; empty: DefaultSchedule
	Budget   time.Duration   // 0: DefaultBudget
	Random   func() float64  // in [0,1), safe for parallel use; nil: math/rand
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if len(p.Schedule) == 0 {
		p.Schedule = DefaultSchedule()
	}
	if p.Budget == 0 {
		p.Budget = DefaultBudget
	}
	if p.Random == nil {
		p.Random = rand.Float64
	}
	return p
}

// Next is the time of the attempt after the attempts made so far (1 or more),
// the first of which was at first: the schedule's wait ±10 %, or retryAfter
// where that is longer. dead: that would be beyond the budget.
func (p RetryPolicy) Next(attempts int, first, now time.Time, retryAfter time.Duration) (next time.Time, dead bool) {
	p = p.withDefaults()
	wait := float64(p.wait(attempts)) * (1 - jitter + 2*jitter*p.Random())
	next = now.Add(max(time.Duration(wait), retryAfter))
	return next, next.Sub(first) > p.Budget
}

// wait is the schedule's wait after the nth failure, without jitter.
func (p RetryPolicy) wait(failures int) time.Duration {
	return p.Schedule[min(max(failures, 1), len(p.Schedule))-1]
}
