package headers

import (
	"bytes"
	"io"
	"net"
	"time"

	"wslab/reference/wire"
)

// conn is a net.Conn whose peer is a script. It is used by the one goroutine
// that the endpoint under study runs in, so nothing in it waits.
type conn struct {
	// The peer: what it sends at first and what it answers to the endpoint's
	// handshake, then the frames, then the Ping.
	greet  []byte
	answer func(handshake []byte) []byte // nil: the endpoint answers, and the script goes on
	frames []byte
	probe  []byte

	inbox []byte // sent by the peer and not read yet
	stage stage
	head  []byte // the endpoint's half of the handshake, as far as it is written
	seen  seen
}

// stage is how far the script has come.
type stage uint8

const (
	shaking stage = iota // the endpoint's half of the handshake is not whole
	shaken               // it is
	asked                // the frames have been sent
	probed               // and the Ping
	over                 // the peer has closed TCP, and looks no more
)

// Read gives what the peer has sent. Where nothing is left the endpoint would
// wait: then the script goes on.
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
				c.stage = over // there is nothing left to ask
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

// Write takes what the endpoint sends.
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

// Close ends the connection from the endpoint's side.
func (c *conn) Close() error {
	if c.stage < over && !c.seen.closed {
		c.seen.closed = true
		c.seen.unread = len(c.inbox) > 0 || c.stage < asked
	}
	c.stage = over
	return nil
}

// CloseWrite sends FIN: the peer, which has nothing more to say, closes too.
func (c *conn) CloseWrite() error {
	if c.stage < over {
		c.seen.closed = true
	}
	c.stage, c.inbox = over, nil
	return nil
}

// closes reports whether b, as far as it is whole frames, has a Close frame.
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

// address is where a script is.
type address struct{}

func (address) Network() string { return "script" }
func (address) String() string  { return "127.0.0.1:0" }
