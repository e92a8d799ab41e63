package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// problem is an answer that is not a success, in WordPress's shape. The codes
// are core's own where core has one, because clients know those.
type apiError struct {
	status  int
	code    string
	message string

	params     any           // data.params: a list of names, or names with messages
	session    **sessionView // data.session, null included
	evaluation *uuid.UUID    // data.evaluation_id: to repeat an evaluation with
	retryAfter time.Duration
	cause      error // for the log, never for the client
}

func (p apiError) Error() string { return p.code + ": " + p.message }
func (p apiError) Unwrap() error { return p.cause }

func (p apiError) withCause(cause error) apiError {
	p.cause = cause
	return p
}

var (
	errInvalidJSON      = apiError{status: 400, code: "rest_invalid_json", message: "Invalid JSON body passed."}
	errMissingParam     = apiError{status: 400, code: "rest_missing_callback_param", message: "Missing parameter(s)."}
	errInvalidParam     = apiError{status: 400, code: "rest_invalid_param", message: "Invalid parameter(s)."}
	errNotLoggedIn      = apiError{status: 401, code: "rest_not_logged_in", message: "You are not currently logged in."}
	errInvalidNonce     = apiError{status: 403, code: "rest_cookie_invalid_nonce", message: "Cookie check failed."}
	errForbidden        = apiError{status: 403, code: "rest_forbidden", message: "Sorry, you are not allowed to do that."}
	errTooMany          = apiError{status: 403, code: "autowebinar_too_many", message: "The viewer has too many sessions or registrations."}
	errNoRoute          = apiError{status: 404, code: "rest_no_route", message: "No route was found matching the URL and request method."}
	errNoSession        = apiError{status: 404, code: "autowebinar_no_session", message: "The viewer has no session of this webinar."}
	errUnknownUser      = apiError{status: 404, code: "autowebinar_unknown_user", message: "There is no such user."}
	errSessionMismatch  = apiError{status: 409, code: "autowebinar_session_mismatch", message: "The viewer has no session with this id."}
	errBodyTooLarge     = apiError{status: 413, code: "autowebinar_body_too_large", message: "The request body is too large."}
	errUnsupportedMedia = apiError{status: 415, code: "autowebinar_unsupported_media_type", message: "The request body must be JSON."}
	errFormRefused      = apiError{status: 422, code: "autowebinar_form_refused", message: "The form was not accepted."}
	errTooManyRequests  = apiError{status: 429, code: "autowebinar_too_many_requests", message: "Too many requests."}
	errInternal         = apiError{status: 500, code: "autowebinar_internal", message: "Something went wrong here. The request id helps to find it."}
	errUnavailable      = apiError{status: 503, code: "autowebinar_unavailable", message: "The service cannot take this now. Try again.", retryAfter: 2 * time.Second}
)

// refusals is the one place where errors of the packages below become answers.
var errorTable = []struct {
	err    error
	answer apiError
}{
	{webinar.ErrNoSession, errNoSession},
	{webinar.ErrSessionMismatch, errSessionMismatch},
	{webinar.ErrLimitExceeded, errTooMany},
	{webinar.ErrWebinarRequired, missing("webinar_id")},
	{webinar.ErrUnknownWebinar, invalid("webinar_id", "is not a webinar of this site")},
	{usermeta.ErrUnknownUser, errUnknownUser},
	{usermeta.ErrUnavailable, errUnavailable},
	{webhook.ErrFormRefused, errFormRefused},
	{webhook.ErrReceiverUnavailable, errUnavailable},
	{webhook.ErrNoLead, errUnavailable},
	{context.Canceled, errUnavailable},
	{context.DeadlineExceeded, errUnavailable},
}

func missing(names ...string) apiError {
	p := errMissingParam
	p.params = names
	return p
}

func invalid(name, why string) apiError {
	p := errInvalidParam
	p.params = map[string]string{name: name + " " + why + "."}
	return p
}

// answerTo turns any error into a problem; one that nobody foresaw is a 500.
func toAPIError(err error) apiError {
	var p apiError
	if errors.As(err, &p) {
		return p
	}
	for _, refusal := range errorTable {
		if errors.Is(err, refusal.err) {
			p = refusal.answer.withCause(err)
			if errors.Is(err, webhook.ErrReceiverUnavailable) {
				p.retryAfter = webhook.RetryAfter(err)
			}
			return p
		}
	}
	return errInternal.withCause(err)
}

// fail writes the answer to an error.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := toAPIError(err)
	setError(r, p.code, p.cause)
	data := map[string]any{"status": p.status}
	if p.params != nil {
		data["params"] = p.params
	}
	if p.session != nil {
		data["session"] = *p.session
	}
	if p.evaluation != nil {
		data["evaluation_id"] = *p.evaluation
	}
	if p.status >= 500 {
		data["request_id"] = w.Header().Get(headerRequestID)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	writeJSON(w, p.status, map[string]any{"code": p.code, "message": p.message, "data": data})
}

// writeJSON encodes before it writes the header, so that a value that cannot be
// encoded is not half an answer but a fault like any other.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
