package suite

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/compare/tcptest"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is Run with a simulated clock. So the verdict does not depend on how fast the
// computer is.
func run(t *testing.T, c *Case, target Target, rec *recording.Recording) (r Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { r = Run(t.Context(), c, target, rec) })
	return r
}

// serve returns a target in memory that calls handle with each connection.
func serve(handle func(net.Conn)) Target {
	return Target{Name: "test", Host: "test", Path: "/", Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := tcptest.Pair()
		go func() {
			defer theirs.Close()
			handle(theirs)
		}()
		return ours, nil
	}}
}

// webSocket returns a target that opens each connection as it should and then
// gives it to handle, which has a reader at the end of the handshake.
func webSocket(handle func(net.Conn, *bufio.Reader)) Target {
	return serve(func(c net.Conn) {
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
func answering(answer func(h wire.Header, p []byte) []byte) Target {
	return webSocket(func(c net.Conn, in *bufio.Reader) {
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
