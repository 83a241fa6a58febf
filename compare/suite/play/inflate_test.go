package play

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// inflateByGo is what compress/flate makes of a payload.
func inflateByGo(history, payload []byte) ([]byte, error) {
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))), history)
	return io.ReadAll(r)
}

func TestWhatEveryLevelDeflatesIsInflatedToTheSame(t *testing.T) {
	for _, message := range [][]byte{nil, []byte("Hello"), spec.TextOf(10000).Bytes(), random(5000), make([]byte, 100000), append(random(32000), random(32000)...)} {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			for _, each := range []int{0, 7, 1000} {
				if each == 7 && len(message) > 10000 {
					continue
				}
				got, farthest, err := inflate(nil, deflatedWith(level, message, each), len(message))
				if err != nil || !bytes.Equal(got, message) || farthest > 1<<15 {
					t.Errorf("%d bytes at level %d, a block for every %d: %d bytes, farthest %d, %v", len(message), level, each, len(got), farthest, err)
				}
			}
		}
	}
}

func TestTheFarthestDistanceIsTold(t *testing.T) {
	for _, gap := range []int{100, 255, 257, 1000, 5000, 32000} {
		message := append(random(gap), random(gap)...)
		_, farthest, err := inflate(nil, spec.NewPacker().Pack(message), len(message))
		if err != nil || farthest != gap {
			t.Errorf("%d bytes twice: the farthest distance is %d, %v", gap, farthest, err)
		}
	}
}

func TestTheExamplesOfTheRFCAreInflated(t *testing.T) {
	for _, example := range []struct{ payload, history, want string }{
		{"\xf2\x48\xcd\xc9\xc9\x07\x00", "", "Hello"},
		{"\xf2\x00\x11\x00\x00", "Hello", "Hello"},
		{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "", "Hello"},
		{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "", "Hello"},
		{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "", "Hello"},
		{"\x00", "", ""},
		{"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", "", "HelloHello"},
	} {
		got, _, err := inflate([]byte(example.history), []byte(example.payload), 100)
		if err != nil || string(got) != example.want {
			t.Errorf("% x behind %q: %q, %v", example.payload, example.history, got, err)
		}
	}
}

func TestWhatIsNoDeflateIsToldWhy(t *testing.T) {
	for payload, want := range map[string]error{
		"\x06\x00":                     errBlockType,
		"\x00\x05\x00\x05\x00Hello":    errStored,
		"\xf2\x00\x11\x00\x00":         errDistance,
		"\x00\x05\x00\xfa\xffHe":       nil, // the tail of four bytes is two too many
		"\x04\x00\xfe\xff\xff\xff\xff": errCode,
		string(deflatedWith(flate.BestSpeed, make([]byte, 1000), 0)): errTooLong,
	} {
		_, _, err := inflate(nil, []byte(payload), 100)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("% x: %v, want %v", payload, err, want)
		}
	}
}

func FuzzInflatingIsWhatGoDoes(f *testing.F) {
	for _, seed := range [][]byte{{0}, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), spec.NewPacker().Pack(spec.TextOf(300).Bytes()), {0x06, 0x00}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, _, err := inflate(nil, payload, 1<<20)
		want, wantErr := inflateByGo(nil, payload)
		if err == nil && wantErr == nil && !bytes.HasPrefix(got, want) {
			t.Errorf("% x: %q, and Go has %q", payload, got, want)
		}
	})
}

func TestATargetIsHeldToWhatWasAgreedOn(t *testing.T) {
	far := append(random(5000), random(5000)...)
	p := spec.NewPacker()
	first, second := p.Pack([]byte("the same text")), p.Pack([]byte("the same text"))
	for _, each := range []struct {
		what     string
		agreed   wire.DeflateParams
		payloads [][]byte
		rule     string // broken by the last
	}{
		{"a window that is large enough", wire.DeflateParams{ServerMaxWindowBits: 13}, [][]byte{spec.NewPacker().Pack(far)}, ""},
		{"a window that is too small", wire.DeflateParams{ServerMaxWindowBits: 12}, [][]byte{spec.NewPacker().Pack(far)}, wire.RuleDeflateWindow.Code},
		{"the client's window, which is not the server's", wire.DeflateParams{ClientMaxWindowBits: 8}, [][]byte{spec.NewPacker().Pack(far)}, ""},
		{"context takeover", wire.DeflateParams{}, [][]byte{first, second}, ""},
		{"context takeover against what was agreed on", wire.DeflateParams{ServerNoContextTakeover: true}, [][]byte{first, second}, wire.RuleDeflateTakeover.Code},
		{"a context that was never there", wire.DeflateParams{}, [][]byte{second}, wire.RuleDeflateData.Code},
	} {
		i := newInflater(each.agreed, wire.Server, 1<<20)
		for n, payload := range each.payloads {
			_, v := i.message(payload)
			got := ""
			if v != nil {
				got = v.Code
			}
			want := ""
			if n == len(each.payloads)-1 {
				want = each.rule
			}
			if got != want {
				t.Errorf("%s: message %d breaks %q, want %q", each.what, n+1, got, want)
			}
		}
	}
}

// deflatedWith returns message compressed at level, with a new block after each so
// many bytes where each is not 0.
func deflatedWith(level int, message []byte, each int) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, level)
	for each > 0 && len(message) > each {
		_, _ = w.Write(message[:each])
		_ = w.Flush()
		message = message[each:]
	}
	_, _ = w.Write(message)
	_ = w.Flush()
	return out.Bytes()[:out.Len()-4]
}

// random returns n bytes that do not compress, the same in every run.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{76, 92}).Read(b)
	return b
}
