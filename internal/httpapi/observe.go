package httpapi

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// Observer receives metrics. It is called from many goroutines at once and must
// not block. No string comes from a client, except the session of a SessionChange.
type Observer interface {
	// RequestDone is called once for each request. The route is named as in the
	// route table, or empty if none matched; the code is that of the error
	// response, or empty for a success.
	RequestDone(route string, status int, code string, took time.Duration)
	// LoggedIn is called for each authenticated request. The kind is "cookie",
	// "jwt" or "service_key".
	LoggedIn(kind string)
	// LoginRefused is called for each request that fails authentication.
	LoginRefused(reason string)
	// SessionChanged is called for each committed change of a viewer.
	SessionChanged(SessionChange)
}

// SessionChange is the effect of one request on a viewer.
type SessionChange struct {
	Session   webinar.SessionID // empty if the request concerned no session
	Entered   bool              // the session is new
	Reported  bool              // the player reported a position
	Clamped   bool              // the reported position exceeded what can have been watched
	Stale     bool              // the report was behind the stored position without a seek: late, or from a second tab
	From, To  int               // the milestone, in percent, before and after
	Completed bool              // for the first time
	Events    []webinar.Event   // stored for delivery or, for a form, accepted by the receiver
}

// sessionChange describes the result of a command that may have contained a report.
func sessionChange(report *webinar.Report, result webinar.Result) SessionChange {
	after, before := result.Session, cmp.Or(result.Before, &webinar.Session{})
	return SessionChange{
		Session: after.ID, Entered: result.Before == nil && after.ID != "",
		Reported: report != nil, Clamped: result.Clamped,
		Stale: report != nil && !report.Seeked && report.Position < before.LastPosition,
		From:  before.Percent, To: after.Percent,
		Completed: after.Completed && !before.Completed, Events: result.Events,
	}
}

// observeLogin reports the authentication method, or why authentication failed.
func (a *API) observeLogin(caller principal, err error) {
	switch {
	case err != nil:
		a.cfg.Observer.LoginRefused(loginRefusal(err))
	case caller.service:
		a.cfg.Observer.LoggedIn("service_key")
	case caller.login != nil:
		a.cfg.Observer.LoggedIn("cookie")
	default:
		a.cfg.Observer.LoggedIn("jwt")
	}
}

func loginRefusal(err error) string {
	var e apiError
	switch {
	case errors.As(err, &e) && e.code == errTooManyRequests.code:
		return "rate_limited"
	case errors.As(err, &e) && e.code == errUnavailable.code, errors.Is(err, context.DeadlineExceeded):
		return "unavailable"
	case errors.As(err, &e) && e.code == errInvalidNonce.code:
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
