package reference

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"wslab/reference/wire"
)

// Options of a Conn. The zero value stands for the defaults.
type Options struct {
	// MaxMessage is the most octets a received message may have; a longer one
	// fails the connection with 1009. Default: DefaultMaxMessage.
	MaxMessage int

	// WriteTimeout bounds each write to the network for which SetWriteDeadline
	// has set nothing. Default: 10 s.
	WriteTimeout time.Duration

	// CloseTimeout bounds Close's wait for the peer's Close frame. Default: 5 s.
	CloseTimeout time.Duration

	// FinTimeout bounds the wait for the end of the peer's octets before the TCP
	// connection is closed: a client leaves that to the server first (RFC 6455
	// §7.1.1), and whoever fails the connection lets its Close frame arrive.
	// Default: 2 s.
	FinTimeout time.Duration

	// MaskKey returns the next frame's masking key, for a client (RFC 6455
	// §5.3). Default: crypto/rand, read 256 octets at a time.
	MaskKey func() [4]byte

	// Now is the clock that deadlines are counted from. The network compares
	// them with the real one. Default: time.Now.
	Now func() time.Time

	// Observe, when not nil, is told of every change of the Machine's state, in
	// order and before the call that caused it returns. It must be quick and
	// must not call the Conn.
	Observe func(Observation)

	// OnControl, when not nil, is told of every Ping, Pong and Close that is
	// received, in order with the messages, by ReadMessage: nothing is heard
	// while nobody reads. Pings and Closes have been answered by then. It must
	// not call ReadMessage or Close.
	OnControl func(opcode wire.Opcode, payload []byte)
}

// readSize is the most octets taken from the network at once, and maxBacklog
// the most that wait for a busy writer before reading waits too.
const (
	readSize   = 4 << 10
	maxBacklog = 16 << 10
	keepBuffer = 64 << 10 // a write buffer larger than this is not kept
)

