package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// The phases of a shutdown, together less than the ten seconds that container
// engines allow. During shutdownDelay the server still accepts requests while the
// service reports that it is not ready, so that load balancers stop using it.
const (
	shutdownDelay   = time.Second
	shutdownTimeout = 6 * time.Second
)

// Server is a handler and the listener that it serves.
type Server struct {
	Handler       http.Handler
	Listener      net.Listener
	DelayShutdown bool // for shutdownDelay
}

// Serve runs the servers and work until ctx ends or one of them fails. It then
// stops all of them and waits for them.
func Serve(ctx context.Context, log *slog.Logger, work func(context.Context) error, servers ...Server) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return work(ctx) })
	for _, s := range servers {
		server := newHTTPServer(s.Handler, log)
		group.Go(func() error {
			if err := server.Serve(s.Listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			if s.DelayShutdown {
				time.Sleep(shutdownDelay)
			}
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
			defer cancel()
			if err := server.Shutdown(stopping); err != nil {
				return server.Close()
			}
			return nil
		})
	}
	return group.Wait()
}

// newHTTPServer returns a server whose time-outs protect it against slow clients.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
