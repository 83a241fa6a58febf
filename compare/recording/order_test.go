package recording

import (
	"testing"
	"time"
)

// The clock is read before the lock is held, so an event may be added after one that
// read the clock later.
func TestNoEventIsEarlierThanTheOneBeforeIt(t *testing.T) {
	now := time.Unix(0, 0)
	r := New(func() time.Time { return now }, Limits{})
	now = now.Add(time.Second)
	first := r.Report(r.Now(), &Script{Client: "raw-1", What: "dial"})
	r.mu.Lock()
	second := r.append(r.Now()-time.Millisecond, 0, "server", &TCP{What: "open", Info: &Info{}})
	r.mu.Unlock()
	a, _ := r.Event(first)
	b, _ := r.Event(second)
	if a.At != time.Second || b.At < a.At {
		t.Errorf("the report is at %v, and what follows at %v", a.At, b.At)
	}
}
