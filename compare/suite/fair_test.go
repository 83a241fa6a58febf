package suite

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// breaksRule reports whether a frame breaks a rule by itself, as far as the cases
// below need it.
func breaksRule(h wire.Header) bool {
	return h.RSV1 || h.RSV2 || h.RSV3 || h.Opcode.IsControl() && (!h.Fin || h.Length > wire.MaxControlPayload) || !h.Masked
}

// peculiar is a server that does all that a server must, and besides what it may.
type peculiar struct {
	opened []byte                                  // sent when the WebSocket is open
	before []byte                                  // sent before each answer
	behind []byte                                  // and after it
	echo   func(op wire.Opcode, p []byte) []byte   // of a whole message
	pongs  func(c net.Conn, in *bufio.Reader) bool // what is done before the first answer
	answer func(code []byte) []byte                // the body of the answer to a Close frame
	limit  int                                     // bytes of a message
	ping   func(in *bufio.Reader, p []byte) []byte // the answer to a Ping
	// pongBack answers Pongs with Pongs.
	pongBack bool
	flood    int // unread bytes at which it closes the connection
	// head returns its response, a string for each TCP write.
	head func(accept string) []string
	// piecemeal writes each byte on its own.
	piecemeal bool
	// leaves is how long it leaves TCP open after the closing handshake.
	leaves time.Duration
}

// A slicer writes each byte on its own.
type slicer struct{ net.Conn }

func (c slicer) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// opensWith returns the response that opens a WebSocket, with this status line and
// these fields.
func opensWith(status string, fields ...string) func(string) []string {
	return func(accept string) []string {
		return []string{strings.Join(append([]string{status, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept}, fields...), "\r\n") + "\r\n\r\n"}
	}
}

func (s peculiar) target() Target {
	head := s.head
	if head == nil {
		head = opensWith("HTTP/1.1 101 Switching Protocols")
	}
	return serve(func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		for _, piece := range head(wire.Accept(r.Header.Get("Sec-WebSocket-Key"))) {
			if _, err := io.WriteString(c, piece); err != nil {
				return
			}
		}
		if s.piecemeal {
			c = slicer{c}
		}
		if s.leaves > 0 {
			defer func() {
				_ = c.SetReadDeadline(time.Now().Add(s.leaves))
				_, _ = io.Copy(io.Discard, in)
			}()
		}
		_, _ = c.Write(s.opened)
		var op wire.Opcode
		var message []byte
		fails := func(code wire.CloseCode) {
			_, _ = c.Write(spec.Close(code, "").Append(nil, wire.Server, nil))
			for {
				if h, _, err := readFrame(in); err != nil || h.Opcode == wire.Close {
					return
				}
			}
		}
		for {
			h, p, err := readFrame(in)
			switch {
			case err != nil:
				return
			case breaksRule(h):
				fails(wire.ProtocolError)
				return
			case h.Opcode == wire.Ping && s.flood > 0 && in.Buffered() > s.flood:
				return
			case h.Opcode == wire.Ping:
				out := unmasked(wire.Pong, string(p))
				if s.ping != nil {
					out = s.ping(in, p)
				}
				_, _ = c.Write(slices.Concat(s.before, out, s.behind))
				continue
			case h.Opcode == wire.Pong:
				if s.pongBack {
					_, _ = c.Write(unmasked(wire.Pong, string(p)))
				}
				continue
			case h.Opcode == wire.Close:
				if s.answer != nil {
					p = s.answer(p)
				}
				_, _ = c.Write(unmasked(wire.Close, string(p)))
				return
			case h.Opcode != wire.Continuation:
				op, message = h.Opcode, nil
			}
			message = append(message, p...)
			if s.limit > 0 && len(message) > s.limit {
				fails(wire.MessageTooBig)
				return
			}
			if !h.Fin {
				continue
			}
			out := unmasked(op, string(message))
			if s.echo != nil {
				out = s.echo(op, message)
			}
			if s.pongs != nil && !s.pongs(c, in) {
				return
			}
			_, _ = c.Write(slices.Concat(s.before, out, s.behind))
		}
	})
}

