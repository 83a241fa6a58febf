package reference

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"wslab/reference/wire"
)

// ReadMessage returns the next message, Text or Binary, and its payload, which the
// caller may keep. Meanwhile it handles control frames.
func (c *Conn) ReadMessage() (wire.Opcode, []byte, error) { return c.readMessage(nil) }

// ReadMessageInto is ReadMessage with memory of the caller: if the capacity of buf is
// enough, the payload is in it. A loop that passes the last payload as the next buf
// allocates nothing. The caller must not use buf until ReadMessageInto returns.
func (c *Conn) ReadMessageInto(buf []byte) (opcode wire.Opcode, p []byte, err error) {
	if buf == nil {
		buf = []byte{} // so that the memory can be lent again: see readTo
	}
	return c.readMessage(buf)
}

// ReadMessages reads messages and calls handle for each, until reading fails or handle
// returns an error, and returns that error. The payload is valid only until handle
// returns: the Conn reuses its memory, up to 64 KiB, for the next message. The Conn does
// not read while handle runs.
func (c *Conn) ReadMessages(handle func(opcode wire.Opcode, p []byte) error) error {
	for buf := []byte(nil); ; {
		opcode, p, err := c.ReadMessageInto(buf)
		if err == nil {
			err = handle(opcode, p)
		}
		if err != nil {
			return err
		}
		if buf = p; cap(p) > moveSize+wire.MaxHeaderSize { // an idle connection would keep this memory
			buf = nil
		}
	}
}

// readMessage reads a message into lent, or into new memory.
func (c *Conn) readMessage(lent []byte) (wire.Opcode, []byte, error) {
	c.reading.lock()
	defer c.reading.unlock()
	if err := c.endStream(); err != nil {
		return 0, nil, err
	}
	for {
		event, err := c.advance(lent[:0])
		if err != nil {
			c.mu.Lock() // the beginning of a message must not stay in the caller's memory
			c.m.message, c.m.lent = bytes.Clone(c.m.message), nil
			c.mu.Unlock()
			return 0, nil, readError(err)
		}
		if event.Opcode != wire.Continuation {
			if event.Payload == nil { // the message is empty, so the memory can be lent again
				event.Payload = lent[:0]
			}
			return event.Opcode, event.Payload, nil
		}
	}
}

// readError adds the operation to an error. It returns a CloseError or a ProtocolError
// unchanged: they say how the connection ended.
func readError(err error) error {
	switch err.(type) {
	case *CloseError, *ProtocolError:
		return err
	}
	return fmt.Errorf("read a message: %w", err)
}

// advance returns the next message, or the zero Event if none is complete yet. The
// caller holds reading.
func (c *Conn) advance(lent []byte) (Event, error) {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err != nil {
		if !errors.Is(err, net.ErrClosed) { // Close and CloseNow close the TCP connection themselves
			c.hangUp()
		}
		return Event{}, err
	}
	event, err := c.fill(lent)
	if event.Opcode.IsControl() {
		if c.m.o.OnControl != nil {
			c.m.o.OnControl(event.Opcode, event.Payload)
		}
		event = Event{}
	}
	return event, err
}

// fill gives the Machine bytes from at most one read until there is an event, and sends
// the Machine's answers. It returns only the error of a deadline, after which reading can
// continue. Any other error is in c.err.
//
// Bytes after an event wait in unread. If the Machine handled a Close frame that follows
// a message before the application has answered the message, the application could no
// longer answer, depending on how TCP cut the bytes.
func (c *Conn) fill(lent []byte) (Event, error) {
	r := c.beginRead(lent)
	if r.into != nil {
		r.n, r.err = c.nc.Read(r.into)
	}
	event, backlog, err := c.take(r)

	// A Pong must not wait for a writer that waits for the peer to read: two such
	// ends would deadlock. But a peer that only sends Pings must wait, or its Pongs
	// would fill the memory.
	if backlog > maxBacklog {
		_ = c.drain()
	}
	if backlog > 0 {
		_ = c.flush() // the writers report a failed write; reading may continue
	}
	return event, err
}

// A networkRead is one read from the network and its result.
type networkRead struct {
	into  []byte // nil if no read is needed
	place int    // which memory into is
	n     int
	err   error
}

// beginRead finds memory for the next read from the network, unless unread bytes are
// left, and sets its deadline. beginRead and take release their locks even if a function
// in Options panics.
func (c *Conn) beginRead(lent []byte) (r networkRead) {
	if held := c.findRoom(lent, &r); held { // otherwise, held-back output would wait as long as this read
		_ = c.flush()
	}
	if r.into != nil && c.m.o.IdleTimeout > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.beforeRead()
	}
	return r
}

// findRoom finds memory for the next read and reports whether output waits.
func (c *Conn) findRoom(lent []byte, r *networkRead) (held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m.lent = lent
	if len(c.unread) > 0 {
		return false
	}
	c.more = false
	r.into, r.place = c.readTo(lent)
	return len(c.m.out) > 0 && !c.full
}

