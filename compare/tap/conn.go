package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a net.Conn under observation. Its methods may be called concurrently, as with
// any net.Conn.
//
// A Conn begins detached. It passes all bytes on, and keeps the bytes of the request that
// is being read. Attach gives these bytes to a Recorder.
//
// A Conn records exactly the bytes that a Write reports as written. If the connection has
// a socket, one lock covers the write system call and the recording of the bytes that the
// kernel accepted, so no answer can be recorded before them. Any other connection, such
// as net.Pipe, is recorded when its Write returns. If a Read returns bytes before that,
// they may be an answer. So the whole Write is recorded first, and Uncrossed corrects the
// record if necessary.
type Conn struct {
	net.Conn
	socket   *socket // nil where net.Conn's own Write must be used
	recorder atomic.Pointer[Recorder]
	hold     atomic.Bool
	busy     atomic.Bool // bytes are in a queue or leave a queue, or the pump reads or has ended
	busyOut  atomic.Bool // busy, and not only because of bytes that Sip has left

	early early

	// For Status and line.go.
	counts  counts
	watcher atomic.Pointer[func()]
	silent  atomic.Bool
	delay   atomic.Int64 // a time.Duration
	split   atomic.Int64 // most bytes of a TCP write; 0: as many as the endpoint writes

	// For stack.go.
	stack  atomic.Pointer[stack] // nil: stacks are not reported
	during atomic.Pointer[func()]
	sip    atomic.Int64 // most bytes of a Read; 0: as many as the endpoint asks for

	// A Write holds turn until all of its bytes are written or queued, so that no other
	// Write comes between them.
	turn   chan struct{}
	direct writing // used by the Write that has the turn

	clock   Clock       // stopped while the valve is shut
	lingers atomic.Bool // a FIN of the endpoint is held, or linger owns the socket

	mu            sync.Mutex
	wake          chan struct{} // closed when a field below mu changes; nil when no goroutine waits
	in, out       queue
	recorded      [2]int64    // bytes that record received since the request began
	readAt        int64       // offset of the bytes that the latest Read returns
	pumping       bool        // pump is reading the socket
	pumpErr       error       // error of pump's last read
	pushing       bool        // push is writing released bytes
	pushErr       error       // error of push's last write
	pending       *writing    // the Write of c.Conn in progress, if there is no socket
	answered      bool        // the endpoint has written since Attach
	half          bool        // CloseWrite has begun, and its FIN is held
	closing       bool        // Close has begun
	resets        bool        // Close left bytes unread that the pump had read
	reset         error       // error of a Write that met the peer's RST, while earlier bytes are unread
	met           bool        // the kernel has reported the peer's RST to a Write
	inRead        atomic.Bool // a read of the socket may have bytes that are not recorded; false is stored with mu held
	closed        bool
	finished      bool      // the first Close has done all its work
	aborted       bool      // no more bytes are sent
	pausing       int       // Writes that wait for room
	readDeadline  time.Time // clock measures both
	writeDeadline time.Time
}

// New returns c under observation, detached.
func New(c net.Conn) *Conn {
	return &Conn{Conn: c, socket: newSocket(c), turn: make(chan struct{}, 1)}
}

// early keeps the bytes of the request that a detached Conn is reading.
type early struct {
	mu      sync.Mutex
	bytes   []byte
	replied bool // the endpoint has written since, so the next byte read begins a request
	keeps   bool // stacks are kept
	stacks  []earlyStack

	visitor  Visitor   // receives the bytes instead; nil for none
	visitors []Visitor // receive the end of TCP
}

// keep adds b to the bytes of the request. The caller holds e.mu.
func (e *early) keep(b []byte) {
	e.bytes = append(e.bytes, b[:min(len(b), maxEarly-len(e.bytes))]...)
}

// maxEarly bounds the bytes of a request that are kept before Attach.
const maxEarly = 32 << 10

// Early returns the bytes of the current request that were read before Attach.
func (c *Conn) Early() []byte {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	return append([]byte(nil), c.early.bytes...)
}

