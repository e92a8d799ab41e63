package usermeta

import (
	"time"

	"autowebinar/internal/webinar"
)

// Message is one outbox row: an event that is committed and that the sink has
// not accepted yet.
type Message struct {
	RowID        uint64 // umeta_id; ascending is the order in which the viewer's events happened
	Event        webinar.Event
	Attempts     int       // delivery attempts made so far
	FirstAttempt time.Time // zero: none yet; with Attempts 0: of one that was begun
	NextAttempt  time.Time // zero: at once

	// Waited: it stood under the wait key. Later events of the viewer may have
	// joined it there, where no poll sees them.
	Deferred bool

	value string // as read: the guard of every later write
}

// Backlog is all that one viewer has waiting for the sink, read in one
// statement, together with what an attempt needs.
type ViewerQueue struct {
	User               webinar.UserID
	UserExists         bool      // or their nickname does
	LeadID             string    // empty: none known
	Messages           []Message // ascending RowID: due and waiting rows alike; dead rows are not among them
	UnsupportedVersion bool      // the oldest row is of a version this build cannot read: nothing of the viewer may be sent

	blocked bool // a row of an unknown version was seen: what comes after it must wait
}

// Pending names a viewer with something to send.
type Pending struct {
	User        webinar.UserID
	RowID       uint64    // the lowest row id seen: the older the row, the lower
	NextAttempt time.Time // zero for rows under the due key
}
