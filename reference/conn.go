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

// Options of a Conn. The zero value stands for the defaults.
type Options struct {
	// MaxMessage is the most bytes a received message may have; a longer one
	// fails the connection with 1009. Default: DefaultMaxMessage.
	MaxMessage int

	// WriteTimeout ends a write to the network when the peer has taken nothing for so
	// long, twice that at most, where SetWriteDeadline has set nothing. A slow peer
	// that keeps reading is served to the end; over TLS it must take 16 KiB in that
	// time. Once the connection is being closed CloseTimeout counts. Default: 10 s.
	WriteTimeout time.Duration

	// CloseTimeout bounds Close's wait for the peer's Close frame, and all writes
	// from then on, those that have begun included. Default: 5 s.
	CloseTimeout time.Duration

	// FinTimeout bounds the wait for the end of the peer's bytes before the TCP
	// connection is closed: a client leaves that to the server first (RFC 6455
	// §7.1.1), and whoever fails the connection lets its Close frame arrive. It
	// also bounds reading once a write has failed. Default: 2 s.
	FinTimeout time.Duration

	// IdleTimeout, when not zero, ends a connection from which no byte has come
	// for so long, less a quarter at most, while ReadMessage or a Reader waits; the
	// peer is told 1001. A Ping now and then makes a live peer's Pong come.
	// Default: none.
	IdleTimeout time.Duration

	// HoldFlush is how long what is written may wait while more bytes of the
	// peer are here already: answers to messages that came together then leave
	// together. The next read that has to wait sends them at once, unless the one
	// before has just filled its buffer, so that more seemed to be here: the time
	// counts then, and when a message is long being worked on. Less than 0: every
	// message leaves by itself. Default: 1 ms.
	HoldFlush time.Duration

	// Extension, when not nil, is offered to the peer or accepted from it, such as
	// Deflate, which compresses messages.
	Extension Extension

	// AnswerClose, when not nil, chooses the Close frame that answers the peer's. What
	// cannot be sent is replaced by the default: the peer's code and no reason. It
	// must be quick and must not call the Conn.
	AnswerClose func(received wire.ClosePayload) wire.ClosePayload

	// MaskKey returns the next frame's masking key, for a client (RFC 6455
	// §5.3). Default: crypto/rand, read 256 bytes at a time.
	MaskKey func() [4]byte

	// Now is the clock that deadlines are counted from. The network compares
	// them with the real one. Default: time.Now.
	Now func() time.Time

	// Misbehave has this end break the closing handshake, for lessons and tests.
	Misbehave Misbehave

	// Observe, when not nil, is told of every change of the Machine's state, in
	// order and before the call that caused it returns. It must be quick and must not
	// call the Conn, which waits for it.
	Observe func(Observation)

	// OnControl, when not nil, is told of every Ping, Pong and Close, in order with
	// the messages, by who reads those: ReadMessage, NextReader or a Reader. What
	// comes while nobody reads is told later, and what Close still reads never.
	// Pings and Closes have been answered by then. It must not read, nor call Close.
	OnControl func(opcode wire.Opcode, payload []byte)
}

// Misbehave names what an end does against RFC 6455 on purpose, for lessons and
// tests.
type Misbehave struct {
	IgnoreClose bool // it sends no Close frame in answer to the peer's (§5.5.1)
	KeepTCP     bool // it leaves TCP open behind a closing handshake (§7.1.1)
}

// The sizes of what a Conn holds.
const (
	smallSize  = 144      // the buffer in which a first message is waited for: a header and 125 bytes
	waitSize   = 1152     // and one after messages that were longer
	readSize   = 16 << 10 // taken from the network at once while there is more, or more for a large message
	moveSize   = 64 << 10 // the largest message that is moved up by its header rather than read apart from it
	maxBacklog = 16 << 10 // the most that waits for a busy writer before reading waits too
)

// withDefaults fills what is zero.
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

// timeout returns d, or what stands for it where it is 0 or makes no sense.
func timeout(d, otherwise time.Duration) time.Duration { return cmp.Or(max(d, 0), otherwise) }

