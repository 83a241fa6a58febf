package recording

import (
	"sync"
	"time"

	"wslab/reference/dissect"
)

// Limits bound what a Recording keeps.
type Limits struct {
	Events int // default 100,000
	Bytes  int // default 32 MiB, an estimate

	Pool *Pool // bounds this and other Recordings together; nil for none
}

// DefaultLimits replace zero limits in New.
var DefaultLimits = Limits{Events: 100_000, Bytes: 32 << 20}

// Recording is an ordered list of events. Use New.
type Recording struct {
	elapsed func() time.Duration // since the Recording began
	limits  Limits

	mu        sync.Mutex
	events    list
	next      uint64
	weight    int           // of all bodies, in bytes
	charged   int           // bytes that the pool counts for this Recording
	changed   chan struct{} // closed by the next append; nil if no reader waits
	conns     []*Connection // the newest, at most maxConnections
	opened    int           // connections so far
	calls     uint64
	exchanges int                // of plain HTTP so far
	spare     [][2]Call          // free memory for calls and their returns
	newest    time.Duration      // the latest At of any event
	early     map[string][]early // reports of clients that have no connection yet
}

// New returns an empty Recording that begins now. now is its clock. nil means time.Now.
func New(now func() time.Time, limits Limits) *Recording {
	began := time.Now()
	elapsed := func() time.Duration { return time.Since(began) } // half the cost of time.Now
	if now != nil {
		began = now()
		elapsed = func() time.Duration { return now().Sub(began) }
	}
	if limits.Events == 0 {
		limits.Events = DefaultLimits.Events
	}
	if limits.Bytes == 0 {
		limits.Bytes = DefaultLimits.Bytes
	}
	return &Recording{elapsed: elapsed, limits: limits, next: 1, early: map[string][]early{}}
}

// Now returns the time since r began, which is the At of an event that happens now.
func (r *Recording) Now() time.Duration { return r.elapsed() }

// Append adds an event that happens now and returns its seq.
func (r *Recording) Append(conn int, from string, body any) uint64 {
	at := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(at, conn, from, body)
}

// append is Append with r.mu held.
func (r *Recording) append(at time.Duration, conn int, from string, body any) uint64 {
	return r.appendBy(at, conn, from, body, 0, 0)
}

// appendBy is append with Event.By and Event.Told. The time never goes back: if another
// event was added since the caller read the clock, this event gets the later time.
func (r *Recording) appendBy(at time.Duration, conn int, from string, body any, by, told uint64) uint64 {
	r.newest = max(r.newest, at)
	return r.add(Event{At: r.newest, Conn: conn, From: from, Body: body, By: by, Told: told})
}

// add adds e and returns its seq. r.mu is held.
func (r *Recording) add(e Event) uint64 {
	e.Seq = r.next
	r.next++
	heavy := weight(e.Body)
	r.events.add(&e, heavy)
	r.weight += heavy
	// Always keep the newest event: lost events are counted from it.
	for r.events.size > 1 && (r.events.size > r.limits.Events || r.weight > r.limits.Bytes) {
		r.weight -= r.events.drop()
	}
	r.charge()
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	return e.Seq
}

// weight estimates how many bytes an event's body keeps in memory. A frame shares memory
// with the read that contained it, and both are counted. So the estimate is too high
// rather than too low.
func weight(body any) int {
	const fixed = 200
	switch b := body.(type) {
	case *wholeBytes:
		return fixed + len(b.bytes)
	case *wholeFrame:
		return fixed + len(b.bytes) // a reader may keep the decoded frame, so count it
	case *wholeMessage:
		return fixed + min(len(b.bytes), dissect.KeepMessage)
	case *Bytes:
		return fixed + len(b.Head)
	case *dissect.Frame:
		return fixed + len(b.Bytes())
	case *dissect.Handshake:
		return fixed + 3*len(b.Bytes())
	case *Message:
		return fixed + len(b.Head) + 8*len(b.Frames)
	case *Unsent:
		return fixed + 3*len(b.Head)
	case *Unread:
		return fixed + 3*len(b.Head)
	case *Script:
		return fixed + len(b.Text) + len(b.Reason)
	case *Stack:
		return fixed + 8*len(b.pcs)
	case *HTTP:
		return fixed + 3*len(b.Bytes) + len(b.Data)
	case *Step:
		return fixed + len(b.Title) + len(b.Command) + len(b.Say)
	}
	return fixed
}

// After returns at most max events after the one numbered seq. gone is how many
// discarded events are between seq and the first of them.
func (r *Recording) After(seq uint64, max int) (events []Event, gone uint64) {
	events, gone = r.after(seq, max)
	for i := range events {
		events[i].Body = made(events[i].Body)
	}
	return events, gone
}

// after is After with the bodies as the list stores them.
func (r *Recording) after(seq uint64, max int) (events []Event, gone uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events.size == 0 || seq >= r.next-1 {
		return nil, 0
	}
	first := r.next - uint64(r.events.size)
	if seq+1 < first {
		gone = first - seq - 1
		seq = first - 1
	}
	return r.events.slice(int(seq+1-first), max), gone
}

// Event returns the event numbered seq. It returns false if the event is discarded or
// not recorded yet.
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

// Last returns the seq of the newest event, or 0 if there is none.
func (r *Recording) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
}

// Changed returns a channel that closes when r has events after seq. If r already has
// such events, the channel is closed.
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
