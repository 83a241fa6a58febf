package reference

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync"
)

// The two halves of permessage-deflate (RFC 7692 §7.2): a deflater turns a
// message into the payload of its frames, an inflater turns it back.
//
// The deflater is compress/flate at its fastest level. The inflater is written
// here, because flate.Reader cannot wait: when its source has no more octets
// for now it must block, which takes a goroutine for every unfinished message,
// or fail, after which it cannot go on. This one stops between two symbols and
// goes on with the next chunk, so text is judged as it arrives, a message that
// grows too long is stopped where it does, and nothing but a few bits is kept
// meanwhile. It writes into the caller's slice and looks back there too, where
// flate.Reader copies everything through a window of its own; that makes it
// about twice as fast (BenchmarkInflate).
//
// What a connection that is idle between messages keeps: without context
// takeover nothing, with it the last 32 KiB received (fewer for a smaller
// window) and a flate.Writer, which is about 1.2 MiB from the first compressed
// message on. That is why servers with many connections agree on
// server_no_context_takeover. Between connections only pools are shared, whose
// contents are reset before they are used.

// deflateTail is what every flush of a DEFLATE stream ends in, an empty block
// without compression whose first three bits went before. It is left out of the
// payload (RFC 7692 §7.2.1) and put back before inflating (§7.2.2).
var deflateTail = []byte{0x00, 0x00, 0xff, 0xff}

// maxWindow is the octets of the largest LZ77 window, of 15 bits.
const maxWindow = 1 << 15

// errInflatedSize says that a message inflates to more octets than its receiver
// is willing to hold.
var errInflatedSize = errors.New("the message inflates to more than the limit")

// A corruptError says why octets are not DEFLATE (RFC 1951).
type corruptError struct{ why string }

func (e *corruptError) Error() string { return "the compressed message is corrupt: " + e.why }

func corrupt(format string, args ...any) error { return &corruptError{fmt.Sprintf(format, args...)} }

// A compressor is a flate.Writer and the slice that it appends to.
type compressor struct {
	*flate.Writer
	out []byte
}

// appender makes a compressor the flate.Writer's destination.
type appender struct{ c *compressor }

func (a appender) Write(p []byte) (int, error) {
	a.c.out = append(a.c.out, p...)
	return len(p), nil
}

// compressors are those that no message is using.
var compressors = sync.Pool{New: func() any {
	c := new(compressor)
	c.Writer, _ = flate.NewWriter(appender{c}, flate.BestSpeed) // fails on an unknown level alone
	return c
}}

// forget makes c the compressor of another stream.
func (c *compressor) forget() { c.Reset(appender{c}) }

// A deflater compresses the messages of one direction of a connection.
type deflater struct {
	takeover bool
	window   int         // octets that a distance may reach back
	c        *compressor // with takeover, from the first message on
	since    int         // octets since c forgot, counted where the window is small
}

// newDeflater returns a deflater for a window of 8 to 15 bits, 0 for 15. With
// takeover a message may refer to those before it (RFC 7692 §7.1.1).
func newDeflater(windowBits int, takeover bool) *deflater {
	return &deflater{takeover: takeover, window: windowSize(windowBits)}
}

func windowSize(windowBits int) int {
	if windowBits == 0 {
		return maxWindow
	}
	return 1 << windowBits
}

// compress appends to dst the payload that message is sent as with RSV1 set. It
// is never empty: a message of no octets is one octet, 0x00 (RFC 7692 §7.2.3.6).
func (d *deflater) compress(dst, message []byte) []byte {
	c := d.c
	if c == nil {
		c = compressors.Get().(*compressor)
		c.forget()
		d.since = 0
		if d.takeover {
			d.c = c
		}
	}
	c.out = dst

	//lesson:begin window
	for d.window < maxWindow && d.since+len(message) > d.window {
		// flate.Writer knows one window, of 32 KiB. One that forgets all every
		// 2^bits octets cannot reach back further than that.
		if n := d.window - d.since; n > 0 {
			_, _ = c.Write(message[:n]) // an appender does not fail
			_ = c.Flush()
			message = message[n:]
		}
		c.forget()
		d.since = 0
	}
	//lesson:end
	_, _ = c.Write(message)
	_ = c.Flush()
	d.since += len(message)
	if d.window == maxWindow {
		d.since = 0 // nothing to count
	}

	//lesson:begin deflate-tail
	out := bytes.TrimSuffix(c.out, deflateTail)
	//lesson:end
	c.out = nil
	if !d.takeover {
		compressors.Put(c)
	}
	return out
}

// What an inflater is in the middle of.
type inflateState uint8

