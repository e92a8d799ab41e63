package webhook

import (
	"container/heap"
	"time"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// agenda holds the viewers with something to send, and says who is next. It is
// used by one goroutine.
type schedule struct {
	entries map[webinar.UserID]*entry
	seq     uint64

	ready   entryHeap // oldest row first
	suspect entryHeap // the same, of messages that failed while the sink was up
	delayed entryHeap // by the time at which they become ready
}

func newSchedule() *schedule {
	return &schedule{entries: map[webinar.UserID]*entry{}}
}

// add makes an entry for a viewer not known yet.
func (a *schedule) add(p usermeta.Pending, now time.Time) {
	e := &entry{user: p.User, row: p.RowID, next: p.NextAttempt}
	a.entries[p.User] = e
	a.push(e, now)
}

// put files an entry, anew after every change of it. Its older places in the
// lines are void from then on.
func (a *schedule) push(e *entry, now time.Time) {
	a.seq++
	e.seq = a.seq
	at := e.readyAt()
	switch {
	case at.After(now):
		heap.Push(&a.delayed, heapItem{e: e, seq: e.seq, at: at, row: e.row})
	case e.suspect:
		heap.Push(&a.suspect, heapItem{e: e, seq: e.seq, row: e.row})
	default:
		heap.Push(&a.ready, heapItem{e: e, seq: e.seq, row: e.row})
	}
}

func (a *schedule) remove(e *entry) {
	e.seq = 0
	delete(a.entries, e.user)
}

// next is the oldest entry that is ready, for a sink that is up; nil: none.
// There is room for so many blamed ones; the last place is theirs only while
// nobody else wants it.
func (a *schedule) next(now time.Time, room int, last bool) *entry {
	for top := a.delayed.peek(); top != nil && !top.at.After(now); top = a.delayed.peek() {
		e := top.e
		heap.Pop(&a.delayed)
		a.push(e, now)
	}
	from := &a.ready
	first, blamed := a.ready.peek(), a.suspect.peek()
	if room > 0 && blamed != nil && (first == nil || !last && blamed.row < first.row) {
		first, from = blamed, &a.suspect
	}
	if first == nil {
		return nil
	}
	e := first.e
	heap.Pop(from)
	return e
}

// probe is the entry to try on a sink that may be down; nil: none.
func (a *schedule) probe(now time.Time, newest bool) *entry {
	var best *entry
	for _, e := range a.entries {
		if !e.inFlight && !e.probeReadyAt().After(now) && (best == nil || e.probeLess(best, newest)) {
			best = e
		}
	}
	return best
}

// release makes all that waits due, for a sink that has just come up. Blamed
// messages are given 30 s since their last failure: they may be what brings the
// sink down.
func (a *schedule) releaseAll(now time.Time) {
	a.ready, a.suspect, a.delayed = nil, nil, nil
	for _, e := range a.entries {
		e.backoff = backoffNone
		if e.suspect {
			e.backoff = backoffCapped
		}
		if !e.inFlight {
			a.push(e, now)
		}
	}
}

// merge takes in a full scan of the wait key that began at the given seq. What
// changed here since knows better.
func (a *schedule) merge(scan []usermeta.Pending, since uint64, now time.Time) {
	for _, p := range scan {
		e := a.entries[p.User]
		switch {
		case e == nil:
			a.add(p, now)
		case e.inFlight || e.seq > since:
		case e.next.Sub(p.NextAttempt) >= time.Second: // rows hold whole seconds
			e.next, e.notBefore = p.NextAttempt, time.Time{}
			a.push(e, now)
		}
	}
}

// wakeAt is when the next waiting entry becomes ready; zero: none waits.
func (a *schedule) wakeAt() time.Time {
	if top := a.delayed.peek(); top != nil {
		return top.at
	}
	return time.Time{}
}

// idle: nothing is ready.
func (a *schedule) idle() bool {
	return a.ready.peek() == nil && a.suspect.peek() == nil
}

// line is a heap of places, by time and then by row.
type entryHeap []heapItem

// place is an entry's place in a line, void once the entry has changed.
type heapItem struct {
	e   *entry
	seq uint64
	at  time.Time
	row uint64
}

func (l entryHeap) Len() int      { return len(l) }
func (l entryHeap) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l entryHeap) Less(i, j int) bool {
	if !l[i].at.Equal(l[j].at) {
		return l[i].at.Before(l[j].at)
	}
	return l[i].row < l[j].row
}

// Push and Pop are for container/heap.
func (l *entryHeap) Push(x any) { *l = append(*l, x.(heapItem)) }

// Pop takes the last place off.
func (l *entryHeap) Pop() any {
	last := len(*l) - 1
	p := (*l)[last]
	(*l)[last] = heapItem{}
	*l = (*l)[:last]
	return p
}

// top is the first place that is not void; nil: none.
func (l *entryHeap) peek() *heapItem {
	for len(*l) > 0 {
		if p := &(*l)[0]; p.seq == p.e.seq && !p.e.inFlight {
			return p
		}
		heap.Pop(l)
	}
	return nil
}
