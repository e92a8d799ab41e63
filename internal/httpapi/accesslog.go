package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// requestLog collects what the handlers add to the log line of a request.
type requestLog struct {
	client netip.Addr
	route  string // as the route table names it; empty if none matched
	user   webinar.UserID
	code   string
	cause  error

	events     []webinar.Event // emitted by the request
	evaluation uuid.UUID
}

// Clients choose these texts, so the log limits their length.
const (
	maxLoggedPath   = 200
	maxLoggedMethod = 20
)

type requestLogKey struct{}

// logFrom returns the log of a request, which the caller may add to.
func logFrom(r *http.Request) *requestLog {
	return r.Context().Value(requestLogKey{}).(*requestLog)
}

// logAccess writes one line for each request. It contains no header and only the
// path, because the query may contain a nonce.
func (a *API) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		l := logFrom(r)
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(wrapped, r)

		status, took := wrapped.Status(), time.Since(started)
		if status == 0 {
			status = http.StatusOK
		}
		a.cfg.Observer.RequestDone(l.route, status, l.code, took)
		attrs := []slog.Attr{
			slog.String("request_id", w.Header().Get(headerRequestID)),
			slog.String("method", r.Method[:min(len(r.Method), maxLoggedMethod)]), slog.String("path", loggedPath(r)),
			slog.Int("status", status), slog.Int("bytes", wrapped.BytesWritten()), slog.Duration("duration", took),
			slog.String("client", l.client.String()),
		}
		if l.user != 0 {
			attrs = append(attrs, slog.Uint64("user", uint64(l.user)))
		}
		if len(l.events) > 0 {
			attrs = append(attrs, slog.Any("webhook_ids", webhookIDs(l.events)))
		}
		if l.evaluation != uuid.Nil {
			attrs = append(attrs, slog.String("evaluation_id", l.evaluation.String()))
		}
		if l.code != "" {
			attrs = append(attrs, slog.String("code", l.code))
		}
		if l.cause != nil {
			attrs = append(attrs, slog.String("cause", l.cause.Error()))
		}
		a.cfg.Logger.LogAttrs(r.Context(), level(status), "request", attrs...)
	})
}

// webhookIDs returns the ids by which the log lines of deliveries name the events.
func webhookIDs(events []webinar.Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID.String()
	}
	return ids
}

// loggedPath returns the path, and the route of plain permalinks, without
// anything that looks like a parameter, because clients that build the address
// themselves may put a nonce there, even doubly encoded.
func loggedPath(r *http.Request) string {
	path := cutParameters(r.URL.Path)
	if route := r.URL.Query().Get("rest_route"); route != "" {
		path += "?rest_route=" + cutParameters(route)
	}
	return path
}

func cutParameters(path string) string {
	if i := strings.IndexAny(path, "?&;=%"); i >= 0 {
		path = path[:i]
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

// recoverPanic responds to a panic with a 500 and logs its stack.
func (a *API) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			a.cfg.Logger.ErrorContext(r.Context(), "panic", "request_id", w.Header().Get(headerRequestID),
				"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			a.fail(w, r, errInternal)
		}()
		next.ServeHTTP(w, r)
	})
}
