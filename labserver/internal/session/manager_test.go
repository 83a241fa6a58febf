package session

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/wire"
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
		s, err := m.New("", outside)
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
	is("a page without a watcher", false, page)
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
	old, err := m.New("", true)
	if err != nil {
		t.Fatal(err)
	}
	heavy(old, limit/4)
	over(old, 0)
	busy, err := m.New("", false)
	if err != nil {
		t.Fatal(err)
	}
	stop := busy.Watch()
	heavy(busy, limit)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
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

// full fills l's manager up with sessions and returns them.
func (l *lab) full() []*Session {
	l.Helper()
	var all []*Session
	for range maxSessions {
		all = append(all, l.session())
	}
	return all
}

// rest makes s as if nothing had happened in it for d.
func rest(s *Session, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now().Add(-d)
}

func TestOneSessionTooManyIsRefusedWhenNoneIsIdle(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.full()
	var command *CommandError
	if _, err := l.manager.New("", false); !errors.As(err, &command) || command.Fix == "" {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheSessionThatIsIdleLongestMakesRoom(t *testing.T) {
	t.Parallel()
	l := start(t)
	all := l.full()
	for i, s := range all {
		rest(s, time.Duration(10+i)*time.Second)
	}
	l.session()
	for i, s := range all {
		if _, ok := l.manager.Get(s.ID); ok == (i == len(all)-1) {
			t.Errorf("session %d of %d: still there is %t", i, len(all), ok)
		}
	}
}

func TestConnectionsFromOutsideLeaveRoomForPages(t *testing.T) {
	t.Parallel()
	l := start(t)
	page := l.session()
	rest(page, idleAfter/2)
	var all []*Session
	for range maxOutside {
		s, err := l.manager.New("", true)
		l.ok(err)
		all = append(all, s)
	}
	if _, err := l.manager.New("", true); err == nil {
		t.Errorf("%d sessions of connections from outside are in use", maxOutside+1)
	}
	if _, ok := l.manager.Get(page.ID); !ok {
		t.Error("a page's session was forgotten, which makes no room for a connection from outside")
	}
	l.session()
	// One that is over makes room at once.
	all[7].mu.Lock()
	all[7].coming = false
	all[7].mu.Unlock()
	if _, err := l.manager.New("", true); err != nil {
		t.Errorf("the session of a connection that is over makes no room: %v", err)
	}
	if _, ok := l.manager.Get(all[7].ID); ok {
		t.Error("another session made room")
	}
}

func TestAConnectionFromOutsideTakesTheRoomOfAPageThatNobodyFollows(t *testing.T) {
	t.Parallel()
	l := start(t)
	all := l.full()
	if _, err := l.manager.New("", true); err == nil {
		t.Error("a page that has had no time to follow its session lost it")
	}
	for i, s := range all {
		rest(s, idleAtLeast+time.Duration(i)*time.Second)
	}
	oldest, watched := all[len(all)-2], all[len(all)-1]
	defer watched.Watch()()
	over, err := l.manager.New("", true)
	l.ok(err)
	if _, ok := l.manager.Get(oldest.ID); ok {
		t.Error("the session that was idle longest is kept")
	}
	// The session of a connection that has ended is removed before any page's session.
	over.mu.Lock()
	over.coming = false
	over.mu.Unlock()
	l.session()
	if _, ok := l.manager.Get(over.ID); ok {
		t.Error("a connection's session is kept after its end, and a page's is forgotten")
	}
	if _, ok := l.manager.Get(watched.ID); !ok {
		t.Error("a session that somebody follows is forgotten")
	}
}

// TestIdleSessionsAreForgottenByATimer lets nothing happen that could make a
// manager look at its sessions.
func TestIdleSessionsAreForgottenByATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(0)
		idle, err := m.New("", false)
		if err != nil {
			t.Fatal(err)
		}
		watched, _ := m.New("", false)
		stop := watched.Watch()
		time.Sleep(idleAfter - sweepEvery)
		if _, ok := m.Get(idle.ID); !ok {
			t.Error("it is forgotten too early")
		}
		time.Sleep(2 * sweepEvery)
		if _, ok := m.Get(idle.ID); ok {
			t.Error("it is kept")
		}
		if _, ok := m.Get(watched.ID); !ok {
			t.Error("a session that somebody follows is forgotten")
		}
		stop()
		time.Sleep(idleAfter + sweepEvery)
		if _, ok := m.Get(watched.ID); ok {
			t.Error("it is kept after its follower has left")
		}
		// And the timer runs again when there is a session again.
		again, _ := m.New("", false)
		again.Watch()()
		time.Sleep(idleAfter + sweepEvery)
		if _, ok := m.Get(again.ID); ok {
			t.Error("the timer has stopped for good")
		}
		last, _ := m.New("", false)
		last.Watch()()
		m.Close(t.Context())
		for _, s := range []*Session{watched, again, last} {
			if s.timer.Stop() {
				t.Error("a timer keeps a session in memory that has ended")
			}
		}
		if m.sweeper.Stop() {
			t.Error("the timer of the manager goes on")
		}
	})
}

