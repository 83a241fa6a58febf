//go:build !race

package reference

import (
	"strings"
	"testing"

	"wslab/reference/wire"
)

// The race detector makes pools forget at random, so this is counted without it.

func TestAnEchoAllocatesNothingInLentMemoryAndOneSliceElsewhere(t *testing.T) {
	for _, size := range []int{16, 125, 1000, 16 << 10, 64 << 10, 1 << 20} {
		for _, opcode := range []wire.Opcode{wire.Text, wire.Binary} {
			nc := &replay{octets: from(wire.Client, true, opcode, strings.Repeat("x", size))}
			c := NewConn(nc, wire.Server, Options{HoldFlush: -1})
			var buf []byte
			echoOnce := func(into []byte) []byte {
				op, p, err := c.ReadMessageInto(into)
				must(err)
				must(c.WriteMessage(op, p))
				if len(p) != size {
					t.Fatalf("a message of %d octets came as %d", size, len(p))
				}
				return p
			}
			for range 4 {
				buf = echoOnce(buf)
			}
			if n := testing.AllocsPerRun(50, func() { buf = echoOnce(buf) }); n >= 0.5 {
				t.Errorf("%s of %d: %v allocations for an echo in lent memory", opcode, size, n)
			}
			if n := testing.AllocsPerRun(50, func() {
				_, p, err := c.ReadMessage()
				must(err)
				must(c.WriteMessage(opcode, p))
			}); n > 1.5 {
				t.Errorf("%s of %d: %v allocations for an echo in a new slice", opcode, size, n)
			}
		}
	}
}
