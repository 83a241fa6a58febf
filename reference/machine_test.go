package reference

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// testKey is the masking key of RFC 6455 §5.7.
var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// openMachine returns a Machine in state OPEN with a limit of 1,000 bytes, and the
// list that its observations go to.
func openMachine(role wire.Role) (*Machine, *[]string) {
	var seen []string
	m := NewMachine(role, Options{
		MaxMessage: 1000,
		MaskKey:    func() [4]byte { return testKey },
		Observe: func(o Observation) {
			s := fmt.Sprintf("%s %s: %s", o.Was, o.State, o.Why)
			if o.Message != wire.Continuation {
				s += fmt.Sprintf(" [%s, %d fragments, %d bytes]", o.Message, o.Fragments, o.Bytes)
			}
			if o.CloseSent {
				s += " sent"
			}
			if o.CloseReceived {
				s += " received"
			}
			seen = append(seen, s)
		},
	})
	m.Opened(Agreement{})
	return m, &seen
}

// from returns a legal frame of sender.
func from(sender wire.Role, fin bool, opcode wire.Opcode, payload string) []byte {
	h := wire.Header{
		Fin: fin, Opcode: opcode, Masked: sender == wire.Client,
		Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload)),
	}
	if h.Masked {
		h.Key = testKey
	}
	b := append(h.Append(nil), payload...)
	wire.MaskSimple(h.Key, b[h.Size():])
	return b
}

// closeFrame returns a Close frame of sender.
func closeFrame(sender wire.Role, code wire.CloseCode, reason string) []byte {
	return from(sender, true, wire.Close, string(wire.ClosePayload{Code: code, Reason: reason}.Append(nil)))
}

// frames spells out bytes that are legal frames of sender, and fails t when
// they are anything else.
func frames(t *testing.T, sender wire.Role, b []byte) []string {
	t.Helper()
	var all []string
	c := wire.Context{Sender: sender}
	for len(b) > 0 {
		h, ok := wire.ParseHeader(b)
		if !ok || uint64(len(b)-h.Size()) < h.Length {
			t.Fatalf("the output ends inside a frame: % x", b)
		}
		if vs := wire.Check(h, c); vs != nil {
			t.Fatalf("the output breaks rules: %v", vs)
		}
		if c.CloseSent {
			t.Fatalf("there is a %s frame after the Close frame", h.Opcode)
		}
		payload := bytes.Clone(b[h.Size() : h.Size()+int(h.Length)])
		wire.MaskSimple(h.Key, payload)
		b = b[h.Size()+int(h.Length):]
		switch {
		case h.Opcode == wire.Close:
			p, vs := wire.ParseClosePayload(payload)
			if vs != nil {
				t.Fatalf("the Close frame breaks rules: %v", vs)
			}
			c.CloseSent = true
			all = append(all, strings.TrimSpace(fmt.Sprintf("close %d %s", p.Code, p.Reason)))
		default:
			if h.Opcode.IsData() {
				c.Fragmented = !h.Fin
			}
			all = append(all, fmt.Sprintf("%s %q", h.Opcode, payload))
		}
	}
	return all
}

// A trace is everything that a Machine did.
type trace struct {
	events, output, seen []string
	err                  error
	state                State
}

// run feeds a stream to a Machine in pieces of n bytes.
func run(t *testing.T, role wire.Role, prepare func(*Machine), stream []byte, n int) trace {
	t.Helper()
	m, seen := openMachine(role)
	if prepare != nil {
		prepare(m)
	}
	var tr trace
	var out []byte
	given := bytes.Clone(stream)
	for piece := range slices.Chunk(stream, n) {
		tr.err = m.Receive(piece)
		out = append(out, m.TakeOutput(nil)...)
		for _, e := range m.TakeEvents() {
			tr.events = append(tr.events, fmt.Sprintf("%s %q", e.Opcode, e.Payload))
		}
	}
	if !bytes.Equal(given, stream) {
		t.Error("Receive wrote to what it was given")
	}
	tr.output, tr.seen, tr.state = frames(t, role, out), *seen, m.State()
	return tr
}

