// Package suite judges WebSocket endpoints: it plays conversations, right and
// wrong, over real connections, and holds what comes back against RFC 6455.
//
// A case is data. It says what the judge does (Steps), which reactions are
// legal (Outcomes, the best first), and with each how the connection must end
// (End). Frames have no role: a Frame that says nothing of its mask is masked
// when the judge is a client and bare when it is a server, so the same case
// judges servers and, with the roles swapped, clients.
//
//	s.add(Case{
//		Title:       "A Ping with five bytes",
//		Requirement: "A Ping is answered by a Pong with the same payload.",
//		Keyword:     Must,
//		Duty:        dutyPong,
//		Steps:       []Step{send(ping("Hello"))},
//		Outcomes:    answers(pongs("Hello")),
//	})
//
// Only a case of a MUST can be failed, and its Duty says where that sentence is and
// whom it binds. A MUST that binds a sender does not make a lax receiver wrong.
//
// The behaviour and the closing are judged apart: an endpoint can answer rightly
// and hang up wrongly. The judge sees the target through a tap at its own end,
// so its own servers and foreign ones are seen alike.
//
//	case.go        Case, Outcome, End, Verdict; mirror
//	duty.go        Duty: the MUSTs that the cases rest on
//	frame.go       Frame, Payload, Step, and the short words for them
//	handshakes.go  the short words for halves of the opening handshake
//	checks.go      what is asked of the target's half by itself
//	list.go        All, Match
//	peer.go        the judge's end of one connection: bytes out, frames in
//	watch.go       how long it waits: since a byte last moved
//	opening.go     the opening handshake from the judge's side
//	deflate.go     permessage-deflate from the judge's side, with inflate.go
//	run.go         Run, RunClient: plays a case
//	verdict.go     what came, against what may come; Report
//	exchange.go    what both ends sent, in order, as a report shows it
//	text.go        a report as text that can be filed as it is
//	habit.go       what one endpoint does in many cases, told once
//	mistakes.go    what implementers get wrong, by name
//	diagnose.go    which of it one report shows, with models.go: what an endpoint
//	               with one mistake would send
//	evidence.go    what came but is wrong, for a diagnosis
//	diagnoses.go   DiagnoseAll: what several reports show together
//	diff.go        several endpoints in one case: where they first part
//	s4_1.go …      the cases, a file for each section of RFC 6455,
//	s7692_7_1.go … and of RFC 7692,
//	tcp.go sizes.go and for what is the matter of no section
//	browsers.go    the cases that bind browsers alone, and what is not sent to one
package suite
