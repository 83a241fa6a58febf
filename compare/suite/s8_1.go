package suite

import (
	"fmt"
	"strings"
	"time"

	"wslab/reference/wire"
)

// section81 is RFC 6455 §8.1: text is UTF-8, and whoever finds that it is not
// must fail the connection.
func section81() []*Case {
	s := group{name: "8.1", section: "8.1"}
	goodText(&s)
	badText(&s)
	cutText(&s)
	failFast(&s)
	return s.cases
}

// wellFormed are texts at the edges of what UTF-8 can say (RFC 3629 §4).
var wellFormed = []struct{ what, text string }{
	{"ASCII", "Hello, world"},
	{"Greek, each character two bytes", "κόσμε"},
	{"characters of one, two, three and four bytes", "a\u00e9\u20ac\U0001f600"},
	{"U+0000, the first of one byte", "\x00"},
	{"U+007F, the last of one byte", "\x7f"},
	{"U+0080, the first of two bytes", "\xc2\x80"},
	{"U+07FF, the last of two bytes", "\xdf\xbf"},
	{"U+0800, the first of three bytes", "\xe0\xa0\x80"},
	{"U+CFFF", "\xec\xbf\xbf"},
	{"U+D000", "\xed\x80\x80"},
	{"U+D7FF, the last before the surrogates", "\xed\x9f\xbf"},
	{"U+E000, the first behind the surrogates", "\xee\x80\x80"},
	{"U+FEFF, the byte order mark", "\xef\xbb\xbf"},
	{"U+FFFD, the replacement character", "\xef\xbf\xbd"},
	{"U+FFFE, no character but well-formed", "\xef\xbf\xbe"},
	{"U+FFFF, no character but well-formed", "\xef\xbf\xbf"},
	{"U+10000, the first of four bytes", "\xf0\x90\x80\x80"},
	{"U+3FFFF", "\xf0\xbf\xbf\xbf"},
	{"U+40000", "\xf1\x80\x80\x80"},
	{"U+FFFFF", "\xf3\xbf\xbf\xbf"},
	{"U+100000", "\xf4\x80\x80\x80"},
	{"U+10FFFF, the last of all", "\xf4\x8f\xbf\xbf"},
	{"every character that ends a plane and is none", "\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf\xf0\xaf\xbf\xbe\xf3\xaf\xbf\xbf\xf4\x8f\xbf\xbe"},
	{"letters with many combining marks", "e\u0301\u0323\u0308 o\u0302"},
}

func goodText(s *group) {
	const requirement = "Text that is UTF-8 is delivered as it is."
	add := func(title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Title: title, Requirement: requirement, Keyword: Must, Duty: dutyParses, Steps: steps, Outcomes: outcomes})
	}
	for _, t := range wellFormed {
		add("Well-formed: "+t.what, answers(texts(t.text)), send(text(t.text)))
	}
	for _, t := range []string{"κόσμε", "a\u00e9\u20ac\U0001f600", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"} {
		// One connection for all places to cut: each is a message that is answered.
		var frames []Frame
		var echoes []Expect
		for i := range len(t) + 1 {
			frames = append(frames, text(t[:i]).more(), cont(t[i:]))
			echoes = append(echoes, texts(t))
		}
		add(fmt.Sprintf("%q in two fragments, cut at every byte", t), answers(echoes...), send(frames...))
		add(fmt.Sprintf("%q in fragments of one byte", t), answers(texts(t)), send(split(wire.Text, []byte(t), 1)...))
		add(fmt.Sprintf("%q, each byte in a frame and in a TCP write of its own", t), answers(texts(t)), each(split(wire.Text, []byte(t), 1)...)...)
		add(fmt.Sprintf("%q in one frame, cut by TCP at every byte", t), answers(texts(t)), send(text(t)).every(1))
	}
}

