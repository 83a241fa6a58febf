package session

import (
	"testing"
	"time"

	"wslab/compare/recording"
)

// heavy makes the recording of s weigh about n bytes more.
func heavy(s *Session, n int) {
	for ; n > 0; n -= 4000 {
		s.Rec.Append(0, "server", &recording.Bytes{Size: 4000, Head: make([]byte, 4000)})
	}
}

// over makes s the session of a connection from outside that was closed age ago.
func over(s *Session, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming = false
	s.used = time.Now().Add(-age)
}

// TestMemoryIsMadeWhereItIsMissedLeast lets a manager make room step by step.
func TestMemoryIsMadeWhereItIsMissedLeast(t *testing.T) {
	const mib = 1 << 20
	m := NewManager(16 * mib) // crowded from 14 MiB on
	defer m.Close(t.Context())
	m.relieving.Store(true) // it makes room when this test says so
	begin := func(outside bool, n int) *Session {
		s, err := m.New(outside)
		if err != nil {
			t.Fatal(err)
		}
		heavy(s, n)
		return s
	}
	is := func(when string, want bool, all ...*Session) {
		t.Helper()
		for i, s := range all {
			if _, ok := m.Get(s.ID); ok != want {
				t.Errorf("%s: session %d is there: %t", when, i, ok)
			}
		}
	}
	gone := func(s *Session) uint64 {
		_, gone := s.Rec.After(0, 1)
		return gone
	}
	first, second := begin(true, 2*mib), begin(true, 2*mib)
	over(first, 2*time.Second)
	over(second, time.Second)
	page := begin(false, 2*mib)
	rest(page, time.Hour/10)
	fresh := begin(false, mib)
	light, largest := begin(false, 2*mib), begin(false, 2*mib)
	defer light.Watch()()
	defer largest.Watch()()
	connected := begin(true, mib)

	m.relieve(time.Now())
	is("while there is room", true, first, second, page, fresh, light, largest, connected)

	heavy(largest, 5*mib/2)
	m.relieve(time.Now())
	is("of two that are over", false, first)
	is("one that is over is enough", true, second, page, fresh, light, largest, connected)

	heavy(light, 2*mib)
	m.relieve(time.Now())
	is("the next", false, second)
	is("the next", true, page, fresh, light, largest, connected)

	heavy(light, 3*mib/2)
	m.relieve(time.Now())
	is("a page that nobody follows", false, page)
	is("the others", true, fresh, light, largest, connected)
	if gone(light)+gone(largest)+gone(connected)+gone(fresh) > 0 {
		t.Error("events are dropped while a recording is left that is over")
	}

	heavy(connected, 2*mib)
	m.relieve(time.Now())
	is("those in use", true, fresh, light, largest, connected)
	if gone(light)+gone(largest) == 0 || gone(connected)+gone(fresh) > 0 || m.pool.Excess() > 0 {
		t.Errorf("of the largest, %d and %d events are dropped, and of others %d and %d; %d bytes too many are left", gone(light), gone(largest), gone(connected), gone(fresh), m.pool.Excess())
	}
	weighs := 0
	for _, s := range []*Session{fresh, light, largest, connected} {
		weighs += s.Rec.Kept()
	}
	if weighs != m.pool.Kept() {
		t.Errorf("the sessions weigh %d bytes, and the manager counts %d", weighs, m.pool.Kept())
	}
}

func TestAManagerMakesRoomByItselfAndCountsWhatIsForgotten(t *testing.T) {
	const limit = 16 << 20
	m := NewManager(limit)
	old, err := m.New(true)
	if err != nil {
		t.Fatal(err)
	}
	heavy(old, limit/4)
	over(old, 0)
	busy, err := m.New(false)
	if err != nil {
		t.Fatal(err)
	}
	stop := busy.Watch()
	heavy(busy, limit)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, ok := m.Get(old.ID); !ok && m.pool.Excess() == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of %d are kept", m.pool.Kept(), limit)
		}
	}
	stop()
	rest(busy, idleAfter)
	m.sweep()
	if n := m.pool.Kept(); n != 0 {
		t.Errorf("without a session, %d bytes are counted", n)
	}
	m.Close(t.Context())
}
