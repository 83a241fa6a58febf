// Package deflate turns messages into the payloads of permessage-deflate and back
// (RFC 7692 §7.2), over compress/flate: the tail that is left out, histories that reach
// over messages or must not, and smaller windows. It knows neither frames nor the
// handshake.
package deflate

import (
	"bytes"
	"cmp"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	// deflateTail is what every flush of a DEFLATE stream ends in, an empty block
	// without compression whose first three bits went before. It is left out of
	// the payload (RFC 7692 §7.2.1) and put back before inflating (§7.2.2).
	deflateTail = "\x00\x00\xff\xff"
	// lastBlock is an empty block with BFINAL set, at which a flate.Reader ends.
	lastBlock = "\x01\x00\x00\xff\xff"
	// maxWindow is the bytes of the largest LZ77 window, of 15 bits: the only
	// one that compress/flate has.
	maxWindow = 1 << 15
)

// A Compressor compresses the messages of one direction of a connection.
type Compressor struct {
	takeover bool
	window   int     // bytes that a distance may reach back
	since    int     // bytes compressed since the history was last emptied
	own      *packer // with takeover, from the first message on
}

// NewCompressor returns a Compressor for a window of 8 to 15 bits, 0 for 15. With
// takeover a message may refer to those before it (RFC 7692 §7.1.1).
func NewCompressor(windowBits int, takeover bool) *Compressor {
	return &Compressor{takeover: takeover, window: 1 << cmp.Or(windowBits, 15)}
}

// A packer is a flate.Writer and what it writes to.
type packer struct {
	out   bytes.Buffer
	flate *flate.Writer
}

func newPacker(level int) *packer {
	p := new(packer)
	p.flate, _ = flate.NewWriter(&p.out, level) // it fails for levels that do not exist
	return p
}

// Two levels, by measurement (BenchmarkDeflate). BestSpeed forgets cheaply, but
// looks for nothing in a message below 128 bytes. The next level, where it may
// look at the messages before, takes as long for one of 1 KiB and makes it a
// fifth smaller; but emptying its history takes 10 µs, so it never does.
const forgetful, mindful = flate.BestSpeed, flate.BestSpeed + 1

// packers are those that no message is using; the next empties their history.
var packers = sync.Pool{New: func() any { return newPacker(forgetful) }}

// Compress appends to dst the payload that message is sent as with RSV1 set. It
// is never empty: a message of no bytes is one byte, 0x00 (RFC 7692 §7.2.3.6).
func (c *Compressor) Compress(dst, message []byte) []byte {
	p := c.own
	switch {
	case !c.takeover:
		p = packers.Get().(*packer)
		defer packers.Put(p)
		p.flate.Reset(&p.out)
		c.since = 0
	case p == nil && c.window == maxWindow:
		p = newPacker(mindful)
	case p == nil:
		p = newPacker(forgetful)
	}
	if c.takeover {
		c.own = p
	}
	p.out = *bytes.NewBuffer(dst)

	// flate.Writer looks back 32 KiB. So that it looks no further than a smaller
	// window, its history is emptied before more than that went in. It costs
	// matches, and bytes for each flush; a peer that asks for a small window saves
	// memory. Errors could only come from the Buffer, which has none.
	for c.window < maxWindow && c.since+len(message) > c.window {
		if c.since == 0 {
			_, _ = p.flate.Write(message[:c.window])
			_ = p.flate.Flush()
			message = message[c.window:]
		}
		p.flate.Reset(&p.out)
		c.since = 0
	}
	_, _ = p.flate.Write(message)
	c.since += len(message)
	_ = p.flate.Flush() // brings the bits to a whole byte with an empty block
	p.out.Truncate(p.out.Len() - len(deflateTail))
	out := p.out.Bytes()
	p.out = bytes.Buffer{}
	return out
}

// ErrSize says that a message inflates to more bytes than its receiver
// is willing to hold.
var ErrSize = errors.New("the decompressed message exceeds the limit")

// maxStreams is how many DEFLATE streams one message may be: RFC 7692 sets no
// limit and compressors make one, but each costs moving the window, and 1 MiB of
// the shortest would be two seconds of work.
const maxStreams = 1000

