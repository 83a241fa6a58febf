package tap

import (
	"errors"
	"net"
	"os"
	"time"
)

// Read returns bytes that have passed the valve.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if n > 0 {
		c.readReturns(n)
	}
	if err != nil && (c.silent.Load() || c.lingers.Load()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed() // bury and linger wait until the last Read ends
	}
	return n, err
}

func (c *Conn) read(p []byte) (int, error) {
	for {
		c.counts.reading.Store(true)
		c.tell()
		if c.queued() && c.recorder.Load() != nil && len(p) > 0 {
			n, err := c.readQueued(p)
			c.counts.reading.Store(false)
			if err != errOpened {
				return n, err
			}
			continue
		}
		if n, again, err := c.readSocket(p); !again {
			return n, err
		}
	}
}

// readSocket reads from the socket into p. again says that the endpoint's Read must go
// on: the bytes are in the queue, a silent line swallowed them, or the deadline has moved
// because the valve was shut.
func (c *Conn) readSocket(p []byte) (n int, again bool, err error) {
	if (c.silent.Load() || c.lingers.Load()) && c.gone() {
		c.counts.reading.Store(false)
		return 0, false, c.opError("read", net.ErrClosed)
	}
	n, err = c.socketRead(p)
	c.counts.reading.Store(false) // before the bytes are counted: see Status
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		if c.lingers.Load() && c.gone() {
			return 0, false, c.opError("read", net.ErrClosed)
		}
		if c.hold.Load() && !c.readExpired() {
			return 0, true, nil // the valve was shut meanwhile, so the clock has stopped
		}
	}
	if c.silent.Load() {
		err = c.lose(p[:n], err)
		return 0, err == nil, err
	}
	if n > 0 {
		// Sip may have been called while the socket was read. The queue copies the bytes.
		sips := len(c.sipped(p[:n])) < n && c.recorder.Load() != nil
		if sips && !c.hold.Load() {
			c.late()
		}
		if c.arrived(p[:n], func() bool { return sips || c.hold.Load() }) {
			return 0, true, nil // the socket will return err again
		}
		c.late()
	}
	if err != nil {
		c.failed(In, err)
	}
	return n, false, err
}

// socketRead reads the socket. inRead stays true until the bytes, or the end, are
// recorded.
func (c *Conn) socketRead(p []byte) (int, error) {
	c.inRead.Store(true)
	n, err := c.Conn.Read(p)
	if n == 0 && deadlinePassed(err) {
		c.inRead.Store(false)
	}
	return n, err
}

// arrived records b, which was read from the socket. If shut reports true, arrived puts b
// into the queue. It reports whether it did so.
func (c *Conn) arrived(b []byte, shut func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
	r := c.recorder.Load()
	if c.closing && r != nil {
		// The endpoint has closed already, so it does not read b.
		(*r).Unread(b, len(b))
		c.counts.in.Add(int64(len(b)))
		return false
	}
	if r != nil && c.hold.Load() && shut() {
		(*r).Stops()
	}
	units := c.record(In, b)
	c.readAt = c.recorded[In] - int64(len(b))
	c.inRead.Store(false)
	c.counts.in.Add(int64(len(b))) // a caller of Status waits for mu
	if r == nil || !shut() {
		return false
	}
	c.enqueue(*r, In, b, units)
	return true
}

// queued reports whether bytes must pass through a queue.
func (c *Conn) queued() bool { return c.hold.Load() || c.busy.Load() }

// queuesOut is queued for the bytes of a Write. Bytes that Sip has left for the endpoint
// do not delay it.
func (c *Conn) queuesOut() bool { return c.hold.Load() || c.busyOut.Load() }

// errOpened says that the queue is empty and the valve is open, so the endpoint's
// Read must read the socket itself.
var errOpened = errors.New("tap: the wire is not held any more")

// readQueued waits until bytes have passed the valve, or the socket has ended. The
// pump reads the socket meanwhile, so that the valve can hold several units.
func (c *Conn) readQueued(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case c.clock.expired(c.readDeadline):
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case len(c.in.passing) > 0:
			c.counts.reading.Store(false)
			n, at := c.in.read(c.sipped(p))
			c.readAt = at
			c.changed()
			return n, nil
		case c.pumpErr != nil && c.in.size() == 0:
			return 0, c.pumpErr
		case !c.hold.Load() && !c.pumping && c.in.size() == 0:
			c.counts.reading.Store(false)
			return 0, errOpened
		}
		c.startPump()
		c.wait(c.readDeadline)
	}
}

// startPump starts the pump, unless it runs or the socket has ended. c.mu is held.
func (c *Conn) startPump() {
	if c.pumping || c.pumpErr != nil {
		return
	}
	c.pumping = true
	c.Conn.SetReadDeadline(time.Time{})
	c.changed()
	go c.pump()
}

// pump reads the socket into the queue while the valve is shut. For linger it reads
// until the socket is closed.
func (c *Conn) pump() {
	b := make([]byte, 16<<10)
	for {
		n, err := c.socketRead(b)
		if c.silent.Load() {
			err, n = c.lose(b[:n], err), 0
		}
		waits := n == 0 || c.arrived(b[:n], func() bool { return true })
		if err != nil {
			c.failed(In, err)
		}
		if c.pumped(err, !waits) {
			return
		}
	}
}

// pumped finishes one read of the pump, which returned err. unread says that the endpoint
// will not read the bytes. pumped waits for room in the queue and reports whether the
// pump ends.
func (c *Conn) pumped(err error, unread bool) (ends bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resets = c.resets || unread && !c.lingers.Load()
	for err == nil && c.in.size() >= maxQueue && !c.closed {
		c.wait(time.Time{})
	}
	lingers := c.closed && c.lingers.Load()
	if err == nil && (lingers || !c.closed && c.hold.Load()) {
		return false
	}
	c.pumping, c.pumpErr = false, err
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.pumpErr = nil // lose returned the error, and the endpoint may set another deadline
	}
	if err != nil {
		c.in.finish()
	}
	c.arm()
	c.changed()
	return true
}
