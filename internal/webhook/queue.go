package webhook

import (
	"context"
	"time"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// Queue is the outbox as the dispatcher sees it; usermeta.Outbox implements it.
// A write of a row that is gone, or that was changed meanwhile, does nothing
// and is no error.
type Queue interface {
	// Due lists viewers with rows under the due key, oldest first, reading at
	// most limit rows.
	DueViewers(ctx context.Context, limit int) ([]usermeta.Pending, error)
	// Waiting lists every viewer with rows under the wait key; NextAttempt is
	// that of the viewer's lowest waiting row. A full scan: called rarely.
	DeferredViewers(ctx context.Context) ([]usermeta.Pending, error)
	// Backlog reads one viewer's rows, whether the user exists, and the lead
	// id. Rows that cannot be read at all it moves to the dead key, logs and
	// leaves out.
	ViewerQueue(ctx context.Context, user webinar.UserID) (usermeta.ViewerQueue, error)
	// Begin writes the time of a message's first attempt, unless attempts at it
	// were counted, and the row is durable when it returns true. False: the row is
	// not as it was read.
	MarkAttempt(ctx context.Context, m *usermeta.Message, now time.Time) (bool, error)
	// Accept deletes the row of an accepted message.
	Ack(ctx context.Context, m usermeta.Message) error
	// Postpone writes Attempts, FirstAttempt and NextAttempt of the head,
	// b.Messages[0], and moves all rows of the backlog to the wait key, in one
	// statement. The head may be unchanged: rows joining a viewer who waits.
	Reschedule(ctx context.Context, b usermeta.ViewerQueue) error
	// Bury moves the message to the dead key with its final counts.
	DeadLetter(ctx context.Context, m usermeta.Message) error
	// Withdraw deletes all due and waiting rows of a user who is gone, and says
	// how many.
	DiscardDeletedUser(ctx context.Context, user webinar.UserID) (int, error)
}
