package session

import (
	"fmt"
	"slices"
	"time"
)

// letGoAfter is how long frames stay held that nobody is there to release. A
// page that is reloaded, or out of sight for a while, comes back to them. It is
// longer than any browser waits after it has sent FIN.
const letGoAfter = 2 * time.Minute

// letGo opens the valve where it would keep a client waiting for nobody: when
// the page is gone, on connections that the client has left, and in a session of
// connections from outside on all.
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

// setClock has the session's clock stand still while the learner holds a wire.
// s.mu is held.
func (s *Session) setClock() {
	if s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.held }) {
		s.clock.Stop()
	} else {
		s.clock.Start()
	}
}

// Valve does what says, "hold", "run", "step" or "drop", to the connections of
// the clients named, or to all when none is. It returns the seqs of the units
// that it released or dropped. Step and drop take the oldest unit that waits
// on each connection. Hold and run without names hold for connections to come
// as well.
func (s *Session) Valve(do string, clients []string) ([]uint64, error) {
	if len(clients) > maxConnections {
		return nil, &CommandError{fmt.Sprintf("A session cannot have %d clients.", len(clients)), "Leave the clients out to name all of them."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	var lives []*live
	for _, l := range s.live {
		if len(clients) == 0 || slices.Contains(clients, l.rec.Info.Client) {
			lives = append(lives, l)
		}
	}
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
		return nil, &CommandError{fmt.Sprintf("The valve does not know %.40q.", do), `It knows "hold", "run", "step" and "drop".`}
	case len(clients) == 0 && (do == "hold" || do == "run"):
		s.hold = do == "hold"
	}
	s.setClock()
	return ids, nil
}

// Holding reports whether the valve is shut for connections to come, or for one
// that is there.
func (s *Session) Holding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.conn.Holding() })
}
