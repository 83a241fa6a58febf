package tap

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Close closes the socket, as close(2) does, and returns at once. Bytes written before
// Close still go to the peer, and the FIN follows them. While the valve holds such bytes,
// the socket stays open, and linger closes it. Close drops the held bytes of the other
// direction, because the endpoint will not read them.
func (c *Conn) Close() error {
	first, lingers := c.beginClose()
	// Record the Close first. Otherwise the recording could show that the peer, or a Read
	// in progress, notices the Close before it happens.
	r := c.recorder.Load()
	var id uint64
	if r != nil && first {
		if reset := c.takeReset(); reset != nil {
			(*r).Failed(Out, reset)
		}
		id = (*r).Closed()
	}
	if first {
		for _, v := range c.visitors() {
			v.Closed()
		}
	}
	c.closeQueues(first, lingers, id)
	defer c.tell()
	switch {
	case !first:
		return c.opError("close", net.ErrClosed)
	case lingers:
		return nil
	}
	var err error
	if c.silent.Load() {
		c.bury()
	} else {
		err = c.closeSocket()
	}
	if r != nil {
		(*r).Gone()
	}
	c.finish()
	return err
}

// finish notes that the first Close has done all its work.
func (c *Conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	c.changed()
}

// beginClose begins Close: it ends all writing and records the unread bytes. It reports
// whether this is the first Close, and whether linger must close the socket because bytes
// wait at the valve.
func (c *Conn) beginClose() (first, lingers bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !c.closing
	c.closing = true
	c.recordPending()
	c.resets = c.resets || first && c.in.size() > 0
	c.dropRead()
	if c.out.finish(); c.pushErr != nil || c.aborted {
		c.dropAll(Out)
	}
	c.changed()
	if !first || c.silent.Load() {
		return first, false
	}
	if lingers = !c.drained(); lingers {
		c.lingers.Store(true) // linger reads the rest of the socket
	} else if r := c.recorder.Load(); r != nil && c.socket != nil {
		if b, size := c.socket.unread(); size > 0 {
			(*r).Unread(b, size)
		}
	}
	return first, lingers
}

// closeQueues ends the queues of both directions, or starts linger. The Close is already
// recorded as id.
func (c *Conn) closeQueues(first, lingers bool, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.dropRead() // bytes that have arrived meanwhile
	if lingers {
		r := *c.recorder.Load()
		c.finWaits(r, Out, id)
		go c.linger(r)
	} else if first {
		c.dropAll(Out)
	}
	c.changed()
}

// closeSocket closes the socket as the kernel would without the tap: with RST instead
// of FIN if the endpoint has left bytes unread, even if the pump has read them.
func (c *Conn) closeSocket() error {
	c.mu.Lock()
	if c.pumping {
		_ = c.Conn.SetReadDeadline(past) // bytes that the pump is reading count as unread
	}
	for c.pumping {
		c.wait(time.Time{})
	}
	resets := c.resets
	c.mu.Unlock()
	if resets {
		c.closeWithReset()
	}
	return c.Conn.Close()
}

// halfCloser is a connection that can send FIN and go on reading.
type halfCloser interface{ CloseWrite() error }

// lingerSetter is a connection that can close with RST, such as *net.TCPConn.
type lingerSetter interface{ SetLinger(seconds int) error }

