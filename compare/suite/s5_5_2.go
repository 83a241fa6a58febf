package suite

import (
	"strings"

	"wslab/reference/wire"
)

// section552 is RFC 6455 §5.5.2: a Ping is answered.
func section552() []*Case {
	s := group{name: "5.5.2", section: "5.5.2"}
	add := func(title, payload string) {
		s.add(Case{
			Title: title, Requirement: "A Ping is answered by a Pong with the same payload.", Keyword: Must,
			Steps: []Step{send(ping(payload))}, Outcomes: answers(pongs(payload)),
		})
	}
	add("An empty Ping", "")
	add("A Ping with five octets of text", "Hello")
	add("A Ping with octets that are no UTF-8", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff")
	add("A Ping with 125 octets, the most there can be", strings.Repeat("\xfe", 125))
	add("A Ping with 124 octets", strings.Repeat("*", 124))

	ten := make([]Frame, 10)
	tenPongs := make([]Expect, 10)
	for i := range ten {
		payload := "payload " + string(rune('0'+i))
		ten[i], tenPongs[i] = ping(payload), pongs(payload)
	}
	lastOnly := make([]Expect, 10)
	for i, e := range tenPongs {
		lastOnly[i] = e
		if i < 9 {
			lastOnly[i] = e.perhaps()
		}
	}
	manyPings := []Outcome{{Sees: tenPongs}, {
		Verdict: Info, Why: "it answered only some of the Pings, the last among them, as RFC 6455 §5.5.3 allows", Sees: lastOnly,
	}}
	s.add(Case{
		Title: "Ten Pings in one TCP write", Requirement: "Each is answered, or at least the last, in order.", Keyword: Must,
		Steps: []Step{send(ten...)}, Outcomes: manyPings,
	})
	s.add(Case{
		Title: "Ten Pings octet by octet", Requirement: "Each is answered, or at least the last, in order.", Keyword: Must,
		Steps: []Step{send(ten...).every(1)}, Outcomes: manyPings,
	})
	s.add(Case{
		Title: "A Ping between two fragments", Requirement: "A control frame may stand between the fragments of a message, and is answered there.", Keyword: Must,
		Section: "5.4",
		Steps:   []Step{send(text("Hel").more(), ping("now"), cont("lo"))},
		Outcomes: []Outcome{
			{Sees: []Expect{pongs("now"), texts("Hello")}, InOrder: true},
			{Verdict: NonStrict, Why: "its Pong came behind the message, and a Ping is to be answered as soon as is practical", Sees: []Expect{pongs("now"), texts("Hello")}},
		},
	})
	s.add(Case{
		Title: "A Ping with 126 octets", Requirement: "A control frame has at most 125 octets of payload.", Keyword: Must, Section: "5.5",
		Rules: []string{wire.RuleControlLength.Code},
		Steps: []Step{send(of(wire.Ping, textOf(126)))}, Outcomes: fails(wire.ProtocolError),
	})
	return s.cases
}
