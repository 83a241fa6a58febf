//go:build unix

package endpoint_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/wire"
)

// Goals of BenchmarkEcho1KiB: throughput against that without a tap.
const (
	goalTapped  = 0.85 // recorded, without a page
	goalWatched = 0.70 // recorded, and a page follows
)

// BenchmarkEcho1KiB tells what being recorded costs: binary messages of 1 KiB,
// echoed over loopback to a client that does no more than it must. Each
// iteration is a round in which the variants take turns, so that what else the
// machine does meets all of them; medians over the rounds are reported. tap/plain
// is throughput with the tap over throughput without. On a machine that has other
// work the CPU time of this process says more; the ratio of that is
// tap/plain-cpu.
func BenchmarkEcho1KiB(b *testing.B) {
	for _, e := range endpoint.All() {
		for _, conns := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/conns=%d", e.Name, conns), func(b *testing.B) { benchmarkEcho(b, e, conns) })
		}
	}
}

func benchmarkEcho(b *testing.B, e endpoint.Endpoint, conns int) {
	const messages = 4000 // of each variant in a round
	rec := recording.New(nil, recording.Limits{})
	plain, tapped := serve(b, e, nil), serve(b, e, rec)
	open := func(s *lab) []*client {
		var cs []*client
		for range conns {
			c := s.open(b)
			c.SetDeadline(time.Time{})
			cs = append(cs, c)
		}
		return cs
	}
	plainClients, tappedClients := open(plain), open(tapped)
	variants := []func() (took, cpu time.Duration){
		func() (took, cpu time.Duration) { return echo(b, plainClients, messages) },
		func() (took, cpu time.Duration) { return echo(b, tappedClients, messages) },
		func() (took, cpu time.Duration) {
			stop := watch(rec)
			defer stop()
			return echo(b, tappedClients, messages)
		},
	}
	for _, run := range variants {
		run() // warm
	}
	var took, cpu [3][]float64
	for round := 0; b.Loop(); round++ {
		for i := range variants {
			i = (i + round) % len(variants)
			t, c := variants[i]()
			took[i], cpu[i] = append(took[i], t.Seconds()), append(cpu[i], c.Seconds())
		}
	}
	ratio := func(of [3][]float64, i int) float64 {
		var rs []float64
		for round := range of[i] {
			rs = append(rs, of[0][round]/of[i][round])
		}
		return median(rs)
	}
	b.ReportMetric(median(took[0])/messages*1e6, "plain-µs/msg")
	b.ReportMetric(median(took[1])/messages*1e6, "tap-µs/msg")
	b.ReportMetric(ratio(took, 1), "tap/plain")
	b.ReportMetric(ratio(took, 2), "watched/plain")
	if cpu[0][0] > 0 {
		b.ReportMetric(median(cpu[0])/messages*1e6, "plain-cpu-µs/msg")
		b.ReportMetric(ratio(cpu, 1), "tap/plain-cpu")
	}
	b.ReportMetric(0, "ns/op") // a round means nothing by itself
	if tap, watched := ratio(took, 1), ratio(took, 2); tap < goalTapped || watched < goalWatched {
		b.Logf("below the goals, %.2f and %.2f", goalTapped, goalWatched)
	}
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

// echo sends messages in all over clients, one under way on each, and returns
// how long it took until the last was back, and what CPU time.
func echo(b *testing.B, clients []*client, messages int) (took, cpu time.Duration) {
	frame := masked(wire.Binary, make([]byte, 1024))
	began, used := time.Now(), cpuTime()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			back := make([]byte, len(frame)-4) // the echo has no masking key
			for range messages / len(clients) {
				if _, err := c.Write(frame); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, back); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began), cpuTime() - used
}

// watch follows rec as labserver/internal/hub does for a page, until stop.
func watch(rec *recording.Recording) (stop func()) {
	const (
		batch = 200
		pause = 12 * time.Millisecond
	)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for after := rec.Last(); ctx.Err() == nil; {
			events, _ := rec.After(after, batch)
			if len(events) > 0 {
				body, err := recording.JSON(events)
				if err != nil {
					panic(err)
				}
				after = events[len(events)-1].Seq
				fmt.Fprintf(io.Discard, "id: %d\ndata: %s\n\n", after, body)
			}
			var busy <-chan time.Time
			more := rec.Changed(after)
			if len(events) >= batch/4 {
				busy, more = time.After(pause), nil
			}
			select {
			case <-busy:
			case <-more:
			case <-ctx.Done():
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
