package torture

import (
	"fmt"
	"strings"
)

// result contains the counts and failures of a run.
type result struct {
	requests, acknowledged, unacknowledged, faults int64

	events                 int // webhook ids at the receiver
	deliveries             int
	redelivered            int // deliveries after the first of the same id, which are allowed
	unexpectedRedeliveries int // those of redelivered that no repeated request explains

	lost           int // acknowledged, but never accepted by the receiver
	unexplained    int // at the receiver, but caused by no request
	duplicated     int // two ids of one event
	outOfOrder     int // accepted before an older event of the same viewer
	overlapped     int // delivered while an older event of the same viewer was in flight
	altered        int // different bodies under one id, or an unexpected body
	forged         int // invalid signatures
	wrongRows      int // rows that no state explains, or more than one of a key
	wrongResponses int // responses that no state explains
	foreign        int // changes of rows that are not the service's
	stuck          int // replicas and queues that did not recover without a restart
	left           int // outbox rows that remained
	dead           int // dead outbox rows
	undecided      int // viewers for which the search reached its limit
	viewers        int // viewers that sent requests

	failures []string
}

// addFailure counts a failure and describes it.
func (res *result) addFailure(count *int, format string, args ...any) {
	*count++
	res.failures = append(res.failures, fmt.Sprintf(format, args...))
}

// failed reports whether the service violated a guarantee.
func (res *result) failed() bool {
	return res.lost+res.unexplained+res.duplicated+res.outOfOrder+res.overlapped+res.altered+res.forged+
		res.wrongRows+res.wrongResponses+res.foreign+res.stuck+res.left+res.dead > 0
}

// conclusive reports whether enough viewers are decided to trust the result.
func (res *result) conclusive() bool { return 4*res.undecided <= res.viewers }

// err returns nil if the run passes.
func (res *result) err() error {
	switch {
	case res.failed():
		return fmt.Errorf("the service violated a guarantee:\n%s", res.firstFailures())
	case !res.conclusive():
		return fmt.Errorf("%d of %d viewers are undecided:\n%s", res.undecided, res.viewers, res.firstFailures())
	}
	return nil
}

// add adds the counts and the failures of another result.
func (res *result) add(o *result) {
	for _, sum := range []struct{ to, from *int64 }{
		{&res.requests, &o.requests}, {&res.acknowledged, &o.acknowledged}, {&res.unacknowledged, &o.unacknowledged}, {&res.faults, &o.faults},
	} {
		*sum.to += *sum.from
	}
	for _, sum := range []struct{ to, from *int }{
		{&res.events, &o.events}, {&res.deliveries, &o.deliveries}, {&res.redelivered, &o.redelivered}, {&res.unexpectedRedeliveries, &o.unexpectedRedeliveries},
		{&res.lost, &o.lost}, {&res.unexplained, &o.unexplained}, {&res.duplicated, &o.duplicated}, {&res.outOfOrder, &o.outOfOrder},
		{&res.overlapped, &o.overlapped}, {&res.altered, &o.altered}, {&res.forged, &o.forged}, {&res.wrongRows, &o.wrongRows},
		{&res.wrongResponses, &o.wrongResponses}, {&res.foreign, &o.foreign}, {&res.stuck, &o.stuck}, {&res.left, &o.left}, {&res.dead, &o.dead},
		{&res.undecided, &o.undecided}, {&res.viewers, &o.viewers},
	} {
		*sum.to += *sum.from
	}
	res.failures = append(res.failures, o.failures...)
}

// String returns a summary of the run in one line.
func (res *result) String() string {
	return fmt.Sprintf("%d requests, %d acknowledged, %d unacknowledged, %d faults; %d events in %d deliveries, %d redelivered; "+
		"%d lost, %d unexplained, %d duplicated, %d out of order, %d overlapping, %d altered, %d forged, %d wrong rows, %d wrong responses, "+
		"%d foreign, %d stuck, %d left, %d dead; %d of %d viewers undecided",
		res.requests, res.acknowledged, res.unacknowledged, res.faults, res.events, res.deliveries, res.redelivered,
		res.lost, res.unexplained, res.duplicated, res.outOfOrder, res.overlapped, res.altered, res.forged, res.wrongRows, res.wrongResponses,
		res.foreign, res.stuck, res.left, res.dead, res.undecided, res.viewers)
}

func (res *result) firstFailures() string {
	return strings.Join(res.failures[:min(len(res.failures), 12)], "\n")
}
