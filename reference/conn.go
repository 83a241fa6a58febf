package reference

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"io"
	"net"
	"sync"
	"time"

	"wslab/reference/wire"
)

// Options configure a Conn. The zero value means the defaults.
type Options struct {
	// MaxMessage is the maximum size of a received message in bytes. A longer
	// message fails the connection with 1009. Default: DefaultMaxMessage.
	MaxMessage int

	// WriteTimeout ends a write to the network if the peer accepts no bytes for this
	// long (at most twice as long). SetWriteDeadline replaces it. A slow peer that
	// keeps reading is not cut off; over TLS it must accept 16 KiB in that time.
	// While the connection closes, CloseTimeout applies instead. Default: 10 s.
	WriteTimeout time.Duration

	// CloseTimeout bounds how long Close waits for the peer's Close frame, and all
	// writes from then on, including those in progress. Default: 5 s.
	CloseTimeout time.Duration

	// FinTimeout bounds the wait for the peer's TCP FIN before this end closes TCP: a
	// client lets the server close first (RFC 6455 §7.1.1), and an endpoint that
	// fails the connection lets its Close frame arrive. It also bounds reading after
	// a write has failed. Default: 2 s.
	FinTimeout time.Duration

	// IdleTimeout, if not zero, closes a connection with 1001 if no byte arrives for
	// this long (at least three quarters of it) while ReadMessage or a Reader waits.
	// To keep a quiet connection open, send a Ping at intervals: the peer answers
	// with a Pong. Default: none.
	IdleTimeout time.Duration

	// HoldFlush is how long a written message may wait while more bytes from the
	// peer were already received, so that answers to messages that arrived together
	// are sent together. The next read that has to wait sends them at once. If that
	// read follows one that filled its buffer, or if the application works on a
	// message for long, they are sent after this time. If less than 0, each message
	// is sent by itself. Default: 1 ms.
	HoldFlush time.Duration

	// Extension, if not nil, is offered to the server or accepted from the client.
	// Deflate is one: it compresses messages.
	Extension Extension

	// AnswerClose, if not nil, chooses the Close frame that answers the peer's. If its
	// result cannot be sent, the default is: the peer's code and no reason. It must be
	// quick and must not call the Conn.
	AnswerClose func(received wire.ClosePayload) wire.ClosePayload

	// MaskKey returns the next frame's masking key, for a client (RFC 6455
	// §5.3). Default: crypto/rand, read 256 bytes at a time.
	MaskKey func() [4]byte

	// Now is the clock from which deadlines are computed. The network compares
	// them with the real clock. Default: time.Now.
	Now func() time.Time

	// Misbehave makes this end break the closing handshake, for lessons and tests.
	Misbehave Misbehave

	// Observe, if not nil, is called at every change of the Machine's state, in order,
	// before the call that caused the change returns. It must be quick and must not
	// call the Conn, which waits for it.
	Observe func(Observation)

	// OnControl, if not nil, is called for every Ping, Pong and Close, in order with
	// the messages, by ReadMessage, NextReader or a Reader. The Conn has already
	// answered the frame. Frames that Close reads are not reported. OnControl must not
	// read and must not call Close.
	OnControl func(opcode wire.Opcode, payload []byte)
}

// Misbehave lists the rules of RFC 6455 that an end breaks on purpose, for lessons and
// tests.
type Misbehave struct {
	IgnoreClose bool // it does not answer the peer's Close frame (§5.5.1)
	KeepTCP     bool // it leaves TCP open after a closing handshake (§7.1.1)
}

// The sizes of what a Conn holds.
const (
	smallSize  = 144      // the buffer for a first message: a header and 125 bytes
	waitSize   = 1152     // the buffer after longer messages
	readSize   = 16 << 10 // the most that one read takes from the network if more has arrived, or more for a large message
	moveSize   = 64 << 10 // the largest message that is read with its header and then moved to the front
	maxBacklog = 16 << 10 // reading waits if more bytes than this wait for a busy writer
)

