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

	"autowebinar/internal/commitqueue"
	"autowebinar/internal/servicetest"
	"autowebinar/internal/webinar"
)

// Stopping the service cancels deliveries, and a canceled delivery does not
// count as an attempt.
func TestStopCountsNoAttempt(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, rigConfig{viewers: 8, appliedOnce: true})
	hung := make(chan struct{}, 100)
	restore := r.receiver.respondWith(func(_ http.ResponseWriter, request *http.Request) {
		hung <- struct{}{}
		<-request.Context().Done()
		panic(http.ErrAbortHandler)
	})
	group := newViewerGroup(r)
	for _, client := range group.clients {
		client.mustSend(r.replicas[0], request{route: enter, webinar: "intro"})
	}
	<-hung // a delivery is in flight
	assert.Less(t, r.replicas[0].service.Load().Stop(t), 10*time.Second)

	var values []string
	require.NoError(t, r.db.Select(&values, `SELECT meta_value FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`))
	assert.Len(t, values, len(group.viewers))
	for _, value := range values {
		parts := strings.Split(value, "|")
		require.Len(t, parts, 12, value)
		assert.Equal(t, "0", parts[9], "attempts of %s", value)
	}
	before := r.base.Checksum(t)
	restore()
	r.replicas[0].start()
	assert.Empty(t, r.drainAndStop())
	r.requirePass(r.check(group, before))
}

// A full commit queue rejects a request as a whole, with a Retry-After header. The
// requests in the queue are applied.
func TestFullQueueRejectsWholeRequests(t *testing.T) {
	const fillers, clients, late = 150, 30, 5
	tries := []webinar.ID{"talk", "pro", "intro"}
	r := newRig(t, 1, rigConfig{
		viewers: 4 * (fillers + late*len(tries)), clients: clients, appliedOnce: true,
		binary: servicetest.Build(t), // without the race detector: a change may wait for 8 s only
	})
	group := newViewerGroup(r)
	before := r.base.Checksum(t)
	// Requests with a service key need no read of the database. Every fourth viewer uses
	// one, and the ids of these viewers map to one queue.
	keyed := slices.Collect(slices.Chunk(slices.DeleteFunc(slices.Clone(group.clients), func(client *client) bool { return !client.usesServiceKey }), clients))
	var rejected []*client
	for i, id := range tries {
		late := keyed[fillers+i*late:][:late]
		applied := r.fillQueue(t, id, keyed[:fillers], late)
		rejected = r.rejectedAsFull(late)
		t.Logf("%d applied, %d new viewers rejected", applied, len(rejected))
		if assert.Positive(t, applied); len(rejected) > 0 {
			break
		}
	}
	require.NotEmpty(t, rejected, "no new viewer was rejected because the queue was full")
	assert.Positive(t, r.replicas[0].metric(`autowebinar_changes_rejected_total{reason="full"}`))

	assert.Empty(t, r.drainAndStop())
	all := r.observe()
	for _, d := range rejected {
		assert.Nil(t, all[d.login.ID], "rows or events of user %d, whose request was rejected", d.login.ID)
	}
	r.requirePass(r.check(group, before))
}

// fillQueue fills a commit queue with requests of all clients of the fillers, and delays
// the commits until the late viewers have sent their requests as well. It returns how
// many requests of the fillers were applied.
func (r *rig) fillQueue(t *testing.T, id webinar.ID, fillers, late [][]*client) (applied int64) {
	t.Helper()
	var wg sync.WaitGroup
	for _, clients := range fillers {
		wg.Go(func() { clients[0].mustSend(r.replicas[0], request{route: enter, webinar: id}) })
	}
	wg.Wait()
	filling := prepareAll(t, slices.Concat(fillers...), func(int) request { return request{route: cta, webinar: id} })
	var first []*client
	for _, clients := range late {
		first = append(first, clients[0])
	}
	entering := prepareAll(t, first, func(i int) request {
		return request{route: []route{enter, register}[i%2], webinar: id}
	})

	sent := make(chan struct{})
	defer r.replicas[0].proxy.AddRule(func(statement string) *servicetest.Reply {
		if statement == "COMMIT" {
			<-sent
		}
		return nil
	})()
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	rejected := r.rejected.Load()
	var answered, answeredLate atomic.Int64
	for _, p := range filling {
		a := p.send()
		wg.Go(func() {
			if p.receive(a) != nil {
				answered.Add(1)
			}
		})
	}
	r.waitUntil(waiting, func() bool { return r.rejected.Load() > rejected })
	for _, p := range entering {
		a := p.send()
		wg.Go(func() {
			defer answeredLate.Add(1)
			p.receive(a)
		})
	}
	r.waitUntil(waiting, func() bool { return int(answeredLate.Load()) == len(late) })
	close(sent)
	wg.Wait()
	return answered.Load()
}

// rejectedAsFull returns the viewers whose requests were rejected because the queue
// was full, according to the log.
func (r *rig) rejectedAsFull(viewers [][]*client) (found []*client) {
	rejected := map[string]bool{}
	for text := range strings.Lines(r.replicas[0].service.Load().Log()) {
		var line struct{ Path, Cause string }
		if json.Unmarshal([]byte(text), &line) == nil && strings.Contains(line.Cause, commitqueue.ErrFull.Error()) {
			rejected[line.Path] = true
		}
	}
	for _, clients := range viewers {
		path := fmt.Sprintf("/wp-json/autowebinar/v1/users/%d/", clients[0].login.ID)
		if rejected[path+string(enter)] || rejected[path+string(register)] {
			found = append(found, clients[0])
		}
	}
	return found
}