const (
	atBlock       inflateState = iota // before the three bits that begin a block
	atStoredSize                      // before the length of a block without compression
	inStored                          // in the octets of one
	atCounts                          // before the counts that begin a block with codes of its own
	inCodeLengths                     // in the code lengths of the code for code lengths
	inLengths                         // in the code lengths of the two codes
	inSymbols                         // in what the codes compress
)

// An inflater decompresses the messages of one direction of a connection.
type inflater struct {
	takeover bool
	window   int    // octets that a distance may reach back
	history  []byte // what the messages so far end in, with takeover; at most window octets

	// The message that is being inflated.
	size   int    // octets that it has given
	begun  bool   // compressed octets have come
	in     []byte // octets of the chunk that were not looked at
	bits   uint64 // nbits bits before those, the next one lowest
	nbits  uint
	state  inflateState
	final  bool // BFINAL of the last block header
	left   int  // octets left of a block without compression
	counts [3]int
	have   int         // code lengths read
	own    *blockCodes // from a pool, for a block with codes of its own
	lit    *huffman    // codes of the block, its own or the fixed ones
	dist   *huffman
	err    error
}

// newInflater returns an inflater that takes any window. With takeover it keeps
// what a later message may refer to. A caller that has agreed on a smaller
// window can set window, so that fewer octets are kept and a distance beyond it
// is corrupt.
func newInflater(takeover bool) *inflater {
	return &inflater{takeover: takeover, window: maxWindow}
}

// inflate appends to dst what the next octets of a message's payload stand for,
// as far as it can be told. dst must end in what the message has given until
// now, of which all but the last 32 KiB may have been cut off: the data refers
// to it. final says that chunk is the last; then the next call begins another
// message, and dst may be any slice.
//
// The message may give limit octets in all: errInflatedSize tells that it would
// give more, a *corruptError that the octets cannot be. What came before the
// fault is returned with it. After an error the inflater is of no more use.
//
// A payload of no octets at all is a message of none: RFC 7692 has it sent as
// 0x00, but every endpoint built on zlib takes it.
func (i *inflater) inflate(dst, chunk []byte, final bool, limit int) ([]byte, error) {
	if i.err != nil {
		return dst, i.err
	}
	i.begun = i.begun || len(chunk) > 0
	start := len(dst) - i.size // of the message in dst; negative where its front was cut off
	end := start + limit
	if limit > math.MaxInt-max(start, 0) {
		end = math.MaxInt
	}
	dst, i.err = i.run(dst, chunk, start, end)

	//lesson:begin inflate-tail
	// A block with BFINAL set ends a DEFLATE stream, not the message: another
	// stream may follow (RFC 7692 §7.2.3.4). Where none does there is nothing
	// for the tail to complete.
	ended := i.final && i.state == atBlock && i.nbits == 0
	if final && i.begun && !ended && i.err == nil {
		dst, i.err = i.run(dst, deflateTail, start, end)
		if i.err == nil && (i.state != atBlock || i.nbits != 0) {
			i.err = corrupt("it ends inside a block")
		}
	}
	//lesson:end

	i.size, i.in = len(dst)-start, nil
	if i.err != nil || final {
		i.end(dst)
	}
	return dst, i.err
}

// end keeps of the message in dst what the next may refer to, and makes ready
// for that one.
func (i *inflater) end(dst []byte) {
	if i.takeover && i.err == nil {
		message := dst[max(0, len(dst)-min(i.size, i.window)):]
		old := i.history[max(0, len(i.history)+len(message)-i.window):]
		if n := len(old) + len(message); n > cap(i.history) {
			i.history = make([]byte, 0, min(max(2*cap(i.history), n), i.window))
		}
		i.history = append(append(i.history[:0], old...), message...)
	}
	if i.own != nil {
		codePool.Put(i.own)
	}
	*i = inflater{takeover: i.takeover, window: i.window, history: i.history, err: i.err}
}

// fill moves octets of the chunk to bits, as many as there is room for.
func (i *inflater) fill() {
	for i.nbits <= 56 && len(i.in) > 0 {
		i.bits |= uint64(i.in[0]) << i.nbits
		i.in, i.nbits = i.in[1:], i.nbits+8
	}
}

// need reports whether n bits, at most 56, can be taken.
func (i *inflater) need(n uint) bool {
	if i.nbits < n {
		i.fill()
	}
	return i.nbits >= n
}

// take returns the next n bits as a number, the first one lowest.
func (i *inflater) take(n uint) int {
	v := i.bits & (1<<n - 1)
	i.bits, i.nbits = i.bits>>n, i.nbits-n
	return int(v)
}

