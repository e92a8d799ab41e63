package torture

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stop breaks deliveries off. That costs no event an attempt: the rows stay as
// they were written.
func TestAStopCountsNoAttempt(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, needs{people: 8, calm: true})
	hung := make(chan struct{}, 100)
	r.sink.behaves(func(_ http.ResponseWriter, request *http.Request) {
		hung <- struct{}{}
		<-request.Context().Done()
		panic(http.ErrAbortHandler)
	})
	c := newCrowd(r)
	for _, d := range c.devices {
		require.NotNil(t, d.try(wish{deed: enter, webinar: "intro"}, 0))
	}
	<-hung // a delivery is under way
	assert.Less(t, r.replicas[0].service.Load().Stop(t), 10*time.Second)

	var values []string
	require.NoError(t, r.db.Select(&values, `SELECT meta_value FROM wp_usermeta WHERE meta_key IN ('autowebinar_outbox', 'autowebinar_outbox_wait')`))
	assert.Len(t, values, len(c.people))
	for _, value := range values {
		parts := strings.Split(value, "|")
		require.Len(t, parts, 12, value)
		assert.Equal(t, "0", parts[9], "attempts of %s", value)
	}
	before := r.base.Checksum(t)
	r.replicas[0].start()
	r.settle()
	r.passes(r.judge(c, before))
}

// Far more at once than the lanes have room for: what does not fit is refused as
// a whole, with a word on when to come back, and the rest is done.
func TestAFullQueueRefusesWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, needs{people: 64, devices: 300, calm: true})
	c := newCrowd(r)
	before := r.base.Checksum(t)
	// A service key needs no look into the database; these are in one lane.
	var all []*device
	for i, d := range c.devices {
		if !d.byKey {
			continue
		}
		if i%300 == 0 {
			require.NotNil(t, d.try(wish{deed: enter, webinar: "talk"}, 0))
		}
		all = append(all, d)
	}
	// A commit takes a while: more comes than goes.
	r.replicas[0].wire.Delay(50 * time.Millisecond)
	answers := make(chan *reply, len(all))
	for _, d := range all {
		go func() { answers <- d.try(wish{deed: cta, webinar: "talk"}, 0) }()
	}
	done := 0
	for range all {
		if <-answers != nil {
			done++
		}
	}
	r.replicas[0].wire.Mend()
	assert.Positive(t, done)
	assert.Positive(t, r.refused.Load(), "503")
	r.settle()
	r.passes(r.judge(c, before))
}
