package recording_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// clock is a clock that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// newClock returns a clock at a fixed time.
func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// after moves the clock.
func (c *clock) after(d time.Duration) { c.t = c.t.Add(d) }

const (
	us = time.Microsecond
	ms = time.Millisecond
)

// upgradeRequest is the request of a browser page with the name client.
func upgradeRequest(endpoint, client, key string) string {
	return "GET /ws/" + endpoint + "?session=k3jx&client=" + client + " HTTP/1.1\r\n" +
		"Host: 127.0.0.1:8080\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n" +
		"Origin: http://127.0.0.1:8080\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
}

func upgradeResponse(key string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wire.Accept(key) + "\r\n\r\n"
}

// masked returns a frame of a client; first is its first byte.
func masked(first byte, key [4]byte, payload string) []byte {
	b := frame(first, payload)
	h, _ := wire.ParseHeader(b)
	h.Masked, h.Key = true, key
	out := append(h.Append(nil), payload...)
	wire.Mask(key, 0, out[h.Size():])
	return out
}

// frame returns an unmasked frame.
func frame(first byte, payload string) []byte {
	h := wire.Header{
		Fin: first&0x80 != 0, Opcode: wire.Opcode(first & 0x0f),
		Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload)),
	}
	return append(h.Append(nil), payload...)
}

// peer is one connection of the session: a browser page and its endpoint.
type peer struct {
	*recording.Connection
	rec       *recording.Recording
	clock     *clock
	client    string
	reference bool // the endpoint reports its own state
	machine   recording.Machine
	state     string
	reading   recording.Pending
}

// script appends a report of the page for a time that may be past.
func (p *peer) script(at time.Duration, s recording.Script) {
	s.Client = p.client
	p.rec.Report(at, &s)
}

// becomes reports the endpoint's own state.
func (p *peer) becomes(state, why string) {
	if !p.reference {
		return
	}
	m := p.machine
	p.Observed(recording.State{Side: "server", State: state, Was: p.state, Why: why, Machine: &m})
	p.state = state
}

// hears is the return of ReadMessage. An error is because of a frame.
func (p *peer) hears(result string, err error) {
	p.clock.after(15 * us)
	if err != nil {
		p.reading.Failed(err)
		return
	}
	p.reading.Return(result, nil)
}

// reads is a call of ReadMessage.
func (p *peer) reads() {
	p.reading = p.Enter(recording.Doing{Verb: recording.VerbRead, Name: "ReadMessage"})
}

// says is the endpoint sending one frame within a call.
func (p *peer) says(name, args string, b []byte) {
	h, _ := wire.ParseHeader(b)
	call := p.Enter(recording.Doing{Verb: recording.VerbWrite, Name: name, Args: args, Writes: recording.Frame(h.Opcode, b[h.Size():])})
	p.clock.after(9 * us)
	p.Bytes(tap.Out, b)
	p.clock.after(21 * us)
	call.Return("nil", nil)
}

func size(n int64) *int64  { return &n }
func number(n int) *int    { return &n }
func boolean(b bool) *bool { return &b }

// opens plays the opening handshake.
func opens(rec *recording.Recording, clock *clock, endpoint, client, remote, key string) *peer {
	p := &peer{rec: rec, clock: clock, client: client, reference: endpoint == "reference", state: "CONNECTING"}
	began := rec.Now()
	clock.after(700 * us)
	p.Connection = rec.Connect(recording.Info{
		Endpoint: endpoint, Client: client, As: recording.AsTab, Round: 1, Path: "/ws/" + endpoint, Local: "127.0.0.1:8080", Remote: remote,
	}, wire.Server)
	p.Bytes(tap.In, []byte(upgradeRequest(endpoint, client, key)))
	if p.reference {
		p.OwnState()
	}
	call := p.Enter(recording.Doing{Verb: recording.VerbOpen, Name: "Upgrade"})
	clock.after(60 * us)
	p.Bytes(tap.Out, []byte(upgradeResponse(key)))
	p.becomes("OPEN", "the opening handshake is done")
	clock.after(30 * us)
	call.Return(map[bool]string{true: "a *reference.Conn", false: "a *websocket.Conn"}[p.reference], nil)
	p.reads()
	opened := rec.Now()
	clock.after(2 * ms)
	p.script(began, recording.Script{What: "new WebSocket", Text: "ws://127.0.0.1:8080/ws/" + endpoint, Endpoint: endpoint, Round: 1, ReadyState: number(0)})
	p.script(opened+400*us, recording.Script{What: "onopen", ReadyState: number(1)})
	return p
}

