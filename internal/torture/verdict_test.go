package torture

import (
	"fmt"
	"strings"
)

// verdict is what a run showed.
type verdict struct {
	requests, acknowledged, unacknowledged, faults int64

	events      int // webhook ids at the sink
	deliveries  int
	redelivered int // more than once: allowed
	again       int // of these: that no client had asked for again

	lost       int // acknowledged, and never taken by the sink
	causeless  int // at the sink, and nobody did anything
	duplicated int // two ids for one fact
	disordered int // taken before an older one of the same viewer
	overlapped int // under way while an older one of the same viewer was
	altered    int // other bytes under the same id, or not those of the fact
	forged     int // signature not right
	wrongRows  int // rows that no explanation leads to, one row a key
	wrongReply int // answers that no explanation leads to
	foreign    int // somebody else's rows were changed
	stuck      int // replicas and queues that did not recover by themselves
	left       int // outbox rows that stayed
	dead       int // outbox rows that were given up
	vague      int // viewers of whom too much was possible to judge them
	viewers    int // who sent anything

	why []string
}

// blame counts a thing that must not be.
func (v *verdict) blame(count *int, format string, args ...any) {
	*count++
	v.why = append(v.why, fmt.Sprintf(format, args...))
}

func (v *verdict) bad() bool {
	return v.lost+v.causeless+v.duplicated+v.disordered+v.overlapped+v.altered+v.forged+
		v.wrongRows+v.wrongReply+v.foreign+v.stuck+v.left+v.dead > 0
}

// clear: enough is known to say so.
func (v *verdict) clear() bool { return 4*v.vague <= v.viewers }

// add adds the counts and the reasons of another verdict.
func (v *verdict) add(o *verdict) {
	for _, sum := range []struct{ to, from *int64 }{
		{&v.requests, &o.requests}, {&v.acknowledged, &o.acknowledged}, {&v.unacknowledged, &o.unacknowledged}, {&v.faults, &o.faults},
	} {
		*sum.to += *sum.from
	}
	for _, sum := range []struct{ to, from *int }{
		{&v.events, &o.events}, {&v.deliveries, &o.deliveries}, {&v.redelivered, &o.redelivered}, {&v.again, &o.again},
		{&v.lost, &o.lost}, {&v.causeless, &o.causeless}, {&v.duplicated, &o.duplicated}, {&v.disordered, &o.disordered},
		{&v.overlapped, &o.overlapped}, {&v.altered, &o.altered}, {&v.forged, &o.forged}, {&v.wrongRows, &o.wrongRows},
		{&v.wrongReply, &o.wrongReply}, {&v.foreign, &o.foreign}, {&v.stuck, &o.stuck}, {&v.left, &o.left}, {&v.dead, &o.dead},
		{&v.vague, &o.vague}, {&v.viewers, &o.viewers},
	} {
		*sum.to += *sum.from
	}
	v.why = append(v.why, o.why...)
}

// String is the one line of a run.
func (v *verdict) String() string {
	return fmt.Sprintf("%d requests, %d acknowledged, %d unacknowledged, %d faults; %d events in %d deliveries, %d redelivered; "+
		"%d lost, %d causeless, %d duplicated, %d out of order, %d overlapping, %d altered, %d forged, %d wrong rows, %d wrong answers, "+
		"%d foreign, %d stuck, %d left, %d dead; %d of %d viewers too vague to judge",
		v.requests, v.acknowledged, v.unacknowledged, v.faults, v.events, v.deliveries, v.redelivered,
		v.lost, v.causeless, v.duplicated, v.disordered, v.overlapped, v.altered, v.forged, v.wrongRows, v.wrongReply,
		v.foreign, v.stuck, v.left, v.dead, v.vague, v.viewers)
}

// reasons are the first things that were wrong.
func (v *verdict) reasons() string {
	return strings.Join(v.why[:min(len(v.why), 12)], "\n")
}
