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
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{
			Name: name, Title: title, Keyword: Must, Duty: dutyParses, Steps: steps, Outcomes: outcomes, Deadline: slowly,
			Requirement: "A stream of frames means the same however TCP cuts it.",
		})
	}
	tcpCuts(add)
	tcpCharacters(add)
	tcpTogether(add)
	tcpStreams(add)
	return s.cases
}

type addTCP func(name, title string, outcomes []Outcome, steps ...Step)

// tcpCuts cuts one frame, everywhere.
func tcpCuts(add addTCP) {
	long, longer := of(wire.Text, textOf(200)), of(wire.Text, textOf(65536))
	frames := []struct {
		name     string
		what     string
		frame    Frame
		outcomes []Outcome
		size     int // bytes that are worth a cut behind each: the header, with a mask, and some
	}{
		{"text", "a text frame", text("Hello"), answers(texts("Hello")), 10},
		{"text-16-bit", "a text frame with a 16-bit length", long, answers(sees(wire.Text, textOf(200))), 9},
		{"text-64-bit", "a text frame with a 64-bit length", longer, answers(sees(wire.Text, textOf(65536))), 15},
		{"ping", "a Ping", ping("Hello"), answers(pongs("Hello")), 7},
		{"close", "a Close frame with a reason", closeWith(1000, "bye"), closes(1000), 9},
	}
	for _, f := range frames {
		add(f.name+"-byte-by-byte-to-20", "Byte by byte, to the 20th: "+f.what, f.outcomes, send(f.frame).cut(upTo(20)...).gap(between/10))
		for at := 1; at <= f.size; at++ {
			add(fmt.Sprintf("%s-cut-at-%d", f.name, at), fmt.Sprintf("Cut behind byte %d: %s", at, f.what), f.outcomes, send(f.frame).cut(at).gap(between))
		}
		add(f.name+"-cut-before-last", "Cut before its last byte: "+f.what, f.outcomes, send(f.frame).cut(-1).gap(between))
	}
	add("byte-by-byte-empty-text", "Byte by byte: an empty text frame", answers(texts("")), send(text("")).every(1).gap(between/2))
	add("byte-by-byte-binary", "Byte by byte: a binary frame", answers(binaries(0, 1, 2, 3, 0xff)), send(binary(0, 1, 2, 3, 0xff)).every(1).gap(between/2))
	add("byte-by-byte-pong-then-text", "Byte by byte: a Pong that nobody asked for, then a text frame", answers(texts("Hello")), send(pong("Hello"), text("Hello")).every(1).gap(between/10))
	add("byte-by-byte-ping-between", "Byte by byte: three fragments with a Ping between them", answers(pongs("!"), texts("Hello")),
		send(text("He").more(), ping("!"), cont("ll").more(), cont("o")).every(1).gap(between/10))
	add("byte-by-byte-empty-fragment", "Byte by byte: an empty fragment and a last one", answers(texts("Hello")), send(text("").more(), cont("Hello")).every(1).gap(between/10))
	add("byte-by-byte-empty-close", "Byte by byte: a Close frame without a body", closes(), send(closing()).every(1).gap(between/2))
	add("byte-by-byte-text-of-1000", "Byte by byte at once, a text frame of 1,000 bytes", answers(sees(wire.Text, textOf(1000))), send(of(wire.Text, textOf(1000))).every(1))
	add("header-then-payload", "A frame's header, and its payload in the next write", answers(sees(wire.Text, textOf(10000))), send(of(wire.Text, textOf(10000))).cut(4, 8).gap(between))
	add("binary-of-65536-in-writes-of-1460", "A payload of 65,536 bytes in pieces of 1,460", answers(sees(wire.Binary, binaryOf(65536))), send(of(wire.Binary, binaryOf(65536))).every(1460))
	add("binary-of-65536-in-writes-of-4096", "A payload of 65,536 bytes in pieces of 4,096", answers(sees(wire.Binary, binaryOf(65536))), send(of(wire.Binary, binaryOf(65536))).every(4096))
	add("binary-of-4096-in-writes-of-3", "A payload of 4,096 bytes in pieces of 3", answers(sees(wire.Binary, binaryOf(4096))), send(of(wire.Binary, binaryOf(4096))).every(3))
}

// tcpCharacters cuts inside characters of UTF-8.
func tcpCharacters(add addTCP) {
	for _, c := range []struct{ name, what, text string }{
		{"2-byte-character", "a character of two bytes", "ü"},
		{"3-byte-character", "a character of three bytes", "€"},
		{"4-byte-character", "a character of four bytes", "😀"},
	} {
		for at := 1; at < len(c.text); at++ {
			add(fmt.Sprintf("%s-cut-at-%d", c.name, at), fmt.Sprintf("Cut behind byte %d of %s", at, c.what), answers(texts("a"+c.text+"z")),
				send(text("a"+c.text+"z")).cut(at-len(c.text)-1).gap(between))
			add(fmt.Sprintf("%s-fragment-at-%d", c.name, at), fmt.Sprintf("Cut behind byte %d of %s, fragment and TCP alike", at, c.what), answers(texts("a"+c.text+"z")),
				send(text("a"+c.text[:at]).more()), pause(between), send(cont(c.text[at:]+"z")))
		}
	}
	add("byte-by-byte-greek", "κόσμε byte by byte", answers(texts("κόσμε")), send(text("κόσμε")).every(1).gap(between/10))
}

