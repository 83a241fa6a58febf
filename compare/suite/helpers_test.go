package suite

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve returns a target at which handle has each connection.
func serve(t *testing.T, handle func(net.Conn)) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-over
	})
	return at(l.Addr().String())
}

// at returns the target that listens on addr.
func at(addr string) Target {
	return Target{Name: "test", Host: addr, Path: "/", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}}
}

// webSocket returns a target that opens each connection as it should and then
// gives it to handle, which has a reader at the end of the handshake.
func webSocket(t *testing.T, handle func(net.Conn, *bufio.Reader)) Target {
	t.Helper()
	return serve(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, err = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+wire.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
		if err == nil {
			handle(c, in)
		}
	})
}

// readFrame reads a frame and unmasks it.
func readFrame(in *bufio.Reader) (h wire.Header, p []byte, err error) {
	var head []byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return h, nil, err
		}
		head = append(head, b)
		if h, ok := wire.ParseHeader(head); ok {
			p := make([]byte, h.Length)
			_, err := io.ReadFull(in, p)
			wire.Mask(h.Key, 0, p)
			return h, p, err
		}
	}
}

// unmasked returns a frame as a server sends it.
func unmasked(op wire.Opcode, p string) []byte {
	return spec.Text(p).WithOpcode(op).Append(nil, wire.Server, nil)
}

// answering returns a target that answers each data frame and Ping with what
// answer gives, and a Close frame as it should.
func answering(t *testing.T, answer func(h wire.Header, p []byte) []byte) Target {
	return webSocket(t, func(c net.Conn, in *bufio.Reader) {
		for {
			h, p, err := readFrame(in)
			if err != nil {
				return
			}
			if h.Opcode == wire.Close {
				_, _ = c.Write(unmasked(wire.Close, string(p)))
				return
			}
			if _, err := c.Write(answer(h, p)); err != nil {
				return
			}
		}
	})
}

// hello is a case that is soon over.
func hello() *Case {
	return &Case{ID: "test/1", Title: "test", Section: "5.6", RFC: 6455, Judges: wire.Server, Deadline: 300 * time.Millisecond,
		Steps: []Step{spec.Send(spec.Text("Hello"))}, Outcomes: spec.Answers(spec.Text("Hello"))}
}

// untilEnd reads c until the peer is gone.
func untilEnd(c net.Conn) {
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, net.ErrClosed) {
		return
	}
}
