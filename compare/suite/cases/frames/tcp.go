package frames

import (
	"fmt"
	"slices"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// SectionTCP is about TCP below RFC 6455 §5.2. TCP delivers bytes in order, but one
// read may end at any byte.
func SectionTCP() []*Case {
	s := Section{Name: "tcp", In: "5.2"}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyParses, Steps: steps, Outcomes: outcomes, Deadline: Slowly,
			Requirement: "A receiver must read the same frames, no matter how TCP cuts the byte stream.",
		})
	}
	tcpCuts(add)
	tcpCharacters(add)
	tcpTogether(add)
	tcpStreams(add)
	return s.Cases
}

type addTCP func(name, title string, outcomes []Outcome, steps ...Step)

// tcpCuts cuts one frame at every byte.
func tcpCuts(add addTCP) {
	long, longer := Of(wire.Text, TextOf(200)), Of(wire.Text, TextOf(65536))
	frames := []struct {
		name     string
		what     string
		frame    Frame
		outcomes []Outcome
		size     int // the last byte after which to cut: the header, a masking key and some payload
	}{
		{"text", "a text frame", Text("Hello"), Answers(Text("Hello")), 10},
		{"text-16-bit", "a text frame with a 16-bit length", long, Answers(Of(wire.Text, TextOf(200))), 9},
		{"text-64-bit", "a text frame with a 64-bit length", longer, Answers(Of(wire.Text, TextOf(65536))), 15},
		{"ping", "a Ping", Ping("Hello"), Answers(Pong("Hello")), 7},
		{"close", "a Close frame with a reason", Close(1000, "bye"), Closes(1000), 9},
	}
	for _, f := range frames {
		add(f.name+"-byte-by-byte-to-20", "Byte by byte, the first 20 bytes: "+f.what, f.outcomes, Send(f.frame).CutAt(upTo(20)...).WithGap(Between/10))
		for at := 1; at <= f.size; at++ {
			add(fmt.Sprintf("%s-cut-at-%d", f.name, at), fmt.Sprintf("Cut after byte %d: %s", at, f.what), f.outcomes, Send(f.frame).CutAt(at).WithGap(Between))
		}
		add(f.name+"-cut-before-last", "Cut before the last byte: "+f.what, f.outcomes, Send(f.frame).CutAt(-1).WithGap(Between))
	}
	add("byte-by-byte-empty-text", "Byte by byte: an empty text frame", Answers(Text("")), Send(Text("")).InPieces(1).WithGap(Between/2))
	add("byte-by-byte-binary", "Byte by byte: a binary frame", Answers(Binary(0, 1, 2, 3, 0xff)), Send(Binary(0, 1, 2, 3, 0xff)).InPieces(1).WithGap(Between/2))
	add("byte-by-byte-pong-then-text", "Byte by byte: an unsolicited Pong, then a text frame", Answers(Text("Hello")), Send(Pong("Hello"), Text("Hello")).InPieces(1).WithGap(Between/10))
	add("byte-by-byte-ping-between", "Byte by byte: three fragments with a Ping between them", Answers(Pong("!"), Text("Hello")),
		Send(Text("He").More(), Ping("!"), Cont("ll").More(), Cont("o")).InPieces(1).WithGap(Between/10))
	add("byte-by-byte-empty-fragment", "Byte by byte: an empty fragment, then the last one", Answers(Text("Hello")), Send(Text("").More(), Cont("Hello")).InPieces(1).WithGap(Between/10))
	add("byte-by-byte-empty-close", "Byte by byte: a Close frame without a body", Closes(), Send(CloseBody()).InPieces(1).WithGap(Between/2))
	add("byte-by-byte-text-of-1000", "Byte by byte without pauses: a text frame of 1,000 bytes", Answers(Of(wire.Text, TextOf(1000))), Send(Of(wire.Text, TextOf(1000))).InPieces(1))
	add("header-then-payload", "A frame header, then its payload in another TCP write", Answers(Of(wire.Text, TextOf(10000))), Send(Of(wire.Text, TextOf(10000))).CutAt(4, 8).WithGap(Between))
	add("binary-of-65536-in-writes-of-1460", "A binary frame of 65,536 bytes in TCP writes of 1,460 bytes", Answers(Of(wire.Binary, BinaryOf(65536))), Send(Of(wire.Binary, BinaryOf(65536))).InPieces(1460))
	add("binary-of-65536-in-writes-of-4096", "A binary frame of 65,536 bytes in TCP writes of 4,096 bytes", Answers(Of(wire.Binary, BinaryOf(65536))), Send(Of(wire.Binary, BinaryOf(65536))).InPieces(4096))
	add("binary-of-4096-in-writes-of-3", "A binary frame of 4,096 bytes in TCP writes of 3 bytes", Answers(Of(wire.Binary, BinaryOf(4096))), Send(Of(wire.Binary, BinaryOf(4096))).InPieces(3))
}

// tcpCharacters cuts inside UTF-8 characters.
func tcpCharacters(add addTCP) {
	for _, c := range []struct{ name, what, text string }{
		{"2-byte-character", "a character of two bytes", "ü"},
		{"3-byte-character", "a character of three bytes", "€"},
		{"4-byte-character", "a character of four bytes", "😀"},
	} {
		for at := 1; at < len(c.text); at++ {
			add(fmt.Sprintf("%s-cut-at-%d", c.name, at), fmt.Sprintf("Cut after byte %d of %s", at, c.what), Answers(Text("a"+c.text+"z")),
				Send(Text("a"+c.text+"z")).CutAt(at-len(c.text)-1).WithGap(Between))
			add(fmt.Sprintf("%s-fragment-at-%d", c.name, at), fmt.Sprintf("Cut after byte %d of %s, into two fragments and two TCP writes", at, c.what), Answers(Text("a"+c.text+"z")),
				Send(Text("a"+c.text[:at]).More()), Pause(Between), Send(Cont(c.text[at:]+"z")))
		}
	}
	add("byte-by-byte-greek", "κόσμε, byte by byte", Answers(Text("κόσμε")), Send(Text("κόσμε")).InPieces(1).WithGap(Between/10))
}

