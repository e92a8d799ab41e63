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

// request is what an endpoint gets: who it is about, and what was said.
type request struct {
	*http.Request
	user webinar.UserID
	body *jsonBody

	report *webinar.Report // what the player said, if it did
}

// reply is a success.
type reply struct {
	status int
	body   any
}

// endpoint answers one route. It returns errors as they come; the door turns
// them into answers.
type endpoint func(r *request) (reply, error)

// admission decides who a request is about.
type authFunc func(r *http.Request) (principal, error)

// door is the one way from HTTP to an endpoint and back.
func (a *API) handle(route string, admit authFunc, limit int64, e endpoint) http.HandlerFunc {
	return onRoute(route, func(w http.ResponseWriter, r *http.Request) {
		// The page that sent the last report of a visit is gone before the
		// answer: that must not break off the report.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), answerTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		who, err := admit(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		setUser(r, who.user)
		if who.login != nil {
			w.Header().Set("X-WP-Nonce", a.cfg.Logins.Nonce(*who.login))
		}
		if !who.service {
			if err := limited(a.viewerLimit.reserve(who.user), nil); err != nil {
				a.fail(w, r, err)
				return
			}
		}
		body, err := readBody(w, r, limit)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		answer, err := e(&request{Request: r, user: who.user, body: body})
		if err != nil {
			a.fail(w, r, err)
			return
		}
		writeJSON(w, answer.status, answer.body)
	})
}

// readBody reads a JSON object. Beacons send JSON as text/plain, curl as a form;
// no type and no body at all are fine too.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*jsonBody, error) {
	if r.Method == http.MethodGet {
		return parseFields(nil)
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case !isJSONRequest(r.Header.Get("Content-Type"), content):
		return nil, errUnsupportedMedia
	case errors.As(err, &tooLarge):
		return nil, errBodyTooLarge
	case isTruncated(err): // what came says nothing: the client may send it again
		return nil, errUnavailable.withCause(err)
	case err != nil: // broken chunks, and would be again
		return nil, errInvalidJSON.withCause(err)
	}
	return parseFields(content)
}

// stopped tells whether a body stopped half-way: the connection broke, or it
// came too slowly.
func isTruncated(err error) bool {
	var broken net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken)
}

func isJSONRequest(contentType string, content []byte) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return contentType == ""
	}
	switch mediaType {
	case "application/json", "text/plain":
		return true
	case "application/x-www-form-urlencoded": // what curl calls everything
		return bytes.HasPrefix(bytes.TrimSpace(content), []byte("{"))
	}
	return strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}
