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

// caller is who asks, once proven.
type principal struct {
	user    webinar.UserID   // who the request is about; 0 for a service key
	service bool             // a service key: it may speak of any viewer
	login   *wordpress.Login // a WordPress login, which is handed fresh nonces
}

// viewer admits a viewer to their own session.
func (a *API) viewer(r *http.Request) (principal, error) {
	who, err := a.identify(r)
	if err == nil && who.service {
		err = errForbidden
	}
	return who, err
}

// service admits a service key.
func (a *API) service(r *http.Request) (principal, error) {
	who, err := a.identify(r)
	if err == nil && !who.service {
		err = errForbidden
	}
	return who, err
}

// onBehalf admits a service key to the viewer named in the path.
func (a *API) onBehalf(r *http.Request) (principal, error) {
	id := chi.URLParam(r, "user_id")
	if id == "" { // chi lets an empty segment pass, whatever the pattern
		return principal{}, errNoRoute
	}
	who, err := a.service(r)
	if err != nil {
		return who, err
	}
	user, ok := parseUserID(id)
	if !ok {
		return who, invalid("user_id", "must be a user id")
	}
	who.user = user
	return who, nil
}

// identify finds out who asks. A bearer token decides alone; anything else in
// the Authorization header is somebody else's business (staging sites have
// Basic there). Credentials that were made up cost the address a token; those
// that were once good do not: honest viewers share addresses.
func (a *API) identify(r *http.Request) (who principal, err error) {
	defer func() { a.observeLogin(who, err) }()
	token, isBearer := bearer(r)
	prove := a.authenticateCookie
	if isBearer {
		prove = func(*http.Request) (principal, error) { return a.authenticateBearer(token) }
	}
	who, err = prove(r)
	switch {
	case errors.Is(err, wordpress.ErrForged), errors.Is(err, errInvalidToken):
		return principal{}, limited(a.loginLimit.reserve(rateLimitKey(clientAddress(r))), err)
	case errors.Is(err, errInvalidNonce):
		return principal{}, limited(a.nonceLimit.reserve(who.user), err)
	case err != nil:
		return principal{}, err
	}
	return who, nil
}

// limited is err, or 429 once the wait says that there were too many.
func limited(wait time.Duration, err error) error {
	if wait == 0 {
		return err
	}
	p := errTooManyRequests.withCause(err)
	p.retryAfter = wait
	return p
}

// proveLogin takes WordPress's cookie and its nonce. A cookie without a nonce
// is anonymous, as in WordPress. The nonce code is only for a valid cookie: on
// it wp.apiFetch fetches a nonce and tries again, without end.
func (a *API) authenticateCookie(r *http.Request) (principal, error) {
	nonce, present := sentNonce(r)
	if a.cfg.Logins == nil || !present {
		return principal{}, errNotLoggedIn
	}
	var valid webinar.UserID
	login, err := a.cfg.Logins.Verify(r.Context(), r.Cookies(), func(login wordpress.Login) bool {
		valid = login.User
		return a.cfg.Logins.CheckNonce(login, nonce)
	})
	switch {
	case errors.Is(err, wordpress.ErrNotAccepted):
		return principal{user: valid}, errInvalidNonce
	case errors.Is(err, wordpress.ErrNotLoggedIn):
		return principal{}, errNotLoggedIn.withCause(err)
	case err != nil:
		return principal{}, errUnavailable.withCause(err)
	}
	return principal{user: login.User, login: &login}, nil
}

// sentNonce is the parameter where there is one, else the header, even if empty.
func sentNonce(r *http.Request) (nonce string, present bool) {
	if values, ok := r.URL.Query()["_wpnonce"]; ok {
		return values[0], true
	}
	if values, ok := r.Header["X-Wp-Nonce"]; ok {
		return values[0], true
	}
	return "", false
}

// bearer finds a bearer token among all Authorization headers.
func bearer(r *http.Request) (token string, ok bool) {
	for _, value := range r.Header.Values("Authorization") {
		words := strings.Fields(value)
		if len(words) > 0 && strings.EqualFold(words[0], "Bearer") {
			return strings.Join(words[1:], " "), true
		}
	}
	return "", false
}

// parseUserID reads a decimal user id as WordPress writes it.
func parseUserID(text string) (webinar.UserID, bool) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != text {
		return 0, false
	}
	return webinar.UserID(id), true
}
