package suite

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// A habit is a small endpoint that does one thing in its own way: right, wrong or
// only unusual.
type habit struct {
	what   string
	roles  []wire.Role
	first  string // sent after the opening handshake
	host   string // of a client's request; {port} is the port
	frame  func(m *mini, op wire.Opcode, p []byte) []byte
	lax    bool // it checks nothing that it receives
	bare   bool // it fails the connection with a Close frame that has no body
	named  []string
	titles []string // besides the usual ones
}

var (
	servers = []wire.Role{wire.Server}
	clients = []wire.Role{wire.Client}
	both    = []wire.Role{wire.Server, wire.Client}
)

// right returns the frame as it should be.
func right(m *mini, op wire.Opcode, p []byte) []byte {
	return Frame{Fin: true, Opcode: op, Payload: Payload{Data: p}}.Append(nil, m.role, m.nextKey)
}

func (m *mini) nextKey() [4]byte {
	m.keys++
	return [4]byte{m.keys, 0x5A, m.keys ^ 0xFF, 7}
}

// announcing returns data frames whose length is changed.
func announcing(change func(n int) uint64) func(*mini, wire.Opcode, []byte) []byte {
	return func(m *mini, op wire.Opcode, p []byte) []byte {
		if op == wire.Close {
			return right(m, op, p)
		}
		return Frame{Fin: true, Opcode: op, Payload: Payload{Data: p}}.Claiming(change(len(p))).Append(nil, m.role, m.nextKey)
	}
}

// only changes the frames with one opcode.
func only(which wire.Opcode, change func(m *mini, p []byte) []byte) func(*mini, wire.Opcode, []byte) []byte {
	return func(m *mini, op wire.Opcode, p []byte) []byte {
		if op != which {
			return right(m, op, p)
		}
		return change(m, p)
	}
}

// edited changes the bytes of every frame.
func edited(edit func(b []byte) []byte) func(*mini, wire.Opcode, []byte) []byte {
	return func(m *mini, op wire.Opcode, p []byte) []byte { return edit(right(m, op, p)) }
}

// frameOf returns a frame of f's kind with payload p.
func frameOf(f Frame) func(*mini, []byte) []byte {
	return func(m *mini, p []byte) []byte {
		own := f // many endpoints use f at once
		own.Payload = Payload{Data: p}
		return own.Append(nil, m.role, m.nextKey)
	}
}

// bodied sends Close frames with a body made of the code.
func bodied(body func(code uint16) []byte) func(*mini, wire.Opcode, []byte) []byte {
	return only(wire.Close, func(m *mini, p []byte) []byte {
		return right(m, wire.Close, body(uint16(p[0])<<8|uint16(p[1])))
	})
}

