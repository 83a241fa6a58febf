package frames

import (
	"fmt"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section71 is RFC 6455 §7.1: the end of the WebSocket connection and of TCP, and
// failing the connection.
func Section71() []*Case {
	s := Section{Name: "7.1", In: "7.1"}
	closesTCP(&s)
	failing(&s)
	tcpEnds(&s)
	return s.Cases
}

func closesTCP(s *Section) {
	s.Add(Case{
		Name: "close-only", Title: "Only the closing handshake", Section: "7.1.1", Keyword: Must, Duty: DutyClosesTCP,
		Requirement: "When an endpoint has sent and received a Close frame, it must close TCP. A server must do so immediately (§5.5.1).",
		Steps:       []Step{Send(Close(1000, ""))}, Outcomes: Closes(wire.NormalClosure),
	})
	s.Add(Case{
		Name: "echo-then-close", Title: "A text message and its echo, then the closing handshake", Section: "7.1.1", Keyword: Must, Duty: DutyClosesTCP,
		Requirement: "When an endpoint has sent and received a Close frame, it must close TCP. A server must do so immediately (§5.5.1).",
		Steps:       []Step{Send(Text("Hello"))}, Outcomes: Answers(Text("Hello")),
	})
	s.AddForClients(Case{
		Name: "server-closes-tcp-late", Title: "The server closes TCP only 300 ms after the closing handshake", Section: "7.1.1", Keyword: Should,
		Requirement: "A client should let the server close TCP first.",
		Steps:       []Step{Send(Text("Hello"))}, Outcomes: Answers(Text("Hello")), Waits: 300 * time.Millisecond,
	})
}

func failing(s *Section) {
	const requirement = "An endpoint that fails the connection must not process the data after the fault."
	for _, after := range []struct {
		name  string
		what  string
		frame Frame
	}{
		{"text", "a text message", Text("after")}, {"ping", "a Ping", Ping("after")}, {"binary", "64 KiB of binary data", Of(wire.Binary, BinaryOf(65536))},
	} {
		s.Add(Case{
			Name: after.name + "-after-fault", Title: "A reserved opcode, then " + after.what + ", in one TCP write", Section: "7.1.7", Keyword: Must, Duty: DutyFails, Requirement: requirement,
			Steps: []Step{Send(Text("").WithOpcode(0xb), after.frame)}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: after.name + "-after-failing", Title: "A reserved opcode, then " + after.what + " after the connection has failed", Section: "7.1.7", Keyword: Must, Duty: DutyFails, Requirement: requirement,
			Steps: []Step{Send(Text("").WithOpcode(0xb)), Await(1), Send(after.frame)}, Outcomes: Fails(wire.ProtocolError),
		})
	}
}

// tcpEnds has the connections that end without a closing handshake.
func tcpEnds(s *Section) {
	// Only a client must fail the connection if TCP is lost (§7.2.1). A server must not
	// deliver an incomplete message (§6.2). No MUST says when a server closes its side of
	// TCP.
	const ends = "If TCP ends without a closing handshake, an endpoint must not deliver an incomplete message. It closes its own side of TCP, as a client must (§7.2.1)."
	add := func(name, title string, sees []Frame, steps ...Step) {
		outcomes := []Outcome{{Sees: sees, End: End{How: TargetDrops}}}
		if len(sees) > 0 {
			outcomes = append(outcomes, Outcome{Verdict: Note, Why: "it did not answer the frame before the TCP FIN", End: End{How: TargetDrops}})
		}
		s.Add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Must, Duty: DutyParses, AsClient: DutyLost, Requirement: ends, Steps: append(steps, Fin()), Outcomes: outcomes})
	}
	add("fin-after-handshake", "TCP FIN right after the opening handshake", nil)
	add("fin-after-echo", "TCP FIN after a text message and its echo", []Frame{Text("Hello")}, Send(Text("Hello")), Await(1))
	add("fin-after-text", "TCP FIN right after a text message", []Frame{Text("Hello")}, Send(Text("Hello")))
	add("fin-after-ping", "TCP FIN right after a Ping", []Frame{Pong("Hello")}, Send(Ping("Hello")))
	add("fin-after-first-fragment", "TCP FIN after the first fragment of a text message", nil, Send(Text("Hel").More()))
	add("fin-after-half-character", "TCP FIN after a fragment that ends inside a character", nil, Send(Text("\xe2\x82").More()))
	for n := 1; n <= 13; n++ {
		add(fmt.Sprintf("fin-%d-bytes-into-text", n), fmt.Sprintf("TCP FIN after %s of a text frame with a payload of 126 bytes", Counted(n)), nil, Send(Of(wire.Text, TextOf(126))).First(n))
	}
	add("fin-inside-ping", "TCP FIN inside a Ping", nil, Send(Ping("Hello")).First(4))
	add("fin-inside-close", "TCP FIN inside a Close frame", nil, Send(Close(1000, "bye")).First(3))
	add("fin-inside-huge-frame", "TCP FIN inside a frame that announces 2^62 bytes", nil, Send(Of(wire.Binary, BinaryOf(1000)).Claiming(1<<62)))
	s.Add(Case{
		Name: "fin-after-close", Title: "A Close frame, then a TCP FIN", Section: "7.1.4", Keyword: Must, Duty: DutyAnswers, Requirement: "An endpoint must answer a Close frame even if its peer has closed its side of TCP (§5.5.1).",
		Steps: []Step{Send(Close(1000, "")), Fin()}, Outcomes: Closes(wire.NormalClosure),
	})

	const lives = "A TCP reset (RST) ends one connection. A server should continue to serve the others, although no MUST says so."
	rst := func(name, title string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Should, Requirement: lives, OneSided: true,
			Steps: append(steps, Reset()), Outcomes: []Outcome{{End: End{How: TargetDrops}}}})
	}
	rst("rst-after-handshake", "TCP reset (RST) right after the opening handshake")
	rst("rst-after-text", "TCP reset (RST) right after a text message", Send(Text("Hello")))
	rst("rst-inside-frame-header", "TCP reset (RST) inside a frame header", Send(Of(wire.Text, TextOf(126))).First(3))
	rst("rst-inside-payload", "TCP reset (RST) inside a payload", Send(Of(wire.Text, TextOf(126))).First(60))
	rst("rst-after-first-fragment", "TCP reset (RST) after the first fragment of a text message", Send(Text("Hel").More()))
	rst("rst-after-close", "TCP reset (RST) after a Close frame", Send(Close(1000, "")))
	rst("rst-after-1-mib-unread", "TCP reset (RST) after 1 MiB whose echo was not read", Send(Of(wire.Binary, BinaryOf(1<<20))))
	rst("rst-inside-huge-frame", "TCP reset (RST) inside a frame that announces 2^62 bytes", Send(Of(wire.Binary, BinaryOf(1000)).Claiming(1<<62)))
}
