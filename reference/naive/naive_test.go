package naive

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a peer that sends chunks, one a Read as TCP might deliver them, and
// then ends. What it is sent is kept.
type script struct {
	chunks    []string
	written   bytes.Buffer
	closed    bool
	failAfter int // Writes that succeed, 0 for all
	writes    int
	net.Conn  // nil: what is not below must not be called
}

func (s *script) Read(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case len(s.chunks) == 0:
		return 0, io.EOF
	}
	n := copy(p, s.chunks[0])
	if s.chunks[0] = s.chunks[0][n:]; s.chunks[0] == "" {
		s.chunks = s.chunks[1:]
	}
	return n, nil
}

var errPipe = errors.New("broken pipe")

func (s *script) Write(p []byte) (int, error) {
	if s.closed {
		return 0, net.ErrClosed
	}
	if s.writes++; s.failAfter > 0 && s.writes > s.failAfter {
		return 0, errPipe
	}
	return s.written.Write(p)
}

func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// request is a handshake as a browser on this machine sends it.
const request = "GET /ws/naive HTTP/1.1\r\n" +
	"Host: 127.0.0.1:8080\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Version: 13\r\n\r\n"

// outcome is the result of a script.
type outcome struct {
	response string   // to the handshake
	frames   string   // the bytes after it, as hex
	messages []string // as the server delivered them
	closed   bool
	calls    []string
	err      error
}

func (o outcome) bound() Bound {
	var stopped *Stopped
	if errors.As(o.err, &stopped) {
		return stopped.Bound
	}
	return ""
}

// play has the server serve s. It ends at the second error that is ignored on
// end unless limits say otherwise: at the end of the script.
func play(s *script, limits Limits) outcome {
	or(&limits.Errors, 1)
	var o outcome
	o.err = Serve(s, Options{Limits: limits, Call: func(name, args string, _ []byte) func(string, error) {
		if message, ok := strings.CutPrefix(args, "received "); ok {
			o.messages = append(o.messages, message[:strings.LastIndex(message, ",")])
		}
		return func(result string, err error) {
			if err != nil {
				result = err.Error()
			}
			o.calls = append(o.calls, name+" "+args+": "+result)
		}
	}})
	head, frames, _ := strings.Cut(s.written.String(), "\r\n\r\n")
	o.response, o.frames, o.closed = head, fmt.Sprintf("% x", frames), s.closed
	return o
}

// after plays a good handshake and then chunks.
func after(chunks ...string) outcome {
	return play(&script{chunks: append([]string{request}, chunks...)}, Limits{})
}

// asks plays a handshake alone.
func asks(request ...string) outcome { return play(&script{chunks: request}, Limits{}) }

// masked returns a frame of a client: first is its first byte.
func masked(first byte, payload string) string {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	n := uint64(len(payload))
	h := wire.Header{Masked: true, Key: key, Form: wire.FormFor(n), Length: n}
	b := append(h.Append(nil), payload...)
	wire.Mask(key, 0, b[h.Size():])
	b[0] = first
	return string(b)
}