// withDefaults fills what is zero.
func (o Options) withDefaults() Options {
	o.WriteTimeout = orElse(o.WriteTimeout, 10*time.Second)
	o.CloseTimeout = orElse(o.CloseTimeout, 5*time.Second)
	o.FinTimeout = orElse(o.FinTimeout, 2*time.Second)
	if o.MaskKey == nil {
		o.MaskKey = bufferedKeys(rand.Reader)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orElse(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// bufferedKeys returns masking keys from r, asking it once for 64 of them: a
// system call for each would cost more than the frame.
func bufferedKeys(r io.Reader) func() [4]byte {
	var buf [256]byte
	left := buf[:0]
	return func() [4]byte {
		if len(left) == 0 {
			if _, err := io.ReadFull(r, buf[:]); err != nil {
				panic("reference: no randomness for masking keys: " + err.Error())
			}
			left = buf[:]
		}
		key := [4]byte(left)
		left = left[4:]
		return key
	}
}

// A Conn is a Machine on a net.Conn. It starts no goroutine: frames are received
// while ReadMessage or Close runs, so a Conn that nobody reads answers no Ping.
//
// One goroutine reads; any number may write, Ping, Close and ask at the same
// time. Whoever has a Conn must end it with Close or CloseNow.
//
// A call that comes too late returns the cause: a *CloseError when the peer
// ended the connection, a *ProtocolError when this end failed it, and after
// Close or CloseNow an error that is net.ErrClosed.
type Conn struct {
	nc          net.Conn
	role        wire.Role
	o           Options
	subprotocol string

	// turn is held while frames are being written, so that those of one call
	// stay together; spare is the buffer that is not the Machine's at the time.
	turn  baton
	spare []byte

	// reading is held while somebody reads; it guards the next three.
	reading baton
	buf     []byte
	unread  []byte // octets that the Machine has not had
	events  []Event

	// mu guards the rest. It is never held during I/O.
	mu            sync.Mutex
	m             *Machine
	err           error // what calls return from now on; nil while there is no end in sight
	readErr       error // why nothing more can be read from TCP
	writeErr      error // why nothing more can be written to TCP
	leaving       bool  // the read deadline is the Conn's own
	writeDeadline time.Time
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
	c.opened("", nil)
	return c
}

// newConn returns a Conn in state CONNECTING.
func newConn(nc net.Conn, role wire.Role, o Options) *Conn {
	o = o.withDefaults()
	return &Conn{nc: nc, role: role, o: o, m: NewMachine(role, o), turn: make(baton, 1), reading: make(baton, 1), buf: make([]byte, readSize)}
}

// opened ends the state CONNECTING. Octets that came behind the handshake are
// the first that the Machine is given.
func (c *Conn) opened(subprotocol string, unread []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subprotocol, c.unread = subprotocol, unread
	c.m.Opened()
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
// means never. What was received until then is kept, so a later ReadMessage
// goes on where that one stopped. It has no effect once the connection is
// being closed.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return nil
	}
	return c.nc.SetReadDeadline(t)
}

// SetWriteDeadline sets when writes that wait give up, in place of
// Options.WriteTimeout; the zero time brings that back. A write that gave up
// has cut a frame: nothing can be written after it.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeDeadline = t
	return c.nc.SetWriteDeadline(t)
}

// ReadMessage returns the next message, Text or Binary, and its payload, which
// the caller may keep. Control frames are acted on meanwhile.
func (c *Conn) ReadMessage() (wire.Opcode, []byte, error) {
	c.reading.lock()
	defer c.reading.unlock()
	for {
		err := c.cause()
		if errors.Is(err, net.ErrClosed) {
			return 0, nil, err // Close reads on from here, and delivers nothing
		}
		if len(c.events) == 0 {
			if err != nil {
				c.hangUp()
				return 0, nil, err
			}
			if err := c.fill(); err != nil {
				return 0, nil, fmt.Errorf("read a message: %w", err)
			}
			continue
		}
		event := c.events[0]
		c.events = c.events[1:]
		if event.Opcode.IsData() {
			return event.Opcode, event.Payload, nil
		}
		if c.o.OnControl != nil {
			c.o.OnControl(event.Opcode, event.Payload)
		}
	}
}

// fill gives the Machine octets until something has happened, from one read at
// most, and sends what the Machine answers. The error is a deadline's, after
// which reading can go on; any other end is found in cause.
//
// Octets behind an event wait in unread: were a Close behind a message already
// acted on, the application could not answer the message, depending on how TCP
// had cut the octets.
func (c *Conn) fill() error {
	var err error
	if len(c.unread) == 0 {
		var n int
		n, err = c.nc.Read(c.buf)
		c.unread = c.buf[:n]
	}

	c.mu.Lock()
	for len(c.unread) > 0 && len(c.m.events) == 0 {
		c.unread = c.m.receive(c.unread)
	}
	c.events = c.m.TakeEvents()
	giveUp := err != nil && (c.leaving || !errors.Is(err, os.ErrDeadlineExceeded))
	if giveUp && len(c.unread) == 0 {
		c.readErr = err // otherwise the next read will say it again
	}
	if c.err == nil {
		c.err = c.verdict()
	}
	backlog := len(c.m.out)
	c.mu.Unlock()

	// A pong must not wait for a writer that itself waits for the peer to read:
	// two such ends would stand still. A peer that only ever pings must wait,
	// or its pongs would fill the memory.
	if backlog > maxBacklog {
		c.turn.lock()
		_ = c.drain()
		c.turn.unlock()
	}
	_ = c.flush() // a failed write is the writers' to report; reading may go on
	if err != nil && !giveUp {
		return err
	}
	return nil
}

// verdict returns what has ended the connection from without, or nil. The
// caller holds mu.
func (c *Conn) verdict() error {
	if err := c.m.Err(); err != nil {
		return err
	}
	if p, ok := c.m.PeerClose(); ok {
		return &CloseError{Code: p.Code, Reason: p.Reason}
	}
	err := c.readErr
	switch {
	case err == nil:
		return nil
	case c.writeErr != nil && errors.Is(err, os.ErrDeadlineExceeded):
		err = c.writeErr // reading was only given a last chance
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &CloseError{Code: wire.AbnormalClosure, Err: err}
}

// cause returns what calls return from now on, or nil.
func (c *Conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// WriteMessage sends p as one message in one frame. Text must be UTF-8.
func (c *Conn) WriteMessage(opcode wire.Opcode, p []byte) error {
	return c.WriteFragments(opcode, p)
}

// WriteFragments sends one message, each of parts in a frame of its own and
// in a write of its own, between which control frames can go out (RFC 6455
// §5.4). Text must be UTF-8 as a whole; a part may end inside a character.
func (c *Conn) WriteFragments(opcode wire.Opcode, parts ...[]byte) error {
	if opcode != wire.Text && opcode != wire.Binary {
		return errNotAType
	}
	if len(parts) == 0 {
		return errNoParts
	}
	// Text is judged before its first fragment leaves: half a message could be
	// neither finished nor taken back.
	if opcode == wire.Text && len(parts) > 1 {
		var text wire.UTF8
		for _, p := range parts {
			if text.Check(p) < len(p) {
				return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text is not UTF-8.")}}
			}
		}
		if !text.Complete() {
			return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text ends inside a character.")}}
		}
	}
	return c.write(opcode, parts...)
}

// Ping sends a Ping; the peer answers with a Pong of the same payload, at most
// 125 octets, of which Options.OnControl is told.
func (c *Conn) Ping(p []byte) error { return c.write(wire.Ping, p) }

// Pong sends a Pong that nobody asked for, a one-way heartbeat (RFC 6455
// §5.5.3). Pings are answered without it.
func (c *Conn) Pong(p []byte) error { return c.write(wire.Pong, p) }

// WriteRaw writes octets as they are, past the Machine, between the frames of
// other writers. It is the one way to send what RFC 6455 forbids, for tests and
// lessons; nothing keeps account of what was sent by it.
func (c *Conn) WriteRaw(octets []byte) error {
	c.turn.lock()
	defer c.turn.unlock()
	return c.writeOctets(octets)
}

// write sends parts as one message, or as one control frame.
func (c *Conn) write(opcode wire.Opcode, parts ...[]byte) error {
	c.turn.lock()
	var err error
	for i, p := range parts {
		c.mu.Lock()
		if err = c.err; err == nil {
			err = c.writeErr
		}
		if err == nil {
			err = c.m.Send(opcode, i == len(parts)-1, p)
		}
		c.mu.Unlock()
		if err == nil {
			err = c.drain()
		}
		if err != nil {
			break
		}
		opcode = wire.Continuation
	}
	c.turn.unlock()
	if err != nil {
		return err
	}
	return c.flush()
}

// flush sends what the Machine has put out, unless a writer is at it: that one
// looks again after it has let go of the turn, so nothing stays behind.
func (c *Conn) flush() error {
	for {
		c.mu.Lock()
		pending := len(c.m.out) > 0 && c.writeErr == nil
		c.mu.Unlock()
		if !pending || !c.turn.tryLock() {
			return nil
		}
		err := c.drain()
		c.turn.unlock()
		if err != nil {
			return err
		}
	}
}

// drain writes what the Machine has put out. The caller holds turn.
func (c *Conn) drain() error {
	for {
		c.mu.Lock()
		out := c.m.TakeOutput(c.spare)
		c.mu.Unlock()
		c.spare = out
		if cap(out) > keepBuffer {
			c.spare = nil
		}
		if len(out) == 0 {
			return nil
		}
		if err := c.writeOctets(out); err != nil {
			return err
		}
	}
}

// writeOctets makes one write. The caller holds turn. Once a write has failed
// no other is tried: a frame may have been cut. What the peer sent before it
// left can still be read for a while; often its Close frame is there, and says
// more than the error.
func (c *Conn) writeOctets(octets []byte) error {
	c.mu.Lock()
	err := c.writeErr
	if err == nil {
		deadline := c.writeDeadline
		if patience := c.o.WriteTimeout; deadline.IsZero() {
			if c.leaving {
				patience = min(patience, c.o.CloseTimeout)
			}
			deadline = c.o.Now().Add(patience)
		}
		err = c.nc.SetWriteDeadline(deadline)
	}
	c.mu.Unlock()
	if err == nil {
		_, err = c.nc.Write(octets)
	}
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr == nil {
		c.writeErr = fmt.Errorf("write to the peer: %w", err)
		if !c.leaving {
			c.leave(c.o.FinTimeout)
		}
	}
	if c.err != nil {
		return c.err
	}
	return c.writeErr
}

// leave gives reading its last deadline. The caller holds mu.
func (c *Conn) leave(d time.Duration) {
	c.leaving = true
	_ = c.nc.SetReadDeadline(c.o.Now().Add(d)) // it fails only on a closed connection, where nothing waits
}

// Close runs the closing handshake (RFC 6455 §7.1.2): it sends a Close frame,
// discards what still comes until the peer's Close, for CloseTimeout at most,
// and closes the TCP connection, as a client after the server has, for
// FinTimeout at most (§7.1.1). The connection is closed whatever the error, but
// for a *SendError: code or reason cannot be sent, and nothing has happened.
//
// It returns nil when the closing handshake was completed, no matter which end
// began, and an error that is net.ErrClosed when the connection was closed
// before.
func (c *Conn) Close(code wire.CloseCode, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	c.turn.lock()
	c.mu.Lock()
	if c.m.State() == Closed || errors.Is(c.err, net.ErrClosed) {
		c.mu.Unlock()
		c.turn.unlock()
		return fmt.Errorf("close: %w", net.ErrClosed)
	}
	if c.err == nil {
		c.err = errLocalDone
		_ = c.m.SendClose(code, reason) // checked above, and the connection is open
		c.leave(c.o.CloseTimeout)
	}
	c.mu.Unlock()
	_ = c.drain() // if it fails, the peer's Close may still be there to read
	c.turn.unlock()

	// Somebody in ReadMessage is woken by the deadline at the latest.
	patience := time.NewTimer(c.o.CloseTimeout + c.o.FinTimeout)
	defer patience.Stop()
	select {
	case c.reading <- struct{}{}:
		defer c.reading.unlock()
	case <-patience.C:
		c.shut("the closing handshake took too long")
		return errNoClose
	}
	for {
		c.mu.Lock()
		err := c.verdict()
		c.mu.Unlock()
		if err != nil {
			c.hangUp()
			var peer *CloseError
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return fmt.Errorf("%w: %w", errNoClose, err)
			case errors.As(err, &peer) && peer.Err == nil:
				return nil
			}
			return err
		}
		_ = c.fill() // every end of it is in verdict: leaving is set
		c.events = nil
	}
}

// CloseNow closes the TCP connection without a closing handshake. A peer that
// saw no Close frame reports 1006. It does nothing when c is closed.
func (c *Conn) CloseNow() error {
	c.mu.Lock()
	closed := c.m.State() == Closed
	if c.err == nil {
		c.err = errLocalDone
	}
	c.mu.Unlock()
	if closed {
		return nil
	}
	return c.shut("this end closed TCP without a closing handshake")
}

// hangUp closes the TCP connection in the way that what went before asks for.
// The caller holds reading.
func (c *Conn) hangUp() {
	c.turn.lock()
	_ = c.drain() // the Close frame may still stand behind another writer's
	c.turn.unlock()

	c.mu.Lock()
	failed := c.m.Err() != nil
	_, answered := c.m.PeerClose()
	half, canHalfClose := c.nc.(interface{ CloseWrite() error })
	wait := c.m.State() != Closed && c.readErr == nil &&
		(failed && canHalfClose || answered && c.role == wire.Client)
	if wait {
		c.leave(c.o.FinTimeout)
	}
	c.mu.Unlock()

	if wait {
		// A TCP that is closed with octets unread sends a reset, and a reset can
		// destroy the Close frame that is on its way. So: send FIN, then read to
		// the end. After a whole closing handshake the FIN is the server's first.
		if failed {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, c.nc)
	}
	c.shut("this end closed TCP")
}

// shut closes the TCP connection and tells the Machine.
func (c *Conn) shut(why string) error {
	err := c.nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m.TCPClosed(why)
	return err
}
