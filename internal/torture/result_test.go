package torture

import (
	"fmt"
	"strings"
)

// result is what a run has shown.
type result struct {
	requests, acknowledged, unacknowledged, faults int64

	events                 int // webhook ids at the receiver
	deliveries             int
	redelivered            int // more than once: allowed
	unexpectedRedeliveries int // of these, events that no client had requested again

	lost           int // acknowledged, but never accepted by the receiver
	unexplained    int // at the receiver, but no request leads to it
	duplicated     int // two ids of one event
	outOfOrder     int // accepted before an older event of the same viewer
	overlapped     int // delivered while an older event of the same viewer was
	altered        int // another body under the same id, or another than expected
	forged         int // invalid signatures
	wrongRows      int // rows that no state explains, or more than one of a key
	wrongResponses int // responses that no state explains
	foreign        int // changes of rows that are not the service's
	stuck          int // replicas and queues that did not recover by themselves
	left           int // outbox rows that remained
	dead           int // outbox rows that were given up
	undecided      int // viewers for whom the search reached its limit
	viewers        int // who sent requests

	failures []string
}

// addFailure counts a failure and describes it.
func (v *result) addFailure(count *int, format string, args ...any) {
	*count++
	v.failures = append(v.failures, fmt.Sprintf(format, args...))
}

// failed reports whether the service broke a promise.
func (v *result) failed() bool {
	return v.lost+v.unexplained+v.duplicated+v.outOfOrder+v.overlapped+v.altered+v.forged+
		v.wrongRows+v.wrongResponses+v.foreign+v.stuck+v.left+v.dead > 0
}

// conclusive reports whether enough viewers are decided to trust the result.
func (v *result) conclusive() bool { return 4*v.undecided <= v.viewers }

// err returns why a run does not pass.
func (v *result) err() error {
	switch {
	case v.failed():
		return fmt.Errorf("the service broke a promise:\n%s", v.firstFailures())
	case !v.conclusive():
		return fmt.Errorf("%d of %d viewers are undecided:\n%s", v.undecided, v.viewers, v.firstFailures())
	}
	return nil
}

// add adds the counts and the failures of another result.
func (v *result) add(o *result) {
	for _, sum := range []struct{ to, from *int64 }{
		{&v.requests, &o.requests}, {&v.acknowledged, &o.acknowledged}, {&v.unacknowledged, &o.unacknowledged}, {&v.faults, &o.faults},
	} {
		*sum.to += *sum.from
	}
	for _, sum := range []struct{ to, from *int }{
		{&v.events, &o.events}, {&v.deliveries, &o.deliveries}, {&v.redelivered, &o.redelivered}, {&v.unexpectedRedeliveries, &o.unexpectedRedeliveries},
		{&v.lost, &o.lost}, {&v.unexplained, &o.unexplained}, {&v.duplicated, &o.duplicated}, {&v.outOfOrder, &o.outOfOrder},
		{&v.overlapped, &o.overlapped}, {&v.altered, &o.altered}, {&v.forged, &o.forged}, {&v.wrongRows, &o.wrongRows},
		{&v.wrongResponses, &o.wrongResponses}, {&v.foreign, &o.foreign}, {&v.stuck, &o.stuck}, {&v.left, &o.left}, {&v.dead, &o.dead},
		{&v.undecided, &o.undecided}, {&v.viewers, &o.viewers},
	} {
		*sum.to += *sum.from
	}
	v.failures = append(v.failures, o.failures...)
}

// String summarises a run in a line.
func (v *result) String() string {
	return fmt.Sprintf("%d requests, %d acknowledged, %d unacknowledged, %d faults; %d events in %d deliveries, %d redelivered; "+
		"%d lost, %d unexplained, %d duplicated, %d out of order, %d overlapping, %d altered, %d forged, %d wrong rows, %d wrong responses, "+
		"%d foreign, %d stuck, %d left, %d dead; %d of %d viewers undecided",
		v.requests, v.acknowledged, v.unacknowledged, v.faults, v.events, v.deliveries, v.redelivered,
		v.lost, v.unexplained, v.duplicated, v.outOfOrder, v.overlapped, v.altered, v.forged, v.wrongRows, v.wrongResponses,
		v.foreign, v.stuck, v.left, v.dead, v.undecided, v.viewers)
}

func (v *result) firstFailures() string {
	return strings.Join(v.failures[:min(len(v.failures), 12)], "\n")
}