// inPieces returns a message in fragments of n bytes, with the given frames between them.
func inPieces(n int, between []byte) func(wire.Opcode, []byte) []byte {
	return func(op wire.Opcode, p []byte) (b []byte) {
		for i, f := range spec.Split(op, p, n) {
			if i > 0 {
				b = append(b, between...)
			}
			b = f.Append(b, wire.Server, nil)
		}
		return b
	}
}

// fairCases are those that servers with habits of their own are tried with.
func fairCases(t *testing.T) []*Case {
	t.Helper()
	patterns := []string{"5.5.2", "5.5.3", "5.6", "5.7", "5.2/text-then-rsv2-*", "tcp/all-kinds-*", "5.2/text-of-65536*", "tcp/text-and-ping-one-write", "tcp/byte-by-byte-pong-*"}
	for _, run := range []string{"5.2/rsv3-*", "5.4/two-binary-*", "5.4/two-fragments-*", "5.4/ping-*", "5.4/empty-ping-between-binary", "5.4/pong-between-one-write", "5.4/pong-between-byte-by-byte", "5.4/two-pings-between", "5.5/ping-fin-*", "5.5/empty-ping-fin-0", "5.5/ping-of-126", "5.5/ping-of-127", "5.5.1/close-first", "5.5.1/close-byte-by-byte", "5.5.1/empty-close", "5.5.1/empty-close-byte-by-byte", "5.5.1/reason-of-1", "5.5.1/reason-not-ascii", "5.5.1/reason-ends-in-emoji", "5.5.1/close-after-echo", "5.5.1/close-after-pong", "8.1/ascii", "8.1/greek", "8.1/1-to-4-bytes", "8.1/u-0000", "8.1/u-007f", "8.1/u-0080", "8.1/u-07ff", "8.1/u-0800", "8.1/u-cfff", "8.1/u-d000"} {
		for _, c := range fitting(run) {
			patterns = append(patterns, c.ID)
		}
	}
	cases, err := Match(ForRole(All(), wire.Server), patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(cases, func(c *Case) bool { return c.Group() == "sizes" }) // which take their time
}

func TestWhatAServerMayDoIsNotHeldAgainstIt(t *testing.T) {
	heartbeat := unmasked(wire.Pong, "heartbeat")
	keepAlive := unmasked(wire.Ping, "keep-alive")
	for _, c := range []struct {
		what   string
		server peculiar
	}{
		{"nothing else", peculiar{}},
		{"unsolicited Pongs", peculiar{opened: heartbeat, before: heartbeat, behind: heartbeat}},
		{"unsolicited Pongs without a payload", peculiar{opened: unmasked(wire.Pong, ""), behind: unmasked(wire.Pong, "")}},
		{"Pings", peculiar{opened: keepAlive, before: keepAlive, behind: keepAlive}},
		{"Pings without a payload", peculiar{opened: unmasked(wire.Ping, ""), behind: unmasked(wire.Ping, "")}},
		{"Pongs for Pongs", peculiar{pongBack: true}},
		{"fragments", peculiar{echo: inPieces(3, nil)}},
		{"fragments of one byte", peculiar{echo: inPieces(1, nil)}},
		{"fragments with Pings and Pongs between", peculiar{behind: keepAlive, echo: inPieces(300, slices.Concat(keepAlive, heartbeat))}},
		{"an empty fragment at the end", peculiar{echo: func(op wire.Opcode, p []byte) []byte {
			return spec.Cont("").Append(spec.Of(op, Payload{Data: p}).More().Append(nil, wire.Server, nil), wire.Server, nil)
		}}},
		{"Close frames without a body", peculiar{answer: func([]byte) []byte { return nil }}},
		{"a limit", peculiar{limit: 32 << 10}},
		{"a limit of 4 KiB", peculiar{limit: 4 << 10}},
		{"Close frames with the code 3000", peculiar{answer: func([]byte) []byte { return []byte{3000 >> 8, 3000 & 0xff} }}},
		{"Close frames with the code 4000 and a long reason", peculiar{answer: func([]byte) []byte {
			return append([]byte{4000 >> 8, 4000 & 0xff}, strings.Repeat("r", 123)...)
		}}},
		{"frames in TCP writes of one byte", peculiar{piecemeal: true}},
		{"a Pong in front of each echo, in TCP writes of one byte", peculiar{piecemeal: true, before: heartbeat}},
		{"TCP open for some time after the Close frames", peculiar{leaves: 200 * time.Millisecond}},
		{"no reason phrase", peculiar{head: opensWith("HTTP/1.1 101 ")}},
		{"no reason phrase and no space before it", peculiar{head: opensWith("HTTP/1.1 101")}},
		{"a reason phrase of its own", peculiar{head: opensWith("HTTP/1.1 101 Web Socket Protocol Handshake, at last")}},
		{"100 header fields", peculiar{head: opensWith("HTTP/1.1 101 Switching Protocols", spec.Prefixed("X-Field: ", strings.Split(strings.Repeat("value,", 99)+"value", ","))...)}},
		{"other fields, one of them empty", peculiar{head: opensWith("HTTP/1.1 101 Switching Protocols", "Server: a/1.0 (b)", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "X-Empty:", "Set-Cookie: a=b", "Set-Cookie: c=d")}},
		{"names in lower case, values with white space", peculiar{head: func(accept string) []string {
			return []string{"HTTP/1.1 101 Switching Protocols\r\nupgrade:websocket\r\nconnection: \t upgrade \r\nsec-websocket-accept:" + accept + " \r\n\r\n"}
		}}},
		{"names and tokens in capitals", peculiar{head: func(accept string) []string {
			return []string{"HTTP/1.1 101 SWITCHING PROTOCOLS\r\nUPGRADE: WEBSOCKET\r\nCONNECTION: UPGRADE\r\nSEC-WEBSOCKET-ACCEPT: " + accept + "\r\n\r\n"}
		}}},
		{"a response in TCP writes of one byte", peculiar{head: func(accept string) []string {
			return strings.Split(opensWith("HTTP/1.1 101 Switching Protocols")(accept)[0], "")
		}}},
		{"a limit to the Pings that wait for their Pongs", peculiar{flood: 1000}},
		{"one Pong for all Pings that it has read", peculiar{ping: func(in *bufio.Reader, p []byte) []byte {
			if next, _ := in.Peek(min(in.Buffered(), 2)); len(next) == 2 && next[0] == 0x89 {
				return nil
			}
			return unmasked(wire.Pong, string(p))
		}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			target := c.server.target()
			for _, test := range fairCases(t) {
				// This server knows of frames, not of what they must not be made of.
				if slices.Contains(test.Rules, wire.RuleStray.Code) || slices.Contains(test.Rules, wire.RuleInterleaved.Code) {
					continue
				}
				if r := run(t, test, target, nil); r.Worst() == Fail || r.Worst() == Warning {
					t.Errorf("%s: %s, closing %s: %s\n\tgot %s", test, r.Verdict, r.Closing, r.Reason, r.Got)
				}
			}
		})
	}
}

func TestAServerThatWantsItsPingAnsweredGetsItsPong(t *testing.T) {
	target := peculiar{pongs: func(c net.Conn, in *bufio.Reader) bool {
		_, _ = c.Write(unmasked(wire.Ping, "are you there?"))
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		h, p, err := readFrame(in)
		return err == nil && h.Opcode == wire.Pong && h.Masked && string(p) == "are you there?"
	}}.target()
	c := hello()
	c.Deadline = 20 * time.Second
	if r := run(t, c, target, nil); r.Worst() != Pass {
		t.Errorf("%s, closing %s: %s (got %s)", r.Verdict, r.Closing, r.Reason, r.Got)
	}
}

func TestAPongThatIsNoHeartbeatCounts(t *testing.T) {
	one := func(pattern string) *Case {
		cases, err := Match(ForRole(All(), wire.Server), pattern)
		if err != nil {
			t.Fatal(err)
		}
		short := *cases[0]
		short.Deadline = 300 * time.Millisecond
		return &short
	}
	pong := func(p string) func(wire.Header, []byte) []byte {
		return func(wire.Header, []byte) []byte { return unmasked(wire.Pong, p) }
	}
	for _, c := range []struct {
		what, pattern string
		answer        func(wire.Header, []byte) []byte
		verdict       Verdict
		reason        string
	}{
		{"an empty Pong for a Ping", "A Ping with five bytes of text", pong(""), Fail, `It sent PONG (empty) where PONG "Hello" was expected.`},
		{"another payload", "A Ping with five bytes of text", pong("hello"), Fail, `The payload of its pong frame differs from the expected one.`},
		{"a Ping for a Ping", "A Ping with five bytes of text", func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, string(p)) }, NoAnswer, "waiting for a Pong"},
		{"only the first of ten Pings", "Ten Pings in one TCP write", func(_ wire.Header, p []byte) []byte {
			if string(p) != "payload 0" {
				return nil
			}
			return unmasked(wire.Pong, string(p))
		}, NoAnswer, "waiting for a Pong"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			r := run(t, one(c.pattern), answering(c.answer), nil)
			if r.Verdict != c.verdict || !strings.Contains(r.Reason, c.reason) {
				t.Errorf("%s: %s (got %s)\nwant %s: %s", r.Verdict, r.Reason, r.Got, c.verdict, c.reason)
			}
		})
	}
}