// run inflates chunk to the end of dst. It returns when chunk is used up: what
// is too short to be read is in bits. Each case below reads all of an item or
// none of it, so that it can be begun again with more octets.
func (i *inflater) run(dst, chunk []byte, start, end int) ([]byte, error) {
	i.in = chunk
	for {
		switch i.state {
		case atBlock: // RFC 1951 §3.2.3
			if !i.need(3) {
				return dst, nil
			}
			i.final = i.take(1) == 1
			switch i.take(2) {
			case 0:
				i.take(i.nbits % 8)
				i.state = atStoredSize
			case 1:
				fixed := fixedCodes()
				i.lit, i.dist, i.state = &fixed.lit, &fixed.dist, inSymbols
			case 2:
				i.state = atCounts
			default:
				return dst, corrupt("a block is of the reserved type")
			}

		case atStoredSize: // §3.2.4
			if !i.need(32) {
				return dst, nil
			}
			i.left = i.take(16)
			if i.take(16) != i.left^0xffff {
				return dst, corrupt("the length of a block without compression does not match its complement")
			}
			i.state = inStored

		case inStored:
			for i.left > 0 && i.need(8) {
				// Octets that are in bits first, then the rest in one copy.
				octet := [1]byte{byte(i.bits)}
				from := octet[:]
				if i.nbits == 0 {
					from = i.in[:min(i.left, len(i.in))]
				}
				room := end - len(dst)
				if room < len(from) {
					return append(dst, from[:max(room, 0)]...), errInflatedSize
				}
				dst = append(dst, from...)
				i.left -= len(from)
				if i.nbits == 0 {
					i.in = i.in[len(from):]
				} else {
					i.take(8)
				}
			}
			if i.left > 0 {
				return dst, nil
			}
			i.endBlock()

		case atCounts, inCodeLengths, inLengths: // §3.2.7
			more, err := i.readCodes()
			if more || err != nil {
				return dst, err
			}

		case inSymbols: // §3.2.5
			var err error
			dst, err = i.decode(dst, start, end)
			if err != nil || i.state == inSymbols {
				return dst, err
			}
			i.endBlock()
		}
	}
}

// endBlock goes on after a block: a stream that ends is followed by another at
// the next whole octet.
func (i *inflater) endBlock() {
	i.state = atBlock
	if i.final {
		i.take(i.nbits % 8)
	}
}

// codeOrder is the order in which the lengths of the code for code lengths come.
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the codes at the head of a block (RFC 1951 §3.2.7). more says
// that it must be called again with more octets.
func (i *inflater) readCodes() (more bool, err error) {
	// 1. How many code lengths there are.
	if i.state == atCounts {
		if !i.need(14) {
			return true, nil
		}
		i.counts = [3]int{257 + i.take(5), 1 + i.take(5), 4 + i.take(4)}
		if i.counts[0] > 286 || i.counts[1] > 30 {
			return false, corrupt("a block has %d literal and %d distance codes", i.counts[0], i.counts[1])
		}
		if i.own == nil {
			i.own = codePool.Get().(*blockCodes)
		}
		i.own.lengths = [286 + 30]uint8{}
		i.have, i.state = 0, inCodeLengths
	}
	lengths := &i.own.lengths

	// 2. The code that they are written in. It lives where the distances' will.
	if i.state == inCodeLengths {
		for ; i.have < i.counts[2]; i.have++ {
			if !i.need(3) {
				return true, nil
			}
			lengths[codeOrder[i.have]] = uint8(i.take(3))
		}
		if !i.own.dist.build(lengths[:19], litEntries[:]) {
			return false, corrupt("the code for code lengths is no prefix code")
		}
		*lengths = [286 + 30]uint8{}
		i.have, i.state = 0, inLengths
	}

	// 3. The lengths, with repetitions: 16 the last one, 17 and 18 zero.
	all := i.counts[0] + i.counts[1]
	for i.have < all {
		i.fill()
		e := i.own.dist.table[i.bits%tableSize]
		symbol, size := e.value(), e.size()
		extra := [3]uint{2, 3, 7}[max(symbol, 16)-16]
		if symbol < 16 {
			extra = 0
		}
		if e == 0 && i.nbits >= 7 {
			return false, corrupt("a code length is written in no code")
		}
		if e == 0 || i.nbits < size+extra {
			return true, nil
		}
		i.take(size)
		length, times := uint8(symbol), 1
		switch symbol {
		case 16:
			if i.have == 0 {
				return false, corrupt("the first code length repeats the one before it")
			}
			length, times = lengths[i.have-1], 3+i.take(2)
		case 17:
			length, times = 0, 3+i.take(3)
		case 18:
			length, times = 0, 11+i.take(7)
		}
		if i.have+times > all {
			return false, corrupt("there are more code lengths than announced")
		}
		for range times {
			lengths[i.have] = length
			i.have++
		}
	}

	// 4. The codes.
	lit, dist := lengths[:i.counts[0]], lengths[i.counts[0]:all]
	if lit[endOfBlock] == 0 || !i.own.lit.build(lit, litEntries[:]) || !i.own.dist.build(dist, distEntries[:]) {
		return false, corrupt("a block's code is no prefix code")
	}
	i.lit, i.dist, i.state = &i.own.lit, &i.own.dist, inSymbols
	return false, nil
}

