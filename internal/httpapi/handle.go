package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"autowebinar/internal/webinar"
)

// route is one row of the route table. The path is below the base path; logs
// and metrics contain it.
type route struct {
	method, path string
	maxBody      int64
	authorize    authFunc
	endpoint     endpoint
}

// request is the input of an endpoint.
type request struct {
	*http.Request
	user webinar.UserID // the viewer that the request is about; 0 on a route about several
	body *jsonBody
}

// reply is a success.
type reply struct {
	status int
	body   any
}

// endpoint implements one route. errorTable maps its errors to responses.
type endpoint func(r *request) (reply, error)

// authFunc authenticates a request and decides which viewer it is about.
type authFunc func(r *http.Request) (principal, error)

// handle returns the HTTP handler of a route.
func (a *API) handle(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		logFrom(r).route = rt.path
		// A client that disconnects, or that closes its side of the connection after
		// the request, must not cancel the change, because a page that closes sends
		// its last report this way.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestTimeout)
		defer cancel()
		reply, err := a.serve(w, r.WithContext(ctx), rt)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		writeJSON(w, reply.status, reply.body)
	}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, rt route) (reply, error) {
	caller, err := rt.authorize(r)
	if err != nil {
		return reply{}, err
	}
	logFrom(r).user = caller.user
	if caller.login != nil {
		w.Header().Set("X-WP-Nonce", a.cfg.Logins.Nonce(*caller.login))
	}
	if !caller.service {
		if err := rateLimited(a.viewerLimit.reserve(caller.user), nil); err != nil {
			return reply{}, err
		}
	}
	body, err := readBody(w, r, rt.maxBody)
	if err != nil {
		return reply{}, err
	}
	return rt.endpoint(&request{Request: r, user: caller.user, body: body})
}

// readBody reads a JSON object; an empty body counts as an empty object. Beacons
// send JSON as text/plain and curl as a form, so both types are accepted.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*jsonBody, error) {
	if r.Method == http.MethodGet {
		return parseBody(nil)
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case !isJSONRequest(r.Header.Get("Content-Type"), content):
		return nil, errUnsupportedMedia
	case errors.As(err, &tooLarge):
		return nil, errBodyTooLarge
	case isTruncated(err): // the client may send the whole body again
		return nil, errUnavailable.withCause(err)
	case err != nil: // broken chunks, which would be broken again
		return nil, errInvalidJSON.withCause(err)
	}
	return parseBody(content)
}

// isTruncated reports whether the end of a body is missing: the connection broke
// or was too slow.
func isTruncated(err error) bool {
	var netErr net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr)
}

func isJSONRequest(contentType string, content []byte) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return contentType == ""
	}
	switch mediaType {
	case "application/json", "text/plain":
		return true
	case "application/x-www-form-urlencoded": // curl's default type
		return bytes.HasPrefix(bytes.TrimSpace(content), []byte("{"))
	}
	return strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}
