// Package webinar is the domain: what a viewing session is, what a viewer may
// do in it, and which facts follow. It promises that the rules are pure
// functions of (viewer, command, time): no clock, no database, no network, so
// the same inputs always give the same state and the same events.
//
// Source: the data model and the canonical events of the contract; the
// service's own additions are the keys webinar_id, furthest_sec, left_at and
// registered@<webinar_id>.
package webinar

import (
	"errors"
	"regexp"
	"time"
)

// UserID is a WordPress user id, `users.ID`; never 0.
type UserID uint64

// ID names a webinar. IDs that enter the service match IDPattern.
type ID string

// SessionID names one viewer's session of one webinar: a UUIDv7 where the
// service made it, any non-empty string where PHP did.
type SessionID string

// IDPattern is lower case only, because the meta_key collation is
// case-insensitive and the id is part of a key.
var IDPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Bounds of a viewer's rows: WordPress loads all of them on every page.
const (
	MaxAside         = 100
	MaxRegistrations = 200
	MaxSeconds       = 604800 // positions and durations: one week
)

// Type is how the webinar is held.
type Type string

// The two webinar types of the contract.
const (
	Auto Type = "auto"
	Live Type = "live"
)

// LeaveReason is why a viewer left.
type LeaveReason string

// The leave reasons of the contract.
const (
	UserExit    LeaveReason = "user_exit"
	SessionEnd  LeaveReason = "session_end"
	NetworkLoss LeaveReason = "network_loss"
)

// Session is one viewer's session of one webinar. Zero times mean "absent".
// All times are UTC in whole seconds; positions are seconds from the start.
type Session struct {
	ID           SessionID
	Webinar      ID // empty: made by PHP, not yet adopted
	StartedAt    time.Time
	LastPosition int64
	Furthest     int64 // never below LastPosition
	Percent      int   // 0, 25, 50, 75, 100
	Completed    bool
	CTAClickedAt time.Time
	LastSeenAt   time.Time
	LeftAt       time.Time
}

// Viewer is all that the service knows of one WordPress user.
type Viewer struct {
	User       UserID
	Current    *Session        // nil: none
	Parked     map[ID]*Session // sessions of other webinars, set aside
	Registered map[ID]time.Time
}

// Refusals. Callers tell them apart with errors.Is.
var (
	ErrNoSession       = errors.New("webinar: no session")
	ErrSessionMismatch = errors.New("webinar: no row of the viewer holds this session id")
	ErrWebinarRequired = errors.New("webinar: the session does not say which webinar it is of")
	ErrUnknownWebinar  = errors.New("webinar: not a webinar of this site")
	ErrLimitExceeded   = errors.New("webinar: the viewer has too many sessions or registrations")
)