// bothRoles runs test for an endpoint of each role. play plays a case at a mini
// endpoint that does so once the WebSocket is open.
func bothRoles(t *testing.T, test func(t *testing.T, role wire.Role, play func(c *Case, does func(*mini)) Report)) {
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		t.Run(role.String(), func(t *testing.T) {
			t.Parallel()
			test(t, role, func(c *Case, does func(*mini)) (r Report) {
				synctest.Test(t, func(t *testing.T) { r = playMini(t.Context(), c, role, mini{does: does}) })
				return r
			})
		})
	}
}

func TestACodeThatTheRFCLeavesOpenMayBeSentBack(t *testing.T) {
	// Each answers the Close frame that it gets, and where it is a client leaves TCP
	// to the judge. Who has sent the code back has answered, and hears no more.
	answer := func(with func(p []byte) []byte) func(*mini) {
		return func(m *mini) {
			_, got, _ := m.frame()
			p := with(got)
			if p == nil {
				return
			}
			m.send(wire.Close, p)
			if m.role == wire.Client {
				if n, _ := io.Copy(io.Discard, m.conn); n > 0 && len(p) > 1 && [2]byte(p) == [2]byte(got) {
					t.Errorf("%d bytes came when a Close frame had been answered with the same code", n)
				}
			}
		}
	}
	same := answer(func(p []byte) []byte { return p })
	bare := answer(func(p []byte) []byte { return p[:2] })
	code := func(c wire.CloseCode) func(*mini) {
		return answer(func([]byte) []byte { return []byte{byte(c >> 8), byte(c)} })
	}
	empty := answer(func([]byte) []byte { return []byte{} })
	none := answer(func([]byte) []byte { return nil })
	bothRoles(t, func(t *testing.T, role wire.Role, play func(*Case, func(*mini)) Report) {
		for _, group := range []struct {
			codes []wire.CloseCode
			title string
			does  []func(*mini)
			want  []Verdict // behavior and closing of each
		}{
			{[]wire.CloseCode{0, 1, 999}, "Close code %d%s, which is not used", []func(*mini){code(1002), same, bare, code(1000), none, code(1005), code(998)},
				[]Verdict{Pass, Pass, Warning, Pass, Warning, Pass, Pass, Warning, Pass, Warning, Fail, Fail, Warning, Warning}},
			{[]wire.CloseCode{1004, 1016, 2999}, "Close code %d%s, which is not defined", []func(*mini){code(1002), same, bare, code(1000), none, code(1005), code(998)},
				[]Verdict{Pass, Pass, Warning, Pass, Warning, Pass, Pass, Warning, Pass, Warning, Fail, Fail, Warning, Warning}},
			{[]wire.CloseCode{1005, 1006, 1015}, "Close code %d%s, which must not be sent", []func(*mini){code(1002), same, bare, code(1000), none},
				[]Verdict{Pass, Pass, Fail, Fail, Fail, Fail, Pass, Warning, Pass, Warning}},
			{[]wire.CloseCode{5000, 65535}, "Close code %d%s, above all ranges", []func(*mini){code(1002), same, code(1000), empty, none, code(5001), code(1003)},
				[]Verdict{Pass, Pass, Note, Pass, Note, Pass, Note, Pass, Pass, Warning, Warning, Warning, Pass, Warning}},
		} {
			for _, c := range group.codes {
				for _, reason := range []string{"", "a reason"} {
					if c >= 5000 && reason != "" {
						continue
					}
					test := titled(t, role, fmt.Sprintf(group.title, c, map[string]string{"": "", "a reason": " with a reason"}[reason]))
					for i, does := range group.does {
						r := play(test, does)
						if v, w := group.want[2*i], group.want[2*i+1]; r.Verdict != v || r.Closing != w {
							t.Errorf("%s, endpoint %d: %s, closing %s: %s (got %s)\nwant %s, closing %s", test, i, r.Verdict, r.Closing, r.Reason, r.Got, v, w)
						}
					}
				}
			}
		}
	})
}

