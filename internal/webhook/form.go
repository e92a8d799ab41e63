package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"autowebinar/internal/webinar"
)

// Errors of Forms.Submit, besides ErrNoLead.
var (
	ErrFormRefused         = errors.New("webhook: the receiver refused the form")
	ErrReceiverUnavailable = errors.New("webhook: the receiver is unavailable")
)

const (
	formTimeout    = 8 * time.Second
	formRetryAfter = 10 * time.Second
)

// Forms forwards form submissions to the receiver without storing them: the caller
// learns from the error whether the receiver has them.
type Forms struct {
	sender *Sender
	log    *slog.Logger
}

// NewForms returns Forms that send through the given sender.
func NewForms(sender *Sender, log *slog.Logger) *Forms {
	return &Forms{sender: sender, log: log}
}

// Submit sends a form_submitted event once, within 8 s. A nil error means that
// the receiver accepted it. ErrFormRefused is permanent. After
// ErrReceiverUnavailable (see RetryAfter) and ErrNoLead, the caller may retry
// later with the same event id.
func (f *Forms) Submit(ctx context.Context, e webinar.Event, leadID string) error {
	body, err := Body(e, leadID)
	if err != nil {
		return err
	}
	a := f.sender.post(ctx, e, body, formTimeout)
	if a.Outcome == Accepted {
		f.log.LogAttrs(ctx, slog.LevelInfo, "form delivered", attemptAttrs(e, a)...)
		return nil
	}
	f.log.LogAttrs(ctx, slog.LevelWarn, "form not delivered", attemptAttrs(e, a)...)
	if a.Outcome == Rejected {
		return fmt.Errorf("%w: %s", ErrFormRefused, a.Reason())
	}
	return unavailableError{a} // also for a wrong secret or URL: viewers must be able to submit again
}

// unavailableError is ErrReceiverUnavailable with the result of the attempt.
type unavailableError struct{ attempt AttemptResult }

func (e unavailableError) Error() string {
	return fmt.Sprintf("%v: %s", ErrReceiverUnavailable, e.attempt.Reason())
}

func (e unavailableError) Unwrap() []error { return []error{ErrReceiverUnavailable, e.attempt.Err} }

// RetryAfter returns how long a client should wait after an error of Submit: the
// receiver's Retry-After (at most 24 h) if it sent one, else 10 s.
func RetryAfter(err error) time.Duration {
	var unavailable unavailableError
	errors.As(err, &unavailable)
	return cmp.Or(unavailable.attempt.RetryAfter, formRetryAfter)
}
