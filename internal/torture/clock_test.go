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

// The service schedules retries and checks logins by its own clock. The times of
// sessions are those of the database's clock.
func TestWrongServiceClockStopsNothing(t *testing.T) {
	t.Parallel()
	db, receiver, clock := mariadbtest.New(t), newReceiver(t), servicetest.NewServiceClock(t)
	env := servicetest.Settings(db.DSN, receiver.URL)
	maps.Copy(env, clock.Env)
	v := servicetest.NewViewer(t, db, 1)
	stamps := make(chan time.Time, 100)
	fail := func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		assert.NoError(t, err)
		select {
		case stamps <- time.Unix(seconds, 0):
		default:
		}
		w.WriteHeader(http.StatusInternalServerError)
	}

	// A replica whose clock is an hour ahead schedules the next attempt by it. The
	// session takes its times from the database's clock.
	clock.Set(t, time.Hour)
	restore := receiver.respondWith(fail)
	ahead := servicetest.StartBinary(t, clock.Binary, env).Ready(t)
	begun := time.Now()
	entered := v.Must(t, ahead, 201, "/enter", `{"webinar_id":"intro"}`)
	at, err := time.Parse(time.RFC3339, entered.Body["server_time"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, begun, at, time.Minute)
	select {
	case stamp := <-stamps:
		assert.WithinDuration(t, begun.Add(time.Hour), stamp, time.Minute, "the signature has the replica's time")
	case <-time.After(time.Minute):
		t.Fatal("no attempt")
	}
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 1 }, time.Minute, 10*time.Millisecond)

	// The clock is set back while the replica runs. By the clock the event is then
	// due in an hour, but it is delivered at once.
	clock.Set(t, 0)
	restore()
	require.Eventually(t, func() bool { return receiver.acceptedCount() == 1 }, time.Minute, 10*time.Millisecond)

	// Another replica, whose clock is right, delivers such an event at once as well.
	clock.Set(t, time.Hour)
	restore = receiver.respondWith(fail)
	v.Must(t, ahead, 200, "/exit", `{"webinar_id":"intro"}`)
	require.Eventually(t, func() bool { return len(db.Meta(t, 1)["autowebinar_outbox_wait"]) == 1 }, time.Minute, 10*time.Millisecond)
	ahead.Kill()
	clock.Set(t, 0)
	restore()
	right := servicetest.StartBinary(t, clock.Binary, env).Ready(t)
	require.Eventually(t, func() bool { return receiver.acceptedCount() == 2 }, time.Minute, 10*time.Millisecond)

	// Logins expire by the service's clock, and are valid again when it is right.
	v.Must(t, right, 200, "/session?webinar_id=intro", "")
	clock.Set(t, 25*time.Hour)
	ended := v.Must(t, right, 401, "/session?webinar_id=intro", "")
	assert.Equal(t, "rest_not_logged_in", ended.Body["code"])
	clock.Set(t, 0)
	v.Must(t, right, 200, "/session?webinar_id=intro", "")
}

// Progress and times of a session never go back while the database's clock is stepped.
func TestDatabaseClockStepsLoseNoProgress(t *testing.T) {
	t.Parallel()
	clock := servicetest.NewDatabaseClock(t)
	cfg := durableServer()
	cfg.Env = clock.Env
	db, _ := newDatabase(t, cfg)
	receiver := servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	seen, position := "", float64(0)
	for i, ahead := range []time.Duration{0, time.Hour, 0, -time.Hour, 0, -time.Hour, time.Hour, 0} {
		clock.Set(t, ahead)
		got := v.Must(t, s, 200, "/progress", `{"webinar_id":"intro","position_sec":`+strconv.Itoa(3*i)+`}`).Body
		assert.GreaterOrEqual(t, got["last_seen_at"], seen, ahead)
		assert.GreaterOrEqual(t, got["live_offset_sec"], float64(0), ahead)
		assert.GreaterOrEqual(t, got["furthest_sec"], position, ahead)
		seen, position = got["last_seen_at"].(string), got["furthest_sec"].(float64)
	}
	v.Must(t, s, 200, "/progress", `{"webinar_id":"intro","position_sec":900}`)
	v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "1", "entered", "left")
}
