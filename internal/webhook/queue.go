package webhook

import (
	"context"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// Queue is the outbox as used by the dispatcher; outbox.Queue implements it.
// Writing a row that was deleted or changed since it was read has no effect and
// is not an error.
type Queue interface {
	// DueViewers lists viewers with due rows, oldest row first, reading at most
	// limit rows.
	DueViewers(ctx context.Context, limit int) ([]outbox.Pending, error)
	// DeferredViewers lists all viewers with deferred rows; NextAttempt is that of
	// the viewer's lowest deferred row. It scans all deferred rows and is called
	// rarely.
	DeferredViewers(ctx context.Context) ([]outbox.Pending, error)
	// ViewerQueue reads one viewer's due and deferred rows, whether the user
	// exists, and the lead id.
	ViewerQueue(ctx context.Context, user webinar.UserID) (outbox.ViewerQueue, error)
	// Quarantine marks the viewer's corrupt rows dead, and rows of an unsupported
	// version and those behind them deferred.
	Quarantine(ctx context.Context, v outbox.ViewerQueue) error
	// MarkAttempt records the time of a message's first attempt, unless an attempt
	// was counted before. The row is durable when it returns true. It returns
	// false if the row is not as it was read.
	MarkAttempt(ctx context.Context, m *outbox.Message, now time.Time) (bool, error)
	// Ack deletes the row of an accepted message.
	Ack(ctx context.Context, m outbox.Message) error
	// Reschedule writes Attempts, FirstAttempt and NextAttempt of the first
	// message and marks all rows of the viewer deferred, in one statement. The
	// first message may be unchanged, to defer newer rows only.
	Reschedule(ctx context.Context, v outbox.ViewerQueue) error
	// DeadLetter marks the message dead and writes its final counts.
	DeadLetter(ctx context.Context, m outbox.Message) error
	// DiscardDeletedUser deletes all due and deferred rows of a deleted user and
	// returns their number.
	DiscardDeletedUser(ctx context.Context, user webinar.UserID) (int, error)
}
