package tap

import "sync/atomic"

// counts are the parts of Status that need no lock.
type counts struct {
	in, out               atomic.Int64
	reading               atomic.Bool
	finIn, finOut, failed atomic.Bool
}

// Status says where the bytes of a Conn are and what the endpoint's code is doing.
type Status struct {
	In, Out int64 // bytes read from the socket, and bytes written to it or swallowed
	Reading bool  // the endpoint waits in a Read, and no bytes or FIN that would end the Read have arrived
	Blocked bool  // the endpoint waits in a Write for room at the valve
	Waiting int   // held units
	Taken   int64 // bytes at the valve that the endpoint has written
	Part    bool  // an incomplete unit is at the valve
	Moving  bool  // bytes are between the valve and the socket or the endpoint
	Holding bool  // the valve is shut
	Silent  bool
	FinIn   bool // the peer's FIN has arrived
	FinOut  bool // the endpoint has sent FIN and reads on
	Failed  bool // the socket has failed, mostly by RST
	Closed  bool // the endpoint has closed its socket
	Lingers bool // the endpoint closes or has closed, and some bytes that it wrote have not left yet
	FinHeld bool // the valve holds a FIN of the endpoint
}

// Status returns the status of c at this moment. If In is as much as the peer has sent
// and Reading is set, the endpoint has read all bytes and waits for more. A Read that
// ends clears Reading before it counts its bytes.
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

// Arrived returns how many bytes have arrived that the endpoint has not read, if c has a
// socket. While the valve is shut, it does not count the bytes at the valve.
func (c *Conn) Arrived() int {
	if c.socket == nil {
		return 0
	}
	_, size := c.socket.unread()
	return size
}

// Watch makes c call changed whenever Status may have changed. changed must return
// quickly and must not call c. Several goroutines may call it at once.
func (c *Conn) Watch(changed func()) { c.watcher.Store(&changed) }

// tell calls the function that Watch has set.
func (c *Conn) tell() {
	if w := c.watcher.Load(); w != nil {
		(*w)()
	}
}
