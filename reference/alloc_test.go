//go:build !race

package reference

import (
	"runtime"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// The race detector makes pools forget at random, so this is counted without it.

func TestAnEchoAllocatesNothingInLentMemoryAndOneSliceElsewhere(t *testing.T) {
	for _, size := range []int{16, 125, 1000, 16 << 10, 64 << 10, 1 << 20} {
		for _, opcode := range []wire.Opcode{wire.Text, wire.Binary} {
			nc := &replay{bytes: from(wire.Client, true, opcode, strings.Repeat("x", size))}
			c := NewConn(nc, wire.Server, Options{HoldFlush: -1})
			var buf []byte
			echoOnce := func(into []byte) []byte {
				op, p, err := c.ReadMessageInto(into)
				must(err)
				must(c.WriteMessage(op, p))
				if len(p) != size {
					t.Fatalf("a message of %d bytes came as %d", size, len(p))
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

func TestAMessageInManySmallFragmentsIsNotCopiedForEach(t *testing.T) {
	// Growing by the length of each would move 16,384 fragments half a mebibyte
	// each on average, some eight gigabytes.
	const size, fragment = 1 << 20, 64
	frames := from(wire.Client, false, wire.Binary, strings.Repeat("x", fragment))
	for at := fragment; at < size-fragment; at += fragment {
		frames = append(frames, from(wire.Client, false, wire.Continuation, strings.Repeat("x", fragment))...)
	}
	frames = append(frames, from(wire.Client, true, wire.Continuation, strings.Repeat("x", fragment))...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := NewMachine(wire.Server, Options{MaxMessage: size})
	m.Opened(Agreement{})
	must(m.Receive(frames))
	runtime.ReadMemStats(&after)
	if events := m.TakeEvents(); len(events) != 1 || len(events[0].Payload) != size {
		t.Error("the message is not whole")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 8*size {
		t.Errorf("%d bytes of memory for a message of %d in %d fragments", n, size, size/fragment)
	}
}
