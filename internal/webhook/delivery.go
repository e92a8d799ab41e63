package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"autowebinar/internal/clock"
	"autowebinar/internal/failpoint"
	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// settleTimeout limits a write of a delivery's result, also during shutdown.
const settleTimeout = 5 * time.Second

// resultKind is how a delivery or a merge ended.
type resultKind int

const (
	resultEmpty       resultKind = iota // the viewer has nothing to send, or no longer exists
	resultUnsupported                   // the first message has an unsupported version
	resultQueueError                    // the queue failed, or the row has changed: nothing was sent
	resultDeferred                      // nothing was sent; newer rows were deferred behind the first message
	resultDelivered                     // the first message was accepted and deleted
	resultDead                          // the first message is dead
	resultRescheduled                   // the first message failed and is deferred
	resultCanceled                      // the run ended first
)

// result is the result of a delivery or a merge.
type result struct {
	entry   *entry
	probe   bool // sent while the breaker was open
	isMerge bool // of mergeNewRows, not of send
	kind    resultKind
	attempt AttemptResult  // if an attempt was made
	head    outbox.Message // for resultDeferred and resultRescheduled: the first message as now stored

	// For resultDelivered and resultDead: the following message, if it was read,
	// and whether the first one was deferred, so that newer rows may be too.
	next        *outbox.Message
	wasDeferred bool

	discarded int // number of messages discarded
}

// deliverer makes deliveries. It is safe for concurrent use, but not for the
// same viewer.
type deliverer struct {
	cfg    Config
	health *queueHealth
}

// send makes an attempt to deliver the first message of a viewer, even if it is
// not due, and records the result.
func (d *deliverer) send(ctx context.Context, user webinar.UserID) result {
	v, res := d.load(ctx, user)
	if len(v.Messages) == 0 {
		return res
	}
	head := &v.Messages[0]
	marked, err := d.cfg.Queue.MarkAttempt(ctx, head, clock.Now())
	if err != nil {
		return d.queueError(ctx, opWrite, err)
	}
	if head.Attempts == 0 {
		d.health.recordSuccess(ctx, opWrite)
	}
	if !marked {
		res.kind = resultQueueError // the row has changed or vanished: read it again
		return res
	}
	res.attempt = d.attempt(ctx, v)
	if res.attempt.Outcome == Canceled {
		res.kind = resultCanceled
		return res
	}
	head.Attempts++
	res.wasDeferred = head.Deferred
	if len(v.Messages) > 1 {
		res.next = &v.Messages[1]
	}
	if res.attempt.Outcome == Accepted {
		d.logAttempt(ctx, slog.LevelInfo, "event delivered", *head, res.attempt)
		res.kind = d.settle(ctx, resultDelivered, func(ctx context.Context) error { return d.cfg.Queue.Ack(ctx, *head) })
		return res
	}
	// Keep the monotonic reading, so that changes of the wall clock do not affect
	// the schedule of this process.
	next, dead := d.cfg.Retry.Next(head.Attempts, head.FirstAttempt, clock.Now(), res.attempt.RetryAfter)
	if dead {
		head.NextAttempt = time.Time{}
		d.logAttempt(ctx, slog.LevelError, "event dead-lettered: retry budget exhausted", *head, res.attempt)
		res.kind = d.settle(ctx, resultDead, func(ctx context.Context) error { return d.cfg.Queue.DeadLetter(ctx, *head) })
		return res
	}
	head.NextAttempt = next
	d.logAttempt(ctx, slog.LevelWarn, "event not delivered", *head, res.attempt)
	res.head = *head
	res.kind = d.settle(ctx, resultRescheduled, func(ctx context.Context) error { return d.cfg.Queue.Reschedule(ctx, v) })
	return res
}

// mergeNewRows defers new rows of a viewer whose first message is deferred.
// Nothing is sent.
func (d *deliverer) mergeNewRows(ctx context.Context, user webinar.UserID) result {
	v, res := d.load(ctx, user)
	if len(v.Messages) == 0 {
		return res
	}
	res.head, res.kind = v.Messages[0], resultDeferred
	if !res.head.NextAttempt.After(clock.Now()) {
		return res
	}
	if err := d.cfg.Queue.Reschedule(ctx, v); err != nil {
		return d.queueError(ctx, opWrite, err)
	}
	d.health.recordSuccess(ctx, opWrite)
	return res
}

