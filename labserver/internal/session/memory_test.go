package session

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memory is a network in memory, for tests with a simulated clock. Its connections do the
// same as TCP of Linux when an end closes: it sends FIN if it has read all bytes,
// otherwise RST, and answers later bytes with RST.
type memory struct {
	accepts chan *memoryConn
	closed  chan struct{}
	once    sync.Once
}

func newMemory() *memory {
	return &memory{accepts: make(chan *memoryConn), closed: make(chan struct{})}
}

// startInMemory is start on a network in memory, within a bubble of synctest.
func startInMemory(t *testing.T) *lab {
	t.Helper()
	m := newMemory()
	l := startOn(t, m, 1000*time.Hour)
	l.manager.dial = m.dial
	return l
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.accepts:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

var memoryAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

func (m *memory) Addr() net.Addr { return memoryAddr }

func (m *memory) dial(ctx context.Context, _ string) (net.Conn, error) {
	w := &memoryWire{}
	client, server := &memoryConn{wire: w, at: 0}, &memoryConn{wire: w, at: 1}
	select {
	case m.accepts <- server:
		return client, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-m.closed:
		return nil, syscall.ECONNREFUSED
	}
}

type memoryWire struct {
	mu   sync.Mutex
	wake chan struct{}
	ends [2]memoryEnd
}

type memoryEnd struct {
	in                    []byte // received and not read
	fin, rst              bool   // received after it
	half, closed          bool   // this end has sent FIN, has closed
	linger                bool   // Close sends RST
	readUntil, writeUntil time.Time
}

// memoryBuffer is how much one end takes that is not read.
const memoryBuffer = 4 << 20

type memoryConn struct {
	wire *memoryWire
	at   int
}

// ends returns this end and the other.
func (c *memoryConn) ends() (mine, other *memoryEnd) { return &c.wire.ends[c.at], &c.wire.ends[1-c.at] }

func (w *memoryWire) changed() {
	if w.wake != nil {
		close(w.wake)
		w.wake = nil
	}
}

// wait unlocks w until something has changed, or until deadline.
func (w *memoryWire) wait(deadline time.Time) {
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

func (c *memoryConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: memoryAddr, Addr: memoryAddr, Err: err}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		mine, _ := c.ends()
		switch {
		case mine.closed:
			return 0, c.failed("read", net.ErrClosed)
		case passed(mine.readUntil):
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case len(mine.in) > 0:
			n := copy(p, mine.in)
			mine.in = mine.in[n:]
			c.wire.changed()
			return n, nil
		case mine.rst:
			return 0, c.failed("read", os.NewSyscallError("read", syscall.ECONNRESET))
		case mine.fin:
			return 0, io.EOF
		}
		c.wire.wait(mine.readUntil)
	}
}

func (c *memoryConn) Write(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		mine, other := c.ends()
		switch {
		case mine.closed:
			return 0, c.failed("write", net.ErrClosed)
		case passed(mine.writeUntil):
			return 0, c.failed("write", os.ErrDeadlineExceeded)
		case mine.rst, mine.half:
			return 0, c.failed("write", os.NewSyscallError("write", syscall.EPIPE))
		case other.closed:
			mine.rst = true // the answer to this write
			c.wire.changed()
			return len(p), nil
		case len(other.in) < memoryBuffer:
			other.in = append(other.in, p...)
			c.wire.changed()
			return len(p), nil
		}
		c.wire.wait(mine.writeUntil)
	}
}

func (c *memoryConn) CloseWrite() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, other := c.ends()
	if mine.closed {
		return c.failed("close", net.ErrClosed)
	}
	mine.half, other.fin = true, true
	c.wire.changed()
	return nil
}

func (c *memoryConn) SetLinger(int) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, _ := c.ends()
	mine.linger = true
	return nil
}

func (c *memoryConn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, other := c.ends()
	if mine.closed {
		return c.failed("close", net.ErrClosed)
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

func (c *memoryConn) set(what func(*memoryEnd)) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	mine, _ := c.ends()
	what(mine)
	c.wire.changed()
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr  { return memoryAddr }
func (c *memoryConn) RemoteAddr() net.Addr { return memoryAddr }
func (c *memoryConn) SetDeadline(t time.Time) error {
	return c.set(func(e *memoryEnd) { e.readUntil, e.writeUntil = t, t })
}
func (c *memoryConn) SetReadDeadline(t time.Time) error {
	return c.set(func(e *memoryEnd) { e.readUntil = t })
}
func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	return c.set(func(e *memoryEnd) { e.writeUntil = t })
}
