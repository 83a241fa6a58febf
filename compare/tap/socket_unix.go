//go:build unix

package tap

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// socket is the socket of a Conn. It is written to directly, below net.Conn.
type socket struct {
	raw    syscall.RawConn
	writes func([]byte) // called before each write; may be nil
}

// newSocket returns the socket of c. It returns nil if c has none, or if c's own Write
// does more than write to the socket. A type around a socket can have SyscallConn and a
// method Writes, which is called with the bytes before each write.
func newSocket(c net.Conn) *socket {
	s := &socket{}
	switch t := c.(type) {
	case *net.TCPConn, *net.UnixConn:
	case interface{ Writes(b []byte) }:
		s.writes = t.Writes
	default:
		return nil
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s.raw = raw
	return s
}

// try has the arguments of one write for its callback. A closure would cost an
// allocation for each write.
type try struct {
	c       *Conn
	w       *writing
	n       int
	failure error
	write   func(fd uintptr) bool
}

// write writes the next n bytes of w. Like net.Conn's Write it waits until the kernel
// has accepted all of them or the deadline has passed. One lock covers each system
// call and the recording of the bytes that it accepted. Nothing waits under that lock.
func (s *socket) write(c *Conn, w *writing, n int) error {
	if s.writes != nil {
		s.writes(w.rest[:n])
	}
	t, _ := tries.Get().(*try)
	if t == nil {
		t = &try{}
		t.write = t.once
	}
	t.c, t.w, t.n, t.failure = c, w, n, nil
	err := s.raw.Write(t.write)
	failure := t.failure
	t.c, t.w, t.failure = nil, nil, nil
	tries.Put(t)
	if op, ok := err.(*net.OpError); ok {
		failure = op.Err // the deadline has passed, or the socket is closed
	} else if err != nil {
		failure = err
	}
	if failure != nil {
		return c.opError("write", failure)
	}
	return nil
}

var tries sync.Pool // of *try

// once writes as many bytes as the kernel accepts at once. It reports whether the
// write has ended.
func (t *try) once(fd uintptr) bool {
	c, w := t.c, t.w
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answered {
		c.answered = true
		if r, ahead := c.recorder.Load(), inQueue(fd); r != nil && ahead > 0 {
			(*r).Ahead(ahead)
		}
	}
	for {
		switch {
		case c.closing && !w.recorded: // released bytes are sent even after Close
			t.failure = net.ErrClosed
			return true
		case c.silent.Load():
			return true // the line swallows the rest
		}
		m, err := syscall.Write(int(fd), w.rest[:t.n])
		if m > 0 {
			c.wrote(w, m)
			t.n -= m
		}
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			c.met = c.met || err == syscall.ECONNRESET
			t.failure = os.NewSyscallError("write", err)
			return true
		case t.n == 0:
			return true
		case m == 0:
			t.failure = io.ErrUnexpectedEOF
			return true
		}
	}
}

// maxUnread bounds how many unread bytes are recorded.
const maxUnread = 64 << 10

// unread returns the first of the unread bytes that have arrived, and how many there
// are. It leaves them in the kernel: a socket that is closed with unread bytes sends
// RST, otherwise FIN.
func (s *socket) unread() (b []byte, size int) {
	_ = s.raw.Control(func(fd uintptr) {
		size = inQueue(fd)
		if size == 0 {
			return
		}
		b = make([]byte, min(size, maxUnread))
		n, _, err := syscall.Recvfrom(int(fd), b, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err != nil {
			b, size = nil, 0
			return
		}
		b, size = b[:n], max(n, size)
	})
	return b, size
}