func bytesOf(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func echoed(s string) string { return fmt.Sprintf("81 %02x % x", len(s), s) }

func line(r, from, to string) string {
	if !strings.Contains(r, from) {
		panic("the request has no " + from)
	}
	return strings.Replace(r, from, to, 1)
}

// shown is one fault, seen happening.
type shown struct {
	number int
	how    string
	got    outcome
	status string   // of the response, 101 when it is empty
	frames string   // the bytes that come back after the handshake
	took   []string // the messages, when they matter
	bound  Bound    // what the cage had to do, Errors when it is empty: the end of the script
}

func fault(number int, how string, got outcome, want shown) shown {
	want.number, want.how, want.got = number, how, got
	return want
}

func TestEveryFaultHappensAsTheTableSays(t *testing.T) {
	hello, hello124, hello125 := masked(0x81, "Hello"), strings.Repeat("a", 124), strings.Repeat("a", 125)
	long := line(request, "Upgrade: w", "Cookie: "+strings.Repeat("c", 1024)+"\r\nUpgrade: w")
	rest := masked(0x81, strings.Repeat("b", 200))
	for _, s := range []shown{
		fault(1, "a request in two segments is refused", asks(request[:60], request[60:]), shown{status: "400"}),
		fault(1, "a request of more than 1,024 bytes is refused", asks(long), shown{status: "400"}),
		fault(2, "a frame behind the request is lost", asks(request+hello), shown{}),
		fault(3, "a request line of one word panics", asks("GET\r\n\r\n"), shown{status: "none", bound: Panic}),
		fault(3, "a connection that ends at once panics", asks(), shown{status: "none", bound: Panic}),
		fault(5, "upgrade in lower case is refused", asks(line(request, "Upgrade:", "upgrade:")), shown{status: "400"}),
		fault(6, "Upgrade: WebSocket is refused", asks(line(request, "websocket\r", "WebSocket\r")), shown{status: "400"}),
		fault(7, "Connection: keep-alive, Upgrade is refused", asks(line(request, ": Upgrade", ": keep-alive, Upgrade")), shown{status: "400"}),
		fault(7, "Connection: upgrade is refused", asks(line(request, ": Upgrade", ": upgrade")), shown{status: "400"}),
		fault(8, "a POST is answered with 101", asks(line(request, "GET", "POST")), shown{}),
		fault(8, "HTTP/1.0 is answered with 101", asks(line(request, "HTTP/1.1", "HTTP/1.0")), shown{}),
		fault(8, "version 8 is answered with 101", asks(line(request, ": 13", ": 8")), shown{}),
		fault(8, "a short key is answered with 101", asks(line(request, "dGhlIHNhbXBsZSBub25jZQ==", "abc")), shown{}),
		fault(9, "the page of another site is welcome", asks(line(request, "Upgrade: w", "Origin: http://evil.example\r\nUpgrade: w")), shown{}),
		fault(11, "a payload in two segments is filled up with zeros", after(hello[:8], hello[8:]),
			// He, and three zeros "unmasked" with the key: 21 3d 37. The rest, 4d 51 58,
			// is a header without FIN that claims 0x51 bytes.
			shown{frames: "81 05 48 65 21 3d 37"}),
		fault(11, "a header in two segments is an empty message", after("\x81", hello[1:]),
			// The server treats the next bytes as a masking key, and 3d 7f in the
			// payload as a header.
			shown{frames: "81 00", bound: Memory}),
		fault(12, "RSV1 passes", after(masked(0xc1, "Hello")), shown{frames: echoed("Hello")}),
		fault(12, "RSV2 and RSV3 pass", after(masked(0xb1, "Hello")), shown{frames: echoed("Hello")}),
		fault(13, "a frame without a mask is unmasked with its own first four bytes", after("\x81\x05Hello"),
			// The key is "Hell", so what is there of the payload is o^H 0^e 0^l 0^l 0^H.
			shown{frames: "81 05 27 65 6c 6c 48"}),
		fault(14, "126 bytes come back under a wrong key", after(masked(0x81, strings.Repeat("a", 126))),
			// Key 00 7e 37 fa, payload 21 3d and what 37 fa 21 3d makes of the first 124.
			shown{frames: "81 7e 00 7e 21 43" + strings.Repeat(" 61 61 40 22", 31)}),
		fault(15, "after the end of the stream come empty messages",
			play(&script{chunks: []string{request}}, Limits{Errors: 16}),
			shown{frames: "81 00 81 00 81 00 81 00", took: []string{`""`, `""`, `""`, `""`}}),
		fault(16, "a terabyte is asked for", after(bytesOf("81 ff 00 00 01 00 00 00 00 00 37 fa 21 3d")), shown{bound: Memory}),
		fault(16, "with the first bit set it is more than Go could make", after(bytesOf("81 ff 80 00 00 00 00 00 00 00 37 fa 21 3d")), shown{bound: Memory}),
		fault(17, "of 200 bytes 127 are read", after(bytesOf("81 ff 00 00 00 00 00 00 00 c8")+rest[4:]),
			// The other 73 are zeros "unmasked" with the key.
			shown{frames: "81 7e 00 c8" + strings.Repeat(" 62", 127) + " 3d" + strings.Repeat(" 37 fa 21 3d", 18)}),
		fault(17, "a 64-bit length of 5 panics", after(bytesOf("81 ff 00 00 00 00 00 00 00 05")+hello[2:]), shown{bound: Panic}),
		fault(18, "a fragmented Ping passes", after(masked(0x09, "a"), hello), shown{frames: echoed("Hello")}),
		fault(18, "a Ping of 126 bytes passes", after(bytesOf("89 fe")+bytesOf("37 fa 21 3d")+strings.Repeat("x", 126), hello), shown{frames: echoed("Hello")}),
		fault(19, "a Close frame is answered by the end of TCP", after(masked(0x88, "\x03\xe8bye")), shown{bound: "none"}),
		fault(20, "a Ping is not answered", after(masked(0x89, "alive?")), shown{}),
		fault(21, "opcode 3 is a message", after(masked(0x83, "Hello")), shown{frames: echoed("Hello")}),
		fault(21, "a continuation of nothing is a message", after(masked(0x80, "Hello")), shown{frames: echoed("Hello")}),
		fault(22, "of three fragments two arrive", after(masked(0x01, "Hel"), masked(0x00, "lo"), masked(0x80, "!")), shown{frames: echoed("lo!")}),
		fault(23, "c3 28 comes back as text", after(masked(0x81, "\xc3\x28")), shown{frames: "81 02 c3 28"}),
		fault(24, "a Ping between fragments is part of the message",
			after(masked(0x01, "Hel"), masked(0x89, "ping"), masked(0x80, "lo")), shown{frames: echoed("ping") + " " + echoed("lo")}),
		fault(24, "a Close between fragments is part of the message",
			after(masked(0x01, "Hel"), masked(0x88, "\x03\xe8")), shown{frames: "81 02 03 e8"}),
		fault(24, "a new message between fragments is part of the first",
			after(masked(0x01, "Hel"), masked(0x81, "new")), shown{frames: echoed("new")}),
		fault(25, "an empty fragment cuts the message in two",
			after(masked(0x01, "a"), masked(0x00, "b"), masked(0x00, ""), masked(0x80, "c")), shown{frames: echoed("b") + " " + echoed("c")}),
		fault(25, "with an empty last fragment the message is lost",
			after(masked(0x01, "Hello"), masked(0x80, "")), shown{frames: "81 00"}),
		fault(26, "a hundred fragments are a hundred calls deep",
			after(masked(0x01, "a")+strings.Repeat(masked(0x00, "b"), 120)), shown{bound: Depth}),
		fault(26, "fragments without an end fill the memory",
			play(&script{chunks: []string{request, masked(0x01, "a") + strings.Repeat(masked(0x00, hello124), 9)}}, Limits{Memory: 1000}), shown{bound: Memory}),
		fault(27, "binary comes back as text", after(masked(0x82, "\x00\xff")), shown{frames: "81 02 00 ff"}),
		fault(28, "124 bytes come back", after(masked(0x81, hello124)), shown{frames: echoed(hello124)}),
		fault(28, "125 bytes do not", after(masked(0x81, hello125)), shown{took: []string{fmt.Sprintf("%.60q", hello125)}}),
		fault(31, "what cannot be sent is lost, and the next message is read",
			play(&script{chunks: []string{request, hello, hello}, failAfter: 1}, Limits{Errors: 5}), shown{took: []string{`"Hello"`, `"Hello"`, `""`}}),
	} {
		t.Run(fmt.Sprintf("fault %d: %s", s.number, s.how), func(t *testing.T) {
			status := "none"
			if f := strings.Fields(s.got.response); len(f) > 1 {
				status = f[1]
			}
			bound := s.got.bound()
			t.Logf("%v", strings.Join(s.got.calls, "\n"))
			t.Logf("%s, frames %s, took %q, %v", status, s.got.frames, s.got.messages, s.got.err)
			if s.status == "" {
				s.status = "101"
			}
			if s.bound == "" && s.status == "101" {
				s.bound = Errors
			}
			if s.bound == "none" {
				s.bound = ""
			}
			if status != s.status {
				t.Errorf("the handshake is answered with %s, not %s", status, s.status)
			}
			if s.got.frames != s.frames {
				t.Errorf("what came back is %s, not %s", s.got.frames, s.frames)
			}
			if s.took != nil && !slices.Equal(s.took, s.got.messages) {
				t.Errorf("the messages are %q, not %q", s.got.messages, s.took)
			}
			if bound != s.bound {
				t.Errorf("the cage says %v, not %q", s.got.err, s.bound)
			}
			if !s.got.closed {
				t.Error("the connection was left open")
			}
		})
	}
}

// fails ends a test in which a fault is not as it should be.
func fails(t *testing.T, number int, got any) {
	t.Helper()
	t.Errorf("fault %d, %s: %v", number, Faults[number-1].Name, got)
}

func TestTheAnswerToAHandshakeShowsWhatTheColonsLost(t *testing.T) {
	got := asks(line(request, "Upgrade: w", "Origin: https://a.example:8443\r\nUpgrade: w"))
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
		"Sec-WebSocket-Origin: https\r\n" +
		"Sec-WebSocket-Location: ws://127.0.0.1/ws/naive"
	if got.response != want {
		fails(t, 4, got.response)
		fails(t, 10, got.response)
	}
}

func TestAKeyInAnotherCaseIsAnsweredAsIfThereWereNone(t *testing.T) {
	got := asks(line(request, "Sec-WebSocket-Key", "sec-websocket-key")).response
	if !strings.Contains(got, "Sec-WebSocket-Accept: "+wire.Accept("")) {
		fails(t, 5, got)
	}
	got = asks(line(request, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")).response
	if !strings.Contains(got, "Sec-WebSocket-Accept: "+wire.Accept("")) {
		fails(t, 8, got)
	}
}

// crowded is a connection on which the payload "first" has to wait until the
// header of another frame has gone.
type crowded struct {
	script
	begun, between chan struct{}
	mu             sync.Mutex
}

func (c *crowded) Write(p []byte) (int, error) {
	switch string(p) {
	case "first":
		<-c.between
	case echoHeader("second"):
		defer close(c.between)
	case echoHeader("first"):
		defer close(c.begun)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.script.Write(p)
}

func echoHeader(s string) string { return string([]byte{0x81, byte(len(s))}) }

func TestTwoWhoSendAtOnceMixTheirFramesUp(t *testing.T) {
	c := &crowded{begun: make(chan struct{}), between: make(chan struct{})}
	c.chunks = []string{request}
	var work sync.WaitGroup
	err := Serve(c, Options{Limits: Limits{Errors: 1}, Opened: func(s *Server) {
		work.Go(func() { s.Send([]byte("first")) })
		work.Go(func() { <-c.begun; s.Send([]byte("second")) })
		work.Wait()
	}})
	_, frames, _ := strings.Cut(c.written.String(), "\r\n\r\n")
	if !strings.HasPrefix(frames, echoHeader("first")+echoHeader("second")) || len(frames) != 2+5+2+6 {
		fails(t, 29, fmt.Sprintf("%q, %v", frames, err))
	}
}

func TestTheServersGoodbyeIsTheEndOfTCP(t *testing.T) {
	s := &script{chunks: []string{request, masked(0x81, "Hello")}}
	var sent error
	err := Serve(s, Options{Opened: func(server *Server) {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		sent = server.Send([]byte("more"))
	}})
	if _, frames, _ := strings.Cut(s.written.String(), "\r\n\r\n"); frames != "" || !s.closed {
		fails(t, 30, fmt.Sprintf("%q", frames))
	}
	if sent != nil {
		fails(t, 31, sent)
	}
	var stopped *Stopped
	if !errors.As(err, &stopped) || stopped.Bound != Errors {
		fails(t, 15, err)
	}
}

func TestASizeThatTheWeekendKnowsIsEchoed(t *testing.T) {
	for _, n := range []int{0, 1, 124} {
		p := strings.Repeat("a", n)
		if got := after(masked(0x81, p)).frames; got != strings.TrimSpace(echoed(p)) {
			t.Errorf("%d bytes: %s", n, got)
		}
	}
}
