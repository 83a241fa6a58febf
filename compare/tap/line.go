package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Silent makes the line go dead from now on, in both directions: bytes, FIN
// and RST are swallowed, as when a cable is cut or a machine loses its power.
// Neither end is told. Units that cross or wait are recorded as dropped.
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

// Split makes what the endpoint writes leave in TCP writes of at most n bytes;
// 0 leaves it as it is.
func (c *Conn) Split(n int) { c.split.Store(int64(n)) }

// late waits for as long as the line is slow, or until the endpoint closes.
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

// lose takes what came from the socket on a silent line. It returns an error
// where the endpoint's Read must end: by its own Close or deadline. At the end
// of the socket it waits for one of them.
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

// swallow takes the next n bytes of w on a silent line.
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
		if taken -= len(u.bytes); taken < 0 && taken+n >= 0 { // it ends in b
			c.recordDropped(Out, []unit{u})
		}
	}
	return nil
}

// recordDropped tells the Recorder that units were lost on their way.
func (c *Conn) recordDropped(d Direction, us []unit) {
	for _, u := range us {
		if r := c.recorder.Load(); r != nil && u.id != 0 {
			(*r).Dropped(d, u.id)
		}
	}
}

// buryTime bounds how long a socket outlives its endpoint's Close.
const buryTime = 10 * time.Minute

// bury keeps the socket of a silent line open behind the endpoint's Close: were
// it closed, the peer would be told. It ends when the peer closes its own.
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