// streams are conversations: what the peer of a Machine sends, and what becomes
// of it. Each is run for both roles, whole, halved and byte by byte.
var streams = []struct {
	name    string
	prepare func(*Machine)
	stream  func(peer wire.Role) []byte
	events  []string // what the application gets
	output  []string // what the peer gets
	broken  string   // codes of the violations, if the connection fails
	seen    []string // observations after "the opening handshake is done"
}{
	{
		name:   "a text message in one frame",
		stream: func(p wire.Role) []byte { return from(p, true, wire.Text, "Hello") },
		events: []string{`text "Hello"`},
	}, {
		name: "messages of every length form, and an empty one",
		stream: func(p wire.Role) []byte {
			return join(from(p, true, wire.Binary, ""), from(p, true, wire.Binary, strings.Repeat("a", 125)),
				from(p, true, wire.Text, strings.Repeat("b", 126)), from(p, true, wire.Text, strings.Repeat("c", 1000)))
		},
		events: []string{`binary ""`, quoted("binary", "a", 125), quoted("text", "b", 126), quoted("text", "c", 1000)},
	}, {
		name: "a message in fragments, with control frames between them",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Text, "Hel"), from(p, true, wire.Ping, "x"), from(p, false, wire.Continuation, ""),
				from(p, true, wire.Pong, "y"), from(p, true, wire.Continuation, "lo"), from(p, true, wire.Text, "next"))
		},
		events: []string{`ping "x"`, `pong "y"`, `text "Hello"`, `text "next"`},
		output: []string{`pong "x"`},
		seen: []string{
			"OPEN OPEN: fragment 1 of a text message received [text, 1 fragments, 3 bytes]",
			"OPEN OPEN: fragment 2 of a text message received [text, 2 fragments, 3 bytes]",
			"OPEN OPEN: the last of 3 fragments received",
		},
	}, {
		name: "a character that is cut by every fragment",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Text, "\xf0"), from(p, false, wire.Continuation, "\x9f\x99"), from(p, true, wire.Continuation, "\x82"))
		},
		events: []string{`text "🙂"`},
		seen: []string{
			"OPEN OPEN: fragment 1 of a text message received [text, 1 fragments, 1 bytes]",
			"OPEN OPEN: fragment 2 of a text message received [text, 2 fragments, 3 bytes]",
			"OPEN OPEN: the last of 3 fragments received",
		},
	}, {
		name: "pings, each answered in its turn",
		stream: func(p wire.Role) []byte {
			return join(from(p, true, wire.Ping, ""), from(p, true, wire.Ping, strings.Repeat("p", 125)))
		},
		events: []string{`ping ""`, quoted("ping", "p", 125)},
		output: []string{`pong ""`, quoted("pong", "p", 125)},
	}, {
		name: "binary that is not UTF-8",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Binary, "\xff"), from(p, true, wire.Continuation, "\xfe"))
		},
		events: []string{`binary "\xff\xfe"`},
		seen: []string{
			"OPEN OPEN: fragment 1 of a binary message received [binary, 1 fragments, 1 bytes]",
			"OPEN OPEN: the last of 2 fragments received",
		},
	}, {
		name: "a Close frame, and bytes after it that nobody reads",
		stream: func(p wire.Role) []byte {
			return join(closeFrame(p, 1001, "going"), from(p, true, wire.Text, "late"), []byte("\xff\xff\xff"))
		},
		events: []string{`close "\x03\xe9going"`},
		output: []string{"close 1001"},
		seen: []string{
			"OPEN CLOSING: a Close frame was received: 1001 going away received",
			"CLOSING CLOSING: the Close frame was answered with its code sent received",
		},
	}, {
		name:   "a Close frame without a body",
		stream: func(p wire.Role) []byte { return closeFrame(p, wire.NoStatusReceived, "") },
		events: []string{`close ""`},
		output: []string{"close 1005"}, // as ParseClosePayload reads an empty body
		seen: []string{
			"OPEN CLOSING: a Close frame was received: 1005 no status received received",
			"CLOSING CLOSING: the Close frame was answered with its code sent received",
		},
	}, {
		name:   "a Close frame in the middle of a message, which is lost",
		stream: func(p wire.Role) []byte { return join(from(p, false, wire.Text, "Hel"), closeFrame(p, 1000, "")) },
		events: []string{`close "\x03\xe8"`},
		output: []string{"close 1000"},
		seen: []string{
			"OPEN OPEN: fragment 1 of a text message received [text, 1 fragments, 3 bytes]",
			"OPEN CLOSING: a Close frame was received: 1000 normal closure [text, 1 fragments, 3 bytes] received",
			"CLOSING CLOSING: the Close frame was answered with its code [text, 1 fragments, 3 bytes] sent received",
		},
	}, {
		name:    "after this end's Close: data is discarded, a ping answered, the Close taken",
		prepare: func(m *Machine) { must(m.SendClose(4000, "bye")); m.TakeOutput(nil) },
		stream: func(p wire.Role) []byte {
			return join(from(p, true, wire.Text, "late"), from(p, false, wire.Text, strings.Repeat("\xff", 2000)),
				from(p, true, wire.Ping, "p"), closeFrame(p, 4000, ""))
		},
		events: []string{`ping "p"`, `close "\x0f\xa0"`},
		output: []string{`pong "p"`},
		seen: []string{
			"OPEN CLOSING: a Close frame was sent sent",
			"CLOSING CLOSING: fragment 1 of a text message received [text, 1 fragments, 2000 bytes] sent",
			"CLOSING CLOSING: a Close frame was received: 4000 private use [text, 1 fragments, 2000 bytes] sent received",
		},
	}, {
		name:    "after this end's Close: a violation is told, and no second Close sent",
		prepare: func(m *Machine) { must(m.SendClose(1000, "")); m.TakeOutput(nil) },
		stream:  func(p wire.Role) []byte { return from(p, true, 0xB, "") },
		broken:  "5.2/opcode-reserved",
		seen: []string{
			"OPEN CLOSING: a Close frame was sent sent",
			"CLOSING CLOSING: the connection failed: 5.2/opcode-reserved sent",
		},
	}, {
		name: "a message before a violation, which is delivered, and one after it, which is not",
		stream: func(p wire.Role) []byte {
			return join(from(p, true, wire.Text, "good"), from(p, true, wire.Continuation, "bad"), from(p, true, wire.Text, "late"))
		},
		events: []string{`text "good"`},
		output: []string{"close 1002 A continuation frame arrived, but no message is in progress"},
		broken: "5.4/continuation-stray",
		seen:   []string{"OPEN CLOSING: the connection failed: 5.4/continuation-stray sent"},
	}, {
		name: "a new message between fragments",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Text, "a"), from(p, true, wire.Binary, "b"))
		},
		output: []string{"close 1002 A binary frame arrived where a continuation frame was expected"},
		broken: "5.4/message-interleaved",
		seen: []string{
			"OPEN OPEN: fragment 1 of a text message received [text, 1 fragments, 1 bytes]",
			"OPEN CLOSING: the connection failed: 5.4/message-interleaved [text, 1 fragments, 1 bytes] sent",
		},
	}, {
		name:   "a wrong byte in text, in a frame that does not end",
		stream: func(p wire.Role) []byte { f := from(p, true, wire.Text, "κό\xffxxxxxx"); return f[:len(f)-6] },
		output: []string{"close 1007 Byte 4 of the text, 0xFF, is not valid there"},
		broken: "8.1/text-utf8",
		seen:   []string{"OPEN CLOSING: the connection failed: 8.1/text-utf8 [text, 0 fragments, 0 bytes] sent"},
	}, {
		name: "a wrong byte in a later fragment",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Text, "ab\xe6"), from(p, false, wire.Continuation, "\x97c"))
		},
		output: []string{"close 1007 Byte 4 of the text, 0x63, is not valid there"},
		broken: "8.1/text-utf8",
		seen: []string{
			"OPEN OPEN: fragment 1 of a text message received [text, 1 fragments, 3 bytes]",
			"OPEN CLOSING: the connection failed: 8.1/text-utf8 [text, 1 fragments, 3 bytes] sent",
		},
	}, {
		name:   "text that ends inside a character",
		stream: func(p wire.Role) []byte { return from(p, true, wire.Text, "\xe6\x97") },
		output: []string{"close 1007 The text ends inside a character"},
		broken: "8.1/text-utf8",
		seen:   []string{"OPEN CLOSING: the connection failed: 8.1/text-utf8 [text, 1 fragments, 2 bytes] sent"},
	}, {
		name:   "a frame longer than the limit, refused at its header",
		stream: func(p wire.Role) []byte { return from(p, true, wire.Binary, strings.Repeat("x", 1001))[:8] },
		output: []string{"close 1009 1001 more bytes are announced after 0 bytes, but the limit is 1000"},
		broken: "10.4/message-size",
		seen:   []string{"OPEN CLOSING: the connection failed: 10.4/message-size sent"},
	}, {
		name: "fragments that are longer than the limit together",
		stream: func(p wire.Role) []byte {
			return join(from(p, false, wire.Binary, strings.Repeat("x", 1000)), from(p, true, wire.Continuation, "x"))
		},
		output: []string{"close 1009 1 more bytes are announced after 1000 bytes, but the limit is 1000"},
		broken: "10.4/message-size",
		seen: []string{
			"OPEN OPEN: fragment 1 of a binary message received [binary, 1 fragments, 1000 bytes]",
			"OPEN CLOSING: the connection failed: 10.4/message-size [binary, 1 fragments, 1000 bytes] sent",
		},
	}, {
		name:   "a Close frame with one byte",
		stream: func(p wire.Role) []byte { return from(p, true, wire.Close, "\x03") },
		output: []string{"close 1002 The body of a Close frame must be empty or begin with a two-byte status code"},
		broken: "5.5.1/body-one-byte",
		seen:   []string{"OPEN CLOSING: the connection failed: 5.5.1/body-one-byte sent"},
	}, {
		name:   "a Close frame with a code and a reason that are both wrong",
		stream: func(p wire.Role) []byte { return closeFrame(p, 1006, "\xff") },
		output: []string{"close 1002 The Close frame carries 1006 abnormal closure; The reason in a Close frame must be valid UTF-8"},
		broken: "7.4/close-code 5.5.1/reason-utf8",
		seen:   []string{"OPEN CLOSING: the connection failed: 7.4/close-code sent"},
	}, {
		name:   "a Close frame whose reason is not UTF-8",
		stream: func(p wire.Role) []byte { return closeFrame(p, 1000, "\xff") },
		output: []string{"close 1007 The reason in a Close frame must be valid UTF-8"},
		broken: "5.5.1/reason-utf8",
		seen:   []string{"OPEN CLOSING: the connection failed: 5.5.1/reason-utf8 sent"},
	}, {
		name: "a header that is wrong in three ways",
		stream: func(p wire.Role) []byte {
			f := from(p, true, wire.Text, "")
			f[0] |= 0x50
			f[0] = f[0]&0xf0 | 0x03
			return f
		},
		output: []string{"close 1002 RSV1 is 1; RSV3 is 1; The opcode is 0x3"},
		broken: "5.2/rsv1 5.2/rsv3 5.2/opcode-reserved",
		seen:   []string{"OPEN CLOSING: the connection failed: 5.2/rsv1 sent"},
	},
}

