package dissect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"wslab/reference/wire"
)

// TestAFrameThatIsDecodedLaterIsTheSame gives random frames one by one to a
// Conversation that puts off what it can and to one that puts off nothing.
func TestAFrameThatIsDecodedLaterIsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	told := func(it Item) string {
		b, err := json.Marshal([]any{it.Frame, it.Message})
		if err != nil {
			t.Fatal(err)
		}
		if it.Frame != nil {
			return fmt.Sprintf("%s %s", b, fieldLines(it.Frame))
		}
		return string(b)
	}
	later, all := 0, 0
	for range 100 {
		from := wire.Role(r.IntN(2))
		at, put := &Conversation{}, &Conversation{}
		for _, c := range []*Conversation{at, put} {
			c.Bytes(wire.Client, []byte(aRequest), false)
			c.Ahead(r.IntN(2) * 40)
			if r.IntN(4) > 0 {
				c.Bytes(wire.Server, []byte(anAnswer), false)
			}
		}
		put.directions[wire.Server].phase, put.ahead = at.directions[wire.Server].phase, at.ahead
		put.directions[wire.Server].offset = at.directions[wire.Server].offset
		for range 8 {
			payload := make([]byte, []int{0, 1, 5, 130, 200, 5, 5, KeepPayload, KeepPayload + 1}[r.IntN(9)])
			for i := range payload {
				payload[i] = byte('a' + i%26)
			}
			if len(payload) > 0 && r.IntN(4) == 0 {
				payload[r.IntN(len(payload))] = 0xff
			}
			b := frame(from, []byte{0x81, 0x82, 0x81, 0x82, 0xc1, 0x01, 0x80, 0x88, 0x8a}[r.IntN(9)], payload)
			switch r.IntN(60) {
			case 0, 1, 2, 3, 4:
				b = append(b, b...)
			case 5:
				b = b[:r.IntN(len(b))+1] // the rest of the stream is read askew
			}
			var want, got []string
			for _, it := range at.Bytes(from, bytes.Clone(b), true) {
				want = append(want, told(it))
			}
			all++
			if l, ok := put.Later(from, b); ok {
				later++
				frame, message := l.Decode(bytes.Clone(b))
				got = []string{told(Item{Frame: frame}), told(Item{Message: message})}
			} else {
				for _, it := range put.Bytes(from, bytes.Clone(b), true) {
					got = append(got, told(it))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("% x\ngives later\n%s\nand at once\n%s", b[:min(len(b), 40)], got, want)
			}
		}
	}
	if later < all/10 {
		t.Errorf("%d of %d were put off", later, all)
	}
}
