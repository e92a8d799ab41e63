package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// principal is an authenticated caller.
type principal struct {
	user    webinar.UserID   // the viewer that the request is about; 0 if there is none
	service bool             // authenticated by a service key
	login   *wordpress.Login // the WordPress login, which receives fresh nonces; nil for a bearer token
}

// authorizeViewer accepts a viewer, for their own session.
func (a *API) authorizeViewer(r *http.Request) (principal, error) {
	caller, err := a.authenticate(r)
	if err == nil && caller.service {
		err = errForbidden
	}
	return caller, err
}

// authorizeService accepts a service key.
func (a *API) authorizeService(r *http.Request) (principal, error) {
	caller, err := a.authenticate(r)
	if err == nil && !caller.service {
		err = errForbidden
	}
	return caller, err
}

// authorizeServiceForUser accepts a service key, for the viewer in the path.
func (a *API) authorizeServiceForUser(r *http.Request) (principal, error) {
	id := chi.URLParam(r, "user_id")
	if id == "" { // chi matches an empty segment with any pattern
		return principal{}, errNoRoute
	}
	caller, err := a.authorizeService(r)
	if err != nil {
		return caller, err
	}
	user, ok := parseUserID(id)
	if !ok {
		return caller, invalid("user_id", "must be a user id")
	}
	caller.user = user
	return caller, nil
}

// authenticate identifies the caller. A bearer token overrides the cookie; other
// Authorization schemes are ignored, because staging sites use Basic. Forged
// credentials consume a rate-limit token of the client's network; expired ones do
// not, because honest viewers share addresses.
func (a *API) authenticate(r *http.Request) (caller principal, err error) {
	defer func() { a.observeLogin(caller, err) }()
	if token, ok := bearer(r); ok {
		caller, err = a.authenticateBearer(token)
	} else {
		caller, err = a.authenticateCookie(r)
	}
	switch {
	case errors.Is(err, wordpress.ErrForged), errors.Is(err, errInvalidToken):
		return principal{}, rateLimited(a.loginLimit.reserve(rateLimitKey(logFrom(r).client)), err)
	case errors.Is(err, errInvalidNonce):
		return principal{}, rateLimited(a.nonceLimit.reserve(caller.user), err)
	case err != nil:
		return principal{}, err
	}
	return caller, nil
}

// rateLimited returns a 429 if the limiter requires a wait, else err.
func rateLimited(wait time.Duration, err error) error {
	if wait == 0 {
		return err
	}
	e := errTooManyRequests.withCause(err)
	e.retryAfter = wait
	return e
}

// authenticateCookie verifies WordPress's login cookie and nonce. A cookie
// without a nonce is anonymous, as in WordPress. The code errInvalidNonce is
// reserved for valid cookies, because wp.apiFetch reacts to it by fetching a
// new nonce and retrying.
func (a *API) authenticateCookie(r *http.Request) (principal, error) {
	nonce, present := sentNonce(r)
	if a.cfg.Logins == nil || !present {
		return principal{}, errNotLoggedIn
	}
	var user webinar.UserID
	login, err := a.cfg.Logins.Verify(r.Context(), r.Cookies(), func(login wordpress.Login) bool {
		user = login.User
		return a.cfg.Logins.CheckNonce(login, nonce)
	})
	switch {
	case errors.Is(err, wordpress.ErrNotAccepted):
		return principal{user: user}, errInvalidNonce
	case errors.Is(err, wordpress.ErrNotLoggedIn):
		return principal{}, errNotLoggedIn.withCause(err)
	case err != nil:
		return principal{}, errUnavailable.withCause(err)
	}
	return principal{user: login.User, login: &login}, nil
}

// sentNonce returns the nonce parameter or, without one, the header, even if it
// is empty.
func sentNonce(r *http.Request) (nonce string, present bool) {
	if values, ok := r.URL.Query()["_wpnonce"]; ok {
		return values[0], true
	}
	if values, ok := r.Header["X-Wp-Nonce"]; ok {
		return values[0], true
	}
	return "", false
}

// bearer returns the first bearer token of all Authorization headers.
func bearer(r *http.Request) (token string, ok bool) {
	for _, value := range r.Header.Values("Authorization") {
		words := strings.Fields(value)
		if len(words) > 0 && strings.EqualFold(words[0], "Bearer") {
			return strings.Join(words[1:], " "), true
		}
	}
	return "", false
}

// parseUserID parses a user id in the one decimal form that WordPress writes.
func parseUserID(text string) (webinar.UserID, bool) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != text {
		return 0, false
	}
	return webinar.UserID(id), true
}
