package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// Observer is told what happens at the door, for whoever counts it. It is called
// from many goroutines at once and must not block. None of the strings is a
// client's, but for the session in a Step.
type Observer interface {
	// Answered is called once a request. The route is as in the route table,
	// below the base path, and empty where there is none; the code is that of
	// the refusal, empty for a success.
	RequestDone(route string, status int, code string, took time.Duration)
	// LoggedIn is called for each request whose caller is proven: by "cookie",
	// "jwt" or "service_key".
	LoggedIn(kind string)
	// LoginRefused is called for each request whose caller is not.
	LoginRefused(reason string)
	// Stepped is called for each change of a viewer that is durable.
	SessionChanged(SessionChange)
}

// Step is what one request did to a viewer.
type SessionChange struct {
	Session   webinar.SessionID // empty: it was about none
	Entered   bool              // the session is new
	Reported  bool              // the player said where it is
	Clamped   bool              // it claimed more than can have been watched
	Stale     bool              // it was behind the stored position without a seek: late, or a second tab
	From, To  int               // the mark, in percent, before and after
	Completed bool              // for the first time
	Events    []webinar.Event   // stored for delivery; of a form, accepted by the sink
}

type nopObserver struct{}

func (nopObserver) RequestDone(string, int, string, time.Duration) {}
func (nopObserver) LoggedIn(string)                                {}
func (nopObserver) LoginRefused(string)                            {}
func (nopObserver) SessionChanged(SessionChange)                   {}

// stepOf compares the session that a rule named with what it was before.
func stepOf(before webinar.Viewer, report *webinar.Report, result webinar.Result) SessionChange {
	after := result.Session
	step := SessionChange{
		Session: after.ID, Clamped: result.Clamped, Reported: report != nil,
		To: after.Percent, Completed: after.Completed, Events: result.Events,
	}
	was := sessionOf(before, after.ID)
	if was == nil {
		step.Entered = after.ID != ""
		return step
	}
	step.From = was.Percent
	step.Completed = after.Completed && !was.Completed
	step.Stale = report != nil && !report.Seeked && report.Position < was.LastPosition
	return step
}

func sessionOf(v webinar.Viewer, id webinar.SessionID) *webinar.Session {
	if v.Current != nil && v.Current.ID == id {
		return v.Current
	}
	for _, s := range v.Parked {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// observeLogin tells how the caller was proven, or why not.
func (a *API) observeLogin(who principal, err error) {
	switch {
	case err != nil:
		a.observer.LoginRefused(loginRefusal(err))
	case who.service:
		a.observer.LoggedIn("service_key")
	case who.login != nil:
		a.observer.LoggedIn("cookie")
	default:
		a.observer.LoggedIn("jwt")
	}
}

func loginRefusal(err error) string {
	var p apiError
	switch {
	case errors.As(err, &p) && p.code == errTooManyRequests.code:
		return "rate_limited"
	case errors.As(err, &p) && p.code == errUnavailable.code, errors.Is(err, context.DeadlineExceeded):
		return "unavailable"
	case errors.As(err, &p) && p.code == errInvalidNonce.code:
		return "wrong_nonce"
	case errors.Is(err, errInvalidToken):
		return "forged_token"
	case errors.Is(err, errInvalidSubject):
		return "invalid_subject"
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return "expired_token"
	}
	if reason := wordpress.Reason(err); reason != "" {
		return reason
	}
	return "anonymous"
}