// withDefaults replaces zero fields by their defaults.
func (o Options) withDefaults(role wire.Role) Options {
	o.WriteTimeout = timeout(o.WriteTimeout, 10*time.Second)
	o.CloseTimeout = timeout(o.CloseTimeout, 5*time.Second)
	o.FinTimeout = timeout(o.FinTimeout, 2*time.Second)
	if o.MaskKey == nil && role == wire.Client {
		o.MaskKey = bufferedKeys(rand.Reader)
	}
	o.HoldFlush = cmp.Or(o.HoldFlush, time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// timeout returns d, or the default if d is not positive.
func timeout(d, otherwise time.Duration) time.Duration { return cmp.Or(max(d, 0), otherwise) }

// bufferedKeys returns masking keys from r and reads 64 of them at once: a system call
// for each would cost more than the frame.
func bufferedKeys(r io.Reader) func() [4]byte {
	buffered := bufio.NewReaderSize(r, 256)
	return func() [4]byte {
		key, err := buffered.Peek(4)
		if err != nil {
			panic("reference: no randomness for masking keys: " + err.Error())
		}
		_, _ = buffered.Discard(4) // the four bytes are in the buffer
		return [4]byte(key)
	}
}

// A Conn is a Machine on a net.Conn. It receives frames in the goroutine that reads or
// closes, so the application must keep reading: otherwise the Conn does not answer
// Pings. It starts no goroutine, except a timer that sends what HoldFlush held back.
//
// One goroutine may read; any number may write, Ping and Close at the same time.
// Callers must close a Conn with Close or CloseNow.
//
// If a function in Options panics, the panic reaches the caller in whose goroutine it
// ran. The Conn can still be closed.
//
// After the connection has ended, calls return the cause: a *CloseError if the peer
// ended it, a *ProtocolError if this end failed it, and an error that is net.ErrClosed
// after Close or CloseNow.
type Conn struct {
	nc          net.Conn
	subprotocol string

	// A writer holds message while it writes a message, and turn while it writes bytes,
	// so that the bytes of one frame stay together.
	message baton
	turn    baton

	// A goroutine that reads holds reading. It guards the fields below it, up to stream.
	reading baton
	buf     []byte
	unread  []byte  // bytes that the Machine has not received
	large   *[]byte // a larger buffer, from frameBuffers, used while the peer sends more than buf holds
	full    bool    // the last read filled its buffer, so more bytes have arrived
	stream  *reader

	// mu guards the rest. It is never held during I/O.
	mu            sync.Mutex
	m             *Machine // the Conn uses the Machine's Options, which never change
	lent          *[]byte  // the memory of the Machine's output, from frameBuffers
	more          bool     // the reader has bytes in unread, and a read from the network can wait
	held          bool     // the timer will call release
	err           error    // the error that all calls return; nil while the connection is usable
	readErr       error    // why nothing more can be read from TCP
	writeErr      error    // why nothing more can be written to TCP
	leaving       bool     // the Conn has set its last deadlines
	readDeadline  time.Time
	writeDeadline time.Time
	idleUntil     time.Time // the deadlines that the Conn itself last set
	writeUntil    time.Time
	wake          chan struct{} // closed when the limit of a wait for message has changed; nil if no goroutine waits
}

// A baton is a mutex that may be held during I/O. A goroutine can wait for it with a
// deadline, and testing/synctest lets time pass during the wait.
type baton chan struct{}

func (b baton) lock()   { b <- struct{}{} }
func (b baton) unlock() { <-b }
func (b baton) tryLock() bool {
	select {
	case b <- struct{}{}:
		return true
	default:
		return false
	}
}

// NewConn returns a Conn in the given role on nc, whose opening handshake is
// already done. If the handshake is not done, use Upgrade or Dial.
func NewConn(nc net.Conn, role wire.Role, o Options) *Conn {
	c := newConn(nc, role, o)
	c.opened(Agreement{}, new(bufio.Reader))
	return c
}

// newConn returns a Conn in state CONNECTING.
func newConn(nc net.Conn, role wire.Role, o Options) *Conn {
	return &Conn{nc: nc, m: NewMachine(role, o.withDefaults(role)),
		message: make(baton, 1), turn: make(baton, 1), reading: make(baton, 1), buf: make([]byte, smallSize)}
}

// opened ends the state CONNECTING. Bytes that r has read after the handshake are the
// first input of the Machine.
func (c *Conn) opened(a Agreement, r *bufio.Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unread, _ := r.Peek(r.Buffered())                            // bytes that are buffered can always be peeked at
	c.subprotocol, c.unread = a.Subprotocol, bytes.Clone(unread) // copied, so that the Conn does not keep r's buffer
	c.m.Opened(a)
}

// NetConn returns the connection that c runs on, for its addresses. Reading or writing
// it breaks the framing.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Subprotocol returns the negotiated subprotocol, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// State returns the connection's state.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m.State()
}

// SetReadDeadline sets when a waiting ReadMessage returns an error. The zero time means
// never, and restarts IdleTimeout. Bytes received before the deadline are kept, so a
// later ReadMessage continues with them. SetReadDeadline has no effect after the
// connection has started to close.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(t, &c.readDeadline, &c.idleUntil, c.nc.SetReadDeadline, c.beforeRead)
}

// SetWriteDeadline sets when waiting writes return an error, in place of
// Options.WriteTimeout. The zero time restores WriteTimeout. After a write has timed
// out, nothing more can be written, because a frame may have been cut. SetWriteDeadline
// has no effect after the connection has started to close.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(t, &c.writeDeadline, &c.writeUntil, c.nc.SetWriteDeadline, c.beforeWrite)
}

// setDeadline sets deadline to t in place of own, a deadline of the Conn itself. before
// sets own again if own still applies.
func (c *Conn) setDeadline(t time.Time, deadline, own *time.Time, set func(time.Time) error, before func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return nil
	}
	*deadline, *own = t, time.Time{}
	err := set(t)
	before()
	c.wakeWriters()
	return err
}

// until returns the deadline d from now, and whether it must be set. If three quarters of
// d remain, the last deadline, was, stays: setting a deadline costs more than writing a
// frame header.
func until(was, now time.Time, d time.Duration) (time.Time, bool) {
	if left := was.Sub(now); left <= d && left >= d/4*3 {
		return was, false
	}
	return now.Add(d), true
}