var habits = []habit{
	// Lengths.
	{what: "a length too large by 1", roles: both, frame: announcing(func(n int) uint64 { return uint64(n) + 1 }), named: []string{"length-too-large"}},
	{what: "a length too large by 4", roles: servers, frame: announcing(func(n int) uint64 { return uint64(n) + 4 }), named: []string{"length-too-large"}},
	{what: "a length with the masking key", roles: clients, frame: announcing(func(n int) uint64 { return uint64(n) + 4 }), named: []string{"length-counts-masking-key"}},
	{what: "a length too small by 1", roles: both, frame: announcing(func(n int) uint64 { return uint64(max(0, n-1)) }), named: []string{"length-too-small"}},
	{what: "a length of 2^62", roles: both, frame: announcing(func(n int) uint64 { return 1 << 62 }), named: []string{"length-too-large"}},
	{what: "16 and 64 bits of length, the least byte first", roles: both, frame: edited(func(b []byte) []byte {
		if n := map[byte]int{126: 2, 127: 8}[b[1]&0x7F]; n > 0 {
			slices.Reverse(b[2 : 2+n])
		}
		return b
	}), named: []string{"length-sent-little-endian"}, titles: []string{"A text message of 32,768 bytes"}},
	{what: "a length of 32 bits after 127", roles: both, frame: edited(func(b []byte) []byte {
		if b[1]&0x7F == 127 {
			return slices.Delete(b, 2, 6)
		}
		return b
	}), named: []string{"length-sent-in-32-bits"}},
	{what: "the length twice, each in 32 bits", roles: both, frame: edited(func(b []byte) []byte {
		if b[1]&0x7F == 127 {
			copy(b[2:6], b[6:10])
		}
		return b
	}), named: []string{"length-too-large"}},
	{what: "a length above 125 in the second byte", roles: servers, frame: func(m *mini, op wire.Opcode, p []byte) []byte {
		if len(p) <= 125 {
			return right(m, op, p)
		}
		return append([]byte{0x80 | byte(op), byte(len(p))}, p...)
	}, named: []string{"length-in-one-byte"}},
	{what: "a payload whose last byte does not come", roles: both, frame: edited(func(b []byte) []byte {
		if b[0]&0x0F == 8 {
			return b
		}
		return b[:len(b)-1]
	})},
	{what: "only the first byte of each frame", roles: both, frame: edited(func(b []byte) []byte { return b[:1] })},

	// Bytes that are not frames.
	{what: "a NUL after each frame", roles: both, frame: edited(func(b []byte) []byte { return append(b, 0) }), named: []string{"byte-after-frame"},
		titles: slices.Concat(severalTexts, cutPayload, []string{"tcp/text-cut-at-[1-5]", "tcp/byte-by-byte-empty-text"})},
	{what: "a line feed after each frame", roles: both, frame: edited(func(b []byte) []byte { return append(b, '\n') }), named: []string{"byte-after-frame"}},
	{what: "the end of a chunked body after 101", roles: servers, first: "0\r\n\r\n", named: []string{"chunk-after-handshake"}},
	{what: "an empty line after 101", roles: servers, first: "\r\n", named: []string{"crlf-behind-handshake"}},
	{what: "another HTTP response after 101", roles: servers, first: "HTTP/1.1 200 OK\r\n\r\n", named: []string{"http-after-handshake"}},
	{what: "HTML after 101", roles: servers, first: "<html></html>"},
	{what: "a text without a header", roles: both, frame: only(wire.Text, func(m *mini, p []byte) []byte { return p }), named: []string{"payload-without-header"}},

	// Pongs.
	{what: "Pongs with FIN 0", roles: both, frame: only(wire.Pong, frameOf(Frame{Opcode: wire.Pong})), named: []string{"control-sent-fragmented"}},
	{what: "Pongs without a mask", roles: clients, frame: only(wire.Pong, frameOf(Frame{Fin: true, Opcode: wire.Pong, Masking: spec.Never})), named: []string{"mask-left-out-in-control-frames"}},
	{what: "Pongs with RSV1", roles: both, frame: only(wire.Pong, frameOf(Frame{Fin: true, RSV: 4, Opcode: wire.Pong}))},
	{what: "Pongs with the opcode B", roles: both, frame: only(wire.Pong, frameOf(Frame{Fin: true, Opcode: 0xB}))},
	{what: "Pongs that are texts in another case", roles: both, frame: only(wire.Pong, func(m *mini, p []byte) []byte { return right(m, wire.Text, []byte("PONG")) })},
	{what: "Pongs with a payload of their own", roles: both, frame: only(wire.Pong, func(m *mini, p []byte) []byte { return right(m, wire.Pong, []byte("pong!")) })},
	{what: "the end of TCP for a Ping, after half a Pong", roles: both, frame: only(wire.Pong, func(m *mini, p []byte) []byte {
		m.over = true
		return right(m, wire.Pong, p)[:1]
	})},

	// Close frames.
	{what: "a code in digits", roles: both, frame: bodied(func(code uint16) []byte { return fmt.Append(nil, code) }), named: []string{"close-code-as-text"}},
	{what: "a code with its least byte first", roles: both, frame: bodied(func(code uint16) []byte { return []byte{byte(code), byte(code >> 8)} }), named: []string{"close-code-little-endian"}},
	{what: "a code of 32 bits", roles: both, frame: bodied(func(code uint16) []byte { return []byte{0, 0, byte(code >> 8), byte(code)} }), named: []string{"close-code-in-32-bits"}},
	{what: "a code of one byte", roles: both, frame: bodied(func(code uint16) []byte { return []byte{byte(code)} })},
	{what: "the code 1005", roles: both, frame: bodied(func(uint16) []byte { return []byte{0x03, 0xED} }), named: []string{"close-1005-sent"}},
	{what: "a reason that is not UTF-8", roles: both, frame: bodied(func(uint16) []byte { return []byte{0x03, 0xE8, 0xFF} })},
	{what: "Close frames with FIN 0", roles: both, frame: only(wire.Close, frameOf(Frame{Opcode: wire.Close})), named: []string{"control-sent-fragmented"}},
	{what: "Close frames with RSV3", roles: both, frame: only(wire.Close, frameOf(Frame{Fin: true, RSV: 1, Opcode: wire.Close}))},
	{what: "Close frames that announce 200 bytes", roles: both, frame: only(wire.Close, func(m *mini, p []byte) []byte {
		return spec.CloseBody(p...).Claiming(200).Append(nil, m.role, m.nextKey)
	})},
	{what: "Close frames that announce a byte too many", roles: both, frame: only(wire.Close, func(m *mini, p []byte) []byte {
		return spec.CloseBody(p...).Claiming(uint64(len(p))+1).Append(nil, m.role, m.nextKey)
	}), named: []string{"length-too-large"}},

	// Header bits.
	{what: "FIN 0 in every message", roles: both, frame: only(wire.Text, frameOf(Frame{Opcode: wire.Text})), named: []string{"fin-inverted"}},
	{what: "RSV1 in every message", roles: both, frame: only(wire.Text, frameOf(Frame{Fin: true, RSV: 4, Opcode: wire.Text}))},
	{what: "RSV2 and RSV3 in every message", roles: both, frame: only(wire.Text, frameOf(Frame{Fin: true, RSV: 3, Opcode: wire.Text}))},
	{what: "the opcode 3 for text", roles: both, frame: only(wire.Text, frameOf(Frame{Fin: true, Opcode: 3}))},
	{what: "a continuation for text", roles: both, frame: only(wire.Text, frameOf(Frame{Fin: true}))},
	{what: "a mask from a server", roles: servers, frame: func(m *mini, op wire.Opcode, p []byte) []byte {
		return Frame{Fin: true, Opcode: op, Payload: Payload{Data: p}, Masking: spec.Always}.Append(nil, m.role, m.nextKey)
	}, named: []string{"server-masks"}},
	{what: "the MASK bit and no key", roles: servers, frame: edited(func(b []byte) []byte { b[1] |= 0x80; return b }), named: []string{"mask-bit-without-key"}},
	{what: "a key and no MASK bit", roles: clients, frame: edited(func(b []byte) []byte { b[1] &^= 0x80; return b }), named: []string{"mask-bit-missing"}},
	{what: "no mask from a client", roles: clients, frame: func(m *mini, op wire.Opcode, p []byte) []byte {
		return Frame{Fin: true, Opcode: op, Payload: Payload{Data: p}, Masking: spec.Never}.Append(nil, m.role, m.nextKey)
	}, named: []string{"client-does-not-mask"}},

	// A client's Host.
	{what: "Host ::1:port", roles: clients, host: "::1:{port}", named: []string{"host-without-brackets"}},
	{what: "Host ::1", roles: clients, host: "::1", named: []string{"host-without-brackets"}},
	{what: "Host [::1]", roles: clients, host: "[::1]", named: []string{"host-without-port"}},
	{what: "Host with a scheme", roles: clients, host: "ws://127.0.0.1:{port}"},
	{what: "Host with a path", roles: clients, host: "127.0.0.1:{port}/chat"},
	{what: "Host with two ports", roles: clients, host: "127.0.0.1:{port}:{port}"},
	{what: "Host with another port", roles: clients, host: "127.0.0.1:1"},

	// What is legal.
	{what: "nothing unusual", roles: both},
	{what: "a Close code of its own", roles: both, frame: bodied(func(uint16) []byte { return []byte{0x03, 0xE8} }), titles: []string{"Close code 3000", "Close code 4999"}},
	{what: "the code 1001 for all", roles: both, frame: bodied(func(uint16) []byte { return []byte{0x03, 0xE9} })},
	{what: "Close frames without a body", roles: both, frame: bodied(func(uint16) []byte { return nil })},
	{what: "Close frames without a body for every fault", roles: both, bare: true, titles: []string{"A Close frame with a body of one byte*"}},
	{what: "a flood", roles: servers, first: strings.Repeat(string(unmasked(wire.Binary, strings.Repeat("x", 60000))), 6), titles: requestTitles},
	{what: "capitals, as an answer to every request", roles: servers, titles: requestTitles,
		frame: only(wire.Text, func(m *mini, p []byte) []byte { return right(m, wire.Text, bytes.ToUpper(p)) })},
	{what: "a byte too many announced, as an answer to every request", roles: servers, frame: announcing(func(n int) uint64 { return uint64(n) + 1 }),
		named: []string{"length-too-large"}, titles: requestTitles},
	{what: "a Ping before each frame", roles: both, frame: func(m *mini, op wire.Opcode, p []byte) []byte {
		return append(right(m, wire.Ping, []byte("are you there?")), right(m, op, p)...)
	}},
	{what: "a Pong before each frame", roles: both, frame: func(m *mini, op wire.Opcode, p []byte) []byte {
		return append(right(m, wire.Pong, []byte("heartbeat")), right(m, op, p)...)
	}},
	{what: "lengths in any form accepted", roles: both, lax: true, titles: []string{"The length 5 of a *", "The length 125 of a *"}},
}

