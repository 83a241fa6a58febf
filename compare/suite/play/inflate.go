package play

import (
	"math/bits"
)

// inflateError says why data cannot be inflated. The decoder panics with no other value,
// so any other panic is a bug of the judge.
type inflateError string

func (e inflateError) Error() string { return string(e) }

const (
	errCutShort   = inflateError("the data ends inside a block")
	errBlockType  = inflateError("a block has the reserved type 3")
	errStored     = inflateError("the two lengths of a block without compression do not match")
	errCode       = inflateError("a code is not in its table")
	errTable      = inflateError("a table of codes is incomplete or has too many codes")
	errDistance   = inflateError("a distance reaches back before the first byte")
	errTooLong    = inflateError("the message is longer than any outcome of the case")
	errLengthCode = inflateError("a length or distance code does not exist")
)

// inflate decompresses payload with the four bytes that RFC 7692 §7.2.2 appends. history
// is the data before payload. inflate returns the message and the farthest distance in
// bytes that payload refers back. It returns an error if the message has more than limit
// bytes.
func inflate(history, payload []byte, limit int) (message []byte, farthest int, err error) {
	d := decoder{in: append(append([]byte(nil), payload...), 0, 0, 0xff, 0xff), out: append([]byte(nil), history...), limit: len(history) + limit}
	err = catch(func() { d.all() })
	return d.out[len(history):], d.farthest, err
}

// catch calls do and returns the inflateError that it panics with. It passes every
// other panic on.
func catch(do func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case inflateError:
			err = e
		default:
			panic(e)
		}
	}()
	do()
	return nil
}

// all reads every block.
func (d *decoder) all() {
	for d.at < len(d.in) || d.have >= 8 {
		if final := d.block(); final {
			// The DEFLATE stream ends here. The next one begins at a byte boundary.
			d.align()
			if len(d.in)-d.at <= 4 {
				break // only the tail is left
			}
		}
	}
}

// A decoder reads bits from in and writes bytes to out. It panics with an
// inflateError.
type decoder struct {
	in       []byte
	at       int
	bits     uint32 // have bits that were read ahead, the next one lowest
	have     uint
	out      []byte
	limit    int
	farthest int
}

// take returns the next n bits.
func (d *decoder) take(n uint) int {
	for d.have < n {
		if d.at == len(d.in) {
			panic(errCutShort)
		}
		d.bits |= uint32(d.in[d.at]) << d.have
		d.at, d.have = d.at+1, d.have+8
	}
	v := d.bits & (1<<n - 1)
	d.bits, d.have = d.bits>>n, d.have-n
	return int(v)
}

// block reads a block and reports whether it is the last of its stream.
func (d *decoder) block() (final bool) {
	final = d.take(1) == 1
	switch d.take(2) {
	case 0:
		d.stored()
	case 1:
		d.codes(fixedLengths, fixedDistances)
	case 2:
		d.dynamic()
	default:
		panic(errBlockType)
	}
	return final
}

// align skips to the next byte of in.
func (d *decoder) align() {
	d.at -= int(d.have / 8) // whole bytes that were read ahead
	d.bits, d.have = 0, 0
}

// stored reads a block without compression (RFC 1951 §3.2.4).
func (d *decoder) stored() {
	d.align()
	n := d.take(16)
	if n != ^d.take(16)&0xffff {
		panic(errStored)
	}
	if len(d.in)-d.at < n {
		panic(errCutShort)
	}
	d.put(d.in[d.at : d.at+n]...)
	d.at += n
}

func (d *decoder) put(b ...byte) {
	if d.out = append(d.out, b...); len(d.out) > d.limit {
		panic(errTooLong)
	}
}

// table is a Huffman code (RFC 1951 §3.2.2): the number of codes of each length, and the
// symbols in the order of their codes. short maps the next shortBits bits of the input
// to symbol<<4|length, or to 0 if their code is longer.
type table struct {
	count  [16]int
	symbol []int
	short  [1 << shortBits]uint16
}

const shortBits = 9

