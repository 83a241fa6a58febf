package tap

// Held is a unit that the valve holds.
type Held struct {
	Direction Direction
	ID        uint64
}

// Hold shuts the valve: it holds everything that reaches it from now on, and c's
// Clock stops.
func (c *Conn) Hold() {
	c.hold.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recorder.Load() == nil || c.silent.Load() || c.closed {
		return
	}
	c.clock.Stop()
	c.arm()
	// A Read that is in the kernel already reports the peer's FIN itself. It set
	// reading before it checked hold.
	if !c.counts.reading.Load() {
		c.startPump()
	}
	c.changed()
}

// Holding reports whether the valve is shut.
func (c *Conn) Holding() bool { return c.hold.Load() }

// Run opens the valve and releases everything that it holds. It returns the IDs of
// the units.
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

// Waiting returns the held units, the oldest of each direction first.
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

// ReleaseOldest releases the unit that has waited longest in one of the directions ds, or
// in both if ds is empty. It returns the unit's ID, or false if no unit waits. A Recorder
// numbers units in the order in which they reach the valve.
func (c *Conn) ReleaseOldest(ds ...Direction) (id uint64, ok bool) {
	return c.settleOldest(ds, c.release)
}

// DropOldest drops the unit that ReleaseOldest would release, as if the network had
// lost it. Its sender believes that the unit was sent.
func (c *Conn) DropOldest(ds ...Direction) (id uint64, ok bool) {
	return c.settleOldest(ds, c.dropFirst)
}

// settleOldest calls settle, with c.mu held, for the direction whose first unit has
// waited longest.
func (c *Conn) settleOldest(ds []Direction, settle func(Direction) uint64) (id uint64, ok bool) {
	if len(ds) == 0 {
		ds = []Direction{In, Out}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var oldest Direction
	for _, d := range ds {
		if q := c.queue(d); len(q.waiting) > 0 && (!ok || q.waiting[0].id < id) {
			oldest, id, ok = d, q.waiting[0].id, true
		}
	}
	if ok {
		settle(oldest)
		c.changed()
	}
	return id, ok
}

// dropFirst drops the first unit of d and records it. c.mu is held.
func (c *Conn) dropFirst(d Direction) uint64 {
	q := c.queue(d)
	id := q.waiting[0].id
	q.waiting = q.waiting[1:]
	(*c.recorder.Load()).Dropped(d, id)
	return id
}

// release releases the first unit of d and records that. c.mu is held.
func (c *Conn) release(d Direction) uint64 {
	id := c.queue(d).pass()
	(*c.recorder.Load()).Released(d, id)
	return id
}

// finWaits records that the FIN called id is held after the units of direction d, if
// the valve holds any. c.mu is held.
func (c *Conn) finWaits(r Recorder, d Direction, id uint64) {
	if q := c.queue(d); len(q.waiting) > 0 {
		q.fins = append(q.fins, id)
		r.Waits(d, id)
	}
}

// releaseFINs records that the held FINs of d are released, because no held unit is
// left before them. c.mu is held.
func (c *Conn) releaseFINs(d Direction) {
	q := c.queue(d)
	for _, id := range q.fins {
		(*c.recorder.Load()).Released(d, id)
	}
	q.fins = nil
}

// enqueue puts b into the queue. If the valve was opened meanwhile, it releases b.
// c.mu is held.
func (c *Conn) enqueue(r Recorder, d Direction, b []byte, units []Unit) {
	q := c.queue(d)
	q.add(b, c.recorded[d]-int64(len(b)), units)
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

// changed must be called when fields below c.mu have changed. It starts the work that is
// now possible, and wakes all waiters. c.mu is held.
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
			_ = c.Conn.(halfCloser).CloseWrite() // it fails if the peer has reset the connection
		}
		c.half = false
	}
	busy := c.pumping || c.pumpErr != nil || c.pushing || c.out.size() > 0
	left := c.in.size() > 0
	c.busy.Store(busy || left)
	c.busyOut.Store(busy || left && c.sip.Load() == 0)
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
	c.tell()
}