// tcpTogether puts several frames into one TCP write.
func tcpTogether(add addTCP) {
	hundred := make([]Frame, 100)
	hundredTexts := make([]Frame, 100)
	for i := range hundred {
		hundred[i], hundredTexts[i] = Text(fmt.Sprint("message ", i)), Text(fmt.Sprint("message ", i))
	}
	add("two-texts-one-write", "Two text frames in one TCP write", Answers(Text("one"), Text("two")), Send(Text("one"), Text("two")))
	add("three-texts-one-empty-one-write", "Three text frames in one TCP write, the second empty", Answers(Text("one"), Text(""), Text("three")), Send(Text("one"), Text(""), Text("three")))
	add("100-texts-one-write", "100 text frames in one TCP write", Answers(hundredTexts...), Send(hundred...))
	add("100-texts-in-writes-of-100", "100 text frames in TCP writes of 100 bytes", Answers(hundredTexts...), Send(hundred...).InPieces(100))
	add("text-and-ping-one-write", "A text frame and a Ping in one TCP write", Answers(Text("Hello"), Pong("!")), Send(Text("Hello"), Ping("!")))
	add("ping-and-text-one-write", "A Ping and a text frame in one TCP write", Answers(Pong("!"), Text("Hello")), Send(Ping("!"), Text("Hello")))
	add("pong-between-texts-one-write", "A text frame, a Pong and a text frame in one TCP write", Answers(Text("one"), Text("two")), Send(Text("one"), Pong(""), Text("two")))
	add("two-fragments-one-write", "Two fragments in one TCP write", Answers(Text("Hello")), Send(Text("Hel").More(), Cont("lo")))
	add("ping-between-fragments-one-write", "Two fragments with a Ping between them in one TCP write", Answers(Pong("!"), Text("Hello")), Send(Text("Hel").More(), Ping("!"), Cont("lo")))
	add("text-and-close-one-write", "A text frame right before a Close frame, in one TCP write", []Outcome{
		{Sees: []Frame{Text("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it answered the Close frame, but not the message before it, as its application may choose", End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Text("Hello"), Close(1000, "")))
	add("ping-and-close-one-write", "A Ping right before a Close frame, in one TCP write", []Outcome{
		{Sees: []Frame{Pong("!")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it did not answer the Ping, as RFC 6455 §5.5.2 allows after an endpoint has received a Close frame", End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Ping("!"), Close(1000, "")))
	add("text-of-10000-and-ping-one-write", "A text frame of 10,000 bytes and a Ping in one TCP write", Answers(Of(wire.Text, TextOf(10000)), Pong("!")), Send(Of(wire.Text, TextOf(10000)), Ping("!")))

	two := Send(Text("first"), Text("other"))
	for _, left := range []int{1, 2, 4, 6} {
		add(fmt.Sprintf("all-but-%d-of-second-frame", left), fmt.Sprintf("A frame and all but %s of the next in one TCP write, then the rest", Counted(left)), Answers(Text("first"), Text("other")),
			two.CutAt(-left).WithGap(Between))
	}
	add("frame-and-half-after-echo", "A text message and its echo, then a frame and a half in one TCP write, then the rest", Answers(Text("marker"), Text("first"), Text("other")),
		Send(Text("marker")), Await(1), two.CutAt(-3).WithGap(Between))
	add("half-and-half-of-two-frames", "Half a frame, then its other half with half of the next frame, then the rest", Answers(Text("first"), Text("other")), two.CutAt(4, -4).WithGap(Between))
}

// tcpStreams cuts a conversation with frames of every kind into equal pieces.
func tcpStreams(add addTCP) {
	stream := []Frame{
		Text("Hello"), Ping("one"), Binary(0, 1, 2), Text("").More(), Cont("Grü").More(), Pong("x"), Cont("ße"),
		Of(wire.Binary, BinaryOf(126)), Ping(""), Of(wire.Text, TextOf(300)), Text(""),
	}
	outcomes := AnswersPings(Text("Hello"), Pong("one"), Binary(0, 1, 2), Text("Grüße"), Of(wire.Binary, BinaryOf(126)), Pong(""),
		Of(wire.Text, TextOf(300)), Text(""))
	add("all-kinds-one-write", "Frames of every kind in one TCP write", outcomes, Send(stream...))
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 16, 64, 127} {
		add(fmt.Sprintf("all-kinds-in-writes-of-%d", n), fmt.Sprintf("Frames of every kind in TCP writes of %s", Counted(n)), outcomes, Send(stream...).InPieces(n))
	}
	add("all-kinds-in-writes-of-11-apart", "Frames of every kind in TCP writes of 11 bytes with pauses between them", outcomes, Send(stream...).InPieces(11).WithGap(Between/2))
	add("all-kinds-own-writes", "Frames of every kind, each in its own TCP write", outcomes, slices.Concat(Alone(stream...))...)
}

// upTo returns 1 to n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}
