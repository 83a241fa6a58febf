package tap

// maxQueue is about the most bytes that wait in one direction. What is beyond
// it stays in the kernel, or in the endpoint's Write. Of a unit longer than that
// only the end can wait.
const maxQueue = 1 << 20

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

func (c *Conn) queue(d Direction) *queue {
	if d == In {
		return &c.in
	}
	return &c.out
}

// split returns the units that b completes, and one with ID 0 for bytes that are
// left over.
func split(b []byte, ends []Unit) []unit {
	var us []unit
	start := 0
	for _, u := range ends {
		us = append(us, unit{u.ID, b[start:u.End]})
		start = u.End
	}
	if start < len(b) {
		us = append(us, unit{0, b[start:]})
	}
	return us
}

// uncrossed tells r of those of us that are not among their first n bytes.
func uncrossed(r Recorder, d Direction, us []unit, n int, err error) {
	for _, u := range us {
		if len(u.bytes) > n {
			r.Uncrossed(d, u.id, len(u.bytes)-max(n, 0), err)
		}
		n -= len(u.bytes)
	}
}
