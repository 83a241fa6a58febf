package recording_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"weak"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with the file, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is recorded; go test ./compare/recording -update writes it anew, git diff shows what changed", file)
	}
}

// TestTheEventsThatThePagesTestsReadAreWhatGoWrites keeps the two sides of the
// contract together: static/test reads this file.
func TestTheEventsThatThePagesTestsReadAreWhatGoWrites(t *testing.T) {
	type detail struct {
		Event  recording.Event `json:"event"`
		Fields []dissect.Field `json:"fields"`
	}
	events := session()
	details := map[string]detail{}
	for _, e := range events {
		switch b := e.Body.(type) {
		case *dissect.Frame:
			details[strconv.FormatUint(e.Seq, 10)] = detail{e, b.Fields()}
		case *dissect.Handshake:
			details[strconv.FormatUint(e.Seq, 10)] = detail{e, []dissect.Field{}}
		}
	}
	b, err := json.MarshalIndent(map[string]any{"events": events, "details": details}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("..", "..", "static", "test", "events.json"), append(b, '\n'))
}

func TestTheSessionOfTheGoldenHoldsEveryKind(t *testing.T) {
	kinds := map[string]int{}
	last := uint64(0)
	for _, e := range session() {
		kinds[e.Kind()]++
		if e.Seq <= last {
			t.Errorf("event %d follows event %d", e.Seq, last)
		}
		last = e.Seq
	}
	for _, kind := range []string{"tcp", "bytes", "handshake", "frame", "message", "call", "script", "state", "held", "unsent", "unread", "step", "dropped"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
	if kinds["unknown"] > 0 {
		t.Errorf("%d events are of an unknown kind", kinds["unknown"])
	}
}

func TestTextTellsTheSession(t *testing.T) {
	// With steps the text is parted by them; TestAStableTextIsPartedBySteps has that.
	events := session()
	events = events[:slices.IndexFunc(events, func(e recording.Event) bool { return e.Kind() == "step" })]
	for _, stable := range []bool{false, true} {
		var b bytes.Buffer
		if err := recording.WriteText(&b, events, recording.TextOptions{Stable: stable}); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", fmt.Sprintf("session-stable-%t.txt", stable)), b.Bytes())
	}
}

func TestTextReportsWhatItsWriterSays(t *testing.T) {
	r, w := io.Pipe()
	r.CloseWithError(errors.New("the disk is full"))
	if err := recording.WriteText(w, session(), recording.TextOptions{}); err == nil || err.Error() != "the disk is full" {
		t.Errorf("it gave %v", err)
	}
}

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

// states returns the states recorded, with where they came from.
func states(rec *recording.Recording) string {
	var ss []string
	es, _ := rec.After(0, 1<<20)
	for _, e := range es {
		if s, ok := e.Body.(*recording.State); ok {
			ss = append(ss, s.State+" "+s.Why)
		}
	}
	return strings.Join(ss, "; ")
}

func TestStatesFollowFromTheWireWhereTheEndpointTellsNone(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.Bytes(tap.In, []byte(upgradeRequest("gorilla", "x", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	c.Bytes(tap.Out, frame(0x88, ""))
	c.Bytes(tap.In, masked(0x88, [4]byte{}, ""))
	if s := c.Summary(); s.State != "CLOSING" || !s.Open || s.Frames != 2 {
		t.Errorf("the summary is %+v", s)
	}
	c.Closed()
	want := "CONNECTING the client asks to open; OPEN the server answers 101; CLOSING a Close frame from the server; CLOSED TCP is closed"
	if got := states(rec); got != want {
		t.Errorf("the states are %s\nwant %s", got, want)
	}
	if s := c.Summary(); s.State != "CLOSED" || s.Open {
		t.Errorf("the summary is %+v", s)
	}
}

func TestAnEndpointThatTellsItsStateIsBelieved(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.OwnState()
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	c.Observed(recording.State{Side: "server", State: "OPEN", Why: "own"})
	c.Bytes(tap.In, masked(0x88, [4]byte{}, ""))
	c.Closed()
	if got := states(rec); got != "OPEN own" {
		t.Errorf("the states are %s", got)
	}

	// One that refuses has none to tell.
	rec = recording.New(newClock().now, recording.Limits{})
	c = rec.Connect(recording.Info{}, wire.Server)
	c.OwnState()
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
	c.Bytes(tap.Out, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	c.Closed()
	if got := states(rec); got != "CLOSED TCP is closed" {
		t.Errorf("a refusal gives the states %s", got)
	}
}

func TestTheBodyOfARefusalBelongsToNoUnit(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.Bytes(tap.In, []byte("GET / HTTP/1.1\r\n\r\n"))
	head := "HTTP/1.1 400 Bad Request\r\n\r\n"
	units := c.Bytes(tap.Out, []byte(head+"sorry"))
	if len(units) != 2 || units[0].ID == 0 || units[0].End != len(head) || units[1].ID != 0 || units[1].End != len(head)+5 {
		t.Errorf("the units are %+v", units)
	}
	if units = c.Bytes(tap.Out, []byte("more")); len(units) != 1 || units[0] != (tap.Unit{End: 4}) {
		t.Errorf("the units are %+v", units)
	}
}

func TestUnitsAreNamedByTheSeqOfTheirEvent(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", "dGhlIHNhbXBsZSBub25jZQ==")))
	one, two := masked(0x81, [4]byte{1, 2, 3, 4}, "one"), masked(0x81, [4]byte{1, 2, 3, 4}, "two")
	units := c.Bytes(tap.In, append(append(one, two...), 0x81))
	if len(units) != 2 || units[0].End != len(one) || units[1].End != len(one)+len(two) {
		t.Fatalf("the units are %+v", units)
	}
	for i, text := range []string{"one", "two"} {
		e, ok := rec.Event(units[i].ID)
		f, isFrame := e.Body.(*dissect.Frame)
		if !ok || !isFrame || string(f.Payload()) != text {
			t.Errorf("unit %d is event %+v", i, e)
		}
	}
}

func TestARecordingDoesNotKeepTheSliceThatItWasGiven(t *testing.T) {
	for _, n := range []int{5, recording.KeepBytes + 100} {
		rec := recording.New(newClock().now, recording.Limits{})
		c := rec.Connect(recording.Info{}, wire.Server)
		c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", "dGhlIHNhbXBsZSBub25jZQ==")))
		b := masked(0x81, [4]byte{1, 2, 3, 4}, strings.Repeat("a", n))
		was := bytes.Clone(b)
		c.Bytes(tap.In, b)
		clear(b)
		es, _ := rec.After(0, 100)
		for _, e := range es {
			switch body := e.Body.(type) {
			case *recording.Bytes:
				if e.Seq > 4 && (!bytes.HasPrefix(was, body.Head) || body.Size != len(was)) {
					t.Errorf("%d bytes: the chunk changed", n)
				}
			case *dissect.Frame:
				if !bytes.HasPrefix(was, body.Bytes()) {
					t.Errorf("%d bytes: the frame changed", n)
				}
			}
		}
	}
}

func TestAFrameCutOffByTheEndOfTCPIsTold(t *testing.T) {
	for what, end := range map[string]func(*recording.Connection){
		"fin": func(c *recording.Connection) { c.Fin(tap.In) },
		"rst": func(c *recording.Connection) {
			c.Failed(tap.In, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})
		},
		"closed": func(c *recording.Connection) { c.Closed() }, // by the server, so nothing more of the client is read
	} {
		rec := recording.New(newClock().now, recording.Limits{})
		c := rec.Connect(recording.Info{}, wire.Server)
		c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", "dGhlIHNhbXBsZSBub25jZQ==")))
		c.Bytes(tap.In, []byte{0x81, 0x85, 1, 2, 3, 4, 'a'})
		end(c)
		end(c)
		var told []string
		es, _ := rec.After(0, 100)
		for _, e := range es {
			switch b := e.Body.(type) {
			case *dissect.Frame:
				told = append(told, fmt.Sprint("frame, short ", b.Short))
			case *recording.TCP:
				told = append(told, b.What)
			}
		}
		want := "open; frame, short 4; " + what
		if what != "rst" { // the peer resets a connection once
			want += "; " + what
		}
		if got := strings.Join(told, "; "); got != want {
			t.Errorf("it tells %s, want %s", got, want)
		}
	}
}

func TestErrorsAreShownWithoutAddresses(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50001}
	err := &net.OpError{Op: "write", Net: "tcp", Source: addr, Addr: addr, Err: os.NewSyscallError("write", syscall.EPIPE)}
	got := recording.NewGoError(err)
	if got.Type != "*net.OpError" || got.Text != "write tcp: write: broken pipe" {
		t.Errorf("it is %+v", got)
	}
	if err.Addr == nil || recording.NewGoError(nil) != nil {
		t.Error("the error itself was changed, or nil is an error")
	}
}

func TestConnOfIsTheNewestConnectionOfAClient(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	for _, name := range []string{"a", "b", "a"} {
		rec.Connect(recording.Info{Client: name}, wire.Server)
	}
	for name, want := range map[string]int{"a": 3, "b": 2, "c": 0} {
		if got := rec.ConnOf(name); got != want {
			t.Errorf("the connection of %s is %d, want %d", name, got, want)
		}
	}
}

func TestTheListOfConnectionsIsBounded(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	for i := range 2500 {
		if c := rec.Connect(recording.Info{Client: fmt.Sprint(i)}, wire.Server); c.ID != i+1 {
			t.Fatalf("connection %d has the number %d", i+1, c.ID)
		}
	}
	all := rec.Connections()
	if len(all) != 1000 || all[999].ID != 2500 || rec.ConnOf("2499") != 2500 || rec.ConnOf("3") != 0 {
		t.Errorf("%d are listed, the last is %d", len(all), all[len(all)-1].ID)
	}
}

func TestAMessageOfVeryManyFramesNamesTheFirst(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	key := "dGhlIHNhbXBsZSBub25jZQ=="
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	c.Bytes(tap.Out, frame(0x01, "a"))
	for range 300 {
		c.Bytes(tap.Out, frame(0x00, "b"))
	}
	c.Bytes(tap.Out, frame(0x81, "interleaved"))
	last := rec.Last()
	e, _ := rec.Event(last)
	m, ok := e.Body.(*recording.Message)
	if !ok || len(m.Frames) != 1 || m.Frames[0] != last-1 {
		t.Errorf("the message is %+v", e.Body)
	}
	c.Bytes(tap.Out, frame(0x01, "a"))
	for range 300 {
		c.Bytes(tap.Out, frame(0x00, "b"))
	}
	c.Bytes(tap.Out, frame(0x80, "c"))
	e, _ = rec.Event(rec.Last())
	if m, ok := e.Body.(*recording.Message); !ok || len(m.Frames) != 256 || m.Size != 302 {
		t.Errorf("the message is %+v", e.Body)
	}
}

func TestANilConnectionRecordsNothing(t *testing.T) {
	var c *recording.Connection
	c.OwnState()
	c.Observed(recording.State{})
	c.Enter(recording.Doing{Verb: recording.VerbRead, Name: "ReadMessage"}).Return("", errors.New("x"))
}

func TestWhatAPageTellsLateKeepsItsTime(t *testing.T) {
	clock := newClock()
	rec := recording.New(clock.now, recording.Limits{})
	clock.after(5 * time.Second)
	note(rec, 1)
	rec.Report(time.Second, &recording.Script{Client: "nobody", What: "send"})
	es, _ := rec.After(0, 10)
	if es[0].At != 5*time.Second || es[1].At != time.Second || es[1].Seq != 2 {
		t.Errorf("the events are %+v", es)
	}
}

func TestOutcomeSaysWhatTheServerSent(t *testing.T) {
	var gorilla []recording.Event
	for _, e := range session() {
		if e.Conn == 2 {
			gorilla = append(gorilla, e)
		}
	}
	want := `101; TEXT FIN, 5 bytes "Hello"; PONG FIN, 4 bytes; TEXT FIN, 9 bytes "Hello you"; TEXT FIN, 4 bytes "step"; CLOSE FIN, 10 bytes 1002 protocol error "bad MASK"; closed`
	if got := recording.Outcome(gorilla); got != want {
		t.Errorf("it is %s\nwant %s", got, want)
	}
}

// BenchmarkEcho is what one recorded echo of 1 KiB costs without the network.
func BenchmarkEcho(b *testing.B) {
	rec := recording.New(nil, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	key := "dGhlIHNhbXBsZSBub25jZQ=="
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	in, out := masked(0x82, [4]byte{1, 2, 3, 4}, strings.Repeat("x", 1024)), frame(0x82, strings.Repeat("x", 1024))
	b.ReportAllocs()
	for b.Loop() {
		call := c.Enter(recording.Doing{Verb: recording.VerbRead, Name: "ReadMessage"})
		c.Bytes(tap.In, in)
		call.Return("binary, 1024 bytes", nil)
		call = c.Enter(recording.Doing{Verb: recording.VerbWrite, Name: "WriteMessage", Args: "binary, 1024 bytes"})
		c.Bytes(tap.Out, out)
		call.Return("nil", nil)
	}
}

// BenchmarkJSON is what a page that follows costs, for each event.
func BenchmarkJSON(b *testing.B) {
	events := session()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(events)), "µs/event")
}

func TestNumbersAndLongTextsAreWrittenForPeople(t *testing.T) {
	if got := recording.ByteCount(0) + ", " + recording.ByteCount(uint64(1)) + ", " + recording.ByteCount(int64(2)); got != "0 bytes, 1 byte, 2 bytes" {
		t.Error(got)
	}
	if got := recording.Clip("grün", 3) + " " + recording.Clip("grün", 4); got != "grü… grün" {
		t.Error(got)
	}
}

// held is a connection with one of the server's frames at the valve.
func held(t *testing.T) (r *recording.Recording, c *recording.Connection, now *time.Duration, frame uint64) {
	t.Helper()
	now = new(time.Duration)
	r = recording.New(func() time.Time { return time.Unix(0, 0).Add(*now) }, recording.Limits{})
	c = r.Connect(recording.Info{Endpoint: "reference", Client: "a"}, wire.Server)
	c.Bytes(tap.In, []byte("GET / HTTP/1.1\r\n\r\n"))
	c.Bytes(tap.Out, []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
	units := c.Bytes(tap.Out, []byte{0x88, 0x02, 0x03, 0xe8})
	if len(units) != 1 {
		t.Fatalf("%d units", len(units))
	}
	c.Waits(tap.Out, units[0].ID)
	return r, c, now, units[0].ID
}

func TestAConnectionIsOpenUntilItsFINHasLeft(t *testing.T) {
	_, c, _, frame := held(t)
	fin := c.Closed()
	if c.Summary().Open {
		t.Error("a connection is open though its FIN does not wait")
	}
	c.Waits(tap.Out, fin)
	if s := c.Summary(); !s.Open || s.State != "CLOSED" {
		t.Errorf("while the FIN waits the connection is %+v", s)
	}
	c.Released(tap.Out, frame)
	c.Released(tap.Out, fin)
	if c.Summary().Open {
		t.Error("the connection is open though its FIN has left")
	}
}

func TestTheEndOfTCPSaysWhatWasHeldMeanwhile(t *testing.T) {
	r, c, now, frame := held(t)
	*now = 60 * time.Second
	fin := c.Fin(tap.In)
	c.Released(tap.Out, frame)
	c.Closed()
	var told []string
	events, _ := r.After(0, 100)
	for _, e := range events {
		if b, ok := e.Body.(*recording.TCP); ok && b.What != "open" {
			text, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, string(text))
		}
	}
	want := []string{
		fmt.Sprintf(`{"seq":%d,"at":60000000,"conn":1,"from":"client","kind":"tcp","tcp":{"what":"fin","behind":{"units":1,"for":60000000}}}`, fin),
		fmt.Sprintf(`{"seq":%d,"at":60000000,"conn":1,"from":"server","kind":"tcp","tcp":{"what":"closed"}}`, fin+2),
	}
	if !slices.Equal(told, want) {
		t.Errorf("the recording has\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	var text strings.Builder
	if err := recording.WriteText(&text, events, recording.TextOptions{}); err != nil || !strings.Contains(text.String(), "has sent FIN: no more bytes come, with 1 unit held for 60.0 s") {
		t.Errorf("%v; the log has\n%s", err, text.String())
	}
}
