package tap

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// queue holds the bytes of one direction that are at the valve.
type queue struct {
	passing []unit // released, on their way; ID 0: bytes of no unit
	waiting []unit
	partial []byte   // of a unit that is not finished
	fins    []uint64 // IDs of FINs behind all of this: at most that of CloseWrite and that of Close
}

type unit struct {
	id    uint64
	bytes []byte
}

// add puts b, which completes units, behind the valve.
func (q *queue) add(b []byte, units []Unit) {
	start := 0
	for _, u := range units {
		data := append(q.partial, b[start:u.End]...)
		q.partial, start = nil, u.End
		if u.ID == 0 {
			q.goAlong(data)
			continue
		}
		q.waiting = append(q.waiting, unit{u.ID, data})
	}
	q.partial = append(q.partial, b[start:]...)
}

// goAlong puts bytes that are no unit behind the unit before them; where none
// waits, they pass.
func (q *queue) goAlong(data []byte) {
	if len(q.waiting) == 0 {
		if len(data) > 0 {
			q.passing = append(q.passing, unit{0, data})
		}
		return
	}
	u := &q.waiting[len(q.waiting)-1]
	u.bytes = append(u.bytes, data...)
}

// finish tells that the unfinished unit will stay so: its bytes can wait for
// nothing more.
func (q *queue) finish() {
	q.goAlong(q.partial)
	q.partial = nil
}

// pass releases the oldest unit.
func (q *queue) pass() uint64 {
	u := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.passing = append(q.passing, u)
	return u.id
}

// size returns the bytes in q.
func (q *queue) size() int {
	n := len(q.partial)
	for _, us := range [][]unit{q.passing, q.waiting} {
		for _, u := range us {
			n += len(u.bytes)
		}
	}
	return n
}

// read moves what passes to p.
func (q *queue) read(p []byte) (n int) {
	for n < len(p) && len(q.passing) > 0 {
		u := &q.passing[0]
		m := copy(p[n:], u.bytes)
		n += m
		if u.bytes = u.bytes[m:]; len(u.bytes) == 0 {
			q.passing = q.passing[1:]
		}
	}
	return n
}

// Held is a unit that waits.
type Held struct {
	Direction Direction
	ID        uint64
}

// Hold shuts the valve: what reaches it from now on waits, and c's Clock stands
// still.
func (c *Conn) Hold() {
	c.hold.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recorder.Load() == nil || c.silent.Load() || c.closed {
		return
	}
	c.clock.Stop()
	c.arm()
	// A Read that is in the kernel already reports the peer's FIN by itself; it has
	// set reading before it looked at hold.
	if !c.counts.reading.Load() {
		c.startPump()
	}
	c.changed()
}

// Holding reports whether the valve is shut.
func (c *Conn) Holding() bool { return c.hold.Load() }

// Run opens the valve and lets go all that waits. It returns the units' IDs.
func (c *Conn) Run() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold.Store(false)
	c.clock.Start()
	var ids []uint64
	for _, d := range []Direction{In, Out} {
		q := c.queue(d)
		for len(q.waiting) > 0 {
			ids = append(ids, c.release(d))
		}
		q.finish()
	}
	if !c.closed {
		c.arm()
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

// finWaits tells that the FIN called id waits behind the units of direction d, if
// any does. c.mu is held.
func (c *Conn) finWaits(r Recorder, d Direction, id uint64) {
	if q := c.queue(d); len(q.waiting) > 0 {
		q.fins = append(q.fins, id)
		r.Waits(d, id)
	}
}

// drained reports whether all that was written has been given to the socket, or
// was dropped. c.mu is held.
func (c *Conn) drained() bool { return !c.pushing && c.out.size() == 0 }

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
	if len(c.out.passing) > 0 && !c.pushing && c.pushErr == nil {
		c.pushing = true
		go c.push()
	}
	if len(c.in.waiting) == 0 {
		c.releaseFINs(In)
	}
	if c.drained() && !c.lost() {
		c.releaseFINs(Out)
		if c.half && !c.closed {
			_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() // it fails where the peer has reset
		}
		c.half = false
	}
	c.busy.Store(c.pumping || c.pumpErr != nil || c.pushing || c.in.size() > 0 || c.out.size() > 0)
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
	c.tell()
}

// releaseFINs tells that FINs of d follow what waited in front of them. c.mu is
// held.
func (c *Conn) releaseFINs(d Direction) {
	q := c.queue(d)
	for _, id := range q.fins {
		(*c.recorder.Load()).Released(d, id)
	}
	q.fins = nil
}

// enqueue puts bytes behind the valve, or in front of it when it has been
// opened since. c.mu is held.
func (c *Conn) enqueue(r Recorder, d Direction, b []byte, units []Unit) {
	q := c.queue(d)
	q.add(b, units)
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

// arm gives the socket the endpoint's deadlines, as they are now. c.mu is held.
func (c *Conn) arm() {
	if !c.pumping {
		c.Conn.SetReadDeadline(c.clock.real(c.readDeadline))
	}
	if !c.pushing {
		c.Conn.SetWriteDeadline(c.clock.real(c.writeDeadline))
	}
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
		c.mu.Lock()
		c.resets = c.resets || !waits && !c.lingers.Load() // it has read what Close leaves unread
		for err == nil && c.in.size() >= maxQueue && !c.closed {
			c.wait(time.Time{})
		}
		lingers := c.closed && c.lingers.Load()
		if err != nil || !lingers && (c.closed || !c.hold.Load()) {
			c.pumping, c.pumpErr = false, err
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.pumpErr = nil // of lose: the endpoint may set another
			}
			if err != nil {
				c.in.finish()
			}
			c.arm()
			c.changed()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// awaitRoom waits until the valve can take what the endpoint writes. It returns
// an error where nothing can be written any more, or the deadline has come.
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

// take puts p behind the valve. It reports false, and has recorded nothing, where
// p goes to the socket at once, or where the socket is closed or has failed, so
// that it can say so itself.
func (c *Conn) take(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.recorder.Load()
	if r == nil || !c.queued() || c.silent.Load() || c.closing || c.pushErr != nil || len(p) == 0 {
		return false
	}
	c.enqueue(*r, Out, p, (*r).Bytes(Out, p))
	return true
}

// push writes what was released. One push runs at a time, whoever wrote the
// bytes: its Write is long over, and so is its deadline.
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
		c.dropAll(Out) // nothing can follow a write that failed
	}
	c.arm()
	c.changed()
}

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

// wait unlocks c.mu until something has changed, or until c's clock shows
// deadline, if there is one.
func (c *Conn) wait(deadline time.Time) { c.waitReal(c.clock.real(deadline)) }

// waitReal is wait with a deadline in real time.
func (c *Conn) waitReal(deadline time.Time) {
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
