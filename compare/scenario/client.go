package scenario

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// SampleKey is the Sec-WebSocket-Key of RFC 6455 §1.3, SampleMask the masking
// key of §5.7: what the raw client uses where nothing else is ordered.
const SampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// SampleMask is the masking key of RFC 6455 §5.7.
var SampleMask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Opening is the client's half of a handshake, to be written just so.
type Opening struct {
	Method string
	Proto  string
	Fields []wire.Field // Host is put in front when it is not among them and not removed
	noHost bool
}

// DefaultOpening returns a request that RFC 6455 §4.1 allows.
func DefaultOpening() Opening {
	return Opening{Method: "GET", Proto: "HTTP/1.1", Fields: []wire.Field{
		{Name: "Upgrade", Value: "websocket"},
		{Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: SampleKey},
		{Name: "Sec-WebSocket-Version", Value: "13"},
	}}
}

// Set gives the header field called name another value, or adds it.
func (o *Opening) Set(name, value string) {
	o.Fields = append([]wire.Field(nil), o.Fields...)
	for i, f := range o.Fields {
		if strings.EqualFold(f.Name, name) {
			o.Fields[i] = wire.Field{Name: name, Value: value}
			return
		}
	}
	o.Fields = append(o.Fields, wire.Field{Name: name, Value: value})
}

// Remove takes all header fields called name away and reports whether there
// was one.
func (o *Opening) Remove(name string) bool {
	if strings.EqualFold(name, "Host") {
		o.noHost = true
		return true
	}
	var kept []wire.Field
	for _, f := range o.Fields {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	found := len(kept) < len(o.Fields)
	o.Fields = kept
	return found
}

// append writes the request for target on host to b.
func (o Opening) append(b []byte, target, host string) []byte {
	b = fmt.Appendf(b, "%s %s %s\r\n", o.Method, target, o.Proto)
	if !o.noHost && len((wire.Head{Fields: o.Fields}).Values("Host")) == 0 {
		b = fmt.Appendf(b, "Host: %s\r\n", host)
	}
	for _, f := range o.Fields {
		b = fmt.Appendf(b, "%s: %s\r\n", f.Name, f.Value)
	}
	return append(b, "\r\n"...)
}

// Log is told what a Client does and is told: what is "dial", "write", "read"
// or "error", text its octets or words, size their number or -1.
type Log func(what, text string, size int)

// Client is a raw client: it sends what it is told to, and reads all that
// comes. Its methods may be called concurrently.
type Client struct {
	conn net.Conn
	log  Log
	done chan struct{} // closed when nothing more is to be read

	mu      sync.Mutex
	talk    *dissect.Conversation
	status  int // of the response, 0 until it has come
	frames  int // read so far
	changed chan struct{}
}

// writeTimeout bounds every write of a Client.
const writeTimeout = 10 * time.Second

// NewClient makes conn the connection of a raw client and sends opening for
// target on host.
func NewClient(conn net.Conn, opening Opening, target, host string, log Log) (*Client, error) {
	c := &Client{conn: conn, log: log, done: make(chan struct{}), talk: &dissect.Conversation{}, changed: make(chan struct{})}
	request := opening.append(nil, target, host)
	if err := c.write(request, strings.SplitN(string(request), "\r\n", 2)[0]); err != nil {
		conn.Close()
		return nil, err
	}
	go c.read()
	return c, nil
}

// Octets sends b as it is.
func (c *Client) Octets(b []byte) error { return c.write(b, clipHex(b)) }

// Frame sends a frame with the sample masking key, legal if op and p are.
func (c *Client) Frame(op wire.Opcode, p []byte) error {
	h := wire.Header{Fin: true, Opcode: op, Masked: true, Key: SampleMask, Form: wire.FormFor(uint64(len(p))), Length: uint64(len(p))}
	b := append(h.Append(nil), p...)
	wire.Mask(h.Key, 0, b[h.Size():])
	return c.Octets(b)
}

// Close closes the socket without a word and waits for the reader to end.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Status waits for the server's response and returns its status, 0 when the
// connection ended without one.
func (c *Client) Status(ctx context.Context) (int, error) {
	err := c.await(ctx, func() bool { return c.status != 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status, err
}

// refused reports whether the server has answered the handshake, or hung up,
// without opening a WebSocket.
func (c *Client) refused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status != 101
}

// Frames waits until n frames have been read in all, or no more can come.
func (c *Client) Frames(ctx context.Context, n int) error {
	return c.await(ctx, func() bool { return c.frames >= n })
}

// FramesRead returns how many frames have been read.
func (c *Client) FramesRead() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames
}

// EOF waits until the server has closed TCP.
func (c *Client) EOF(ctx context.Context) error {
	return c.await(ctx, func() bool { return false })
}

// await waits until there reports true, with c.mu held, or reading has ended.
func (c *Client) await(ctx context.Context, there func() bool) error {
	for {
		c.mu.Lock()
		ok, changed := there(), c.changed
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-c.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Client) write(b []byte, text string) error {
	c.mu.Lock()
	c.talk.Octets(wire.Client, b, false)
	c.mu.Unlock()
	c.log("write", text, len(b))
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.conn.Write(b); err != nil {
		c.log("error", "write: "+plain(err), -1)
		return err
	}
	return nil
}

// read reads until the server closes or Close is called.
func (c *Client) read() {
	defer close(c.done)
	b := make([]byte, 16<<10)
	for {
		n, err := c.conn.Read(b)
		if n > 0 {
			text := clipHex(b[:n])
			if bytes.HasPrefix(b[:n], []byte("HTTP/")) {
				text, _, _ = strings.Cut(string(b[:n]), "\r\n")
			}
			c.log("read", text, n) // before who waits for it can answer
			c.mu.Lock()
			for _, it := range c.talk.Octets(wire.Server, b[:n], false) {
				switch {
				case it.Handshake != nil:
					if s := it.Handshake.Head.Status; s/100 != 1 || s == 101 { // else the answer is still to come
						c.status = s
					}
				case it.Frame != nil:
					c.frames++
				}
			}
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
		}
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				c.log("read", plain(err), -1)
			}
			return
		}
	}
}

// plain says what err is without addresses.
func plain(err error) string {
	var op *net.OpError
	switch {
	case err == io.EOF:
		return "EOF"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}

// clipHex writes at most 24 octets of b as hex.
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
