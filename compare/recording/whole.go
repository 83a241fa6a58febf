package recording

import (
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// whole is a read or write of exactly one frame that is a whole message. The bodies of
// its three events are made when a reader asks for them. On a busy connection without a
// watcher, they are never made. BenchmarkEcho1KiB of package endpoint shows the gain.
type whole struct {
	later dissect.Later
	bytes []byte
	unit  [1]tap.Unit
}

// The bodies of its three events in the list.
type (
	wholeBytes   whole
	wholeFrame   whole
	wholeMessage whole
)

// made returns the body that an Event shows for a body of the list.
func made(body any) any {
	switch w := body.(type) {
	case *wholeBytes:
		return &Bytes{len(w.bytes), w.bytes}
	case *wholeFrame:
		f, _ := w.later.Decode(w.bytes)
		return f
	case *wholeMessage:
		_, m := w.later.Decode(w.bytes)
		return &Message{m, []uint64{w.unit[0].ID}}
	}
	return body
}

// maxRoom bounds how many wholes are allocated at once.
const maxRoom = 32

// whole records b if it is exactly one frame and message, and returns its unit. Otherwise
// it returns nil. start is the number of bytes that from sent before b. c.mu is held.
func (c *Connection) whole(at time.Duration, from wire.Role, b []byte, start int64) []tap.Unit {
	if len(b) > KeepBytes {
		return nil
	}
	later, ok := c.talk.Later(from, b)
	if !ok {
		return nil
	}
	if len(c.wholes) == 0 {
		c.room = min(max(2*c.room, 1), maxRoom)
		c.wholes = make([]whole, c.room)
	}
	w := &c.wholes[0]
	c.wholes = c.wholes[1:]
	w.later, w.bytes = later, c.keep(b)
	c.frames++
	c.parts[from] = c.parts[from][:0]
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	end := from.String()
	c.r.append(at, c.ID, end, (*wholeBytes)(w))
	by, told := c.about.frame(c.r.next, seenWhole(w), from, from == c.side, start, start+int64(len(b)))
	w.unit[0] = tap.Unit{ID: c.r.appendBy(at, c.ID, end, (*wholeFrame)(w), by, told), End: len(b)}
	c.r.append(at, c.ID, end, (*wholeMessage)(w))
	return w.unit[:]
}
