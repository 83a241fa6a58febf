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

// diagnosing is a report with what came, while its mistake is looked for.
type diagnosing struct {
	*Report
	*Transcript
}

// Name names the mistake in r, the report of what came in t, where it shows one by
// itself, and keeps in r what DiagnoseAll needs.
func Name(r *Report, t *Transcript) {
	r.Mistake = diagnose(&diagnosing{r, t})
	m, _ := MistakeOf(r.Mistake)
	r.Says = m.Says
}

// diagnose returns the code of the mistake that r shows by itself, or "" where
// it shows none, or may show several.
//
// What is legal is no mistake, and is not named.
func diagnose(r *diagnosing) string {
	r.Trace = r.leaves()
	if r.Worst() < Warning {
		return ""
	}
	if r.Mistake != "" {
		return r.Mistake // a check of the case has found it
	}
	if code := r.ofHandshake(); code != "" {
		return code
	}
	if r.NoWebSocket() {
		return ""
	}
	for _, sign := range []func(*diagnosing) string{
		(*diagnosing).ofFirstBytes, (*diagnosing).ofFrame, (*diagnosing).ofPart, (*diagnosing).ofFault, (*diagnosing).ofUnfinished, (*diagnosing).ofModels, (*diagnosing).ofOrder, (*diagnosing).ofClose,
	} {
		if code := sign(r); code != "" {
			return code
		}
	}
	return ""
}

// leaves returns what is kept of r.
func (r *diagnosing) leaves() Trace {
	t := Trace{quiet: r.quiet(), came: len(r.Saw), closed: r.Closed != nil, ended: r.Over != nil && !isTimeout(r.Over), flooded: r.Flooded || r.TooLong != nil,
		faulty: r.Fault != nil && !sentBack(r.Case, r.Fault), framed: len(r.Saw) > 0 || r.Fault != nil || r.Part.there()}
	all := r.Saw
	if r.Closed != nil {
		t.code = r.Closed.close.Code
		all = append(slices.Clone(all), *r.Closed)
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
func (r *diagnosing) ofHandshake() string {
	h := r.Half.head
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
func (r *diagnosing) ofFirstBytes() string {
	if r.Fault == nil && len(r.Unfinished.frames) == 0 && !r.Part.there() {
		return ""
	}
	first := r.First
	switch {
	case len(r.Saw) > 0:
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
func (r *diagnosing) ofFault() string {
	if r.Fault == nil {
		return ""
	}
	f := r.Fault
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
		case mine && sent(r.Case, wire.Close, f.of.payload):
			return "close-code-not-checked"
		case len(f.of.payload) >= 2:
			switch wire.CloseCode(f.of.payload[0])<<8 | wire.CloseCode(f.of.payload[1]) {
			case wire.NoStatusReceived, wire.AbnormalClosure, wire.TLSHandshake:
				return "close-1005-sent"
			}
		}
		return r.ofCloseBody(f.of.payload)
	case wire.RuleCloseReason.Code:
		if mine && sent(r.Case, wire.Close, f.of.payload) {
			return "close-reason-not-checked"
		}
		return ""
	case wire.RuleCloseBody.Code:
		if mine && sent(r.Case, wire.Close, f.of.payload) {
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
	if mine && r.Case.Deflate == nil && sentBack(r.Case, r.Fault) { // RSV1 has a meaning there
		return overlooks([]string{f.rule.Code})
	}
	return ""
}

// ofUnfinished looks at a message without an end.
func (r *diagnosing) ofUnfinished() string {
	u := r.Unfinished
	if len(u.frames) != 1 || u.frames[0].header.Fin || r.Fault != nil && r.Fault.rule.Code != wire.RuleInterleaved.Code {
		return ""
	}
	if o := r.Case.Outcomes[0]; len(r.Saw) == 0 && len(o.Sees) > 0 && o.Sees[0].is(u) && len(u.payload) > 0 {
		return "fin-inverted"
	}
	return ""
}

// cameAs returns what came as a model would have said it.
func (r *diagnosing) cameAs() (list []said, whole bool) {
	for _, s := range r.Saw {
		list = append(list, said{opcode: s.opcode, payload: s.payload})
	}
	if r.Fault == nil {
		return list, true
	}
	if r.Fault.rule.Code != wire.RuleTextUTF8.Code {
		return list, false // its payload was not read
	}
	of := r.Fault.of
	return append(list, said{opcode: of.opcode, payload: of.payload, partial: true}), true
}

// ofModels works out what each mistake would give. It notes those that explain
// what came, and returns the mistake if it is one alone.
func (r *diagnosing) ofModels() string {
	came, whole := r.cameAs()
	if r.Verdict != Fail && (r.Case.Keyword == Must || !unmet(r.Report)) {
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
	if f, _, _ := best.hold(r.Saw, true); f != cannot && r.Fault == nil {
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
		r.Trace.models = append(r.Trace.models, i)
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
func (r *diagnosing) ofOrder() string {
	if r.Verdict != Warning || len(r.Saw) < 2 || !r.Case.Outcomes[0].InOrder {
		return ""
	}
	if f, _, _ := r.Case.Outcomes[0].fits(r.Saw); f == cannot && !r.Saw[0].opcode.IsControl() && r.Saw[len(r.Saw)-1].opcode == wire.Pong {
		return "ping-answered-late"
	}
	return ""
}

// ofClose looks at how the connection ended.
func (r *diagnosing) ofClose() string {
	best := r.Case.Outcomes[0]
	if r.Closed == nil || r.Fault != nil {
		return ""
	}
	code := r.Closed.close.Code
	// An endpoint that answers with the code of a frame that it must not accept has
	// accepted it, unless it fails other connections with that code as well.
	if best.End.How == Fails && len(r.Case.Rules) == 1 && unmet(r.Report) && (code == wire.NormalClosure || code == wire.NoStatusReceived) {
		switch r.Case.Rules[0] {
		case wire.RuleCloseReason.Code:
			r.Trace.accepted = "close-reason-not-checked"
		case wire.RuleCloseBody.Code:
			r.Trace.accepted = "close-body-not-checked"
		}
	}
	if r.Over == nil || isTimeout(r.Over) {
		if r.Case.Judges == wire.Server && r.Closing == NoAnswer && r.Verdict < NoAnswer && !r.Case.Mute {
			return "tcp-left-open"
		}
	}
	return ""
}
