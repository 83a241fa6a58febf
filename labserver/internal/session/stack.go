package session

import "fmt"

// maxSip is the highest limit of a Read that a page can set, in bytes.
const maxSip = 1 << 16

// Stack starts or stops recording the call stacks of the connections of the given
// clients. Without clients it applies to all connections, new ones included.
func (s *Session) Stack(on bool, clients []string) error {
	if err := checkClients(clients); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return errEnded
	}
	for _, l := range s.named(clients) {
		l.watchStacks(on)
	}
	if len(clients) == 0 {
		s.setStack(on)
	}
	return nil
}

// setStack sets whether the stacks of new connections are recorded. The caller holds
// s.mu.
func (s *Session) setStack(on bool) {
	switch {
	case on && !s.stack:
		s.stacks.Add(1)
	case !on && s.stack:
		s.stacks.Add(-1)
	}
	s.stack = on
}

// watchStacks starts or stops recording the stacks of l.
func (l *live) watchStacks(on bool) {
	if l.rec.Stacks(on); on {
		l.conn.Callers(l.rec.Stack)
	} else {
		l.conn.Callers(nil)
	}
}

// Sip makes each Read of an endpoint return at most n bytes, on the connections of the
// given clients. 0 removes the limit. Without clients it applies to all connections, new
// ones included.
func (s *Session) Sip(n int, clients []string) error {
	if n < 0 || n > maxSip {
		return &CommandError{fmt.Sprintf("%d is not a size for a read.", n), fmt.Sprintf("Use 1 to %d bytes, or 0 for no limit.", maxSip)}
	}
	if err := checkClients(clients); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return errEnded
	}
	for _, l := range s.named(clients) {
		l.conn.Sip(n)
	}
	if len(clients) == 0 {
		s.sip = n
	}
	return nil
}

// Reading returns whether stacks of new connections are recorded, and the limit of each
// Read of new connections in bytes.
func (s *Session) Reading() (stack bool, sip int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stack, s.sip
}