// decode inflates symbols until the block ends, which state tells afterwards, or
// the octets do. It has its own copy of everything that it changes often, and
// tops bits up by eight octets at a time: this loop is where the time goes.
func (i *inflater) decode(dst []byte, start, end int) ([]byte, error) {
	lit, dist := i.lit, i.dist
	in, b, nb := i.in, i.bits, i.nbits
	out, n := dst[:max(len(dst), min(cap(dst), end))], len(dst)
	floor := max(start, 0)
	var err error

loop:
	for {
		// 1. The most that one turn can use is 15+5+15+13 bits.
		if nb < 48 {
			if len(in) >= 8 {
				// The bits above nb are those of octets that stay in the chunk.
				// They are written again, the same, when their turn comes.
				b |= binary.LittleEndian.Uint64(in) << nb
				in = in[(63-nb)/8:]
				nb |= 56
			} else {
				for nb <= 56 && len(in) > 0 {
					b |= uint64(in[0]) << nb
					in, nb = in[1:], nb+8
				}
			}
		}

		// 2. A literal, or the length of a match.
		e := lit.table[b%tableSize]
		if e == 0 {
			e = lit.long(b)
		}
		used := e.size()
		if e == 0 || used > nb {
			if nb >= maxCode {
				err = corrupt("there is no such literal or length code")
			}
			break
		}
		if e.isLiteral() {
			if n >= len(out) {
				if out = grow(out, n, 1, end); n >= len(out) {
					err = errInflatedSize
					break
				}
			}
			out[n] = byte(e.value())
			n++
			b, nb = b>>used, nb-used
			continue
		}
		if e.isEnd() {
			b, nb = b>>used, nb-used
			i.state = atBlock
			break
		}
		length := e.value() + int(b>>used&(1<<e.extra()-1))
		used += e.extra()

		// 3. How far back the match is.
		e = dist.table[b>>used%tableSize]
		if e == 0 {
			e = dist.long(b >> used)
		}
		if e == 0 || used+e.size()+e.extra() > nb {
			if nb >= 48 || nb >= used+maxCode && e == 0 {
				err = corrupt("there is no such distance code")
			}
			break
		}
		used += e.size()
		distance := e.value() + int(b>>used&(1<<e.extra()-1))
		used += e.extra()
		b, nb = b>>used, nb-used

		// 4. The match, which may begin in earlier messages and may overlap
		// itself: "ab" copied from 2 back, 5 long, is "ababa".
		before := 0
		if start >= 0 {
			before = len(i.history)
		}
		if distance > i.window || distance > n-floor+before {
			err = corrupt("a distance of %d reaches back too far", distance)
			break
		}
		if n+length > len(out) {
			if out = grow(out, n, length, end); n+length > len(out) {
				err = errInflatedSize
				break
			}
		}
		if back := distance - (n - floor); back > 0 {
			k := copy(out[n:n+length], i.history[len(i.history)-back:])
			n, length = n+k, length-k
		}
		for from := n - distance; length > 0; {
			k := copy(out[n:n+length], out[from:n])
			n, length = n+k, length-k
		}
		continue loop
	}
	i.in, i.bits, i.nbits = in, b&(1<<nb-1), nb
	return out[:n], err
}

// grow returns out with room for more octets behind the first n, but not beyond
// end: then it is as it was.
func grow(out []byte, n, more, end int) []byte {
	if more > end-n {
		return out
	}
	bigger := make([]byte, min(max(2*n, n+more, 512), end))
	copy(bigger, out[:n])
	return bigger
}

// An entry tells what a code stands for: bits 0–3 the code's size, 4–7 how many
// extra bits follow it, 8 and 9 the kind, from 10 on the value that the extra
// bits are added to. No code is 0.
type entry uint32

