package recording

import (
	"time"

	"wslab/reference/wire"
)

// Bounds of what clients without a connection have reported.
const (
	maxEarly       = 256 // clients
	maxEarlyOfEach = 64
)

// early is a report of a client that has no connection.
type early struct {
	seq    uint64
	script *Script
}

// Report adds what the end of s.Client did or was told, at at, and returns its
// seq. It belongs to that client's newest connection, or to the next where it
// dials anew. s.Of is set where what s is about has been recorded; where that is
// still to come s.Awaits is.
func (r *Recording) Report(at time.Duration, s *Script) uint64 {
	at = max(0, min(at, r.Now())) // nobody can know the future
	r.mu.Lock()
	r.newest = max(r.newest, at) // what comes after a report is not earlier
	c := r.newestOf(s.Client)
	dials := s.What == "dial" || s.What == "new WebSocket"
	if c == nil || len(r.early[s.Client]) > 0 || dials && c.dialled {
		defer r.mu.Unlock()
		s.Awaits = dials || s.What == "write"
		seq := r.add(Event{At: at, From: wire.Client.String(), Body: s})
		if es := r.early[s.Client]; len(es) < maxEarlyOfEach && (len(es) > 0 || len(r.early) < maxEarly) {
			r.early[s.Client] = append(es, early{seq, s})
		}
		return seq
	}
	c.dialled = c.dialled || dials
	r.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Of, s.Awaits = c.about.report(r.next, s)
	return r.add(Event{At: at, Conn: c.ID, From: wire.Client.String(), Body: s})
}
