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
	first, lingers := c.beginClose()
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
	c.closeQueues(first, lingers, id)
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

// beginClose begins Close: nothing more is written, and what is unread is recorded.
// It reports whether this is the first Close, and whether linger must close the
// socket because bytes wait at the valve.
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
		c.lingers.Store(true) // it reads what is left in the socket
	} else if r := c.recorder.Load(); r != nil && c.socket != nil {
		if b, size := c.socket.unread(); size > 0 {
			(*r).Unread(b, size)
		}
	}
	return first, lingers
}

// closeQueues ends the queues of both directions after the Close called id is
// recorded, or starts linger.
func (c *Conn) closeQueues(first, lingers bool, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.dropRead() // what has come meanwhile
	if lingers {
		r := *c.recorder.Load()
		c.finWaits(r, Out, id)
		c.lingering = true
		go c.linger(r)
	} else if first {
		c.dropAll(Out)
	}
	c.changed()
}

// closeSocket closes the socket as the kernel would have done, had the tap not read
// ahead of the endpoint: with RST in place of FIN where bytes are unread.
func (c *Conn) closeSocket() error {
	c.mu.Lock()
	if c.pumping {
		_ = c.Conn.SetReadDeadline(past) // what the pump has in hand counts
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

// halfCloser is a connection that can send FIN and still be read.
type halfCloser interface{ CloseWrite() error }

// lingerSetter is a connection whose close can send RST, as a *net.TCPConn.
type lingerSetter interface{ SetLinger(seconds int) error }

// closeWithReset makes the close of the socket send RST, if the connection can.
func (c *Conn) closeWithReset() {
	if lc, ok := c.Conn.(lingerSetter); ok {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
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
	if _, ok := c.Conn.(lingerSetter); !ok {
		return errors.ErrUnsupported
	}
	if c.gone() {
		return c.Close() // which says that it is closed
	}
	if r := c.recorder.Load(); r != nil {
		(*r).Reset()
	}
	if !c.silent.Load() {
		c.closeWithReset()
	}
	return c.Abort()
}

// CloseWrite sends FIN and leaves the other direction open, where the
// connection can. It returns at once; where something written before is still at
// the valve, the FIN follows that.
func (c *Conn) CloseWrite() error {
	hc, ok := c.Conn.(halfCloser)
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
