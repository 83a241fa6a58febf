package suite

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"wslab/reference/wire"
)

// Diagnosis is a mistake that an endpoint makes, and the cases that show it.
type Diagnosis struct {
	Endpoint string   `json:"endpoint"`
	Mistake  Mistake  `json:"mistake"`
	Cases    []string `json:"cases"`
}

// trace is what is kept of a report for a diagnosis from several.
type trace struct {
	models []int // those that explain what came
	came   int   // messages and control frames
	pongs  int
	closed bool // it sent a Close frame
	ended  bool // it ended TCP
	code   wire.CloseCode
	masked bool // a frame with a payload was masked
	quiet  bool // nothing came that could be an answer, not even a broken frame
	// bareControl says that a client's control frame had no mask.
	bareControl bool
	noClose     bool // it failed the connection without a Close frame
	// accepted is the mistake of an endpoint that answers a Close frame which breaks
	// a rule as it would answer one without.
	accepted string
	flooded  bool // more came than anything called for
	faulty   bool // a frame that came breaks a rule, and is not one of the judge's
	framed   bool // a frame came, whole or in part, that is not a Close frame
}

// diagnose returns the code of the mistake that r shows by itself, or "" where
// it shows none, or may show several.
//
// What is legal is no mistake, and is not named.
func diagnose(r *Report) string {
	r.trace = r.leaves()
	if r.Worst() < Warning {
		return ""
	}
	if r.shown != "" {
		return r.shown
	}
	if code := r.ofHandshake(); code != "" {
		return code
	}
	if r.NoWebSocket() {
		return ""
	}
	for _, sign := range []func(*Report) string{
		(*Report).ofFirstBytes, (*Report).ofFrame, (*Report).ofPart, (*Report).ofFault, (*Report).ofUnfinished, (*Report).ofModels, (*Report).ofOrder, (*Report).ofClose,
	} {
		if code := sign(r); code != "" {
			return code
		}
	}
	return ""
}

// leaves returns what is kept of r.
func (r *Report) leaves() trace {
	t := trace{quiet: r.quiet(), came: len(r.saw), closed: r.closed != nil, ended: r.over != nil && !isTimeout(r.over), flooded: r.flooded || r.tooLong != nil,
		faulty: r.fault != nil && !r.sentBack(), framed: len(r.saw) > 0 || r.fault != nil || r.part.there()}
	all := r.saw
	if r.closed != nil {
		t.code = r.closed.close.Code
		all = append(slices.Clone(all), *r.closed)
	}
	for _, s := range all {
		if s.opcode == wire.Pong {
			t.pongs++
		}
		for _, f := range s.frames {
			t.masked = t.masked || f.header.Masked && f.header.Length > 0
		}
	}
	t.noClose = t.ended && !t.closed && r.Verdict < NoAnswer && len(r.Case.Outcomes) > 0 && r.Case.Outcomes[0].End.How == Fails
	return t
}

// overlooked has the mistake of who opens a WebSocket for, or goes on in spite
// of, what breaks a rule.
var overlooked = map[string]string{
	wire.RuleMethod.Code:      "method-not-checked",
	wire.RuleHTTPVersion.Code: "http-version-not-checked",
	wire.RuleHost.Code:        "host-not-checked",
	wire.RuleKeyMissing.Code:  "key-not-checked",

	wire.RuleRSV1.Code:            "rsv-not-checked",
	wire.RuleRSV2.Code:            "rsv-not-checked",
	wire.RuleRSV3.Code:            "rsv-not-checked",
	wire.RuleOpcode.Code:          "opcode-not-checked",
	wire.RuleMaskMissing.Code:     "mask-not-checked",
	wire.RuleMaskForbidden.Code:   "mask-not-checked",
	wire.RuleControlLength.Code:   "control-length-not-checked",
	wire.RuleControlFragment.Code: "control-fragment-not-checked",
	wire.RuleStray.Code:           "continuation-stray-not-checked",
	wire.RuleInterleaved.Code:     "interleaved-not-checked",
	wire.RuleTextUTF8.Code:        "utf8-not-checked",
}

// overlooks returns the one mistake of overlooking all of rules, or "".
func overlooks(rules []string) string {
	code := ""
	for _, rule := range rules {
		if overlooked[rule] == "" || code != "" && code != overlooked[rule] {
			return ""
		}
		code = overlooked[rule]
	}
	return code
}