func TestASessionWithSomebodyInItIsKept(t *testing.T) {
	t.Parallel()
	l := start(t)
	watched, connected, left := l.session(), l.session(), l.session()
	stop := watched.Watch()
	conn, err := net.Dial("tcp", l.addr)
	l.ok(err)
	c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), connected.target("gorilla", "a"), l.addr, func(string, string, int) {})
	l.ok(err)
	defer c.Close()
	if _, err := c.Status(l.ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Session{watched, connected, left} {
		rest(s, 2*idleAfter)
	}
	l.manager.sweep()
	for what, s := range map[string]*Session{"watched": watched, "connected": connected} {
		if _, ok := l.manager.Get(s.ID); !ok {
			t.Errorf("the session that is %s is forgotten", what)
		}
	}
	if _, ok := l.manager.Get(left.ID); ok {
		t.Error("the empty session is kept")
	}
	stop()
	stop() // once more does nothing
	rest(watched, 2*idleAfter)
	l.manager.sweep()
	if _, ok := l.manager.Get(watched.ID); ok {
		t.Error("the session without a watcher is kept")
	}
}

func TestASessionWhoseClientLeftWithAFrameHeldIsForgottenWhole(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			conn, err := net.Dial("tcp", l.addr)
			l.ok(err)
			c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target(name, "a"), l.addr, func(string, string, int) {})
			l.ok(err)
			_, err = c.Status(l.ctx)
			l.ok(err)
			s.Valve("hold", nil)
			l.ok(c.Frame(wire.Text, []byte("Hello")))
			l.await(s, "the frame waits", held(0, "waiting"))
			l.ok(c.Close())
			l.await(s, "its FIN is seen after the frame", tcp("fin"))
			rest(s, idleAfter/2)
			l.manager.sweep()
			if _, ok := l.manager.Get(s.ID); !ok {
				t.Fatal("a learner may come back to the held frame for a while")
			}
			rest(s, 2*idleAfter)
			l.manager.sweep()
			if _, ok := l.manager.Get(s.ID); ok {
				t.Fatal("the session is kept")
			}
			select {
			case <-s.Over().Done():
			case <-l.ctx.Done():
				t.Fatal("the session does not end")
			}
			l.await(s, "its connection is closed", tcp("closed"))
		})
	}
}

func TestASessionWithARawClientIsForgottenWhole(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	rest(s, 2*idleAfter)
	l.manager.sweep()
	if _, ok := l.manager.Get(s.ID); ok {
		t.Fatal("the session is kept")
	}
	<-s.Over().Done()
	l.await(s, "its connection is closed", tcp("closed"))
}

func TestTheListOfConnectionsHasTheOpenOnesFirst(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for _, c := range []string{"a", "b", "c"} {
		l.open(s, c, "reference")
	}
	l.ok(s.Raw(RawCommand{Do: "close", Client: "b"}, l.addr))
	l.await(s, "b is closed", of("b", s, tcp("closed")))
	var got []string
	for _, c := range l.manager.Connections(every) {
		got = append(got, fmt.Sprintf("%s open=%t", c.Client, c.Open))
	}
	if want := []string{"c open=true", "a open=true", "b open=false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// every session may be listed.
func every(*Session) bool { return true }
