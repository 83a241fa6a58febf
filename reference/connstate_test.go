package reference

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wslab/reference/wire"
)

func TestEveryChangeOfStateIsObserved(t *testing.T) {
	var mu sync.Mutex
	seen := map[wire.Role][]string{}
	observe := func(role wire.Role) func(Observation) {
		return func(o Observation) {
			mu.Lock()
			defer mu.Unlock()
			seen[role] = append(seen[role], fmt.Sprintf("%s %s: %s", o.Was, o.State, o.Why))
		}
	}
	done := make(chan bool)
	url := serve(t, &Upgrader{Options: Options{Observe: observe(wire.Server)}}, func(c *Conn) {
		echo(c)
		close(done)
	})
	c := dialTest(t, url, &DialOptions{Options: Options{Observe: observe(wire.Client)}})
	must(c.WriteFragments(wire.Text, []byte("a"), []byte("b")))
	if _, _, err := c.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	must(c.Close(wire.NormalClosure, ""))
	<-done
	for role, want := range map[wire.Role][]string{
		wire.Client: {
			"CONNECTING OPEN: the opening handshake is done",
			"OPEN CLOSING: a Close frame was sent",
			"CLOSING CLOSING: a Close frame was received: 1000 normal closure",
			"CLOSING CLOSED: this end closed TCP",
		},
		wire.Server: {
			"CONNECTING OPEN: the opening handshake is done",
			"OPEN OPEN: fragment 1 of a text message received",
			"OPEN OPEN: the last of 2 fragments received",
			"OPEN CLOSING: a Close frame was received: 1000 normal closure",
			"CLOSING CLOSING: the Close frame was answered with its code",
			"CLOSING CLOSED: this end closed TCP",
		},
	} {
		if !slices.Equal(seen[role], want) {
			t.Errorf("the %s observed\n\t%s", role, strings.Join(seen[role], "\n\t"))
		}
	}
}

func TestOnControlIsToldInOrderWithTheMessages(t *testing.T) {
	var told []string
	o := Options{OnControl: func(opcode wire.Opcode, p []byte) { told = append(told, fmt.Sprintf("%s %q", opcode, p)) }}
	bothRoles(t, o, func(t *testing.T, c *Conn, peer net.Conn) {
		told = nil
		other := c.m.role.Peer()
		go io.Copy(io.Discard, peer)
		sendAll(peer, join(from(other, true, wire.Ping, "1"), from(other, true, wire.Text, "x"), from(other, true, wire.Pong, "2"), closeFrame(other, 1000, "")))
		if _, _, err := c.ReadMessage(); err != nil || !slices.Equal(told, []string{`ping "1"`}) {
			t.Errorf("before the message it was told %q, %v", told, err)
		}
		if _, _, err := c.ReadMessage(); err == nil || !slices.Equal(told, []string{`ping "1"`, `pong "2"`, `close "\x03\xe8"`}) {
			t.Errorf("in the end it was told %q, %v", told, err)
		}
	})
}

