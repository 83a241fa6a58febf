package endpoint

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"wslab/reference"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// JudgedMessage is the size limit of a message that a judged server receives, in
// bytes. The largest cases send half of it.
const JudgedMessage = 32 << 20

// judgedIdle bounds each read and each write, so that a connection ends if the judge has
// left it. Tests shorten judgedIdle.
var judgedIdle = time.Minute

// Listen serves e on l as any program would: without a recording and a tap, with the
// timeouts of a server, and with messages of up to JudgedMessage bytes. The reference and
// the naive server read their requests themselves. Gorilla uses net/http. stop closes all
// connections, and returns when all goroutines have ended. ok is false if e is not one of
// Named.
//
// dialTo connects to e as a judge should: the naive server then reads each write of the
// judge before the judge writes again. Any other client may connect to e, too.
func (e Endpoint) Listen(l net.Listener) (dialTo func(context.Context) (net.Conn, error), stop func(), ok bool) {
	if e.judged == nil {
		return nil, nil, false
	}
	t := &tracking{Listener: l, conns: map[net.Conn]bool{}, dial: dial}
	e.judged(t)
	t.running.Go(t.serve)
	addr := l.Addr().String()
	return func(ctx context.Context) (net.Conn, error) { return t.dial(ctx, addr) }, t.stop, true
}

// dial connects to a program on this computer.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
}

// judgeReference prepares t to serve package reference.
func judgeReference(t *tracking) {
	s := &reference.Server{Handler: judgedReference, CheckOrigin: func(wire.Head) bool { return true }, Options: reference.Options{
		MaxMessage: JudgedMessage, IdleTimeout: judgedIdle, Extension: reference.Deflate{},
	}, ErrorLog: func(error) {}}
	t.serve, t.shutdown = func() { _ = s.Serve(t) }, s.Shutdown
}

// judgeGorilla prepares t to serve gorilla/websocket.
func judgeGorilla(t *tracking) {
	s := &http.Server{ReadTimeout: judgedIdle, WriteTimeout: judgedIdle, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.begins() { // http.Server does not wait for hijacked connections
			defer t.running.Done()
			judgedGorilla(w, r)
		}
	})}
	t.serve, t.shutdown = func() { _ = s.Serve(t) }, s.Shutdown
}

// judgeNaive prepares t to serve package naive.
func judgeNaive(t *tracking) {
	steps := &lockstep{links: map[string]*link{}}
	t.dial = steps.dial
	t.serve = func() {
		for {
			c, err := t.Accept()
			if err != nil {
				return
			}
			c = steps.accepted(c)
			t.running.Go(func() {
				defer c.Close()
				_ = naive.Serve(c, naive.Options{Limits: naive.Limits{Memory: JudgedMessage, Wait: judgedIdle, Total: judgedIdle}})
			})
		}
	}
}

// judgedReference echoes as the reference's documentation shows.
func judgedReference(c *reference.Conn, _ wire.Head) {
	var buf []byte
	for {
		op, p, err := c.ReadMessageInto(buf)
		if err != nil || c.WriteMessage(op, p) != nil {
			return
		}
		buf = p
	}
}

// judgedInflated is the size limit of a decompressed message at gorilla, in bytes.
// Gorilla's own limit counts compressed bytes, so a message of a few KiB could need
// gigabytes. No case sends messages above this limit, so it does not change gorilla's
// results.
const judgedInflated = 2 * JudgedMessage

// judgedGorilla echoes as gorilla's documentation shows, with deadlines and
// judgedInflated.
func judgedGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: judgedIdle, EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetReadLimit(JudgedMessage)
	for {
		c.SetReadDeadline(time.Now().Add(judgedIdle))
		op, r, err := c.NextReader()
		if err != nil {
			return
		}
		p, err := io.ReadAll(io.LimitReader(r, judgedInflated+1))
		if err != nil {
			return
		}
		c.SetWriteDeadline(time.Now().Add(judgedIdle))
		if len(p) > judgedInflated {
			op, p = websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseMessageTooBig, "")
		}
		if c.WriteMessage(op, p) != nil || op == websocket.CloseMessage {
			return
		}
	}
}

// tracking is a listener that knows its connections, so that it can close them all.
type tracking struct {
	net.Listener
	serve    func()                      // accepts connections until the tracking is closed
	shutdown func(context.Context) error // shutdown of the server; nil if the server has none
	dial     func(ctx context.Context, addr string) (net.Conn, error)
	running  sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	stopped bool
}

func (t *tracking) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		c.Close()
		return nil, net.ErrClosed
	}
	t.conns[c] = true
	return &trackedConn{c.(*net.TCPConn), t}, nil
}

// begins reports whether a handler may still begin. If so, it counts the handler as
// running.
func (t *tracking) begins() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.running.Add(1)
	}
	return !t.stopped
}

// stop closes the listener and every connection. Then it waits for the handlers, which do
// not wait for anything else.
func (t *tracking) stop() {
	t.mu.Lock()
	t.stopped = true
	t.Listener.Close()
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	if t.shutdown != nil {
		_ = t.shutdown(context.Background())
	}
	t.running.Wait()
}

// trackedConn removes itself from the list when it is closed.
type trackedConn struct {
	*net.TCPConn
	t *tracking
}

func (c *trackedConn) Close() error {
	c.t.mu.Lock()
	delete(c.t.conns, c.TCPConn)
	c.t.mu.Unlock()
	return c.TCPConn.Close()
}
