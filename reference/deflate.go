package reference

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// The two halves of permessage-deflate (RFC 7692 §7.2): a deflater turns a
// message into the payload of its frames, an inflater turns it back. Both speak
// DEFLATE (RFC 1951) without compress/flate, each for a reason.
//
// flate.Reader cannot wait: when its source has no more octets for now it must
// block, which takes a goroutine for every unfinished message, or fail, after
// which it cannot go on. The inflater stops between two symbols and goes on with
// the next chunk, so text is judged as it arrives, a message that grows too long
// is stopped where it does, and nothing but a few bits is kept meanwhile. It
// writes into the caller's slice and looks back there too, where flate.Reader
// copies everything through a window of its own (BenchmarkInflate).
//
// flate.Writer has one window, of 32 KiB, where RFC 7692 has eight, and takes
// 1.2 MiB, which with context takeover every connection would keep. The deflater
// looks back as far as it was told to and keeps a tenth of that; it is as fast
// as it is by looking at one earlier place alone (BenchmarkDeflate).
//
// What a connection that is idle between messages keeps: without context
// takeover nothing. With it, the inflater keeps the last 32 KiB received and the
// deflater 64 KiB of places and at most 64 KiB sent, or 32 KiB more than the window
// where that is smaller, each as far as there was so much. Between connections
// only pools are shared, whose contents are made anew before they are used.

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

// A deflater compresses the messages of one direction of a connection.
type deflater struct {
	takeover bool
	window   int      // octets that a distance may reach back
	m        *matcher // with takeover, from the first message on
}

// newDeflater returns a deflater for a window of 8 to 15 bits, 0 for 15. With
// takeover a message may refer to those before it (RFC 7692 §7.1.1).
func newDeflater(windowBits int, takeover bool) *deflater {
	if windowBits == 0 {
		windowBits = 15
	}
	return &deflater{takeover: takeover, window: 1 << windowBits}
}

// compress appends to dst the payload that message is sent as with RSV1 set. It
// is never empty: a message of no octets is one octet, 0x00 (RFC 7692 §7.2.3.6).
func (d *deflater) compress(dst, message []byte) []byte {
	if d.takeover && d.m == nil {
		d.m = new(matcher)
		d.m.forget()
	}
	m := d.m
	if !d.takeover {
		m = matchers.Get().(*matcher)
		m.forget()
	}
	b := blocks.Get().(*block)
	b.out = dst
	for len(message) > 0 {
		part := message[:min(len(message), blockSize)]
		message = message[len(part):]
		b.begin()
		m.match(b, part, d.window)
		b.write(part)
	}
	//lesson:begin deflate-tail
	// An empty block without compression brings the bits to a whole octet. Of
	// it only the header is written, BFINAL 0 and BTYPE 00: the octets that are
	// due then, 00 00 ff ff, are what the payload leaves out.
	b.add(0, 3)
	b.align()
	//lesson:end
	out := b.out
	b.out = nil
	blocks.Put(b)
	if !d.takeover {
		matchers.Put(m)
	}
	return out
}

// blockSize is the most octets of a message that one block compresses.
const blockSize = 32 << 10

// A matcher finds what was there before (RFC 1951 §4). It knows of one earlier
// place for each hash of five octets, the latest: with four, more matches are
// found, but so short that both time and octets are lost on them.
type matcher struct {
	buf   []byte // what distances may reach, then what is being compressed
	base  uint32 // position of buf[0]: places are counted on, so that old ones are known to be old
	table [1 << hashBits]uint32
}

const hashBits = 14

// hash is of the first five of eight octets.
func hash(eight uint64) uint64 { return eight << 24 * 0x9e3779b185ebca87 >> (64 - hashBits) }

// matchers and blocks are those that no message is using. A matcher forgets
// what it knew, and a block begins anew, before it is used again.
var (
	matchers = sync.Pool{New: func() any { return new(matcher) }}
	blocks   = sync.Pool{New: func() any {
		return &block{lit: prefixCode{symbols: 286}, dist: prefixCode{symbols: 30}, sizes: prefixCode{symbols: 19}}
	}}
)

// forget makes every place that m knows of one before its buffer. No place is
// 0, which is what a new table is full of.
func (m *matcher) forget() {
	m.base = max(1, m.base+uint32(len(m.buf)))
	m.buf = m.buf[:0]
}

// take puts part behind what distances may still reach.
func (m *matcher) take(part []byte, window int) {
	if len(m.buf)+len(part) > window+blockSize {
		old := max(0, len(m.buf)-window)
		m.buf = m.buf[:copy(m.buf, m.buf[old:])]
		m.base += uint32(old)
	}
	if m.base > 1<<31 { // long before a place would be 2^32
		clear(m.table[:])
		m.base = 1
	}
	if n := len(m.buf) + len(part); n > cap(m.buf) {
		m.buf = append(make([]byte, 0, min(max(2*cap(m.buf), n), window+blockSize)), m.buf...)
	}
	m.buf = append(m.buf, part...)
}

