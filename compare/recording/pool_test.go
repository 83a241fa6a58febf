package recording

import (
	"sync"
	"sync/atomic"
	"testing"
)

// pooled returns n recordings of one pool, and how often it called crowded.
func pooled(limit, n int) (p *Pool, recs []*Recording, crowded *atomic.Int64) {
	crowded = new(atomic.Int64)
	p = NewPool(limit, func() { crowded.Add(1) })
	for range n {
		recs = append(recs, New(nil, Limits{Pool: p}))
	}
	return p, recs, crowded
}

// addsUp checks that p counts the weight of its recordings.
func addsUp(t *testing.T, p *Pool, recs []*Recording) {
	t.Helper()
	sum := 0
	for _, r := range recs {
		sum += r.Kept()
	}
	if sum != p.Kept() {
		t.Errorf("the recordings weigh %d bytes, and their pool counts %d", sum, p.Kept())
	}
}

// some is an event's body that weighs about 1 KiB.
func some() *Bytes { return &Bytes{Size: 1024, Head: make([]byte, 1024)} }

func TestAPoolIsBoundedAndNothingIsDroppedInSilence(t *testing.T) {
	const limit = 4 << 20
	p, recs, crowded := pooled(limit, 3)
	for i := range 20_000 {
		recs[i%3].Append(0, "server", some())
		if p.Kept() > limit {
			t.Fatalf("after %d events the pool has %d bytes", i+1, p.Kept())
		}
		if early := p.Kept() <= limit/8*7; early && crowded.Load() > 0 || !early && crowded.Load() == 0 {
			t.Fatalf("with %d bytes of %d, crowded was called %d times", p.Kept(), limit, crowded.Load())
		}
	}
	addsUp(t, p, recs)
	if p.Kept() < limit/8*7 || p.Excess() == 0 {
		t.Errorf("a full pool has %d bytes and an excess of %d", p.Kept(), p.Excess())
	}
	for _, r := range recs {
		events, gone := r.After(0, 1_000_000)
		if last := r.Last(); gone == 0 || uint64(len(events))+gone != last || events[len(events)-1].Seq != last {
			t.Errorf("of %d events, %d are there and %d are told to be gone", last, len(events), gone)
		}
	}
}

func TestARecordingShrinksFromItsOldestEventOn(t *testing.T) {
	p, recs, _ := pooled(100<<20, 2)
	for range 3000 {
		recs[0].Append(0, "server", some())
		recs[1].Append(0, "server", some())
	}
	before := recs[0].Kept()
	if n := recs[0].Shrink(before / 2); n < before/2 || n > before/2+2*chunkWeight || recs[0].Kept() != before-n {
		t.Errorf("from %d it shrank by %d to %d", before, n, recs[0].Kept())
	}
	if events, gone := recs[0].After(0, 1); gone == 0 || events[0].Seq != gone+1 {
		t.Errorf("%d are gone before %+v", gone, events)
	}
	if _, gone := recs[1].After(0, 1); gone != 0 {
		t.Errorf("the other lost %d events", gone)
	}
	addsUp(t, p, recs)
	recs[0].Shrink(1 << 40)
	if events, gone := recs[0].After(0, 10); len(events) != 1 || gone != 2999 {
		t.Errorf("%d events are left, and %d gone", len(events), gone)
	}
	addsUp(t, p, recs)
	recs[0].Leave()
	if p.Kept() != recs[1].Kept() {
		t.Errorf("after one has left, %d bytes are counted for %d", p.Kept(), recs[1].Kept())
	}
	recs[0].Append(0, "server", some()) // and it still works
	recs[0].Leave()
	recs[1].Leave()
	if p.Kept() != 0 || recs[0].Last() != 3001 {
		t.Errorf("an empty pool has %d bytes", p.Kept())
	}
}

func TestAPoolCountsExactlyWhateverHappensAtOnce(t *testing.T) {
	const limit = 2 << 20
	p, recs, _ := pooled(limit, 8)
	var work sync.WaitGroup
	for i, r := range recs {
		for range 3 {
			work.Go(func() {
				for range 2000 {
					r.Append(0, "server", some())
				}
			})
		}
		work.Go(func() {
			for range 200 {
				recs[(i+3)%len(recs)].Shrink(10_000)
				p.Excess()
			}
		})
	}
	work.Go(func() {
		for range 100 {
			r := New(nil, Limits{Pool: p})
			r.Append(0, "server", some())
			r.Append(0, "server", some())
			r.Leave()
		}
	})
	work.Wait()
	addsUp(t, p, recs)
	if least := len(recs) * (2*chunkWeight + weight(some())); p.Kept() > limit+least {
		t.Errorf("the pool has %d bytes", p.Kept())
	}
	for _, r := range recs {
		r.Leave()
	}
	if p.Kept() != 0 {
		t.Errorf("an empty pool has %d bytes", p.Kept())
	}
}
