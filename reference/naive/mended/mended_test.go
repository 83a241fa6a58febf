package mended

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const request = "GET /chat HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// lab is a mended server that listens.
type lab struct {
	*testing.T
	net.Listener
	closers chan func() // the function of each open connection that closes it
}

func start(t *testing.T) *lab {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lab{t, l, make(chan func(), 10)}
	var work sync.WaitGroup
	work.Go(func() { Serve(l, func(close func()) { s.closers <- close }) })
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return s
}

// client is a connection to the server.
type client struct {
	*lab
	net.Conn
	*bufio.Reader
}

// dial connects and sends request. It returns the response.
func (s *lab) dial(request string) (*client, string) {
	s.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, request)
	r := bufio.NewReader(c)
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		b, err := r.ReadByte()
		if err != nil {
			s.Fatalf("%q: %v", head.String(), err)
		}
		head.WriteByte(b)
	}
	return &client{s, c, r}, head.String()
}

// masked returns a masked frame.
func masked(first byte, payload string) string {
	n := uint64(len(payload))
	h := wire.Header{Masked: true, Key: [4]byte{1, 2, 3, 4}, Form: wire.FormFor(n), Length: n}
	b := append(h.Append(nil), payload...)
	wire.Mask(h.Key, 0, b[h.Size():])
	b[0] = first
	return string(b)
}

// gets fails unless the next bytes of the server are want.
func (c *client) gets(want string) {
	c.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c.Reader, b); err != nil || string(b) != want {
		c.Errorf("the server sent %x, want %x: %v", b, want, err)
	}
}

// ends fails unless the server has closed TCP.
func (c *client) ends() {
	c.Helper()
	if b, err := io.ReadAll(c.Reader); err != nil || len(b) > 0 {
		c.Errorf("%x, %v", b, err)
	}
}

// The tests below are for the faults that no case of the judge shows. Each has the number
// of the fault that is mended.

func TestRequestsAreReadAsTheyAre(t *testing.T) {
	s := start(t)
	for _, test := range []struct{ is, from, to, status string }{
		{"4: a colon in a value", "Upgrade: websocket", "Upgrade: websocket:13", "400"},
		{"4, 9: an own origin", "\r\n\r\n", "\r\nOrigin: http://localhost:8080\r\n\r\n", "101"},
		{"9: another site", "\r\n\r\n", "\r\norigin: http://evil.example\r\n\r\n", "403"},
		{"10: no fields of a draft", "\r\n\r\n", "\r\nX: y\r\n\r\n", "101"},
	} {
		_, response := s.dial(strings.Replace(request, test.from, test.to, 1))
		if !strings.HasPrefix(response, "HTTP/1.1 "+test.status) || strings.Contains(response, "-Origin") || strings.Contains(response, "-Location") {
			t.Errorf("fault %s: %q", test.is, response)
		}
	}
}

func TestTheEndOfTheClientEndsTheConnection(t *testing.T) {
	s := start(t)
	for _, part := range []string{"", "\x81", masked(0x81, "Hello")[:4], masked(0x81, "Hello")[:8]} { // 15
		c, _ := s.dial(request + part)
		c.Conn.(*net.TCPConn).CloseWrite()
		c.ends()
	}
}

func TestAClaimAllocatesNothing(t *testing.T) {
	c, _ := start(t).dial(request) // 16
	io.WriteString(c.Conn, "\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00abcd")
	c.gets("\x88\x02\x03\xf1")
}

func TestFragmentsHaveALimitInBytesOnly(t *testing.T) {
	s := start(t) // 26
	c, _ := s.dial(request + masked(0x01, "a") + strings.Repeat(masked(0x00, "b"), 500) + masked(0x80, ""))
	c.gets("\x81\x7e\x01\xf5a" + strings.Repeat("b", 500))
	c, _ = s.dial(request)
	go func() {
		io.WriteString(c.Conn, masked(0x01, "a"))
		for range 20 {
			io.WriteString(c.Conn, masked(0x00, strings.Repeat("b", 65535)))
		}
	}()
	c.gets("\x88\x02\x03\xf1")
}

// collecting is a connection that keeps what is written.
type collecting struct {
	net.Conn
	mu    sync.Mutex
	calls [][]byte
}

func (h *collecting) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, bytes.Clone(p))
	return len(p), nil
}

func TestAFrameIsOneWrite(t *testing.T) {
	conn := &collecting{} // 29
	s := &server{conn: conn, kind: 0x1}
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() { s.send([]byte("Hello")) })
	}
	work.Wait()
	for _, b := range conn.calls {
		if string(b) != "\x81\x05Hello" {
			t.Errorf("a Write of %x", b)
		}
	}
	if len(conn.calls) != 10 {
		t.Errorf("%d Writes", len(conn.calls))
	}
}

func TestTheServerClosesWithACloseFrame(t *testing.T) {
	s := start(t)
	c, _ := s.dial(request)
	closes := <-s.closers
	closes() // 30
	c.gets("\x88\x02\x03\xe8")
	io.WriteString(c.Conn, masked(0x88, "\x03\xe8"))
	c.ends()
	closes() // 34: a second close does not panic
}

func TestNothingIsSentAfterTheCloseFrame(t *testing.T) {
	conn := &collecting{} // 33
	s := &server{conn: conn, kind: 0x1}
	s.close()
	if err := s.send([]byte("more")); err != net.ErrClosed || len(conn.calls) != 1 {
		t.Errorf("%v, %x", err, conn.calls)
	}
}

// broken is a connection whose Writes fail after the first.
type broken struct {
	net.Conn
	in     *strings.Reader
	writes int
}

func (b *broken) Read(p []byte) (int, error) { return b.in.Read(p) }
func (b *broken) Close() error               { return nil }
func (b *broken) Write(p []byte) (int, error) {
	if b.writes++; b.writes > 1 {
		return 0, fmt.Errorf("broken pipe")
	}
	return len(p), nil
}

func TestAFailedSendEndsTheConnection(t *testing.T) {
	conn := &broken{in: strings.NewReader(request + strings.Repeat(masked(0x81, "Hello"), 5))} // 31
	messages := 0
	s := &server{conn: conn, make: func(n uint64) []byte { return make([]byte, n) }, deeper: func() func() { return func() {} },
		log: func(string, ...any) { messages++ }, opened: func() {}}
	s.client()
	if messages != 1 || conn.writes != 2 {
		t.Errorf("%d messages, %d Writes", messages, conn.writes)
	}
}

func TestClientsAreServedAtTheSameTime(t *testing.T) {
	s := start(t) // 32
	for range 3 {
		c, _ := s.dial(request)
		io.WriteString(c.Conn, masked(0x81, "Hello"))
		c.gets("\x81\x05Hello")
	}
}
