package frames

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section81 is RFC 6455 §8.1: an endpoint that finds invalid UTF-8 in a text message
// must fail the connection.
func Section81() []*Case {
	s := Section{Name: "8.1", In: "8.1"}
	goodText(&s)
	badText(&s)
	cutText(&s)
	failFast(&s)
	return s.Cases
}

// wellFormed are texts at the edges of the ranges of UTF-8 (RFC 3629 §4).
var wellFormed = []struct{ name, what, text string }{
	{"ascii", "ASCII", "Hello, world"},
	{"greek", "Greek, each character of two bytes", "κόσμε"},
	{"1-to-4-bytes", "characters of one, two, three and four bytes", "a\u00e9\u20ac\U0001f600"},
	{"u-0000", "U+0000, the first character of one byte", "\x00"},
	{"u-007f", "U+007F, the last character of one byte", "\x7f"},
	{"u-0080", "U+0080, the first character of two bytes", "\xc2\x80"},
	{"u-07ff", "U+07FF, the last character of two bytes", "\xdf\xbf"},
	{"u-0800", "U+0800, the first character of three bytes", "\xe0\xa0\x80"},
	{"u-cfff", "U+CFFF", "\xec\xbf\xbf"},
	{"u-d000", "U+D000", "\xed\x80\x80"},
	{"u-d7ff", "U+D7FF, the last before the surrogates", "\xed\x9f\xbf"},
	{"u-e000", "U+E000, the first after the surrogates", "\xee\x80\x80"},
	{"u-feff", "U+FEFF, the byte order mark", "\xef\xbb\xbf"},
	{"u-fffd", "U+FFFD, the replacement character", "\xef\xbf\xbd"},
	{"u-fffe", "U+FFFE, a noncharacter but well-formed", "\xef\xbf\xbe"},
	{"u-ffff", "U+FFFF, a noncharacter but well-formed", "\xef\xbf\xbf"},
	{"u-10000", "U+10000, the first character of four bytes", "\xf0\x90\x80\x80"},
	{"u-3ffff", "U+3FFFF", "\xf0\xbf\xbf\xbf"},
	{"u-40000", "U+40000", "\xf1\x80\x80\x80"},
	{"u-fffff", "U+FFFFF", "\xf3\xbf\xbf\xbf"},
	{"u-100000", "U+100000", "\xf4\x80\x80\x80"},
	{"u-10ffff", "U+10FFFF, the last code point", "\xf4\x8f\xbf\xbf"},
	{"plane-ends", "five noncharacters at the ends of planes", "\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf\xf0\xaf\xbf\xbe\xf3\xaf\xbf\xbf\xf4\x8f\xbf\xbe"},
	{"combining-marks", "letters with combining marks", "e\u0301\u0323\u0308 o\u0302"},
}

func goodText(s *Section) {
	const requirement = "A receiver must deliver valid UTF-8 text unchanged."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyParses, Steps: steps, Outcomes: outcomes})
	}
	for _, t := range wellFormed {
		add(t.name, "Well-formed: "+t.what, Answers(Text(t.text)), Send(Text(t.text)))
	}
	for _, whole := range []struct{ name, text string }{
		{"greek", "κόσμε"}, {"1-to-4-bytes", "a\u00e9\u20ac\U0001f600"}, {"edges", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
	} {
		name, t := whole.name, whole.text
		// One connection has a message for each place to cut.
		var frames []Frame
		var echoes []Frame
		for i := range len(t) + 1 {
			frames = append(frames, Text(t[:i]).More(), Cont(t[i:]))
			echoes = append(echoes, Text(t))
		}
		add(name+"-cut-everywhere", fmt.Sprintf("%q in two fragments, cut at every byte", t), Answers(echoes...), Send(frames...))
		add(name+"-in-fragments-of-1", fmt.Sprintf("%q in fragments of one byte", t), Answers(Text(t)), Send(Split(wire.Text, []byte(t), 1)...))
		add(name+"-own-writes", fmt.Sprintf("%q, each byte in its own frame and its own TCP write", t), Answers(Text(t)), Alone(Split(wire.Text, []byte(t), 1)...)...)
		add(name+"-byte-by-byte", fmt.Sprintf("%q in one frame, byte by byte", t), Answers(Text(t)), Send(Text(t)).InPieces(1))
	}
}

