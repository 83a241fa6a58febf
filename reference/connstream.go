package reference

import (
	"io"

	"wslab/reference/wire"
)

// NextReader returns the next message as a Reader as soon as its first bytes
// are here. The memory it needs does not grow with the message, whose length is
// limited by Options.MaxMessage all the same; text may turn out not to be UTF-8
// after its beginning was read. A compressed message is inflated, and given
// out, once it is here as a whole. The Reader can be read until the next call
// of NextReader or ReadMessage, which skip what is left of the message.
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

// A reader is what NextReader returns. The Conn's reading guards it.
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

// more returns when there is something in rest, or io.EOF.
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

// endStream skips what is left of the message that NextReader gave out.
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
