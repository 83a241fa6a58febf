package tap

import (
	"net"
	"os"
	"time"
)

// queue holds the octets of one direction that are at the valve.
type queue struct {
	passing []byte // released, on their way
	waiting []unit
	partial []byte // of a unit that is not finished
}

type unit struct {
	id     uint64
	octets []byte
}

// add puts b, which completes units, behind the valve.
func (q *queue) add(b []byte, units []Unit) {
	start := 0
	for _, u := range units {
		q.waiting = append(q.waiting, unit{u.ID, append(q.partial, b[start:u.End]...)})
		q.partial, start = nil, u.End
	}
	q.partial = append(q.partial, b[start:]...)
}

// pass releases the oldest unit.
func (q *queue) pass() uint64 {
	u := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.passing = append(q.passing, u.octets...)
	return u.id
}

// size returns the octets in q.
func (q *queue) size() int {
	n := len(q.passing) + len(q.partial)
	for _, u := range q.waiting {
		n += len(u.octets)
	}
	return n
}

// Held is a unit that waits.
type Held struct {
	Direction Direction
	ID        uint64
}

// Hold shuts the valve: what reaches it from now on waits.
func (c *Conn) Hold() { c.hold.Store(true) }

// Holding reports whether the valve is shut.
func (c *Conn) Holding() bool { return c.hold.Load() }

// Run opens the valve and lets go all that waits. It returns the units' IDs.
func (c *Conn) Run() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold.Store(false)
	var ids []uint64
	for _, d := range []Direction{In, Out} {
		q := c.queue(d)
		for len(q.waiting) > 0 {
			ids = append(ids, c.release(d))
		}
		q.passing, q.partial = append(q.passing, q.partial...), nil
	}
	c.changed()
	return ids
}

// Waiting returns the units that wait, the oldest of each direction first.
func (c *Conn) Waiting() []Held {
	c.mu.Lock()
	defer c.mu.Unlock()
	var hs []Held
	for _, d := range []Direction{In, Out} {
		for _, u := range c.queue(d).waiting {
			hs = append(hs, Held{d, u.id})
		}
	}
	return hs
}

// Release lets the oldest unit of direction d pass and returns its ID, or
// false when none waits.
func (c *Conn) Release(d Direction) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue(d).waiting) == 0 {
		return 0, false
	}
	id := c.release(d)
	c.changed()
	return id, true
}

// Drop takes the oldest unit of direction d away, as if it were lost on its
// way, and returns its ID; its sender believes it sent.
func (c *Conn) Drop(d Direction) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.queue(d)
	if len(q.waiting) == 0 {
		return 0, false
	}
	id := q.waiting[0].id
	q.waiting = q.waiting[1:]
	(*c.recorder.Load()).Dropped(d, id)
	c.changed()
	return id, true
}

// release passes the oldest unit of d and tells of it. c.mu is held.
func (c *Conn) release(d Direction) uint64 {
	id := c.queue(d).pass()
	(*c.recorder.Load()).Released(d, id)
	return id
}

func (c *Conn) queue(d Direction) *queue {
	if d == In {
		return &c.in
	}
	return &c.out
}

// changed notes that fields under c.mu have changed and wakes all that wait
// for one of them. c.mu is held.
func (c *Conn) changed() {
	c.busy.Store(c.pumping || c.pumpErr != nil || c.in.size() > 0 || c.out.size() > 0)
	close(c.wake)
	c.wake = make(chan struct{})
}

// enqueue puts octets behind the valve, or in front of it when it has been
// opened since. c.mu is held.
func (c *Conn) enqueue(r Recorder, d Direction, b []byte, units []Unit) {
	q := c.queue(d)
	q.add(b, units)
	if c.hold.Load() {
		for _, u := range units {
			r.Waits(d, u.ID)
		}
	} else {
		for len(q.waiting) > 0 {
			q.pass()
		}
		q.passing, q.partial = append(q.passing, q.partial...), nil
	}
	c.changed()
}

// readQueued waits until something has passed the valve, or the socket's end
// has come behind it. The pump reads the socket meanwhile, so that several
// units can be seen waiting.
func (c *Conn) readQueued(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case len(c.in.passing) > 0:
			n := copy(p, c.in.passing)
			c.in.passing = c.in.passing[n:]
			c.changed()
			return n, nil
		case c.pumpErr != nil && c.in.size() == 0:
			return 0, c.pumpErr
		case !c.hold.Load() && !c.pumping && c.in.size() == 0:
			return 0, errOpened
		case !c.pumping && c.pumpErr == nil:
			c.pumping = true
			c.Conn.SetReadDeadline(time.Time{})
			c.changed()
			go c.pump()
		}
		if !c.wait(c.readDeadline) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// pump reads the socket into the queue as long as the valve is shut.
func (c *Conn) pump() {
	b := make([]byte, 16<<10)
	for {
		n, err := c.Conn.Read(b)
		r, units := c.record(In, b[:n])
		if err != nil {
			c.failed(In, err)
		}
		c.mu.Lock()
		if n > 0 && !c.closed {
			c.enqueue(r, In, b[:n], units)
		}
		for err == nil && c.in.size() >= maxQueue && !c.closed {
			c.wait(time.Time{})
		}
		if err != nil || c.closed || !c.hold.Load() {
			c.pumping, c.pumpErr = false, err
			c.Conn.SetReadDeadline(c.readDeadline)
			c.changed()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// writeQueued puts p behind the valve and writes on what is released, until no
// unit waits.
func (c *Conn) writeQueued(r Recorder, p []byte, units []Unit) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enqueue(r, Out, p, units)
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.writing:
			// Another Write is at it: octets must leave in order.
		case len(c.out.passing) > 0:
			b := c.out.passing
			c.out.passing, c.writing = nil, true
			c.mu.Unlock()
			_, err := c.Conn.Write(b)
			if err != nil {
				c.failed(Out, err)
			}
			c.mu.Lock()
			c.writing = false
			c.changed()
			if err != nil {
				return 0, err
			}
			continue
		case len(c.out.waiting) == 0 && len(c.out.partial) < maxQueue:
			return len(p), nil
		}
		if !c.wait(c.writeDeadline) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// wait unlocks c.mu until something has changed and returns true, or until
// deadline, if there is one, and returns false.
func (c *Conn) wait(deadline time.Time) bool {
	wake := c.wake
	c.mu.Unlock()
	defer c.mu.Lock()
	if deadline.IsZero() {
		<-wake
		return true
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-wake:
		return true
	case <-t.C:
		return false
	}
}