// echoes plays a text that is sent, echoed and seen by the page.
func (p *peer) echoes(text string, key [4]byte) {
	sent := p.rec.Now()
	p.clock.after(300 * us)
	p.Bytes(tap.In, masked(0x81, key, text))
	p.hears(fmt.Sprintf("text, %d bytes", len(text)), nil)
	p.says("WriteMessage", fmt.Sprintf("text, %d bytes", len(text)), frame(0x81, text))
	p.reads()
	back := p.rec.Now()
	p.clock.after(ms)
	p.script(sent, recording.Script{What: "send", Text: text, Size: size(int64(len(text))), ReadyState: number(1)})
	p.script(back+250*us, recording.Script{What: "onmessage", Text: text, Size: size(int64(len(text))), ReadyState: number(1)})
}

// fragments plays a text in three fragments with a Ping between.
func (p *peer) fragments() {
	p.Bytes(tap.In, masked(0x01, [4]byte{0x37, 0xfa, 0x21, 0x3d}, "Hel"))
	p.machine = recording.Machine{Message: "text", Fragments: 1, Bytes: 3}
	p.becomes("OPEN", "fragment 1 of a text message received")
	p.clock.after(200 * us)
	p.Bytes(tap.In, masked(0x89, [4]byte{1, 2, 3, 4}, "here"))
	p.clock.after(18 * us)
	p.Bytes(tap.Out, frame(0x8a, "here"))
	p.clock.after(200 * us)
	// The other two come in one read, the way TCP likes to deliver.
	p.Bytes(tap.In, append(masked(0x00, [4]byte{0xa1, 0xb2, 0xc3, 0xd4}, "lo "), masked(0x80, [4]byte{0x0f, 0x1e, 0x2d, 0x3c}, "you")...))
	p.machine = recording.Machine{Message: "text", Fragments: 2, Bytes: 6}
	p.becomes("OPEN", "fragment 2 of a text message received")
	p.machine = recording.Machine{}
	p.becomes("OPEN", "the last of 3 fragments received")
	p.hears("text, 9 bytes", nil)
	p.says("WriteMessage", "text, 9 bytes", frame(0x81, "Hello you"))
	p.reads()
	p.clock.after(ms)
}

// stepped plays a text that is held on its way in and its echo held on its
// way out; the second text is dropped.
func (p *peer) stepped() {
	hold := func(d tap.Direction, b []byte) uint64 {
		id := p.Bytes(d, b)[0].ID
		p.Waits(d, id)
		p.clock.after(800 * ms) // somebody looks at it
		return id
	}
	p.Released(tap.In, hold(tap.In, masked(0x81, [4]byte{9, 8, 7, 6}, "step")))
	p.hears("text, 4 bytes", nil)
	call := p.Enter(recording.Doing{Verb: recording.VerbWrite, Name: "WriteMessage", Args: "text, 4 bytes", Writes: recording.Frame(wire.Text, []byte("step"))})
	p.Released(tap.Out, hold(tap.Out, frame(0x81, "step")))
	call.Return("nil", nil)
	p.reads()
	p.Dropped(tap.In, hold(tap.In, masked(0x81, [4]byte{5, 5, 5, 5}, "lost")))
}

// fails plays an unmasked frame and how the endpoint fails the connection.
func (p *peer) fails() {
	p.Bytes(tap.In, frame(0x81, "Hello"))
	p.clock.after(35 * us)
	began := p.rec.Now()
	if p.reference {
		p.machine.CloseSent = true
		p.becomes("CLOSING", "the connection failed: 5.1/mask-missing")
		reason := "MASK is 0 in a frame from a client"
		p.Bytes(tap.Out, frame(0x88, "\x03\xea"+reason))
		p.clock.after(40 * us)
		p.Fin(tap.Out)
		p.clock.after(300 * us)
		p.Bytes(tap.In, masked(0x88, [4]byte{0xde, 0xad, 0xbe, 0xef}, "\x03\xea"))
		p.Fin(tap.In)
		p.Closed()
		p.machine.CloseReceived = true
		p.becomes("CLOSED", "this end closed TCP")
		p.hears("", errors.New("the connection failed: "+wire.RuleMaskMissing.Broken("MASK is 0 in a frame from a client.").Error()))
		p.script(began+900*us, recording.Script{What: "onclose", Code: number(1002), Reason: reason, WasClean: boolean(true), ReadyState: number(3)})
		return
	}
	p.Bytes(tap.Out, frame(0x88, "\x03\xeabad MASK"))
	p.hears("", errors.New("websocket: bad MASK"))
	call := p.Enter(recording.Doing{Verb: recording.VerbClose, Name: "Close"})
	p.Unread(masked(0x81, [4]byte{9, 9, 9, 9}, "too late"), 14)
	p.Closed()
	call.Return("nil", nil)
	p.Failed(tap.In, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})
	pong := p.Enter(recording.Doing{Verb: recording.VerbWrite, Name: "WriteControl", Args: "pong, 0 bytes", Writes: recording.Frame(wire.Pong, nil)})
	broken := &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
	p.Unsent(frame(0x8a, ""), broken)
	pong.Return("", broken)
	p.script(began+500*us, recording.Script{What: "onerror", ReadyState: number(3)})
	p.script(began+520*us, recording.Script{What: "onclose", Code: number(1006), WasClean: boolean(false), ReadyState: number(3)})
}

