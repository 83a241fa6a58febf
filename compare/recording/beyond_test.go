package recording_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// tapped returns a recording of an open connection whose server is tapped.
func tapped() (*recording.Recording, *recording.Connection) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{Endpoint: "reference"}, wire.Server)
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	return rec, c
}

// brief returns the events of rec after the one numbered seq, a line each.
func brief(t *testing.T, rec *recording.Recording, seq uint64) []string {
	t.Helper()
	events, _ := rec.After(seq, 1000)
	var b bytes.Buffer
	if err := recording.WriteText(&b, events, recording.TextOptions{Stable: true, Brief: true}); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var brokenPipe = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}

const brokenText = `: *net.OpError "write tcp: write: broken pipe"`

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatWasNotSentCountsNowhereAsAFrame(t *testing.T) {
	rec, c := tapped()
	before, state := rec.Last(), c.Summary()
	c.Unsent(slices.Concat(frame(0x81, "Hello"), frame(0x88, "\x03\xe8"), []byte{0x82}), brokenPipe)
	same(t, brief(t, rec, before),
		`server · not sent: TEXT FIN, 5 bytes "Hello"`+brokenText,
		`server · not sent: CLOSE FIN, 2 bytes 1000 normal closure ""`+brokenText,
		`server · not sent: 1 byte: 82`+brokenText)
	if now := c.Summary(); now.Frames != state.Frames || now.State != state.State {
		t.Errorf("the summary was %+v and is %+v", state, now)
	}
	events, _ := rec.After(0, 1000)
	if got := recording.Outcome(events); got != "101" {
		t.Errorf("the outcome is %q", got)
	}
	// Bytes that are refused later follow those that were refused before.
	before = rec.Last()
	c.Unsent(frame(0x81, "z"), brokenPipe)
	same(t, brief(t, rec, before), `server · not sent: 3 bytes: 81 01 7a`+brokenText)
	// Bytes of a later successful Write follow the bytes that were sent.
	before = rec.Last()
	c.Bytes(tap.Out, frame(0x81, "ok"))
	same(t, brief(t, rec, before), `server ❰ TEXT FIN, 2 bytes "ok"`, `server ❰ a text message of 2 bytes is complete: "ok"`)
}

func TestAFrameWrittenInPartIsCutOffAndItsRestIsNotSent(t *testing.T) {
	for n := 1; n < 7; n++ {
		rec, c := tapped()
		before := rec.Last()
		f := frame(0x81, "Hello")
		c.Bytes(tap.Out, f[:n])
		c.Unsent(slices.Concat(f[n:], frame(0x89, "")), brokenPipe)
		c.Closed()
		got := brief(t, rec, before)
		rest := fmt.Sprintf("%d bytes", 7-n)
		if n == 6 {
			rest = "1 byte"
		}
		if got[0] != "server · not sent: "+rest+fmt.Sprintf(": % x", f[n:])+brokenText || got[1] != "server · not sent: PING FIN, 0 bytes"+brokenText ||
			!strings.Contains(got[2], "server ❰ TEXT FIN") || !strings.Contains(got[2], "never sent") {
			t.Errorf("%d bytes sent: %q", n, got)
		}
	}
}

func TestARefusedHandshakeIsNotSent(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "", "dGhlIHNhbXBsZSBub25jZQ==")))
	before := rec.Last()
	c.Unsent([]byte(upgradeResponse("dGhlIHNhbXBsZSBub25jZQ==")), brokenPipe)
	same(t, brief(t, rec, before), "server · not sent: HTTP/1.1 101 Switching Protocols"+brokenText)
	if s := c.Summary().State; s != "CONNECTING" {
		t.Errorf("the state is %s", s)
	}
}

// Of these inputs the page once said that they never arrived.
func TestWhatArrivedUnreadIsShown(t *testing.T) {
	b := unhex(t, "88ff00000000000000029053b28893bb")
	rec, c := tapped()
	before, frames := rec.Last(), c.Summary().Frames
	c.Bytes(tap.In, b[:14])
	c.Unread(b[14:], 2)
	c.Closed()
	got := brief(t, rec, before)
	same(t, got[:2],
		`client ❱ CLOSE FIN masked, 2 bytes, cut off: 2 bytes not read by the server`,
		`client · arrived, and the server did not read it: 2 bytes: 93 bb`)
	if s := c.Summary(); s.Frames != frames {
		t.Errorf("%d frames are counted, %d were before", s.Frames, frames)
	}

	b = unhex(t, "8885ff9d5f7dfc753d049a818bdcc26db0bda419d5aee20edcb3b108")
	rec, c = tapped()
	before = rec.Last()
	c.Bytes(tap.In, b[:11])
	c.Unread(b[11:], len(b)-11)
	c.Closed()
	got = brief(t, rec, before)
	same(t, []string{got[0], got[2]},
		`client ❱ CLOSE FIN masked, 5 bytes 1000 normal closure "bye"`,
		`client · arrived, and the server did not read it: TEXT FIN masked, 11 bytes "after close"`)
}

