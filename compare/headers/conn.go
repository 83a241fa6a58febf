package headers

import (
	"bytes"
	"io"
	"net"
	"time"

	"wslab/reference/wire"
)

// conn is a net.Conn whose peer is a script. Only the endpoint's goroutine uses conn, so
// its methods never wait.
type conn struct {
	// The script, in this order.
	greet  []byte                        // the client's request, if the endpoint is a server
	answer func(handshake []byte) []byte // returns the server's response; nil if the endpoint is a server
	frames []byte
	probe  []byte // a Ping

	inbox []byte // sent by the peer and not read yet
	stage stage
	head  []byte // the part of the endpoint's handshake that is written
	seen  seen
}

// stage says how far the script is.
type stage uint8

const (
	shaking stage = iota // the endpoint's half of the handshake is incomplete
	shaken               // it is complete
	asked                // the frames are sent
	probed               // the Ping is sent
	over                 // the peer has closed TCP and ignores further bytes
)

// Read returns bytes that the peer has sent. If none are left, the endpoint would wait,
// so Read continues the script.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.seen.closed {
		return 0, net.ErrClosed
	}
	if len(c.greet) > 0 {
		c.inbox, c.greet = c.greet, nil
	}
	for len(c.inbox) == 0 {
		switch c.stage {
		case shaken:
			c.inbox, c.stage = c.frames, asked
		case asked:
			if closes(c.seen.first) {
				c.stage = over // the endpoint has ended the connection
				continue
			}
			c.inbox, c.stage = c.probe, probed
		default:
			c.stage = over
			return 0, io.EOF
		}
	}
	n := copy(p, c.inbox)
	c.inbox = c.inbox[n:]
	return n, nil
}

// Write keeps the bytes that the endpoint sends, and answers its handshake.
func (c *conn) Write(p []byte) (int, error) {
	if c.seen.closed {
		return 0, net.ErrClosed
	}
	n := len(p)
	switch c.stage {
	case shaking:
		c.head = append(c.head, p...)
		end := bytes.Index(c.head, []byte("\r\n\r\n"))
		if end < 0 {
			break
		}
		c.stage = shaken
		c.seen.first = append(c.seen.first, c.head[end+4:]...)
		if c.answer != nil {
			c.inbox = append(c.inbox, c.answer(c.head[:end+4])...)
		}
	case shaken, asked:
		c.seen.first = append(c.seen.first, p...)
	case probed:
		c.seen.second = append(c.seen.second, p...)
	}
	return n, nil
}

// Close closes TCP at the endpoint's end.
func (c *conn) Close() error {
	if c.stage < over && !c.seen.closed {
		c.seen.closed = true
		c.seen.unread = len(c.inbox) > 0 || c.stage < asked
	}
	c.stage = over
	return nil
}

// CloseWrite sends FIN. The peer has no more bytes to send, and closes TCP, too.
func (c *conn) CloseWrite() error {
	if c.stage < over {
		c.seen.closed = true
	}
	c.stage, c.inbox = over, nil
	return nil
}

// closes reports whether the whole frames at the start of b include a Close frame.
func closes(b []byte) bool {
	all, _ := frames(b)
	for _, f := range all {
		if f.header.Opcode == wire.Close {
			return true
		}
	}
	return false
}

func (c *conn) LocalAddr() net.Addr              { return address{} }
func (c *conn) RemoteAddr() net.Addr             { return address{} }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// address is the address of a script.
type address struct{}

func (address) Network() string { return "script" }
func (address) String() string  { return "127.0.0.1:0" }
