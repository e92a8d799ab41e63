package torture

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"autowebinar/internal/servicetest"
)

// killPoints are faults that kill the process at a defined step of a commit or delivery.
func killPoints() []fault {
	return []fault{
		{name: "killed before a commit reaches the server", config: rigConfig{appliedOnce: true}, inject: killAtCommit(&servicetest.Reply{Close: true}, 0)},
		{name: "killed before the response to a commit arrives", config: rigConfig{appliedOnce: true}, inject: killAtCommit(&servicetest.Reply{LoseResponse: true}, 0)},
		{name: "killed just after a commit", config: rigConfig{appliedOnce: true}, inject: killAtCommit(nil, time.Millisecond)},
		{name: "killed during a delivery", config: rigConfig{appliedOnce: true}, inject: killAtDelivery(false)},
		{name: "killed after the receiver accepted an event", config: rigConfig{appliedOnce: true}, inject: killAtDelivery(true)},
	}
}

// killAtCommit kills a replica when the next COMMIT passes its proxy.
func killAtCommit(reply *servicetest.Reply, after time.Duration) func(ctx context.Context, r *rig) bool {
	return func(ctx context.Context, r *rig) bool {
		rep := r.anyReplica()
		r.waitAcknowledged(ctx)
		waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		reached, killed := make(chan struct{}), make(chan struct{})
		var reachedOnce atomic.Bool
		defer rep.proxy.AddRule(func(statement string) *servicetest.Reply {
			if !strings.EqualFold(statement, "COMMIT") || !reachedOnce.CompareAndSwap(false, true) {
				return nil
			}
			close(reached)
			if reply != nil {
				<-killed
			}
			return reply
		})()
		select {
		case <-reached:
		case <-waiting.Done():
			if reachedOnce.CompareAndSwap(false, true) {
				return false
			}
			<-reached
		}
		if after > 0 {
			r.pause(context.WithoutCancel(ctx), 0, after)
		}
		rep.kill()
		close(killed)
		rep.start()
		return true
	}
}

// waitAcknowledged waits up to two seconds until a request is acknowledged, because a
// service that is killed at each of its commits would acknowledge none.
func (r *rig) waitAcknowledged(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	before := r.acknowledged.Load()
	r.waitUntil(waiting, func() bool { return r.acknowledged.Load() > before })
}

// killAtDelivery kills the leader between a request to the receiver and the response. If
// accepted is true, the receiver records the event first.
func killAtDelivery(accepted bool) func(ctx context.Context, r *rig) bool {
	return func(ctx context.Context, r *rig) bool {
		waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		reached, killed := make(chan struct{}), make(chan struct{})
		defer close(killed)
		var seen atomic.Bool
		defer r.receiver.respondWith(func(w http.ResponseWriter, _ *http.Request) {
			d := w.(*delivery)
			if d.form || !seen.CompareAndSwap(false, true) {
				return
			}
			if accepted {
				d.accept()
			}
			close(reached)
			<-killed
			panic(http.ErrAbortHandler)
		})()
		select {
		case <-reached:
		case <-waiting.Done():
			if seen.CompareAndSwap(false, true) {
				return false
			}
			<-reached
		}
		rep := r.currentLeader()
		if rep == nil {
			return false // the sender is no longer the leader
		}
		rep.kill()
		rep.start()
		return true
	}
}
