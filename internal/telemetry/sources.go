package telemetry

import (
	"context"
	"database/sql"

	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
)

// Sources are the functions that a Monitor reads the service's state from.
type Sources struct {
	Pool func() sql.DBStats
	Load func() usermeta.Load
	// Delivery is nil without a receiver: then there is no outbox either.
	Delivery *DeliverySources
}

// DeliverySources are the sources on the delivery of events.
type DeliverySources struct {
	Stats func() webhook.Stats
	// Outbox and HasLeader query the database. Calls do not overlap and are at
	// least some seconds apart.
	Outbox    func(context.Context) (outbox.Stats, error)
	HasLeader func(context.Context) (bool, error)
}

// deliveryStats returns zero without a receiver.
func (s Sources) deliveryStats() webhook.Stats {
	if s.Delivery == nil {
		return webhook.Stats{}
	}
	return s.Delivery.Stats()
}
