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
	maxSessions = 2048             // TestAClassroom has 300 learners in one lab server
	maxOutside  = 1024             // sessions for connections from outside; the limit keeps room for pages during a flood of such connections
	idleAfter   = 15 * time.Minute // an unused session is dropped after this time
	idleAtLeast = 5 * time.Second  // a page's new session is not dropped before this time, because the page will soon follow it
	sweepEvery  = time.Minute      // time between two searches for unused sessions
	endTimeout  = 2 * time.Second  // how long the connections of a dropped session have to close
)

// Manager has all sessions. Its methods may be called concurrently.
type Manager struct {
	dial   dial
	stacks atomic.Int64 // number of sessions that record call stacks

	mu       sync.Mutex
	sessions map[string]*Session
	pool     *recording.Pool
	closed   bool
	sweeper  *time.Timer    // runs while there are sessions; nil before the first session
	ending   sync.WaitGroup // goroutines that end dropped sessions

	relieving atomic.Bool
}

// DefaultMemory is the default limit of all recordings together, in bytes.
const DefaultMemory = 512 << 20

// NewManager returns a Manager without sessions. All recordings together use at most about
// memory bytes. 0 means DefaultMemory.
func NewManager(memory int) *Manager {
	m := &Manager{sessions: map[string]*Session{}, dial: dialTCP}
	m.pool = recording.NewPool(cmp.Or(memory, DefaultMemory), m.crowded)
	return m
}

// NewID returns an ID of 130 random bits. If route is not empty, the ID begins with route
// and a dot.
func NewID(route string) string {
	if route != "" {
		route += "."
	}
	return route + rand.Text()
}

// New begins a session. For route see NewID. If outside is true, the caller must then call
// the session's Serve, and the session is in use until Serve returns.
//
// At the limit, New drops an idle session: those of connections from outside first, then
// those of pages, and of each kind the one that has been idle longest. If no session is
// idle, New returns an error.
func (m *Manager) New(route string, outside bool) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &CommandError{"The lab server is shutting down.", "Start it again with go run ./labserver."}
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
			return nil, &CommandError{"The lab server has its limit of sessions, and all of them are in use.", "Close some tabs of the lab, or programs that are connected to it. Then try again."}
		}
		m.forget(s)
	}
	s := newSession(NewID(route), outside, m.dial, m.pool, &m.stacks)
	m.sessions[s.ID] = s
	if m.sweeper == nil {
		m.sweeper = time.AfterFunc(sweepEvery, m.sweep)
	} else if len(m.sessions) == 1 {
		m.sweeper.Reset(sweepEvery)
	}
	return s, nil
}

// leastUsed returns the session that New would drop first at the time now, nil if all are
// in use. The caller holds m.mu.
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

// sweep drops the sessions that have been idle for idleAfter.
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

// crowded runs relieve in the background, at most one at a time. The caller holds the
// locks of a recording, so crowded must not wait for the lock of m.
func (m *Manager) crowded() {
	if m.relieving.CompareAndSwap(false, true) {
		go func() {
			defer m.relieving.Store(false)
			m.relieve(time.Now())
		}()
	}
}

// relieve frees memory. It first drops idle sessions, and then the oldest events of the
// largest recording.
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
		// Free memory in parts, because the next part may be of another recording.
		if heaviest == nil || heaviest.Rec.Shrink(min(m.pool.Excess(), most/8+1)) <= 0 {
			return
		}
	}
}

// forget drops s, and ends it in the background. The caller holds m.mu.
func (m *Manager) forget(s *Session) {
	delete(m.sessions, s.ID)
	s.Rec.Leave()
	m.ending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		s.close(ctx, "the session has ended")
	})
}

// Stacks reports whether a session records call stacks.
func (m *Manager) Stacks() bool { return m.stacks.Load() > 0 }

// Get returns the session called id, and whether it exists.
func (m *Manager) Get(id string) (*Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[id]
	return s, ok
}

// Listed is a connection in the list of connections.
type Listed struct {
	recording.Summary
	Session string `json:"session"`
	Outside bool   `json:"outside"`
	Since   int64  `json:"since"` // µs ago
}

// maxListed limits the list of connections.
const maxListed = 200

// Connections returns the connections of the sessions for which may is true: open ones
// first, and newer ones first among them.
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

// Close ends all sessions and closes every WebSocket with 1001. It aborts the connections
// that are open when ctx ends.
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
