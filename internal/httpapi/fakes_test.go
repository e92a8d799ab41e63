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
type formReceiver struct {
	mu       sync.Mutex
	err      error
	accepted []submittedForm
}

type submittedForm struct {
	event  webinar.Event
	leadID string
}

func (s *formReceiver) Submit(_ context.Context, event webinar.Event, leadID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case leadID == "":
		return webhook.ErrNoLead
	}
	s.accepted = append(s.accepted, submittedForm{event, leadID})
	return nil
}

// refuse makes the sink answer with an error from now on.
func (s *formReceiver) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// broken is a store that fails in its own way.
type failingStore func() error

func (b failingStore) Change(context.Context, webinar.UserID, usermeta.ApplyFunc) error { return b() }

func (b failingStore) Read(context.Context, webinar.UserID) (webinar.Viewer, time.Time, error) {
	return webinar.Viewer{}, time.Time{}, b()
}

func withFailingStore(how failingStore) func(*httpapi.Config) {
	return func(c *httpapi.Config) { c.Viewers = how }
}

// cable is what connects the service to its database.
type databaseLink struct {
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

var errLinkCut = errors.New("no route to the database")

func (c *databaseLink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errLinkCut}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

// unplug ends all connections and lets no new one come.
func (c *databaseLink) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func (c *databaseLink) restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = false
}
