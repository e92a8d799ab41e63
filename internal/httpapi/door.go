package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"autowebinar/internal/webinar"
)

// request is what an endpoint gets: who it is about, and what was said.
type request struct {
	*http.Request
	user webinar.UserID
	body *fields
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
type admission func(r *http.Request) (caller, error)

// door is the one way from HTTP to an endpoint and back.
func (a *API) door(admit admission, limit int64, e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := admit(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		noteViewer(r, who.user)
		if who.login != nil {
			w.Header().Set("X-WP-Nonce", a.cfg.Logins.Nonce(*who.login))
		}
		if wait, ok := a.mayPass(who); !ok {
			p := errTooManyRequests
			p.retryAfter = wait
			a.fail(w, r, p)
			return
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
	}
}

// readBody reads a JSON object. Beacons send JSON as text/plain; no type and no
// body at all are fine too.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*fields, error) {
	if r.Method == http.MethodGet {
		return parseFields(nil)
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, errUnsupportedMedia
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, errInvalidJSON.because(err)
	}
	return parseFields(content)
}

func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch {
	case mediaType == "application/json", mediaType == "text/plain":
		return true
	}
	return strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}