func TestEveryStreamMeansTheSameHoweverItIsCut(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		for _, s := range streams {
			t.Run(role.String()+" receives "+s.name, func(t *testing.T) {
				stream := s.stream(role.Peer())
				for _, cut := range []struct {
					name string
					n    int
				}{{"whole", len(stream)}, {"halved", (len(stream) + 1) / 2}, {"byte by byte", 1}} {
					got := run(t, role, s.prepare, stream, cut.n)
					if !slices.Equal(got.events, s.events) {
						t.Errorf("%s: events %q\nwant %q", cut.name, got.events, s.events)
					}
					if !slices.Equal(got.output, s.output) {
						t.Errorf("%s: output %q\nwant %q", cut.name, got.output, s.output)
					}
					if c := codes(got.err); c != s.broken {
						t.Errorf("%s: violations %q, want %q", cut.name, c, s.broken)
					}
					if want := append([]string{"CONNECTING OPEN: the opening handshake is done"}, s.seen...); !slices.Equal(got.seen, want) {
						t.Errorf("%s: observed %s\nwant %s", cut.name, strings.Join(got.seen, "\n\t"), strings.Join(want, "\n\t"))
					}
				}
			})
		}
	}
}

func TestEveryHeaderRuleFailsTheConnectionInBothRoles(t *testing.T) {
	for _, f := range []struct {
		name     string
		toServer string // hexadecimal
		toClient string
		code     string
	}{
		{"MASK", "8100", "8180 00000000", "5.1/mask-missing 5.1/mask-forbidden"},
		{"RSV1", "c180 00000000", "c100", "5.2/rsv1"},
		{"RSV2", "a180 00000000", "a100", "5.2/rsv2"},
		{"RSV3", "9180 00000000", "9100", "5.2/rsv3"},
		{"a reserved data opcode", "8380 00000000", "8300", "5.2/opcode-reserved"},
		{"a reserved control opcode", "8f80 00000000", "8f00", "5.2/opcode-reserved"},
		{"a length of 5 in 16 bits", "81fe 0005 00000000", "817e 0005", "5.2/length-minimal"},
		{"a length of 5 in 64 bits", "81ff 0000000000000005 00000000", "817f 0000000000000005", "5.2/length-minimal"},
		{"the top bit of the length", "82ff 8000000000000000 00000000", "827f 8000000000000000", "5.2/length-top-bit"},
		{"a ping of 126", "89fe 007e 00000000", "897e 007e", "5.5/control-length"},
		{"a ping in fragments", "0980 00000000", "0900", "5.5/control-fragmented"},
		{"a Close in fragments", "0880 00000000", "0800", "5.5/control-fragmented"},
	} {
		for _, role := range []wire.Role{wire.Server, wire.Client} {
			t.Run(role.String()+" receives "+f.name, func(t *testing.T) {
				picture, want := f.toServer, strings.Fields(f.code)[0]
				if role == wire.Client {
					picture, want = f.toClient, strings.Fields(f.code)[len(strings.Fields(f.code))-1]
				}
				stream, err := hex.DecodeString(strings.ReplaceAll(picture, " ", ""))
				must(err)
				for _, n := range []int{len(stream), (len(stream) + 1) / 2, 1} {
					got := run(t, role, nil, stream, n)
					if c := codes(got.err); c != want {
						t.Errorf("violations %q, want %q", c, want)
					}
					if len(got.output) != 1 || !strings.HasPrefix(got.output[0], "close 1002 ") {
						t.Errorf("the peer is told %q", got.output)
					}
					if got.state != Closing || got.events != nil {
						t.Errorf("the state is %s, the events %q", got.state, got.events)
					}
				}
			})
		}
	}
}