// match gives b the literals and matches that part consists of.
func (m *matcher) match(b *block, part []byte, window int) {
	m.take(part, window)
	in, base := m.buf, m.base
	at := len(in) - len(part)
	done := at // what is before it has been given to b

	for at+8 <= len(in) {
		eight := binary.LittleEndian.Uint64(in[at:])
		place := &m.table[hash(eight)]
		before := int(*place) - int(base)
		*place = base + uint32(at)
		//lesson:begin window
		if before < 0 || at-before > window || binary.LittleEndian.Uint32(in[before:]) != uint32(eight) {
			// The longer nothing was found, the larger the steps: noise is not
			// worth looking at closely.
			at += 1 + (at-done)>>5
			continue
		}
		//lesson:end
		for at > done && before > 0 && in[at-1] == in[before-1] {
			at, before = at-1, before-1
		}
		b.literals(in[done:at])
		distance := at - before
		for length := 4 + equal(in[before+4:], in[at+4:]); length > 0; {
			// The longest match is 258, the shortest 3.
			n := min(length, 258)
			if rest := length - n; rest > 0 && rest < 3 {
				n -= 3
			}
			b.match(n, distance)
			at, length = at+n, length-n
		}
		done = at
		if at+6 <= len(in) {
			m.table[hash(binary.LittleEndian.Uint64(in[at-2:]))] = base + uint32(at-2)
		}
	}
	b.literals(in[done:])
}