// ofHandshake looks at the target's half of the opening handshake.
func (r *Report) ofHandshake() string {
	h := r.answer.head
	if h == nil {
		return ""
	}
	if h.From == wire.Client {
		return ""
	}
	if h.Head.Status == 101 {
		for _, v := range h.Violations {
			switch v.Code {
			case wire.RuleAcceptWrong.Code:
				if h.Accept == nil {
					return "" // to a request without a key any answer is wrong
				}
				if one := r.Case.Opening.Writes; len(one) == 1 && !strings.Contains(one[0], "\nSec-WebSocket-Key:") && h.Accept.Got == wire.Accept("") {
					return "key-name-by-case"
				}
				if h.Accept.Got == wire.Accept(SampleKey) {
					return "accept-constant"
				}
				return h.Accept.MistakeCode
			case wire.RuleRespSubprotocol.Code:
				return "subprotocol-invented"
			case wire.RuleRespExtension.Code:
				if slices.Contains(r.Case.Rules, wire.RuleExtensionGrammar.Code) {
					return "" // it was offered, in a list that breaks the grammar
				}
				return "extension-invented"
			}
		}
		if refusal := r.Case.refusal(); refusal != nil && r.Verdict == Fail && !r.Case.mayOpen() && len(r.Case.Opening.Writes) == 1 {
			code := overlooks(r.Case.Rules)
			if code == "http-version-not-checked" && !r.Case.oldHTTP() {
				return "" // the line is wrong in another way
			}
			if code == "host-not-checked" && strings.Count(r.Case.Opening.Writes[0], "\nHost:") == 1 {
				return "" // it is there once, and what is wrong is its value
			}
			return code
		}
		return ""
	}
	if r.Verdict == Fail && r.Case.Group() == "4.4" && len(h.Head.Values("Sec-WebSocket-Version")) == 0 && r.Case.refusal() != nil {
		return "version-not-named"
	}
	return ""
}

// ofFirstBytes looks at what came right behind the opening handshake.
func (r *Report) ofFirstBytes() string {
	if r.fault == nil && len(r.unfinished.frames) == 0 && !r.part.there() {
		return ""
	}
	first := r.first
	switch {
	case len(r.saw) > 0:
		return ""
	case bytes.HasPrefix(first, []byte("HTTP/1.")):
		return "http-after-handshake"
	case bytes.HasPrefix(first, []byte("0\r\n")):
		return "chunk-after-handshake"
	case bytes.HasPrefix(first, []byte("\r\n")):
		return "crlf-behind-handshake"
	}
	if o := r.Case.Outcomes[0]; len(o.Sees) > 0 {
		due := o.Sees[0]
		if p := due.Payload.prefix(len(first)); len(p) >= 4 && bytes.HasPrefix(first, p) {
			return "payload-without-header"
		}
		if len(first) > 1 && first[0] == byte(due.Opcode)<<4|1 && int(first[1]&0x7F) == min(due.Payload.Len(), 126) {
			return "nibbles-swapped"
		}
	}
	return ""
}

// ofFault looks at a frame that breaks a rule by itself.
func (r *Report) ofFault() string {
	if r.fault == nil {
		return ""
	}
	f := r.fault
	h := f.of.frames[len(f.of.frames)-1].header
	mine := slices.Contains(r.Case.Rules, f.rule.Code) && r.Case.Outcomes[0].End.How == Fails
	switch f.rule.Code {
	case wire.RuleAfterClose.Code:
		if !h.Opcode.IsControl() {
			return "data-after-close"
		}
		return ""
	case wire.RuleCloseCode.Code:
		switch {
		case mine && r.sent(wire.Close, f.of.payload):
			return "close-code-not-checked"
		case len(f.of.payload) >= 2:
			switch wire.CloseCode(f.of.payload[0])<<8 | wire.CloseCode(f.of.payload[1]) {
			case wire.NoStatusReceived, wire.AbnormalClosure, wire.TLSHandshake:
				return "close-1005-sent"
			}
		}
		return r.ofCloseBody(f.of.payload)
	case wire.RuleCloseReason.Code:
		if mine && r.sent(wire.Close, f.of.payload) {
			return "close-reason-not-checked"
		}
		return ""
	case wire.RuleCloseBody.Code:
		if mine && r.sent(wire.Close, f.of.payload) {
			return "close-body-not-checked"
		}
		return ""
	case wire.RuleTextUTF8.Code:
		for _, e := range r.Case.Outcomes[0].Sees {
			if e.Opcode != wire.Text || h.Opcode != wire.Text || !h.Fin {
				continue
			}
			text := e.Payload.Bytes()
			if n := utf8.RuneCount(text); n < len(text) && h.Length == uint64(n) && bytes.HasPrefix(text, f.of.payload) {
				return "length-in-characters"
			}
		}
	}
	if mine && r.Case.Deflate == nil && r.sentBack() { // RSV1 has a meaning there
		return overlooks([]string{f.rule.Code})
	}
	return ""
}

