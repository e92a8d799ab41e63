package httpapi_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// sink takes forms, or does not.
type sink struct {
	mu    sync.Mutex
	err   error
	taken []submission
}

type submission struct {
	event  webinar.Event
	leadID string
}

func (s *sink) Submit(_ context.Context, event webinar.Event, leadID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case leadID == "":
		return webhook.ErrNoLead
	}
	s.taken = append(s.taken, submission{event, leadID})
	return nil
}

// refuse makes the sink answer with an error from now on.
func (s *sink) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// broken is a store that fails in its own way.
type broken func() error

func (b broken) Change(context.Context, webinar.UserID, usermeta.ApplyFunc) error { return b() }

func (b broken) Read(context.Context, webinar.UserID) (webinar.Viewer, time.Time, error) {
	return webinar.Viewer{}, time.Time{}, b()
}

func failing(how broken) func(*httpapi.Config) {
	return func(c *httpapi.Config) { c.Viewers = how }
}

// cable is what connects the service to its database.
type cable struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("no route to the database")

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errCut}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

// unplug ends all connections and lets no new one come.
func (c *cable) unplug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}