func newTable(lengths []int) *table {
	t := &table{symbol: make([]int, 0, len(lengths))}
	for _, n := range lengths {
		t.count[n]++
	}
	t.count[0] = 0
	left, code := 1, uint16(0)
	for n := 1; n < 16; n++ {
		if left = 2*left - t.count[n]; left < 0 {
			panic(errTable)
		}
		code <<= 1
		for symbol, m := range lengths {
			if m != n {
				continue
			}
			t.symbol = append(t.symbol, symbol)
			// The first bit of a code is the highest bit of the code, and the lowest bit
			// of the input.
			for i := int(bits.Reverse16(code) >> (16 - n)); n <= shortBits && i < len(t.short); i += 1 << n {
				t.short[i] = uint16(symbol<<4 | n)
			}
			code++
		}
	}
	return t
}

// symbol reads one symbol.
func (d *decoder) symbol(t *table) int {
	for d.have < shortBits && d.at < len(d.in) {
		d.bits |= uint32(d.in[d.at]) << d.have
		d.at, d.have = d.at+1, d.have+8
	}
	if e := t.short[d.bits&(1<<shortBits-1)]; e != 0 && uint(e&15) <= d.have {
		d.bits, d.have = d.bits>>(e&15), d.have-uint(e&15)
		return int(e >> 4)
	}
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		code |= d.take(1)
		if code-first < t.count[n] {
			return t.symbol[index+code-first]
		}
		index += t.count[n]
		first = (first + t.count[n]) << 1
		code <<= 1
	}
	panic(errCode)
}

// fixedLengths and fixedDistances are the tables of RFC 1951 §3.2.6.
var (
	fixedLengths = func() *table {
		lengths := make([]int, 288)
		for i := range lengths {
			switch {
			case i < 144:
				lengths[i] = 8
			case i < 256:
				lengths[i] = 9
			case i < 280:
				lengths[i] = 7
			default:
				lengths[i] = 8
			}
		}
		return newTable(lengths)
	}()
	fixedDistances = newTable([]int{
		5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
	})
)

// dynamic reads a block that has its own tables (RFC 1951 §3.2.7).
func (d *decoder) dynamic() {
	nLengths, nDistances, nCodes := d.take(5)+257, d.take(5)+1, d.take(4)+4
	order := [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	var codeLengths [19]int
	for i := range nCodes {
		codeLengths[order[i]] = d.take(3)
	}
	codes := newTable(codeLengths[:])
	var lengths []int
	for len(lengths) < nLengths+nDistances {
		s, value, times := d.symbol(codes), 0, 1
		switch s {
		case 16:
			if len(lengths) == 0 {
				panic(errTable)
			}
			value, times = lengths[len(lengths)-1], 3+d.take(2)
		case 17:
			times = 3 + d.take(3)
		case 18:
			times = 11 + d.take(7)
		default:
			value = s
		}
		for range times {
			lengths = append(lengths, value)
		}
	}
	if len(lengths) > nLengths+nDistances {
		panic(errTable)
	}
	d.codes(newTable(lengths[:nLengths]), newTable(lengths[nLengths:]))
}

// The base values and extra bits of lengths and distances (RFC 1951 §3.2.5).
var (
	lengthBase    = [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [...]uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [...]int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [...]uint{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// codes reads literals, lengths and distances to the end of the block.
func (d *decoder) codes(lengths, distances *table) {
	for {
		s := d.symbol(lengths)
		switch {
		case s < 256:
			d.put(byte(s))
			continue
		case s == 256:
			return
		}
		if s -= 257; s >= len(lengthBase) {
			panic(errLengthCode)
		}
		length := lengthBase[s] + d.take(lengthExtra[s])
		if s = d.symbol(distances); s >= len(distanceBase) {
			panic(errLengthCode)
		}
		distance := distanceBase[s] + d.take(distanceExtra[s])
		if distance > len(d.out) {
			panic(errDistance)
		}
		d.farthest = max(d.farthest, distance)
		for length > 0 { // the copy may overlap its source
			n := min(length, distance)
			d.put(d.out[len(d.out)-distance : len(d.out)-distance+n]...)
			length -= n
		}
	}
}
