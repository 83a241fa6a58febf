package tap

import "runtime"

// maxCalls bounds how many calls of a stack are reported.
const maxCalls = 64

// stack says whether and where to report the calls that lead to a Read or Write.
type stack struct {
	wanted func() bool // nil: always
	report func(d Direction, at int64, n int, calls []uintptr)
}

// Callers makes c call report for each Read that returns bytes, after them, and for each
// Write, before it. at is the offset of the first byte, counted from the first byte of d
// that the Recorder received. n is the number of bytes. calls are the program counters of
// runtime.Callers, innermost first. report must not keep calls and must not use c. nil
// ends the reports.
//
// If the Listener kept the stacks of the current request (Listener.Early), report also
// receives these when Attach is called.
func (c *Conn) Callers(report func(d Direction, at int64, n int, calls []uintptr)) {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	c.early.keeps = false
	if report == nil {
		c.stack.Store(nil)
		return
	}
	c.stack.Store(&stack{report: report})
}

// Sip makes each Read return at most n bytes, so that the endpoint asks for each byte of
// a frame by itself. 0 sets no bound. The socket is read and recorded as without Sip.
func (c *Conn) Sip(n int) { c.sip.Store(int64(n)) }

// sipped returns the part of p that one Read fills.
func (c *Conn) sipped(p []byte) []byte {
	if n := int(c.sip.Load()); n > 0 && n < len(p) {
		return p[:n]
	}
	return p
}

// readReturns reports the stack of a Read that returns n bytes.
func (c *Conn) readReturns(n int) {
	if s := c.stack.Load(); s != nil {
		c.mu.Lock()
		at := c.readAt
		c.mu.Unlock()
		s.tell(In, at, n)
	}
}

// DuringWrite makes the next Write call f after it has begun and before it sends its
// bytes. Other Writes wait meanwhile. nil takes f back.
func (c *Conn) DuringWrite(f func()) {
	if f == nil {
		c.during.Store(nil)
		return
	}
	c.during.Store(&f)
}

// writeBegins reports the stack of a Write of n bytes. The caller has the turn.
func (c *Conn) writeBegins(n int) {
	if f := c.during.Load(); f != nil {
		c.during.Store(nil)
		defer (*f)()
	}
	if s := c.stack.Load(); s != nil {
		c.mu.Lock()
		at := c.recorded[Out]
		c.mu.Unlock()
		s.tell(Out, at, n)
	}
}

// tell reports the calls that led to the Read or Write.
func (s *stack) tell(d Direction, at int64, n int) {
	if s.wanted != nil && !s.wanted() {
		return
	}
	var calls [maxCalls]uintptr
	depth := runtime.Callers(4, calls[:]) // begin with the caller of Read or Write
	s.report(d, at, n, calls[:depth])
}

// earlyStack is a stack of a Read before Attach.
type earlyStack struct {
	at    int64
	n     int
	calls []uintptr
}

// maxEarlyStacks bounds the stacks that are kept of a request.
const maxEarlyStacks = 64

// keepStacks makes the detached c keep the stacks of the request that is being read,
// while wanted returns true.
func (c *Conn) keepStacks(wanted func() bool) {
	c.early.keeps = true
	c.stack.Store(&stack{wanted, func(d Direction, at int64, n int, calls []uintptr) {
		c.early.mu.Lock()
		defer c.early.mu.Unlock()
		if d == In && c.early.keeps && len(c.early.stacks) < maxEarlyStacks {
			c.early.stacks = append(c.early.stacks, earlyStack{at, n, append([]uintptr(nil), calls...)})
		}
	}})
}