// take gives the Machine the bytes of a read. backlog is how many bytes of output must
// be sent at once.
func (c *Conn) take(r networkRead) (event Event, backlog int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = r.err
	borrowed := false // unread is in lent
	if r.into != nil {
		c.full = r.place == inBuffer && r.n == len(r.into)
		if r.place == inMessage {
			c.m.receivePayload(r.into[:r.n])
		} else {
			c.unread, borrowed = r.into[:r.n], r.place == inLent
		}
	}
	for len(c.unread) > 0 && len(c.m.events) == 0 {
		c.unread = c.m.receiveFrame(c.unread)
	}
	if borrowed && len(c.unread) > 0 {
		c.unread = append(c.buf[:0], c.unread...) // after a message that the caller now owns
	}
	if len(c.m.events) > 0 {
		event = c.m.events[0]
		c.m.events[0], c.m.events = Event{}, c.m.events[:0]
	}
	c.more = len(c.unread) > 0

	giveUp := err != nil && (c.leaving || !errors.Is(err, os.ErrDeadlineExceeded))
	if err != nil && !giveUp && !c.idleUntil.IsZero() && !c.m.o.Now().Before(c.idleUntil) {
		_ = c.m.SendClose(wire.GoingAway, "nothing came in the idle timeout")
		err, giveUp = fmt.Errorf("idle timeout: %w", err), true
	}
	if giveUp && len(c.unread) == 0 {
		c.readErr = err // otherwise the next read returns the error again
	}
	if c.err == nil {
		if c.err = c.verdict(); c.err != nil {
			c.wakeWriters()
		}
	}
	backlog = len(c.m.out)
	joins := c.full || event.Opcode == wire.Text || event.Opcode == wire.Binary // more output may follow and go out in the same write
	if c.held && joins && backlog <= maxBacklog {
		backlog = 0
	}
	if giveUp {
		err = nil
	}
	return event, backlog, err
}

// The places where a read from the network can put its bytes.
const (
	inBuffer  = iota // the Conn's own buffer
	inMessage        // the final place of the payload
	inLent           // the caller's memory
)

// readTo returns the memory for the next read. The caller holds mu.
//
// An idle connection only has a small buffer. The rest of a large frame is read directly
// to its final place. If the peer's messages are large and the caller has lent memory,
// the next message is read there with its header, and unmasking moves it to the front:
// that saves one system call for each message, 7% of an echo of 16 KiB. BenchmarkEcho
// and BenchmarkIdle measure all three.
func (c *Conn) readTo(lent []byte) ([]byte, int) {
	if space := c.m.payloadSpace(len(c.buf)); space != nil {
		return space, inMessage
	}
	next := c.m.largest + wire.MaxHeaderSize
	between := c.m.headLen == 0 && c.m.left == 0 && c.m.opcode == wire.Continuation // between two messages
	if between && c.m.codec == nil && c.m.largest > waitSize && c.m.largest <= moveSize && cap(lent) >= next {
		return lent[:next], inLent
	}
	if c.full {
		if c.large == nil {
			c.large = frameBuffers.Get().(*[]byte)
		}
		*c.large = slices.Grow((*c.large)[:0], readSize)
		return (*c.large)[:readSize], inBuffer
	}
	if c.large != nil {
		frameBuffers.Put(c.large)
		c.large = nil
	}
	if len(c.buf) < min(next, waitSize) {
		c.buf = make([]byte, waitSize)
	}
	return c.buf, inBuffer
}

// beforeRead sets the deadline of IdleTimeout, or the deadline of SetReadDeadline if that
// is sooner. The caller holds mu.
func (c *Conn) beforeRead() {
	if c.m.o.IdleTimeout <= 0 || c.leaving {
		return
	}
	t, fresh := until(c.idleUntil, c.m.o.Now(), c.m.o.IdleTimeout)
	if fresh {
		c.idleUntil = t
		if d := c.readDeadline; !d.IsZero() && d.Before(t) {
			t = d
		}
		_ = c.nc.SetReadDeadline(t) // setting a deadline fails only on a closed connection, where the read fails too
	}
}

// verdict returns how the peer, the network or a violation ended the connection, or nil.
// The caller holds mu.
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
		err = c.writeErr // the deadline only gave reading a last chance
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &CloseError{Code: wire.AbnormalClosure, Err: err}
}

// NextReader returns the next message as a Reader as soon as its first bytes arrive.
// Its memory does not grow with the message, but Options.MaxMessage still limits the
// length. Text may turn out to be invalid UTF-8 after its beginning was read. An encoded
// message is available only when all of it has arrived. The Reader is valid until the
// next call of NextReader or ReadMessage, which skip the rest of the message.
func (c *Conn) NextReader() (wire.Opcode, io.Reader, error) {
	c.reading.lock()
	defer c.reading.unlock()
	if err := c.endStream(); err != nil {
		return 0, nil, err
	}
	r := &reader{c: c}
	if err := r.more(); err != nil && !r.ended {
		return 0, nil, err
	}
	c.stream = r
	return r.opcode, r, nil
}

// A reader is the result of NextReader. The Conn's reading guards it.
type reader struct {
	c      *Conn
	opcode wire.Opcode
	rest   []byte // bytes not read yet
	ended  bool   // rest holds the end of the message
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.c.reading.lock()
	defer r.c.reading.unlock()
	if r.c.stream != r {
		return 0, errStale
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.more(); err != nil {
		return 0, err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// more waits until rest is not empty, or returns io.EOF.
func (r *reader) more() error {
	for len(r.rest) == 0 {
		if r.ended {
			return io.EOF
		}
		event, err := r.c.advance(nil)
		if err != nil {
			return readError(err)
		}
		if r.ended = event.Opcode != wire.Continuation; !r.ended {
			r.c.mu.Lock()
			event = Event{r.c.m.opcode, r.c.m.takePart()}
			r.c.mu.Unlock()
		}
		r.opcode, r.rest = event.Opcode, event.Payload
	}
	return nil
}

// endStream skips the rest of the message that NextReader returned.
func (c *Conn) endStream() error {
	for c.stream != nil && !c.stream.ended {
		c.stream.rest = nil
		if err := c.stream.more(); err != nil && !c.stream.ended {
			return err
		}
	}
	c.stream = nil
	return nil
}