// malformed are bytes that are not valid UTF-8 (RFC 3629 §3, §10; the Unicode Standard,
// table 3-7). wrong is the index of the first invalid byte. If only the end of the text
// is wrong, it is len(bytes).
var malformed = []struct {
	name   string
	what   string
	bytes  string
	wrong  int
	sample bool // represents its class in other sections
}{
	{"lone-80", "a continuation byte alone, 80", "\x80", 0, true},
	{"lone-bf", "a continuation byte alone, BF", "\xbf", 0, false},
	{"lone-80-bf", "two continuation bytes", "\x80\xbf", 0, false},
	{"5-continuations", "five continuation bytes", "\x80\xbf\x80\xbf\x80", 0, false},
	{"extra-after-2", "one continuation byte too many after a character of two bytes", "\xc3\xa9\xa9", 2, false},
	{"extra-after-3", "one continuation byte too many after a character of three bytes", "\xe2\x82\xac\x80", 3, false},
	{"extra-after-4", "one continuation byte too many after a character of four bytes", "\xf0\x9f\x98\x80\x80", 4, false},
	{"1-of-2-and-space", "the first byte of two, then a space", "\xc3 ", 1, true},
	{"1-of-3-and-space", "the first byte of three, then a space", "\xe2 ", 1, false},
	{"1-of-4-and-space", "the first byte of four, then a space", "\xf0 ", 1, false},
	{"2-of-3-and-space", "two bytes of three, then a space", "\xe2\x82 ", 2, false},
	{"2-of-4-and-space", "two bytes of four, then a space", "\xf0\x9f ", 2, false},
	{"3-of-4-and-space", "three bytes of four, then a space", "\xf0\x9f\x98 ", 3, false},
	{"1-of-2-and-c3", "the first byte of two, then another first byte", "\xc3\xc3\xa9", 1, false},
	{"1-of-2-at-end", "the first byte of two at the end", "\xc3", 1, false},
	{"1-of-3-at-end", "the first byte of three at the end", "\xe2", 1, false},
	{"2-of-3-at-end", "two bytes of three at the end", "\xe2\x82", 2, true},
	{"1-of-4-at-end", "the first byte of four at the end", "\xf0", 1, false},
	{"2-of-4-at-end", "two bytes of four at the end", "\xf0\x9f", 2, false},
	{"3-of-4-at-end", "three bytes of four at the end", "\xf0\x9f\x98", 3, false},
	{"overlong-0-in-2", "U+0000 in two bytes, overlong", "\xc0\x80", 0, true},
	{"overlong-2f-in-2", "U+002F in two bytes, overlong", "\xc0\xaf", 0, false},
	{"overlong-7f-in-2", "U+007F in two bytes, overlong", "\xc1\xbf", 0, false},
	{"overlong-0-in-3", "U+0000 in three bytes, overlong", "\xe0\x80\x80", 1, false},
	{"overlong-2f-in-3", "U+002F in three bytes, overlong", "\xe0\x80\xaf", 1, false},
	{"overlong-7ff", "U+07FF in three bytes, overlong", "\xe0\x9f\xbf", 1, true},
	{"overlong-0-in-4", "U+0000 in four bytes, overlong", "\xf0\x80\x80\x80", 1, false},
	{"overlong-ffff", "U+FFFF in four bytes, overlong", "\xf0\x8f\xbf\xbf", 1, true},
	{"overlong-0-in-5", "U+0000 in five bytes, overlong", "\xf8\x80\x80\x80\x80", 0, false},
	{"overlong-0-in-6", "U+0000 in six bytes, overlong", "\xfc\x80\x80\x80\x80\x80", 0, false},
	{"surrogate-d800", "the surrogate U+D800", "\xed\xa0\x80", 1, true},
	{"surrogate-db7f", "the surrogate U+DB7F", "\xed\xad\xbf", 1, false},
	{"surrogate-dbff", "the surrogate U+DBFF", "\xed\xaf\xbf", 1, false},
	{"surrogate-dc00", "the surrogate U+DC00", "\xed\xb0\x80", 1, false},
	{"surrogate-dfff", "the surrogate U+DFFF", "\xed\xbf\xbf", 1, false},
	{"surrogate-pair", "a pair of surrogates, as CESU-8 encodes it", "\xed\xa0\x81\xed\xb0\x80", 1, false},
	{"u-110000", "U+110000, one above the last code point", "\xf4\x90\x80\x80", 1, true},
	{"u-13ffff", "U+13FFFF", "\xf4\xbf\xbf\xbf", 1, false},
	{"u-140000", "U+140000", "\xf5\x80\x80\x80", 0, false},
	{"u-1fffff", "U+1FFFFF", "\xf7\xbf\xbf\xbf", 0, false},
	{"u-200000-in-5", "five bytes, U+200000", "\xf8\x88\x80\x80\x80", 0, false},
	{"u-7fffffff-in-6", "six bytes, U+7FFFFFFF", "\xfd\xbf\xbf\xbf\xbf\xbf", 0, false},
	{"byte-fe", "FE, a byte that UTF-8 never uses", "\xfe", 0, false},
	{"byte-ff", "FF, a byte that UTF-8 never uses", "\xff", 0, true},
	{"fe-fe-ff-ff", "FE FE FF FF", "\xfe\xfe\xff\xff", 0, false},
	{"utf-16", "UTF-16 with its byte order mark", "\xff\xfeH\x00i\x00", 0, false},
	{"latin-1", "Latin-1", "caf\xe9", 4, false},
	{"ascii-2nd-of-3", "an ASCII byte as the second of three bytes", "\xe2\x28\xac", 1, false},
	{"ascii-3rd-of-3", "an ASCII byte as the third of three bytes", "\xe2\x82\x28", 2, false},
	{"ascii-2nd-of-4", "an ASCII byte as the second of four bytes", "\xf0\x28\x98\x80", 1, false},
	{"ascii-3rd-of-4", "an ASCII byte as the third of four bytes", "\xf0\x9f\x28\x80", 2, false},
	{"ascii-4th-of-4", "an ASCII byte as the fourth of four bytes", "\xf0\x9f\x98\x28", 3, false},
}

