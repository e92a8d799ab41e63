package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
	"autowebinar/internal/webinar"
)

// A stop breaks deliveries off. That costs no event an attempt: it is not counted.
func TestAStopCountsNoAttempt(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, rigConfig{viewers: 8, appliedOnce: true})
	hung := make(chan struct{}, 100)
	mend := r.receiver.respondWith(func(_ http.ResponseWriter, request *http.Request) {
		hung <- struct{}{}
		<-request.Context().Done()
		panic(http.ErrAbortHandler)
	})
	c := newCrowd(r)
	for _, d := range c.clients {
		require.NotNil(t, d.send(request{route: enter, webinar: "intro"}, 0))
	}
	<-hung // a delivery is under way
	assert.Less(t, r.replicas[0].service.Load().Stop(t), 10*time.Second)

	var values []string
	require.NoError(t, r.db.Select(&values, `SELECT meta_value FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`))
	assert.Len(t, values, len(c.viewers))
	for _, value := range values {
		parts := strings.Split(value, "|")
		require.Len(t, parts, 12, value)
		assert.Equal(t, "0", parts[9], "attempts of %s", value)
	}
	before := r.base.Checksum(t)
	mend()
	r.replicas[0].start()
	assert.Empty(t, r.drainAndStop())
	r.requirePass(r.check(c, before))
}

// Far more at once than a lane has room for: what does not fit is refused as a
// whole, with a word on when to come back, and the rest is done. A machine that
// is too busy to send so much at once gets more than one try.
func TestAFullQueueRefusesWhole(t *testing.T) {
	const fillers, devices, fresh = 150, 30, 5
	tries := []webinar.ID{"talk", "pro", "intro"}
	r := newRig(t, 1, rigConfig{
		viewers: 4 * (fillers + fresh*len(tries)), clients: devices, appliedOnce: true,
		binary: servicetest.Build(t), // without the race detector, which would take longer than a change may wait
	})
	c := newCrowd(r)
	before := r.base.Checksum(t)
	// A service key needs no look into the database; these are in one lane.
	keyed := slices.Collect(slices.Chunk(slices.DeleteFunc(slices.Clone(c.clients), func(d *client) bool { return !d.usesServiceKey }), devices))
	var crowded []*client
	for i, id := range tries {
		late := keyed[fillers+i*fresh:][:fresh]
		done := r.fillQueue(t, id, keyed[:fillers], late)
		crowded = r.rejectedAsFull(late)
		t.Logf("%d done, %d new viewers found no room", done, len(crowded))
		if assert.Positive(t, done); len(crowded) > 0 {
			break
		}
	}
	require.NotEmpty(t, crowded, "nobody was refused for want of room")
	assert.Positive(t, r.replicas[0].metric(`autowebinar_changes_rejected_total{reason="full"}`))

	assert.Empty(t, r.drainAndStop())
	there := r.observe()
	for _, d := range crowded {
		assert.Nil(t, there[d.login.ID], "rows or events of user %d, who was refused for want of room", d.login.ID)
	}
	r.requirePass(r.check(c, before))
}

// fillLane lets the fillers fill a lane from all their devices, in which nothing
// is committed until the late ones have asked as well.
func (r *rig) fillQueue(t *testing.T, id webinar.ID, fillers, late [][]*client) (done int64) {
	t.Helper()
	const room = 4096
	var wg sync.WaitGroup
	for _, devices := range fillers {
		wg.Go(func() { assert.NotNil(t, devices[0].send(request{route: enter, webinar: id}, 0)) })
	}
	wg.Wait()
	all := make(chan struct{})
	defer r.replicas[0].proxy.AddRule(func(statement string) *servicetest.Reply {
		if statement == "COMMIT" {
			<-all
		}
		return nil
	})()
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	refused := r.rejected.Load()
	var through, answered atomic.Int64
	for _, d := range slices.Concat(fillers...) {
		wg.Go(func() {
			if d.send(request{route: cta, webinar: id}, 0) != nil {
				through.Add(1)
			}
		})
	}
	most := len(fillers)*len(fillers[0]) - room - 1
	r.waitUntil(waiting, func() bool { return int(r.rejected.Load()-refused) >= most })
	for i, devices := range late {
		wg.Go(func() {
			defer answered.Add(1)
			devices[0].send(request{route: []route{enter, register}[i%2], webinar: id}, 0)
		})
	}
	r.waitUntil(waiting, func() bool { return int(answered.Load()) == len(late) })
	close(all)
	wg.Wait()
	return through.Load()
}

// turnedAway are those who found no room, by the log.
func (r *rig) rejectedAsFull(viewers [][]*client) (found []*client) {
	refused := map[string]bool{}
	for text := range strings.Lines(r.replicas[0].service.Load().Log()) {
		var line struct{ Path, Cause string }
		if json.Unmarshal([]byte(text), &line) == nil && strings.Contains(line.Cause, "too many changes wait") {
			refused[line.Path] = true
		}
	}
	for _, devices := range viewers {
		path := fmt.Sprintf("/wp-json/autowebinar/v1/users/%d/", devices[0].login.ID)
		if refused[path+string(enter)] || refused[path+string(register)] {
			found = append(found, devices[0])
		}
	}
	return found
}