// malformed are the ways in which bytes can fail to be UTF-8 (RFC 3629 §3, §10;
// the Unicode Standard, table 3-7). wrong is the index of the first byte that
// can no longer be right; len(bytes) where only the end of the text is wrong.
var malformed = []struct {
	what   string
	bytes  string
	wrong  int
	sample bool // stands for its class in other sections
}{
	{"a continuation byte alone, 80", "\x80", 0, true},
	{"a continuation byte alone, BF", "\xbf", 0, false},
	{"two continuation bytes", "\x80\xbf", 0, false},
	{"five continuation bytes", "\x80\xbf\x80\xbf\x80", 0, false},
	{"a continuation byte too many behind a character of two", "\xc3\xa9\xa9", 2, false},
	{"a continuation byte too many behind a character of three", "\xe2\x82\xac\x80", 3, false},
	{"a continuation byte too many behind a character of four", "\xf0\x9f\x98\x80\x80", 4, false},
	{"the first byte of two, then a space", "\xc3 ", 1, true},
	{"the first byte of three, then a space", "\xe2 ", 1, false},
	{"the first byte of four, then a space", "\xf0 ", 1, false},
	{"two bytes of three, then a space", "\xe2\x82 ", 2, false},
	{"two bytes of four, then a space", "\xf0\x9f ", 2, false},
	{"three bytes of four, then a space", "\xf0\x9f\x98 ", 3, false},
	{"the first byte of two, then another first byte", "\xc3\xc3\xa9", 1, false},
	{"the first byte of two at the end", "\xc3", 1, false},
	{"the first byte of three at the end", "\xe2", 1, false},
	{"two bytes of three at the end", "\xe2\x82", 2, true},
	{"the first byte of four at the end", "\xf0", 1, false},
	{"two bytes of four at the end", "\xf0\x9f", 2, false},
	{"three bytes of four at the end", "\xf0\x9f\x98", 3, false},
	{"U+0000 in two bytes, overlong", "\xc0\x80", 0, true},
	{"U+002F in two bytes, overlong", "\xc0\xaf", 0, false},
	{"U+007F in two bytes, overlong", "\xc1\xbf", 0, false},
	{"U+0000 in three bytes, overlong", "\xe0\x80\x80", 1, false},
	{"U+002F in three bytes, overlong", "\xe0\x80\xaf", 1, false},
	{"U+07FF in three bytes, overlong", "\xe0\x9f\xbf", 1, true},
	{"U+0000 in four bytes, overlong", "\xf0\x80\x80\x80", 1, false},
	{"U+FFFF in four bytes, overlong", "\xf0\x8f\xbf\xbf", 1, true},
	{"U+0000 in five bytes, overlong", "\xf8\x80\x80\x80\x80", 0, false},
	{"U+0000 in six bytes, overlong", "\xfc\x80\x80\x80\x80\x80", 0, false},
	{"the surrogate U+D800", "\xed\xa0\x80", 1, true},
	{"the surrogate U+DB7F", "\xed\xad\xbf", 1, false},
	{"the surrogate U+DBFF", "\xed\xaf\xbf", 1, false},
	{"the surrogate U+DC00", "\xed\xb0\x80", 1, false},
	{"the surrogate U+DFFF", "\xed\xbf\xbf", 1, false},
	{"a pair of surrogates, as CESU-8 has it", "\xed\xa0\x81\xed\xb0\x80", 1, false},
	{"U+110000, one above the last", "\xf4\x90\x80\x80", 1, true},
	{"U+13FFFF", "\xf4\xbf\xbf\xbf", 1, false},
	{"U+140000", "\xf5\x80\x80\x80", 0, false},
	{"U+1FFFFF", "\xf7\xbf\xbf\xbf", 0, false},
	{"five bytes, U+200000", "\xf8\x88\x80\x80\x80", 0, false},
	{"six bytes, U+7FFFFFFF", "\xfd\xbf\xbf\xbf\xbf\xbf", 0, false},
	{"FE, which stands nowhere", "\xfe", 0, false},
	{"FF, which stands nowhere", "\xff", 0, true},
	{"FE FE FF FF", "\xfe\xfe\xff\xff", 0, false},
	{"UTF-16 with its byte order mark", "\xff\xfeH\x00i\x00", 0, false},
	{"Latin-1", "caf\xe9", 4, false},
	{"an ASCII byte for the second of three", "\xe2\x28\xac", 1, false},
	{"an ASCII byte for the third of three", "\xe2\x82\x28", 2, false},
	{"an ASCII byte for the second of four", "\xf0\x28\x98\x80", 1, false},
	{"an ASCII byte for the third of four", "\xf0\x9f\x28\x80", 2, false},
	{"an ASCII byte for the fourth of four", "\xf0\x9f\x98\x28", 3, false},
}

// onlyAtEnd reports whether what is malformed is so only because it ends there.
func onlyAtEnd(data string, wrong int) bool { return wrong == len(data) }