// bufferedKeys returns masking keys from r, asking it once for 64 of them: a
// system call for each would cost more than the frame.
func bufferedKeys(r io.Reader) func() [4]byte {
	buffered := bufio.NewReaderSize(r, 256)
	return func() [4]byte {
		key, err := buffered.Peek(4)
		if err != nil {
			panic("reference: no randomness for masking keys: " + err.Error())
		}
		_, _ = buffered.Discard(4) // they are there
		return [4]byte(key)
	}
}

// A Conn is a Machine on a net.Conn. Frames are received in the goroutine that
// reads or closes, so a Conn that nobody reads answers no Ping. It starts no other
// than a timer's, which sends what HoldFlush has held back for long enough.
//
// One goroutine reads; any number may write, Ping, Close and ask at the same
// time. Whoever has a Conn must end it with Close or CloseNow.
//
// A panic of a function in Options reaches the caller in whose goroutine it ran.
// The Conn can still be closed.
//
// A call that comes too late returns the cause: a *CloseError when the peer
// ended the connection, a *ProtocolError when this end failed it, and after
// Close or CloseNow an error that is net.ErrClosed.
type Conn struct {
	nc          net.Conn
	subprotocol string

	// message is held while a message is being written, and turn while bytes
	// are, so that those of one frame stay together.
	message baton
	turn    baton
	vector  net.Buffers // header and payload of a large frame; turn guards it

	// reading is held while somebody reads; it guards what follows, to stream.
	reading baton
	buf     []byte
	unread  []byte  // bytes that the Machine has not had
	large   *[]byte // a larger buffer, from frameBuffers, while the peer sends more than buf holds
	full    bool    // the last read filled its buffer: there is more
	stream  *reader

	// mu guards the rest. It is never held during I/O.
	mu            sync.Mutex
	m             *Machine // its Options, which never change, are the Conn's too
	lent          *[]byte  // the memory of the Machine's output, from frameBuffers
	more          bool     // the reader has bytes in unread, and the network can wait
	held          bool     // release will be called
	err           error    // what calls return from now on; nil while there is no end in sight
	readErr       error    // why nothing more can be read from TCP
	writeErr      error    // why nothing more can be written to TCP
	leaving       bool     // the deadlines are the Conn's own
	readDeadline  time.Time
	writeDeadline time.Time
	idleUntil     time.Time // what the network's deadlines were last set to by the Conn itself
	writeUntil    time.Time
	wake          chan struct{} // closed when what bounds a wait for message has changed; nil when nobody waits
}

// A baton is a mutex that may be held during I/O: it can be waited for with a
// deadline, and testing/synctest lets time pass meanwhile.
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
// already done. Upgrade and Dial are the ways to one that is not.
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

// opened ends the state CONNECTING. Bytes that r has read behind the
// handshake are the first that the Machine is given.
func (c *Conn) opened(a Agreement, r *bufio.Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unread, _ := r.Peek(r.Buffered())                            // what is buffered can be peeked at
	c.subprotocol, c.unread = a.Subprotocol, bytes.Clone(unread) // not to keep r's buffer
	c.m.Opened(a)
}

// NetConn returns the connection that c runs on. Reading or writing it breaks
// the framing; it is there to be asked for addresses.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Subprotocol returns the subprotocol that the handshake settled on, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// State returns the connection's state.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m.State()
}

// SetReadDeadline sets when a ReadMessage that waits gives up; the zero time
// means never, but for IdleTimeout, which begins anew. What was received until
// then is kept, so a later ReadMessage goes on where that one stopped. It has no
// effect once the connection is being closed.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(t, &c.readDeadline, &c.idleUntil, c.nc.SetReadDeadline, c.beforeRead)
}

// SetWriteDeadline sets when writes that wait give up, in place of
// Options.WriteTimeout; the zero time brings that back. A write that gave up
// has cut a frame: nothing can be written after it. It has no effect once the
// connection is being closed.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(t, &c.writeDeadline, &c.writeUntil, c.nc.SetWriteDeadline, c.beforeWrite)
}

// setDeadline sets one of the deadlines in place of own, which the Conn has set itself.
// before sees to it that what waits already gets its own again.
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

// until returns the deadline for something that may take d from now, and
// whether the network must be told of it: was, the one before, is left alone as
// long as three quarters of d remain, for setting a deadline costs more than
// writing a header.
func until(was, now time.Time, d time.Duration) (time.Time, bool) {
	if left := was.Sub(now); left <= d && left >= d/4*3 {
		return was, false
	}
	return now.Add(d), true
}
