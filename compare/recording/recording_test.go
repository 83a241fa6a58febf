package recording_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"weak"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// note appends n small events.
func note(rec *recording.Recording, n int) {
	for range n {
		rec.Append(0, "client", &recording.Script{What: "note"})
	}
}

func TestARecordingKeepsTheNewestEventsAndTellsHowManyAreGone(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{Events: 10})
	if es, gone := rec.After(0, 10); es != nil || gone != 0 || rec.Last() != 0 {
		t.Errorf("an empty recording has %v, %d gone", es, gone)
	}
	for n := uint64(1); n <= 57; n++ {
		note(rec, 1)
		kept := min(n, 10)
		for after := range n + 2 {
			es, gone := rec.After(after, 4)
			wantGone := uint64(0)
			if first := n - kept + 1; after+1 < first {
				wantGone = first - after - 1
			}
			want := min(4, n-min(n, after)-wantGone)
			if uint64(len(es)) != want || gone != wantGone {
				t.Fatalf("after %d of %d: %d events and %d gone, want %d and %d", after, n, len(es), gone, want, wantGone)
			}
			for i, e := range es {
				if e.Seq != after+gone+uint64(i)+1 {
					t.Fatalf("after %d of %d: event %d of the answer is number %d", after, n, i, e.Seq)
				}
			}
			e, ok := rec.Event(after)
			if wantOK := after > n-kept && after <= n; ok != wantOK || ok && e.Seq != after {
				t.Fatalf("event %d of %d is there: %t", after, n, ok)
			}
		}
	}
	if rec.Last() != 57 {
		t.Errorf("the last is %d", rec.Last())
	}
}

func TestARecordingIsBoundedInBytes(t *testing.T) {
	const limit = 100_000
	rec := recording.New(newClock().now, recording.Limits{Bytes: limit})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", "dGhlIHNhbXBsZSBub25jZQ==")))
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		payload := strings.Repeat("x", r.IntN(9000))
		c.Bytes(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, payload))
		rec.Append(1, "client", &recording.Script{What: "send", Text: payload})
		es, _ := rec.After(0, 1<<20)
		kept := 0
		for _, e := range es {
			switch b := e.Body.(type) {
			case *recording.Bytes:
				kept += len(b.Head)
			case *dissect.Frame:
				kept += len(b.Bytes())
			case *recording.Script:
				kept += len(b.Text)
			}
		}
		if kept > limit {
			t.Fatalf("%d bytes are kept", kept)
		}
	}
}

func TestWhatIsDroppedIsGivenBack(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{Events: 10})
	body := &recording.Script{What: "send", Text: strings.Repeat("x", 4096)}
	gone := weak.Make(body)
	rec.Append(0, "client", body)
	body = nil
	note(rec, 10)
	runtime.GC()
	if gone.Value() != nil {
		t.Error("an event that was dropped is still in memory")
	}
	runtime.KeepAlive(rec)
}

func TestTheNewestEventStaysHoweverSmallTheLimit(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{Bytes: 1, Events: 5})
	for n := uint64(1); n < 20; n++ {
		note(rec, 1)
		if es, gone := rec.After(0, 10); len(es) != 1 || es[0].Seq != n || gone != n-1 {
			t.Fatalf("%d events, %d gone, of %d", len(es), gone, n)
		}
	}
}

func TestChangedIsClosedByTheEventAfterTheOneNamed(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	waiting := rec.Changed(0)
	also := rec.Changed(0)
	if isClosed(waiting) {
		t.Error("nothing has happened, and it is closed")
	}
	note(rec, 1)
	if !isClosed(waiting) || !isClosed(also) || !isClosed(rec.Changed(0)) || isClosed(rec.Changed(1)) {
		t.Error("it does not follow the events")
	}
}

func TestEventsOfConcurrentConnectionsAreInOneOrder(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	const conns, messages = 8, 100
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			c := rec.Connect(recording.Info{Client: fmt.Sprint("c", i)}, wire.Server)
			key := "dGhlIHNhbXBsZSBub25jZQ=="
			c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
			c.Bytes(tap.Out, []byte(upgradeResponse(key)))
			var both sync.WaitGroup
			both.Go(func() {
				for range messages {
					c.Bytes(tap.In, masked(0x82, [4]byte{1, 2, 3, 4}, "x"))
				}
			})
			both.Go(func() {
				for range messages {
					call := c.Enter(recording.Doing{Verb: recording.VerbWrite, Name: "WriteMessage"})
					c.Bytes(tap.Out, frame(0x82, "y"))
					call.Return("nil", nil)
				}
			})
			both.Go(func() {
				for range messages {
					c.Observed(recording.State{Side: "server", State: "OPEN"})
					c.Summary()
					rec.ConnOf(c.Info.Client)
				}
			})
			both.Wait()
			c.Closed()
		})
	}
	// A reader follows all the while, and misses nothing.
	read := make(chan []recording.Event)
	done := make(chan struct{})
	go func() {
		var all []recording.Event
		for last := uint64(0); ; {
			es, gone := rec.After(last, 50)
			if gone > 0 {
				t.Errorf("%d events are gone", gone)
			}
			all = append(all, es...)
			if len(es) > 0 {
				last = es[len(es)-1].Seq
				continue
			}
			select {
			case <-rec.Changed(last):
			case <-done:
				if rec.Last() == last {
					read <- all
					return
				}
			}
		}
	}()
	wg.Wait()
	close(done)
	all := <-read
	frames := map[int]int{}
	var data, body [conns + 1][2]recording.Event
	for i, e := range all {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d of all is number %d", i+1, e.Seq)
		}
		from := 0
		if e.From == "server" {
			from = 1
		}
		switch e.Body.(type) {
		case *recording.Bytes:
			data[e.Conn][from] = e
		case *dissect.Frame:
			frames[e.Conn]++
			body[e.Conn][from] = e
			if o := data[e.Conn][from]; o.Seq+1 != e.Seq {
				t.Fatalf("frame %d does not follow its bytes, %d", e.Seq, o.Seq)
			}
		case *recording.Message:
			if f := body[e.Conn][from]; f.Seq+1 != e.Seq || e.Body.(*recording.Message).Frames[0] != f.Seq {
				t.Fatalf("message %d does not follow its frame, %d", e.Seq, f.Seq)
			}
		}
	}
	for c := 1; c <= conns; c++ {
		if frames[c] != 2*messages {
			t.Errorf("connection %d has %d frames", c, frames[c])
		}
	}
}