const utf8Requirement = "Text that is not UTF-8 fails the connection, with the code 1007."

func badText(s *group) {
	add := func(title string, steps ...Step) {
		s.add(Case{Title: title, Requirement: utf8Requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code}, Steps: steps, Outcomes: fails(wire.InvalidPayload)})
	}
	for _, m := range malformed {
		add("Malformed: "+m.what, send(text(m.bytes)))
		around := "κόσμε" + m.bytes
		where := "behind other text"
		if !onlyAtEnd(m.bytes, m.wrong) {
			around += "edited"
			where = "inside other text"
		}
		add("Malformed, "+where+": "+m.what, send(text(around)))
		add("Malformed, in fragments of one byte: "+m.what, send(split(wire.Text, []byte(around), 1)...))
	}
	for _, m := range malformed {
		if m.sample {
			add("Malformed, cut by TCP at every byte: "+m.what, send(text("κόσμε"+m.bytes)).every(1))
			add("Malformed, as the last of 1,000 bytes: "+m.what, send(text(string(textOf(1000-len(m.bytes)).Bytes())+m.bytes)))
		}
	}
	s.add(Case{
		Title: "A text that is right, answered, and then one that is not", Requirement: utf8Requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{send(text("κόσμε")), await(1), send(text("\xce\xba\xe1"))}, Outcomes: failsAfter(wire.InvalidPayload, texts("κόσμε")),
	})
	s.add(Case{
		Title: "Malformed text in a message whose first fragment is right", Requirement: utf8Requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{send(text("κόσ").more(), cont("με").more(), cont("\xed\xa0\x80"))}, Outcomes: fails(wire.InvalidPayload),
	})
	s.add(Case{
		Title: "A character cut by a message's end, its rest in the next message", Requirement: utf8Requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
		Steps: []Step{send(text("\xe2\x82"), text("\xac"))}, Outcomes: fails(wire.InvalidPayload),
	})
}

// cutText cuts what is malformed into two fragments at every byte of it.
func cutText(s *group) {
	for _, m := range malformed {
		if !m.sample {
			continue
		}
		for at := 1; at < len(m.bytes); at++ {
			s.add(Case{
				Title:       fmt.Sprintf("Malformed, in two fragments cut behind byte %d: %s", at, m.what),
				Requirement: utf8Requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
				Steps: []Step{send(text("κόσμε"+m.bytes[:at]).more(), cont(m.bytes[at:]))}, Outcomes: fails(wire.InvalidPayload),
			})
		}
	}
}

// failFast is about when the fault is found. §8.1 says that an endpoint fails the
// connection when it finds the fault, and not when it has to look: at the first
// byte that cannot be right, or at the end of the message.
func failFast(s *group) {
	const (
		requirement = "Text that is not UTF-8 fails the connection. An endpoint may find that when the wrong byte comes, or only at the end of the message."
		atEnd       = "it found the fault at the end of the message, which no MUST forbids"
		atFrameEnd  = "it found the fault at the end of the frame, which no MUST forbids"
		wait        = time.Second
	)
	add := func(title, why string, steps ...Step) {
		s.add(Case{Title: title, Requirement: requirement, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleTextUTF8.Code},
			Steps: steps, Outcomes: failsFast(wire.InvalidPayload, why), Deadline: 2 * DefaultDeadline})
	}
	for _, m := range malformed {
		if !m.sample || onlyAtEnd(m.bytes, m.wrong) {
			continue
		}
		upTo, rest := "κόσμε"+m.bytes[:m.wrong+1], m.bytes[m.wrong+1:]+"edited"
		add("At once, in an unfinished message: "+m.what, atEnd, send(text(upTo).more()), patience(wait), send(cont(rest)))

		frame := text(upTo+rest+strings.Repeat("*", 50)).key(0x37, 0xfa, 0x21, 0x3d)
		// The judge does not know here whether its frames are masked: the header is
		// two bytes or six, and the first wrong byte is to be the last one sent.
		add("At once, in an unfinished frame: "+m.what, atFrameEnd, send(frame).upTo(len(upTo)), patience(wait), send(frame).behind(len(upTo)))
	}
	add("At once, when a character goes wrong in the second fragment", atEnd,
		send(text("κόσμε\xf4").more()), pause(50*time.Millisecond), send(cont("\x90").more()), patience(wait), send(cont("\x80\x80")))
}
