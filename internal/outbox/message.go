package outbox

import (
	"time"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// The meta keys of the queue.
const (
	KeyDue      = "autowebinar_outbox"
	KeyDeferred = "autowebinar_outbox_wait"
	KeyDead     = "autowebinar_outbox_dead"
)

func isPending(key string) bool { return key == KeyDue || key == KeyDeferred }

// Message is one outbox row: a committed event that the receiver has not accepted
// yet.
type Message struct {
	RowID        uint64 // umeta_id; ascending is the order of the viewer's events
	Event        webinar.Event
	Attempts     int       // delivery attempts made so far
	FirstAttempt time.Time // zero if there was no attempt; set with Attempts 0 if the result of the attempt is unknown
	NextAttempt  time.Time // zero if it is to be sent at once

	// Deferred means that the row had the deferred key. Newer rows of the viewer
	// may have it too, and DueViewers does not return them.
	Deferred bool

	value string // the value that was read, on which every later write is conditional
}

// ViewerQueue contains the messages of one viewer and the other data that a
// delivery attempt needs, read by one statement.
type ViewerQueue struct {
	UserExists bool      // false if missing in both tables
	LeadID     string    // empty if there is none
	Messages   []Message // due and deferred, ascending by RowID

	// UnsupportedVersion means that this build cannot read the oldest message, so
	// no message of the viewer may be sent.
	UnsupportedVersion bool

	// misplaced are the rows to be moved by Quarantine, with their new keys.
	misplaced []wpdb.Row
}
