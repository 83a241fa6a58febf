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

// Conn is a net.Conn under observation. All methods may be called
// concurrently, as with any net.Conn.
//
// A Conn begins detached: it passes everything on and keeps the bytes of the
// request that is being read, so that Attach can tell a Recorder of it from its
// first byte.
//
// What a Write reports as written is recorded, and nothing else. Where the
// connection has a socket, one lock covers the system call that writes and the
// recording of what the kernel took, so nothing that answers it can be recorded
// first. Any other connection, such as net.Pipe, is recorded when its Write
// returns; when a Read returns bytes before that, the whole Write is recorded
// first, for the bytes may answer it, and Uncrossed corrects it if necessary.
type Conn struct {
	net.Conn
	socket   *socket // nil where net.Conn's own Write must be used
	recorder atomic.Pointer[Recorder]
	hold     atomic.Bool
	busy     atomic.Bool // bytes are in a queue or on their way out of it, or the pump is or was at work

	early early

	// What Status tells, and line.go needs.
	counts  counts
	watcher atomic.Pointer[func()]
	silent  atomic.Bool
	delay   atomic.Int64 // a time.Duration
	split   atomic.Int64 // bytes of a TCP write; 0: as many as the endpoint writes

	// turn is held by a Write until all of its bytes are written or queued, so
	// that no other Write comes between them.
	turn   chan struct{}
	direct writing // of the Write that has the turn

	clock   Clock       // stands still while the valve is shut
	lingers atomic.Bool // a FIN of the endpoint has begun to wait, or linger has the socket

	mu            sync.Mutex
	wake          chan struct{} // closed when what waits for mu's fields may go on; nil when nothing waits
	in, out       queue
	pumping       bool     // pump is reading the socket
	pumpErr       error    // what its last read returned
	pushing       bool     // push is writing what was released
	pushErr       error    // what its last write returned
	pending       *writing // what c.Conn.Write has under way, where there is no socket
	answered      bool     // the endpoint has written since Attach
	half          bool     // CloseWrite has begun, and its FIN waits
	closing       bool     // Close has begun
	resets        bool     // Close left bytes unread that the pump had read
	reset         error    // the RST that a Write met, while bytes that came before it are unread
	met           bool     // the kernel has reported the peer's RST to a Write, so a Read gets io.EOF
	closed        bool
	lingering     bool      // linger is at work
	aborted       bool      // nothing is to be sent any more
	pausing       int       // Writes that wait for room
	readDeadline  time.Time // both on clock
	writeDeadline time.Time
}

// New returns c under observation, detached.
func New(c net.Conn) *Conn {
	return &Conn{Conn: c, socket: newSocket(c), turn: make(chan struct{}, 1)}
}

// early keeps what passed a detached Conn since the last request began.
type early struct {
	mu      sync.Mutex
	bytes   []byte
	replied bool // something was written since, so the next byte read begins a request
}

// maxEarly is the most that is kept of a request before Attach.
const maxEarly = 32 << 10

// Early returns the bytes read of the current request, before Attach.
func (c *Conn) Early() []byte {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	return append([]byte(nil), c.early.bytes...)
}

// Attach gives c to r: what has been read of the request so far is told to r
// at once, and all that passes from now on. hold says whether the valve is
// shut for what comes after. It must be called before the endpoint writes.
func (c *Conn) Attach(r Recorder, hold bool) {
	c.mu.Lock()
	c.answered = false
	c.early.mu.Lock()
	if len(c.early.bytes) > 0 {
		r.Bytes(In, c.early.bytes)
	}
	c.early.bytes = nil
	c.recorder.Store(&r)
	c.early.mu.Unlock()
	c.mu.Unlock()
	if hold {
		c.Hold()
	} else {
		c.hold.Store(false)
	}
}

// record tells the Recorder, if there is one, of bytes at the tap. c.mu is held.
func (c *Conn) record(d Direction, b []byte) []Unit {
	if len(b) == 0 {
		return nil
	}
	if r := c.recorder.Load(); r != nil {
		return (*r).Bytes(d, b)
	}
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	switch {
	case d == Out:
		c.early.replied = true
		return nil
	case c.early.replied:
		c.early.bytes, c.early.replied = nil, false
	}
	c.early.bytes = append(c.early.bytes, b[:min(len(b), maxEarly-len(c.early.bytes))]...)
	return nil
}

// failed tells the Recorder of an error of the socket.
func (c *Conn) failed(d Direction, err error) {
	c.Settle()
	r := c.recorder.Load()
	timedOut := deadlinePassed(err)
	var reset error // that a Write met before
	if d == In && !timedOut {
		reset = c.takeReset()
	}
	switch {
	case r == nil, c.gone() && !c.lingers.Load(), errors.Is(err, net.ErrClosed), timedOut:
		// The endpoint's own Close or deadline: nothing crossed.
	case d == Out && c.counts.finOut.Load() && errors.Is(err, syscall.EPIPE):
		// It writes behind its own FIN.
	case d == Out && IsReset(err) && c.socket != nil && c.unreadBytes() > 0:
		// What the peer sent before its RST can still be read, and comes first.
		c.mu.Lock()
		c.reset = err
		c.mu.Unlock()
		c.counts.failed.Store(true)
	case reset != nil: // after it the kernel says EOF, though no FIN has come
		(*r).Failed(Out, reset)
	case errors.Is(err, io.EOF) && c.metReset():
		// No FIN has come: the Write that met the RST reports it.
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

// unreadBytes returns how many bytes wait in the socket.
func (c *Conn) unreadBytes() int {
	_, size := c.socket.unread()
	return size
}

// metReset reports whether the kernel has reported the peer's RST to a Write. It
// reports an RST to one call only: a Read that is under way gets io.EOF, as after a
// FIN.
func (c *Conn) metReset() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.met
}

// takeReset returns the RST that a Write met and that is not recorded yet, or nil.
func (c *Conn) takeReset() error {
	c.mu.Lock()
	defer c.mu.Unlock()
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

// Clock returns the clock that stands still while c's valve is shut.
func (c *Conn) Clock() *Clock { return &c.clock }

// opError gives err the form in which the socket would have returned it.
func (c *Conn) opError(op string, err error) error {
	local := c.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: c.RemoteAddr(), Err: err}
}

// Plain returns what err says without the operations and the addresses, which
// differ in every run.
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
