package dissect

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"wslab/reference/wire"
)

// TestTheFramesThatTheBuilderReadsAreWhatGoWrites writes random streams and their frames.
// A test of the page makes fields of the frames, and from the fields the same bytes again.
func TestTheFramesThatTheBuilderReadsAreWhatGoWrites(t *testing.T) {
	type stream struct {
		Hex    string   `json:"hex"`
		Frames []*Frame `json:"frames"`
	}
	all := "["
	r := rand.New(rand.NewPCG(1, 6455))
	for i := range 64 {
		var b []byte
		for range 1 + r.IntN(3) {
			b = append(b, randomFrame(r)...)
		}
		s := stream{Hex: hex.EncodeToString(b)}
		talk := NewFrames()
		for _, it := range talk.Bytes(wire.Client, b, true) {
			if it.Frame != nil {
				s.Frames = append(s.Frames, it.Frame)
			}
		}
		if f := talk.End(wire.Client, NotThere); f != nil {
			s.Frames = append(s.Frames, f)
		}
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all += pick(i == 0, "\n", ",\n") + string(line)
	}
	golden(t, filepath.Join("..", "..", "..", "static", "test", "built.json"), all+"\n]\n")
}

// randomFrame returns a frame with any header. Its length is sometimes a lie, its form is
// sometimes too long, and its end is sometimes missing.
func randomFrame(r *rand.Rand) []byte {
	payload := make([]byte, r.IntN(12))
	if r.IntN(8) == 0 {
		payload = make([]byte, 120+r.IntN(12))
	}
	for i := range payload {
		payload[i] = byte(r.UintN(256))
	}
	h := wire.Header{
		Fin: r.IntN(2) == 0, RSV1: r.IntN(4) == 0, RSV2: r.IntN(4) == 0, RSV3: r.IntN(4) == 0,
		Opcode: wire.Opcode(r.UintN(16)), Masked: r.IntN(3) > 0, Length: uint64(len(payload)),
	}
	switch r.IntN(6) {
	case 0:
		h.Length = r.Uint64N(300)
	case 1:
		h.Length = r.Uint64()
	}
	h.Form = wire.FormFor(h.Length)
	if r.IntN(4) == 0 {
		h.Form = wire.FormFor(1 << 40)
	}
	if h.Masked {
		for i := range h.Key {
			h.Key[i] = byte(r.UintN(256))
		}
	}
	b := append(h.Append(nil), payload...)
	if r.IntN(8) == 0 {
		b = b[:1+r.IntN(len(b))]
	}
	return b
}
