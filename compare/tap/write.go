package tap

import (
	"net"
	"os"
	"syscall"
	"time"
)

// Write writes through the valve. A shut valve is like the kernel's send buffer: if there
// is room, it accepts p, and Write returns at once. The bytes leave when they are
// released. If the socket fails then, a later Write returns the error. All bytes of p
// leave before those of any other Write, even if they leave in several pieces.
func (c *Conn) Write(p []byte) (int, error) {
	c.turn <- struct{}{}
	c.writeBegins(len(p))
	if c.lingers.Load() || c.queuesOut() && c.recorder.Load() != nil && !c.silent.Load() {
		if err := c.awaitRoom(); err != nil {
			<-c.turn
			c.refused(p, err)
			return 0, err
		}
	}
	if c.take(p) {
		<-c.turn
		c.tell()
		return len(p), nil
	}
	n, err := c.send(&c.direct, p, nil)
	<-c.turn
	if err != nil {
		c.failed(Out, err)
	}
	c.tell()
	return n, err
}

// refused records that p is not sent.
func (c *Conn) refused(p []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
	if r := c.recorder.Load(); r != nil && len(p) > 0 {
		(*r).Unsent(p, err)
	}
}

// writing is a Write to the socket in progress.
type writing struct {
	rest     []byte // not written yet
	recorded bool   // rest is recorded already
	units    []unit // units of a Write that was recorded as a whole
	taken    int    // number of bytes of units that are written
}

// send writes p to the socket, in pieces as Split asks, and records the bytes that
// the socket accepts. queued is the units of p if they were recorded at the valve
// already. Only send uses w.
func (c *Conn) send(w *writing, p []byte, queued []unit) (n int, err error) {
	*w = writing{rest: p, recorded: queued != nil, units: queued}
	for {
		piece := len(w.rest)
		if most := int(c.split.Load()); most > 0 {
			piece = min(most, piece)
		}
		c.late()
		switch {
		case c.silent.Load():
			err = c.swallow(w, piece)
		case c.socket != nil:
			err = c.socket.write(c, w, piece)
		default:
			err = c.write(w, piece)
		}
		if err == nil && c.counts.finIn.Load() {
			c.AwaitReset()
		}
		if err != nil || len(w.rest) == 0 {
			break
		}
	}
	if err == nil {
		*w = writing{}
		return len(p), nil
	}
	if c.silent.Load() && c.gone() {
		err = c.opError("write", net.ErrClosed) // bury ended it with a deadline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.recorder.Load(); r != nil {
		switch {
		case w.recorded:
			uncrossed(*r, Out, w.units, w.taken, err)
		case len(w.rest) > 0:
			(*r).Unsent(w.rest, err)
		}
	}
	n = len(p) - len(w.rest)
	*w = writing{}
	return n, err
}

// wrote notes that the next n bytes of w are written. If wrote is the first to record
// them, it returns the units that they complete. c.mu is held.
func (c *Conn) wrote(w *writing, n int) (units []Unit) {
	if w.recorded {
		w.taken += n
	} else {
		units = c.record(Out, w.rest[:n])
	}
	w.rest = w.rest[n:]
	c.counts.out.Add(int64(n))
	return units
}

// write writes the next n bytes of w if there is no socket.
func (c *Conn) write(w *writing, n int) error {
	c.mu.Lock()
	if c.closing && !w.recorded { // released bytes are sent even after Close
		c.mu.Unlock()
		return c.opError("write", net.ErrClosed)
	}
	b := w.rest[:n]
	c.pending = w
	c.mu.Unlock()
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = nil
	c.wrote(w, n)
	return err
}

// Settle returns when all bytes that the peer can have received are recorded. A
// peer in this process can be faster than the recording, so it calls Settle before
// it records the bytes that it received.
func (c *Conn) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
}

// recordPending records the Write in progress of a connection without a socket, so
// that the next event is recorded after it. c.mu is held.
func (c *Conn) recordPending() {
	w := c.pending
	r := c.recorder.Load()
	if w == nil || w.recorded || r == nil || len(w.rest) == 0 {
		return
	}
	w.units, w.recorded = split(w.rest, c.record(Out, w.rest)), true
}

// awaitRoom waits until the queue has room for a Write. It returns an error if no more
// bytes can be written, or if the deadline has passed.
func (c *Conn) awaitRoom() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pausing++
	defer func() { c.pausing-- }()
	for {
		switch {
		case c.closed:
			return c.opError("write", net.ErrClosed)
		case c.half:
			return c.opError("write", os.NewSyscallError("write", syscall.EPIPE))
		case c.pushErr != nil, c.out.size() < maxQueue:
			return nil
		case c.clock.expired(c.writeDeadline):
			return c.opError("write", os.ErrDeadlineExceeded)
		}
		c.tell()
		c.wait(c.writeDeadline)
	}
}

// take puts p into the queue. It reports false and records nothing if p must go to
// the socket: the valve is open, or the socket is closed or has failed and returns
// the error itself.
func (c *Conn) take(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.recorder.Load()
	if r == nil || !c.queuesOut() || c.silent.Load() || c.closing || c.pushErr != nil || len(p) == 0 {
		return false
	}
	c.enqueue(*r, Out, p, c.record(Out, p))
	return true
}

// push writes released bytes to the socket. One push runs at a time. The endpoint's
// Write has returned already, so its deadline does not apply.
func (c *Conn) push() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conn.SetWriteDeadline(time.Time{})
	for len(c.out.passing) > 0 && c.pushErr == nil {
		us := c.out.passing
		c.out.passing = nil
		c.mu.Unlock()
		var b []byte
		for _, u := range us {
			b = append(b, u.bytes...)
		}
		_, err := c.send(&writing{}, b, us)
		if err != nil {
			c.failed(Out, err)
		}
		c.mu.Lock()
		c.pushErr = err
	}
	c.pushing = false
	if c.pushErr != nil {
		c.dropAll(Out) // no write can follow a failed write
	}
	c.arm()
	c.changed()
}
