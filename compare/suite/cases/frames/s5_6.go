package frames

import (
	. "wslab/compare/suite/spec"
)

// Section56 is RFC 6455 §5.6: text and binary messages.
func Section56() []*Case {
	s := Section{Name: "5.6", In: "5.6"}
	add := func(name, title, requirement string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyParses, Steps: steps, Outcomes: outcomes})
	}
	const kinds = "A receiver must deliver the type of a message with its data, so an echo has the type of the original."
	add("text-binary-text", "A text, a binary and a text message", kinds, Answers(Text("one"), Binary(2), Text("three")), Send(Text("one"), Binary(2), Text("three")))
	add("empty-text-and-binary", "An empty text message and an empty binary message", kinds, Answers(Text(""), Binary()), Send(Text(""), Binary()))
	add("binary-then-text-in-fragments", "A binary message in fragments, then a text message in fragments", kinds, Answers(Binary('a', 'b'), Text("cd")),
		Send(Binary('a').More(), Cont("b"), Text("c").More(), Cont("d")))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	const opaque = "A binary message may contain any bytes. A receiver must deliver them unchanged."
	add("binary-of-all-bytes", "A binary message with all 256 byte values", opaque, Answers(Binary(all...)), Send(Binary(all...)))
	add("binary-not-utf-8", "A binary message that is not valid UTF-8", opaque, Answers(Binary(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80)), Send(Binary(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80)))
	add("binary-fragments-not-utf-8", "A binary message in fragments that is not valid UTF-8", opaque, Answers(Binary(0xce, 0xce, 0xce)),
		Send(Binary(0xce).More(), Frame{Payload: Payload{Data: []byte{0xce}}}, Frame{Fin: true, Payload: Payload{Data: []byte{0xce}}}))
	add("text-with-nul", "A text message with the character U+0000", kinds, Answers(Text("a\x00b")), Send(Text("a\x00b")))
	add("ten-texts-one-write", "Ten text messages in one TCP write", "A receiver must deliver messages one by one, in the order of arrival.",
		Answers(Text("0"), Text("1"), Text("2"), Text("3"), Text("4"), Text("5"), Text("6"), Text("7"), Text("8"), Text("9")),
		Send(Text("0"), Text("1"), Text("2"), Text("3"), Text("4"), Text("5"), Text("6"), Text("7"), Text("8"), Text("9")))
	return s.Cases
}
