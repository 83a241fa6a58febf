package recording

import (
	"reflect"
	"sync/atomic"
)

// A Pool bounds the memory of several Recordings together. Use NewPool.
type Pool struct {
	limit   int64
	crowded func()
	kept    atomic.Int64
}

// NewPool returns a Pool for at most limit bytes. The bytes are an estimate, too high
// rather than too low. If the pool is full, a Recording drops as much as each new event
// weighs. A Recording always keeps its newest event and the chunks of its list, two at
// most.
//
// From 7/8 of limit on, the Pool calls crowded, so that the owner of the recordings can
// make room where the events are least needed. The Pool may call crowded concurrently.
// crowded must not block and must not use a Recording.
func NewPool(limit int, crowded func()) *Pool {
	return &Pool{limit: int64(limit), crowded: crowded}
}

// Kept returns the weight of all Recordings of p in bytes.
func (p *Pool) Kept() int { return int(p.kept.Load()) }

// Excess returns by how many bytes p exceeds 7/8 of its limit, or 0.
func (p *Pool) Excess() int { return int(max(0, p.kept.Load()-p.enough())) }

func (p *Pool) enough() int64 { return p.limit / 8 * 7 }

var chunkWeight = int(reflect.TypeFor[chunk]().Size())

// kept returns the weight of r in bytes. r.mu is held.
func (r *Recording) kept() int {
	n := len(r.events.chunks)
	if r.events.spare != nil {
		n++
	}
	return r.weight + n*chunkWeight
}

// charge updates the pool with the weight of r. If the pool is full, r drops its oldest
// events until it weighs no more than before. r.mu is held.
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
		r.weight -= r.events.drop()
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

// Shrink drops the oldest events of r until it weighs at least n bytes less, or until
// only the newest event is left. It returns by how many bytes the weight fell.
func (r *Recording) Shrink(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.kept()
	r.events.spare = nil
	for r.events.size > 1 && was-r.kept() < n {
		r.weight -= r.events.drop()
		r.events.spare = nil
	}
	r.charge()
	return was - r.kept()
}

// Leave drops all events of r except the newest and removes r from its Pool. The pool
// does not count later events.
func (r *Recording) Leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.events.size > 1 {
		r.weight -= r.events.drop()
	}
	r.events.spare = nil
	if p := r.limits.Pool; p != nil {
		p.kept.Add(-int64(r.charged))
		r.limits.Pool, r.charged = nil, 0
	}
}
