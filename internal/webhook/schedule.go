package webhook

import (
	"container/heap"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// schedule holds the viewers with something to send and selects the next one. It
// is not safe for concurrent use.
type schedule struct {
	entries map[webinar.UserID]*entry
	seq     uint64

	ready   entryHeap // oldest row first
	suspect entryHeap // ready entries that are suspect, oldest row first
	delayed entryHeap // by the time at which they become ready
}

// add creates the entry of a viewer who has none.
func (s *schedule) add(p outbox.Pending, now time.Time) {
	e := &entry{user: p.User, row: p.RowID, next: p.NextAttempt}
	s.entries[p.User] = e
	s.push(e, now)
}

// push adds an entry to the heap it belongs to. It must be called after every
// change of the entry; older heap items of the entry become stale.
func (s *schedule) push(e *entry, now time.Time) {
	s.seq++
	e.seq = s.seq
	at := e.readyAt()
	switch {
	case at.After(now):
		heap.Push(&s.delayed, heapItem{e: e, seq: e.seq, at: at, row: e.row})
	case e.suspect:
		heap.Push(&s.suspect, heapItem{e: e, seq: e.seq, row: e.row})
	default:
		heap.Push(&s.ready, heapItem{e: e, seq: e.seq, row: e.row})
	}
}

func (s *schedule) remove(e *entry) {
	e.seq = 0
	delete(s.entries, e.user)
}

// next removes and returns the ready entry with the oldest row, or nil.
// suspectSlots limits suspect entries; the last free slot (lastSlot) is for
// other entries as long as one is ready.
func (s *schedule) next(now time.Time, suspectSlots int, lastSlot bool) *entry {
	for item := s.delayed.peek(); item != nil && !item.at.After(now); item = s.delayed.peek() {
		e := item.e
		heap.Pop(&s.delayed)
		s.push(e, now)
	}
	from := &s.ready
	first, suspect := s.ready.peek(), s.suspect.peek()
	if suspectSlots > 0 && suspect != nil && (first == nil || !lastSlot && suspect.row < first.row) {
		first, from = suspect, &s.suspect
	}
	if first == nil {
		return nil
	}
	e := first.e
	heap.Pop(from)
	return e
}

// probe returns the entry to send as the next probe, or nil.
func (s *schedule) probe(now time.Time, newest bool) *entry {
	var best *entry
	for _, e := range s.entries {
		if !e.inFlight && !e.probeReadyAt().After(now) && (best == nil || e.probeLess(best, newest)) {
			best = e
		}
	}
	return best
}

// releaseAll makes all entries due when the breaker closes. Suspect entries wait
// up to 30 s after their last failure, because they may have caused the outage.
func (s *schedule) releaseAll(now time.Time) {
	s.ready, s.suspect, s.delayed = nil, nil, nil
	for _, e := range s.entries {
		e.backoff = backoffNone
		if e.suspect {
			e.backoff = backoffCapped
		}
		if !e.inFlight {
			s.push(e, now)
		}
	}
}

// merge adds the result of a scan of deferred rows, except for entries changed
// since the scan began, at the given seq.
func (s *schedule) merge(scan []outbox.Pending, since uint64, now time.Time) {
	for _, p := range scan {
		e := s.entries[p.User]
		switch {
		case e == nil:
			s.add(p, now)
		case e.inFlight || e.seq > since:
		case isExpedited(e.next, p.NextAttempt):
			e.next, e.notBefore = p.NextAttempt, time.Time{}
			s.push(e, now)
		}
	}
}

// isExpedited reports whether an operator has moved the next attempt forward.
// Rows have whole seconds, so smaller differences are rounding.
func isExpedited(known, stored time.Time) bool { return known.Sub(stored) >= time.Second }

// wakeAt returns when the next delayed entry becomes ready, zero if none is.
func (s *schedule) wakeAt() time.Time {
	if item := s.delayed.peek(); item != nil {
		return item.at
	}
	return time.Time{}
}

// idle reports whether no entry is ready.
func (s *schedule) idle() bool {
	return s.ready.peek() == nil && s.suspect.peek() == nil
}

// entryHeap is a heap of entries by time, then row. It implements heap.Interface.
type entryHeap []heapItem

// heapItem refers to an entry with a given seq. It is stale once the entry has
// changed.
type heapItem struct {
	e   *entry
	seq uint64
	at  time.Time
	row uint64
}

func (h entryHeap) Len() int      { return len(h) }
func (h entryHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h entryHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].row < h[j].row
}

func (h *entryHeap) Push(x any) { *h = append(*h, x.(heapItem)) }

func (h *entryHeap) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = heapItem{}
	*h = (*h)[:last]
	return item
}

// peek returns the first item that is not stale, or nil. It removes stale items
// before it.
func (h *entryHeap) peek() *heapItem {
	for len(*h) > 0 {
		if item := &(*h)[0]; item.seq == item.e.seq && !item.e.inFlight {
			return item
		}
		heap.Pop(h)
	}
	return nil
}