// onlyAtEnd reports whether data is malformed only because it ends too early.
func onlyAtEnd(data string, wrong int) bool { return wrong == len(data) }

const utf8Requirement = "An endpoint that finds invalid UTF-8 in a text message must fail the connection. The close code for that is 1007 (§7.4.1)."

func badText(s *Section) {
	add := func(name, title string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: utf8Requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code}, Steps: steps, Outcomes: Fails(wire.InvalidPayload)})
	}
	for _, m := range malformed {
		add("bad-"+m.name, "Malformed: "+m.what, Send(Text(m.bytes)))
		around := "κόσμε" + m.bytes
		where := "after other text"
		if !onlyAtEnd(m.bytes, m.wrong) {
			around += "edited"
			where = "inside other text"
		}
		add("bad-"+m.name+"-in-text", "Malformed, "+where+": "+m.what, Send(Text(around)))
		add("bad-"+m.name+"-in-fragments", "Malformed, in fragments of one byte: "+m.what, Send(Split(wire.Text, []byte(around), 1)...))
	}
	for _, m := range malformed {
		if m.sample {
			add("bad-"+m.name+"-byte-by-byte", "Malformed, byte by byte: "+m.what, Send(Text("κόσμε"+m.bytes)).InPieces(1))
			add("bad-"+m.name+"-after-1000", "Malformed, as the last of 1,000 bytes: "+m.what, Send(Text(string(TextOf(1000-len(m.bytes)).Bytes())+m.bytes)))
		}
	}
	s.Add(Case{
		Name: "bad-text-after-echo", Title: "A valid text message and its echo, then a malformed one", Requirement: utf8Requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{Send(Text("κόσμε")), Await(1), Send(Text("\xce\xba\xe1"))}, Outcomes: FailsAfter(wire.InvalidPayload, Text("κόσμε")),
	})
	s.Add(Case{
		Name: "bad-last-fragment", Title: "Malformed text in the last fragment of a message", Requirement: utf8Requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{Send(Text("κόσ").More(), Cont("με").More(), Cont("\xed\xa0\x80"))}, Outcomes: Fails(wire.InvalidPayload),
	})
	s.Add(Case{
		Name: "bad-character-in-two-messages", Title: "A character cut by the end of a message, its last byte in the next message", Requirement: utf8Requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{Send(Text("\xe2\x82"), Text("\xac"))}, Outcomes: Fails(wire.InvalidPayload),
	})
}

