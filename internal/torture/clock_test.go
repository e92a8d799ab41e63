package torture

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

func eventType(t *testing.T, body []byte) string {
	t.Helper()
	var event struct{ Type string }
	require.NoError(t, json.Unmarshal(body, &event))
	return event.Type
}

// What the service does by its own clock, and what not.
func TestTheServicesOwnClockIsWrong(t *testing.T) {
	t.Parallel()
	db, sink, clock := mariadbtest.New(t), newReceiver(t), servicetest.NewServiceClock(t)
	env := servicetest.Settings(db.DSN, sink.URL)
	maps.Copy(env, clock.Env)
	v := servicetest.NewViewer(t, db, 1)
	stamps := make(chan time.Time, 100)
	down := func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		assert.NoError(t, err)
		select {
		case stamps <- time.Unix(seconds, 0):
		default:
		}
		w.WriteHeader(http.StatusInternalServerError)
	}

	// A replica whose clock is an hour ahead plans the next attempt by it. The
	// session is told by the database's clock, whatever the replica thinks.
	clock.Set(t, time.Hour)
	mend := sink.respondWith(down)
	ahead := servicetest.StartBinary(t, clock.Binary, env).Ready(t)
	begun := time.Now()
	entered := v.Must(t, ahead, 201, "/enter", `{"webinar_id":"intro"}`)
	at, err := time.Parse(time.RFC3339, entered.Body["server_time"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, begun, at, time.Minute)
	select {
	case stamp := <-stamps:
		assert.WithinDuration(t, begun.Add(time.Hour), stamp, time.Minute, "the signature is of the replica's time")
	case <-time.After(30 * time.Second):
		t.Fatal("no attempt")
	}
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 1 }, 30*time.Second, 10*time.Millisecond)

	// The clock falls back while it runs: the event, which is due in an hour by
	// then, comes at once all the same.
	clock.Set(t, 0)
	mend()
	require.Eventually(t, func() bool { return acceptedCount(sink) == 1 }, 30*time.Second, 10*time.Millisecond)

	// Or it is another replica, with the right time, that finds it.
	clock.Set(t, time.Hour)
	mend = sink.respondWith(down)
	v.Must(t, ahead, 200, "/exit", `{"webinar_id":"intro"}`)
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 1 }, 30*time.Second, 10*time.Millisecond)
	ahead.Kill()
	clock.Set(t, 0)
	mend()
	right := servicetest.StartBinary(t, clock.Binary, env).Ready(t)
	require.Eventually(t, func() bool { return acceptedCount(sink) == 2 }, 30*time.Second, 10*time.Millisecond)

	// Logins end by the service's clock, and are there again when it is right.
	v.Must(t, right, 200, "/session?webinar_id=intro", "")
	clock.Set(t, 25*time.Hour)
	ended := v.Must(t, right, 401, "/session?webinar_id=intro", "")
	assert.Equal(t, "rest_not_logged_in", ended.Body["code"])
	clock.Set(t, 0)
	v.Must(t, right, 200, "/session?webinar_id=intro", "")
}

// taken is how many events the sink has.
func acceptedCount(s *receiver) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// The database's clock jumps while a viewer watches: what was seen stays seen,
// and nothing is told from the future.
func TestTheDatabasesClockJumps(t *testing.T) {
	t.Parallel()
	clock := servicetest.NewDatabaseClock(t)
	cfg := durableServer()
	cfg.Env = clock.Env
	db, _ := newDatabase(t, cfg)
	sink := servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, sink.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	seen, position := "", float64(0)
	for i, ahead := range []time.Duration{0, time.Hour, 0, -time.Hour, 0, -time.Hour, time.Hour, 0} {
		clock.Set(t, ahead)
		told := v.Must(t, s, 200, "/progress", `{"webinar_id":"intro","position_sec":`+strconv.Itoa(3*i)+`}`).Body
		assert.GreaterOrEqual(t, told["last_seen_at"], seen, ahead)
		assert.GreaterOrEqual(t, told["live_offset_sec"], float64(0), ahead)
		assert.GreaterOrEqual(t, told["furthest_sec"], position, ahead)
		seen, position = told["last_seen_at"].(string), told["furthest_sec"].(float64)
	}
	v.Must(t, s, 200, "/progress", `{"webinar_id":"intro","position_sec":900}`)
	v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	sink.WaitFor(t, "1", "entered", "left")
}
