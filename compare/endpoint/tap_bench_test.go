package endpoint_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/wire"
)

// Goals of BenchmarkEcho1KiB: throughput against that without a tap.
const (
	goalTapped  = 0.85 // recorded, and nobody watches
	goalWatched = 0.70 // recorded, and a page follows
)

// BenchmarkEcho1KiB tells what being recorded costs: binary messages of 1 KiB,
// echoed over loopback to a client that does no more than it must. Each
// iteration is a round in which the variants take turns, so that what else the
// machine does meets all of them; medians over the rounds are reported. tap/plain
// is throughput with the tap over throughput without.
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
	variants := []func() time.Duration{
		func() time.Duration { return echo(b, plainClients, messages) },
		func() time.Duration { return echo(b, tappedClients, messages) },
		func() time.Duration {
			stop := watch(rec)
			defer stop()
			return echo(b, tappedClients, messages)
		},
	}
	for _, run := range variants {
		run() // warm
	}
	var took [3][]float64
	for round := 0; b.Loop(); round++ {
		for i := range variants {
			i = (i + round) % len(variants)
			took[i] = append(took[i], variants[i]().Seconds())
		}
	}
	ratios := func(i int) []float64 {
		var rs []float64
		for round := range took[i] {
			rs = append(rs, took[0][round]/took[i][round])
		}
		return rs
	}
	b.ReportMetric(median(took[0])/messages*1e6, "plain-µs/msg")
	b.ReportMetric(median(took[1])/messages*1e6, "tap-µs/msg")
	b.ReportMetric(median(ratios(1)), "tap/plain")
	b.ReportMetric(median(ratios(2)), "watched/plain")
	b.ReportMetric(0, "ns/op") // a round means nothing by itself
	if tap, watched := median(ratios(1)), median(ratios(2)); tap < goalTapped || watched < goalWatched {
		b.Logf("below the goals, %.2f and %.2f", goalTapped, goalWatched)
	}
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

// echo sends messages in all over clients, one under way on each, and returns
// how long it took until the last was back.
func echo(b *testing.B, clients []*client, messages int) time.Duration {
	frame := masked(wire.Binary, make([]byte, 1024))
	began := time.Now()
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
	return time.Since(began)
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
				body, err := json.Marshal(events)
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
