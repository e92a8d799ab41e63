package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// caller is who asks, once proven.
type caller struct {
	user    webinar.UserID   // who the request is about; 0 for a service key
	service bool             // a service key: it may speak of any viewer
	login   *wordpress.Login // a WordPress login, which is handed fresh nonces
}

// viewer admits a viewer to their own session.
func (a *API) viewer(r *http.Request) (caller, error) {
	who, err := a.identify(r)
	if err == nil && who.service {
		err = errForbidden
	}
	return who, err
}

// service admits a service key.
func (a *API) service(r *http.Request) (caller, error) {
	who, err := a.identify(r)
	if err == nil && !who.service {
		err = errForbidden
	}
	return who, err
}

// onBehalf admits a service key to the viewer named in the path.
func (a *API) onBehalf(r *http.Request) (caller, error) {
	id := chi.URLParam(r, "user_id")
	if id == "" { // chi lets an empty segment pass, whatever the pattern
		return caller{}, errNoRoute
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
// Basic there).
func (a *API) identify(r *http.Request) (caller, error) {
	who, err := a.prove(r)
	if err != nil && countsAsFailedLogin(err) {
		if wait, ok := a.failures.take(network(clientAddress(r))); !ok {
			p := errTooManyRequests.because(err)
			p.retryAfter = wait
			return caller{}, p
		}
	}
	return who, err
}

func (a *API) prove(r *http.Request) (caller, error) {
	if token, ok := bearer(r); ok {
		return a.proveBearer(token)
	}
	return a.proveLogin(r)
}

// errAnonymous is a request that shows no credentials at all.
var errAnonymous = errNotLoggedIn.because(errors.New("no credentials"))

func countsAsFailedLogin(err error) bool {
	var p problem
	return errors.As(err, &p) && (p.status == 401 || p.code == errInvalidNonce.code) && !errors.Is(err, errAnonymous.cause)
}

// proveLogin takes WordPress's cookie and its nonce. A cookie without a nonce
// is anonymous, as in WordPress. The nonce code is only for a valid cookie: on
// it wp.apiFetch fetches a nonce and tries again, without end.
func (a *API) proveLogin(r *http.Request) (caller, error) {
	nonce, present := sentNonce(r)
	if a.cfg.Logins == nil || !present {
		return caller{}, errAnonymous
	}
	login, err := a.cfg.Logins.Verify(r.Context(), r.Cookies())
	switch {
	case errors.Is(err, wordpress.ErrNotLoggedIn):
		return caller{}, errNotLoggedIn.because(err)
	case err != nil:
		return caller{}, errUnavailable.because(err)
	case !a.cfg.Logins.CheckNonce(login, nonce):
		return caller{}, errInvalidNonce
	}
	return caller{user: login.User, login: &login}, nil
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

func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// parseUserID reads a decimal user id as WordPress writes it.
func parseUserID(text string) (webinar.UserID, bool) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != text {
		return 0, false
	}
	return webinar.UserID(id), true
}
