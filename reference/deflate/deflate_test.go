package deflate

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
	"slices"
	"strings"
	"testing"
)

// hexBytes reads hexadecimal digits in any grouping.
func hexBytes(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestTheExamplesOfRFC7692AreInflated(t *testing.T) {
	for _, example := range []struct {
		section, name string
		payloads      []string // of one connection
	}{
		{"7.2.3.1", "one compressed block", []string{"f2 48 cd c9 c9 07 00"}},
		{"7.2.3.2", "a window that is shared", []string{"f2 48 cd c9 c9 07 00", "f2 00 11 00 00"}},
		{"7.2.3.3", "a block without compression", []string{"00 05 00 fa ff 48 65 6c 6c 6f 00"}},
		{"7.2.3.4", "a block with BFINAL set", []string{"f3 48 cd c9 c9 07 00 00"}},
		{"7.2.3.4", "a block with BFINAL set and nothing behind it", []string{"f3 48 cd c9 c9 07 00"}},
		{"7.2.3.4", "a window that is shared by streams that end", []string{"f3 48 cd c9 c9 07 00", "f2 00 11 00 00", "f3 00 11 00 00", "f3 00 11 00"}},
		{"7.2.3.5", "two blocks in one message", []string{"f2 48 05 00 00 00 ff ff ca c9 c9 07 00"}},
		{"7.2.3.5", "two blocks with BFINAL set in one message", []string{"f3 48 05 00 cb c9 c9 07 00"}},
	} {
		i := NewDecompressor(15, true)
		for n, payload := range example.payloads {
			for _, into := range [][]byte{nil, make([]byte, 0, 3), make([]byte, 100)} {
				i := *i
				i.history = bytes.Clone(i.history)
				if got, err := i.Decompress(into, hexBytes(payload), 5); string(got) != "Hello" || err != nil {
					t.Errorf("§%s, %s, message %d: %q, %v", example.section, example.name, n+1, got, err)
				}
			}
			must2(i.Decompress(nil, hexBytes(payload), 5))
		}
	}
}

func TestAnEmptyMessageIsOneByte(t *testing.T) { // §7.2.3.6
	for _, takeover := range []bool{false, true} {
		d, i := NewCompressor(15, takeover), NewDecompressor(15, takeover)
		for range 3 {
			if got := d.Compress(nil, nil); !bytes.Equal(got, []byte{0}) {
				t.Errorf("an empty message is % x", got)
			}
			if got, err := i.Decompress(nil, []byte{0}, 0); len(got) != 0 || err != nil {
				t.Errorf("it inflates to %q, %v", got, err)
			}
			if got, err := i.Decompress(nil, nil, 0); len(got) != 0 || err != nil {
				t.Errorf("no bytes inflate to %q, %v", got, err)
			}
		}
	}
}

func TestAMessageIsCompressedAsTheRFCAllows(t *testing.T) {
	d := NewCompressor(15, true)
	first := d.Compress([]byte("kept "), []byte(strings.Repeat("Hello ", 40)))
	if !bytes.HasPrefix(first, []byte("kept ")) || bytes.HasSuffix(first, []byte(deflateTail)) {
		t.Errorf("the payload is % x", first)
	}
	second := d.Compress(nil, []byte(strings.Repeat("Hello ", 40)))
	if len(second) >= len(first)-len("kept ") {
		t.Errorf("with takeover the same message takes %d bytes, then %d", len(first)-len("kept "), len(second))
	}
	d = NewCompressor(15, false)
	if a, b := d.Compress(nil, []byte("Hello, Hello, Hello")), d.Compress(nil, []byte("Hello, Hello, Hello")); !bytes.Equal(a, b) {
		t.Errorf("without takeover the same message is % x, then % x", a, b)
	}
}

// prose is n bytes that compress as messages do: words and numbers.
func prose(n int) []byte {
	random := rand.New(rand.NewPCG(7, 692))
	words := strings.Fields("price volume symbol bid ask timestamp exchange depth naïve 価格")
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"%s":%d,"%s":"%s"},`, words[random.IntN(10)], random.IntN(1e6), words[random.IntN(10)], words[random.IntN(10)])
	}
	return b.Bytes()[:n]
}

// noise is n bytes that do not compress.
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
	messages = append(messages, messages...) // each message a second time
	messages = append(messages, append(prose(512<<10), noise(512<<10)...), prose(10))
	for bits := 8; bits <= 15; bits++ {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bits, takeover %v", bits, takeover), func(t *testing.T) {
				t.Parallel()
				d, i := NewCompressor(bits, takeover), NewDecompressor(15, takeover)
				i.window = 1 << bits
				for _, m := range messages {
					payload := d.Compress(nil, m)
					if uint64(len(payload)) > MaxSize(len(m)) {
						t.Errorf("%d bytes became %d", len(m), len(payload))
					}
					got, err := i.Decompress(nil, payload, len(m))
					if err != nil || !bytes.Equal(got, m) {
						t.Fatalf("%d bytes came back as %d, %v", len(m), len(got), err)
					}
					if len(i.history) > i.window || cap(i.history) > i.window {
						t.Fatalf("%d bytes are kept, in %d, for a window of %d", len(i.history), cap(i.history), i.window)
					}
				}
			})
		}
	}
}

// inflatesBehind reports whether payload means m to a Decompressor that knows of
// history and of nothing before it.
func inflatesBehind(history, payload, m []byte) bool {
	i := NewDecompressor(15, false)
	i.history = history
	got, err := i.Decompress(nil, payload, len(m))
	return err == nil && bytes.Equal(got, m)
}

func TestNoDistanceReachesBeyondTheWindow(t *testing.T) {
	for bits := 8; bits < 15; bits++ {
		window := 1 << bits
		for _, seed := range []int{window / 3, window - 200, window + 50} { // how far the next match is
			text := bytes.Repeat(noise(max(seed, 70)), 20)

			// 1. Messages of n bytes, each with no more of a history than lies
			// in the window of its last byte.
			for _, n := range []int{1, window / 4, window / 2, window} {
				d, at := NewCompressor(bits, true), 0
				for ; at+n <= min(len(text), 200*n); at += n {
					m := text[at : at+n]
					if !inflatesBehind(text[max(0, at+n-window):at], d.Compress(nil, m), m) {
						t.Fatalf("%d bits, bytes %d to %d: a distance is beyond %d", bits, at, at+n, window)
					}
				}
			}

			// 2. A message of many windows is the same as a message for each.
			var want []byte
			for at := 0; at < len(text); at += window {
				want = append(NewCompressor(bits, false).Compress(want, text[at:min(at+window, len(text))]), deflateTail...)
			}
			for _, takeover := range []bool{false, true} {
				if got := NewCompressor(bits, takeover).Compress(nil, text); !bytes.Equal(append(got, deflateTail...), want) {
					t.Fatalf("%d bits: windows of one message know of each other", bits)
				}
			}
		}
	}
	// So that this can be believed: what a larger window wrote is noticed.
	text := bytes.Repeat(noise(400), 2)
	d := NewCompressor(15, true)
	d.Compress(nil, text[:400])
	if inflatesBehind(text[200:400], d.Compress(nil, text[400:]), text[400:]) {
		t.Error("a match 400 bytes back is found in a history of 200")
	}
}

func TestASmallMessageRefersToThoseBeforeIt(t *testing.T) {
	d, i := NewCompressor(15, true), NewDecompressor(15, true)
	m, size := prose(100), 0
	for range 3 {
		payload := d.Compress(nil, m)
		size = len(payload)
		if got, err := i.Decompress(nil, payload, len(m)); err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if size > 10 {
		t.Errorf("a message of 100 bytes takes %d the third time", size)
	}
}

// flateStream is what compress/flate makes of m at level, in the form of a
// payload.
func flateStream(m []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, level)
	must2(w.Write(m))
	must(w.Flush())
	return bytes.TrimSuffix(b.Bytes(), []byte(deflateTail))
}

func must2[T any](v T, err error) T {
	must(err)
	return v
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestEveryLevelOfTheStandardLibraryIsInflated(t *testing.T) {
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for _, m := range [][]byte{prose(100_000), noise(100_000), bytes.Repeat([]byte("ab"), 50_000), append(noise(30_000), noise(30_000)...)} {
			got, err := NewDecompressor(15, false).Decompress(nil, flateStream(m, level), len(m))
			if err != nil || !bytes.Equal(got, m) {
				t.Errorf("level %d: %d bytes came back as %d, %v", level, len(m), len(got), err)
			}
		}
	}
}

func TestABombStopsAtTheLimitAndTakesNoMoreMemory(t *testing.T) {
	const size, limit = 256 << 20, 1 << 20
	mebi := append(NewCompressor(15, false).Compress(nil, make([]byte, 1<<20)), deflateTail...)
	bomb := bytes.TrimSuffix(bytes.Repeat(mebi, size>>20), []byte(deflateTail))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := NewDecompressor(15, true).Decompress(nil, bomb, limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrSize) || len(got) > limit || cap(got) > limit {
		t.Errorf("%d bytes, room for %d, %v", len(got), cap(got), err)
	}
	took := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes of payload that mean %d took %d of memory", len(bomb), size, took)
	if took > 3*limit { // limit, and before it at most limit, limit/2, limit/4, …
		t.Error("that is too much")
	}
}

func TestTheLimitIsExact(t *testing.T) {
	for _, m := range [][]byte{prose(5000), noise(5000), bytes.Repeat([]byte("a"), 5000), noise(70_000)} {
		payload := NewCompressor(15, false).Compress(nil, m)
		for _, into := range [][]byte{nil, make([]byte, 100), make([]byte, 100_000)} {
			for _, limit := range []int{len(m), math.MaxInt} {
				if got, err := NewDecompressor(15, false).Decompress(into, payload, limit); err != nil || !bytes.Equal(got, m) {
					t.Errorf("%d bytes came back as %d, %v", len(m), len(got), err)
				}
			}
			for _, limit := range []int{len(m) - 1, 1, 0} {
				got, err := NewDecompressor(15, false).Decompress(into, payload, limit)
				if !errors.Is(err, ErrSize) || !bytes.Equal(got, m[:limit]) {
					t.Errorf("a limit of %d gives %d bytes, %v", limit, len(got), err)
				}
			}
		}
	}
}

func TestCorruptDataIsToldFromTooMuch(t *testing.T) {
	for name, payload := range map[string]string{
		"the reserved block type":                  "07",
		"a stored length without its complement":   "00 05 00 05 00 48",
		"a stored block that is cut off":           "00 10 00 ef ff 48",
		"a distance before the first byte":         "f2 00 11 00 00",
		"a block that does not end":                "f2 48 cd",
		"287 literal codes":                        "f4 0f 00 00",
		"31 distance codes":                        "04 de 00 00",
		"code lengths that are no prefix code":     "04 00 fe ff ff ff ff ff ff ff",
		"a repetition with nothing before it":      "04 c0 81 08 00 00 00 00 20 7f eb 0b 00 00 ff",
		"a fixed code for symbol 286":              "1b 63 ff ff ff ff ff ff ff ff",
		"a message of the tail alone":              "00 00 ff ff",
		"RFC 7692 §7.2.3.1 with its last byte off": "f2 48 cd c9 c9 07",
		"the same with BFINAL set":                 "f3 48 cd c9 c9 07",
		"noise behind a block with BFINAL set":     "f3 48 cd c9 c9 07 00 ff",
	} {
		got, err := NewDecompressor(15, true).Decompress(nil, hexBytes(payload), 1<<20)
		var bad *corruptError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "the compressed message is corrupt: ") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Blocks with BFINAL set, each a stream of its own, are the dearest bytes that
// there are to inflate.
func TestAMessageIsNotManyThousandStreams(t *testing.T) {
	const empty = "\x03\x00"
	if p, err := NewDecompressor(15, true).Decompress(nil, []byte(strings.Repeat(empty, maxStreams-1)+"\x00"), 100); err != nil || len(p) != 0 {
		t.Errorf("%d streams give %q, %v", maxStreams, p, err)
	}
	var corrupt *corruptError
	if _, err := NewDecompressor(15, true).Decompress(nil, []byte(strings.Repeat(empty, 1<<19)), 100); !errors.As(err, &corrupt) || !errors.Is(corrupt.why, errManyStreams) {
		t.Errorf("%d streams give %v", 1<<19, err)
	}
}

func TestNothingIsTakenFromOneConnectionToAnother(t *testing.T) {
	secret := noise(1000)
	NewCompressor(15, false).Compress(nil, secret)
	d := NewCompressor(15, true)
	if got := d.Compress(nil, secret); len(got) < len(secret) {
		t.Errorf("%d bytes of noise became %d", len(secret), len(got))
	}
	must2(NewDecompressor(15, false).Decompress(nil, flateStream(prose(1000), 9), 1000))
	if _, err := NewDecompressor(15, false).Decompress(nil, hexBytes("f2 00 11 00 00"), 1000); err == nil {
		t.Error("a distance reached into another connection's message")
	}
}

func TestWhatAnIdleConnectionKeeps(t *testing.T) {
	m := prose(4000)
	payload := NewCompressor(15, false).Compress(nil, m)
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
		{"a Decompressor without takeover", 1000, 1 << 10, func() any {
			i := NewDecompressor(15, false)
			must2(i.Decompress(nil, payload, len(m)))
			return i
		}},
		{"a Decompressor with takeover and 4,000 bytes behind it", 1000, 5 << 10, func() any {
			i := NewDecompressor(15, true)
			must2(i.Decompress(nil, payload, len(m)))
			return i
		}},
		// The pool, which all share, is counted in here.
		{"a Compressor without takeover", 1000, 3 << 10, func() any {
			d := NewCompressor(15, false)
			d.Compress(nil, m)
			return d
		}},
		{"a Compressor with takeover, before its first message", 1000, 1 << 10, func() any { return NewCompressor(15, true) }},
		{"a Compressor with takeover and a message behind it", 20, 850 << 10, func() any {
			d := NewCompressor(15, true)
			d.Compress(nil, m)
			return d
		}},
		{"the same for a window of 14 bits", 20, 1250 << 10, func() any {
			d := NewCompressor(14, true)
			d.Compress(nil, m)
			return d
		}},
	} {
		got := measure(c.n, c.make)
		t.Logf("%s: %d bytes", c.name, got)
		if got > c.most {
			t.Errorf("%s keeps %d bytes, more than %d", c.name, got, c.most)
		}
	}
}

// FuzzInflate gives a Decompressor any bytes, within any limit. It must agree with
// the standard library on what they mean, and may neither panic nor give more
// than the limit.
func FuzzInflate(f *testing.F) {
	for _, s := range []string{"", "00", "f2 48 cd c9 c9 07 00", "f3 48 cd c9 c9 07 00 00", "f3 48 05 00 cb c9 c9 07 00", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "00 05 00 fa ff 48 65 6c 6c 6f 00"} {
		f.Add(hexBytes(s), uint32(100))
	}
	for level := flate.HuffmanOnly; level <= 9; level += 3 {
		f.Add(flateStream(prose(3000), level), uint32(3000))
	}
	f.Fuzz(func(t *testing.T, payload []byte, most uint32) {
		limit := int(most % (1 << 20))
		whole, err := NewDecompressor(15, true).Decompress(nil, payload, limit)
		if len(whole) > limit {
			t.Fatalf("%d bytes within a limit of %d", len(whole), limit)
		}
		var bad *corruptError
		if err != nil && !errors.Is(err, ErrSize) && !errors.As(err, &bad) {
			t.Fatalf("the error is %v", err)
		}
		into, err2 := NewDecompressor(15, false).Decompress(make([]byte, 0, 1000), payload, limit)
		if !bytes.Equal(whole, into) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%d bytes, %v; into other memory %d, %v", len(whole), err, len(into), err2)
		}

		// flate.Reader ends where a block with BFINAL does, so what it gives is
		// what ours begins with.
		stream := append(bytes.Clone(payload), deflateTail+lastBlock...)
		theirs, theirErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(stream)), int64(limit)+1))
		switch {
		case err == nil && len(payload) > 0 && (theirErr != nil || !bytes.HasPrefix(whole, theirs)):
			t.Fatalf("ours: %d bytes; the standard library's: %d, %v", len(whole), len(theirs), theirErr)
		case errors.Is(err, ErrSize) && len(theirs) <= limit && theirErr != nil:
			t.Fatalf("ours: more than %d; the standard library's: %d, %v", limit, len(theirs), theirErr)
		}
	})
}

// FuzzDeflateRoundTrip compresses any two messages for any window and has them
// inflated.
func FuzzDeflateRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello"), uint8(15), true)
	f.Add(prose(3000), noise(600), uint8(8), true)
	f.Add(noise(3000), []byte{}, uint8(9), false)
	f.Fuzz(func(t *testing.T, first, second []byte, bits uint8, takeover bool) {
		n := 8 + int(bits)%8
		d, i := NewCompressor(n, takeover), NewDecompressor(15, takeover)
		i.window = 1 << n
		for _, m := range [][]byte{first, second, first} {
			got, err := i.Decompress(nil, d.Compress(nil, m), len(m))
			if err != nil || !bytes.Equal(got, m) {
				t.Fatalf("%d bytes came back as %d, %v", len(m), len(got), err)
			}
		}
	})
}

// sizes are the bytes of the messages that are measured.
var sizes = []int{100, 1 << 10, 64 << 10}

// BenchmarkDeflate measures what a message costs, and what it becomes: bytes,
// on average. bits=14 is a window that empties its history now and then.
func BenchmarkDeflate(b *testing.B) {
	for _, size := range sizes {
		// Repetitions are farther apart than the window. Otherwise takeover would
		// turn each message into a single match.
		messages := slices.Collect(slices.Chunk(prose(max(4*maxWindow, 2*size)/size*size), size))
		for _, bits := range []int{15, 14} {
			for _, takeover := range []bool{false, true} {
				b.Run(fmt.Sprintf("bytes=%d/bits=%d/takeover=%v", size, bits, takeover), func(b *testing.B) {
					d := NewCompressor(bits, takeover)
					out := d.Compress(nil, messages[0])
					sum, n := 0, 0
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for ; b.Loop(); n++ {
						out = d.Compress(out[:0], messages[n%len(messages)])
						sum += len(out)
					}
					b.ReportMetric(float64(sum)/float64(n), "bytes")
				})
			}
		}
	}
}

// BenchmarkInflate measures what a message costs to get back.
func BenchmarkInflate(b *testing.B) {
	for _, size := range sizes {
		for _, takeover := range []bool{false, true} {
			b.Run(fmt.Sprintf("bytes=%d/takeover=%v", size, takeover), func(b *testing.B) {
				payload := NewCompressor(15, false).Compress(nil, prose(size))
				i := NewDecompressor(15, takeover)
				out := must2(i.Decompress(nil, payload, size))
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					out = must2(i.Decompress(out, payload, size))
				}
			})
		}
	}
}
