package scenario

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// SampleKey is the Sec-WebSocket-Key of RFC 6455 §1.3. The raw client uses it
// unless the scenario sets another.
const SampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// SampleMask is the masking key of RFC 6455 §5.7, which the raw client uses.
var SampleMask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Log receives each action of a Raw and its result. what is "dial", "write", "read" or
// "error". text is the bytes or words, size the number of bytes or -1. A read of size -1
// has the reason why reading ended as its text.
type Log func(what, text string, size int)

// Raw is a client that follows no rule by itself: it sends exactly what its caller
// asks for, and reads everything. Its methods may be called concurrently.
type Raw struct {
	conn  net.Conn
	log   Log
	heard func(dissect.Item) // called with each item, by the goroutine that reads; may be nil
	done  chan struct{}      // closed when reading has ended

	writing sync.Mutex // the lock that makes bytes leave in the order in which talk has them
	clock   *tap.Clock // guarded by writing

	mu       Changes
	talk     dissect.Conversation
	status   int // of the response, 0 until it has arrived
	frames   int // read so far
	end      string
	reset    bool // the server's RST is in the log
	deaf     bool // Deafen was called, and Hear was not called since
	parked   bool // the reader is in park
	closed   bool // the socket is closed
	progress Progress
}

// writeTimeout bounds every write of a Raw.
const writeTimeout = 10 * time.Second

// NewRaw makes conn the connection of a raw client and sends opening for
// target on host.
func NewRaw(conn net.Conn, opening Opening, target, host string, log Log) (*Raw, error) {
	return newRaw(conn, opening.Request(target, host), opening.Cut, log, nil, nil, nil)
}

// NewRawBytes makes conn the connection of a raw client and sends request, which may be
// only the beginning of a request.
func NewRawBytes(conn net.Conn, request []byte, log Log) (*Raw, error) {
	return newRaw(conn, request, 0, log, nil, nil, nil)
}

// newRaw is NewRawBytes with three functions, each of which may be nil. It calls heard with
// each item, and told whenever Progress may have changed. If cut is not 0, the first write
// has cut bytes of the request, and newRaw calls delivered after it.
func newRaw(conn net.Conn, request []byte, cut int, log Log, heard func(dissect.Item), told, delivered func()) (*Raw, error) {
	c := &Raw{conn: conn, log: log, heard: heard, done: make(chan struct{})}
	c.mu.Watch(told)
	line, _, _ := strings.Cut(string(request), "\r\n")
	first := len(request)
	if cut > 0 {
		first = min(cut, first)
	}
	if err := c.write(request[:first], line[:min(first, len(line))]); err != nil {
		conn.Close()
		return nil, err
	}
	go c.read()
	if rest := request[first:]; len(rest) > 0 {
		if delivered != nil {
			delivered()
		}
		_ = c.write(rest, clipHex(rest)) // the server may have closed, and the log says so
	}
	return c, nil
}

// Use sets the clock for the timeout of writes.
func (c *Raw) Use(clock *tap.Clock) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.clock = clock
}

// Bytes sends b as it is.
func (c *Raw) Bytes(b []byte) error { return c.write(b, clipHex(b)) }

// Frame sends a frame with the sample masking key. It is valid if op and p are.
func (c *Raw) Frame(op wire.Opcode, p []byte) error {
	return c.Bytes(AppendFrame(nil, op, true, p))
}

// AppendFrame appends a frame with the sample masking key to b.
func AppendFrame(b []byte, op wire.Opcode, fin bool, p []byte) []byte {
	h := wire.Header{Fin: fin, Opcode: op, Masked: true, Key: SampleMask, Form: wire.FormFor(uint64(len(p))), Length: uint64(len(p))}
	b = h.Append(b)
	start := len(b)
	b = append(b, p...)
	wire.Mask(h.Key, 0, b[start:])
	return b
}

// Close closes the socket without a Close frame and waits for the reader to end.
func (c *Raw) Close() error {
	c.leaves()
	err := c.conn.Close()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.mu.Tell()
	<-c.done
	return err
}

// Half sends FIN. Reading continues.
func (c *Raw) Half() error {
	hc, ok := c.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.leaves()
	return hc.CloseWrite()
}

// Reset closes the socket with RST.
func (c *Raw) Reset() error {
	if lc, ok := c.conn.(interface{ SetLinger(seconds int) error }); ok {
		lc.SetLinger(0)
	}
	return c.Close()
}

// leaves records that the client sends FIN or RST.
func (c *Raw) leaves() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.Fin = true
}

// Deafen stops reading until Hear, so further bytes stay in the socket. It returns when
// the reader has stopped. Before that, the reader may have to answer bytes that it has
// read.
func (c *Raw) Deafen(ctx context.Context) error {
	c.mu.Lock()
	c.deaf = true
	c.mu.Unlock()
	c.conn.SetReadDeadline(time.Unix(1, 0))
	return c.await(ctx, func() bool { return c.parked })
}

// Hear continues reading.
func (c *Raw) Hear() {
	c.mu.Lock()
	c.deaf = false
	c.mu.Unlock()
	c.conn.SetReadDeadline(time.Time{})
	c.mu.Tell()
}

// Progress returns how far the client is.
func (c *Raw) Progress() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.progress
	p.Known = true
	p.Refused = c.status != 101
	p.Deaf = c.deaf && c.parked
	return p
}

