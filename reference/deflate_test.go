package reference

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"wslab/reference/wire"
)

// hexOctets reads hexadecimal digits in any grouping.
func hexOctets(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// cuts are the ways in which the tests cut a payload.
var cuts = []struct {
	name string
	cut  func([]byte) [][]byte
}{
	{"whole", func(b []byte) [][]byte { return [][]byte{b} }},
	{"halved", func(b []byte) [][]byte { return [][]byte{b[:len(b)/2], b[len(b)/2:]} }},
	{"byte by byte", func(b []byte) [][]byte {
		chunks := [][]byte{nil} // an empty frame with RSV1 first
		for i := range b {
			chunks = append(chunks, b[i:i+1])
		}
		return chunks
	}},
}

// inflateAll gives i the chunks of one message.
func inflateAll(i *inflater, limit int, chunks ...[]byte) (message []byte, err error) {
	for n, chunk := range chunks {
		if message, err = i.inflate(message, chunk, n == len(chunks)-1, limit); err != nil {
			return message, err
		}
	}
	return message, nil
}

func TestTheExamplesOfRFC7692AreInflatedHoweverTheyAreCut(t *testing.T) {
	for _, example := range []struct {
		section, name string
		payloads      []string // of one connection
	}{
		{"7.2.3.1", "one compressed block", []string{"f2 48 cd c9 c9 07 00"}},
		{"7.2.3.2", "a window that is shared", []string{"f2 48 cd c9 c9 07 00", "f2 00 11 00 00"}},
		{"7.2.3.3", "a block without compression", []string{"00 05 00 fa ff 48 65 6c 6c 6f 00"}},
		{"7.2.3.4", "a block with BFINAL set", []string{"f3 48 cd c9 c9 07 00 00"}},
		{"7.2.3.4", "a block with BFINAL set and nothing behind it", []string{"f3 48 cd c9 c9 07 00"}},
		{"7.2.3.5", "two blocks in one message", []string{"f2 48 05 00 00 00 ff ff ca c9 c9 07 00"}},
	} {
		for _, c := range cuts {
			i := newInflater(true)
			for n, payload := range example.payloads {
				got, err := inflateAll(i, 5, c.cut(hexOctets(payload))...)
				if string(got) != "Hello" || err != nil {
					t.Errorf("§%s, %s, %s, message %d: %q, %v", example.section, example.name, c.name, n+1, got, err)
				}
			}
		}
	}
}

func TestAnEmptyMessageIsOneOctet(t *testing.T) { // §7.2.3.6
	for _, takeover := range []bool{false, true} {
		d, i := newDeflater(15, takeover), newInflater(takeover)
		for range 3 {
			if got := d.compress(nil, nil); !bytes.Equal(got, []byte{0}) {
				t.Errorf("an empty message is % x", got)
			}
			if got, err := i.inflate(nil, []byte{0}, true, 0); len(got) != 0 || err != nil {
				t.Errorf("it inflates to %q, %v", got, err)
			}
			if got, err := i.inflate(nil, nil, true, 0); len(got) != 0 || err != nil {
				t.Errorf("no octets inflate to %q, %v", got, err)
			}
		}
	}
}

func TestAMessageIsCompressedAsTheRFCAllows(t *testing.T) {
	d := newDeflater(15, true)
	first := d.compress([]byte("kept "), []byte(strings.Repeat("Hello ", 40)))
	if !bytes.HasPrefix(first, []byte("kept ")) || bytes.HasSuffix(first, deflateTail) {
		t.Errorf("the payload is % x", first)
	}
	second := d.compress(nil, []byte(strings.Repeat("Hello ", 40)))
	if len(second) >= len(first)-len("kept ") {
		t.Errorf("with takeover the same message takes %d octets, then %d", len(first)-len("kept "), len(second))
	}
	d = newDeflater(15, false)
	if a, b := d.compress(nil, []byte("Hello, Hello, Hello")), d.compress(nil, []byte("Hello, Hello, Hello")); !bytes.Equal(a, b) {
		t.Errorf("without takeover the same message is % x, then % x", a, b)
	}
}

// prose is n octets that compress as messages do: words and numbers.
func prose(n int) []byte {
	random := rand.New(rand.NewPCG(7, 692))
	words := strings.Fields("price volume symbol bid ask timestamp exchange depth naïve 価格")
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"%s":%d,"%s":"%s"},`, words[random.IntN(10)], random.IntN(1e6), words[random.IntN(10)], words[random.IntN(10)])
	}
	return b.Bytes()[:n]
}

// noise is n octets that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	random := rand.New(rand.NewPCG(76, 92))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func TestMessagesComeBackThroughEveryWindow(t *testing.T) {
	var messages [][]byte
	for _, size := range []int{0, 1, 125, 1 << 10, 64 << 10} {
		messages = append(messages, prose(size), noise(size), bytes.Repeat([]byte("a"), size))
	}
	messages = append(messages, messages...) // and all of them again, behind themselves
	messages = append(messages, append(prose(512<<10), noise(512<<10)...), prose(10))
	for bits := 8; bits <= 15; bits++ {
		for _, takeover := range []bool{false, true} {
			for _, c := range cuts {
				t.Run(fmt.Sprintf("%d bits, takeover %v, %s", bits, takeover, c.name), func(t *testing.T) {
					t.Parallel()
					d, i := newDeflater(bits, takeover), newInflater(takeover)
					i.window = 1 << bits // a distance beyond it is an error
					for _, m := range messages {
						if most := map[int]int{8: 64 << 10, 15: 64 << 10}[bits]; c.name == "byte by byte" && len(m) > max(most, 1<<10) {
							continue
						}
						payload := d.compress(nil, m)
						got, err := inflateAll(i, len(m), c.cut(payload)...)
						if err != nil || !bytes.Equal(got, m) {
							t.Fatalf("%d octets came back as %d, %v", len(m), len(got), err)
						}
						if len(i.history) > i.window || cap(i.history) > i.window {
							t.Fatalf("%d octets are kept, in %d, for a window of %d", len(i.history), cap(i.history), i.window)
						}
					}
				})
			}
		}
	}
}

func TestADeflaterKeepsNoMoreThanItsWindowNeeds(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		d, i := newDeflater(bits, true), newInflater(true)
		for _, m := range [][]byte{prose(300_000), noise(40_000), prose(3), prose(1000)} {
			got, err := i.inflate(nil, d.compress(nil, m), true, len(m))
			if err != nil || !bytes.Equal(got, m) {
				t.Fatalf("%d bits: %d octets came back as %d, %v", bits, len(m), len(got), err)
			}
		}
		if most := d.window + blockSize; len(d.m.buf) > most || cap(d.m.buf) > most {
			t.Errorf("%d bits: %d octets are kept, in %d", bits, len(d.m.buf), cap(d.m.buf))
		}
	}
}

func TestPlacesAreForgottenBeforeTheyOverflow(t *testing.T) {
	d, i := newDeflater(15, true), newInflater(true)
	d.compress(nil, nil)
	d.m.base = 1<<31 - 100_000
	m := prose(50_000)
	for n := range 8 {
		if n == 0 {
			i = newInflater(true)
		}
		got, err := i.inflate(nil, d.compress(nil, m), true, len(m))
		if err != nil || !bytes.Equal(got, m) {
			t.Fatalf("message %d came back as %d octets, %v", n, len(got), err)
		}
	}
	if d.m.base >= 1<<31 {
		t.Error("the places were not counted anew")
	}
}

func TestCodesThatWouldBeTooLongAreShortened(t *testing.T) {
	// Frequencies like Fibonacci's numbers make the deepest of all trees: 23
	// levels here, where 15 are allowed.
	var m []byte
	for s, a, b := byte('a'), 1, 1; len(m)+a <= blockSize; s, a, b = s+1, b, a+b {
		m = append(m, bytes.Repeat([]byte{s}, a)...)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
	var p prefixCode
	p.symbols = 286
	for _, c := range m {
		p.times[c]++
	}
	for _, limit := range []int{15, 7, 5} {
		p.fit(limit)
		space, longest := 0, uint32(0)
		for _, c := range p.codes {
			if c != 0 {
				space += 1 << (limit - int(c&15))
				longest = max(longest, c&15)
			}
		}
		if longest > uint32(limit) || space != 1<<limit {
			t.Errorf("limit %d: the longest code has %d bits, and %d of %d are used", limit, longest, space, 1<<limit)
		}
	}
	got, err := newInflater(false).inflate(nil, newDeflater(15, false).compress(nil, m), true, len(m))
	if err != nil || !bytes.Equal(got, m) {
		t.Errorf("%d octets came back as %d, %v", len(m), len(got), err)
	}
}

func TestAWindowThatIsTooSmallIsNoticed(t *testing.T) {
	// So that the test above can be believed: what a larger window wrote does
	// not pass through the limited inflater.
	m := append(noise(400), noise(400)...)
	i := newInflater(false)
	i.window = 256
	_, err := i.inflate(nil, newDeflater(15, false).compress(nil, m), true, 1<<20)
	var bad *corruptError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "distance") {
		t.Errorf("a distance of 400 in a window of 256 gives %v", err)
	}
}

// flateStream is what compress/flate makes of m at level, in the form of a
// payload.
func flateStream(m []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, level)
	must2(w.Write(m))
	must(w.Flush())
	return bytes.TrimSuffix(b.Bytes(), deflateTail)
}

func must2[T any](v T, err error) T {
	must(err)
	return v
}

func TestEveryLevelOfTheStandardLibraryIsInflated(t *testing.T) {
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for _, m := range [][]byte{prose(100_000), noise(100_000), bytes.Repeat([]byte("ab"), 50_000), append(noise(30_000), noise(30_000)...)} {
			got, err := newInflater(false).inflate(nil, flateStream(m, level), true, len(m))
			if err != nil || !bytes.Equal(got, m) {
				t.Errorf("level %d: %d octets came back as %d, %v", level, len(m), len(got), err)
			}
		}
	}
}

func TestTheStandardLibraryInflatesWhatIsCompressed(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		d := newDeflater(bits, true)
		var stream, want []byte
		for _, size := range []int{0, 1, 300, 70_000, 5} {
			stream = append(d.compress(stream, prose(size)), deflateTail...)
			want = append(want, prose(size)...)
		}
		r := flate.NewReader(bytes.NewReader(append(stream, 1, 0, 0, 0xff, 0xff)))
		if got, err := io.ReadAll(iotest.OneByteReader(r)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bits: %d octets came back as %d, %v", bits, len(want), len(got), err)
		}
	}
}

func TestTextIsThereBeforeItsMessageEnds(t *testing.T) {
	// Every octet that can be told is told, so that bad UTF-8 is found inside
	// an unfinished message.
	payload := flateStream(append(prose(2000), 0xc3, 0x28), flate.BestSpeed)
	got, err := newInflater(true).inflate(nil, payload, false, 1<<20)
	if err != nil || len(got) != 2002 {
		t.Fatalf("%d octets before the end, %v", len(got), err)
	}
	var text wire.UTF8
	if at := text.Check(got); at != 2001 {
		t.Errorf("the bad octet is found at %d", at)
	}
}

func TestTheFrontOfALongMessageMayBeCutOff(t *testing.T) {
	m := append(prose(100_000), prose(100_000)...)
	d, i := newDeflater(15, true), newInflater(true)
	for range 2 {
		payload := d.compress(nil, m)
		var dst, got []byte
		for n := range payload {
			had := len(dst)
			var err error
			if dst, err = i.inflate(dst, payload[n:n+1], n == len(payload)-1, len(m)); err != nil {
				t.Fatal(err)
			}
			got = append(got, dst[had:]...)
			if len(dst) > 2*maxWindow {
				dst = append(dst[:0], dst[len(dst)-maxWindow:]...)
			}
		}
		if !bytes.Equal(got, m) {
			t.Fatalf("%d octets came back as %d", len(m), len(got))
		}
	}
}

func TestABombStopsAtTheLimitAndTakesNoMoreMemory(t *testing.T) {
	const size, limit = 256 << 20, 1 << 20
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		must2(w.Write(zeros))
	}
	must(w.Flush())
	bomb := bytes.TrimSuffix(b.Bytes(), deflateTail)

	for _, c := range cuts[:2] {
		i := newInflater(true)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := inflateAll(i, limit, c.cut(bomb)...)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errInflatedSize) || len(got) > limit || cap(got) > limit {
			t.Errorf("%s: %d octets, room for %d, %v", c.name, len(got), cap(got), err)
		}
		// All slices that the message grew through are 512, 1024, … limit.
		if took := after.TotalAlloc - before.TotalAlloc; took > 2*limit+limit/4 {
			t.Errorf("%s: %d octets of payload took %d of memory", c.name, len(bomb), took)
		} else {
			t.Logf("%s: %d octets of payload that mean %d took %d of memory", c.name, len(bomb), size, took)
		}
	}
}

func TestTheLimitIsExact(t *testing.T) {
	for _, m := range [][]byte{prose(5000), noise(5000), bytes.Repeat([]byte("a"), 5000), noise(70_000)} {
		for _, c := range cuts {
			chunks := c.cut(newDeflater(15, false).compress(nil, m))
			if got, err := inflateAll(newInflater(false), len(m), chunks...); err != nil || !bytes.Equal(got, m) {
				t.Errorf("%s: %d octets came back as %d, %v", c.name, len(m), len(got), err)
			}
			if _, err := inflateAll(newInflater(false), math.MaxInt, chunks...); err != nil {
				t.Errorf("%s: without a limit: %v", c.name, err)
			}
			got, err := inflateAll(newInflater(false), len(m)-1, chunks...)
			if !errors.Is(err, errInflatedSize) || !bytes.HasPrefix(m, got) {
				t.Errorf("%s: a limit one below gives %d octets, %v", c.name, len(got), err)
			}
		}
	}
}

func TestCorruptDataIsToldFromTooMuch(t *testing.T) {
	for name, payload := range map[string]string{
		"the reserved block type":                   "07",
		"a stored length without its complement":    "00 05 00 05 00 48",
		"a stored block that is cut off":            "00 06 00 f9 ff 48", // the tail is four octets of it
		"a distance before the first octet":         "f2 00 11 00 00",
		"a block that does not end":                 "f2 48 cd",
		"287 literal codes":                         "f4 0f 00 00",
		"31 distance codes":                         "04 de 00 00",
		"code lengths that are no prefix code":      "04 00 fe ff ff ff ff ff ff ff",
		"a repetition with nothing before it":       "04 c0 81 08 00 00 00 00 20 7f eb 0b 00 00 ff",
		"a fixed code for symbol 286":               "1b 63 ff ff ff ff ff ff ff ff",
		"a message of the tail alone":               "00 00 ff ff",
		"RFC 7692 §7.2.3.1 with its last octet off": "f2 48 cd c9 c9 07",
	} {
		for _, c := range cuts {
			i := newInflater(true)
			_, err := inflateAll(i, 1<<20, c.cut(hexOctets(payload))...)
			var bad *corruptError
			if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "the compressed message is corrupt: ") {
				t.Errorf("%s, %s: %v", name, c.name, err)
			}
			if _, again := i.inflate(nil, []byte{0}, true, 1); again != err {
				t.Errorf("%s, %s: then %v", name, c.name, again)
			}
		}
	}
}

func TestNothingIsTakenFromOneConnectionToAnother(t *testing.T) {
	secret := noise(1000)
	newDeflater(15, false).compress(nil, secret)
	d := newDeflater(15, true)
	if got := d.compress(nil, secret); len(got) < len(secret) {
		t.Errorf("%d octets of noise became %d", len(secret), len(got))
	}
	must2(newInflater(false).inflate(nil, flateStream(prose(1000), 9), true, 1000))
	if _, err := newInflater(false).inflate(nil, hexOctets("f2 00 11 00 00"), true, 1000); err == nil {
		t.Error("a distance reached into another connection's message")
	}
}

func TestAnIdleConnectionKeepsLittle(t *testing.T) {
	m := prose(4000)
	payload := newDeflater(15, false).compress(nil, m)
	measure := func(n int, one func() any) uint64 {
		kept := make([]any, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = one()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(kept)
		return (after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)) / uint64(n)
	}
	for _, c := range []struct {
		name string
		n    int
		most uint64
		make func() any
	}{
		{"an inflater without takeover", 1000, 1 << 10, func() any {
			i := newInflater(false)
			must2(i.inflate(nil, payload, true, len(m)))
			return i
		}},
		{"an inflater with takeover and 4,000 octets behind it", 1000, 5 << 10, func() any {
			i := newInflater(true)
			must2(i.inflate(nil, payload, true, len(m)))
			return i
		}},
		// The pool, which all share, is counted in here.
		{"a deflater without takeover", 1000, 3 << 10, func() any {
			d := newDeflater(15, false)
			d.compress(nil, m)
			return d
		}},
		{"a deflater with takeover, before its first message", 1000, 1 << 10, func() any { return newDeflater(15, true) }},
		{"a deflater with takeover and 4,000 octets behind it", 20, 96 << 10, func() any {
			d := newDeflater(15, true)
			d.compress(nil, m)
			return d
		}},
	} {
		got := measure(c.n, c.make)
		t.Logf("%s: %d octets", c.name, got)
		if got > c.most {
			t.Errorf("%s keeps %d octets, more than %d", c.name, got, c.most)
		}
	}
}

// FuzzInflate gives an inflater any octets, in any cut and within any limit. It
// must agree with the standard library on what they mean, and may neither panic
// nor give more than the limit.
func FuzzInflate(f *testing.F) {
	for _, s := range []string{"", "00", "f2 48 cd c9 c9 07 00", "f3 48 cd c9 c9 07 00 00", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "00 05 00 fa ff 48 65 6c 6c 6f 00"} {
		f.Add(hexOctets(s), uint16(1), uint32(100))
	}
	for level := flate.HuffmanOnly; level <= 9; level += 3 {
		f.Add(flateStream(prose(3000), level), uint16(100), uint32(3000))
	}
	f.Fuzz(func(t *testing.T, payload []byte, cut uint16, most uint32) {
		limit := int(most % (1 << 20))
		whole, err := newInflater(true).inflate(nil, payload, true, limit)
		if len(whole) > limit {
			t.Fatalf("%d octets within a limit of %d", len(whole), limit)
		}
		var bad *corruptError
		if err != nil && !errors.Is(err, errInflatedSize) && !errors.As(err, &bad) {
			t.Fatalf("the error is %v", err)
		}
		at := int(cut) % (len(payload) + 1)
		halved, err2 := inflateAll(newInflater(true), limit, payload[:at], payload[at:])
		if !bytes.Equal(whole, halved) || (err == nil) != (err2 == nil) || errors.Is(err, errInflatedSize) != errors.Is(err2, errInflatedSize) {
			t.Fatalf("whole: %d octets, %v; cut at %d: %d octets, %v", len(whole), err, at, len(halved), err2)
		}

		// The standard library ends where a block with BFINAL does, so what it
		// gives is what ours begins with.
		stream := append(bytes.Clone(payload), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)
		theirs, theirErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(stream)), int64(limit)+1))
		switch {
		case err == nil && len(payload) > 0 && (theirErr != nil || !bytes.HasPrefix(whole, theirs)):
			t.Fatalf("ours: %d octets; the standard library's: %d, %v", len(whole), len(theirs), theirErr)
		case errors.Is(err, errInflatedSize) && len(theirs) <= limit && theirErr != nil:
			t.Fatalf("ours: more than %d; the standard library's: %d, %v", limit, len(theirs), theirErr)
		}
	})
}

// FuzzDeflateRoundTrip compresses any two messages for any window and has them
// inflated in any cut.
func FuzzDeflateRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello"), uint8(15), true, uint16(3))
	f.Add(prose(3000), noise(600), uint8(8), true, uint16(700))
	f.Add(noise(3000), []byte{}, uint8(9), false, uint16(0))
	f.Fuzz(func(t *testing.T, first, second []byte, bits uint8, takeover bool, cut uint16) {
		n := 8 + int(bits)%8
		d, i := newDeflater(n, takeover), newInflater(takeover)
		i.window = 1 << n
		for _, m := range [][]byte{first, second, first} {
			payload := d.compress(nil, m)
			at := int(cut) % (len(payload) + 1)
			got, err := inflateAll(i, len(m), payload[:at], payload[at:])
			if err != nil || !bytes.Equal(got, m) {
				t.Fatalf("%d octets came back as %d, %v", len(m), len(got), err)
			}
		}
	})
}

// BenchmarkDeflate compares the deflater with a flate.Writer at its fastest
// level. octets is the size of the last payload.
func BenchmarkDeflate(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		// Other messages than the last, or takeover would make one match of each.
		var messages [64][]byte
		all := prose(64 * size)
		for i := range messages {
			messages[i] = all[i*size:][:size]
		}
		for _, takeover := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/takeover=%v/ours", size>>10, takeover), func(b *testing.B) {
				d := newDeflater(15, takeover)
				var out []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					out = d.compress(out[:0], messages[n%64])
				}
				b.ReportMetric(float64(len(out)), "octets")
			})
			b.Run(fmt.Sprintf("%dKiB/takeover=%v/flate", size>>10, takeover), func(b *testing.B) {
				var out bytes.Buffer
				w := must2(flate.NewWriter(&out, flate.BestSpeed))
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					out.Reset()
					if !takeover {
						w.Reset(&out)
					}
					must2(w.Write(messages[n%64]))
					must(w.Flush())
				}
				b.ReportMetric(float64(out.Len()), "octets")
			})
		}
	}
}

// BenchmarkInflate compares the inflater with compress/flate used as libraries
// use it: a Reader that is Reset for every message, with the window for its
// dictionary where there is takeover.
func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, takeover := range []bool{false, true} {
			m := prose(size)
			payload := newDeflater(15, false).compress(nil, m)
			b.Run(fmt.Sprintf("%dKiB/takeover=%v/ours", size>>10, takeover), func(b *testing.B) {
				i := newInflater(takeover)
				var out []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					out = must2(i.inflate(out[:0], payload, true, size))
				}
			})
			b.Run(fmt.Sprintf("%dKiB/takeover=%v/flate", size>>10, takeover), func(b *testing.B) {
				var source bytes.Reader
				r := flate.NewReader(&source)
				var window []byte
				if takeover {
					window = make([]byte, maxWindow)
				}
				stream := append(bytes.Clone(payload), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)
				out := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					source.Reset(stream)
					must(r.(flate.Resetter).Reset(&source, window))
					must2(io.ReadFull(r, out))
				}
			})
		}
	}
}
