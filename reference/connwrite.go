package reference

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"wslab/reference/wire"
)

// frameBuffers holds memory for output. A connection has such memory only while it
// sends: thousands of idle connections need none (BenchmarkIdle).
var frameBuffers = sync.Pool{New: func() any { return new([]byte) }}

// maxFrameBuffer is the largest memory that is returned to frameBuffers.
const maxFrameBuffer = 4 << 20

// WriteMessage sends p as one message in one frame, which it copies together first: see
// Prepare for a message to many peers. Text must be UTF-8.
func (c *Conn) WriteMessage(opcode wire.Opcode, p []byte) error {
	if err := c.beginMessage(opcode); err != nil {
		return err
	}
	defer c.message.unlock()
	return c.writeFrame(opcode, true, p)
}

// WriteFragments sends one message. Each of parts has its own frame and its own write, so
// control frames can go out between them (RFC 6455 §5.4). Text must be UTF-8 as a whole; a
// part may end inside a character.
func (c *Conn) WriteFragments(opcode wire.Opcode, parts ...[]byte) error {
	if len(parts) == 0 {
		return errNoParts
	}
	if err := c.beginMessage(opcode); err != nil {
		return err
	}
	defer c.message.unlock()
	// Check the whole text before the first fragment: half a message could not be finished
	// or taken back.
	if opcode == wire.Text {
		if err := judgeText(new(wire.UTF8), bytes.Join(parts, nil), true); err != nil {
			return err
		}
	}
	for i, p := range parts {
		if err := c.writeFrame(opcode, i == len(parts)-1, p); err != nil {
			return err
		}
		opcode = wire.Continuation
	}
	return nil
}

// beginMessage acquires the message baton. An application may never close a writer of
// NextWriter, so the wait ends at the write deadline, after WriteTimeout, or when the
// connection ends.
func (c *Conn) beginMessage(opcode wire.Opcode) error {
	if opcode != wire.Text && opcode != wire.Binary {
		return errNotAType
	}
	if c.message.tryLock() {
		return nil
	}
	until := c.m.o.Now().Add(c.m.o.WriteTimeout)
	for {
		c.mu.Lock()
		if err := c.sendable(); err != nil {
			c.mu.Unlock()
			return err
		}
		deadline := until
		if !c.writeDeadline.IsZero() {
			deadline = c.writeDeadline
		}
		if c.wake == nil {
			c.wake = make(chan struct{})
		}
		wake := c.wake
		c.mu.Unlock()

		patience := time.NewTimer(deadline.Sub(c.m.o.Now()))
		select {
		case c.message <- struct{}{}:
			patience.Stop()
			return nil
		case <-patience.C:
			return fmt.Errorf("wait for another message to be written: %w", os.ErrDeadlineExceeded)
		case <-wake:
			patience.Stop()
		}
	}
}

// wakeWriters makes the waits in beginMessage check their limits again. The caller holds
// mu.
func (c *Conn) wakeWriters() {
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
}

// WriteControl sends a Ping or a Pong with a payload of at most 125 bytes. A
// Close frame is sent by Close.
func (c *Conn) WriteControl(opcode wire.Opcode, p []byte) error {
	if !opcode.IsControl() {
		return errNotControl
	}
	return c.writeFrame(opcode, true, p)
}

// Ping sends a Ping with at most 125 bytes of payload. The peer answers with a Pong of
// the same payload, which Options.OnControl receives.
func (c *Conn) Ping(p []byte) error { return c.WriteControl(wire.Ping, p) }

// Pong sends an unsolicited Pong, a one-way heartbeat (RFC 6455 §5.5.3). The Conn
// answers Pings by itself.
func (c *Conn) Pong(p []byte) error { return c.WriteControl(wire.Pong, p) }

// WriteRaw writes bytes unchanged between the frames of other writers. The Machine does
// not see them. Tests and lessons use it to send bytes that RFC 6455 forbids.
func (c *Conn) WriteRaw(data []byte) error {
	return c.send(func() ([]byte, error) { return data, nil })
}

// WriteRawClose is WriteRaw for a Close frame, valid or not: the Conn will not send
// another one. It does not wait for the peer's Close frame and does not close TCP.
func (c *Conn) WriteRawClose(data []byte) error {
	c.mu.Lock()
	if c.m.State() == Open || c.m.State() == Closing {
		c.m.closeSent = true
		c.m.enter(Closing, "a Close frame was sent past the Machine")
	}
	c.mu.Unlock()
	return c.WriteRaw(data)
}

