package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"autowebinar/internal/webinar"
)

// Refusals of Forms.Submit, beside ErrNoLead.
var (
	ErrFormRefused         = errors.New("webhook: the sink refused the form")
	ErrReceiverUnavailable = errors.New("webhook: the sink cannot take the form now")
)

const (
	formTimeout    = 8 * time.Second
	formRetryAfter = 10 * time.Second
)

// Forms passes form answers straight through to the sink: they are never
// stored, so the caller hears at once whether the sink has them.
type Forms struct {
	sender *Sender
	log    *slog.Logger
}

// NewForms returns a pass-through over a sender. log may be nil: slog.Default.
func NewForms(sender *Sender, log *slog.Logger) *Forms {
	if log == nil {
		log = slog.Default()
	}
	return &Forms{sender: sender, log: log}
}

// Submit sends a form_submitted event once, within 8 s. nil: the sink has it.
// ErrFormRefused: it does not want it, don't repeat. ErrSinkUnavailable (see
// RetryAfter) and ErrNoLead: try again later, with the same event id.
func (f *Forms) Submit(ctx context.Context, e webinar.Event, leadID string) error {
	body, err := Body(e, leadID)
	if err != nil {
		return err
	}
	answer := f.sender.post(ctx, e, body, formTimeout)
	err = formError(answer)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	f.log.LogAttrs(ctx, level, "form passed to the sink", attemptAttrs(e, answer)...)
	return err
}

func formError(answer AttemptResult) error {
	switch status := answer.Status; {
	case answer.Outcome == Accepted:
		return nil
	case answer.Outcome == Rejected:
		return fmt.Errorf("%w: status %d", ErrFormRefused, status)
	case status != 0: // a wrong secret or address, say, must not cost anybody their answers
		return &unavailableError{cause: fmt.Errorf("status %d", status), retryAfter: answer.RetryAfter}
	default:
		return &unavailableError{cause: answer.Err}
	}
}

// unavailableError is ErrSinkUnavailable with what the sink said about when.
type unavailableError struct {
	cause      error
	retryAfter time.Duration
}

func (e *unavailableError) Error() string {
	return fmt.Sprintf("%v: %v", ErrReceiverUnavailable, e.cause)
}
func (e *unavailableError) Unwrap() []error { return []error{ErrReceiverUnavailable, e.cause} }

// RetryAfter says how long a client should wait after an error of Submit: what
// the sink asked for (up to 24 h), else 10 s.
func RetryAfter(err error) time.Duration {
	if sink := new(unavailableError); errors.As(err, &sink) && sink.retryAfter > 0 {
		return sink.retryAfter
	}
	return formRetryAfter
}