var errManyStreams = fmt.Errorf("it has more than %d DEFLATE streams", maxStreams)

// A corruptError says why bytes are not DEFLATE (RFC 1951).
type corruptError struct{ why error }

func (e *corruptError) Error() string { return "the compressed message is corrupt: " + e.why.Error() }

// A Decompressor turns payloads of one direction of a connection back into messages,
// each when it is whole: a flate.Reader without bytes must wait or fail, and to
// wait would take a goroutine for every unfinished message.
type Decompressor struct {
	takeover bool
	window   int    // bytes that a message may refer back to
	history  []byte // those, of messages before
}

// NewDecompressor returns a Decompressor of what a Compressor with these
// arguments compresses.
func NewDecompressor(windowBits int, takeover bool) *Decompressor {
	return &Decompressor{takeover: takeover, window: 1 << cmp.Or(windowBits, 15)}
}

// MaxSize returns the most bytes of a payload whose message has at most limit bytes: a
// fixed code has nine bits at most for a byte, and where no code is shorter there are
// blocks without compression, each of which adds five bytes.
func MaxSize(limit int) uint64 { return uint64(limit) + uint64(limit)/8 + 1024 }

// An unpacker is a flate.Reader and its input: a payload followed by the tail. From a bytes.Reader it takes not one byte more than a stream has.
type unpacker struct {
	in     bytes.Reader
	flate  io.Reader
	beyond [1]byte // for the byte that would be one too many
}

// unpackers are those that no message is using; reset gives them another history.
var unpackers = sync.Pool{New: func() any {
	u := new(unpacker)
	u.flate = flate.NewReader(&u.in)
	return u
}}

// reset begins a stream that may refer to history. It never fails.
func (u *unpacker) reset(history []byte) { _ = u.flate.(flate.Resetter).Reset(&u.in, history) }

// Decompress returns the message of payload, in the memory of into if that is enough. The message may have limit bytes: ErrSize
// tells that it has more, a *corruptError that the payload cannot be. The limit
// holds while inflating: memory doubles as bytes come, and never exceeds it. The
// tail is appended to payload, in its memory if there is room.
//
// A payload of no bytes at all is a message of none: RFC 7692 has it sent as
// 0x00, but every endpoint built on zlib takes it.
func (i *Decompressor) Decompress(into, payload []byte, limit int) ([]byte, error) {
	if len(payload) == 0 {
		return into[:0], nil
	}
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	defer u.in.Reset(nil)
	const tail = deflateTail + lastBlock
	u.in.Reset(append(payload, tail...))
	u.reset(i.history)

	message, kept := into[:0], 0 // kept bytes of message are in history
	streams := 1
	for {
		if len(message) == cap(message) && len(message) < limit {
			size := min(max(2*len(message), 2*len(payload), 512), limit)
			message = append(make([]byte, 0, size), message...)
		}
		space := message[len(message):min(cap(message), limit)]
		if len(space) == 0 {
			space = u.beyond[:]
		}
		n, err := u.flate.Read(space)
		if n > 0 && len(message) == limit {
			return message, ErrSize
		}
		message = message[:len(message)+n]
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return message, &corruptError{err}
		case u.in.Len() > len(tail):
			// A block with BFINAL set ends a DEFLATE stream, not the message:
			// another stream follows (RFC 7692 §7.2.3.4).
			if streams++; streams > maxStreams {
				return message, &corruptError{errManyStreams}
			}
			i.remember(message[kept:])
			kept = len(message)
			u.reset(i.history)
		case 0 < u.in.Len() && u.in.Len() < len(tail):
			return message, &corruptError{io.ErrUnexpectedEOF} // a block ends in the tail
		case i.takeover:
			i.remember(message[kept:])
			return message, nil
		default:
			i.history = nil
			return message, nil
		}
	}
}

// remember adds bytes to the history, and lets go of what is too far back.
func (i *Decompressor) remember(data []byte) {
	data = data[max(0, len(data)-i.window):]
	old := i.history[max(0, len(i.history)+len(data)-i.window):]
	if n := len(old) + len(data); n > cap(i.history) {
		i.history = make([]byte, 0, min(max(2*cap(i.history), n), i.window))
	}
	i.history = append(append(i.history[:0], old...), data...)
}