// requestTitles are cases that patterns about the request look at.
var requestTitles = []string{
	"The smallest valid request", "All field names in *", "An unknown field", "A field without *", "A field whose *", "No space after *", "Tabs after *", "White space after *",
	"Connection: *", "Upgrade: WebSocket", "Upgrade: WEBSOCKET", "A request *", "A cookie *", "A long unknown field *",
}

// habitTitles are cases that show each of habits, and some that must not mislead.
var habitTitles = slices.Concat(oneFrame, []string{
	"A text message of 124 bytes", "A text message of 125 bytes", "A text message of 128 bytes", "A text message of 255 bytes", "A text message of 257 bytes",
	"A text message of 65,535 bytes", "A text message of 65,536 bytes", "A text message of 65,537 bytes",
	"An empty Ping", "A Ping with one byte", "A Ping with five bytes of text", "Example: a Ping and its Pong",
	"A Close frame as the first frame", "Only the closing handshake", "Close code 1000", "Close code 1001", "Close code 1002",
	"RSV2 and RSV3 in a text frame", "RSV1 in a text frame", "Opcode 3 with a payload", "A continuation frame with FIN bit 1 as the first frame",
})

// keep is what a habit does with a connection.
func (h habit) keep(m *mini) {
	if h.first != "" {
		_, _ = io.WriteString(m.conn, h.first)
	}
	make := h.frame
	if make == nil {
		make = right
	}
	for {
		head, p, ok := m.frame()
		switch {
		case m.over:
			m.leave()
			return
		case !ok:
			continue
		}
		bad := slices.ContainsFunc(wire.Check(head, wire.Context{Sender: m.role.Peer()}), func(v wire.Violation) bool {
			return !h.lax || v.Code != wire.RuleLengthMinimal.Code
		})
		op := head.Opcode
		switch {
		case h.bare && (bad || op == wire.Close && len(p) == 1):
			_, _ = m.conn.Write(right(m, wire.Close, nil))
			m.leave()
			return
		case bad:
			m.fail(wire.ProtocolError)
			return
		case op == wire.Pong:
			continue
		case op == wire.Ping:
			op = wire.Pong
		}
		_, _ = m.conn.Write(make(m, op, bytes.Clone(p)))
		if m.over || op == wire.Close {
			m.leave()
			return
		}
	}
}

