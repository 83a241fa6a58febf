package tap

import (
	"errors"
	"net"
	"os"
	"slices"
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

// add puts b, which completes units, behind the valve. It returns the ID of the
// last unit that waits with octets of b, or 0.
func (q *queue) add(b []byte, units []Unit) (last uint64) {
	start := 0
	for _, u := range units {
		octets := append(q.partial, b[start:u.End]...)
		q.partial, start = nil, u.End
		if u.ID == 0 {
			last = q.goAlong(octets)
			continue
		}
		q.waiting = append(q.waiting, unit{u.ID, octets})
		last = u.ID
	}
	q.partial = append(q.partial, b[start:]...)
	return last
}

// goAlong puts octets that are no unit behind the unit before them and returns
// its ID, or 0 when none waits.
func (q *queue) goAlong(octets []byte) uint64 {
	if len(q.waiting) == 0 {
		q.passing = append(q.passing, octets...)
		return 0
	}
	u := &q.waiting[len(q.waiting)-1]
	u.octets = append(u.octets, octets...)
	return u.id
}

// finish tells that the unfinished unit will stay so: its octets can wait for
// nothing more.
func (q *queue) finish() {
	q.goAlong(q.partial)
	q.partial = nil
}

// pass releases the oldest unit.
func (q *queue) pass() uint64 {
	u := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.passing = append(q.passing, u.octets...)
	return u.id
}

// holds reports whether the unit called id waits.
func (q *queue) holds(id uint64) bool {
	for _, u := range q.waiting {
		if u.id == id {
			return true
		}
	}
	return false
}

// remove takes the unit called id away, if it waits.
func (q *queue) remove(id uint64) {
	q.waiting = slices.DeleteFunc(q.waiting, func(u unit) bool { return u.id == id })
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
		q.finish()
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

// ReleaseOldest lets the unit pass that has waited longest in either direction.
// Units are numbered in the order in which they came.
func (c *Conn) ReleaseOldest() (uint64, bool) {
	d, ok := c.oldest()
	if !ok {
		return 0, false
	}
	return c.Release(d)
}

// DropOldest takes away the unit that has waited longest in either direction.
func (c *Conn) DropOldest() (uint64, bool) {
	d, ok := c.oldest()
	if !ok {
		return 0, false
	}
	return c.Drop(d)
}

func (c *Conn) oldest() (Direction, bool) {
	waiting := c.Waiting()
	if len(waiting) == 0 {
		return 0, false
	}
	first := waiting[0]
	for _, h := range waiting {
		if h.ID < first.ID {
			first = h
		}
	}
	return first.Direction, true
}

// dropAll empties both queues and tells of it. c.mu is held.
func (c *Conn) dropAll() {
	for _, d := range []Direction{In, Out} {
		for _, u := range c.queue(d).waiting {
			(*c.recorder.Load()).Dropped(d, u.id)
		}
		*c.queue(d) = queue{}
	}
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

// changed notes that fields under c.mu have changed: it sets going what can go
// and wakes all that wait. c.mu is held.
func (c *Conn) changed() {
	for _, q := range []*queue{&c.in, &c.out} {
		if len(q.waiting) == 0 && len(q.partial) >= maxQueue {
			q.finish()
		}
	}
	if len(c.out.passing) > 0 && !c.pushing {
		c.pushing = true
		go c.push()
	}
	c.busy.Store(c.pumping || c.pumpErr != nil || c.pushing || c.in.size() > 0 || c.out.size() > 0)
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
	c.tell()
}

// enqueue puts octets behind the valve, or in front of it when it has been
// opened since, and returns what queue.add does. c.mu is held.
func (c *Conn) enqueue(r Recorder, d Direction, b []byte, units []Unit) uint64 {
	q := c.queue(d)
	last := q.add(b, units)
	if c.hold.Load() {
		for _, u := range units {
			if u.ID != 0 {
				r.Waits(d, u.ID)
			}
		}
	} else {
		for len(q.waiting) > 0 {
			q.pass()
		}
		q.finish()
	}
	c.changed()
	return last
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
			return 0, c.opError("read", net.ErrClosed)
		case expired(c.readDeadline):
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case len(c.in.passing) > 0:
			c.counts.reading.Store(false)
			n := copy(p, c.in.passing)
			c.in.passing = c.in.passing[n:]
			c.changed()
			return n, nil
		case c.pumpErr != nil && c.in.size() == 0:
			return 0, c.pumpErr
		case !c.hold.Load() && !c.pumping && c.in.size() == 0:
			c.counts.reading.Store(false)
			return 0, errOpened
		case !c.pumping && c.pumpErr == nil:
			c.pumping = true
			c.Conn.SetReadDeadline(time.Time{})
			c.changed()
			go c.pump()
		}
		c.wait(c.readDeadline)
	}
}

// pump reads the socket into the queue as long as the valve is shut.
func (c *Conn) pump() {
	b := make([]byte, 16<<10)
	for {
		n, err := c.Conn.Read(b)
		if c.silent.Load() {
			err, n = c.lost(b[:n], err), 0
		}
		var r Recorder
		var units []Unit
		if n > 0 {
			r, units = c.record(In, b[:n])
		}
		if err != nil {
			c.failed(In, err)
		}
		c.mu.Lock()
		c.counts.in.Add(int64(n)) // who sees it and asks for Status waits for mu
		if n > 0 && !c.closed {
			c.enqueue(r, In, b[:n], units)
		}
		for err == nil && c.in.size() >= maxQueue && !c.closed {
			c.wait(time.Time{})
		}
		if err != nil || c.closed || !c.hold.Load() {
			c.pumping, c.pumpErr = false, err
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.pumpErr = nil // of lost: the endpoint may set another
			}
			if err != nil {
				c.in.finish()
			}
			c.Conn.SetReadDeadline(c.readDeadline)
			c.changed()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// writeQueued puts p behind the valve, gives back the turn, and waits until
// none of p's units waits any more and what was released is written. It returns
// errOpened, and the turn is still taken, where the socket cannot be written.
func (c *Conn) writeQueued(r Recorder, p []byte, units []Unit) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.pushErr != nil {
		return 0, errOpened
	}
	last := c.enqueue(r, Out, p, units)
	<-c.turn
	c.pausing++
	defer func() { c.pausing-- }()
	c.tell()
	for {
		waits := last != 0 && c.out.holds(last)
		switch {
		case c.closed:
			return 0, c.opError("write", net.ErrClosed)
		case c.pushErr != nil:
			return c.withdraw(p, units), c.pushErr
		case !waits && len(c.out.passing) == 0 && !c.pushing && len(c.out.partial) < maxQueue:
			return len(p), nil
		case expired(c.writeDeadline):
			return c.withdraw(p, units), c.opError("write", os.ErrDeadlineExceeded)
		}
		c.wait(c.writeDeadline)
	}
}

// withdraw drops those of units, which p completed, that still wait, and
// returns how many octets of p are past the valve. c.mu is held.
func (c *Conn) withdraw(p []byte, units []Unit) int {
	past := 0
	for _, u := range units {
		if u.ID == 0 {
			continue
		}
		if !c.out.holds(u.ID) {
			past = u.End
			continue
		}
		c.out.remove(u.ID)
		(*c.recorder.Load()).Dropped(Out, u.ID)
		if units[len(units)-1].End < len(p) {
			c.out.partial = nil // it stood behind them
		}
	}
	c.changed()
	return past
}

// push writes what was released. One push runs at a time, whoever wrote the
// octets: its Write may long be over.
func (c *Conn) push() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out.passing) > 0 && c.pushErr == nil {
		b := c.out.passing
		c.out.passing = nil
		c.mu.Unlock()
		n, err := c.Conn.Write(b)
		c.counts.out.Add(int64(n))
		if err != nil {
			c.failed(Out, err)
		}
		c.mu.Lock()
		c.pushErr = err
	}
	c.pushing, c.out.passing = false, nil // nothing can follow a write that failed
	c.changed()
}

// flush waits until nothing written is at the valve any more.
func (c *Conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out.partial) > 0 {
		c.out.finish()
		c.changed()
	}
	for {
		switch {
		case c.closed:
			return c.opError("close", net.ErrClosed)
		case c.pushErr != nil, !c.pushing && c.out.size() == 0:
			return nil
		case expired(c.writeDeadline):
			return c.opError("close", os.ErrDeadlineExceeded)
		}
		c.wait(c.writeDeadline)
	}
}

// wait unlocks c.mu until something has changed, or until deadline, if there
// is one.
func (c *Conn) wait(deadline time.Time) {
	if c.wake == nil {
		c.wake = make(chan struct{})
	}
	wake := c.wake
	c.mu.Unlock()
	defer c.mu.Lock()
	if deadline.IsZero() {
		<-wake
		return
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	}
}

// expired reports whether deadline is one and has come. A socket whose deadline
// has come gives nothing, even when there is something.
func expired(deadline time.Time) bool {
	return !deadline.IsZero() && time.Until(deadline) <= 0
}

// opError gives err the form in which the socket would have returned it.
func (c *Conn) opError(op string, err error) error {
	local := c.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: c.RemoteAddr(), Err: err}
}