// Status waits for the server's response and returns its status, or 0 if the connection
// ended without a response.
func (c *Raw) Status(ctx context.Context) (int, error) {
	err := c.await(ctx, func() bool { return c.status != 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status, err
}

// Frames waits until n frames have been read in total, or reading has ended.
func (c *Raw) Frames(ctx context.Context, n int) error {
	return c.await(ctx, func() bool { return c.frames >= n })
}

// FramesRead returns how many frames have been read.
func (c *Raw) FramesRead() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames
}

// EOF waits until the server has closed TCP.
func (c *Raw) EOF(ctx context.Context) error {
	return c.await(ctx, func() bool { return false })
}

// await waits until there returns true or reading has ended. It calls there with c.mu
// held. If ctx ends, await returns the cause.
func (c *Raw) await(ctx context.Context, there func() bool) error {
	return c.mu.Await(ctx, func() bool { return there() || c.progress.Ended })
}

func (c *Raw) write(b []byte, text string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.talk.Bytes(wire.Client, b, false)
	c.progress.Written += int64(len(b))
	told := c.end != "" || c.reset || c.parked || c.progress.Fin // reading is over or paused, so only the write can report an error
	c.mu.Unlock()
	c.log("write", text, len(b))
	late := c.clock.AfterFunc(writeTimeout, func() { c.conn.SetWriteDeadline(time.Unix(1, 0)) })
	n, err := c.conn.Write(b)
	late.Stop()
	if err != nil {
		c.mu.Lock()
		c.progress.Written -= int64(len(b) - n)
		c.mu.Unlock()
		switch {
		case told || !tap.IsReset(err):
			c.log("error", "write: "+tap.Plain(err), -1)
		case errors.Is(err, syscall.ECONNRESET):
			c.wasReset()
		} // otherwise a read reports and logs the end of the connection
	}
	c.mu.Tell()
	return err
}

// read reads until the server closes or Close is called.
func (c *Raw) read() {
	defer func() {
		c.mu.Lock()
		c.progress.Ended = true
		c.mu.Unlock()
		close(c.done)
		c.mu.Tell()
	}()
	b := make([]byte, 16<<10)
	for {
		n, err := c.conn.Read(b)
		if n > 0 {
			c.take(b[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.park()
			continue
		}
		if err != nil {
			c.over(err)
			return
		}
	}
}

// take processes received bytes.
func (c *Raw) take(b []byte) {
	text := clipHex(b)
	if bytes.HasPrefix(b, []byte("HTTP/")) {
		text, _, _ = strings.Cut(string(b), "\r\n")
	}
	c.log("read", text, len(b)) // before a waiter can answer it
	c.mu.Lock()
	items := slices.Clone(c.talk.Bytes(wire.Server, b, false)) // copy the items, because a write may use c.talk before heard has received all of them
	for _, it := range items {
		switch {
		case it.Handshake != nil:
			if s := it.Handshake.Head.Status; s/100 != 1 || s == 101 { // otherwise the final response follows
				c.status = s
			}
		case it.Frame != nil:
			c.frames++
		}
	}
	c.mu.Unlock()
	if c.heard != nil {
		for _, it := range items {
			c.heard(it)
		}
	}
	c.mu.Lock()
	c.progress.Read += int64(len(b)) // only after the client has answered the items
	c.mu.Unlock()
	c.mu.Tell()
}

// park waits while the client is deaf and has a socket. If Hear was called before the
// deadline of Deafen passed, park returns at once.
func (c *Raw) park() {
	c.mu.Lock()
	c.parked = c.deaf
	c.mu.Unlock()
	c.mu.Tell()
	_ = c.mu.Await(context.Background(), func() bool { // Close ends the reading
		// Await does not wake a Deafen that waits, so parked never becomes true here.
		c.parked = c.parked && c.deaf && !c.closed
		return !c.parked
	})
}

// over records how reading ended.
func (c *Raw) over(err error) {
	if err == io.EOF && tap.Ended(c.conn) {
		c.writing.Lock() // a write in progress ends now, and may have received the RST
		defer c.writing.Unlock()
	}
	c.mu.Lock()
	reset := c.reset || errors.Is(err, syscall.ECONNRESET)
	c.mu.Unlock()
	end := "closed"
	switch {
	case errors.Is(err, net.ErrClosed):
	case reset:
		end = "reset"
		c.wasReset()
	case err == io.EOF:
		end = "eof"
		c.log("read", tap.Plain(err), -1)
	default:
		end = "error"
		c.log("read", tap.Plain(err), -1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = end
}

// wasReset logs once that the server's RST has ended reading. If a read and a write are
// in progress when the RST arrives, the kernel reports the RST to one of them, and EOF or
// EPIPE to the other. Chance decides which one, so wasReset makes the log the same.
func (c *Raw) wasReset() {
	c.mu.Lock()
	first := !c.reset
	c.reset = true
	c.mu.Unlock()
	if first {
		c.log("read", tap.Plain(syscall.ECONNRESET), -1)
	}
}

// ended returns how reading ended: eof, reset, closed (by the client itself) or error.
// It returns "" before the end.
func (c *Raw) ended() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// clipHex writes at most 24 bytes of b as hex.
func clipHex(b []byte) string {
	const most = 24
	var s strings.Builder
	for i := range min(most, len(b)) {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(hex.EncodeToString(b[i : i+1]))
	}
	if len(b) > most {
		s.WriteString(" …")
	}
	return s.String()
}
