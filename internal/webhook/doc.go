// Package webhook delivers events to the receiver, a remote HTTP endpoint, and
// retries them until it accepts them.
//
// # Guarantees
//
//   - Order: the events of a viewer are delivered one at a time, in the order of
//     their rows. A later event is not sent before the earlier ones are accepted
//     or dead.
//   - At least once: a row is deleted only after the receiver has accepted its
//     event. After a crash between acceptance and deletion the event is delivered
//     again with the same webhook-id, by which receivers deduplicate.
//   - Durability: before its first attempt, the row of an event is on disk, so a
//     crash of the database cannot undo a change that the receiver knows.
//   - Isolation: events of one viewer that fail do not delay those of others.
//   - Retries: a failed event is retried with growing pauses until its budget is
//     exhausted. It is then dead: kept for the operator, and no longer sent.
//   - Shutdown: attempts in flight are canceled and not counted; responses that
//     have arrived are recorded.
//   - Deleted users: events of a user who no longer exists are discarded.
//
// # Design
//
// One goroutine owns all state of a run (type run). It reads due and deferred
// rows, keeps one entry per viewer in a schedule, and starts deliveries, which
// report back to it. State in memory is derived from the queue and can be lost
// at any time:
//
//	poll, scan ──> schedule ──> delivery ──> Queue.MarkAttempt, then Ack, Reschedule or DeadLetter
//	                   ^           │
//	                   └─ breaker <┘  closed, or open and probing
//
// A circuit breaker tracks whether the receiver is available. While it is
// closed, many viewers are served in parallel and a failed event waits for its
// own next attempt. While it is open, one event at a time is sent as a probe, at
// most 30 s after the previous one, until the receiver responds. All deferred
// events are then due at once, oldest first; the number in flight starts at one
// and doubles with each success. A run starts with an open breaker, so a restart
// retries everything. Probes go from row to row, alternating between the oldest
// and the newest, so that a few failing events cannot look like an outage.
//
// An event that fails while others succeed is marked suspect. Suspect events use
// at most half of the slots and do not open the breaker within 30 s of a
// success.
//
// The wire format is Standard Webhooks (github.com/standard-webhooks).
package webhook
