package tap

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// model is the expected behavior of the valve for one direction.
type model struct {
	arrived string
	waiting []string
	partial string
}

func (m *model) data(b string, hold bool) {
	if !hold {
		m.arrived += m.partial + b
		m.partial = ""
		return
	}
	m.partial += b
	for {
		n := strings.IndexByte(m.partial, '\n')
		if n < 0 {
			return
		}
		m.waiting = append(m.waiting, m.partial[:n+1])
		m.partial = m.partial[n+1:]
	}
}

func (m *model) step(drop bool) {
	if len(m.waiting) > 0 {
		if !drop {
			m.arrived += m.waiting[0]
		}
		m.waiting = m.waiting[1:]
	}
}

func (m *model) run() {
	m.arrived += strings.Join(m.waiting, "") + m.partial
	m.waiting, m.partial = nil, ""
}

func TestWhatArrivesIsWhatWasSentButForWhatWasDropped(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			hold := r.IntN(2) > 0
			client, server, rec := pipe(t, hold)
			spans := stackSpans(server)
			inbox := [2]*inbox{In: collect(server), Out: collect(client)}
			var want [2]model
			ends := [2]io.Writer{In: client, Out: server}
			var log []string
			for range 60 {
				d := Direction(r.IntN(2))
				switch what := r.IntN(9); {
				case what < 4:
					chunk := bytes.Repeat([]byte("ab"), r.IntN(4))
					for range r.IntN(3) {
						chunk = append(chunk, "\ncd"[:1+r.IntN(3)]...)
					}
					if len(chunk) == 0 {
						continue
					}
					log = append(log, fmt.Sprintf("%d %q", d, chunk))
					write(ends[d], string(chunk))
					want[d].data(string(chunk), hold)
				case what == 4:
					log = append(log, "hold")
					hold = true
					server.Hold()
				case what == 5:
					log = append(log, "run")
					hold = false
					server.Run()
					want[In].run()
					want[Out].run()
				case what == 6:
					log = append(log, fmt.Sprintf("release %d", d))
					server.ReleaseOldest(d)
					want[d].step(false)
				case what == 7:
					log = append(log, fmt.Sprintf("drop %d", d))
					server.DropOldest(d)
					want[d].step(true)
				case what == 8:
					n := r.IntN(4)
					log = append(log, fmt.Sprintf("sip %d", n))
					server.Sip(n)
				}
				synctest.Wait()
				if got := spans.text(In, rec); got != want[In].arrived {
					t.Fatalf("seed %d: the stacks are of %q, but the endpoint has read %q, after %s", seed, got, want[In].arrived, log)
				}
				if got := spans.text(Out, rec); got != string(rec.bytes[Out]) {
					t.Fatalf("seed %d: the stacks are of %q, but the endpoint has written %q, after %s", seed, got, rec.bytes[Out], log)
				}
				for d := range want {
					if got := inbox[d].text(); got != want[d].arrived {
						t.Fatalf("seed %d, direction %d: %q arrived, want %q, after %s", seed, d, got, want[d].arrived, log)
					}
				}
				if n := len(server.Waiting()); n != len(want[In].waiting)+len(want[Out].waiting) {
					t.Fatalf("seed %d: %d units wait, want %q and %q, after %s", seed, n, want[In].waiting, want[Out].waiting, log)
				}
			}
			server.Abort()
			synctest.Wait()
			rec.resolved(t)
		})
	}
}

func TestNothingIsLostOnRealTCPWhileTheValveIsWorked(t *testing.T) {
	client, server, rec := loopback(t, true)
	fromClient, fromServer := collect(server), collect(client)
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "line %d of some\n", i)
	}
	send := func(w io.Writer, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		for s := text.String(); s != ""; {
			n := min(len(s), 1+r.IntN(200))
			if _, err := io.WriteString(w, s[:n]); err != nil {
				t.Error(err)
				return
			}
			s = s[n:]
		}
	}
	var senders sync.WaitGroup
	senders.Go(func() { send(client, 1) })
	senders.Go(func() { send(server, 2) })
	stop, steps := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(steps)
		r := rand.New(rand.NewPCG(3, 0))
		for {
			select {
			case <-stop:
				server.Run()
				return
			default:
			}
			switch r.IntN(6) {
			case 0:
				server.Hold()
			case 1:
				server.Run()
			case 2:
				server.SetReadDeadline(time.Now().Add(time.Hour))
			default:
				server.ReleaseOldest(Direction(r.IntN(2)))
			}
		}
	}()
	senders.Wait()
	close(stop)
	<-steps
	client.CloseWrite()
	<-fromClient.done
	server.Close()
	<-fromServer.done
	if fromClient.text() != text.String() || fromServer.text() != text.String() {
		t.Errorf("%d and %d bytes arrived of %d", len(fromClient.text()), len(fromServer.text()), text.Len())
	}
	if len(rec.dropped) > 0 {
		t.Errorf("units %v were dropped", rec.dropped)
	}
	rec.resolved(t)
}
