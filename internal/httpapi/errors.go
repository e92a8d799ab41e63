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
	"autowebinar/internal/wpdb"
)

// apiError is an error response in WordPress's shape. It uses the codes of
// WordPress core where they exist, because clients know those.
type apiError struct {
	status  int
	code    string
	message string

	params     any        // data.params: a list of names or a map of messages by name
	evaluation *uuid.UUID // data.evaluation_id, with which the evaluation can be repeated
	retryAfter time.Duration
	cause      error // for the log, never for the client
}

func (e apiError) Error() string { return e.code + ": " + e.message }
func (e apiError) Unwrap() error { return e.cause }

func (e apiError) withCause(cause error) apiError {
	e.cause = cause
	return e
}

var (
	errInvalidJSON      = apiError{status: 400, code: "rest_invalid_json", message: "Invalid JSON body passed."}
	errMissingParam     = apiError{status: 400, code: "rest_missing_callback_param", message: "Missing parameter(s)."}
	errInvalidParam     = apiError{status: 400, code: "rest_invalid_param", message: "Invalid parameter(s)."}
	errNotLoggedIn      = apiError{status: 401, code: "rest_not_logged_in", message: "You are not currently logged in."}
	errInvalidNonce     = apiError{status: 403, code: "rest_cookie_invalid_nonce", message: "Cookie check failed."}
	errForbidden        = apiError{status: 403, code: "rest_forbidden", message: "Sorry, you are not allowed to do that."}
	errLimitExceeded    = apiError{status: 403, code: "autowebinar_too_many", message: "The viewer has too many sessions or registrations."}
	errNoRoute          = apiError{status: 404, code: "rest_no_route", message: "No route was found matching the URL and request method."}
	errNoSession        = apiError{status: 404, code: "autowebinar_no_session", message: "The viewer has no session of this webinar."}
	errUnknownUser      = apiError{status: 404, code: "autowebinar_unknown_user", message: "There is no such user."}
	errSessionMismatch  = apiError{status: 409, code: "autowebinar_session_mismatch", message: "The viewer has no session with this id."}
	errBodyTooLarge     = apiError{status: 413, code: "autowebinar_body_too_large", message: "The request body is too large."}
	errUnsupportedMedia = apiError{status: 415, code: "autowebinar_unsupported_media_type", message: "The request body must be JSON."}
	errFormRefused      = apiError{status: 422, code: "autowebinar_form_refused", message: "The form was not accepted."}
	errTooManyRequests  = apiError{status: 429, code: "autowebinar_too_many_requests", message: "Too many requests."}
	errInternal         = apiError{status: 500, code: "autowebinar_internal", message: "Internal error. Report the request id to the operator."}
	errUnavailable      = apiError{status: 503, code: "autowebinar_unavailable", message: "The service is temporarily unavailable. Try again.", retryAfter: 2 * time.Second}
)

// errorTable maps errors of other packages to responses.
var errorTable = []struct {
	err    error
	answer apiError
}{
	{webinar.ErrNoSession, errNoSession},
	{webinar.ErrSessionMismatch, errSessionMismatch},
	{webinar.ErrLimitExceeded, errLimitExceeded},
	{webinar.ErrWebinarRequired, missing("webinar_id")},
	{webinar.ErrUnknownWebinar, invalid("webinar_id", "is not a webinar of this site")},
	{usermeta.ErrUnknownUser, errUnknownUser},
	{wpdb.ErrUnavailable, errUnavailable},
	{webhook.ErrFormRefused, errFormRefused},
	{webhook.ErrReceiverUnavailable, errUnavailable},
	{webhook.ErrNoLead, errUnavailable},
	{context.Canceled, errUnavailable},
	{context.DeadlineExceeded, errUnavailable},
}

func missing(names ...string) apiError {
	e := errMissingParam
	e.params = names
	return e
}

func invalid(name, message string) apiError {
	e := errInvalidParam
	e.params = map[string]string{name: name + " " + message + "."}
	return e
}

// toAPIError maps any error to a response; unknown errors map to 500.
func toAPIError(err error) apiError {
	var e apiError
	if errors.As(err, &e) {
		return e
	}
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			e = row.answer.withCause(err)
			if errors.Is(err, webhook.ErrReceiverUnavailable) {
				e.retryAfter = webhook.RetryAfter(err)
			}
			return e
		}
	}
	return errInternal.withCause(err)
}

// fail responds to a request with an error.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := toAPIError(err)
	l := logFrom(r)
	l.code, l.cause = e.code, e.cause
	data := map[string]any{"status": e.status}
	if e.params != nil {
		data["params"] = e.params
	}
	var mismatch *webinar.SessionMismatchError
	if errors.As(err, &mismatch) {
		data["session"] = nil
		if mismatch.Current != nil {
			data["session"] = a.sessionJSON(*mismatch.Current, mismatch.Now, 0)
		}
	}
	if e.evaluation != nil {
		data["evaluation_id"] = *e.evaluation
	}
	if e.status >= 500 {
		data["request_id"] = w.Header().Get(headerRequestID)
	}
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	writeJSON(w, e.status, map[string]any{"code": e.code, "message": e.message, "data": data})
}

// writeJSON encodes the body before it writes the header, so that an encoding
// failure becomes a 500.
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