// closes plays a close of the page, which the endpoint answers.
func (p *peer) closes(reason string) {
	began := p.rec.Now()
	p.clock.after(250 * us)
	p.Bytes(tap.In, masked(0x88, [4]byte{0xde, 0xad, 0xbe, 0xef}, "\x03\xe8"+reason))
	p.machine.CloseReceived, p.machine.CloseSent = true, true
	p.becomes("CLOSING", "the Close frame was answered with its code")
	p.Bytes(tap.Out, frame(0x88, "\x03\xe8"))
	p.Closed()
	p.becomes("CLOSED", "this end closed TCP")
	p.hears("", fmt.Errorf("the peer closed the connection: 1000 normal closure, %q", reason))
	p.script(began, recording.Script{What: "close", Code: number(1000), Reason: reason, ReadyState: number(2)})
	p.script(began+900*us, recording.Script{What: "onclose", Code: number(1000), WasClean: boolean(true), ReadyState: number(3)})
}

// plays runs a scenario with the page as its client. It waits for the learner before the
// first step only.
func plays(rec *recording.Recording, clock *clock) {
	var p *peer
	steps := []struct {
		command, say string
		order        recording.Order
		do           func()
	}{
		{"open", "Both sides are OPEN.", recording.Order{Do: "open"}, func() {
			p = opens(rec, clock, "reference", "play-1", "127.0.0.1:50003", "AQIDBAUGBwgJCgsMDQ4PEA==")
		}},
		{"send text Hello", "The text is echoed.", recording.Order{Do: "send", Text: "Hello"}, func() {
			p.echoes("Hello", [4]byte{0x37, 0xfa, 0x21, 0x3d})
		}},
		{"close 1000 bye", "The closing handshake.", recording.Order{Do: "close", Code: number(1000), Reason: "bye"}, func() { p.closes("bye") }},
	}
	tell := func(index int, phase recording.Phase, more func(*recording.Step)) {
		s := recording.Step{
			Play: "1", Scenario: "hello", Title: "A text and a close", Endpoint: "reference", Client: "play-1", As: "browser",
			Index: index, Of: len(steps), Phase: phase,
		}
		if index < len(steps) {
			s.Line, s.Command, s.Say = 3+2*index, steps[index].command, steps[index].say
		}
		if more != nil {
			more(&s)
		}
		rec.Append(rec.ConnOf("play-1"), "", &s)
	}
	tell(0, recording.StepReady, nil)
	clock.after(700 * ms) // somebody reads the heading
	for i, step := range steps {
		tell(i, recording.StepBegin, func(s *recording.Step) { s.Order = &step.order })
		clock.after(400 * us)
		step.do()
		tell(i, recording.StepEnd, nil)
	}
	tell(len(steps), recording.PlayOver, nil)
}

