package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wslab/compare/recording"
)

// Limits of the program.
const (
	maxSessions = 2048             // TestAClassroom of package web has 300 learners in one program
	maxOutside  = 1024             // of them opened by connections from outside, so that a flood of those leaves room for pages
	idleAfter   = 15 * time.Minute // a session is forgotten
	idleAtLeast = 5 * time.Second  // a page's session may be forgotten to make room: the page has had time to follow it
	sweepEvery  = time.Minute      // between two looks for sessions to forget
	endTimeout  = 2 * time.Second  // for what is left in a session that is forgotten
)

// Manager keeps all sessions. Its methods may be called concurrently.
type Manager struct {
	dial dial

	mu       sync.Mutex
	sessions map[string]*Session
	pool     *recording.Pool
	closed   bool
	sweeper  *time.Timer    // runs while there are sessions; nil before the first
	ending   sync.WaitGroup // sessions that are forgotten

	relieving atomic.Bool
}

// DefaultMemory is the bound of all recordings together, in bytes.
const DefaultMemory = 512 << 20

// NewManager returns a Manager without sessions, whose recordings together weigh at
// most about memory bytes; 0 means DefaultMemory.
func NewManager(memory int) *Manager {
	m := &Manager{sessions: map[string]*Session{}, dial: dialTCP}
	m.pool = recording.NewPool(cmp.Or(memory, DefaultMemory), m.crowded)
	return m
}

// NewID returns an ID of 130 random bits. It begins with route and a dot where route
// is not empty.
func NewID(route string) string {
	if route != "" {
		route += "."
	}
	return route + rand.Text()
}

// New begins a session, whose ID begins with route as NewID says. A session of a connection from outside counts as in use
// until its Serve returns, which must follow.
//
// When there are as many as there may be, an idle one makes room: first those of
// connections from outside, which are of no use after their end, then those of pages,
// and of each kind the one that is idle longest. When none is idle, the error says so.
func (m *Manager) New(route string, outside bool) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &CommandError{"The lab server is shutting down.", "Start it again."}
	}
	outsiders := 0
	for _, s := range m.sessions {
		if s.Outside {
			outsiders++
		}
	}
	if tooMany := outside && outsiders >= maxOutside; tooMany || len(m.sessions) >= maxSessions {
		s := m.leastUsed(time.Now(), tooMany)
		if s == nil {
			return nil, &CommandError{"There are too many sessions at once.", "Close some tabs of the lab, or end what is connected to it, and try again."}
		}
		m.forget(s)
	}
	s := newSession(NewID(route), outside, m.dial, m.pool)
	m.sessions[s.ID] = s
	if m.sweeper == nil {
		m.sweeper = time.AfterFunc(sweepEvery, m.sweep)
	} else if len(m.sessions) == 1 {
		m.sweeper.Reset(sweepEvery)
	}
	return s, nil
}

// leastUsed returns the session that can be spared most easily at the time now, or
// nil when each is in use. m.mu is held.
func (m *Manager) leastUsed(now time.Time, outside bool) *Session {
	var least *Session
	var leastSince time.Time
	for _, s := range m.sessions {
		since, ok := s.idle()
		if !ok || !s.Outside && (outside || now.Sub(since) < idleAtLeast) {
			continue
		}
		if least == nil || s.Outside && !least.Outside || s.Outside == least.Outside && since.Before(leastSince) {
			least, leastSince = s, since
		}
	}
	return least
}

// sweep forgets the sessions that have been idle for idleAfter.
func (m *Manager) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	for _, s := range m.sessions {
		if since, ok := s.idle(); ok && time.Since(since) >= idleAfter {
			m.forget(s)
		}
	}
	if len(m.sessions) > 0 {
		m.sweeper.Reset(sweepEvery)
	}
}

// crowded has relieve run, once at a time. Its caller holds the locks of a recording,
// and so must not wait for relieve's.
func (m *Manager) crowded() {
	if m.relieving.CompareAndSwap(false, true) {
		go func() {
			defer m.relieving.Store(false)
			m.relieve(time.Now())
		}()
	}
}

// relieve makes room for recordings. Those that are over and that nobody follows go
// first, and then the heaviest loses its oldest events.
func (m *Manager) relieve(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.pool.Excess() > 0 {
		if s := m.leastUsed(now, false); s != nil {
			m.forget(s)
			continue
		}
		var heaviest *Session
		most := 0
		for _, s := range m.sessions {
			if n := s.Rec.Kept(); n > most {
				heaviest, most = s, n
			}
		}
		// A part at a time: after it, another may be the heaviest.
		if heaviest == nil || heaviest.Rec.Shrink(min(m.pool.Excess(), most/8+1)) <= 0 {
			return
		}
	}
}

// forget ends s in the background. m.mu is held.
func (m *Manager) forget(s *Session) {
	delete(m.sessions, s.ID)
	s.Rec.Leave()
	m.ending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		s.close(ctx, "the session has ended")
	})
}

// Get returns the session called id, or false.
func (m *Manager) Get(id string) (*Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[id]
	return s, ok
}

// Listed is a connection in the list of all.
type Listed struct {
	recording.Summary
	Session string `json:"session"`
	Outside bool   `json:"outside"`
	Since   int64  `json:"since"` // µs ago
}

// maxListed bounds the list of connections.
const maxListed = 200

// Connections returns the connections of the sessions that may be listed, open ones
// first, the newest first among them.
func (m *Manager) Connections(may func(*Session) bool) []Listed {
	m.mu.Lock()
	sessions := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		if may(s) {
			sessions = append(sessions, s)
		}
	}
	m.mu.Unlock()
	list := []Listed{}
	for _, s := range sessions {
		for _, c := range s.Rec.Connections() {
			sum := c.Summary()
			list = append(list, Listed{sum, s.ID, s.Outside, sum.Since.Microseconds()})
		}
	}
	slices.SortFunc(list, func(a, b Listed) int {
		if a.Open != b.Open {
			if a.Open {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Since, b.Since)
	})
	return list[:min(len(list), maxListed)]
}

// Close ends all sessions, closing every WebSocket with 1001; what has not
// ended when ctx does is cut off.
func (m *Manager) Close(ctx context.Context) {
	m.mu.Lock()
	m.closed = true
	if m.sweeper != nil {
		m.sweeper.Stop()
	}
	sessions := m.sessions
	m.sessions = map[string]*Session{}
	m.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() { s.close(ctx, "the lab server is shutting down") })
	}
	wg.Wait()
	m.ending.Wait()
}