func TestOfACutFrameOnlyWhatIsKnownIsSaid(t *testing.T) {
	half := masked(0x81, [4]byte{1, 2, 3, 4}, "Hello")[:8]
	for want, end := range map[string]func(c *recording.Connection){
		"3 bytes never arrived":          func(c *recording.Connection) { c.Fin(tap.In) },
		"3 bytes never arrived (RST)":    func(c *recording.Connection) { c.Failed(tap.In, syscall.ECONNRESET) },
		"3 bytes not read by the server": func(c *recording.Connection) { c.Closed() },
		"3 bytes not read by the server (a Write failed)": func(c *recording.Connection) {
			c.Failed(tap.Out, brokenPipe)
			c.Closed()
		},
		"3 bytes not read by the server (it reset TCP)": func(c *recording.Connection) { c.Reset(); c.Closed() },
	} {
		rec, c := tapped()
		before := rec.Last()
		c.Bytes(tap.In, half)
		end(c)
		want, _, _ := strings.Cut(want, " (")
		if got := strings.Join(brief(t, rec, before), "; "); !strings.Contains(got, "cut off: "+want) {
			t.Errorf("want %q in %q", want, got)
		}
	}
}

// The kernel keeps the bytes that arrived before an RST, and a later Read of the naive
// server returns them.
func TestWhatIsReadAfterAWriteFailedIsDecoded(t *testing.T) {
	rec, c := tapped()
	before, frames := rec.Last(), c.Summary().Frames
	f := masked(0x81, [4]byte{1, 2, 3, 4}, "Hello")
	c.Bytes(tap.In, f[:3])
	for range 2 {
		c.Unsent(frame(0x81, "A"), brokenPipe)
		c.Failed(tap.Out, brokenPipe)
	}
	c.Bytes(tap.In, f[3:])
	c.Fin(tap.In)
	same(t, brief(t, rec, before),
		`server · not sent: TEXT FIN, 1 byte "A"`+brokenText,
		`client · resets TCP`+brokenText,
		`server · CLOSED: TCP is closed`,
		`server · not sent: TEXT FIN, 1 byte "A"`+brokenText,
		`client ❱ TEXT FIN masked, 5 bytes "Hello"`,
		`client ❱ a text message of 5 bytes is complete: "Hello"`,
		`client · sends TCP FIN: no more bytes follow`)
	if n := c.Summary().Frames - frames; n != 1 {
		t.Errorf("%d frames are counted, 1 has crossed", n)
	}
}

func TestAHeldFrameThatDidNotCrossIsCountedNoMore(t *testing.T) {
	rec, c := tapped()
	before := c.Summary().Frames
	out := c.Bytes(tap.Out, frame(0x81, "Hello"))[0].ID
	in := c.Bytes(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, "Hello"))[0].ID
	c.Waits(tap.Out, out)
	c.Waits(tap.In, in)
	at := rec.Last()
	c.Uncrossed(tap.Out, out, 7, brokenPipe)
	c.Released(tap.In, in)
	c.Uncrossed(tap.In, in, 3, nil)
	same(t, brief(t, rec, at), fmt.Sprintf("server · #%d was not sent", out)+brokenText, fmt.Sprintf("client · #%d is released", in),
		fmt.Sprintf("client · #%d arrived, and the server did not read it (its last 3 bytes)", in))
	if n := c.Summary().Frames; n != before {
		t.Errorf("%d frames are counted, %d were before", n, before)
	}
	events, _ := rec.After(0, 100)
	if got := recording.Outcome(events); got != "101" {
		t.Errorf("the outcome is %q", got)
	}
}

// A server that never receives a dropped Close frame does not start the closing
// handshake (RFC 6455 §7.1.3).
func TestAHeldCloseClosesNothingBeforeItIsReleased(t *testing.T) {
	rec, c := tapped()
	for _, released := range []bool{false, true} {
		before := rec.Last()
		c.Stops()
		id := c.Bytes(tap.In, masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xe8"))[0].ID
		c.Waits(tap.In, id)
		if s := c.Summary().State; s != "OPEN" {
			t.Errorf("the state is %s while the Close waits", s)
		}
		const sent, waits = `client ❱ CLOSE FIN masked, 2 bytes 1000 normal closure ""`, "client · the CLOSE frame is held"
		if !released {
			c.Dropped(tap.In, id)
			same(t, brief(t, rec, before), sent, waits, "client · the CLOSE frame is dropped")
			continue
		}
		c.Released(tap.In, id)
		same(t, brief(t, rec, before), sent, waits, "client · the CLOSE frame is released",
			"server · CLOSING: a Close frame from the client")
	}
	if s := c.Summary().State; s != "CLOSING" {
		t.Errorf("the state is %s", s)
	}
}

func TestDataIsEarlyUntilAHeld101IsReleased(t *testing.T) {
	rec := recording.New(newClock().now, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "", key)))
	answer := c.Bytes(tap.Out, []byte(upgradeResponse(key)))[0].ID
	c.Waits(tap.Out, answer)
	for _, early := range []bool{true, false} {
		at := rec.Last()
		c.Bytes(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, "Hello"))
		events, _ := rec.After(at, 10)
		b, err := json.Marshal(events)
		if err != nil || strings.Contains(string(b), wire.RuleEarlyData.Code) != early {
			t.Errorf("early %t: %s", early, b)
		}
		c.Released(tap.Out, answer)
	}
}

func TestTheJSONOfAPieceIsThatOfTheContract(t *testing.T) {
	rec, c := tapped()
	c.Unsent([]byte{0x8a}, brokenPipe)
	c.Unread([]byte{0x8a}, 70000)
	events, _ := rec.After(rec.Last()-2, 10)
	for i, want := range []string{
		`"from":"server","kind":"unsent","unsent":{"size":1,"hex":"8a","error":{"type":"*net.OpError","text":"write tcp: write: broken pipe"}}}`,
		`"from":"client","kind":"unread","unread":{"size":70000,"hex":"8a"}}`,
	} {
		b, err := json.Marshal(events[i])
		if err != nil || !strings.HasSuffix(string(b), want) {
			t.Errorf("it is %s, %v; want %s", b, err, want)
		}
	}
}
