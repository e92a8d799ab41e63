package webhook

import (
	"cmp"
	"math/rand/v2"
	"time"
)

// DefaultBudget is the time from its first attempt for which a message is
// retried.
const DefaultBudget = 7 * 24 * time.Hour

// DefaultSchedule returns the pauses after each failed attempt; the last one
// repeats.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
}

const jitter = 0.1 // fraction of the pause, in both directions

// RetryPolicy determines when a failed message is retried. Its zero value is the
// default policy.
type RetryPolicy struct {
	Schedule []time.Duration // pause after the nth failure, the last one repeats; empty means DefaultSchedule
	Budget   time.Duration   // 0 means DefaultBudget
	Random   func() float64  // in [0,1), safe for concurrent use; nil means math/rand
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if len(p.Schedule) == 0 {
		p.Schedule = DefaultSchedule()
	}
	p.Budget = cmp.Or(p.Budget, DefaultBudget)
	if p.Random == nil {
		p.Random = rand.Float64
	}
	return p
}

// Next returns the time of the next attempt after the given number of attempts,
// the first of which was made at first: the pause of the schedule ±10 %, or
// retryAfter if that is longer. dead reports that this exceeds the budget.
func (p RetryPolicy) Next(attempts int, first, now time.Time, retryAfter time.Duration) (next time.Time, dead bool) {
	p = p.withDefaults()
	pause := float64(p.pause(attempts)) * (1 - jitter + 2*jitter*p.Random())
	next = now.Add(max(time.Duration(pause), retryAfter))
	return next, next.Sub(first) > p.Budget
}

// pause returns the pause of the schedule after the nth failure, without jitter.
func (p RetryPolicy) pause(failures int) time.Duration {
	return p.Schedule[min(max(failures, 1), len(p.Schedule))-1]
}
