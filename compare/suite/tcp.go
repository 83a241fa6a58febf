package suite

import (
	"fmt"
	"slices"

	"wslab/reference/wire"
)

// sectionTCP is about TCP below RFC 6455 §5.2: it delivers bytes in their
// order, and promises nothing of where one read ends and the next begins.
func sectionTCP() []*Case {
	s := group{name: "tcp", section: "5.2"}
	add := func(title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{
			Title: title, Keyword: Must, Duty: dutyParses, Steps: steps, Outcomes: outcomes, Deadline: slowly,
			Requirement: "A stream of frames means the same however TCP cuts it.",
		})
	}
	tcpCuts(add)
	tcpCharacters(add)
	tcpTogether(add)
	tcpStreams(add)
	return s.cases
}

type addTCP func(title string, outcomes []Outcome, steps ...Step)

// tcpCuts cuts one frame, everywhere.
func tcpCuts(add addTCP) {
	long, longer := of(wire.Text, textOf(200)), of(wire.Text, textOf(65536))
	frames := []struct {
		what     string
		frame    Frame
		outcomes []Outcome
		size     int // bytes that are worth a cut behind each: the header, with a mask, and some
	}{
		{"a text frame", text("Hello"), answers(texts("Hello")), 10},
		{"a text frame with a 16-bit length", long, answers(sees(wire.Text, textOf(200))), 9},
		{"a text frame with a 64-bit length", longer, answers(sees(wire.Text, textOf(65536))), 15},
		{"a Ping", ping("Hello"), answers(pongs("Hello")), 7},
		{"a Close frame with a reason", closeWith(1000, "bye"), closes(1000), 9},
	}
	for _, f := range frames {
		add("Byte by byte, to the 20th: "+f.what, f.outcomes, send(f.frame).cut(upTo(20)...).gap(between/10))
		for at := 1; at <= f.size; at++ {
			add(fmt.Sprintf("Cut behind byte %d: %s", at, f.what), f.outcomes, send(f.frame).cut(at).gap(between))
		}
		add("Cut before its last byte: "+f.what, f.outcomes, send(f.frame).cut(-1).gap(between))
	}
	add("Byte by byte: an empty text frame", answers(texts("")), send(text("")).every(1).gap(between/2))
	add("Byte by byte: a binary frame", answers(binaries(0, 1, 2, 3, 0xff)), send(binary(0, 1, 2, 3, 0xff)).every(1).gap(between/2))
	add("Byte by byte: a Pong that nobody asked for, then a text frame", answers(texts("Hello")), send(pong("Hello"), text("Hello")).every(1).gap(between/10))
	add("Byte by byte: three fragments with a Ping between them", answers(pongs("!"), texts("Hello")),
		send(text("He").more(), ping("!"), cont("ll").more(), cont("o")).every(1).gap(between/10))
	add("Byte by byte: an empty fragment and a last one", answers(texts("Hello")), send(text("").more(), cont("Hello")).every(1).gap(between/10))
	add("Byte by byte: a Close frame without a body", closes(), send(closing()).every(1).gap(between/2))
	add("Byte by byte at once, a text frame of 1,000 bytes", answers(sees(wire.Text, textOf(1000))), send(of(wire.Text, textOf(1000))).every(1))
	add("A frame's header, and its payload in the next write", answers(sees(wire.Text, textOf(10000))), send(of(wire.Text, textOf(10000))).cut(4, 8).gap(between))
	add("A payload of 65,536 bytes in pieces of 1,460", answers(sees(wire.Binary, binaryOf(65536))), send(of(wire.Binary, binaryOf(65536))).every(1460))
	add("A payload of 65,536 bytes in pieces of 4,096", answers(sees(wire.Binary, binaryOf(65536))), send(of(wire.Binary, binaryOf(65536))).every(4096))
	add("A payload of 4,096 bytes in pieces of 3", answers(sees(wire.Binary, binaryOf(4096))), send(of(wire.Binary, binaryOf(4096))).every(3))
}

