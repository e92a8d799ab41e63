package torture

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// listen listens on a port outside the range of outgoing connections, so that it can
// be closed and opened again.
func listen(t *testing.T) net.Listener {
	t.Helper()
	for range 50 {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))))
		if err == nil {
			return listener
		}
	}
	t.Fatal("no free port")
	return nil
}

func TestEventsWaitForUnreachableReceiver(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	listener := listen(t)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	s := servicetest.Start(t, servicetest.Settings(db.DSN, "http://"+address+"/events")).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	v.Must(t, s, 503, "/form", `{"webinar_id":"intro","form_id":"survey","form_payload":{}}`)
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 2 }, time.Minute, 20*time.Millisecond)

	require.Eventually(t, func() bool {
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	server := &http.Server{Handler: receiver}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
	receiver.WaitFor(t, "1", "entered", "left")
}

// While the receiver rejects the events of half of the viewers, the events of the others
// are delivered. The rejected events are delivered afterwards, in order.
func TestRejectedEventsDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), newReceiver(t)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	restore := receiver.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		if w.(*delivery).user%2 == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	const viewers = 20
	for id := uint64(1); id <= viewers; id++ {
		v := servicetest.NewViewer(t, db, id)
		v.Must(t, s, 201, "/register", `{"webinar_id":"intro","source":"mail"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
		v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	}
	accepted := func() (odd, even int) {
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		for _, got := range receiver.byID {
			if got.order > 0 && got.user%2 == 1 {
				odd++
			} else if got.order > 0 {
				even++
			}
		}
		return odd, even
	}
	require.Eventually(t, func() bool { _, even := accepted(); return even == 3*viewers/2 }, 2*time.Minute, 20*time.Millisecond, "events of the other viewers are delivered")
	odd, _ := accepted()
	assert.Zero(t, odd)

	restore()
	require.Eventually(t, func() bool { odd, _ := accepted(); return odd == 3*viewers/2 }, 2*time.Minute, 20*time.Millisecond)
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	orders := map[uint64]map[string]int{}
	for _, got := range receiver.byID {
		if orders[got.user] == nil {
			orders[got.user] = map[string]int{}
		}
		orders[got.user][eventType(t, got.body)] = got.order
	}
	for user, order := range orders {
		assert.Less(t, order["client_webinar_registered"], order["client_webinar_entered"], fmt.Sprint("user ", user))
		assert.Less(t, order["client_webinar_entered"], order["client_webinar_left"], fmt.Sprint("user ", user))
	}
	assert.Zero(t, receiver.altered+receiver.forged+receiver.overlaps)
}