// cutText cuts malformed text into two fragments, after each of its bytes.
func cutText(s *Section) {
	for _, m := range malformed {
		if !m.sample {
			continue
		}
		for at := 1; at < len(m.bytes); at++ {
			s.Add(Case{
				Name:        fmt.Sprintf("bad-%s-cut-at-%d", m.name, at),
				Title:       fmt.Sprintf("Malformed, in two fragments cut after byte %d: %s", at, m.what),
				Requirement: utf8Requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
				Steps: []Step{Send(Text("κόσμε"+m.bytes[:at]).More(), Cont(m.bytes[at:]))}, Outcomes: Fails(wire.InvalidPayload),
			})
		}
	}
}

// failFast is about the time at which an endpoint finds the fault. §8.1 does not say when
// an endpoint must check. It may check at the first invalid byte or at the end of the
// message.
func failFast(s *Section) {
	const (
		requirement = "An endpoint that finds invalid UTF-8 in a text message must fail the connection. It may check each byte as it arrives, or the whole message at its end."
		atEnd       = "it found the fault only at the end of the message, which no MUST forbids"
		atFrameEnd  = "it found the fault only at the end of the frame, which no MUST forbids"
		wait        = time.Second
	)
	add := func(name, title, why string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
			Steps: steps, Outcomes: FailsFast(wire.InvalidPayload, why), Deadline: 2 * DefaultDeadline})
	}
	for _, m := range malformed {
		if !m.sample || onlyAtEnd(m.bytes, m.wrong) {
			continue
		}
		upTo, rest := "κόσμε"+m.bytes[:m.wrong+1], m.bytes[m.wrong+1:]+"edited"
		add("bad-"+m.name+"-early", "Malformed, in an unfinished message: "+m.what, atEnd, Send(Text(upTo).More()), Patience(wait), Send(Cont(rest)))

		frame := Text(upTo+rest+strings.Repeat("*", 50)).WithKey(0x37, 0xfa, 0x21, 0x3d)
		// The header has two bytes, or six with a masking key. UpTo counts from the start
		// of the payload, so the first invalid byte is the last byte that is sent.
		add("bad-"+m.name+"-early-frame", "Malformed, in an unfinished frame: "+m.what, atFrameEnd, Send(frame).UpTo(len(upTo)), Patience(wait), Send(frame).After(len(upTo)))
	}
	add("bad-second-fragment-early", "Malformed, in the second of three fragments: U+110000", atEnd,
		Send(Text("κόσμε\xf4").More()), Pause(50*time.Millisecond), Send(Cont("\x90").More()), Patience(wait), Send(Cont("\x80\x80")))
}
