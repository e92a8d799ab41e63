package webhook

import (
	"context"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// Queue is the outbox as used by the dispatcher; outbox.Queue implements it and
// documents the methods. Writing a row that was deleted or changed since it was
// read has no effect and is not an error.
type Queue interface {
	DueViewers(ctx context.Context, limit int) ([]outbox.Pending, error)
	DeferredViewers(ctx context.Context) ([]outbox.Pending, error)
	ViewerQueue(ctx context.Context, user webinar.UserID) (outbox.ViewerQueue, error)
	Quarantine(ctx context.Context, v outbox.ViewerQueue) error
	MarkAttempt(ctx context.Context, m *outbox.Message, now time.Time) (bool, error)
	Ack(ctx context.Context, m outbox.Message) error
	Reschedule(ctx context.Context, v outbox.ViewerQueue) error
	DeadLetter(ctx context.Context, m outbox.Message) error
	DiscardDeletedUser(ctx context.Context, user webinar.UserID) (int, error)
}
