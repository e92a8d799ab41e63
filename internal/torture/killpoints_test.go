package torture

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"autowebinar/internal/servicetest"
)

// killPoints end the process at the worst of moments, exactly.
func killPoints() []fault {
	return []fault{
		{name: "killed before a commit has reached the server", config: rigConfig{appliedOnce: true}, inject: killAtCommit(&servicetest.Reply{Close: true}, 0)},
		{name: "killed before the answer to a commit has come", config: rigConfig{appliedOnce: true}, inject: killAtCommit(&servicetest.Reply{LoseResponse: true}, 0)},
		{name: "killed just after a commit", config: rigConfig{appliedOnce: true}, inject: killAtCommit(nil, time.Millisecond)},
		{name: "killed while the sink has a delivery", config: rigConfig{appliedOnce: true}, inject: killAtDelivery(false)},
		{name: "killed when the sink has taken a delivery", config: rigConfig{appliedOnce: true}, inject: killAtDelivery(true)},
	}
}

// killAtCommit kills the service when a COMMIT passes on the wire: the next one
// with something in it.
func killAtCommit(reply *servicetest.Reply, after time.Duration) func(ctx context.Context, r *rig) bool {
	return func(ctx context.Context, r *rig) bool {
		p := r.anyReplica()
		r.waitAcknowledged(ctx)
		waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		reached, dead := make(chan struct{}), make(chan struct{})
		var taken atomic.Bool
		defer p.proxy.AddRule(func(statement string) *servicetest.Reply {
			if !strings.EqualFold(statement, "COMMIT") || !taken.CompareAndSwap(false, true) {
				return nil
			}
			close(reached)
			if reply != nil {
				<-dead
			}
			return reply
		})()
		select {
		case <-reached:
		case <-waiting.Done():
			if taken.CompareAndSwap(false, true) {
				return false // it did not come to that
			}
			<-reached
		}
		if after > 0 {
			r.pause(context.WithoutCancel(ctx), 0, after)
		}
		p.kill()
		close(dead)
		p.start()
		return true
	}
}

// achieve waits, not for long, until something is acknowledged: a service that
// ends at each of its commits never comes to anything.
func (r *rig) waitAcknowledged(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	before := r.acknowledged.Load()
	r.waitUntil(waiting, func() bool { return r.acknowledged.Load() > before })
}

// killAtDelivery kills the leader when the sink has a delivery of it, before it
// hears anything; taken: the sink counts it as taken.
func killAtDelivery(taken bool) func(ctx context.Context, r *rig) bool {
	return func(ctx context.Context, r *rig) bool {
		waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		reached, dead := make(chan struct{}), make(chan struct{})
		defer close(dead)
		var seen atomic.Bool
		defer r.receiver.respondWith(func(w http.ResponseWriter, _ *http.Request) {
			a := w.(*delivery)
			if a.form || !seen.CompareAndSwap(false, true) {
				return
			}
			if taken {
				a.accept()
			}
			close(reached)
			<-dead
			panic(http.ErrAbortHandler)
		})()
		select {
		case <-reached:
		case <-waiting.Done():
			if seen.CompareAndSwap(false, true) {
				return false // it did not come to that
			}
			<-reached
		}
		p := r.currentLeader()
		if p == nil {
			return false // its term is over already
		}
		p.kill()
		p.start()
		return true
	}
}
