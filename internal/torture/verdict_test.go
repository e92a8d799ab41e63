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
	left       int // outbox rows that stayed
	dead       int // outbox rows that were given up
	vague      int // viewers of whom too much was possible to judge them
	viewers    int

	why []string
}

// blame counts a thing that must not be.
func (v *verdict) blame(count *int, format string, args ...any) {
	*count++
	v.why = append(v.why, fmt.Sprintf(format, args...))
}

func (v *verdict) bad() bool {
	return v.lost+v.causeless+v.duplicated+v.disordered+v.overlapped+v.altered+v.forged+
		v.wrongRows+v.wrongReply+v.foreign+v.left+v.dead > 0 || 4*v.vague > v.viewers
}

func (v *verdict) add(o *verdict) {
	for _, sum := range []struct{ to, from *int }{
		{&v.lost, &o.lost}, {&v.causeless, &o.causeless}, {&v.duplicated, &o.duplicated}, {&v.disordered, &o.disordered},
		{&v.altered, &o.altered}, {&v.wrongRows, &o.wrongRows}, {&v.wrongReply, &o.wrongReply}, {&v.left, &o.left}, {&v.dead, &o.dead}, {&v.vague, &o.vague},
	} {
		*sum.to += *sum.from
	}
	v.why = append(v.why, o.why...)
}

// String is the one line of a run.
func (v *verdict) String() string {
	return fmt.Sprintf("%d requests, %d acknowledged, %d unacknowledged, %d faults; %d events in %d deliveries, %d redelivered; "+
		"%d lost, %d causeless, %d duplicated, %d out of order, %d overlapping, %d altered, %d forged, %d wrong rows, %d wrong answers, "+
		"%d foreign, %d left, %d dead, %d vague",
		v.requests, v.acknowledged, v.unacknowledged, v.faults, v.events, v.deliveries, v.redelivered,
		v.lost, v.causeless, v.duplicated, v.disordered, v.overlapped, v.altered, v.forged, v.wrongRows, v.wrongReply,
		v.foreign, v.left, v.dead, v.vague)
}

// reasons are the first things that were wrong.
func (v *verdict) reasons() string {
	return strings.Join(v.why[:min(len(v.why), 12)], "\n")
}
