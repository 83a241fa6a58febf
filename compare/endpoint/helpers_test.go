package endpoint_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of a test.
const patience = time.Minute

// lab is an HTTP server on loopback whose every request goes to one endpoint.
type lab struct {
	addr   string
	rec    *recording.Recording // nil when nothing is recorded
	opened chan endpoint.Server // one of each connection that was opened
	hold   bool                 // the valves of connections to come are shut
	tapped chan *tap.Conn       // one of each recorded connection
}

// serve starts a lab with e. It is recorded in rec, or not tapped at all where
// rec is nil.
func serve(t testing.TB, e endpoint.Endpoint, rec *recording.Recording) *lab {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lab{addr: l.Addr().String(), rec: rec, opened: make(chan endpoint.Server, 64), tapped: make(chan *tap.Conn, 64)}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var conn *recording.Connection
			if rec != nil {
				tapped := endpoint.TapOf(r)
				conn = rec.Connect(recording.Info{Endpoint: e.Name}, wire.Server)
				tapped.Attach(conn, s.hold)
				s.tapped <- tapped
			}
			w.Header().Set("Connection", "close")
			e.Serve(w, r, conn, func(server endpoint.Server) { s.opened <- server })
		}),
	}
	serve := server.Serve
	if rec != nil {
		serve = endpoint.Tapped(server, nil)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return s
}

// client is a raw client of a lab.
type client struct {
	t testing.TB
	net.Conn
	talk    dissect.Conversation
	items   []dissect.Item
	endedBy error
}

const request = "GET / HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// dial connects and sends the handshake.
func (s *lab) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	c := &client{t: t, Conn: conn}
	c.send([]byte(request))
	return c
}

// open is dial and the answer 101.
func (s *lab) open(t testing.TB) *client {
	t.Helper()
	c := s.dial(t)
	if h := c.next().Handshake; h == nil || h.Head.Status != 101 || len(h.Violations) > 0 {
		t.Fatalf("the handshake gave %+v", h)
	}
	return c
}

// send writes b as it is.
func (c *client) send(b []byte) {
	c.t.Helper()
	c.talk.Bytes(wire.Client, b, false)
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next handshake or frame of the server, or an empty Item at
// the end of the stream.
func (c *client) next() dissect.Item {
	c.t.Helper()
	b := make([]byte, 32<<10)
	for {
		for len(c.items) > 0 {
			it := c.items[0]
			c.items = c.items[1:]
			if it.Message == nil {
				return it
			}
		}
		if c.endedBy != nil {
			return dissect.Item{}
		}
		n, err := c.Read(b)
		c.items = append(c.items, c.talk.Bytes(wire.Server, b[:n], false)...)
		if c.endedBy = err; err != nil && err != io.EOF {
			c.t.Fatal(err)
		}
	}
}

// frame returns the next frame, which must be legal.
func (c *client) frame() *dissect.Frame {
	c.t.Helper()
	f := c.next().Frame
	if f == nil {
		c.t.Fatal("the stream ends where a frame was due")
	}
	if len(f.Violations) > 0 {
		c.t.Errorf("the server breaks %v", f.Violations)
	}
	return f
}

// ended fails unless the server has closed TCP after the bytes that were read.
func (c *client) ended() {
	c.t.Helper()
	if it := c.next(); it.Frame != nil || it.Handshake != nil {
		c.t.Errorf("%+v came where the end was due", it.Frame)
	}
}

// masked returns a frame of a client with the mask of RFC 6455 §5.7.
func masked(op wire.Opcode, payload []byte) []byte {
	h := wire.Header{Fin: true, Opcode: op, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload))}
	b := append(h.Append(nil), payload...)
	wire.Mask(h.Key, 0, b[h.Size():])
	return b
}
