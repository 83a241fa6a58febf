package tap

// maxQueue is about how many bytes the valve holds in one direction. Further bytes stay
// in the kernel, or the endpoint's Write waits. If a unit is longer, the valve holds only
// its end.
const maxQueue = 1 << 20

// queue has the bytes of one direction that are at the valve.
type queue struct {
	passing []unit   // released and not yet passed on; ID 0: bytes of no unit
	waiting []unit   // held
	partial []byte   // of a unit that is not complete
	end     int64    // offset after the last byte of partial
	fins    []uint64 // IDs of held FINs, after all units: at most one of CloseWrite and one of Close
}

// unit is a Unit with its bytes.
type unit struct {
	id    uint64
	bytes []byte
	at    int64 // offset of the first of bytes in its direction
}

// add appends b, which begins at offset at and completes units.
func (q *queue) add(b []byte, at int64, units []Unit) {
	start := 0
	for _, u := range units {
		begins := at + int64(start-len(q.partial))
		data := append(q.partial, b[start:u.End]...)
		q.partial, start = nil, u.End
		if u.ID == 0 {
			q.goAlong(data, begins)
			continue
		}
		q.waiting = append(q.waiting, unit{u.ID, data, begins})
	}
	q.partial = append(q.partial, b[start:]...)
	q.end = at + int64(len(b))
}

// goAlong appends bytes that belong to no unit to the last held unit. If no unit is held,
// the bytes pass. at is the offset of data.
func (q *queue) goAlong(data []byte, at int64) {
	if len(q.waiting) == 0 {
		if len(data) > 0 {
			q.passing = append(q.passing, unit{0, data, at})
		}
		return
	}
	u := &q.waiting[len(q.waiting)-1]
	u.bytes = append(u.bytes, data...)
}

// finish passes on the bytes of the incomplete unit, without waiting for its end.
func (q *queue) finish() {
	q.goAlong(q.partial, q.end-int64(len(q.partial)))
	q.partial = nil
}

// pass releases the first unit and returns its ID.
func (q *queue) pass() uint64 {
	u := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.passing = append(q.passing, u)
	return u.id
}

// size returns how many bytes q has.
func (q *queue) size() int {
	n := len(q.partial)
	for _, us := range [][]unit{q.passing, q.waiting} {
		for _, u := range us {
			n += len(u.bytes)
		}
	}
	return n
}

// read moves released bytes to p. It returns how many, and the offset of the first. It
// stops where a unit was dropped.
func (q *queue) read(p []byte) (n int, at int64) {
	for n < len(p) && len(q.passing) > 0 {
		u := &q.passing[0]
		if n == 0 {
			at = u.at
		} else if u.at != at+int64(n) {
			break
		}
		m := copy(p[n:], u.bytes)
		n += m
		u.at += int64(m)
		if u.bytes = u.bytes[m:]; len(u.bytes) == 0 {
			q.passing = q.passing[1:]
		}
	}
	return n, at
}

func (c *Conn) queue(d Direction) *queue {
	if d == In {
		return &c.in
	}
	return &c.out
}

// split returns the units that b completes, and one with ID 0 for the bytes after
// them.
func split(b []byte, ends []Unit) []unit {
	var us []unit
	start := 0
	for _, u := range ends {
		us = append(us, unit{id: u.ID, bytes: b[start:u.End]})
		start = u.End
	}
	if start < len(b) {
		us = append(us, unit{bytes: b[start:]})
	}
	return us
}

// uncrossed reports to r the units of us that end after the first n bytes.
func uncrossed(r Recorder, d Direction, us []unit, n int, err error) {
	for _, u := range us {
		if len(u.bytes) > n {
			r.Uncrossed(d, u.id, len(u.bytes)-max(n, 0), err)
		}
		n -= len(u.bytes)
	}
}
