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

// listen takes a port that no connection gets by chance, so that it can be
// given up and taken again.
func listen(t *testing.T) net.Listener {
	t.Helper()
	for range 50 {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))))
		if err == nil {
			return listener
		}
	}
	t.Fatal("no port is free")
	return nil
}

func TestASinkThatIsNotThere(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	listener := listen(t)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	s := servicetest.Start(t, servicetest.Settings(db.DSN, "http://"+address+"/events")).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	v.Must(t, s, 503, "/form", `{"webinar_id":"intro","form_id":"survey","form_payload":{}}`)
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 2 }, 20*time.Second, 20*time.Millisecond)

	require.Eventually(t, func() bool {
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
	server := &http.Server{Handler: sink}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
	sink.WaitFor(t, "1", "entered", "left")
}

// Half of the viewers are refused for a while: the others are served in time,
// and then the refused ones, each in their order.
func TestRefusedViewersDoNotStarveOthers(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newReceiver(t)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, sink.URL)).Ready(t)
	mend := sink.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		if w.(*delivery).user%2 == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	const crowd = 20
	for id := uint64(1); id <= crowd; id++ {
		v := servicetest.NewViewer(t, db, id)
		v.Must(t, s, 201, "/register", `{"webinar_id":"intro","source":"mail"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
		v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	}
	taken := func() (odd, even int) {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		for _, got := range sink.byID {
			if got.order > 0 && got.user%2 == 1 {
				odd++
			} else if got.order > 0 {
				even++
			}
		}
		return odd, even
	}
	require.Eventually(t, func() bool { _, even := taken(); return even == 3*crowd/2 }, 60*time.Second, 20*time.Millisecond, "the others are served")
	odd, _ := taken()
	assert.Zero(t, odd)

	mend()
	require.Eventually(t, func() bool { odd, _ := taken(); return odd == 3*crowd/2 }, 60*time.Second, 20*time.Millisecond)
	sink.mu.Lock()
	defer sink.mu.Unlock()
	orders := map[uint64]map[string]int{}
	for _, got := range sink.byID {
		if orders[got.user] == nil {
			orders[got.user] = map[string]int{}
		}
		orders[got.user][eventType(t, got.body)] = got.order
	}
	for user, order := range orders {
		assert.Less(t, order["client_webinar_registered"], order["client_webinar_entered"], fmt.Sprint("user ", user))
		assert.Less(t, order["client_webinar_entered"], order["client_webinar_left"], fmt.Sprint("user ", user))
	}
	assert.Zero(t, sink.altered+sink.forged+sink.overlaps)
}
