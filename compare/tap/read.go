package tap

import (
	"errors"
	"net"
	"os"
	"time"
)

// Read reads what has passed the valve.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil && (c.silent.Load() || c.lingers.Load()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed() // bury and linger wait for the end of the last Read
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

// readSocket reads p from the socket. It reports again where the endpoint's Read
// goes on: the bytes went into the queue, the line swallowed them, or the deadline
// that has passed is put off.
func (c *Conn) readSocket(p []byte) (n int, again bool, err error) {
	if (c.silent.Load() || c.lingers.Load()) && c.gone() {
		c.counts.reading.Store(false)
		return 0, false, c.opError("read", net.ErrClosed)
	}
	n, err = c.Conn.Read(p)
	c.counts.reading.Store(false) // before the bytes are counted: see Status
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		if c.lingers.Load() && c.gone() {
			return 0, false, c.opError("read", net.ErrClosed)
		}
		if c.hold.Load() && !c.readExpired() {
			return 0, true, nil // the valve was shut meanwhile, so the time stands still
		}
	}
	if c.silent.Load() {
		err = c.lose(p[:n], err)
		return 0, err == nil, err
	}
	if n > 0 {
		if c.arrived(p[:n], c.hold.Load) {
			return 0, true, nil // an error of the socket will come again
		}
		c.late()
	}
	if err != nil {
		c.failed(In, err)
	}
	return n, false, err
}

// arrived records b, which came from the socket, and puts it into the queue
// where shut says so. It reports whether it did.
func (c *Conn) arrived(b []byte, shut func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
	r := c.recorder.Load()
	if c.closing && r != nil {
		// The endpoint has closed already: Closed is the last it is recorded to do.
		(*r).Unread(b, len(b))
		c.counts.in.Add(int64(len(b)))
		return false
	}
	if r != nil && c.hold.Load() && shut() {
		(*r).Stops()
	}
	units := c.record(In, b)
	c.counts.in.Add(int64(len(b))) // a caller of Status waits for mu
	if r == nil || !shut() {
		return false
	}
	c.enqueue(*r, In, b, units)
	return true
}

// queued reports whether bytes must go through a queue.
func (c *Conn) queued() bool { return c.hold.Load() || c.busy.Load() }

// errOpened says that the valve was opened and nothing is left in the queue, so
// that the socket can be read again, or that the socket is at its end and can
// say so itself.
var errOpened = errors.New("tap: valve opened")

// readQueued waits until something has passed the valve, or the socket's end
// has come behind it. The pump reads the socket meanwhile, so that several
// units can be seen waiting.
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
			n := c.in.read(p)
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

// startPump has the pump read the socket, unless it does or is at its end. c.mu
// is held.
func (c *Conn) startPump() {
	if c.pumping || c.pumpErr != nil {
		return
	}
	c.pumping = true
	c.Conn.SetReadDeadline(time.Time{})
	c.changed()
	go c.pump()
}

// pump reads the socket into the queue as long as the valve is shut, and for
// linger until the socket is closed.
func (c *Conn) pump() {
	b := make([]byte, 16<<10)
	for {
		n, err := c.Conn.Read(b)
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

// pumped ends one read of the pump, which returned err and, if unread, bytes that
// the endpoint will not read. It waits for room and reports whether the pump ends.
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
		c.pumpErr = nil // of lose: the endpoint may set another
	}
	if err != nil {
		c.in.finish()
	}
	c.arm()
	c.changed()
	return true
}
