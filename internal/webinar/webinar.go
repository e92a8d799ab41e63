package webinar

import (
	"errors"
	"regexp"
	"time"
)

// UserID is a WordPress user id, the ID column of the users table; never 0.
type UserID uint64

// ID is the id of a webinar. Ids in requests and settings match IDPattern.
type ID string

// SessionID is the id of one viewer's session of one webinar. The service
// creates UUIDv7s; sessions created by PHP may have any non-empty id.
type SessionID string

// IDPattern matches valid webinar ids. It is lower case only, because the id is
// part of a meta key and the collation of meta_key ignores case.
var IDPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// MaxParked and MaxRegistrations limit a viewer's rows, because WordPress loads
// all meta rows of a user on every page.
const (
	MaxParked        = 100
	MaxRegistrations = 200
	MaxSeconds       = 604800 // the longest position and duration: one week
)

// Type is how a webinar is shown.
type Type string

// The types of webinars.
const (
	Auto Type = "auto" // a recording, played on demand
	Live Type = "live"
)

// LeaveReason is why a viewer left.
type LeaveReason string

// The reasons for leaving.
const (
	UserExit    LeaveReason = "user_exit"
	SessionEnd  LeaveReason = "session_end"
	NetworkLoss LeaveReason = "network_loss"
)

// Session is one viewer's session of one webinar. A zero time means absent.
// Times are UTC in whole seconds; positions are seconds from the start.
type Session struct {
	ID           SessionID
	Webinar      ID // empty if PHP created the session and no command has named its webinar yet
	StartedAt    time.Time
	LastPosition int64
	Furthest     int64 // never below LastPosition
	Percent      int   // the highest milestone reached: 0, 25, 50, 75 or 100
	Completed    bool
	CTAClickedAt time.Time
	LastSeenAt   time.Time
	LeftAt       time.Time
}

// Viewer is everything the service stores about one WordPress user.
type Viewer struct {
	User       UserID
	Current    *Session        // nil if the viewer has none
	Parked     map[ID]*Session // sessions of other webinars
	Registered map[ID]time.Time
}

// Command decides what a request does to a viewer. It must be a pure function:
// it may be called again with the same viewer, or with a newer one, before its
// result is stored.
type Command func(v Viewer, now time.Time) (Result, error)

// Result is the outcome of a command. Viewer and Events must be stored in one
// transaction.
type Result struct {
	Viewer  Viewer
	Events  []Event
	Session Session   // the session that the command named, afterwards; zero if it named none
	Before  *Session  // that session before the command; nil if it did not exist
	Now     time.Time // the time that the command ran at
	Created bool      // the session or registration is new
	Clamped bool      // the reported position was reduced by more than the tolerance
}

// The errors of commands, to be compared with errors.Is.
var (
	ErrNoSession       = errors.New("webinar: the viewer has no session of this webinar")
	ErrSessionMismatch = errors.New("webinar: the viewer has no session with this id")
	ErrWebinarRequired = errors.New("webinar: the session has no webinar id, so the command must name one")
	ErrUnknownWebinar  = errors.New("webinar: the site does not list this webinar")
	ErrLimitExceeded   = errors.New("webinar: the viewer has too many sessions or registrations")
)

// SessionMismatchError is the ErrSessionMismatch of a command. It contains the
// data that a client needs to continue with the right session.
type SessionMismatchError struct {
	Current *Session // the viewer's current session; nil if there is none
	Now     time.Time
}

func (*SessionMismatchError) Error() string { return ErrSessionMismatch.Error() }
func (*SessionMismatchError) Unwrap() error { return ErrSessionMismatch }
