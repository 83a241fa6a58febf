package session

import (
	"fmt"
	"slices"
	"time"
)

// letGoAfter is how long frames stay held after the page has left. A page that is reloaded,
// or hidden for a while, finds the frames still held. A browser does not wait this long
// after its FIN.
const letGoAfter = 2 * time.Minute

// letGo releases frames that would otherwise stay held. Without a watcher, it releases the
// connections that the client has left and, in a session from outside, all connections.
func (s *Session) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers > 0 || s.ctx.Err() != nil {
		return
	}
	s.hold = s.hold && !s.Outside
	for _, l := range s.live {
		if l.left || s.Outside {
			s.release(l)
		}
	}
	s.setClock()
}

// setClock stops the session's clock while the learner holds a connection. The caller
// holds s.mu.
func (s *Session) setClock() {
	if s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.held }) {
		s.clock.Stop()
	} else {
		s.clock.Start()
	}
}

// Valve does "hold", "run", "step" or "drop" on the connections of the given clients, or on
// all if there are none. It returns the seqs of the units that it released or dropped.
// "step" and "drop" affect the oldest held unit of each connection. "hold" and "run"
// without clients also apply to new connections.
func (s *Session) Valve(do string, clients []string) ([]uint64, error) {
	if err := checkClients(clients); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lives := s.named(clients)
	var ids []uint64
	one := func(id uint64, ok bool) {
		if ok {
			ids = append(ids, id)
		}
	}
	for _, l := range lives {
		switch do {
		case "hold":
			l.conn.Hold()
			l.held = true
			if l.left {
				s.releaseLater(l)
			}
		case "run":
			ids = append(ids, l.conn.Run()...)
			l.held = false
		case "step":
			one(l.conn.ReleaseOldest())
		case "drop":
			one(l.conn.DropOldest())
		}
	}
	switch {
	case !slices.Contains([]string{"hold", "run", "step", "drop"}, do):
		return nil, &CommandError{fmt.Sprintf("%.40q is not a command for held frames.", do), `Use "hold", "run", "step", "drop", "stack" or "sip".`}
	case len(clients) == 0 && (do == "hold" || do == "run"):
		s.hold = do == "hold"
	}
	s.setClock()
	return ids, nil
}

// checkClients returns an error if a request names too many clients.
func checkClients(clients []string) error {
	if len(clients) > maxConnections {
		return &CommandError{fmt.Sprintf("The request names %d clients, more than a session can have.", len(clients)), "To name all clients, leave clients out."}
	}
	return nil
}

// named returns the connections of the given clients, or all if there are none. The
// caller holds s.mu.
func (s *Session) named(clients []string) []*live {
	s.used = time.Now()
	var lives []*live
	for _, l := range s.live {
		if len(clients) == 0 || slices.Contains(clients, l.rec.Info.Client) {
			lives = append(lives, l)
		}
	}
	return lives
}

// Holding reports whether the valve holds new connections or one of the open connections.
func (s *Session) Holding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.conn.Holding() })
}