// writeFrame sends one frame. If the frame belongs to a message, the caller holds message.
func (c *Conn) writeFrame(opcode wire.Opcode, fin bool, p []byte) error {
	return c.send(func() ([]byte, error) {
		if err := c.sendable(); err != nil {
			return nil, err
		}
		return nil, c.m.Send(opcode, fin, p)
	})
}

// send calls frame, which adds to the Machine's output, while it holds turn and mu. Then
// it writes that output, followed by the bytes that frame returned.
func (c *Conn) send(frame func() (rest []byte, err error)) error {
	err := c.sendInTurn(frame)
	if ferr := c.flush(); err == nil {
		err = ferr
	}
	return err
}

// sendInTurn is send without the output that others add meanwhile. Its locks are
// released even if MaskKey panics.
func (c *Conn) sendInTurn(frame func() (rest []byte, err error)) error {
	c.turn.lock()
	defer c.turn.unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m.out == nil { // the Machine has no memory for output, so lend it some
		c.lent = frameBuffers.Get().(*[]byte)
		c.m.out = (*c.lent)[:0]
	}
	rest, err := frame()
	if err == nil && (rest != nil || !c.holdBack()) {
		err = c.write(rest)
	}
	return err
}

// sendable returns why no more frames can be sent, or nil. The caller holds mu.
func (c *Conn) sendable() error {
	switch {
	case c.err != nil:
		return c.err
	case c.writeErr == nil && c.m.State() != Open:
		return errNotOpen
	}
	return c.writeErr
}

// holdBack reports whether the Machine's output may wait, and starts the timer that ends
// the wait. The caller holds mu.
//
// If a peer sends 16 messages at once, one write saves 15 system calls, which are most of
// the cost (BenchmarkPipelined).
func (c *Conn) holdBack() bool {
	if !c.more || c.m.o.HoldFlush < 0 || len(c.m.out) > maxBacklog || c.leaving {
		return false
	}
	if !c.held {
		c.held = true
		time.AfterFunc(c.m.o.HoldFlush, c.release)
	}
	return true
}

// release sends the output that was held back.
func (c *Conn) release() {
	c.mu.Lock()
	c.held, c.more = false, false
	c.mu.Unlock()
	_ = c.flush() // the next write returns the error
}

// flush sends the Machine's output unless another writer is active. That writer checks
// for more output after it has released the turn.
func (c *Conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.m.out) > 0 && c.writeErr == nil && !c.holdBack() && c.turn.tryLock() {
		if err := c.writeInTurn(); err != nil {
			return err
		}
	}
	return nil
}

// drain waits for its turn and sends the Machine's output.
func (c *Conn) drain() error {
	c.turn.lock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeInTurn()
}

// writeInTurn writes the Machine's output and releases the turn.
func (c *Conn) writeInTurn() error {
	defer c.turn.unlock()
	return c.write(nil)
}

// write writes the Machine's output and rest with one write. It copies them together
// because writev of a payload that begins at the start of a page was measured to be up to
// five times as slow. The caller holds turn and mu; write releases mu during I/O. After a failed write it never writes
// again, because a frame may have been cut. Bytes that the peer sent before can still be
// read for a while. They often contain a Close frame, which explains more than the error.
func (c *Conn) write(rest []byte) error {
	out, lent := c.m.TakeOutput(nil), c.lent
	c.lent = nil
	err := c.writeErr
	if len(out) > 0 {
		out = append(out, rest...)
		rest = out
	}
	if err == nil && len(rest) > 0 {
		c.beforeWrite()
		c.mu.Unlock()
		err = c.writeBytes(rest)
		c.mu.Lock()
	}
	if lent != nil && cap(out) <= maxFrameBuffer {
		*lent = out[:0]
		frameBuffers.Put(lent)
	}
	switch {
	case err == nil:
		return nil
	case c.writeErr == nil:
		c.writeErr = fmt.Errorf("write to the peer: %w", err)
		c.leave(c.m.o.FinTimeout)
	}
	return c.sendable()
}

// beforeWrite sets the deadline of WriteTimeout, unless SetWriteDeadline has set one.
// The caller holds mu.
func (c *Conn) beforeWrite() {
	if c.leaving || !c.writeDeadline.IsZero() {
		return
	}
	if t, fresh := until(c.writeUntil, c.m.o.Now(), c.m.o.WriteTimeout); fresh {
		c.writeUntil = t
		_ = c.nc.SetWriteDeadline(t) // setting a deadline fails only on a closed connection, where the write fails too
	}
}

