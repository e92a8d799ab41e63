package httpapi_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// formReceiver accepts forms, or fails with an error.
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

// failWith sets the error of further forms; nil accepts them.
func (s *formReceiver) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// failingStore is a store whose calls all end with its function's error or panic.
type failingStore func() error

func (f failingStore) Change(context.Context, webinar.UserID, webinar.Command) (webinar.Result, error) {
	return webinar.Result{}, f()
}

func (f failingStore) Read(context.Context, webinar.UserID) (webinar.Viewer, time.Time, error) {
	return webinar.Viewer{}, time.Time{}, f()
}

func withFailingStore(store failingStore) func(*httpapi.Config) {
	return func(c *httpapi.Config) { c.Viewers = store }
}

// databaseLink connects the service to its database.
type databaseLink struct {
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

var errLinkCut = errors.New("no route to the database")

func (l *databaseLink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errLinkCut}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// cut closes all connections and rejects new ones.
func (l *databaseLink) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
}

func (l *databaseLink) restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
}
