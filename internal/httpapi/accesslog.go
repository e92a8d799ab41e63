package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"autowebinar/internal/webinar"
)

// notes is what the layers below add to the one line a request gets in the log.
type notes struct {
	user  webinar.UserID
	code  string
	cause error
}

const maxLoggedPath = 200

type notesKey struct{}

func noted(r *http.Request) *notes {
	n, ok := r.Context().Value(notesKey{}).(*notes)
	if !ok {
		return &notes{}
	}
	return n
}

func note(r *http.Request, code string, cause error) {
	n := noted(r)
	n.code, n.cause = code, cause
}

func noteViewer(r *http.Request, user webinar.UserID) { noted(r).user = user }

// logAccess writes one line a request: the path without its query, which may
// hold a nonce, and no header.
func (a *API) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		n := &notes{}
		r = r.WithContext(context.WithValue(r.Context(), notesKey{}, n))
		counted := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(counted, r)

		status := counted.Status()
		if status == 0 {
			status = http.StatusOK
		}
		attrs := []slog.Attr{
			slog.String("request_id", w.Header().Get(headerRequestID)),
			slog.String("method", r.Method), slog.String("path", loggedPath(r)), slog.Int("status", status),
			slog.Int("bytes", counted.BytesWritten()), slog.Duration("duration", time.Since(begun)),
			slog.String("client", clientAddress(r).String()),
		}
		if n.user != 0 {
			attrs = append(attrs, slog.Uint64("user", uint64(n.user)))
		}
		if n.code != "" {
			attrs = append(attrs, slog.String("code", n.code))
		}
		if n.cause != nil {
			attrs = append(attrs, slog.String("cause", n.cause.Error()))
		}
		a.log.LogAttrs(r.Context(), level(status), "request", attrs...)
	})
}

// loggedPath is the path, and the route of plain permalinks, without anything
// that looks like a parameter: hand-made addresses put a nonce there.
func loggedPath(r *http.Request) string {
	path := cutParameters(r.URL.Path)
	if route := r.URL.Query().Get("rest_route"); route != "" {
		path += "?rest_route=" + cutParameters(route)
	}
	return path
}

func cutParameters(path string) string {
	if at := strings.IndexAny(path, "?&;="); at >= 0 {
		path = path[:at]
	}
	return path[:min(len(path), maxLoggedPath)]
}

func level(status int) slog.Level {
	switch {
	case status == http.StatusServiceUnavailable:
		return slog.LevelWarn
	case status >= 500:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// recover turns a panic into a 500 and one log line with its stack.
func (a *API) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			a.log.ErrorContext(r.Context(), "panic", "request_id", w.Header().Get(headerRequestID),
				"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			a.fail(w, r, errInternal)
		}()
		next.ServeHTTP(w, r)
	})
}

// recoverAs turns a panic into an error. Deferred by goroutines of a request:
// the recovery of the request's own does not reach them, so a panic there would
// end the process.
func recoverAs(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}
