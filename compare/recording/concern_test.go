package recording_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// bench is a connection whose events a test chooses.
type bench struct {
	*testing.T
	*recording.Connection
	rec   *recording.Recording
	clock *clock
}

const benchKey = "dGhlIHNhbXBsZSBub25jZQ=="

// begun returns a connection whose handshake is done.
func begun(t *testing.T, as recording.As) *bench {
	b := &bench{T: t, clock: newClock()}
	b.rec = recording.New(b.clock.now, recording.Limits{})
	b.Connection = b.rec.Connect(recording.Info{Client: "c", As: as}, wire.Server)
	b.Bytes(tap.In, []byte(upgradeRequest("reference", "c", benchKey)))
	b.Bytes(tap.Out, []byte(upgradeResponse(benchKey)))
	return b
}

// one records a unit and returns its seq.
func (b *bench) one(d tap.Direction, data []byte) uint64 { return b.Bytes(d, data)[0].ID }

// event returns the event numbered seq.
func (b *bench) event(seq uint64) recording.Event {
	b.Helper()
	e, ok := b.rec.Event(seq)
	if !ok {
		b.Fatalf("there is no event %d", seq)
	}
	return e
}

// by checks which event caused event seq.
func (b *bench) by(what string, seq, want uint64) {
	b.Helper()
	if got := b.event(seq).By; got != want {
		b.Errorf("%s: event %d happened because of %d, want %d", what, seq, got, want)
	}
}

// returned returns the event that the newest event, the return of a call, is about.
func (b *bench) returned() uint64 {
	b.Helper()
	c, ok := b.event(b.rec.Last()).Body.(*recording.Call)
	if !ok || c.Phase != "return" {
		b.Fatal("the newest event is not a return")
	}
	return c.Of
}

// of checks the event that the newest event, the return of a call, is about.
func (b *bench) of(what string, want uint64) {
	b.Helper()
	if got := b.returned(); got != want {
		b.Errorf("%s: it is about %d, want %d", what, got, want)
	}
}

// report records s of the bench's client.
func (b *bench) report(s recording.Script) uint64 {
	s.Client = "c"
	return b.rec.Report(b.rec.Now(), &s)
}

// about checks the event that a report is about. awaits says that the event is still to
// come.
func (b *bench) about(what string, seq, want uint64, awaits bool) {
	b.Helper()
	s := b.event(seq).Body.(*recording.Script)
	if s.Of != want || s.Awaits != awaits {
		b.Errorf("%s: report %d is about %d, awaits %t; want %d, %t", what, seq, s.Of, s.Awaits, want, awaits)
	}
}

func (b *bench) enters(verb recording.Verb, writes recording.Writes) (recording.Pending, uint64) {
	call := b.Enter(recording.Doing{Verb: verb, Name: "call", Writes: writes})
	return call, b.rec.Last()
}

func TestConcurrentWritesAreToldApartByWhatTheySend(t *testing.T) {
	b := begun(t, recording.AsTab)
	first, firstSeq := b.enters(recording.VerbWrite, recording.Frame(wire.Text, []byte("one")))
	second, secondSeq := b.enters(recording.VerbWrite, recording.Frame(wire.Text, []byte("two")))
	ping, pingSeq := b.enters(recording.VerbWrite, recording.Frame(wire.Ping, []byte("two")))
	two, pinged, one := b.one(tap.Out, frame(0x81, "two")), b.one(tap.Out, frame(0x89, "two")), b.one(tap.Out, frame(0x81, "one"))
	b.by("the second", two, secondSeq)
	b.by("the Ping", pinged, pingSeq)
	b.by("the first", one, firstSeq)
	for _, c := range []struct {
		call recording.Pending
		want uint64
	}{{ping, pinged}, {first, one}, {second, two}} {
		c.call.Return("nil", nil)
		b.of("a write", c.want)
	}
	other, otherSeq := b.enters(recording.VerbWrite, recording.Frame(wire.Text, nil))
	b.by("an answer of the library's own", b.one(tap.Out, frame(0x8a, "")), 0)
	b.by("an empty text", b.one(tap.Out, frame(0x81, "")), otherSeq)
	other.Return("nil", nil)
}

func TestOfTwoWritesAlikeEachIsAboutOneFrame(t *testing.T) {
	b := begun(t, recording.AsTab)
	first, _ := b.enters(recording.VerbWrite, recording.Frame(wire.Text, []byte("a")))
	second, _ := b.enters(recording.VerbWrite, recording.Frame(wire.Text, []byte("a")))
	one := b.one(tap.Out, frame(0x81, "a"))
	b.by("it may be either's", one, 0)
	// The call that returns first has sent the frame.
	second.Return("nil", nil)
	b.of("the quicker", one)
	two := b.one(tap.Out, frame(0x81, "a"))
	first.Return("nil", nil)
	b.of("the slower", two)
}

