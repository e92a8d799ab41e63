package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestWithTheSinkDownOnlyFormsFail(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	var viewers []viewer
	for id := uint64(1); id <= 10; id++ {
		viewers = append(viewers, newViewer(t, db, id))
	}
	s := start(t, settings(db, db.DSN, sink.URL)).ready(t)
	form := `{"webinar_id":"intro","form_id":"survey","form_payload":{"liked":true},"submission_id":"5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01"}`

	sink.setDown(true)
	for _, v := range viewers {
		v.must(t, s, 201, "/register", `{"webinar_id":"intro","source":"mail"}`)
		v.must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
		v.must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
		v.must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
		refused := v.must(t, s, 503, "/form", form)
		assert.NotEmpty(t, refused.header.Get("Retry-After"))
	}
	sink.setDown(false)
	for _, v := range viewers {
		sink.waits(t, fmt.Sprint(v.id), "registered", "entered", "left", "entered")
	}
	accepted := viewers[0].must(t, s, 200, "/form", form)
	assert.Equal(t, "5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01", accepted.body["submission_id"])
	assert.Equal(t, map[string]any{"liked": true}, sink.find("1", "form_submitted")[0].Data["form_payload"])
}

func TestWithTheDatabaseDownRequestsAreToldToComeBack(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	v := newViewer(t, db, 1)
	wire := newWire(t, addressOf(t, db.DSN))
	s := start(t, settings(db, through(t, db.DSN, wire.address), sink.URL)).ready(t)
	v.must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)

	wire.cut()
	for range 3 {
		refused := v.must(t, s, 503, "/progress", `{"webinar_id":"intro","position_sec":1}`)
		assert.Equal(t, "autowebinar_unavailable", refused.body["code"])
		assert.NotEmpty(t, refused.header.Get("Retry-After"))
	}
	require.Eventually(t, func() bool { return s.readiness() == http.StatusServiceUnavailable }, 10*time.Second, 10*time.Millisecond)

	wire.mend()
	require.Eventually(t, func() bool {
		a, err := v.send(s, "/exit", `{"webinar_id":"intro"}`)
		return err == nil && a.status == 200
	}, 10*time.Second, 50*time.Millisecond)
	sink.waits(t, "1", "entered", "left")
	s.ready(t)
}

func TestTheDatabaseMayComeUpAfterTheService(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	v := newViewer(t, db, 1)
	wire := newWire(t, addressOf(t, db.DSN))
	wire.cut()
	s := start(t, settings(db, through(t, db.DSN, wire.address), sink.URL))
	v.must(t, s, 503, "/enter", `{"webinar_id":"intro"}`)
	wire.mend()
	v.must(t, s.ready(t), 201, "/enter", `{"webinar_id":"intro"}`)
	sink.waits(t, "1", "entered")
}

// wire is a TCP connection to a server that can be cut and mended.
type wire struct {
	address string
	target  string

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{address: listener.Addr().String(), target: target, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { listener.Close(); w.cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client)
		}
	}()
	return w
}

func (w *wire) carry(client net.Conn) {
	server, err := net.Dial("tcp", w.target)
	if err != nil || !w.keep(client, server) {
		client.Close()
		if err == nil {
			server.Close()
		}
		return
	}
	go func() { _, _ = io.Copy(server, client); server.Close(); client.Close() }()
	_, _ = io.Copy(client, server)
	server.Close()
	client.Close()
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range conns {
		w.conns[conn] = true
	}
	return !w.down
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for conn := range w.conns {
		conn.Close()
	}
	clear(w.conns)
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}
