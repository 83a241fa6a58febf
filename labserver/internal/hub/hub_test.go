package hub

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/recording"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follower is a page at the other end of a stream. Like a socket whose buffers
// are full, it takes nothing that it does not read.
type follower struct {
	in     *io.PipeWriter
	out    *bufio.Reader
	header http.Header
	status int
	until  time.Time // the write deadline
	leave  context.CancelFunc
	ended  chan struct{} // closed when Stream has returned
}

// follow starts a stream of rec after the event numbered after.
func follow(ctx context.Context, rec *recording.Recording, after uint64) *follower {
	r, w := io.Pipe()
	f := &follower{in: w, out: bufio.NewReader(r), header: http.Header{}, ended: make(chan struct{})}
	request := httptest.NewRequest("GET", "/", nil)
	here, leave := context.WithCancel(request.Context())
	f.leave = leave
	go func() {
		defer close(f.ended)
		defer w.Close()
		Stream(ctx, f, request.WithContext(here), rec, after)
	}()
	return f
}

func (f *follower) Header() http.Header    { return f.header }
func (f *follower) WriteHeader(status int) { f.status = status }
func (f *follower) Flush()                 {}

func (f *follower) SetWriteDeadline(t time.Time) error {
	f.until = t
	return nil
}

func (f *follower) Write(p []byte) (int, error) {
	cut := time.AfterFunc(time.Until(f.until), func() { f.in.CloseWithError(os.ErrDeadlineExceeded) })
	defer cut.Stop()
	return f.in.Write(p)
}

// quit ends the stream from the follower's side.
func (f *follower) quit() {
	f.leave()
	io.Copy(io.Discard, f.out)
	<-f.ended
}

// message is one Server-Sent Event.
type message struct {
	id, event string
	comment   string
	seqs      []uint64
	dropped   uint64 // of a first event that is "dropped"
}

// next reads a message, and reports false at the end of the stream.
func (f *follower) next(t *testing.T) (message, bool) {
	t.Helper()
	var m message
	for {
		line, err := f.out.ReadString('\n')
		if err != nil {
			return m, false
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "":
			if line == "" {
				return m, true
			}
			m.comment = value
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			if m.event != "" {
				continue
			}
			var events []struct {
				Seq     uint64
				Kind    string
				Dropped struct{ Count uint64 }
			}
			if err := json.Unmarshal([]byte(value), &events); err != nil {
				t.Fatalf("a message is not JSON: %v", err)
			}
			for _, e := range events {
				if e.Kind == "dropped" {
					m.dropped += e.Dropped.Count
					continue
				}
				m.seqs = append(m.seqs, e.Seq)
			}
		default:
			t.Fatalf("no Server-Sent Event has the line %q", line)
		}
	}
}

// events reads messages until there is one with events, which the test needs.
func (f *follower) events(t *testing.T) message {
	t.Helper()
	for {
		m, ok := f.next(t)
		if !ok {
			t.Fatal("the stream has ended")
		}
		if len(m.seqs) > 0 {
			return m
		}
	}
}

// add appends n events to rec.
func add(rec *recording.Recording, n int) {
	for range n {
		rec.Append(1, "client", &recording.Script{What: "send"})
	}
}

func TestAStreamResumesWithoutLossOrRepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		const total = 5000
		var recorder sync.WaitGroup
		defer recorder.Wait()
		recorder.Go(func() {
			for range total / 50 {
				add(rec, 50)
				time.Sleep(3 * time.Millisecond) // of the bubble's clock
			}
		})
		seen := uint64(0)
		for streams := 0; seen < total; streams++ {
			f := follow(t.Context(), rec, seen)
			for range streams % 4 {
				m := f.events(t)
				for _, seq := range m.seqs {
					if seq != seen+1 {
						t.Fatalf("event %d came after %d", seq, seen)
					}
					seen = seq
				}
				if seen == total {
					break
				}
			}
			f.quit()
		}
	})
}

func TestTheIDOfAMessageIsItsLastEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		add(rec, 3)
		f := follow(t.Context(), rec, 1)
		defer f.quit()
		if m := f.events(t); m.id != "3" || len(m.seqs) != 2 || m.seqs[0] != 2 {
			t.Errorf("got id %s and events %v", m.id, m.seqs)
		}
		if got := f.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type is %q", got)
		}
	})
}

func TestAPositionInAnotherRecordingBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		add(rec, 3)
		f := follow(t.Context(), rec, 17)
		defer f.quit()
		if m := f.events(t); m.seqs[0] != 1 {
			t.Errorf("the first event is %d", m.seqs[0])
		}
	})
}

func TestAFollowerThatStopsReadingSlowsNobodyAndIsToldWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kept, total = 100, 10_000
		rec := recording.New(nil, recording.Limits{Events: kept})
		add(rec, 1)
		f := follow(t.Context(), rec, 0)
		if m := f.events(t); m.id != "1" {
			t.Fatalf("the first message has the id %s", m.id)
		}

		began := time.Now()
		add(rec, 1) // the follower's Stream is in Write with this one
		synctest.Wait()
		add(rec, total-2)
		if d := time.Since(began); d != 0 {
			t.Errorf("appending took %v of waiting", d)
		}
		<-f.ended // it is cut off; other followers do not wait for it
		if d := time.Since(began); d > time.Minute {
			t.Errorf("it was cut off after %v", d)
		}
		if m, ok := f.next(t); ok {
			t.Errorf("a half-written message was followed by %+v", m)
		}

		f = follow(t.Context(), rec, 1)
		defer f.quit()
		m := f.events(t)
		if m.dropped != total-kept-1 || m.seqs[0] != total-kept+1 {
			t.Errorf("it receives the number %d of dropped events, and then event %d", m.dropped, m.seqs[0])
		}
		if len(m.seqs) != kept {
			t.Errorf("%d events were kept and %d came", kept, len(m.seqs))
		}
	})
}

func TestABatchIsBoundedAndABusyRecordingIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		add(rec, 5*batch)
		f := follow(t.Context(), rec, 0)
		defer f.quit()
		began := time.Now()
		for i := range 5 {
			if m := f.events(t); len(m.seqs) != batch {
				t.Errorf("message %d has %d events", i, len(m.seqs))
			}
			if d := time.Since(began); d != time.Duration(i)*pause {
				t.Errorf("message %d came after %v", i, d)
			}
		}
	})
}

func TestASingleEventDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		f := follow(t.Context(), rec, 0)
		defer f.quit()
		f.next(t)
		synctest.Wait()
		began := time.Now()
		for range 10 {
			add(rec, 1)
			f.events(t)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("ten events took %v of waiting", d)
		}
	})
}

func TestAStreamEndsBehindTheLastEventOfItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recording.New(nil, recording.Limits{})
		ctx, end := context.WithCancel(t.Context())
		f := follow(ctx, rec, 0)
		f.next(t)
		synctest.Wait()
		add(rec, 3*batch)
		end()
		last := uint64(0)
		for {
			m, ok := f.next(t)
			if !ok {
				t.Fatal("the stream ended without a word")
			}
			if m.event == "end" {
				break
			}
			if len(m.seqs) > 0 {
				last = m.seqs[len(m.seqs)-1]
			}
		}
		if last != 3*batch {
			t.Errorf("the last event that came is %d of %d", last, 3*batch)
		}
		f.quit()
	})
}

func TestAStreamEndsWhenItsFollowerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t.Context(), recording.New(nil, recording.Limits{}), 0)
		f.next(t)
		f.quit()
	})
}