func TestAMistakeIsNamedOnlyFromWhatCame(t *testing.T) {
	for _, h := range habits {
		titles := slices.Concat(habitTitles, h.titles)
		if h.host != "" {
			titles = []string{"Host in the request", clientRequests}
		}
		for _, role := range h.roles {
			t.Run(h.what+", "+role.String(), func(t *testing.T) {
				t.Parallel()
				reports := h.judged(t, role, titles...)
				var names []string
				for _, d := range DiagnoseAll(reports) {
					names = append(names, d.Mistake.Code)
				}
				if !slices.Equal(names, h.named) {
					t.Errorf("%q was named, want %q", names, h.named)
				}
				for _, report := range reports {
					if report.Mistake != "" && !slices.Contains(h.named, report.Mistake) {
						t.Errorf("%s alone says %s", report.Case, report.Mistake)
					}
				}
				if t.Failed() {
					for _, report := range reports {
						t.Logf("%s %s %s: %s; got %s; %s", report.Verdict, report.Closing, report.Case, report.Reason, report.Got, report.Mistake)
					}
				}
			})
		}
	}
}

// judged returns the reports of the cases with these titles at an endpoint with the habit
// h.
func (h habit) judged(t *testing.T, role wire.Role, titles ...string) (reports []Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var playing sync.WaitGroup
		for _, c := range ForRole(All(), role) {
			if slices.ContainsFunc(titles, isTitle(c)) {
				reports = append(reports, Report{Case: c})
			}
		}
		for i := range reports {
			playing.Go(func() { reports[i] = playMini(t.Context(), reports[i].Case, role, mini{does: h.keep, host: h.host}) })
		}
		playing.Wait()
	})
	return reports
}

// hostOf returns what m sends as Host.
func (m *mini) hostOf(addr string) string {
	if m.host == "" {
		return addr
	}
	_, port, _ := net.SplitHostPort(addr)
	return strings.ReplaceAll(m.host, "{port}", port)
}