// sent reports whether the judge has sent such a frame.
func (r *Report) sent(op wire.Opcode, payload []byte) bool {
	for _, s := range r.Case.Steps {
		for _, f := range s.Frames {
			if f.Opcode == op && f.Payload.equal(payload) {
				return true
			}
		}
	}
	return false
}

// ofUnfinished looks at a message without an end.
func (r *Report) ofUnfinished() string {
	u := r.unfinished
	if len(u.frames) != 1 || u.frames[0].header.Fin || r.fault != nil && r.fault.rule.Code != wire.RuleInterleaved.Code {
		return ""
	}
	if o := r.Case.Outcomes[0]; len(r.saw) == 0 && len(o.Sees) > 0 && o.Sees[0].is(u) && len(u.payload) > 0 {
		return "fin-inverted"
	}
	return ""
}

// cameAs returns what came as a model would have said it.
func (r *Report) cameAs() (list []said, whole bool) {
	for _, s := range r.saw {
		list = append(list, said{opcode: s.opcode, payload: s.payload})
	}
	if r.fault == nil {
		return list, true
	}
	if r.fault.rule.Code != wire.RuleTextUTF8.Code {
		return list, false // its payload was not read
	}
	of := r.fault.of
	return append(list, said{opcode: of.opcode, payload: of.payload, partial: true}), true
}

// ofModels works out what each mistake would give. It notes those that explain
// what came, and returns the mistake if it is one alone.
func (r *Report) ofModels() string {
	came, whole := r.cameAs()
	if r.Verdict != Fail && (r.Case.Keyword == Must || !unmet(r)) {
		return ""
	}
	if !whole || len(came) == 0 || r.Case.Deflate != nil {
		return ""
	}
	b, writes, ok := r.Case.stream()
	if !ok {
		return ""
	}
	best := r.Case.Outcomes[0]
	if f, _, _ := best.hold(r.saw, true); f != cannot && r.fault == nil {
		return "" // all that came is right: what is missing may have many reasons
	}

	// 1. It overlooked what is wrong.
	if best.End.How == Fails && len(r.Case.Rules) > 0 {
		for _, m := range lenient {
			if explains(m.answers(b, writes), came) {
				return overlooks(r.Case.Rules)
			}
		}
	}

	// 2. It made a mistake of its own.
	if best.End.How != ByJudge {
		for _, m := range models {
			if m.mistake == "utf8-replaced" && slices.Contains(r.Case.Rules, wire.RuleTextUTF8.Code) && explains(m.answers(b, writes), came) {
				return m.mistake
			}
		}
		return ""
	}
	named := ""
	for i, m := range models {
		if !explains(m.answers(b, writes), came) {
			continue
		}
		r.trace.models = append(r.trace.models, i)
		if named != "" && named != m.mistake {
			named = "?"
		} else {
			named = m.mistake
		}
	}
	if named == "?" {
		return ""
	}
	return named
}

// ofOrder looks at a Pong that came behind the message that its Ping stood in.
func (r *Report) ofOrder() string {
	if r.Verdict != Warning || len(r.saw) < 2 || !r.Case.Outcomes[0].InOrder {
		return ""
	}
	if f, _, _ := r.Case.Outcomes[0].fits(r.saw); f == cannot && !r.saw[0].opcode.IsControl() && r.saw[len(r.saw)-1].opcode == wire.Pong {
		return "ping-answered-late"
	}
	return ""
}

// ofClose looks at how the connection ended.
func (r *Report) ofClose() string {
	best := r.Case.Outcomes[0]
	if r.closed == nil || r.fault != nil {
		return ""
	}
	code := r.closed.close.Code
	// An endpoint that answers with the code of a frame that it must not accept has
	// accepted it, unless it fails other connections with that code as well.
	if best.End.How == Fails && len(r.Case.Rules) == 1 && unmet(r) && (code == wire.NormalClosure || code == wire.NoStatusReceived) {
		switch r.Case.Rules[0] {
		case wire.RuleCloseReason.Code:
			r.trace.accepted = "close-reason-not-checked"
		case wire.RuleCloseBody.Code:
			r.trace.accepted = "close-body-not-checked"
		}
	}
	if r.over == nil || isTimeout(r.over) {
		if r.Case.Judges == wire.Server && r.Closing == NoAnswer && r.Verdict < NoAnswer && !r.Case.Mute {
			return "tcp-left-open"
		}
	}
	return ""
}