// closeWithReset makes the close of the socket send RST, if the connection can.
func (c *Conn) closeWithReset() {
	if lc, ok := c.Conn.(lingerSetter); ok {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
}

// Abort closes the socket at once and drops everything at the valve, even after
// Close. When it returns, no goroutine of Close is running.
func (c *Conn) Abort() error {
	c.mu.Lock()
	c.aborted = true
	c.changed()
	c.mu.Unlock()
	err := c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.finished {
		c.wait(time.Time{})
	}
	return err
}

// Reset closes the socket with RST, if the connection can. Bytes that were written and
// have not arrived are lost, and held units are dropped.
func (c *Conn) Reset() error {
	if _, ok := c.Conn.(lingerSetter); !ok {
		return errors.ErrUnsupported
	}
	if c.gone() {
		return c.Close() // it returns the error that the socket is closed
	}
	if r := c.recorder.Load(); r != nil {
		(*r).Reset()
	}
	if !c.silent.Load() {
		c.closeWithReset()
	}
	return c.Abort()
}

// CloseWrite sends FIN and leaves the other direction open, if the connection can.
// It returns at once. The FIN follows the bytes that the valve holds.
func (c *Conn) CloseWrite() error {
	hc, ok := c.Conn.(halfCloser)
	if !ok {
		return errors.ErrUnsupported
	}
	c.turn <- struct{}{} // wait for a Write in progress
	defer func() { <-c.turn }()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.recordPending()
	c.out.finish()
	c.changed()
	waits := !c.silent.Load() && c.pushErr == nil && !c.drained()
	c.mu.Unlock()
	r := c.recorder.Load()
	var id uint64
	if r != nil {
		id = (*r).Fin(Out)
	}
	c.counts.finOut.Store(true)
	defer c.tell()
	if waits {
		c.lingers.Store(true)
		c.mu.Lock()
		c.half = true
		c.finWaits(*r, Out, id)
		c.changed() // the queue may have become empty meanwhile
		c.mu.Unlock()
		return nil
	}
	if c.silent.Load() {
		return nil
	}
	return hc.CloseWrite()
}

// dropAll empties the queue of d and records that. c.mu is held.
func (c *Conn) dropAll(d Direction) {
	q := c.queue(d)
	switch {
	case len(q.passing) == 0:
	case c.silent.Load():
		c.recordDropped(d, q.passing)
	case d == In:
		uncrossed(*c.recorder.Load(), In, q.passing, 0, nil)
	default:
		uncrossed(*c.recorder.Load(), Out, q.passing, 0, c.failure())
	}
	if d == Out && c.pushErr != nil {
		uncrossed(*c.recorder.Load(), Out, q.waiting, 0, c.pushErr)
		q.waiting = nil
	}
	c.recordDropped(d, q.waiting)
	for _, id := range q.fins {
		(*c.recorder.Load()).Dropped(d, id)
	}
	*q = queue{}
}

// failure returns why released bytes are not sent. c.mu is held.
func (c *Conn) failure() error {
	switch {
	case c.pushErr != nil:
		return c.pushErr
	case IsReset(c.pumpErr): // the peer's reset is the reason, not the endpoint's Close
		return c.opError("write", os.NewSyscallError("write", syscall.EPIPE))
	}
	return c.opError("write", net.ErrClosed)
}

// dropRead records bytes as unread: those that have arrived and that the endpoint will
// not read. The peer's FIN has still reached the kernel. c.mu is held.
func (c *Conn) dropRead() {
	fins := c.in.fins
	c.in.fins = nil
	if !c.silent.Load() && c.recorder.Load() != nil {
		uncrossed(*c.recorder.Load(), In, c.in.passing, 0, nil)
		uncrossed(*c.recorder.Load(), In, c.in.waiting, 0, nil)
		c.in.passing, c.in.waiting = nil, nil
	}
	c.dropAll(In)
	c.in.fins = fins
	c.releaseFINs(In)
}

// drained reports whether all written bytes were passed to the socket or dropped.
// c.mu is held.
func (c *Conn) drained() bool { return !c.pushing && c.out.size() == 0 }

// lost reports whether the endpoint's bytes can no longer reach the peer. c.mu is
// held.
func (c *Conn) lost() bool {
	return c.pushErr != nil || c.aborted || c.silent.Load() || IsReset(c.pumpErr)
}

// linger owns the socket after the endpoint's Close while the valve holds bytes written
// before. It closes the socket when these bytes are sent or dropped, or when the peer has
// reset the connection. Until then, linger reads the socket, because only a read shows
// such a reset.
func (c *Conn) linger(r Recorder) {
	c.mu.Lock()
	if !c.pumping {
		c.Conn.SetReadDeadline(past) // ends the endpoint's Read, as Close would
	}
	for c.counts.reading.Load() {
		c.wait(time.Time{})
	}
	c.startPump()
	for !c.drained() && !c.lost() {
		c.wait(time.Time{})
	}
	c.dropAll(Out)
	silent := c.silent.Load()
	c.mu.Unlock()
	if silent {
		c.bury()
	} else {
		c.lingers.Store(false) // from here on this end causes the errors that the pump gets
		c.closeSocket()
		c.mu.Lock()
		for c.pumping || c.pushing {
			c.wait(time.Time{})
		}
		c.mu.Unlock()
	}
	r.Gone()
	c.finish()
}
