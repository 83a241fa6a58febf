package naive

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Limits are the bounds of the cage. A zero field means the default.
type Limits struct {
	Memory uint64        // bytes that one message may allocate; 1 MiB
	Depth  int           // nested calls of the server; 100
	Errors int           // consecutive errors of Read or of Write that it may ignore; 16
	Accept time.Duration // time that a client waits until the server accepts it; 1 second
	Wait   time.Duration // time of one Read or Write; 1 minute
	Total  time.Duration // time of the whole connection; 10 minutes
}

// Options of Serve.
type Options struct {
	Limits Limits

	// Call, if not nil, is called for every call that the server makes to Read, Write,
	// Close, make and log. The function that it returns is called with the result.
	// written has the bytes of a Write. Call may be called concurrently.
	Call func(name, args string, written []byte) (done func(result string, err error))

	// Opened, if not nil, is called when the server has answered the handshake. It must
	// not block.
	Opened func(*Server)
}

// Server is the naive server with an open connection. Its methods may be called
// concurrently, also with the echoes. Their bytes may then be interleaved (fault 29).
type Server struct {
	s *server
	c *cage
}

// Send sends one message. The only error of the naive server is that the message is too
// long. Send can also return a *Stopped.
func (s *Server) Send(message []byte) error {
	var err error
	if stopped := s.c.run(func() { err = s.s.send(message) }); stopped != nil {
		return stopped
	}
	return err
}

// Close closes TCP, and nothing more.
func (s *Server) Close() error { return s.c.run(s.s.close) }

// Bound names one limit of the cage.
type Bound string

// The bounds.
const (
	Memory Bound = "memory"
	Depth  Bound = "depth"
	Errors Bound = "errors"
	Accept Bound = "accept"
	Wait   Bound = "wait"
	Total  Bound = "total"
	Panic  Bound = "panic" // a panic of the server itself; without the cage it would end the program
)

// Stopped says that the cage ended a connection, which bound was reached, and what the
// result would be without the cage.
type Stopped struct {
	Bound Bound
	Text  string
	Value any // the value of the server's panic, if Bound is Panic
}

func (e *Stopped) Error() string { return "naive: " + e.Text }

// cage is the connection that the server sees. It ends the server by a panic with a
// *Stopped, because the server ignores errors. run turns the panic into an error.
type cage struct {
	net.Conn
	limits Limits
	call   func(name, args string, written []byte) func(result string, err error)
	end    time.Time // when the connection must end

	// Only the goroutine that echoes uses these:
	asked      uint64 // bytes allocated for the message that is being read
	depth      int
	readErrors int

	mu          sync.Mutex
	writeErrors int
}

func newCage(conn net.Conn, o Options) *cage {
	l := o.Limits
	or(&l.Memory, 1<<20)
	or(&l.Depth, 100)
	or(&l.Errors, 16)
	or(&l.Accept, time.Second)
	or(&l.Wait, time.Minute)
	or(&l.Total, 10*time.Minute)
	c := &cage{Conn: conn, limits: l, call: o.Call, end: time.Now().Add(l.Total)}
	if c.call == nil {
		c.call = func(string, string, []byte) func(string, error) { return func(string, error) {} }
	}
	return c
}

// or sets v to a default if v is zero.
func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// run calls f and returns the reason why f was stopped, or nil. If f was stopped, the
// connection is closed.
func (c *cage) run(f func()) (err error) {
	defer func() {
		if err = stopped(recover()); err != nil {
			c.Conn.Close()
		}
	}()
	f()
	return nil
}

// stopped returns a recovered panic as a *Stopped, or nil if there was none.
func stopped(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case *Stopped:
		return v
	}
	return &Stopped{Panic, fmt.Sprintf("here it panics, and without the cage the whole program would end: %v", v), v}
}

func stop(b Bound, format string, args ...any) {
	panic(&Stopped{Bound: b, Text: fmt.Sprintf(format, args...)})
}

// make is make([]byte, n), but stops the server if the cage has no room for n bytes.
func (c *cage) make(n uint64) []byte {
	done := c.call("make", fmt.Sprintf("[]byte, %d", n), nil)
	if n > c.limits.Memory-c.asked {
		text := fmt.Sprintf("here it would have allocated %s", data(n))
		if c.asked > 0 {
			text += fmt.Sprintf(" after %d of the same message", c.asked)
		}
		done("", &Stopped{Bound: Memory, Text: text})
		stop(Memory, "%s", text)
	}
	c.asked += n
	b := make([]byte, n)
	done(data(n), nil)
	return b
}

// deeper counts a nested call of the server. The returned function counts its end. A
// program cannot recover from a stack overflow, so the cage stops the server first.
func (c *cage) deeper() func() {
	if c.depth++; c.depth > c.limits.Depth {
		c.depth--
		stop(Depth, "here it would have called itself more than %d levels deep, once for each fragment, without a limit", c.limits.Depth)
	}
	return func() {
		if c.depth--; c.depth == 0 {
			c.asked = 0
		}
	}
}

func (c *cage) log(format string, args ...any) {
	c.call("log", fmt.Sprintf(format, args...), nil)("nil", nil)
}

// Read reads from the socket, at most as long as the cage allows. As on a socket, a Read
// of no bytes returns at once.
func (c *cage) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	deadline, bound := c.deadline()
	c.Conn.SetReadDeadline(deadline)
	done := c.call("Read", "up to "+data(uint64(len(p))), nil)
	n, err := c.Conn.Read(p)
	done(data(uint64(n)), err)
	c.expired(bound, "Read", err)
	if err == nil {
		c.readErrors = 0
	} else if c.readErrors++; c.readErrors > c.limits.Errors {
		stop(Errors, "here it would have read zeros forever; it ignored %d errors of Read in a row, the last %q", c.limits.Errors, plain(err))
	}
	return n, err
}

// Write writes to the socket, at most as long as the cage allows.
func (c *cage) Write(p []byte) (int, error) {
	deadline, bound := c.deadline()
	c.Conn.SetWriteDeadline(deadline)
	done := c.call("Write", data(uint64(len(p))), p)
	n, err := c.Conn.Write(p)
	done("nil", err)
	c.expired(bound, "Write", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.writeErrors = 0
	} else if c.writeErrors++; c.writeErrors > c.limits.Errors {
		stop(Errors, "here it would have continued; it ignored %d errors of Write in a row, the last %q", c.limits.Errors, plain(err))
	}
	return n, err
}

// Close closes the socket.
func (c *cage) Close() error {
	done := c.call("Close", "", nil)
	err := c.Conn.Close()
	done("nil", err)
	return err
}

// deadline returns how long a Read or Write may wait, and which bound says so.
func (c *cage) deadline() (time.Time, Bound) {
	if d := time.Now().Add(c.limits.Wait); d.Before(c.end) {
		return d, Wait
	}
	return c.end, Total
}

// expired stops the server if err says that the deadline has passed.
func (c *cage) expired(b Bound, verb string, err error) {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
	case b == Wait:
		stop(Wait, "here its %s has no deadline and would have waited forever; the cage waited %v", verb, c.limits.Wait)
	default:
		stop(Total, "here it would have continued; the cage limits a connection to %v", c.limits.Total)
	}
}

// data returns n with its unit.
func data(n uint64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// plain returns err without the addresses of its connection.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return strings.TrimSpace(op.Op + ": " + op.Err.Error())
	}
	return err.Error()
}