const (
	isMatch entry = 1 << 8
	isEnd   entry = 1 << 9

	endOfBlock = 256
	maxCode    = 15 // bits of the longest code
	tableBits  = 9
	tableSize  = 1 << tableBits
)

func (e entry) size() uint      { return uint(e & 15) }
func (e entry) extra() uint     { return uint(e >> 4 & 15) }
func (e entry) value() int      { return int(e >> 10) }
func (e entry) isLiteral() bool { return e&(isMatch|isEnd) == 0 }
func (e entry) isEnd() bool     { return e&isEnd != 0 }

// litEntries and distEntries are the symbols of RFC 1951 §3.2.5. What a fixed
// block may have a code for and must not use, 286, 287, 30 and 31, is 0.
var litEntries, distEntries = symbolEntries()

func symbolEntries() (lit [288]entry, dist [32]entry) {
	for s := range endOfBlock {
		lit[s] = entry(s) << 10
	}
	lit[endOfBlock] = isEnd
	// Lengths: eight of one octet's step, then four of each doubled step.
	value := 3
	for s := 257; s < 285; s++ {
		extra := max(0, (s-261)/4)
		lit[s] = entry(value)<<10 | entry(extra)<<4 | isMatch
		value += 1 << extra
	}
	lit[285] = 258<<10 | isMatch
	value = 1
	for s := range 30 {
		extra := max(0, s/2-1)
		dist[s] = entry(value)<<10 | entry(extra)<<4 | isMatch
		value += 1 << extra
	}
	return lit, dist
}

// A huffman is a prefix code. Codes of up to nine bits are looked up by the next
// nine; the few that are longer are searched for bit by bit.
type huffman struct {
	table  [tableSize]entry
	count  [maxCode + 1]int // codes of each size
	sorted [288]entry       // by size, then by symbol
}

// blockCodes are the two codes of a block.
type blockCodes struct {
	lit, dist huffman
	lengths   [286 + 30]uint8
}

// codePool are the codes that no message is using. Nothing is read from them
// before it was written for the block at hand.
var codePool = sync.Pool{New: func() any { return new(blockCodes) }}

// fixedCodes are those of blocks that bring none (RFC 1951 §3.2.6).
var fixedCodes = sync.OnceValue(func() *blockCodes {
	var lit [288]uint8
	var dist [32]uint8
	for s := range lit {
		switch {
		case s < 144 || s >= 280:
			lit[s] = 8
		case s < 256:
			lit[s] = 9
		default:
			lit[s] = 7
		}
	}
	for s := range dist {
		dist[s] = 5
	}
	c := new(blockCodes)
	c.lit.build(lit[:], litEntries[:])
	c.dist.build(dist[:], distEntries[:])
	return c
})

// build makes h the code whose symbols have codes of these lengths, 0 for none
// (RFC 1951 §3.2.2). It reports false where no prefix code can have them, or
// where bits would be left without a meaning; only a code of one symbol, or of
// none that is never used, may leave some.
func (h *huffman) build(lengths []uint8, entries []entry) bool {
	h.count = [maxCode + 1]int{}
	for _, n := range lengths {
		h.count[n]++
	}
	used := len(lengths) - h.count[0]
	h.count[0] = 0

	left := 1
	var code, at [maxCode + 1]int // of each size: the next code, the next place in sorted
	for n := 1; n <= maxCode; n++ {
		left = 2*left - h.count[n]
		if left < 0 {
			return false
		}
		code[n] = (code[n-1] + h.count[n-1]) << 1
		at[n] = at[n-1] + h.count[n-1]
	}
	if left > 0 && (used > 1 || used == 1 && h.count[1] == 0) {
		return false
	}

	clear(h.table[:])
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		e := entries[symbol]
		if e != 0 || symbol == 0 {
			e |= entry(n)
		}
		h.sorted[at[n]] = e
		at[n]++
		if n <= tableBits {
			// The stream has a code's first bit lowest: in the table it is
			// reversed, with every way of going on behind it.
			first := int(bits.Reverse16(uint16(code[n])) >> (16 - n))
			for k := first; k < tableSize; k += 1 << n {
				h.table[k] = e
			}
		}
		code[n]++
	}
	return true
}

// long finds the code that b begins with, or 0. Bits that are not there yet are
// 0 in b, which the caller notices by the code's size.
func (h *huffman) long(b uint64) entry {
	code, first, index := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		code |= int(b & 1)
		b >>= 1
		if k := code - first; k < h.count[n] {
			return h.sorted[index+k]
		}
		index += h.count[n]
		first = (first + h.count[n]) << 1
		code <<= 1
	}
	return 0
}
