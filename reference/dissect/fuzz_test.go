package dissect

import (
	"math/rand/v2"
	"testing"

	"wslab/reference/wire"
)

// FuzzDissect holds for any bytes: frames and fields tile them, where TCP cut
// them does not matter, nothing panics, and no more is kept than came. Once
// they are read as frames, once from the handshake on with an answer between.
func FuzzDissect(f *testing.F) {
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), uint64(1), true)
	f.Add([]byte("\x01\x03Hel\x89\x00\x80\x02lo\x88\x02\x03\xe8"), uint64(2), false)
	f.Add([]byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04abc"), uint64(3), true)
	f.Add([]byte("\x81\x02\xc3\x28\x88\x01\x03\x83\x00"), uint64(4), true)
	f.Add([]byte(request+"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), uint64(5), true)
	f.Add([]byte(response+"\x81\x05Hello"), uint64(6), false)
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"+response), uint64(7), false)
	f.Add([]byte("GET / HTTP/1.1\n\n"), uint64(8), true)
	f.Fuzz(func(t *testing.T, b []byte, seed uint64, client bool) {
		if len(b) == 0 || len(b) > 1<<16 {
			return
		}
		from := wire.Server
		if client {
			from = wire.Client
		}
		r := rand.New(rand.NewPCG(seed, 0))
		checkStream(t, from, b, r)

		parts := []part{{wire.Client, []byte(request)}, {wire.Server, b}}
		if client {
			parts = []part{{wire.Client, b}, {wire.Server, []byte(response)}, {wire.Client, b}}
		}
		want := feed(t, &Conversation{}, parts, whole, false, true).log
		var cuts []int
		for at := 0; at < len(b); at += 1 + r.IntN(len(b)) {
			cuts = append(cuts, at)
		}
		cut := func(b []byte) [][]byte {
			n := 0
			for n < len(cuts) && cuts[n] < len(b) {
				n++
			}
			return split(b, cuts[:n:n])
		}
		talk := &Conversation{}
		if got := feed(t, talk, parts, cut, r.IntN(2) > 0, false); len(got.log) > len(want) || want[:len(got.log)] != got.log {
			t.Fatalf("cut at %v:\n%s\nwhole:\n%s", cuts, got.log, want)
		}
		for _, d := range talk.directions {
			kept := cap(d.partial)
			if d.frame != nil {
				kept += cap(d.frame.bytes) + cap(d.frame.tail)
			}
			if most := 2*MaxHead + 2*(2*len(b)+len(request)+len(response)); kept > most {
				t.Fatalf("%d bytes are kept of %d", kept, len(b))
			}
		}
	})
}
