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
	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// notes is what the layers below add to the one line a request gets in the log.
type requestLog struct {
	route string
	user  webinar.UserID
	code  string
	cause error

	events     []webinar.Event // that it led to
	evaluation uuid.UUID
}

// The log must not grow with what anybody may send.
const (
	maxLoggedPath   = 200
	maxLoggedMethod = 20
)

type notesKey struct{}

func logFrom(r *http.Request) *requestLog {
	n, ok := r.Context().Value(notesKey{}).(*requestLog)
	if !ok {
		return &requestLog{}
	}
	return n
}

func setError(r *http.Request, code string, cause error) {
	n := logFrom(r)
	n.code, n.cause = code, cause
}

// onRoute notes which route was found, as the route table has it.
func onRoute(route string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		logFrom(r).route = route
		next(w, r)
	}
}

func noteEvents(r *http.Request, events []webinar.Event) { logFrom(r).events = events }

func setUser(r *http.Request, user webinar.UserID) { logFrom(r).user = user }

// logAccess writes one line a request: the path without its query, which may
// hold a nonce, and no header.
func (a *API) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		n := &requestLog{}
		r = r.WithContext(context.WithValue(r.Context(), notesKey{}, n))
		counted := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(counted, r)

		status, took := counted.Status(), time.Since(begun)
		if status == 0 {
			status = http.StatusOK
		}
		a.observer.RequestDone(n.route, status, n.code, took)
		attrs := []slog.Attr{
			slog.String("request_id", w.Header().Get(headerRequestID)),
			slog.String("method", r.Method[:min(len(r.Method), maxLoggedMethod)]), slog.String("path", loggedPath(r)), slog.Int("status", status),
			slog.Int("bytes", counted.BytesWritten()), slog.Duration("duration", took),
			slog.String("client", clientAddress(r).String()),
		}
		if n.user != 0 {
			attrs = append(attrs, slog.Uint64("user", uint64(n.user)))
		}
		if len(n.events) > 0 {
			attrs = append(attrs, slog.Any("webhook_ids", webhookIDs(n.events)))
		}
		if n.evaluation != uuid.Nil {
			attrs = append(attrs, slog.String("evaluation_id", n.evaluation.String()))
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

// webhookIDs are what the lines of the deliveries carry.
func webhookIDs(events []webinar.Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID.String()
	}
	return ids
}

// loggedPath is the path, and the route of plain permalinks, without anything
// that looks like a parameter: hand-made addresses put a nonce there, encoded
// twice for good measure.
func loggedPath(r *http.Request) string {
	path := cutParameters(r.URL.Path)
	if route := r.URL.Query().Get("rest_route"); route != "" {
		path += "?rest_route=" + cutParameters(route)
	}
	return path
}

func cutParameters(path string) string {
	if at := strings.IndexAny(path, "?&;=%"); at >= 0 {
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
