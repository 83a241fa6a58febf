package recording

import (
	"reflect"
	"sync/atomic"
)

// A Pool bounds what several Recordings keep together. Use NewPool.
type Pool struct {
	limit   int64
	crowded func()
	kept    atomic.Int64
}

// NewPool returns a Pool for at most limit bytes, counted roughly and rather too high
// than too low. A Recording of a full pool drops as much as each new event weighs. Its
// newest event stays, and the room that a list needs for any: two chunks at most.
//
// Before that, from 7/8 of limit on, crowded is called, so that the owner of the
// recordings can make room where it is missed least. crowded may be called
// concurrently and must neither block nor use a Recording.
func NewPool(limit int, crowded func()) *Pool {
	return &Pool{limit: int64(limit), crowded: crowded}
}

// Kept returns the weight of all Recordings of p in bytes.
func (p *Pool) Kept() int { return int(p.kept.Load()) }

// Excess returns by how many bytes p is crowded, 0 when it is not.
func (p *Pool) Excess() int { return int(max(0, p.kept.Load()-p.enough())) }

func (p *Pool) enough() int64 { return p.limit / 8 * 7 }

var chunkWeight = int(reflect.TypeFor[chunk]().Size())

// kept returns what r weighs. r.mu is held.
func (r *Recording) kept() int {
	n := len(r.events.chunks)
	if r.events.spare != nil {
		n++
	}
	return r.bytes + n*chunkWeight
}

// charge tells the pool of r what r weighs now. While the pool is full, r drops its
// oldest events until it weighs no more than before. r.mu is held.
func (r *Recording) charge() {
	p := r.limits.Pool
	if p == nil {
		return
	}
	before := r.charged
	r.charged = r.kept()
	total := p.kept.Add(int64(r.charged - before))
	for total > p.limit && r.charged > before && r.events.size > 1 {
		was := r.charged
		r.bytes -= r.events.drop()
		r.charged = r.kept()
		total = p.kept.Add(int64(r.charged - was))
	}
	if total > p.enough() {
		p.crowded()
	}
}

// Kept returns the weight of r in bytes, counted as for its Pool.
func (r *Recording) Kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept()
}

// Shrink drops the oldest events of r until it weighs at least n bytes less, or only
// its newest event is left. It returns how much less r weighs.
func (r *Recording) Shrink(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.kept()
	r.events.spare = nil
	for r.events.size > 1 && was-r.kept() < n {
		r.bytes -= r.events.drop()
		r.events.spare = nil
	}
	r.charge()
	return was - r.kept()
}

// Leave drops the events of r but the newest and takes r out of its Pool. Events that
// are added later count no more.
func (r *Recording) Leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.events.size > 1 {
		r.bytes -= r.events.drop()
	}
	r.events.spare = nil
	if p := r.limits.Pool; p != nil {
		p.kept.Add(-int64(r.charged))
		r.limits.Pool, r.charged = nil, 0
	}
}
