package tap

import "sync/atomic"

// counts is what Status is made of.
type counts struct {
	in, out               atomic.Int64
	reading               atomic.Bool
	finIn, finOut, failed atomic.Bool
}

// Status says how far the bytes of a Conn are, and what the endpoint's code is
// at.
type Status struct {
	In, Out int64 // bytes that came from the socket, and that were written to it or swallowed
	Reading bool  // the endpoint waits in a Read, and nothing is there that would end it
	Blocked bool  // the endpoint waits in a Write for room at the valve
	Waiting int   // units at the valve
	Taken   int64 // bytes that the endpoint has written and that are at the valve
	Part    bool  // a part of a unit is at the valve, and waits for the rest
	Moving  bool  // bytes are between the valve and the socket or the endpoint
	Holding bool
	Silent  bool
	FinIn   bool // the peer's FIN has come
	FinOut  bool // the endpoint has sent its own and reads on
	Failed  bool // the socket has failed: by RST, mostly
	Closed  bool // the endpoint has closed its socket
	Lingers bool // it has, or is about to, and bytes that it wrote before have not left yet
	FinHeld bool // a FIN of the endpoint waits behind a unit at the valve
}

// Status returns how c is at this moment. When In has been seen to be all that
// the peer has sent, and Reading is set, the endpoint has taken all of it and
// come back for more: a Read that ends clears Reading before it counts.
func (c *Conn) Status() Status {
	s := Status{In: c.counts.in.Load(), Out: c.counts.out.Load()}
	s.FinIn, s.FinOut, s.Failed = c.counts.finIn.Load(), c.counts.finOut.Load(), c.counts.failed.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Waiting = len(c.in.waiting) + len(c.out.waiting)
	s.Part = len(c.in.partial) > 0 || len(c.out.partial) > 0
	s.Blocked = c.pausing > 0
	s.Taken = int64(c.out.size())
	s.Lingers = c.closing && !c.drained()
	s.FinHeld = (c.closing || c.half) && len(c.out.waiting) > 0
	s.Moving = c.pushing || len(c.in.passing) > 0 || len(c.out.passing) > 0
	s.Holding, s.Silent, s.Closed = c.hold.Load(), c.silent.Load(), c.closed
	ends := c.closed || c.pumpErr != nil && c.in.size() == 0
	s.Reading = c.counts.reading.Load() && !s.Moving && !ends
	return s
}

// Watch has changed called whenever Status may have changed. It must be quick
// and must not call c. It may be called several times at once.
func (c *Conn) Watch(changed func()) { c.watcher.Store(&changed) }

// tell calls who watches.
func (c *Conn) tell() {
	if w := c.watcher.Load(); w != nil {
		(*w)()
	}
}