// equal returns how many octets a and b begin with alike; b is the shorter one.
func equal(a, b []byte) int {
	n := 0
	for ; n+8 <= len(b); n += 8 {
		if diff := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); diff != 0 {
			return n + bits.TrailingZeros64(diff)/8
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// A block collects literals and matches and writes them in the form that takes
// the fewest bits.
type block struct {
	out []byte // what is written, but for the last n bits, which are in acc
	acc uint64
	n   uint

	tokens [blockSize]uint32 // literals, and matches as matchToken has them
	count  int
	lit    prefixCode // for literals and lengths
	dist   prefixCode // for distances
	sizes  prefixCode // for the sizes of those two
	runs   []sizeRun
}

// begin makes b empty, but for what is written.
func (b *block) begin() {
	b.count = 0
	for _, p := range []*prefixCode{&b.lit, &b.dist, &b.sizes} {
		clear(p.times[:p.symbols])
	}
	b.lit.times[endOfBlock] = 1
}

func (b *block) literals(p []byte) {
	tokens := b.tokens[b.count:][:len(p)]
	for i, c := range p {
		tokens[i] = uint32(c)
		b.lit.times[c]++
	}
	b.count += len(p)
}

func (b *block) match(length, distance int) {
	symbol := distanceSymbol(distance)
	b.lit.times[lengthSymbols[length-3]]++
	b.dist.times[symbol]++
	b.tokens[b.count] = matchToken | uint32(symbol)<<23 | uint32(length-3)<<15 | uint32(distance-1)
	b.count++
}

// matchToken is set in a token that is no literal. Below it are 5 bits of the
// distance's symbol, 8 of length-3 and 15 of distance-1.
const matchToken = 1 << 31

// lengthSymbols are the symbols for lengths from 3 on.
var lengthSymbols = sync.OnceValue(func() (symbols [256]uint16) {
	for s := uint16(257); s <= 285; s++ {
		e := litEntries[s]
		for k := range 1 << e.extra() {
			symbols[min(e.value()-3+k, 255)] = s
		}
	}
	return symbols
})()

func distanceSymbol(distance int) int {
	if distance <= 4 {
		return distance - 1
	}
	extra := bits.Len(uint(distance-1)) - 2
	return 2*extra + (distance-1)>>extra
}

// add writes the low n bits of v, at most 32.
func (b *block) add(v uint32, n uint) {
	b.acc |= uint64(v) << b.n
	if b.n += n; b.n >= 32 {
		b.out = binary.LittleEndian.AppendUint32(b.out, uint32(b.acc))
		b.acc, b.n = b.acc>>32, b.n-32
	}
}

// align writes zeros up to a whole octet.
func (b *block) align() {
	for ; b.n > 0; b.n -= min(b.n, 8) {
		b.out = append(b.out, byte(b.acc))
		b.acc >>= 8
	}
}

// write writes the block that stands for part.
func (b *block) write(part []byte) {
	// 1. What each form would take, but for the extra bits, which codes of
	// one's own do not change.
	extra := b.lit.extraBits(litEntries[:], 257) + b.dist.extraBits(distEntries[:], 0)
	fixed := fixedPrefixes()
	fixedBits := b.lit.bits(&fixed.lit) + b.dist.bits(&fixed.dist) + extra
	storedBits := 32 + 8*len(part)
	ownBits := math.MaxInt
	if b.count >= 32 { // below, the codes take more than they save
		ownBits = b.fit() + extra
	}

	// 2. The shortest (RFC 1951 §3.2.3).
	lit, dist := &fixed.lit, &fixed.dist
	switch {
	case storedBits <= min(fixedBits, ownBits):
		b.add(0b000, 3)
		b.align()
		b.out = binary.LittleEndian.AppendUint16(b.out, uint16(len(part)))
		b.out = binary.LittleEndian.AppendUint16(b.out, ^uint16(len(part)))
		b.out = append(b.out, part...)
		return
	case fixedBits <= ownBits:
		b.add(0b010, 3)
	default:
		b.add(0b100, 3)
		b.writeCodes()
		lit, dist = &b.lit, &b.dist
	}

	// 3. Literals and matches (§3.2.5).
	for _, t := range b.tokens[:b.count] {
		if t < matchToken {
			c := lit.codes[t]
			b.add(c>>4, uint(c&15))
			continue
		}
		length := int(t>>15&0xff) + 3
		c, e := lit.codes[lengthSymbols[length-3]], litEntries[lengthSymbols[length-3]]
		b.add(c>>4|uint32(length-e.value())<<(c&15), uint(c&15)+e.extra())
		distance := int(t&0x7fff) + 1
		c, e = dist.codes[t>>23&31], distEntries[t>>23&31]
		b.add(c>>4|uint32(distance-e.value())<<(c&15), uint(c&15)+e.extra())
	}
	c := lit.codes[endOfBlock]
	b.add(c>>4, uint(c&15))
}

// fit makes the codes of b's own and returns the bits that the block takes in
// them, its head included.
func (b *block) fit() int {
	b.lit.fit(maxCode)
	b.dist.fit(maxCode)
	b.findRuns()
	b.sizes.fit(7)
	head := 14 + 3*b.sizeCount() + int(2*b.sizes.times[16]+3*b.sizes.times[17]+7*b.sizes.times[18])
	return head + b.sizes.bits(&b.sizes) + b.lit.bits(&b.lit) + b.dist.bits(&b.dist)
}

// sizeCount returns how many sizes of codes for sizes are written, at least 4.
func (b *block) sizeCount() int {
	n := len(codeOrder)
	for n > 4 && b.sizes.codes[codeOrder[n-1]] == 0 {
		n--
	}
	return n
}

// A sizeRun is one or more code sizes alike: the symbol to write for them, and how
// many they are beyond the least that the symbol stands for.
type sizeRun struct{ symbol, more uint8 }

// runBits is in how many bits each symbol has its more.
var runBits = [19]uint{16: 2, 17: 3, 18: 7}

// findRuns collects the code sizes of both codes, with 16 for the last one again
// and 17 and 18 for zeros (RFC 1951 §3.2.7).
func (b *block) findRuns() {
	b.runs = b.runs[:0]
	var all [286 + 30]uint8
	lits, dists := b.lit.used(257), b.dist.used(1)
	for s := range lits {
		all[s] = uint8(b.lit.codes[s] & 15)
	}
	for s := range dists {
		all[lits+s] = uint8(b.dist.codes[s] & 15)
	}
	for i := 0; i < lits+dists; {
		size, n := all[i], 1
		for i+n < lits+dists && all[i+n] == size && n < 138 {
			n++
		}
		r := sizeRun{symbol: size}
		switch {
		case size == 0 && n >= 11:
			r = sizeRun{18, uint8(n - 11)}
		case size == 0 && n >= 3:
			r = sizeRun{17, uint8(n - 3)}
		case i > 0 && all[i-1] == size && n >= 3:
			n = min(n, 6)
			r = sizeRun{16, uint8(n - 3)}
		default:
			n = 1
		}
		b.runs = append(b.runs, r)
		b.sizes.times[r.symbol]++
		i += n
	}
}

// writeCodes writes the codes of b's own.
func (b *block) writeCodes() {
	n := b.sizeCount()
	b.add(uint32(b.lit.used(257)-257)|uint32(b.dist.used(1)-1)<<5|uint32(n-4)<<10, 14)
	for _, s := range codeOrder[:n] {
		b.add(b.sizes.codes[s]&15, 3)
	}
	for _, r := range b.runs {
		c := b.sizes.codes[r.symbol]
		b.add(c>>4|uint32(r.more)<<(c&15), uint(c&15)+runBits[r.symbol])
	}
}

// A prefixCode is a code for writing: each symbol's code, its first bit lowest,
// above four bits of size, which is 0 for a symbol that has none.
type prefixCode struct {
	symbols int
	times   [286]uint32 // how often each symbol is there
	codes   [288]uint32
}

// used returns how many symbols there are up to the last with a code, at least n.
func (p *prefixCode) used(n int) int {
	for s := p.symbols - 1; s >= n; s-- {
		if p.codes[s] != 0 {
			return s + 1
		}
	}
	return n
}

// bits returns what the symbols of p take in the code of q.
func (p *prefixCode) bits(q *prefixCode) (sum int) {
	for s, n := range p.times[:p.symbols] {
		sum += int(n * (q.codes[s] & 15))
	}
	return sum
}

// extraBits returns what follows the symbols of p from first on.
func (p *prefixCode) extraBits(entries []entry, first int) (sum int) {
	for s := first; s < p.symbols; s++ {
		sum += int(entries[s].extra()) * int(p.times[s])
	}
	return sum
}

// fit makes p the code of at most limit bits that suits times, a Huffman code
// but where the limit forbids it.
func (p *prefixCode) fit(limit int) {
	// 1. The symbols that are there, the rarest first.
	var order [286]uint32
	n := 0
	for s, times := range p.times[:p.symbols] {
		if times > 0 {
			order[n] = times<<9 | uint32(s)
			n++
		}
	}
	slices.Sort(order[:n])

	// 2. How deep each is in the tree: Moffat and Katajainen's way, in place.
	var tree [286]int
	for i, o := range order[:n] {
		tree[i] = int(o >> 9)
	}
	depths(tree[:n])

	// 3. How many codes there are of each size. Where the limit has made some
	// too short for a prefix code, shorter ones are made longer.
	var count [maxCode + 1]int
	sum := 0
	for _, depth := range tree[:n] {
		size := min(max(depth, 1), limit)
		count[size]++
		sum += 1 << (limit - size)
	}
	for ; sum > 1<<limit; sum-- {
		size := limit - 1
		for count[size] == 0 {
			size--
		}
		count[size]--
		count[size+1] += 2
		count[limit]--
	}

	// 4. The longest for the rarest.
	var size [288]uint8
	for i, s := 0, limit; s > 0; s-- {
		for range count[s] {
			size[order[i]&0x1ff] = uint8(s)
			i++
		}
	}
	p.number(size[:p.symbols])
}

// depths replaces weights, in rising order, by the depths of their leaves in a
// Huffman tree (Moffat and Katajainen, In-place calculation of minimum-redundancy
// codes, 1995).
func depths(a []int) {
	n := len(a)
	if n < 2 {
		clear(a)
		return
	}
	// 1. Left to right: weights of inner nodes, each then its parent's index.
	a[0] += a[1]
	root, leaf := 0, 2
	for next := 1; next < n-1; next++ {
		sum := 0
		for range 2 {
			if leaf >= n || root < next && a[root] < a[leaf] {
				sum += a[root]
				a[root] = next
				root++
			} else {
				sum += a[leaf]
				leaf++
			}
		}
		a[next] = sum
	}
	// 2. Right to left: depths of inner nodes.
	a[n-2] = 0
	for next := n - 3; next >= 0; next-- {
		a[next] = a[a[next]] + 1
	}
	// 3. Depths of leaves: what the inner nodes of a depth leave free.
	free, used, depth := 1, 0, 0
	root = n - 2
	for next := n - 1; free > 0; {
		for root >= 0 && a[root] == depth {
			used++
			root--
		}
		for ; free > used; free-- {
			a[next] = depth
			next--
		}
		free, used, depth = 2*used, 0, depth+1
	}
}

// number gives the symbols the codes that their sizes lead to (RFC 1951 §3.2.2).
func (p *prefixCode) number(size []uint8) {
	var count, next [maxCode + 2]uint32
	for _, n := range size {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= maxCode; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	for s, n := range size {
		p.codes[s] = 0
		if n > 0 {
			p.codes[s] = uint32(bits.Reverse16(uint16(next[n]))>>(16-n))<<4 | uint32(n)
			next[n]++
		}
	}
}

// fixedPrefixes are the codes of blocks that bring none, for writing.
var fixedPrefixes = sync.OnceValue(func() *struct{ lit, dist prefixCode } {
	p := new(struct{ lit, dist prefixCode })
	lit, dist := fixedSizes()
	p.lit.number(lit[:])
	p.dist.number(dist[:])
	return p
})

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
		extra := runBits[symbol]
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
	c := new(blockCodes)
	lit, dist := fixedSizes()
	c.lit.build(lit[:], litEntries[:])
	c.dist.build(dist[:], distEntries[:])
	return c
})

// fixedSizes are the sizes of those codes.
func fixedSizes() (lit [288]uint8, dist [32]uint8) {
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
	return lit, dist
}

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