// writeBytes makes one system call, and as many more as a slow peer makes necessary.
func (c *Conn) writeBytes(p []byte) error {
	if _, ok := c.nc.(*tls.Conn); ok {
		return c.writeRecords(p)
	}
	for {
		n, err := c.nc.Write(p)
		if n == 0 || !c.mayGoOn(err) {
			return err
		}
		p = p[n:]
	}
}

// tlsRecord is the most bytes that TLS puts into one record.
const tlsRecord = 16 << 10

// writeRecords writes p record by record: a tls.Conn cannot write again after a timeout,
// so the deadline must be renewed before each record.
func (c *Conn) writeRecords(p []byte) error {
	for {
		n := min(len(p), tlsRecord)
		if _, err := c.nc.Write(p[:n]); err != nil || n == len(p) {
			return err
		}
		p = p[n:]
		c.mu.Lock()
		c.beforeWrite()
		c.mu.Unlock()
	}
}

// mayGoOn reports whether err is only from WriteTimeout, and renews that deadline,
// because the peer has accepted some bytes.
func (c *Conn) mayGoOn(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving || !c.writeDeadline.IsZero() {
		return false
	}
	c.writeUntil = time.Time{}
	c.beforeWrite()
	return true
}

// A Prepared is one message for many peers, checked and framed once. It never changes
// and may be used concurrently.
type Prepared struct {
	opcode  wire.Opcode
	payload []byte
	frame   []byte // as a server sends it
}

// Prepare returns p as a Prepared message of type opcode. It does not keep p. Text must
// be UTF-8.
func Prepare(opcode wire.Opcode, p []byte) (*Prepared, error) {
	if opcode != wire.Text && opcode != wire.Binary {
		return nil, errNotAType
	}
	m := Machine{role: wire.Server, state: Open}
	if err := m.Send(opcode, true, p); err != nil {
		return nil, err
	}
	return &Prepared{opcode: opcode, payload: m.out[len(m.out)-len(p):], frame: m.out}, nil
}

// WritePrepared sends a prepared message. A server sends the same uncompressed bytes to
// every peer without copying them. A client must mask each frame with a new key (RFC
// 6455 §5.3), so it does the same as WriteMessage.
func (c *Conn) WritePrepared(p *Prepared) error {
	if c.m.role == wire.Client {
		return c.WriteMessage(p.opcode, p.payload)
	}
	if err := c.beginMessage(p.opcode); err != nil {
		return err
	}
	defer c.message.unlock()
	return c.send(func() ([]byte, error) { return p.frame, c.sendable() })
}

// NextWriter starts a message of unknown length. The Conn sends what is written to it in
// fragments of some KiB, the last one on Close. Other messages wait for that Close, for
// at most WriteTimeout; control frames do not wait. Text must be valid UTF-8 as a whole.
// Only one goroutine may use the writer, and it must close it.
func (c *Conn) NextWriter(opcode wire.Opcode) (io.WriteCloser, error) {
	if err := c.beginMessage(opcode); err != nil {
		return nil, err
	}
	return &writer{c: c, opcode: opcode}, nil
}

// fragmentSize is the payload size of the frames that a writer sends.
const fragmentSize = 4 << 10

// A writer is the result of NextWriter.
type writer struct {
	c      *Conn
	opcode wire.Opcode // of the next frame
	buf    []byte
	err    error // the reason why the message cannot continue
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (n int, err error) {
	for w.err == nil && n < len(p) {
		took := min(fragmentSize-len(w.buf), len(p)-n)
		w.buf = append(w.buf, p[n:n+took]...)
		n += took
		if len(w.buf) == fragmentSize {
			_ = w.send(false) // w.err ends the loop
		}
	}
	return n, w.err
}

// Close sends the last fragment. If the message cannot be finished, because its text is
// not UTF-8, Close closes the connection: nothing else may follow half a message.
func (w *writer) Close() error {
	err := w.err
	if err == errWritten {
		return err
	}
	defer w.c.message.unlock()
	if err == nil {
		err = w.send(true)
	}
	if err != nil && w.opcode == wire.Continuation {
		_ = w.c.CloseNow() // err says why
	}
	w.err = errWritten
	return err
}

// send sends the bytes in buf as a fragment.
func (w *writer) send(fin bool) error {
	if w.err = w.c.writeFrame(w.opcode, fin, w.buf); w.err == nil {
		w.opcode, w.buf = wire.Continuation, w.buf[:0]
	}
	return w.err
}