func TestAWriteThatFailsIsAboutNothing(t *testing.T) {
	b := begun(t, recording.AsTab)
	call, _ := b.enters(recording.VerbWrite, recording.Frame(wire.Text, []byte("a")))
	call.Return("", io.ErrClosedPipe)
	b.of("it", 0)
	b.by("what is sent later", b.one(tap.Out, frame(0x81, "a")), 0)
}

func TestACallOfSeveralFramesIsAboutTheFirstAndEachNamesIt(t *testing.T) {
	b := begun(t, recording.AsTab)
	call, seq := b.enters(recording.VerbWrite, recording.Fragments(wire.Text, [][]byte{[]byte("a"), []byte("b")}))
	first := b.one(tap.Out, frame(0x01, "a"))
	b.by("a Pong between", b.one(tap.Out, frame(0x8a, "")), 0)
	b.by("the first", first, seq)
	b.by("the second", b.one(tap.Out, frame(0x80, "b")), seq)
	call.Return("nil", nil)
	b.of("the call", first)
}

func TestACallThatHasAnotherWriteIsAboutTheSameFrame(t *testing.T) {
	b := begun(t, recording.AsTab)
	outer, _ := b.enters(recording.VerbWrite, recording.Writes{Frames: []recording.Sent{{Opcode: wire.Text, Payload: []byte("a")}}, Inner: true})
	inner, innerSeq := b.enters(recording.VerbWrite, recording.Writes{Bytes: frame(0x81, "a")})
	text := b.one(tap.Out, frame(0x81, "a"))
	b.by("it", text, innerSeq)
	inner.Return("nil", nil)
	b.of("the inner", text)
	outer.Return("nil", nil)
	b.of("the outer", text)
}

func TestBytesAreAboutTheFrameThatTheyEnd(t *testing.T) {
	b := begun(t, recording.AsTab)
	whole := frame(0x81, "Hello")
	head, _ := b.enters(recording.VerbWrite, recording.Writes{Bytes: whole[:3]})
	b.Bytes(tap.Out, whole[:3])
	head.Return("nil", nil)
	b.of("the head", 0)
	rest, seq := b.enters(recording.VerbWrite, recording.Writes{Bytes: whole[3:]})
	text := b.one(tap.Out, whole[3:])
	b.by("the frame", text, seq)
	rest.Return("nil", nil)
	b.of("the rest", text)
}

func TestTheKthReadIsAboutTheKthMessageThatArrived(t *testing.T) {
	b := begun(t, recording.AsTab)
	read := func() recording.Pending {
		call, _ := b.enters(recording.VerbRead, recording.Writes{})
		return call
	}
	call := read()
	b.one(tap.In, masked(0x01, [4]byte{1, 2, 3, 4}, "a"))
	b.one(tap.In, masked(0x89, [4]byte{1, 2, 3, 4}, ""))
	first := b.one(tap.In, masked(0x80, [4]byte{1, 2, 3, 4}, "b"))
	lost := b.one(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, "lost"))
	b.Waits(tap.In, lost)
	b.Dropped(tap.In, lost)
	second := b.one(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, "c"))
	closes := b.one(tap.In, masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xe8"))
	call.Return("text, 2 bytes", nil)
	b.of("the first", first)
	read().Return("text, 1 byte", nil)
	b.of("the second", second)
	read().Failed(errors.New("close 1000"))
	b.of("the Close frame", closes)
	read().Failed(errors.New("close 1000"))
	b.of("the same error once more", 0)
}