// Attach makes r record c. It gives r the bytes of the request that were read so far.
// hold shuts the valve for all bytes after them. Callers must call Attach before the
// endpoint writes.
func (c *Conn) Attach(r Recorder, hold bool) {
	c.mu.Lock()
	c.answered = false
	c.early.mu.Lock()
	if len(c.early.bytes) > 0 {
		r.Bytes(In, c.early.bytes)
	}
	c.recorded = [2]int64{In: int64(len(c.early.bytes))}
	c.early.bytes = nil
	stacks := c.early.stacks
	c.early.stacks = nil
	if c.early.keeps { // the owner of r did not call Callers
		c.early.keeps, stacks = false, nil
		c.stack.Store(nil)
	}
	c.recorder.Store(&r)
	c.early.mu.Unlock()
	c.mu.Unlock()
	if f := c.stack.Load(); f != nil {
		for _, s := range stacks {
			f.report(In, s.at, s.n, s.calls)
		}
	}
	if hold {
		c.Hold()
	} else {
		c.hold.Store(false)
	}
}

// record passes b to the Recorder, if there is one. c.mu is held.
func (c *Conn) record(d Direction, b []byte) []Unit {
	if len(b) == 0 {
		return nil
	}
	c.recorded[d] += int64(len(b))
	if r := c.recorder.Load(); r != nil {
		return (*r).Bytes(d, b)
	}
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	switch {
	case c.early.visitor != nil:
		c.visited(d, b)
		return nil
	case d == Out:
		c.early.replied = true
		return nil
	case c.early.replied:
		c.early.bytes, c.early.stacks, c.early.replied = nil, nil, false
		c.recorded[In] = int64(len(b))
	}
	c.early.keep(b)
	return nil
}

// failed records an error of the socket, unless the endpoint caused it.
func (c *Conn) failed(d Direction, err error) {
	c.Settle()
	r := c.recorder.Load()
	timedOut := deadlinePassed(err)
	var reset error // of an earlier Write
	if d == In && !timedOut {
		reset = c.takeReset()
	}
	switch {
	case r == nil:
		c.endsVisit(d, err)
	case c.gone() && !c.lingers.Load(), errors.Is(err, net.ErrClosed), timedOut:
		// The endpoint's own Close or deadline is the cause, not the peer.
	case d == Out && c.counts.finOut.Load() && errors.Is(err, syscall.EPIPE):
		// The endpoint writes after its own FIN.
	case d == Out && IsReset(err) && c.socket != nil && c.keepReset(err):
		c.counts.failed.Store(true)
	case reset != nil: // the kernel reports EOF now, although no FIN arrived
		(*r).Failed(Out, reset)
	case errors.Is(err, io.EOF) && c.counts.finIn.Load():
		// The FIN is recorded already. While Close lingers, another read finds the end again.
	case errors.Is(err, io.EOF) && c.metReset():
		// No FIN arrived. The Write that met the RST reports the RST.
	case errors.Is(err, io.EOF):
		id := (*r).Fin(In)
		c.counts.finIn.Store(true)
		c.mu.Lock()
		c.finWaits(*r, In, id)
		c.mu.Unlock()
	default:
		(*r).Failed(d, err)
		c.counts.failed.Store(true)
	}
	c.tell()
}

func deadlinePassed(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// keepReset keeps the error of a Write that met an RST, if bytes that the peer sent
// before the RST are not recorded yet: they are unread, or a Read in progress may have
// them. It reports whether it kept the error. The Read that finds the end, or Close,
// records the RST.
func (c *Conn) keepReset(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.inRead.Load() {
		if _, size := c.socket.unread(); size == 0 {
			return false
		}
	}
	c.reset = err
	return true
}

// metReset reports whether the kernel has reported the peer's RST to a Write. The kernel
// reports an RST to one call only: a Read in progress gets io.EOF, as after a FIN.
func (c *Conn) metReset() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.met
}

// takeReset returns the error of a Write that met an RST, and forgets it. It does so only
// if that RST is not recorded yet.
func (c *Conn) takeReset() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inRead.Store(false) // a later RST is recorded by the Write that meets it
	err := c.reset
	c.reset = nil
	return err
}

// gone reports whether the endpoint has closed its socket.
func (c *Conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Clock returns the clock that stops while c's valve is shut.
func (c *Conn) Clock() *Clock { return &c.clock }

// opError returns err in the form in which the socket would have returned it.
func (c *Conn) opError(op string, err error) error {
	local := c.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: c.RemoteAddr(), Err: err}
}

// Plain returns the text of err without operations and addresses, which differ from
// run to run.
func Plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err.Error()
}

// IsReset reports whether err says that the peer reset the connection.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