// exchanges plays two exchanges of plain HTTP on one TCP connection: a message of the
// page, and a stream of which the page reads two events before it leaves.
func exchanges(rec *recording.Recording, clock *clock) {
	conn := rec.ConnectHTTP(recording.Info{
		Endpoint: "http", As: recording.AsTab, Path: "/api/sessions/k3jx/ways/1/poll", Local: "127.0.0.1:8080", Remote: "127.0.0.1:50004",
	})
	conn.Begin("poll", 1, nil)
	conn.Bytes(tap.In, []byte("POST /api/sessions/k3jx/ways/1/poll HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello"))
	clock.after(90 * us)
	conn.Bytes(tap.Out, []byte("HTTP/1.1 204 No Content\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n\r\n"))
	clock.after(3 * ms)
	conn.Begin("events", 1, nil)
	conn.Bytes(tap.In, []byte("GET /api/sessions/k3jx/ways/1/events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: text/event-stream\r\n\r\n"))
	clock.after(80 * us)
	conn.Bytes(tap.Out, []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"))
	for n := 1; n <= 2; n++ {
		clock.after(50 * ms)
		event := fmt.Sprintf("id: %d\ndata: {\"n\":%d,\"at\":%d}\n\n", n, n, rec.Now().Microseconds())
		conn.Bytes(tap.Out, fmt.Appendf(nil, "%x\r\n%s\r\n", len(event), event))
	}
	clock.after(20 * ms)
	conn.Fin(tap.In)
	clock.after(70 * us)
	conn.Bytes(tap.Out, []byte("0\r\n\r\n"))
	conn.Closed()
}

// session plays two connections side by side, a scenario and plain HTTP after them, and
// returns all events. A Dropped event replaces three of them.
func session() []recording.Event {
	clock := newClock()
	rec := recording.New(clock.now, recording.Limits{})
	reference := opens(rec, clock, "reference", "reference-1", "127.0.0.1:50001", "dGhlIHNhbXBsZSBub25jZQ==")
	gorilla := opens(rec, clock, "gorilla", "gorilla-1", "127.0.0.1:50002", "AQIDBAUGBwgJCgsMDQ4PEA==")
	both := []*peer{reference, gorilla}
	for _, p := range both {
		p.echoes("Hello", [4]byte{0x37, 0xfa, 0x21, 0x3d})
	}
	for _, p := range both {
		p.fragments()
	}
	for _, p := range both {
		p.stepped()
	}
	lost := rec.Last()
	gorilla.Bytes(tap.Out, frame(0x89, "busy"))
	gorilla.Bytes(tap.In, masked(0x8a, [4]byte{1, 1, 1, 1}, "busy"))
	gone := rec.Last()
	reference.Bytes(tap.In, masked(0x82, [4]byte{2, 4, 6, 8}, strings.Repeat("\x00\x01\x02\x03", 1100)))
	reference.hears("binary, 4400 bytes", nil)
	reference.says("WriteMessage", "binary, 4400 bytes", frame(0x82, strings.Repeat("\x00\x01\x02\x03", 1100)))
	reference.reads()
	for _, p := range both {
		p.fails()
	}
	plays(rec, clock)
	stacks(gorilla)
	exchanges(rec, clock)
	before, _ := rec.After(0, int(lost))
	behind, _ := rec.After(gone, 1<<20)
	marker := recording.Event{Seq: gone, At: behind[0].At, Body: &recording.Dropped{Count: gone - lost}}
	return append(append(before, marker), behind...)
}

// stacks has the calls that read and write a frame of p, as gorilla makes them. The calls
// of this program itself would have other lines after each edit.
func stacks(p *peer) {
	const gorilla, lab = "github.com/gorilla/websocket", "wslab/compare/endpoint"
	up := []recording.StackCall{
		{Func: "(*Conn).NextReader", Package: gorilla, File: "conn.go", Line: 1009, Depth: 2},
		{Func: "(*Conn).ReadMessage", Package: gorilla, File: "conn.go", Line: 1093, Depth: 1},
		{Func: "(*gorillaServer).next", Package: lab, File: "gorilla.go", Line: 58, Depth: 0},
	}
	read := append([]recording.StackCall{
		{Func: "(*Conn).read", Package: gorilla, File: "conn.go", Line: 371, Depth: 4},
		{Func: "(*Conn).advanceFrame", Package: gorilla, File: "conn.go", Line: 809, Depth: 3},
	}, up...)
	p.rec.Append(p.ID, "client", &recording.Stack{Op: recording.StackRead, At: 300, Size: 1, Calls: read})
	p.rec.Append(p.ID, "server", &recording.Stack{Op: recording.StackWrite, At: 129, Size: 7, Calls: []recording.StackCall{
		{Func: "(*Conn).write", Package: gorilla, File: "conn.go", Line: 392, Depth: 3},
		{Func: "(*messageWriter).flushFrame", Package: gorilla, File: "conn.go", Line: 621, Depth: 2},
		{Func: "(*Conn).WriteMessage", Package: gorilla, File: "conn.go", Line: 770, Depth: 1},
		{Func: "(*gorillaServer).Send", Package: lab, File: "gorilla.go", Line: 104, Depth: 0},
	}})
	p.rec.Append(p.ID, "server", &recording.Stack{Op: recording.StackRespond, Status: 403, Calls: []recording.StackCall{
		{Func: "(*Upgrader).returnError", Package: gorilla, File: "server.go", Line: 85, Depth: 1},
		{Func: "(*Upgrader).Upgrade", Package: gorilla, File: "server.go", Line: 153, Depth: 0},
	}})
	p.rec.Append(p.ID, "server", &recording.Stack{Op: recording.StackFull})
	p.rec.Append(p.ID, "server", &recording.Stack{Op: recording.StackFull, Skipped: 12})
}