func TestAReadThatFailsOfTheSocketIsAboutNoFrame(t *testing.T) {
	b := begun(t, recording.AsTab)
	b.one(tap.In, masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xe8"))
	call, _ := b.enters(recording.VerbRead, recording.Writes{})
	call.Return("", io.EOF)
	b.of("EOF", 0)
	bad := begun(t, recording.AsTab)
	unmasked := bad.one(tap.In, frame(0x81, "Hello"))
	call, _ = bad.enters(recording.VerbRead, recording.Writes{})
	call.Failed(errors.New("bad MASK"))
	bad.of("a frame that breaks a rule", unmasked)
}

func TestOpenIsAboutTheRequestAndACloseAboutTheEndOfTCP(t *testing.T) {
	b := begun(t, recording.AsTab)
	open, seq := b.enters(recording.VerbOpen, recording.Writes{})
	request := b.event(seq).Body.(*recording.Call).Of
	if b.event(request).Kind() != "handshake" {
		t.Errorf("open is about %d", request)
	}
	open.Return("a Conn", nil)
	b.of("open", request)
	hangUp, hangUpSeq := b.enters(recording.VerbClose, recording.Writes{})
	b.Closed()
	closed := b.rec.Last() - 1 // its state follows
	b.by("TCP's end", closed, hangUpSeq)
	hangUp.Return("nil", nil)
	b.of("the close", closed)
}

func TestACloseThatHasAnotherCloseTCPIsAboutTheSameEnd(t *testing.T) {
	b := begun(t, recording.AsTab)
	outer, _ := b.enters(recording.VerbClose, recording.Writes{Inner: true})
	inner, innerSeq := b.enters(recording.VerbClose, recording.Writes{})
	b.Closed()
	closed := b.rec.Last() - 1
	b.by("TCP's end", closed, innerSeq)
	inner.Return("nil", nil)
	b.of("the inner", closed)
	outer.Return("nil", nil)
	b.of("the outer", closed)
}

func TestTwoThatCloseAtOnceAreBothAboutTheEndOfTCP(t *testing.T) {
	b := begun(t, recording.AsTab)
	first, _ := b.enters(recording.VerbClose, recording.Writes{})
	second, _ := b.enters(recording.VerbClose, recording.Writes{})
	b.Closed()
	closed := b.rec.Last() - 1
	b.by("TCP's end", closed, 0)
	first.Return("nil", nil)
	b.of("the one", closed)
	second.Return("nil", nil)
	b.of("the other", closed)
	third, _ := b.enters(recording.VerbClose, recording.Writes{})
	third.Return("", io.ErrClosedPipe)
	b.of("one that comes later", 0)
}

func TestAReportIsAboutItsFrameWhicheverIsRecordedFirst(t *testing.T) {
	b := begun(t, recording.AsTab)
	open := number(1)
	first := b.one(tap.In, masked(0x01, [4]byte{1, 2, 3, 4}, "a"))
	b.one(tap.In, masked(0x80, [4]byte{1, 2, 3, 4}, "b"))
	b.about("a send", b.report(recording.Script{What: "send", ReadyState: open}), first, false)
	b.about("one on a closed socket", b.report(recording.Script{What: "send", ReadyState: number(3)}), 0, false)
	early := b.report(recording.Script{What: "send", ReadyState: open})
	b.about("one that comes before its frame", early, 0, true)
	b.by("that frame", b.one(tap.In, masked(0x82, [4]byte{1, 2, 3, 4}, "c")), early)

	lost := b.one(tap.Out, frame(0x81, "lost"))
	b.Waits(tap.Out, lost)
	b.Dropped(tap.Out, lost)
	echo := b.one(tap.Out, frame(0x81, "echo"))
	b.about("onmessage", b.report(recording.Script{What: "onmessage", ReadyState: open}), echo, false)
	ahead := b.report(recording.Script{What: "onmessage", ReadyState: open})
	if got := b.event(b.one(tap.Out, frame(0x81, "late"))).Told; got != ahead {
		t.Errorf("a frame that is recorded after it was told of names %d, want %d", got, ahead)
	}
}

func TestACloseFrameIsClosesOwnOrAnAnswer(t *testing.T) {
	closing := recording.Script{What: "close", Code: number(1000), ReadyState: number(2)}
	close1000 := masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xe8")

	b := begun(t, recording.AsTab)
	own := b.one(tap.In, close1000)
	b.one(tap.Out, frame(0x88, "\x03\xe8"))
	b.about("close(), told after the server's answer", b.report(closing), own, false)
	b.about("close() once more", b.report(closing), 0, false)

	b = begun(t, recording.AsTab)
	b.one(tap.Out, frame(0x88, "\x03\xe9"))
	b.by("the browser's answer", b.one(tap.In, masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xe9")), 0)
	b.about("close() after it", b.report(closing), 0, false)

	b = begun(t, recording.AsTab)
	called := b.report(closing)
	b.one(tap.Out, frame(0x88, "\x03\xe9"))
	b.about("close() before both", called, 0, true)
	b.by("its Close frame", b.one(tap.In, close1000), called)

	b = begun(t, recording.AsTab)
	b.one(tap.In, masked(0x88, [4]byte{1, 2, 3, 4}, "\x03\xea"))
	b.about("close() after the browser failed the connection with 1002", b.report(closing), 0, false)
}

func TestARawClientsWritesAreAboutWhatTheyEnd(t *testing.T) {
	clock := newClock()
	b := &bench{T: t, clock: clock, rec: recording.New(clock.now, recording.Limits{})}
	request := upgradeRequest("reference", "c", benchKey)
	dial := b.report(recording.Script{What: "dial"})
	asks := b.report(recording.Script{What: "write", Size: size(int64(len(request)))})
	b.Connection = b.rec.Connect(recording.Info{Client: "c", As: recording.AsRaw}, wire.Server)
	b.by("TCP", b.rec.Last(), dial)
	b.by("the request", b.one(tap.In, []byte(request)), asks)
	response := b.one(tap.Out, []byte(upgradeResponse(benchKey)))
	b.about("the read of the response", b.report(recording.Script{What: "read", Size: size(int64(len(upgradeResponse(benchKey))))}), response, false)

	text := masked(0x81, [4]byte{1, 2, 3, 4}, "Hello")
	head := b.report(recording.Script{What: "write", Size: size(3)})
	b.Bytes(tap.In, text[:3])
	b.by("bytes that complete nothing", b.rec.Last(), head)
	rest := b.report(recording.Script{What: "write", Size: size(int64(len(text) - 3 + 2*len(text)))})
	units := b.Bytes(tap.In, []byte(string(text[3:])+strings.Repeat(string(text), 2)))
	for _, u := range units {
		b.by("a frame that the second write ends", u.ID, rest)
	}
	// A read is reported before its bytes are recorded.
	read := b.report(recording.Script{What: "read", Size: size(4)})
	b.about("the read", read, 0, true)
	if got := b.event(b.one(tap.Out, frame(0x81, "ab"))).Told; got != read {
		t.Errorf("what was read before it is recorded names %d, want %d", got, read)
	}
	first, second := b.one(tap.Out, frame(0x81, "ab")), b.one(tap.Out, frame(0x81, "cd"))
	b.Waits(tap.Out, first)
	b.Dropped(tap.Out, first)
	b.about("a read after dropped bytes", b.report(recording.Script{What: "read", Size: size(4)}), second, false)
}

func TestAClientThatDialsAnewReportsOfItsNextConnection(t *testing.T) {
	clock := newClock()
	b := &bench{T: t, clock: clock, rec: recording.New(clock.now, recording.Limits{})}
	for range 2 {
		dial := b.report(recording.Script{What: "dial"})
		if e := b.event(dial); e.Conn != 0 {
			t.Errorf("it dials on connection %d", e.Conn)
		}
		b.Connection = b.rec.Connect(recording.Info{Client: "c", As: recording.AsRaw}, wire.Server)
		b.by("TCP", b.rec.Last(), dial)
	}
}

func TestWhatNobodyReportsIsForgottenInTurn(t *testing.T) {
	b := begun(t, recording.AsTab)
	var seqs []uint64
	for range 5000 {
		seqs = append(seqs, b.one(tap.Out, frame(0x81, "")))
	}
	named := 0
	for i := range seqs {
		s := b.event(b.report(recording.Script{What: "onmessage", ReadyState: number(1)})).Body.(*recording.Script)
		if s.Of != 0 && s.Of != seqs[i] {
			t.Fatalf("report %d is about %d, want %d or nothing", i, s.Of, seqs[i])
		}
		if s.Of != 0 {
			named++
		}
	}
	if named == 0 || named == len(seqs) {
		t.Errorf("%d of %d are named", named, len(seqs))
	}
}

func TestTimeNeverGoesBackwards(t *testing.T) {
	b := begun(t, recording.AsTab)
	b.clock.after(time.Second)
	b.one(tap.In, masked(0x81, [4]byte{1, 2, 3, 4}, "a"))
	b.clock.after(-time.Millisecond) // read by another goroutine, which is slower to record
	b.one(tap.Out, frame(0x81, "a"))
	b.Fin(tap.In)
	last := time.Duration(0)
	events, _ := b.rec.After(0, 100)
	for _, e := range events {
		if e.At < last {
			t.Errorf("event %d is at %v, after one at %v", e.Seq, e.At, last)
		}
		last = e.At
	}
	clock := b.rec.Now()
	if e := b.event(b.report(recording.Script{What: "onopen", ReadyState: number(1)})); e.At > clock {
		t.Errorf("a report is of the future: %v", e.At)
	}
}
