package recording

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Bytes implements tap.Recorder.
func (c *Connection) Bytes(d tap.Direction, b []byte) []tap.Unit {
	from := c.sender(d)
	at := c.r.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beyond[from] = nil // this Write succeeds after one that failed
	stops := c.stops
	c.stops = false
	total := &c.about.in
	if from == wire.Server {
		total = &c.about.out
	}
	start := *total // the number of bytes that from sent before b
	*total += int64(len(b))
	if units := c.whole(at, from, b, start); units != nil {
		return units
	}
	// Most reads are short. They are copied once, and all events share the copy.
	owned := len(b) <= KeepBytes
	kept := c.keep(b[:min(len(b), KeepBytes)])
	if owned {
		b = kept
	}
	items := c.talk.Bytes(from, b, owned)

	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	// Nearly every call needs both, so allocate them together.
	read := &struct {
		body  Bytes
		units [1]tap.Unit
	}{body: Bytes{len(b), kept}}
	by := uint64(0)
	if from == wire.Client && len(items) == 0 {
		by = c.about.wroteIn(*total, false) // no unit ends here, so no unit can name the write
	}
	c.r.appendBy(at, c.ID, from.String(), &read.body, by, 0)
	units := read.units[:0]
	begins := start // of the next unit
	for _, it := range items {
		end := start + int64(it.End)
		switch {
		case it.Handshake != nil:
			units = append(units, tap.Unit{ID: c.handshake(at, from, it.Handshake, begins, end), End: it.End})
			begins = end
		case it.Frame != nil:
			units = append(units, tap.Unit{ID: c.frame(at, from, it.Frame, begins, end, stops), End: it.End})
			begins = end
		case it.Message != nil:
			c.r.append(at, c.ID, from.String(), &Message{it.Message, slices.Clone(c.parts[from])})
			c.parts[from] = c.parts[from][:0]
		}
	}
	if n := len(units); c.talk.Opaque(from) && (n == 0 || units[n-1].End < len(b)) {
		units = append(units, tap.Unit{End: len(b)})
	}
	return units
}

// handshake records h, which from sent: bytes begins to end of its stream. It returns the
// seq of the event. c.mu and c.r.mu are held.
func (c *Connection) handshake(at time.Duration, from wire.Role, h *dissect.Handshake, begins, end int64) uint64 {
	by, told := c.about.handshake(c.r.next, h, from == c.side, begins, end)
	seq := c.r.appendBy(at, c.ID, from.String(), h, by, told)
	if from == wire.Client {
		c.become(at, "CONNECTING", "the client sends its request")
	} else if h.Head.Status == 101 {
		c.answer = seq
		c.become(at, "OPEN", "the server responds with 101")
	}
	return seq
}

// frame is handshake for a frame. stops says that the frame stops at the valve.
func (c *Connection) frame(at time.Duration, from wire.Role, f *dissect.Frame, begins, end int64, stops bool) uint64 {
	by, told := c.about.frame(c.r.next, seenFrame(f), from, from == c.side, begins, end)
	seq := c.r.appendBy(at, c.ID, from.String(), f, by, told)
	c.frames++
	op := f.Header.Opcode
	if op == wire.Text || op == wire.Binary {
		c.parts[from] = c.parts[from][:0]
	}
	if op.IsData() && len(c.parts[from]) < maxMessageFrames {
		c.parts[from] = append(c.parts[from], seq)
	}
	switch {
	case op != wire.Close:
	case stops:
		c.closes = append(c.closes, seq)
	default:
		c.closing(at, from)
	}
	return seq
}

// maxSlab bounds how many bytes keep allocates at once. On a busy connection, an
// allocation for each read would cost as much as decoding, and so would zeroing the
// memory: see BenchmarkEcho1KiB of package endpoint.
const maxSlab = 64 << 10

// keep returns a copy of b for events. c.mu is held.
func (c *Connection) keep(b []byte) []byte {
	if room := c.slab.Cap() - c.slab.Len(); len(b) > room {
		// Twice the last size, so that a quiet connection keeps little.
		size := min(max(2*c.slab.Cap(), 2*len(b)), maxSlab)
		c.slab = strings.Builder{}
		c.slab.Grow(size) // the only way to get memory that is not zeroed
	}
	start := c.slab.Len()
	c.slab.Write(b)
	kept := c.slab.String()[start:]
	return unsafe.Slice(unsafe.StringData(kept), len(kept))
}
