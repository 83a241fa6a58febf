// Package tcptest has TCP connections in memory, for tests with a simulated clock
// (testing/synctest) and for tests in which TCP must not join writes.
//
// A Conn does the same as TCP of Linux when an end closes. It sends FIN if it has read all
// bytes, otherwise RST. It answers later bytes with RST. Unlike TCP, a Read returns bytes
// of one Write only.
package tcptest

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Listener accepts the connections that its Dial makes.
type Listener struct {
	accepts chan *Conn
	closed  chan struct{}
	once    sync.Once
}

// Listen returns a new Listener.
func Listen() *Listener {
	return &Listener{accepts: make(chan *Conn), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepts:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

var addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50123}

// Addr returns 127.0.0.1:50123. All connections have this address at both ends.
func (l *Listener) Addr() net.Addr { return addr }

// Dial returns the client's end of a new connection. It returns when Accept has returned
// the server's end. After Close it returns ECONNREFUSED.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, syscall.ECONNREFUSED // even if an Accept still waits
	default:
	}
	client, server := Pair()
	select {
	case l.accepts <- server:
		return client, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.closed:
		return nil, syscall.ECONNREFUSED
	}
}

// Pair returns both ends of a new connection.
func Pair() (a, b *Conn) {
	w := &wire{}
	return &Conn{wire: w, at: 0}, &Conn{wire: w, at: 1}
}

// A Conn is one end of a connection.
type Conn struct {
	wire *wire
	at   int
}

// A wire has both ends.
type wire struct {
	mu   sync.Mutex
	wake chan struct{}
	ends [2]end
}

type end struct {
	in                    [][]byte // the writes that were received and not read
	size                  int      // the number of bytes of in
	fin, rst              bool     // received after in
	half, closed          bool     // this end has sent FIN, has closed
	linger                bool     // Close sends RST
	readUntil, writeUntil time.Time
}

// buffer is the number of unread bytes from which a Write waits.
const buffer = 4 << 20

// ends returns this end and the other.
func (c *Conn) ends() (mine, other *end) { return &c.wire.ends[c.at], &c.wire.ends[1-c.at] }

func (w *wire) changed() {
	if w.wake != nil {
		close(w.wake)
		w.wake = nil
	}
}

// wait unlocks w until something has changed, or until deadline.
func (w *wire) wait(deadline time.Time) {
	if w.wake == nil {
		w.wake = make(chan struct{})
	}
	wake := w.wake
	w.mu.Unlock()
	defer w.mu.Lock()
	if deadline.IsZero() {
		<-wake
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	}
}

func passed(deadline time.Time) bool { return !deadline.IsZero() && time.Until(deadline) <= 0 }

func failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: addr, Addr: addr, Err: err}
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		mine, _ := c.ends()
		switch {
		case mine.closed:
			return 0, failed("read", net.ErrClosed)
		case passed(mine.readUntil):
			return 0, failed("read", os.ErrDeadlineExceeded)
		case len(mine.in) > 0:
			n := copy(p, mine.in[0])
			mine.size -= n
			if mine.in[0] = mine.in[0][n:]; len(mine.in[0]) == 0 {
				mine.in = mine.in[1:]
			}
			c.wire.changed()
			return n, nil
		case mine.rst:
			return 0, failed("read", os.NewSyscallError("read", syscall.ECONNRESET))
		case mine.fin:
			return 0, io.EOF
		}
		c.wire.wait(mine.readUntil)
	}
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		mine, other := c.ends()
		switch {
		case mine.closed:
			return 0, failed("write", net.ErrClosed)
		case passed(mine.writeUntil):
			return 0, failed("write", os.ErrDeadlineExceeded)
		case mine.rst, mine.half:
			return 0, failed("write", os.NewSyscallError("write", syscall.EPIPE))
		case len(p) == 0:
			return 0, nil
		case other.closed:
			mine.rst = true // the answer to this write
			c.wire.changed()
			return len(p), nil
		case other.size < buffer:
			other.in = append(other.in, append([]byte(nil), p...))
			other.size += len(p)
			c.wire.changed()
			return len(p), nil
		}
		c.wire.wait(mine.writeUntil)
	}
}

// CloseWrite sends FIN.
func (c *Conn) CloseWrite() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, other := c.ends()
	if mine.closed {
		return failed("close", net.ErrClosed)
	}
	mine.half, other.fin = true, true
	c.wire.changed()
	return nil
}

// SetLinger makes Close send RST, for any number of seconds.
func (c *Conn) SetLinger(int) error { return c.set(func(e *end) { e.linger = true }) }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, other := c.ends()
	if mine.closed {
		return failed("close", net.ErrClosed)
	}
	mine.closed = true
	if mine.linger || len(mine.in) > 0 {
		other.rst = true
	} else {
		other.fin = true
	}
	c.wire.changed()
	return nil
}

func (c *Conn) set(what func(*end)) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, _ := c.ends()
	what(mine)
	c.wire.changed()
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return addr }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return addr }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.set(func(e *end) { e.readUntil, e.writeUntil = t, t })
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.set(func(e *end) { e.readUntil = t })
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.set(func(e *end) { e.writeUntil = t })
}