// FuzzMachine holds that a Machine accepts any bytes or fails with a violation
// that has a code; that what it puts out are legal frames; that it holds no more
// than it was given; and that cutting the bytes elsewhere changes nothing.
func FuzzMachine(f *testing.F) {
	for _, s := range streams {
		f.Add(s.stream(wire.Client), true, uint8(3))
		f.Add(s.stream(wire.Server), false, uint8(1))
	}
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true, uint8(16))
	f.Fuzz(func(t *testing.T, b []byte, server bool, n uint8) {
		role := wire.Client
		if server {
			role = wire.Server
		}
		whole := run(t, role, nil, b, len(b)+1)
		cut := run(t, role, nil, b, int(n)+1)
		if !slices.Equal(whole.events, cut.events) || !slices.Equal(whole.output, cut.output) ||
			!slices.Equal(whole.seen, cut.seen) || codes(whole.err) != codes(cut.err) {
			t.Fatalf("whole: %+v\ncut by %d: %+v", whole, int(n)+1, cut)
		}
		var pe *ProtocolError
		if whole.err != nil && (!errors.As(whole.err, &pe) || len(pe.Violations) == 0 || !pe.Violations[0].CloseCode.MayBeSent()) {
			t.Fatalf("it fails without a code: %v", whole.err)
		}
		m, _ := openMachine(role)
		_ = m.Receive(b)
		if held := cap(m.message) + cap(m.control); held > 64+4*len(b) {
			t.Fatalf("%d bytes make it hold %d", len(b), held)
		}
		if len(m.out) > 3*len(b)+MaxReason+16 {
			t.Fatalf("%d bytes make it put out %d", len(b), len(m.out))
		}
	})
}

// codes returns the codes of the violations in err, or the text of another error.
func codes(err error) string {
	var pe *ProtocolError
	var se *SendError
	var vs []wire.Violation
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pe):
		vs = pe.Violations
	case errors.As(err, &se):
		vs = se.Violations
	default:
		return err.Error()
	}
	var all []string
	for _, v := range vs {
		all = append(all, v.Code)
	}
	return strings.Join(all, " ")
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func quoted(opcode, next string, n int) string {
	return fmt.Sprintf("%s %q", opcode, strings.Repeat(next, n))
}

// must stops a test whose preparation failed.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must2[T any](v T, err error) T {
	must(err)
	return v
}
