package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// settleTimeout bounds a write to the queue, also after the term has ended.
const settleTimeout = 5 * time.Second

// ending is how a turn ended.
type resultKind int

const (
	resultEmpty       resultKind = iota // the viewer has nothing to send
	resultUserDeleted                   // the user is gone
	resultUnsupported                   // the head is for another build to read
	resultQueueError                    // the queue failed, or is not as it was read: nothing was sent
	resultDeferred                      // the head was left to wait, newer rows have joined it
	resultDelivered                     // the head is gone from the queue
	resultDead                          // the head is dead
	resultRescheduled                   // the head failed and waits
	resultCanceled                      // the term ended first
)

// result is what a turn tells the loop.
type result struct {
	entry       *entry
	probe       bool // sent to a sink that may be down
	isMerge     bool // a turn of join
	kind        resultKind
	attempt     AttemptResult     // of the attempt, if one was made
	head        usermeta.Message  // as it stands now, for endWaiting and endPostponed
	next        *usermeta.Message // after endAccepted and endBuried; nil: none
	wasDeferred bool              // after these: more may have joined where the head waited
	withdrawn   int
}

// turns makes the turns of viewers. It is safe for parallel use, one turn at a
// time for a viewer.
type deliverer struct {
	queue  Queue
	sender *Sender
	retry  RetryPolicy
	log    *slog.Logger
	health *queueHealth
}

// send offers the head of a viewer's backlog to the sink, due or not, and
// settles the answer.
func (t *deliverer) send(ctx context.Context, user webinar.UserID) result {
	b, r := t.load(ctx, user)
	if len(b.Messages) == 0 {
		return r
	}
	head := &b.Messages[0]
	begun, err := t.queue.MarkAttempt(ctx, head, time.Now())
	if err != nil {
		r.kind = t.queueError(ctx, opWrite, err)
		return r
	}
	if head.Attempts == 0 {
		t.health.recordSuccess(ctx, opWrite)
	}
	if !begun {
		r.kind = resultQueueError // somebody else's hand, or a crash: it is read again
		return r
	}
	r.attempt = t.attempt(ctx, b)
	if r.attempt.Outcome == Canceled {
		r.kind = resultCanceled
		return r
	}
	head.Attempts++
	r.wasDeferred = head.Deferred
	if len(b.Messages) > 1 {
		r.next = &b.Messages[1]
	}
	if r.attempt.Outcome == Accepted {
		t.logAttempt(ctx, slog.LevelInfo, "event delivered", *head, r.attempt)
		r.kind = t.settle(ctx, resultDelivered, func(ctx context.Context) error { return t.queue.Ack(ctx, *head) })
		return r
	}
	// Not in UTC yet, which would take the monotonic reading away: in this
	// process the plan holds whatever becomes of the clock.
	next, dead := t.retry.Next(head.Attempts, head.FirstAttempt, time.Now(), r.attempt.RetryAfter)
	if dead {
		head.NextAttempt = time.Time{}
		t.logAttempt(ctx, slog.LevelError, "event is dead: operations must decide", *head, r.attempt)
		r.kind = t.settle(ctx, resultDead, func(ctx context.Context) error { return t.queue.DeadLetter(ctx, *head) })
		return r
	}
	head.NextAttempt = next
	t.logAttempt(ctx, slog.LevelWarn, "event not delivered", *head, r.attempt)
	r.head = *head
	r.kind = t.settle(ctx, resultRescheduled, func(ctx context.Context) error { return t.queue.Reschedule(ctx, b) })
	return r
}

// join moves new rows of a viewer who waits to where the head waits. Nothing is
// sent.
func (t *deliverer) mergeNewRows(ctx context.Context, user webinar.UserID) result {
	b, r := t.load(ctx, user)
	if len(b.Messages) == 0 {
		return r
	}
	r.head, r.kind = b.Messages[0], resultDeferred
	if !r.head.NextAttempt.After(time.Now()) {
		return r
	}
	if err := t.queue.Reschedule(ctx, b); err != nil {
		r.kind = t.queueError(ctx, opWrite, err)
		return r
	}
	t.health.recordSuccess(ctx, opWrite)
	return r
}

// load reads a backlog. Without messages there is nothing to do but what the
// result says.
func (t *deliverer) load(ctx context.Context, user webinar.UserID) (usermeta.ViewerQueue, result) {
	b, err := t.queue.ViewerQueue(ctx, user)
	if err != nil {
		return usermeta.ViewerQueue{}, result{kind: t.queueError(ctx, opRead, err)}
	}
	t.health.recordSuccess(ctx, opRead)
	switch {
	case !b.UserExists:
		n, err := t.queue.DiscardDeletedUser(ctx, user)
		if err != nil {
			return usermeta.ViewerQueue{}, result{kind: t.queueError(ctx, opWrite, err)}
		}
		if n > 0 {
			t.health.recordSuccess(ctx, opWrite)
		}
		t.log.InfoContext(ctx, "events of a deleted user withdrawn", "user", user, "events", n)
		return usermeta.ViewerQueue{}, result{kind: resultUserDeleted, withdrawn: n}
	case b.UnsupportedVersion:
		return usermeta.ViewerQueue{}, result{kind: resultUnsupported}
	}
	return b, result{kind: resultEmpty}
}

func (t *deliverer) attempt(ctx context.Context, b usermeta.ViewerQueue) AttemptResult {
	event := b.Messages[0].Event
	body, err := Body(event, b.LeadID)
	if err != nil {
		answer := AttemptResult{Outcome: NoPayload, Err: err}
		t.sender.observe(event, answer)
		return answer
	}
	return t.sender.Send(ctx, event, body)
}

// fault tells an error of the queue from the end of the term.
func (t *deliverer) queueError(ctx context.Context, of queueOp, err error) resultKind {
	if ctx.Err() != nil {
		return resultCanceled
	}
	t.health.recordFailure(ctx, of, err)
	return resultQueueError
}

// settle writes what came of an attempt, again and again while the term lasts,
// because nothing else of the viewer may be sent before. The end of the term
// does not stop a write, only its repetition: the worst is one more delivery.
func (t *deliverer) settle(ctx context.Context, end resultKind, write func(context.Context) error) resultKind {
	for failures := 1; ; failures++ {
		err := withTimeout(ctx, write)
		if err == nil {
			t.health.recordSuccess(ctx, opWrite)
			return end
		}
		if ctx.Err() != nil {
			t.log.WarnContext(ctx, "what came of a delivery could not be written", "error", err)
			return resultCanceled
		}
		t.health.recordFailure(ctx, opWrite, err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff(failures)):
		}
	}
}

func withTimeout(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return write(ctx)
}

// report is the one log line of an attempt.
func (t *deliverer) logAttempt(ctx context.Context, level slog.Level, what string, m usermeta.Message, answer AttemptResult) {
	attrs := append(attemptAttrs(m.Event, answer), slog.Int("attempt", m.Attempts))
	if level == slog.LevelWarn {
		attrs = append(attrs, slog.Time("next_attempt", m.NextAttempt.UTC()))
	}
	t.log.LogAttrs(ctx, level, what, attrs...)
}

func attemptAttrs(e webinar.Event, answer AttemptResult) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("webhook_id", e.ID.String()),
		slog.String("type", string(e.Type)),
		slog.Uint64("user", uint64(e.User)),
		slog.String("outcome", string(answer.Outcome)),
		slog.Int("status", answer.Status),
		slog.Duration("duration", answer.Duration),
	}
	if answer.Err != nil {
		attrs = append(attrs, slog.String("error", fmt.Sprint(answer.Err)))
	}
	return attrs
}