// tcpTogether puts several frames into one TCP write.
func tcpTogether(add addTCP) {
	hundred := make([]Frame, 100)
	hundredTexts := make([]Expect, 100)
	for i := range hundred {
		hundred[i], hundredTexts[i] = text(fmt.Sprint("message ", i)), texts(fmt.Sprint("message ", i))
	}
	add("two-texts-one-write", "Two text frames in one write", answers(texts("one"), texts("two")), send(text("one"), text("two")))
	add("three-texts-one-empty-one-write", "Three frames in one write, the middle one empty", answers(texts("one"), texts(""), texts("three")), send(text("one"), text(""), text("three")))
	add("100-texts-one-write", "100 text frames in one write", answers(hundredTexts...), send(hundred...))
	add("100-texts-in-writes-of-100", "100 text frames in writes of 100 bytes", answers(hundredTexts...), send(hundred...).every(100))
	add("text-and-ping-one-write", "A Ping glued behind a text frame", answers(texts("Hello"), pongs("!")), send(text("Hello"), ping("!")))
	add("ping-and-text-one-write", "A text frame glued behind a Ping", answers(pongs("!"), texts("Hello")), send(ping("!"), text("Hello")))
	add("pong-between-texts-one-write", "A Pong glued between two text frames", answers(texts("one"), texts("two")), send(text("one"), pong(""), text("two")))
	add("two-fragments-one-write", "Two fragments in one write", answers(texts("Hello")), send(text("Hel").more(), cont("lo")))
	add("ping-between-fragments-one-write", "Two fragments with a Ping between them in one write", answers(pongs("!"), texts("Hello")), send(text("Hel").more(), ping("!"), cont("lo")))
	add("text-and-close-one-write", "A Close frame glued behind a text frame", []Outcome{
		{Sees: []Expect{texts("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it answered the Close frame and left the message before it unanswered, which is the application's to decide", End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(text("Hello"), closeWith(1000, "")))
	add("ping-and-close-one-write", "A Close frame glued behind a Ping", []Outcome{
		{Sees: []Expect{pongs("!")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: "it left the Ping unanswered, as RFC 6455 §5.5.2 allows where a Close frame has come", End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(ping("!"), closeWith(1000, "")))
	add("text-of-10000-and-ping-one-write", "A text frame of 10,000 bytes and a Ping in one write", answers(sees(wire.Text, textOf(10000)), pongs("!")), send(of(wire.Text, textOf(10000)), ping("!")))

	two := send(text("first"), text("other"))
	for _, left := range []int{1, 2, 4, 6} {
		add(fmt.Sprintf("all-but-%d-of-second-frame", left), fmt.Sprintf("A frame and all but %d bytes of the next in one write, then the rest", left), answers(texts("first"), texts("other")),
			two.cut(-left).gap(between))
	}
	add("frame-and-half-after-echo", "A marker, and when it has come back a frame and a half in one write, then the rest", answers(texts("marker"), texts("first"), texts("other")),
		send(text("marker")), await(1), two.cut(-3).gap(between))
	add("half-and-half-of-two-frames", "Half a frame, and its other half with half of the next, then the rest", answers(texts("first"), texts("other")), two.cut(4, -4).gap(between))
}

// tcpStreams cuts a conversation with frames of every kind into equal pieces.
func tcpStreams(add addTCP) {
	stream := []Frame{
		text("Hello"), ping("one"), binary(0, 1, 2), text("").more(), cont("Grü").more(), pong("x"), cont("ße"),
		of(wire.Binary, binaryOf(126)), ping(""), of(wire.Text, textOf(300)), text(""),
	}
	outcomes := answersPings(texts("Hello"), pongs("one"), binaries(0, 1, 2), texts("Grüße"), sees(wire.Binary, binaryOf(126)), pongs(""),
		sees(wire.Text, textOf(300)), texts(""))
	add("all-kinds-one-write", "Frames of every kind in one write", outcomes, send(stream...))
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 16, 64, 127} {
		add(fmt.Sprintf("all-kinds-in-writes-of-%d", n), fmt.Sprintf("Frames of every kind in writes of %d bytes", n), outcomes, send(stream...).every(n))
	}
	add("all-kinds-in-writes-of-11-apart", "Frames of every kind in writes of 11 bytes that arrive apart", outcomes, send(stream...).every(11).gap(between/2))
	add("all-kinds-own-writes", "Frames of every kind, each in a write of its own", outcomes, slices.Concat(each(stream...))...)
}

// upTo returns 1 to n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}