func TestMessagesNeedNotBeEchoedInFrontOfAFault(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role, play func(*Case, func(*mini)) Report) {
		for _, title := range []string{
			"A text message, opcode 3 and a Ping, in one TCP write", "A text message, opcode B and a Ping, in one TCP write",
			"A continuation frame with FIN bit 1 after a whole text message", "A continuation frame after the last fragment of a text message",
		} {
			c := titled(t, role, title)
			for _, end := range []struct {
				fails   string
				closing Verdict
			}{{"", Pass}, {"fails-without-close", Warning}} {
				r := play(c, func(m *mini) {
					m.makes = end.fails
					for open := false; ; {
						h, _, _ := m.frame()
						if wire.Check(h, wire.Context{Sender: m.role.Peer(), Fragmented: open}) != nil {
							m.fail(wire.ProtocolError)
							return
						}
						open = !h.Fin
					}
				})
				// That a Close frame goes first is a SHOULD of §7.1.7.
				if r.Verdict != Note || r.Closing != end.closing {
					t.Errorf("%s, %q: %s, closing %s: %s (got %s)", c, end.fails, r.Verdict, r.Closing, r.Reason, r.Got)
				}
			}
		}
	})
}

func TestAPongMayOvertakeAMessageThatItsPingStoodBehind(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role, play func(*Case, func(*mini)) Report) {
		c := titled(t, role, "A Ping before, between and after two fragments")
		for _, each := range []struct {
			order string // digits are Pongs, M is the message
			want  Verdict
			says  string
		}{
			{"12M3", Pass, ""},
			{"123M", Pass, ""},
			{"M3", Note, "only some of the Pings"},
			{"3M", Note, "only some of the Pings"},
			{"2M3", Note, "only some of the Pings"},
			{"13M", Note, "only some of the Pings"},
			{"1M23", Warning, "after the message"},
			{"M123", Warning, "after the message"},
			{"M23", Warning, "after the message"},
			{"21M3", Fail, ""},
			{"132M", Fail, ""},
			{"M321", Fail, ""},
			{"123", NoAnswer, "the echo of a text message"},
			{"12M", NoAnswer, "a Pong"},
		} {
			short := *c
			short.Deadline = 300 * time.Millisecond
			r := play(&short, func(m *mini) {
				for range 5 {
					_, _, _ = m.frame()
				}
				for _, what := range each.order {
					if what == 'M' {
						m.send(wire.Text, []byte("Hello"))
					} else {
						m.send(wire.Pong, []byte(string(what)))
					}
				}
				if _, p, ok := m.frame(); ok {
					m.send(wire.Close, p)
				}
				m.leave()
			})
			if r.Verdict != each.want || !strings.Contains(r.Reason, each.says) {
				t.Errorf("%s in the order %s: %s: %s; want %s: %s", c, each.order, r.Verdict, r.Reason, each.want, each.says)
			}
		}
	})
}