// tcpCharacters cuts inside characters of UTF-8.
func tcpCharacters(add addTCP) {
	for _, c := range []struct{ what, text string }{
		{"a character of two bytes", "ü"},
		{"a character of three bytes", "€"},
		{"a character of four bytes", "😀"},
	} {
		for at := 1; at < len(c.text); at++ {
			add(fmt.Sprintf("Cut behind byte %d of %s", at, c.what), answers(texts("a"+c.text+"z")),
				send(text("a"+c.text+"z")).cut(at-len(c.text)-1).gap(between))
			add(fmt.Sprintf("Cut behind byte %d of %s, fragment and TCP alike", at, c.what), answers(texts("a"+c.text+"z")),
				send(text("a"+c.text[:at]).more()), pause(between), send(cont(c.text[at:]+"z")))
		}
	}
	add("κόσμε byte by byte", answers(texts("κόσμε")), send(text("κόσμε")).every(1).gap(between/10))
}

// tcpTogether puts several frames into one TCP write.
func tcpTogether(add addTCP) {
	hundred := make([]Frame, 100)
	hundredTexts := make([]Expect, 100)
	for i := range hundred {
		hundred[i], hundredTexts[i] = text(fmt.Sprint("message ", i)), texts(fmt.Sprint("message ", i))
	}
	add("Two text frames in one write", answers(texts("one"), texts("two")), send(text("one"), text("two")))
	add("Three frames in one write, the middle one empty", answers(texts("one"), texts(""), texts("three")), send(text("one"), text(""), text("three")))
	add("100 text frames in one write", answers(hundredTexts...), send(hundred...))
	add("100 text frames in writes of 100 bytes", answers(hundredTexts...), send(hundred...).every(100))
	add("A Ping glued behind a text frame", answers(texts("Hello"), pongs("!")), send(text("Hello"), ping("!")))
	add("A text frame glued behind a Ping", answers(pongs("!"), texts("Hello")), send(ping("!"), text("Hello")))
	add("A Pong glued between two text frames", answers(texts("one"), texts("two")), send(text("one"), pong(""), text("two")))
	add("Two fragments in one write", answers(texts("Hello")), send(text("Hel").more(), cont("lo")))
	add("Two fragments with a Ping between them in one write", answers(pongs("!"), texts("Hello")), send(text("Hel").more(), ping("!"), cont("lo")))
	add("A Close frame glued behind a text frame", []Outcome{
		{Sees: []Expect{texts("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it answered the Close frame and left the message before it unanswered, which is the application's to decide", End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(text("Hello"), closeWith(1000, "")))
	add("A Close frame glued behind a Ping", []Outcome{
		{Sees: []Expect{pongs("!")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it left the Ping unanswered, as RFC 6455 §5.5.2 allows where a Close frame has come", End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(ping("!"), closeWith(1000, "")))
	add("A text frame of 10,000 bytes and a Ping in one write", answers(sees(wire.Text, textOf(10000)), pongs("!")), send(of(wire.Text, textOf(10000)), ping("!")))

	two := send(text("first"), text("other"))
	for _, left := range []int{1, 2, 4, 6} {
		add(fmt.Sprintf("A frame and all but %d bytes of the next in one write, then the rest", left), answers(texts("first"), texts("other")),
			two.cut(-left).gap(between))
	}
	add("A marker, and when it has come back a frame and a half in one write, then the rest", answers(texts("marker"), texts("first"), texts("other")),
		send(text("marker")), await(1), two.cut(-3).gap(between))
	add("Half a frame, and its other half with half of the next, then the rest", answers(texts("first"), texts("other")), two.cut(4, -4).gap(between))
}

// tcpStreams cuts a conversation with frames of every kind into equal pieces.
func tcpStreams(add addTCP) {
	stream := []Frame{
		text("Hello"), ping("one"), binary(0, 1, 2), text("").more(), cont("Grü").more(), pong("x"), cont("ße"),
		of(wire.Binary, binaryOf(126)), ping(""), of(wire.Text, textOf(300)), text(""),
	}
	outcomes := answersPings(texts("Hello"), pongs("one"), binaries(0, 1, 2), texts("Grüße"), sees(wire.Binary, binaryOf(126)), pongs(""),
		sees(wire.Text, textOf(300)), texts(""))
	add("Frames of every kind in one write", outcomes, send(stream...))
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 16, 64, 127} {
		add(fmt.Sprintf("Frames of every kind in writes of %d bytes", n), outcomes, send(stream...).every(n))
	}
	add("Frames of every kind in writes of 11 bytes that arrive apart", outcomes, send(stream...).every(11).gap(between/2))
	add("Frames of every kind, each in a write of its own", outcomes, slices.Concat(each(stream...))...)
}

// upTo returns 1 to n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}
