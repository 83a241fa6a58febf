package session

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// long is a masked binary message of 130 zero bytes in hex.
var long = "82 fe 00 82 37 fa 21 3d " + strings.Repeat("37 fa 21 3d ", 32) + "37 fa"

// stacks returns the Stack events of client's newest connection, in order.
func stacks(s *Session, client string) (all []*recording.Stack) {
	events, _ := s.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if st, ok := e.Body.(*recording.Stack); ok && e.Conn == s.Rec.ConnOf(client) {
			all = append(all, st)
		}
	}
	return all
}

// passes reports whether the calls of st include all of want, "(*Conn).read conn.go:371",
// innermost first.
func passes(st *recording.Stack, want ...string) bool {
	for _, c := range st.List() {
		if len(want) > 0 && want[0] == fmt.Sprintf("%s %s:%d", c.Func, c.File, c.Line) {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// text writes the calls of st, for a failing test.
func text(st *recording.Stack) string {
	var b strings.Builder
	for _, c := range st.List() {
		fmt.Fprintf(&b, "\n\t%s %s:%d %s", c.Func, c.File, c.Line, c.Package)
	}
	return b.String()
}

// The figures are those of gorilla v1.5.3.
func TestGorillaReadsEachPartOfAFrameWhereItsSourceSays(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		l := start(t)
		s := l.session()
		l.ok(s.Stack(true, nil))
		l.ok(s.Sip(1, nil))
		l.open(s, "a", "gorilla")
		if hold {
			_, err := s.Valve("hold", nil)
			l.ok(err)
		}
		l.send(s, "a", long)
		if hold {
			l.await(s, "the frame waits", held(0, "waiting"))
			_, err := s.Valve("run", nil)
			l.ok(err)
		}
		l.await(s, "the echo is sent", of("a", s, sends(wire.Server, strings.Repeat("\x00", 130))))
		frame := l.await(s, "the frame arrives", of("a", s, sends(wire.Client, strings.Repeat("\x00", 130)))).Body.(*dissect.Frame)

		all := stacks(s, "a")
		header := []string{"(*Conn).read conn.go:371", "", "(*Conn).NextReader conn.go:1009", "(*Conn).ReadMessage conn.go:1093"}
		at := int64(frame.Offset)
		for _, st := range all {
			if st.Op != recording.StackRead || st.At < int64(frame.Offset) {
				continue
			}
			if st.At != at || st.Size != 1 {
				t.Fatalf("with hold %t, a read of %d bytes at %d follows those before %d", hold, st.Size, st.At, at)
			}
			want := []string{"(*messageReader).Read conn.go:1050", "(*Conn).ReadMessage conn.go:1097"}
			if n := at - int64(frame.Offset); n < 8 {
				line := []int{809, 809, 883, 883, 906, 906, 906, 906}[n]
				want = slices.Clone(header)
				want[1] = fmt.Sprintf("(*Conn).advanceFrame conn.go:%d", line)
			}
			if !passes(st, want...) {
				t.Errorf("with hold %t, byte %d is read by%s\nwant %s", hold, at-int64(frame.Offset), text(st), want)
			}
			at++
		}
		if at != int64(frame.Offset)+138 {
			t.Errorf("with hold %t, the last stack is of byte %d", hold, at-int64(frame.Offset)-1)
		}
		for what, want := range map[string][]string{
			"the response": {"(*Upgrader).Upgrade server.go:256"},
			"the echo":     {"(*Conn).write conn.go:392", "(*messageWriter).flushFrame conn.go:621", "(*Conn).WriteMessage conn.go:770"},
		} {
			if !slices.ContainsFunc(all, func(st *recording.Stack) bool { return st.Op == recording.StackWrite && passes(st, want...) }) {
				t.Errorf("%s is not written through %s", what, want)
			}
		}
		if request := all[0]; request.Op != recording.StackRead || request.At != 0 || request.List()[len(request.List())-1].Func != "(*conn).serve" {
			t.Errorf("the first stack is %+v%s", request, text(request))
		}
	}
}

func TestTheStackShowsWhichCheckRefusesARequest(t *testing.T) {
	t.Parallel()
	l := start(t)
	for _, c := range []struct {
		settings, line, check string
		status                int
	}{
		{"remove Connection\nremove Upgrade\nfield Sec-WebSocket-Version: 8\nremove Sec-WebSocket-Key", "server.go:129", "Connection", 400},
		{"remove Upgrade\nfield Sec-WebSocket-Version: 8\nremove Sec-WebSocket-Key", "server.go:133", "Upgrade", 400},
		{"field Sec-WebSocket-Version: 8\nremove Sec-WebSocket-Key", "server.go:141", "Version", 400},
		{"remove Sec-WebSocket-Key", "server.go:153", "CheckOrigin", 403},
	} {
		s := l.session()
		l.ok(s.Stack(true, nil))
		sc, err := scenario.Parse("a.txt", "# x\nserver accepts origin https://chat.example\n"+c.settings+"\nopen\n")
		l.ok(err)
		l.ok(l.play(s, sc, "gorilla", "a"))
		l.await(s, "the server refuses", func(e recording.Event) bool {
			h, ok := e.Body.(*dissect.Handshake)
			return ok && h.Head.Status == c.status
		})
		found := false
		for _, e := range all(s) {
			st, ok := e.Body.(*recording.Stack)
			if !ok || st.Op != recording.StackRespond {
				continue
			}
			found = true
			if want := "(*Upgrader).Upgrade " + c.line; st.Status != c.status || e.From != "server" || !passes(st, want) {
				t.Errorf("%s: the response %d comes from%s\nwant %s", c.check, st.Status, text(st), want)
			}
		}
		if !found {
			t.Errorf("%s: no stack shows who refuses the request", c.check)
		}
	}
}

// all returns all events of s.
func all(s *Session) []recording.Event {
	events, _ := s.Rec.After(0, math.MaxInt)
	return events
}

func TestAConcurrentWriterPanicsInFlushFrame(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.ok(s.Stack(true, nil))
	sc, err := scenario.Parse("a.txt", "# x\nserver by hand\nopen\nserver send at once \"first\" \"second\"\n")
	l.ok(err)
	l.ok(l.play(s, sc, "gorilla", "a"))
	e := l.await(s, "gorilla panics", func(e recording.Event) bool {
		st, ok := e.Body.(*recording.Stack)
		return ok && st.Op == recording.StackPanic
	})
	calls := e.Body.(*recording.Stack).List()
	if len(calls) == 0 || calls[0].Func != "(*messageWriter).flushFrame" || !passes(e.Body.(*recording.Stack), "(*messageWriter).flushFrame conn.go:617", "(*Conn).WriteMessage conn.go:770") {
		t.Errorf("the panic is in%s", text(e.Body.(*recording.Stack)))
	}
}

func TestTheSwitchesReachOpenAndNewConnections(t *testing.T) {
	t.Parallel()
	l := start(t)
	s, other := l.session(), l.session()
	l.open(s, "a", "gorilla")
	l.open(s, "b", "gorilla")
	l.open(other, "z", "gorilla")
	echoes := func(s *Session, client string) int {
		t.Helper()
		before := len(stacks(s, client))
		l.send(s, client, hello)
		l.send(s, client, bye)
		l.await(s, client+" is closed", of(client, s, tcp("closed")))
		return len(stacks(s, client)) - before
	}
	l.ok(s.Stack(true, []string{"a"}))
	l.ok(s.Sip(2, []string{"a"}))
	if on, sip := s.Reading(); on || sip != 0 || l.manager.Stacks() {
		t.Errorf("a switch for one client is the default: %t, %d", on, sip)
	}
	if n := echoes(s, "a"); n < 11/2+2 {
		t.Errorf("an open connection has %d stacks", n)
	}
	l.ok(s.Stack(true, nil))
	l.ok(s.Stack(true, nil))
	if on, _ := s.Reading(); !on || !l.manager.Stacks() {
		t.Error("the switch for all is not the default")
	}
	if n := echoes(s, "b"); n == 0 {
		t.Error("the switch for all does not reach an open connection")
	}
	l.open(s, "c", "reference")
	if n := len(stacks(s, "c")); n < 2 {
		t.Errorf("the handshake of a new connection has %d stacks", n)
	}
	l.ok(s.Stack(false, nil))
	if n := echoes(s, "c"); n != 0 {
		t.Errorf("after the switch is off, there are %d stacks", n)
	}
	if l.manager.Stacks() {
		t.Error("no session records stacks, and the manager says so of one")
	}
	if n := echoes(other, "z"); n != 0 {
		t.Errorf("the switch reaches another session: %d stacks", n)
	}
	for _, bad := range []int{-1, maxSip + 1} {
		if err := s.Sip(bad, nil); err == nil {
			t.Errorf("a limit of %d bytes is accepted", bad)
		}
	}
	if err := s.Stack(true, make([]string, maxConnections+1)); err == nil {
		t.Error("too many clients are accepted")
	}
	l.ok(s.Stack(true, nil))
	l.end()
	if l.manager.Stacks() {
		t.Error("an ended session still records stacks")
	}
	if err := s.Stack(true, nil); err == nil {
		t.Error("an ended session accepts a command")
	}
}

// The client of gorilla fragments a message that its server sends in one frame.
func TestTheClientOfALibraryHasStacksToo(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.ok(s.Stack(true, nil))
	h := wire.Header{Fin: true, Opcode: wire.Text, Form: wire.FormFor(10_000), Length: 10_000}
	l.ok(s.SendToClient(Sending{Endpoint: "gorilla", Parts: [][]byte{append(h.Append(nil), strings.Repeat("a", 10_000)...)}}, ""))
	l.await(s, "the client echoes", func(e recording.Event) bool {
		m, ok := e.Body.(*recording.Message)
		return ok && e.From == "client" && m.Size == 10_000
	})
	var sizes []uint64
	ends := map[int64]bool{} // offsets at which the Writes of the client begin
	for _, e := range all(s) {
		switch b := e.Body.(type) {
		case *dissect.Frame:
			if e.From == "client" && b.Header.Opcode.IsData() {
				sizes = append(sizes, b.Header.Length)
				if !ends[int64(b.Offset)] {
					t.Errorf("no Write begins at %d, as a frame does", b.Offset)
				}
			}
		case *recording.Stack:
			if e.From == "client" && b.Op == recording.StackWrite {
				ends[b.At] = true
				if b.At > 0 && !passes(b, "(*messageWriter).flushFrame conn.go:621") {
					t.Errorf("the client writes through%s", text(b))
				}
			}
			if e.From == "server" && b.Op != recording.StackRead {
				t.Errorf("the lab's own server has a stack%s", text(b))
			}
		}
	}
	if !slices.Equal(sizes, []uint64{4096, 4096, 1808}) {
		t.Errorf("the fragments have %d bytes", sizes)
	}
}
