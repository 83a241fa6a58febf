package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"wslab/compare/recording"
)

// Limits of the program.
const (
	maxSessions = 64
	maxOutside  = 48               // of them opened by connections from outside, so that a flood of those leaves room for pages
	idleAfter   = 15 * time.Minute // a session is forgotten
	idleAtLeast = 5 * time.Second  // one may be forgotten to make room
	endTimeout  = 2 * time.Second  // for what is left in a session that is forgotten
)

// Manager keeps all sessions. Its methods may be called concurrently.
type Manager struct {
	dial dial

	mu       sync.Mutex
	sessions map[string]*Session
	closed   bool
	ending   sync.WaitGroup // sessions that are forgotten
}

// NewManager returns a Manager without sessions.
func NewManager() *Manager {
	return &Manager{sessions: map[string]*Session{}, dial: dialTCP}
}

// New begins a session. When there are as many as there may be, the one that
// is idle longest makes room, but no page's for a connection from outside; when
// none can, the error says so.
func (m *Manager) New(outside bool) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &CommandError{"The lab server is shutting down.", "Start it again."}
	}
	now := time.Now()
	var oldest *Session
	least := now.Add(-idleAtLeast)
	outsiders := 0
	for _, s := range m.sessions {
		switch since, ok := s.idle(); {
		case ok && since.Before(now.Add(-idleAfter)):
			m.forget(s)
			continue
		case ok && since.Before(least) && (s.Outside || !outside):
			oldest, least = s, since
		}
		if s.Outside {
			outsiders++
		}
	}
	full := func() bool { return len(m.sessions) >= maxSessions || outside && outsiders >= maxOutside }
	if full() && oldest != nil {
		m.forget(oldest)
		outsiders--
	}
	if full() {
		return nil, &CommandError{"There are too many sessions at once.", "Close some tabs of the lab, or end what is connected to it, and try again."}
	}
	s := newSession(rand.Text(), outside, m.dial)
	m.sessions[s.ID] = s
	return s, nil
}

// forget ends s in the background. m.mu is held.
func (m *Manager) forget(s *Session) {
	delete(m.sessions, s.ID)
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

// Connections returns the connections of all sessions, open ones first, the
// newest first among them.
func (m *Manager) Connections() []Listed {
	m.mu.Lock()
	sessions := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		sessions = append(sessions, s)
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
