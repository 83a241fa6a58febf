package recording

import (
	"sync"
	"time"

	"wslab/reference/dissect"
)

// Limits bound what a Recording keeps.
type Limits struct {
	Events int // default 100,000
	Octets int // default 32 MiB, counted roughly
}

// DefaultLimits are those of New where a limit is zero.
var DefaultLimits = Limits{Events: 100_000, Octets: 32 << 20}

// Recording is an ordered list of events. Use New.
type Recording struct {
	now    func() time.Time
	limits Limits

	mu      sync.Mutex
	began   time.Time
	events  []Event // events[0].Seq is first; older ones are gone
	gone    int     // events at the front of events that are gone as well, not moved yet
	next    uint64
	octets  int
	changed chan struct{} // closed by the next append; nil when nobody asked
	conns   []*Connection
	calls   uint64
}

// New returns an empty Recording that begins now. now is the clock; nil means
// time.Now.
func New(now func() time.Time, limits Limits) *Recording {
	if now == nil {
		now = time.Now
	}
	if limits.Events == 0 {
		limits.Events = DefaultLimits.Events
	}
	if limits.Octets == 0 {
		limits.Octets = DefaultLimits.Octets
	}
	return &Recording{now: now, limits: limits, began: now(), next: 1}
}

// Now returns the time since r began: the At of an event that happens now.
func (r *Recording) Now() time.Duration { return r.now().Sub(r.began) }

// Append adds an event that happened now and returns its seq.
func (r *Recording) Append(conn int, from string, body any) uint64 {
	return r.AppendAt(r.Now(), conn, from, body)
}

// AppendAt adds an event that happened at at, which may be earlier than that
// of the last one: a page tells of its own events a little later.
func (r *Recording) AppendAt(at time.Duration, conn int, from string, body any) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(at, conn, from, body)
}

// append is AppendAt with r.mu held.
func (r *Recording) append(at time.Duration, conn int, from string, body any) uint64 {
	seq := r.next
	r.next++
	r.events = append(r.events, Event{seq, at, conn, from, body})
	r.octets += weight(body)
	for len(r.events)-r.gone > r.limits.Events || r.octets > r.limits.Octets {
		e := &r.events[r.gone]
		r.octets -= weight(e.Body)
		*e = Event{} // lets its octets go
		r.gone++
	}
	if r.gone > len(r.events)/2 {
		r.events = append(r.events[:0:0], r.events[r.gone:]...)
		r.gone = 0
	}
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	return seq
}

// weight is about how many octets an event's body keeps alive. A frame that
// lies in the octets of one read shares their memory, and is counted again all
// the same: the bound is then kept early, not late.
func weight(body any) int {
	const fixed = 200
	switch b := body.(type) {
	case *Octets:
		return fixed + len(b.Head)
	case *dissect.Frame:
		return fixed + len(b.Octets())
	case *dissect.Handshake:
		return fixed + 3*len(b.Octets())
	}
	return fixed
}

// After returns at most max events that follow the one numbered seq, and how
// many are gone between seq and the first of them.
func (r *Recording) After(seq uint64, max int) (events []Event, gone uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.events[r.gone:]
	if len(kept) == 0 || seq >= r.next-1 {
		return nil, 0
	}
	from := kept[0].Seq
	if seq+1 > from {
		kept = kept[seq+1-from:]
	} else {
		gone = from - seq - 1
	}
	return append([]Event(nil), kept[:min(max, len(kept))]...), gone
}

// Event returns the event numbered seq, or false when it is gone or not yet.
func (r *Recording) Event(seq uint64) (Event, bool) {
	if seq == 0 {
		return Event{}, false
	}
	es, gone := r.After(seq-1, 1)
	if gone > 0 || len(es) == 0 {
		return Event{}, false
	}
	return es[0], true
}

// Last returns the seq of the newest event, 0 when there is none.
func (r *Recording) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
}

// Changed returns a channel that is closed when events after seq are there,
// at once if they are already.
func (r *Recording) Changed(seq uint64) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next-1 > seq {
		c := make(chan struct{})
		close(c)
		return c
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}
