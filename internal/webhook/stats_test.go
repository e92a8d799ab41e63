package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

func TestReceiverStateIsUnknownUntilAnAttemptIsConclusive(t *testing.T) {
	state := func(s webhook.Stats) [2]bool { return [2]bool{s.ReceiverKnown, s.ReceiverUp} }
	for name, c := range map[string]struct {
		prepare func(*fixture)
		want    [2]bool // known, up
	}{
		"idle": {func(*fixture) {}, [2]bool{false, false}},
		"lead id missing": {func(f *fixture) {
			f.queue.leads[1] = ""
			f.insertForUsers(1)
		}, [2]bool{false, false}},
		"accepts": {func(f *fixture) { f.insertForUsers(1) }, [2]bool{true, true}},
		"rejects": {func(f *fixture) {
			f.receiver.setResponse(always(reply{status: 422}))
			f.insertForUsers(1)
		}, [2]bool{true, true}},
		"fails for one viewer, possibly because of the event": {func(f *fixture) {
			f.receiver.setResponse(always(reply{status: 500}))
			f.insertForUsers(1)
		}, [2]bool{false, false}},
		"fails for two viewers": {func(f *fixture) {
			f.receiver.setResponse(always(reply{status: 500}))
			f.insertForUsers(2)
		}, [2]bool{true, false}},
		"does not respond": {func(f *fixture) {
			f.receiver.setResponse(always(reply{err: errRefused}))
			f.insertForUsers(1)
		}, [2]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, webhook.Config{}, func(f *fixture) {
				c.prepare(f)
				f.start()
				f.advance(time.Minute)
				assert.Equal(f, c.want, state(f.dispatcher.Stats()))
				_ = f.stop()
				assert.Equal(f, [2]bool{}, state(f.dispatcher.Stats()), "unknown again after the run")
			})
		})
	}
}
