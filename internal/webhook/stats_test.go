package webhook_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

// What the sink is, is not known until an attempt of the term has told.
func TestTheSinkIsNeitherUpNorDownBeforeItWasTried(t *testing.T) {
	known := func(s webhook.Stats) [2]bool { return [2]bool{s.ReceiverKnown, s.ReceiverUp} }
	for name, test := range map[string]struct {
		prepare func(*bench)
		known   [2]bool
	}{
		"idle": {func(*bench) {}, [2]bool{false, false}},
		"a lead id is missing, which says nothing of the sink": {func(b *bench) {
			b.queue.leads[1] = ""
			b.fill(1)
		}, [2]bool{false, false}},
		"it accepts": {func(b *bench) { b.fill(1) }, [2]bool{true, true}},
		"it rejects": {func(b *bench) {
			b.sink.answering(always(reply{status: 422}))
			b.fill(1)
		}, [2]bool{true, true}},
		"it fails one viewer, whose event may be the reason": {func(b *bench) {
			b.sink.answering(always(reply{status: 500}))
			b.fill(1)
		}, [2]bool{false, false}},
		"it fails a second one": {func(b *bench) {
			b.sink.answering(always(reply{status: 500}))
			b.fill(2)
		}, [2]bool{true, false}},
		"it does not answer": {func(b *bench) {
			b.sink.answering(always(reply{err: errRefused}))
			b.fill(1)
		}, [2]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, webhook.Config{}, func(b *bench) {
				test.prepare(b)
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error)
				go func() { done <- b.d.Run(ctx) }()
				b.after(time.Minute)
				assert.Equal(b, test.known, known(b.d.Stats()))
				cancel()
				<-done
				assert.Equal(b, [2]bool{}, known(b.d.Stats()), "another term begins anew")
			})
		})
	}
}
