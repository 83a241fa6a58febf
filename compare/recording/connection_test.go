package recording_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// states returns the recorded states with their reasons.
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
	want := "CONNECTING the client sends its request; OPEN the server responds with 101; CLOSING a Close frame from the server; CLOSED TCP is closed"
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
		fmt.Sprintf(`{"seq":%d,"at":60000000,"conn":1,"from":"client","kind":"tcp","tcp":{"what":"fin","backlog":{"units":1,"for":60000000}}}`, fin),
		fmt.Sprintf(`{"seq":%d,"at":60000000,"conn":1,"from":"server","kind":"tcp","tcp":{"what":"closed"}}`, fin+2),
	}
	if !slices.Equal(told, want) {
		t.Errorf("the recording has\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	var text strings.Builder
	if err := recording.WriteText(&text, events, recording.TextOptions{}); err != nil || !strings.Contains(text.String(), "sends TCP FIN: no more bytes follow, with 1 unit held for 60.0 s") {
		t.Errorf("%v; the log has\n%s", err, text.String())
	}
}
