package recording

import (
	"bytes"
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Uncrossed implements tap.Recorder. Left of its Held event is n, or 0 for all bytes.
func (c *Connection) Uncrossed(d tap.Direction, id uint64, n int, err error) {
	if id == 0 { // bytes of no unit
		c.beyondWire(d, nil, n, err)
		return
	}
	e, _ := c.r.Event(id)
	switch b := e.Body.(type) {
	case *dissect.Frame:
		c.mu.Lock()
		c.frames--
		c.mu.Unlock()
		c.lost(id)
		if uint64(n) == b.Size() {
			n = 0
		}
	case *dissect.Handshake:
		if n == len(b.Bytes()) {
			n = 0
		}
	}
	state := "unsent"
	if d == tap.In {
		state = "unread"
	}
	c.held(d, &Held{Of: id, State: state, Left: n, Err: goError(err)})
}

// Unsent implements tap.Recorder.
func (c *Connection) Unsent(b []byte, err error) { c.beyondWire(tap.Out, b, len(b), err) }

// Unread implements tap.Recorder.
func (c *Connection) Unread(b []byte, size int) { c.beyondWire(tap.In, b, size, nil) }

// Ahead implements tap.Recorder.
func (c *Connection) Ahead(n int) {
	if c.side != wire.Server {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talk.Ahead(n)
}

// beyondWire records size bytes that were not sent or not read. b is the beginning of
// them. Each frame and each handshake has an event of its own.
func (c *Connection) beyondWire(d tap.Direction, b []byte, size int, err error) {
	from := c.sender(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	talk := c.beyond[from]
	if talk == nil {
		talk = c.talk.Clone()
		c.beyond[from] = talk
	}
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if d == tap.In {
		c.cut(at, from, dissect.NotRead)
	}
	b = bytes.Clone(b)
	recorded := 0
	for _, it := range talk.Bytes(from, b, true) {
		if it.Message != nil {
			continue
		}
		p := piece{Size: it.End - recorded, Head: b[recorded:it.End]}
		if it.Frame != nil && it.Frame.Came() == uint64(p.Size) { // otherwise the frame began in transmitted bytes
			p.Frame = it.Frame
		}
		if it.Handshake != nil && len(it.Handshake.Bytes()) == p.Size {
			p.Handshake = it.Handshake
		}
		c.piece(at, d, p, err)
		recorded = it.End
	}
	if recorded < size {
		c.piece(at, d, piece{Size: size - recorded, Head: b[recorded:]}, err)
	}
}

// piece records p as unsent or unread. c.mu and c.r.mu are held.
func (c *Connection) piece(at time.Duration, d tap.Direction, p piece, err error) {
	kept := min(len(p.Head), KeepBytes)
	p.Head = p.Head[:kept:kept]
	from := c.sender(d).String()
	if d == tap.In {
		c.r.append(at, c.ID, from, &Unread{p})
		return
	}
	by := c.about.refused(c.r.next, p.Frame)
	c.r.appendBy(at, c.ID, from, &Unsent{p, goError(err)}, by, 0)
}

// cut records the incomplete frame of from, if there is one: no more bytes of from will
// be recorded. c.mu and c.r.mu are held.
func (c *Connection) cut(at time.Duration, from wire.Role, why dissect.Missing) {
	if c.beyond[from] == nil {
		c.beyond[from] = c.talk.Clone() // so that the bytes of a refused Write are decoded from here
	}
	if f := c.talk.End(from, why); f != nil {
		c.r.append(at, c.ID, from.String(), f)
	}
}
