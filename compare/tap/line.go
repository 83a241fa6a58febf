package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Silent makes the line dead in both directions, as if a cable were cut or a computer
// lost power. From now on the line swallows bytes, FIN and RST. Neither end is notified.
// The swallowed and the held units are recorded as dropped.
func (c *Conn) Silent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent.Store(true)
	c.hold.Store(false)
	c.clock.Start()
	c.dropAll(In)
	c.dropAll(Out)
	c.changed()
}

// SetDelay makes every read and every write of the socket take d longer.
func (c *Conn) SetDelay(d time.Duration) { c.delay.Store(int64(d)) }

// Delay returns how much longer every read and every write takes.
func (c *Conn) Delay() time.Duration { return time.Duration(c.delay.Load()) }

// Split cuts the endpoint's writes into TCP writes of at most n bytes. 0 does not cut
// them.
func (c *Conn) Split(n int) { c.split.Store(int64(n)) }

// late waits for the delay of the line, or until the endpoint closes.
func (c *Conn) late() {
	d := c.Delay()
	if d <= 0 {
		return
	}
	until := time.Now().Add(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && !expired(until) {
		c.waitReal(until)
	}
}

// lose swallows b, which a Read of the socket returned with err on a silent line. If the
// endpoint's own Close or deadline ends that Read, lose returns an error. If the socket
// has ended, lose waits for the Close or the deadline.
func (c *Conn) lose(b []byte, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordDropped(In, split(b, c.record(In, b)))
	c.counts.in.Add(int64(len(b)))
	for {
		switch {
		case c.closed:
			c.counts.reading.Store(false)
			return c.opError("read", net.ErrClosed)
		case c.clock.expired(c.readDeadline):
			c.counts.reading.Store(false)
			return c.opError("read", os.ErrDeadlineExceeded)
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		}
		c.counts.reading.Store(true)
		c.tell()
		c.wait(c.readDeadline)
	}
}

// swallow drops the next n bytes of w on a silent line.
func (c *Conn) swallow(w *writing, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return c.opError("write", net.ErrClosed)
	}
	b, taken := w.rest[:n], w.taken
	units := c.wrote(w, n)
	if !w.recorded {
		c.recordDropped(Out, split(b, units))
		return nil
	}
	for _, u := range w.units {
		if taken -= len(u.bytes); taken < 0 && taken+n >= 0 { // u ends in b
			c.recordDropped(Out, []unit{u})
		}
	}
	return nil
}

// recordDropped records that the line lost the units us.
func (c *Conn) recordDropped(d Direction, us []unit) {
	for _, u := range us {
		if r := c.recorder.Load(); r != nil && u.id != 0 {
			(*r).Dropped(d, u.id)
		}
	}
}

// buryTime bounds how long a socket of a silent line stays open after Close.
const buryTime = 10 * time.Minute

// bury keeps the socket of a silent line open after the endpoint's Close, because a close
// would notify the peer. bury ends when the peer closes its socket.
func (c *Conn) bury() {
	until := time.Now().Add(buryTime)
	_ = c.Conn.SetDeadline(past) // ends the endpoint's Read and Write, as Close would
	go func() {
		defer c.Conn.Close()
		c.mu.Lock()
		for (c.counts.reading.Load() || c.pumping) && !expired(until) {
			c.waitReal(until)
		}
		c.mu.Unlock()
		_ = c.Conn.SetReadDeadline(until)
		_, _ = io.Copy(io.Discard, c.Conn)
	}()
}
