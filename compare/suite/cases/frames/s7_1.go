package frames

import (
	"fmt"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section71 is RFC 6455 §7.1: the end of the connection, of TCP, and what
// failing the connection means.
func Section71() []*Case {
	s := Section{Name: "7.1", In: "7.1"}
	closesTCP(&s)
	failing(&s)
	tcpEnds(&s)
	return s.Cases
}

func closesTCP(s *Section) {
	s.Add(Case{
		Name: "close-only", Title: "Nothing but the closing handshake", Section: "7.1.1", Keyword: Must, Duty: DutyClosesTCP,
		Requirement: "When both Close frames were sent, an endpoint closes TCP, the server at once.",
		Steps:       []Step{Send(Close(1000, ""))}, Outcomes: Closes(wire.NormalClosure),
	})
	s.Add(Case{
		Name: "echo-then-close", Title: "A text, an answer, the closing handshake", Section: "7.1.1", Keyword: Must, Duty: DutyClosesTCP,
		Requirement: "When both Close frames were sent, an endpoint closes TCP, the server at once.",
		Steps:       []Step{Send(Text("Hello"))}, Outcomes: Answers(Text("Hello")),
	})
	s.AddForClients(Case{
		Name: "server-closes-tcp-late", Title: "The server leaves TCP open for a while after the closing handshake", Section: "7.1.1", Keyword: Should,
		Requirement: "A client leaves it to the server to close TCP first.",
		Steps:       []Step{Send(Text("Hello"))}, Outcomes: Answers(Text("Hello")), Waits: 300 * time.Millisecond,
	})
}

func failing(s *Section) {
	const requirement = "An endpoint that fails the connection processes nothing that comes after the fault."
	for _, after := range []struct {
		name  string
		what  string
		frame Frame
	}{
		{"text", "a text", Text("after")}, {"ping", "a Ping", Ping("after")}, {"binary", "64 KiB of binary data", Of(wire.Binary, BinaryOf(65536))},
	} {
		s.Add(Case{
			Name: after.name + "-after-fault", Title: "A reserved opcode, and " + after.what + " behind it", Section: "7.1.7", Keyword: Must, Duty: DutyFails, Requirement: requirement,
			Steps: []Step{Send(Text("").WithOpcode(0xb), after.frame)}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: after.name + "-after-failing", Title: "A reserved opcode, and " + after.what + " when the connection has failed", Section: "7.1.7", Keyword: Must, Duty: DutyFails, Requirement: requirement,
			Steps: []Step{Send(Text("").WithOpcode(0xb)), Await(1), Send(after.frame)}, Outcomes: Fails(wire.ProtocolError),
		})
	}
}

// tcpEnds is about connections that end without a Close frame.
func tcpEnds(s *Section) {
	// Only a client must fail a connection whose TCP is lost (§7.2.1). A server must
	// not take for a message what is not one (§6.2); when it closes its side of TCP
	// no MUST says.
	const ends = "When TCP ends without a closing handshake, what is not a whole message is not delivered, and an endpoint closes its side of TCP too, as a client must."
	add := func(name, title string, sees []Frame, steps ...Step) {
		outcomes := []Outcome{{Sees: sees, End: End{How: TargetDrops}}}
		if len(sees) > 0 {
			outcomes = append(outcomes, Outcome{Verdict: Note, Why: "it did not answer what came before the end", End: End{How: TargetDrops}})
		}
		s.Add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Must, Duty: DutyParses, AsClient: DutyLost, Requirement: ends, Steps: append(steps, Fin()), Outcomes: outcomes})
	}
	add("fin-after-handshake", "FIN right behind the opening handshake", nil)
	add("fin-after-echo", "FIN behind a text that was answered", []Frame{Text("Hello")}, Send(Text("Hello")), Await(1))
	add("fin-after-text", "FIN right behind a text", []Frame{Text("Hello")}, Send(Text("Hello")))
	add("fin-after-ping", "FIN right behind a Ping", []Frame{Pong("Hello")}, Send(Ping("Hello")))
	add("fin-after-first-fragment", "FIN behind the first fragment of a text", nil, Send(Text("Hel").More()))
	add("fin-after-half-character", "FIN behind half a character", nil, Send(Text("\xe2\x82").More()))
	for n := 1; n <= 13; n++ {
		add(fmt.Sprintf("fin-%d-bytes-into-text", n), fmt.Sprintf("FIN %s into a text frame of 126 bytes", Counted(n)), nil, Send(Of(wire.Text, TextOf(126))).First(n))
	}
	add("fin-inside-ping", "FIN inside a Ping", nil, Send(Ping("Hello")).First(4))
	add("fin-inside-close", "FIN inside a Close frame", nil, Send(Close(1000, "bye")).First(3))
	add("fin-inside-huge-frame", "FIN inside a frame that announces 2^62 bytes", nil, Send(Of(wire.Binary, BinaryOf(1000)).Claiming(1<<62)))
	s.Add(Case{
		Name: "fin-after-close", Title: "A Close frame and FIN behind it", Section: "7.1.4", Keyword: Must, Duty: DutyAnswers, Requirement: "An endpoint answers a Close frame although its peer can send no more.",
		Steps: []Step{Send(Close(1000, "")), Fin()}, Outcomes: Closes(wire.NormalClosure),
	})

	const lives = "A reset ends one connection. A server goes on with all others; that it does no MUST says."
	rst := func(name, title string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Should, Requirement: lives, OneSided: true,
			Steps: append(steps, Reset()), Outcomes: []Outcome{{End: End{How: TargetDrops}}}})
	}
	rst("rst-after-handshake", "RST right behind the opening handshake")
	rst("rst-after-text", "RST right behind a text", Send(Text("Hello")))
	rst("rst-inside-frame-header", "RST inside a frame header", Send(Of(wire.Text, TextOf(126))).First(3))
	rst("rst-inside-payload", "RST inside a payload", Send(Of(wire.Text, TextOf(126))).First(60))
	rst("rst-after-first-fragment", "RST behind the first fragment of a text", Send(Text("Hel").More()))
	rst("rst-after-close", "RST behind a Close frame", Send(Close(1000, "")))
	rst("rst-after-1-mib-unread", "RST behind 1 MiB of which nothing was read back", Send(Of(wire.Binary, BinaryOf(1<<20))))
	rst("rst-inside-huge-frame", "RST inside a frame that announces 2^62 bytes", Send(Of(wire.Binary, BinaryOf(1000)).Claiming(1<<62)))
}