// TestAConnOutlastsThePanicOfAFunctionInItsOptions makes each function panic in each
// call that can run it. If a lock stayed locked, the later calls would wait forever.
func TestAConnOutlastsThePanicOfAFunctionInItsOptions(t *testing.T) {
	var armed atomic.Bool
	trip := func() {
		if armed.Swap(false) {
			panic("tripped")
		}
	}
	options := map[string]Options{
		"MaskKey":     {MaskKey: func() [4]byte { trip(); return testKey }},
		"Now":         {Now: func() time.Time { trip(); return time.Now() }, IdleTimeout: time.Hour},
		"Observe":     {MaskKey: func() [4]byte { return testKey }, Observe: func(Observation) { trip() }},
		"OnControl":   {MaskKey: func() [4]byte { return testKey }, OnControl: func(wire.Opcode, []byte) { trip() }},
		"AnswerClose": {MaskKey: func() [4]byte { return testKey }, AnswerClose: func(p wire.ClosePayload) wire.ClosePayload { trip(); return p }},
	}
	calls := map[string]func(c *Conn, peer net.Conn){
		"WriteMessage": func(c *Conn, _ net.Conn) { c.WriteMessage(wire.Text, []byte("Hello")) },
		"large":        func(c *Conn, _ net.Conn) { c.WriteMessage(wire.Binary, make([]byte, 64<<10)) },
		"Ping":         func(c *Conn, _ net.Conn) { c.Ping(nil) },
		"NextWriter": func(c *Conn, _ net.Conn) {
			w, err := c.NextWriter(wire.Text)
			if err == nil {
				defer w.Close()
				w.Write(make([]byte, 2*fragmentSize))
			}
		},
		"ReadMessage of a Ping": func(c *Conn, peer net.Conn) {
			sendAll(peer, from(c.m.role.Peer(), true, wire.Ping, "a"), from(c.m.role.Peer(), true, wire.Text, "b"))
			c.ReadMessage()
		},
		"ReadMessage of a Close": func(c *Conn, peer net.Conn) {
			sendAll(peer, closeFrame(c.m.role.Peer(), 1000, ""))
			c.ReadMessage()
		},
		"NextReader": func(c *Conn, peer net.Conn) {
			sendAll(peer, from(c.m.role.Peer(), false, wire.Text, "a"), from(c.m.role.Peer(), true, wire.Continuation, "b"))
			if _, r, err := c.NextReader(); err == nil {
				io.ReadAll(r)
			}
		},
		"Close":            func(c *Conn, _ net.Conn) { c.Close(wire.NormalClosure, "") },
		"CloseNow":         func(c *Conn, _ net.Conn) { c.CloseNow() },
		"SetWriteDeadline": func(c *Conn, _ net.Conn) { c.SetWriteDeadline(time.Time{}) },
		"SetReadDeadline":  func(c *Conn, _ net.Conn) { c.SetReadDeadline(time.Time{}) },
	}
	for option, o := range options {
		tripped := 0
		for call, f := range calls {
			t.Run(option+" in "+call, func(t *testing.T) {
				bothRoles(t, o, func(t *testing.T, c *Conn, peer net.Conn) {
					go io.Copy(io.Discard, peer)
					armed.Store(true)
					func() {
						defer func() {
							if recover() != nil {
								tripped++
							}
						}()
						f(c, peer)
					}()
					armed.Store(false)
					start := time.Now()
					c.WriteMessage(wire.Text, nil)
					c.State()
					c.Close(wire.NormalClosure, "")
					c.CloseNow()
					if got := time.Since(start); got > time.Minute {
						t.Errorf("to close took %v", got)
					}
					if c.State() != Closed {
						t.Errorf("the state is %s", c.State())
					}
				})
			})
		}
		if tripped == 0 {
			t.Errorf("%s panicked in no call", option)
		}
	}
}

func TestErrorsSayWhatHappened(t *testing.T) {
	for want, err := range map[string]error{
		"the peer closed the connection: 1001 going away":                                              &CloseError{Code: 1001},
		`the peer closed the connection: 4000 private use, "bye"`:                                      &CloseError{Code: 4000, Reason: "bye"},
		"the connection ended without a Close frame (1006 abnormal closure): unexpected EOF":           &CloseError{Code: 1006, Err: io.ErrUnexpectedEOF},
		"nothing was sent: The reason in a Close frame must be valid UTF-8. (RFC 6455 §5.5.1)":         &SendError{[]wire.Violation{wire.RuleCloseReason.Broken("")}},
		"the opening handshake failed: unexpected EOF":                                                 &HandshakeError{Err: io.ErrUnexpectedEOF},
		`the opening handshake was refused with status 301 (to "http://a", not followed)`:              &HandshakeError{Status: 301, Head: wire.Head{Fields: []wire.Field{{Name: "Location", Value: "http://a"}}}},
		"the opening handshake was refused with status 405: The method must be GET. (RFC 6455 §4.2.1)": &HandshakeError{Status: 405, Violations: []wire.Violation{wire.RuleMethod.Broken("")}},
	} {
		if err.Error() != want {
			t.Errorf("the error says %q\nwant           %q", err, want)
		}
	}
}
