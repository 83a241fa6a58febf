package endpoint

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"wslab/reference"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// JudgedMessage is the most octets a message may have that a judged server
// receives. The lab's limit is a sixteenth of what the largest cases send.
const JudgedMessage = 32 << 20

// judgedIdle ends a connection that a judge has forgotten.
const judgedIdle = time.Minute

// Listen serves the endpoint called name, "reference", "gorilla" or "naive", on l
// as a stranger would: with no recording and no valve, with a server's timeouts
// and not a learner's, and with room for messages of JudgedMessage octets. The
// reference and the weekend server read their requests themselves, gorilla has
// net/http. stop closes all and returns when nothing runs any more. ok is false
// for any other name.
func Listen(name string, l net.Listener) (stop func(), ok bool) {
	tracked := &tracking{Listener: l, conns: map[net.Conn]bool{}}
	switch name {
	case "reference":
		s := &reference.Server{Handler: judgedReference, CheckOrigin: func(wire.Head) bool { return true }, Options: reference.Options{
			MaxMessage: JudgedMessage, IdleTimeout: judgedIdle, Deflate: &wire.DeflateParams{},
		}, ErrorLog: func(error) {}}
		tracked.serve = func() { _ = s.Serve(tracked) }
	case "gorilla":
		s := &http.Server{Handler: http.HandlerFunc(judgedGorilla), ReadHeaderTimeout: judgedIdle}
		tracked.serve = func() { _ = s.Serve(tracked) }
	case "naive":
		tracked.serve = func() {
			for {
				c, err := tracked.Accept()
				if err != nil {
					return
				}
				tracked.running.Go(func() {
					defer c.Close()
					_ = naive.Serve(c, naive.Options{Limits: naive.Limits{Memory: JudgedMessage, Wait: judgedIdle, Total: judgedIdle}})
				})
			}
		}
	default:
		return nil, false
	}
	tracked.running.Go(tracked.serve)
	return tracked.stop, true
}

// judgedReference echoes as the reference's documentation shows.
func judgedReference(c *reference.Conn) {
	var buf []byte
	for {
		op, p, err := c.ReadMessageInto(buf)
		if err != nil || c.WriteMessage(op, p) != nil {
			return
		}
		buf = p
	}
}

// judgedGorilla echoes as gorilla's documentation shows.
func judgedGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetReadLimit(JudgedMessage)
	for {
		op, p, err := c.ReadMessage()
		if err != nil || c.WriteMessage(op, p) != nil {
			return
		}
	}
}

// tracking is a listener that knows its connections, so that none outlives it.
type tracking struct {
	net.Listener
	serve   func()
	running sync.WaitGroup

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

// stop closes the listener and every connection, and waits for who serves.
func (t *tracking) stop() {
	t.mu.Lock()
	t.stopped = true
	t.Listener.Close()
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// trackedConn takes itself off the list when it is closed.
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