// load reads the messages of a viewer. If it returns none, the result is final.
func (d *deliverer) load(ctx context.Context, user webinar.UserID) (outbox.ViewerQueue, result) {
	v, err := d.cfg.Queue.ViewerQueue(ctx, user)
	if err != nil {
		return outbox.ViewerQueue{}, d.queueError(ctx, opRead, err)
	}
	d.health.recordSuccess(ctx, opRead)
	if v.NeedsQuarantine() {
		if err := d.cfg.Queue.Quarantine(ctx, v); err != nil {
			return outbox.ViewerQueue{}, d.queueError(ctx, opWrite, err)
		}
		d.health.recordSuccess(ctx, opWrite)
	}
	if !v.UserExists {
		n, err := d.cfg.Queue.DiscardDeletedUser(ctx, user)
		if err != nil {
			return outbox.ViewerQueue{}, d.queueError(ctx, opWrite, err)
		}
		if n > 0 {
			d.health.recordSuccess(ctx, opWrite)
		}
		d.cfg.Log.InfoContext(ctx, "events of deleted user discarded", "user", user, "events", n)
		return outbox.ViewerQueue{}, result{discarded: n}
	}
	if v.UnsupportedVersion {
		return outbox.ViewerQueue{}, result{kind: resultUnsupported}
	}
	if failpoint.Enabled(failpoint.NewestFirst) {
		slices.Reverse(v.Messages)
	}
	if m := v.Messages; failpoint.Enabled(failpoint.SwapEvaluations) && len(m) > 1 &&
		m[0].Event.Type == webinar.EventAttendanceClassified && m[1].Event.Type == webinar.EventAttendanceClassified {
		m[0], m[1] = m[1], m[0]
	}
	return v, result{}
}

func (d *deliverer) attempt(ctx context.Context, v outbox.ViewerQueue) AttemptResult {
	event := v.Messages[0].Event
	body, err := Body(event, v.LeadID)
	if err != nil {
		a := AttemptResult{Outcome: NoPayload, Err: err}
		d.cfg.Sender.cfg.Observe(event, a)
		return a
	}
	return d.cfg.Sender.Send(ctx, event, body)
}

// queueError records an error of the queue, unless it is due to the end of the
// run.
func (d *deliverer) queueError(ctx context.Context, op queueOp, err error) result {
	if ctx.Err() != nil {
		return result{kind: resultCanceled}
	}
	d.health.recordFailure(ctx, op, err)
	return result{kind: resultQueueError}
}

// settle writes the result of an attempt and retries until the run ends, because
// nothing else of the viewer may be sent before. The end of the run does not
// interrupt a write. If that one fails too, the event is delivered again.
func (d *deliverer) settle(ctx context.Context, kind resultKind, write func(context.Context) error) resultKind {
	for failures := 1; ; failures++ {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := write(bounded)
		cancel()
		if err == nil {
			d.health.recordSuccess(ctx, opWrite)
			return kind
		}
		if ctx.Err() != nil {
			d.cfg.Log.WarnContext(ctx, "delivery result not recorded", "error", err)
			return resultCanceled
		}
		d.health.recordFailure(ctx, opWrite, err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff(failures)):
		}
	}
}

// logAttempt writes the only log line of an attempt.
func (d *deliverer) logAttempt(ctx context.Context, level slog.Level, message string, m outbox.Message, a AttemptResult) {
	attrs := append(attemptAttrs(m.Event, a), slog.Int("attempt", m.Attempts))
	if level == slog.LevelWarn {
		attrs = append(attrs, slog.Time("next_attempt", m.NextAttempt.UTC()))
	}
	d.cfg.Log.LogAttrs(ctx, level, message, attrs...)
}

func attemptAttrs(e webinar.Event, a AttemptResult) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("webhook_id", e.ID.String()),
		slog.String("type", string(e.Type)),
		slog.Uint64("user", uint64(e.User)),
		slog.String("outcome", string(a.Outcome)),
		slog.Int("status", a.Status),
		slog.Duration("duration", a.Duration),
	}
	if a.Err != nil {
		attrs = append(attrs, slog.String("error", fmt.Sprint(a.Err)))
	}
	return attrs
}
