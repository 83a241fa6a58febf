package tap

import (
	"net"
	"slices"
	"testing"
	"time"
)

// instant is a net.Conn that reads and writes without a socket, so that the time of the
// tap itself is measured.
type instant struct{ net.Conn }

func (instant) Read(p []byte) (int, error)       { return len(p), nil }
func (instant) Write(p []byte) (int, error)      { return len(p), nil }
func (instant) Close() error                     { return nil }
func (instant) SetReadDeadline(time.Time) error  { return nil }
func (instant) SetWriteDeadline(time.Time) error { return nil }

// still is a Recorder that records nothing.
type still struct{ Recorder }

func (still) Bytes(Direction, []byte) []Unit { return nil }
func (still) Stops()                         {}
func (still) Ahead(int)                      {}

// readWithout and writeWithout are Read and Write without the lines that report stacks.
func readWithout(c *Conn, p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil && (c.silent.Load() || c.lingers.Load()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed()
	}
	return n, err
}

func writeWithout(c *Conn, p []byte) (int, error) {
	c.turn <- struct{}{}
	if c.lingers.Load() || c.queued() && c.recorder.Load() != nil && !c.silent.Load() {
		panic("the wire is not held")
	}
	if c.take(p) {
		panic("the wire is not held")
	}
	n, err := c.send(&c.direct, p, nil)
	<-c.turn
	if err != nil {
		c.failed(Out, err)
	}
	c.tell()
	return n, err
}

// BenchmarkStack compares a Read and a Write of a tapped connection without stacks, with
// stacks switched off, and with stacks switched on. In each round the variants take turns.
// The ratios are of medians over the rounds. Off must cost nothing: off/without is about 1.
// A round means nothing by itself:
//
//	go test ./compare/tap -run '^$' -bench Stack -benchtime 200x
func BenchmarkStack(b *testing.B) {
	const calls = 5000
	conn := func() *Conn {
		c := New(instant{})
		c.Attach(still{}, false)
		return c
	}
	without, off, on := conn(), conn(), conn()
	on.Callers(func(Direction, int64, int, []uintptr) {})
	buf := make([]byte, 64)
	variants := []func(){
		func() {
			for range calls {
				readWithout(without, buf)
				writeWithout(without, buf)
			}
		},
		func() {
			for range calls {
				off.Read(buf)
				off.Write(buf)
			}
		},
		func() {
			for range calls {
				on.Read(buf)
				on.Write(buf)
			}
		},
	}
	var took [3][]float64
	for round := 0; b.Loop(); round++ {
		for i := range variants {
			i = (i + round) % len(variants)
			began := time.Now()
			variants[i]()
			took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/calls)
		}
	}
	median := func(i int) float64 {
		xs := slices.Sorted(slices.Values(took[i]))
		return xs[len(xs)/2]
	}
	b.ReportMetric(median(0), "without-ns")
	b.ReportMetric(median(1), "off-ns")
	b.ReportMetric(median(2), "on-ns")
	b.ReportMetric(median(1)/median(0), "off/without")
	b.ReportMetric(0, "ns/op")
}
