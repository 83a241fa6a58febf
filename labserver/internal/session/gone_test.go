package session

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/scenario"
	"wslab/compare/tcptest"
	"wslab/reference/wire"
)

// gone reports whether nothing is left of the connections of s: none is listed as
// open, and no socket of the server is.
func (l *lab) gone(s *Session) error {
	for _, c := range l.manager.Connections(every) {
		if c.Open {
			return fmt.Errorf("%s is listed as open, in state %s", c.Client, c.State)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) > 0 {
		return fmt.Errorf("%d sockets are open", len(s.live))
	}
	return nil
}

// TestAConnectionWhoseClientIsGoneIsReleasedAndEnded has a page follow all the
// while: it may have been reloaded, or show another connection.
func TestAConnectionWhoseClientIsGoneIsReleasedAndEnded(t *testing.T) {
	const (
		fin = "FIN"
		rst = "RST"
	)
	code := 1000
	for _, c := range []struct {
		what  string
		ends  string
		after time.Duration // until nothing is left
		holds func(l *lab, s *Session, c *scenario.Raw)
	}{
		{"a frame of its own is held", fin, letGoAfter, func(l *lab, s *Session, c *scenario.Raw) {
			l.ok(c.Frame(wire.Text, []byte("Hello")))
		}},
		{"a frame of its own is held", rst, 0, func(l *lab, s *Session, c *scenario.Raw) {
			l.ok(c.Frame(wire.Text, []byte("Hello")))
		}},
		{"a frame of the server is held", fin, letGoAfter, func(l *lab, s *Session, c *scenario.Raw) {
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: "Hello"}))
		}},
		{"a frame of the server is held", rst, 0, func(l *lab, s *Session, c *scenario.Raw) {
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: "Hello"}))
		}},
		{"the server waits for its Close frame", fin, letGoAfter, func(l *lab, s *Session, c *scenario.Raw) {
			l.ok(s.Order(Command{Client: "a", Do: "close", Code: &code}))
		}},
		{"the server has closed TCP after its Close frame", fin, letGoAfter, closing},
		{"the server has closed TCP after its Close frame", rst, 0, closing},
	} {
		for _, name := range endpoints {
			t.Run(c.what+", "+c.ends+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := startInMemory(t)
					s := l.session()
					defer s.Watch()()
					conn, raw := l.raw(s, name)
					synctest.Wait()
					s.Valve("hold", nil)
					c.holds(l, s, raw)
					synctest.Wait()
					if l.gone(s) == nil {
						t.Fatal("nothing is there that could be held")
					}
					if c.ends == rst {
						conn.(*tcptest.Conn).SetLinger(0)
					}
					raw.Close()
					synctest.Wait()
					if c.after > 0 {
						if l.gone(s) == nil {
							t.Error("a client that may still read is given no time")
						}
						time.Sleep(c.after + time.Second)
						synctest.Wait()
					}
					if err := l.gone(s); err != nil {
						t.Error(err)
					}
					if !s.Holding() {
						t.Error("the wire is not held any more for others")
					}
				})
			})
		}
	}
}

// closing has the server answer a Close frame and close TCP, while its answer is
// held.
func closing(l *lab, s *Session, c *scenario.Raw) {
	l.ok(c.Frame(wire.Close, []byte{3, 0xe8}))
	synctest.Wait()
	_, err := s.Valve("step", nil)
	l.ok(err)
}

// raw opens the connection of a raw client called a, which is of no session.
func (l *lab) raw(s *Session, endpoint string) (net.Conn, *scenario.Raw) {
	l.Helper()
	conn, err := l.manager.dial(l.ctx, l.addr)
	l.ok(err)
	c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target(endpoint, "a"), l.addr, func(string, string, int) {})
	l.ok(err)
	return conn, c
}

// In TestAClientThatLeavesAHeldHandshakeLeavesNothing, the lab server sees only a FIN: a
// client that closes before the response to its handshake will not read it.
func TestAClientThatLeavesAHeldHandshakeLeavesNothing(t *testing.T) {
	for _, name := range append(endpoints, "naive", "broken/no-upgrade") {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := startInMemory(t)
				s := l.session()
				defer s.Watch()()
				s.Valve("hold", nil)
				for range 3 {
					_, raw := l.raw(s, name)
					synctest.Wait()
					if l.gone(s) == nil {
						t.Fatal("no handshake is held")
					}
					raw.Close()
					time.Sleep(time.Second) // net/http closes half a second after a refusal
					synctest.Wait()
					if err := l.gone(s); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}
