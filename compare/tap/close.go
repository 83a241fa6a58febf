package tap

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Close closes the socket, as close(2) does: it returns at once, and what was
// written before still goes to the peer, in front of the FIN. While that waits at
// the valve, the socket stays open for it; linger closes it. What waits in the
// other direction is dropped, for nobody will read it.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closing
	c.closing = true
	c.recordPending()
	c.resets = c.resets || first && c.in.size() > 0
	c.dropRead()
	if c.out.finish(); c.pushErr != nil || c.aborted {
		c.dropAll(Out)
	}
	c.changed()
	lingers := first && !c.silent.Load() && !c.drained()
	if lingers {
		c.lingers.Store(true) // it reads what is left in the socket
	} else if r := c.recorder.Load(); r != nil && first && c.socket != nil && !c.silent.Load() {
		if b, size := c.socket.unread(); size > 0 {
			(*r).Unread(b, size)
		}
	}
	c.mu.Unlock()
	// Told first, or the peer, or who waits in a Read, could be seen to notice
	// before it happens.
	r := c.recorder.Load()
	var id uint64
	if r != nil && first {
		if reset := c.takeReset(); reset != nil {
			(*r).Failed(Out, reset)
		}
		id = (*r).Closed()
	}
	c.mu.Lock()
	c.closed = true
	c.dropRead() // what has come meanwhile
	if lingers {
		c.finWaits(*r, Out, id)
		c.lingering = true
		go c.linger(*r)
	} else if first {
		c.dropAll(Out)
	}
	c.changed()
	c.mu.Unlock()
	defer c.tell()
	switch {
	case lingers:
		return nil
	case !first && (c.silent.Load() || c.lingers.Load()):
		return c.opError("close", net.ErrClosed)
	}
	var err error
	if c.silent.Load() {
		c.bury()
	} else {
		err = c.closeSocket()
	}
	if r != nil && first {
		(*r).Gone()
	}
	return err
}

// closeSocket closes the socket as the kernel would have done, had the tap not read
// ahead of the endpoint: with RST in place of FIN where bytes are unread.
func (c *Conn) closeSocket() error {
	c.mu.Lock()
	if c.pumping {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // what the pump has in hand counts
	}
	for c.pumping {
		c.wait(time.Time{})
	}
	resets := c.resets
	c.mu.Unlock()
	if lc, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok && resets {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
	return c.Conn.Close()
}

// Abort closes the socket at once. What waits at the valve, Close having left it
// there or not, is dropped. When it returns, nothing that Close began goes on.
func (c *Conn) Abort() error {
	c.mu.Lock()
	c.aborted = true
	c.changed()
	c.mu.Unlock()
	err := c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lingering {
		c.wait(time.Time{})
	}
	return err
}

// Reset closes the socket with RST, where the connection can: what was written
// and has not arrived is lost, and what waits at the valve is dropped.
func (c *Conn) Reset() error {
	lc, ok := c.Conn.(interface{ SetLinger(seconds int) error })
	if !ok {
		return errors.ErrUnsupported
	}
	if c.gone() {
		return c.Close() // which says that it is closed
	}
	if r := c.recorder.Load(); r != nil {
		(*r).Reset()
	}
	if !c.silent.Load() {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
	return c.Abort()
}

// CloseWrite sends FIN and leaves the other direction open, where the
// connection can. It returns at once; where something written before is still at
// the valve, the FIN follows that.
func (c *Conn) CloseWrite() error {
	hc, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.turn <- struct{}{} // a Write that has begun comes first
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
		c.changed() // it may have been drained meanwhile
		c.mu.Unlock()
		return nil
	}
	if c.silent.Load() {
		return nil
	}
	return hc.CloseWrite()
}

// dropAll empties the queue of d and tells of it. c.mu is held.
func (c *Conn) dropAll(d Direction) {
	q := c.queue(d)
	switch {
	case len(q.passing) == 0:
	case c.silent.Load():
		c.drop(d, q.passing)
	case d == In:
		uncrossed(*c.recorder.Load(), In, q.passing, 0, nil)
	default:
		uncrossed(*c.recorder.Load(), Out, q.passing, 0, c.failure())
	}
	if d == Out && c.pushErr != nil {
		uncrossed(*c.recorder.Load(), Out, q.waiting, 0, c.pushErr)
		q.waiting = nil
	}
	c.drop(d, q.waiting)
	for _, id := range q.fins {
		(*c.recorder.Load()).Dropped(d, id)
	}
	*q = queue{}
}

// failure returns why what was released is not sent. c.mu is held.
func (c *Conn) failure() error {
	switch {
	case c.pushErr != nil:
		return c.pushErr
	case IsReset(c.pumpErr): // the endpoint's Write was over before its Close
		return c.opError("write", os.NewSyscallError("write", syscall.EPIPE))
	}
	return c.opError("write", net.ErrClosed)
}

// dropRead drops what the endpoint will not read any more: it has arrived, and is
// unread. The peer's FIN, if it has come, is the kernel's all the same. c.mu is held.
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

// drained reports whether all that was written has been given to the socket, or
// was dropped. c.mu is held.
func (c *Conn) drained() bool { return !c.pushing && c.out.size() == 0 }

// lost reports whether what the endpoint has written cannot reach the peer any
// more. c.mu is held.
func (c *Conn) lost() bool {
	return c.pushErr != nil || c.aborted || c.silent.Load() || IsReset(c.pumpErr)
}

// linger has the socket after the endpoint's Close, while bytes that were
// written before wait at the valve. It closes the socket when they have gone, were
// dropped, or cannot arrive any more, because the peer has reset the connection.
// Until then it reads what comes, as nothing else would tell of that.
func (c *Conn) linger(r Recorder) {
	c.mu.Lock()
	if !c.pumping {
		c.Conn.SetReadDeadline(time.Unix(1, 0)) // ends the endpoint's Read, as Close would
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
		c.lingers.Store(false) // what the pump is told now is this end's doing
		c.closeSocket()
		c.mu.Lock()
		for c.pumping || c.pushing {
			c.wait(time.Time{})
		}
		c.mu.Unlock()
	}
	r.Gone()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = false
	c.changed()
}
