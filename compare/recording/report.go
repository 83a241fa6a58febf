package recording

import (
	"time"

	"wslab/reference/wire"
)

// Bounds of the reports of clients without a connection.
const (
	maxEarly       = 256 // clients
	maxEarlyOfEach = 64
)

// early is a report of a client that has no connection yet.
type early struct {
	seq    uint64
	script *Script
}

// Report adds s, which client s.Client reports for the time at, and returns its seq. The
// event belongs to the newest connection of that client. If the client dials again, the
// event belongs to the next one. Report sets s.Of if the event that s is about is already
// recorded. It sets s.Awaits if that event is still expected.
func (r *Recording) Report(at time.Duration, s *Script) uint64 {
	at = max(0, min(at, r.Now())) // a page's clock may be wrong
	r.mu.Lock()
	r.newest = max(r.newest, at) // later events are not earlier than the report
	c := r.newestOf(s.Client)
	dials := s.What == "dial" || s.What == "new WebSocket"
	if c == nil || len(r.early[s.Client]) > 0 || dials && c.dialed {
		defer r.mu.Unlock()
		s.Awaits = dials || s.What == "write"
		seq := r.add(Event{At: at, From: wire.Client.String(), Body: s})
		if es := r.early[s.Client]; len(es) < maxEarlyOfEach && (len(es) > 0 || len(r.early) < maxEarly) {
			r.early[s.Client] = append(es, early{seq, s})
		}
		return seq
	}
	c.dialed = c.dialed || dials
	r.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Of, s.Awaits = c.about.report(r.next, s)
	return r.add(Event{At: at, Conn: c.ID, From: wire.Client.String(), Body: s})
}
