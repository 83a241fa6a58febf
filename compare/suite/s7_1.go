package suite

import (
	"fmt"
	"time"

	"wslab/reference/wire"
)

// section71 is RFC 6455 §7.1: the end of the connection, of TCP, and what
// failing the connection means.
func section71() []*Case {
	s := group{name: "7.1", section: "7.1"}
	closesTCP(&s)
	failing(&s)
	tcpEnds(&s)
	return s.cases
}

func closesTCP(s *group) {
	s.add(Case{
		Name: "close-only", Title: "Nothing but the closing handshake", Section: "7.1.1", Keyword: Must, Duty: dutyClosesTCP,
		Requirement: "When both Close frames were sent, an endpoint closes TCP, the server at once.",
		Steps:       []Step{send(closeWith(1000, ""))}, Outcomes: closes(wire.NormalClosure),
	})
	s.add(Case{
		Name: "echo-then-close", Title: "A text, an answer, the closing handshake", Section: "7.1.1", Keyword: Must, Duty: dutyClosesTCP,
		Requirement: "When both Close frames were sent, an endpoint closes TCP, the server at once.",
		Steps:       []Step{send(text("Hello"))}, Outcomes: answers(texts("Hello")),
	})
	s.addForClients(Case{
		Name: "server-closes-tcp-late", Title: "The server leaves TCP open for a while after the closing handshake", Section: "7.1.1", Keyword: Should,
		Requirement: "A client leaves it to the server to close TCP first.",
		Steps:       []Step{send(text("Hello"))}, Outcomes: answers(texts("Hello")), Waits: 300 * time.Millisecond,
	})
}

func failing(s *group) {
	const requirement = "An endpoint that fails the connection processes nothing that comes after the fault."
	for _, after := range []struct {
		name  string
		what  string
		frame Frame
	}{
		{"text", "a text", text("after")}, {"ping", "a Ping", ping("after")}, {"binary", "64 KiB of binary data", of(wire.Binary, binaryOf(65536))},
	} {
		s.add(Case{
			Name: after.name + "-after-fault", Title: "A reserved opcode, and " + after.what + " behind it", Section: "7.1.7", Keyword: Must, Duty: dutyFails, Requirement: requirement,
			Steps: []Step{send(text("").opcode(0xb), after.frame)}, Outcomes: fails(wire.ProtocolError),
		})
		s.add(Case{
			Name: after.name + "-after-failing", Title: "A reserved opcode, and " + after.what + " when the connection has failed", Section: "7.1.7", Keyword: Must, Duty: dutyFails, Requirement: requirement,
			Steps: []Step{send(text("").opcode(0xb)), await(1), send(after.frame)}, Outcomes: fails(wire.ProtocolError),
		})
	}
}

// tcpEnds is about connections that end without a Close frame.
func tcpEnds(s *group) {
	// Only a client must fail a connection whose TCP is lost (§7.2.1). A server must
	// not take for a message what is not one (§6.2); when it closes its side of TCP
	// no MUST says.
	const ends = "When TCP ends without a closing handshake, what is not a whole message is not delivered, and an endpoint closes its side of TCP too, as a client must."
	add := func(name, title string, sees []Expect, steps ...Step) {
		outcomes := []Outcome{{Sees: sees, End: End{How: Drops}}}
		if len(sees) > 0 {
			outcomes = append(outcomes, Outcome{Verdict: Note, Why: "it did not answer what came before the end", End: End{How: Drops}})
		}
		s.add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Must, Duty: dutyParses, asClient: dutyLost, Requirement: ends, Steps: append(steps, fin()), Outcomes: outcomes})
	}
	add("fin-after-handshake", "FIN right behind the opening handshake", nil)
	add("fin-after-echo", "FIN behind a text that was answered", []Expect{texts("Hello")}, send(text("Hello")), await(1))
	add("fin-after-text", "FIN right behind a text", []Expect{texts("Hello")}, send(text("Hello")))
	add("fin-after-ping", "FIN right behind a Ping", []Expect{pongs("Hello")}, send(ping("Hello")))
	add("fin-after-first-fragment", "FIN behind the first fragment of a text", nil, send(text("Hel").more()))
	add("fin-after-half-character", "FIN behind half a character", nil, send(text("\xe2\x82").more()))
	for n := 1; n <= 13; n++ {
		add(fmt.Sprintf("fin-%d-bytes-into-text", n), fmt.Sprintf("FIN %s into a text frame of 126 bytes", counted(n)), nil, send(of(wire.Text, textOf(126))).first(n))
	}
	add("fin-inside-ping", "FIN inside a Ping", nil, send(ping("Hello")).first(4))
	add("fin-inside-close", "FIN inside a Close frame", nil, send(closeWith(1000, "bye")).first(3))
	add("fin-inside-huge-frame", "FIN inside a frame that announces 2^62 bytes", nil, send(of(wire.Binary, binaryOf(1000)).claims(1<<62)))
	s.add(Case{
		Name: "fin-after-close", Title: "A Close frame and FIN behind it", Section: "7.1.4", Keyword: Must, Duty: dutyAnswers, Requirement: "An endpoint answers a Close frame although its peer can send no more.",
		Steps: []Step{send(closeWith(1000, "")), fin()}, Outcomes: closes(wire.NormalClosure),
	})

	const lives = "A reset ends one connection. A server goes on with all others; that it does no MUST says."
	rst := func(name, title string, steps ...Step) {
		s.add(Case{Name: name, Title: title, Section: "7.1.4", Keyword: Should, Requirement: lives, OneSided: true,
			Steps: append(steps, reset()), Outcomes: []Outcome{{End: End{How: Drops}}}})
	}
	rst("rst-after-handshake", "RST right behind the opening handshake")
	rst("rst-after-text", "RST right behind a text", send(text("Hello")))
	rst("rst-inside-frame-header", "RST inside a frame header", send(of(wire.Text, textOf(126))).first(3))
	rst("rst-inside-payload", "RST inside a payload", send(of(wire.Text, textOf(126))).first(60))
	rst("rst-after-first-fragment", "RST behind the first fragment of a text", send(text("Hel").more()))
	rst("rst-after-close", "RST behind a Close frame", send(closeWith(1000, "")))
	rst("rst-after-1-mib-unread", "RST behind 1 MiB of which nothing was read back", send(of(wire.Binary, binaryOf(1<<20))))
	rst("rst-inside-huge-frame", "RST inside a frame that announces 2^62 bytes", send(of(wire.Binary, binaryOf(1000)).claims(1<<62)))
}
