package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestListener(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestServeFinishesRequestsOnShutdown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	listener := newTestListener(t)
	finish := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		<-finish
		w.WriteHeader(http.StatusNoContent)
	})
	status := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + listener.Addr().String())
		if !assert.NoError(t, err) {
			cancel()
			close(status)
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	work := func(ctx context.Context) error {
		<-ctx.Done()
		close(finish)
		return nil
	}
	require.NoError(t, Serve(ctx, slog.New(slog.DiscardHandler), work, Server{Handler: handler, Listener: listener}))
	assert.Equal(t, http.StatusNoContent, <-status)
}

func TestServeStopsIfWorkFails(t *testing.T) {
	t.Parallel()
	listener := newTestListener(t)
	failure := errors.New("work failed")
	err := Serve(t.Context(), slog.New(slog.DiscardHandler), func(context.Context) error { return failure },
		Server{Handler: http.NotFoundHandler(), Listener: listener})
	require.ErrorIs(t, err, failure)
	_, err = listener.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}
