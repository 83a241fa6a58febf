// Package deflate compresses messages to the payloads of permessage-deflate and
// decompresses them (RFC 7692 §7.2), with compress/flate. It handles the omitted tail,
// history across messages, and smaller windows. It does not know frames or the
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
	// deflateTail ends every flush of a DEFLATE stream: an empty uncompressed block
	// without its first three bits. The sender removes it from the payload (RFC 7692
	// §7.2.1), and the receiver appends it before decompressing (§7.2.2).
	deflateTail = "\x00\x00\xff\xff"
	// lastBlock is an empty block with BFINAL set, which makes a flate.Reader return
	// io.EOF.
	lastBlock = "\x01\x00\x00\xff\xff"
	// maxWindow is the size of the largest LZ77 window in bytes, of 15 bits.
	// compress/flate has only this size.
	maxWindow = 1 << 15
)

// A Compressor compresses the messages of one direction of a connection.
type Compressor struct {
	takeover bool
	window   int     // bytes that a distance may reach back
	since    int     // bytes compressed since the history was last emptied
	own      *packer // kept from the first message on, with takeover
}

// NewCompressor returns a Compressor for a window of 8 to 15 bits; 0 means 15. With
// takeover, a message may refer to earlier ones (RFC 7692 §7.1.1).
func NewCompressor(windowBits int, takeover bool) *Compressor {
	return &Compressor{takeover: takeover, window: 1 << cmp.Or(windowBits, 15)}
}

// A packer is a flate.Writer and its output buffer.
type packer struct {
	out   bytes.Buffer
	flate *flate.Writer
}

func newPacker(level int) *packer {
	p := new(packer)
	p.flate, _ = flate.NewWriter(&p.out, level) // it fails only for a level that does not exist
	return p
}

// Two levels, chosen by measurement (BenchmarkDeflate). BestSpeed resets its history at
// little cost, but finds nothing in a message below 128 bytes. If the history is kept,
// the next level needs the same time for a message of 1 KiB, and its result is a fifth
// smaller. But to reset its history takes 10 µs, so the code never resets it.
const forgetful, mindful = flate.BestSpeed, flate.BestSpeed + 1

// packers has the packers that no message uses. The next user resets the history.
var packers = sync.Pool{New: func() any { return newPacker(forgetful) }}

// Compress appends to dst the payload for message in a frame with RSV1 set. The payload
// is never empty: an empty message becomes one byte, 0x00 (RFC 7692 §7.2.3.6).
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

	// flate.Writer looks back 32 KiB. For a smaller window, reset the history before more
	// bytes than the window went in. That loses some matches, but a peer that asks for a
	// small window wants to save memory. Writing to a Buffer never returns an error.
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
	_ = p.flate.Flush() // the result ends on a whole byte, with an empty block
	p.out.Truncate(p.out.Len() - len(deflateTail))
	out := p.out.Bytes()
	p.out = bytes.Buffer{}
	return out
}

// ErrSize says that the decompressed message exceeds the limit of its receiver.
var ErrSize = errors.New("the decompressed message exceeds the limit")

// maxStreams limits the DEFLATE streams of one message. RFC 7692 sets no limit, and
// compressors use one stream. But each stream moves the window, and 1 MiB of the
// shortest streams would take two seconds.
const maxStreams = 1000

var errManyStreams = fmt.Errorf("it has more than %d DEFLATE streams", maxStreams)

// A corruptError says why a payload is not valid DEFLATE (RFC 1951).
type corruptError struct{ why error }

func (e *corruptError) Error() string { return "the compressed message is corrupt: " + e.why.Error() }

// A Decompressor turns payloads of one direction of a connection back into messages. It
// needs the whole payload: a flate.Reader that runs out of bytes must wait or fail, and
// waiting would need a goroutine for every unfinished message.
type Decompressor struct {
	takeover bool
	window   int    // bytes that a message may refer back to
	history  []byte // the last bytes of earlier messages
}

// NewDecompressor returns a Decompressor for the payloads of a Compressor with the same
// arguments.
func NewDecompressor(windowBits int, takeover bool) *Decompressor {
	return &Decompressor{takeover: takeover, window: 1 << cmp.Or(windowBits, 15)}
}

// MaxSize returns the maximum size of a payload in bytes if its message has at most
// limit bytes. The fixed code uses at most nine bits for a byte. If no code is shorter,
// compressors use uncompressed blocks, each of which adds five bytes.
func MaxSize(limit int) uint64 { return uint64(limit) + uint64(limit)/8 + 1024 }

// An unpacker is a flate.Reader and its input, a payload and the tail. The input is a
// bytes.Reader, from which flate reads exactly the bytes of the stream.
type unpacker struct {
	in     bytes.Reader
	flate  io.Reader
	beyond [1]byte // room for the first byte beyond the limit
}

// unpackers has the unpackers that no message uses. reset gives each a new history.
var unpackers = sync.Pool{New: func() any {
	u := new(unpacker)
	u.flate = flate.NewReader(&u.in)
	return u
}}

// reset starts a stream that may refer to history. It never fails.
func (u *unpacker) reset(history []byte) { _ = u.flate.(flate.Resetter).Reset(&u.in, history) }

// Decompress returns the message of payload, in the memory of into if that is large
// enough. It returns ErrSize if the message has more than limit bytes, and a
// *corruptError if payload is not valid. The limit is checked while decompressing:
// memory doubles as bytes arrive, and never exceeds the limit. Decompress appends the
// tail to payload, in its memory if there is room.
//
// An empty payload is an empty message. RFC 7692 sends one as 0x00, but every endpoint
// built on zlib accepts this too.
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

	message, kept := into[:0], 0 // the first kept bytes of message are already in history
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
			return message, &corruptError{io.ErrUnexpectedEOF} // the last block ends inside the tail
		case i.takeover:
			i.remember(message[kept:])
			return message, nil
		default:
			i.history = nil
			return message, nil
		}
	}
}

// remember adds bytes to the history, and drops bytes that are too far back.
func (i *Decompressor) remember(data []byte) {
	data = data[max(0, len(data)-i.window):]
	old := i.history[max(0, len(i.history)+len(data)-i.window):]
	if n := len(old) + len(data); n > cap(i.history) {
		i.history = make([]byte, 0, min(max(2*cap(i.history), n), i.window))
	}
	i.history = append(append(i.history[:0], old...), data...)
}
