package suite

// section56 is RFC 6455 §5.6: text and binary messages.
func section56() []*Case {
	s := group{name: "5.6", section: "5.6"}
	add := func(name, title, requirement string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyParses, Steps: steps, Outcomes: outcomes})
	}
	const kinds = "A receiver notes the type of a message, so an echo has the opcode of what it echoes."
	add("text-binary-text", "A text, a binary message, a text", kinds, answers(texts("one"), binaries(2), texts("three")), send(text("one"), binary(2), text("three")))
	add("empty-text-and-binary", "An empty text and an empty binary message", kinds, answers(texts(""), binaries()), send(text(""), binary()))
	add("binary-then-text-in-fragments", "A binary message in fragments, then a text in fragments", kinds, answers(binaries('a', 'b'), texts("cd")),
		send(binary('a').more(), cont("b"), text("c").more(), cont("d")))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	const opaque = "The payload of a binary message is whatever bytes the application likes."
	add("binary-of-all-bytes", "A binary message of all 256 bytes", opaque, answers(binaries(all...)), send(binary(all...)))
	add("binary-not-utf-8", "A binary message that would be wrong as text", opaque, answers(binaries(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80)), send(binary(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80)))
	add("binary-fragments-not-utf-8", "A binary message in fragments that would be wrong as text", opaque, answers(binaries(0xce, 0xce, 0xce)),
		send(binary(0xce).more(), Frame{Payload: Payload{Data: []byte{0xce}}}, Frame{Fin: true, Payload: Payload{Data: []byte{0xce}}}))
	add("text-with-nul", "A text with the character U+0000", kinds, answers(texts("a\x00b")), send(text("a\x00b")))
	add("ten-texts-one-write", "Ten texts in one TCP write", "Messages are answered one by one, in order.",
		answers(texts("0"), texts("1"), texts("2"), texts("3"), texts("4"), texts("5"), texts("6"), texts("7"), texts("8"), texts("9")),
		send(text("0"), text("1"), text("2"), text("3"), text("4"), text("5"), text("6"), text("7"), text("8"), text("9")))
	return s.cases
}
