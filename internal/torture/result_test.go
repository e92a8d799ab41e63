package torture

import (
	"fmt"
	"strings"
)

// verdict is what a run showed.
type result struct {
	requests, acknowledged, unacknowledged, faults int64

	events                 int // webhook ids at the sink
	deliveries             int
	redelivered            int // more than once: allowed
	unexpectedRedeliveries int // of these: that no client had asked for again

	lost           int // acknowledged, and never taken by the sink
	unexplained    int // at the sink, and nobody did anything
	duplicated     int // two ids for one fact
	outOfOrder     int // taken before an older one of the same viewer
	overlapped     int // under way while an older one of the same viewer was
	altered        int // other bytes under the same id, or not those of the fact
	forged         int // signature not right
	wrongRows      int // rows that no explanation leads to, one row a key
	wrongResponses int // answers that no explanation leads to
	foreign        int // somebody else's rows were changed
	stuck          int // replicas and queues that did not recover by themselves
	left           int // outbox rows that stayed
	dead           int // outbox rows that were given up
	undecided      int // viewers of whom too much was possible to judge them
	viewers        int // who sent anything

	failures []string
}

// blame counts a thing that must not be.
func (v *result) addFailure(count *int, format string, args ...any) {
	*count++
	v.failures = append(v.failures, fmt.Sprintf(format, args...))
}

func (v *result) failed() bool {
	return v.lost+v.unexplained+v.duplicated+v.outOfOrder+v.overlapped+v.altered+v.forged+
		v.wrongRows+v.wrongResponses+v.foreign+v.stuck+v.left+v.dead > 0
}

// clear: enough is known to say so.
func (v *result) conclusive() bool { return 4*v.undecided <= v.viewers }

// add adds the counts and the reasons of another verdict.
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

// String is the one line of a run.
func (v *result) String() string {
	return fmt.Sprintf("%d requests, %d acknowledged, %d unacknowledged, %d faults; %d events in %d deliveries, %d redelivered; "+
		"%d lost, %d causeless, %d duplicated, %d out of order, %d overlapping, %d altered, %d forged, %d wrong rows, %d wrong answers, "+
		"%d foreign, %d stuck, %d left, %d dead; %d of %d viewers too vague to judge",
		v.requests, v.acknowledged, v.unacknowledged, v.faults, v.events, v.deliveries, v.redelivered,
		v.lost, v.unexplained, v.duplicated, v.outOfOrder, v.overlapped, v.altered, v.forged, v.wrongRows, v.wrongResponses,
		v.foreign, v.stuck, v.left, v.dead, v.undecided, v.viewers)
}

// reasons are the first things that were wrong.
func (v *result) firstFailures() string {
	return strings.Join(v.failures[:min(len(v.failures), 12)], "\n")
}
