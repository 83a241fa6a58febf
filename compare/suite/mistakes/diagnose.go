package mistakes

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/suite/verdict"
	"wslab/reference/wire"
)

// Diagnosis is a mistake that an endpoint makes, with the cases that show the mistake.
type Diagnosis struct {
	Endpoint string   `json:"endpoint"`
	Mistake  Mistake  `json:"mistake"`
	Cases    []string `json:"cases"`
	// Against are the cases that an endpoint with this mistake fails, and that this
	// endpoint passed. Weighed says that such cases were looked for.
	Against []string `json:"against,omitempty"`
	Weighed bool     `json:"weighed"`
}

// diagnosing is a report with its transcript, for the search for its mistake.
type diagnosing struct {
	*verdict.Report
	*transcript.Transcript
}

// Name sets the mistake in r, the report of t, if r alone shows one. It also keeps in r
// the evidence that DiagnoseAll needs.
func Name(r *verdict.Report, t *transcript.Transcript) {
	r.Mistake = diagnose(&diagnosing{r, t})
	m, _ := MistakeOf(r.Mistake)
	r.Says = m.Says
}

// diagnose returns the code of the mistake that r alone shows. It returns "" if r shows
// no mistake, or could show one of several. Allowed behavior is not a mistake.
func diagnose(r *diagnosing) string {
	r.Trace = r.leaves()
	if r.Worst() < spec.Warning {
		return ""
	}
	if r.Mistake != "" {
		return r.Mistake // a check of the case found the mistake
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

// leaves returns the trace of r that DiagnoseAll needs.
func (r *diagnosing) leaves() transcript.Trace {
	t := transcript.Trace{Quiet: r.quiet(), Came: len(r.Saw), Closed: r.Closed != nil, Ended: r.Over != nil && !transcript.IsTimeout(r.Over), Flooded: r.Flooded || r.TooLong != nil,
		Faulty: r.Fault != nil && !transcript.SentBack(r.Case, r.Fault), Framed: len(r.Saw) > 0 || r.Fault != nil || r.Part.There()}
	t.PongBack = transcript.AnswersPong(r.Case, r.Saw)
	all := r.Saw
	if r.Closed != nil {
		t.Code = r.Closed.Close.Code
		all = append(slices.Clone(all), *r.Closed)
	}
	for _, s := range all {
		if s.Opcode == wire.Pong {
			t.Pongs++
		}
		for _, f := range s.Frames {
			t.Masked = t.Masked || f.Header.Masked && f.Header.Length > 0
		}
	}
	t.NoClose = t.Ended && !t.Closed && r.Verdict < spec.NoAnswer && len(r.Case.Outcomes) > 0 && r.Case.Outcomes[0].End.How == spec.TargetFails
	return t
}

// unchecked has, for each rule, the mistake of an endpoint that accepts input that breaks
// the rule. The input is a handshake or a frame.
var unchecked = map[string]string{
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

// Unchecked returns the mistake of an endpoint that does not check rules. It returns ""
// if the rules do not share one mistake.
func Unchecked(rules []string) string {
	code := ""
	for _, rule := range rules {
		if unchecked[rule] == "" || code != "" && code != unchecked[rule] {
			return ""
		}
		code = unchecked[rule]
	}
	return code
}

// ofHandshake names the mistake that the target's half of the opening handshake shows.
func (r *diagnosing) ofHandshake() string {
	h := r.Half.Head
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
					return "" // a request without a key has no right accept value
				}
				if one := r.Case.Opening.Writes; len(one) == 1 && !strings.Contains(one[0], "\nSec-WebSocket-Key:") && h.Accept.Got == wire.Accept("") {
					return "key-name-by-case"
				}
				if h.Accept.Got == wire.Accept(spec.SampleKey) {
					return "accept-constant"
				}
				return h.Accept.MistakeCode
			case wire.RuleRespSubprotocol.Code:
				return "subprotocol-invented"
			case wire.RuleRespExtension.Code:
				if slices.Contains(r.Case.Rules, wire.RuleExtensionGrammar.Code) {
					return "" // the client offered the extension, in a list that breaks the grammar
				}
				return "extension-invented"
			}
		}
		if refusal := r.Case.Refusal(); refusal != nil && r.Verdict == spec.Fail && !r.Case.MayOpen() && len(r.Case.Opening.Writes) == 1 {
			code := Unchecked(r.Case.Rules)
			if code == "http-version-not-checked" && !oldHTTP(r.Case) {
				return "" // the request line has another error
			}
			if code == "host-not-checked" && strings.Count(r.Case.Opening.Writes[0], "\nHost:") == 1 {
				return "" // the request has one Host, and its value is invalid
			}
			return code
		}
		return ""
	}
	if r.Verdict == spec.Fail && r.Case.Group() == "4.4" && len(h.Head.Values("Sec-WebSocket-Version")) == 0 && r.Case.Refusal() != nil {
		return "version-not-named"
	}
	return ""
}

// ofFirstBytes names the mistake that the first bytes after the opening handshake show.
func (r *diagnosing) ofFirstBytes() string {
	if r.Fault == nil && len(r.Unfinished.Frames) == 0 && !r.Part.There() {
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
		if p := due.Payload.Prefix(len(first)); len(p) >= 4 && bytes.HasPrefix(first, p) {
			return "payload-without-header"
		}
		if len(first) > 1 && first[0] == byte(due.Opcode)<<4|1 && int(first[1]&0x7F) == min(due.Payload.Len(), 126) {
			return "nibbles-swapped"
		}
	}
	return ""
}

// ofFault names the mistake of a frame from the rule that the frame broke.
func (r *diagnosing) ofFault() string {
	if r.Fault == nil {
		return ""
	}
	f := r.Fault
	h := f.Of.Frames[len(f.Of.Frames)-1].Header
	mine := slices.Contains(r.Case.Rules, f.Rule.Code) && r.Case.Outcomes[0].End.How == spec.TargetFails
	switch f.Rule.Code {
	case wire.RuleAfterClose.Code:
		if !h.Opcode.IsControl() {
			return "data-after-close"
		}
		return ""
	case wire.RuleCloseCode.Code:
		switch {
		case mine && transcript.HasSent(r.Case, wire.Close, f.Of.Payload):
			return "close-code-not-checked"
		case len(f.Of.Payload) >= 2:
			switch wire.CloseCode(f.Of.Payload[0])<<8 | wire.CloseCode(f.Of.Payload[1]) {
			case wire.NoStatusReceived, wire.AbnormalClosure, wire.TLSHandshake:
				return "close-1005-sent"
			}
		}
		return r.ofCloseBody(f.Of.Payload)
	case wire.RuleCloseReason.Code:
		if mine && transcript.HasSent(r.Case, wire.Close, f.Of.Payload) {
			return "close-reason-not-checked"
		}
		return ""
	case wire.RuleCloseBody.Code:
		if mine && transcript.HasSent(r.Case, wire.Close, f.Of.Payload) {
			return "close-body-not-checked"
		}
		return ""
	case wire.RuleTextUTF8.Code:
		for _, e := range r.Case.Outcomes[0].Sees {
			if e.Opcode != wire.Text || h.Opcode != wire.Text || !h.Fin {
				continue
			}
			text := e.Payload.Bytes()
			if n := utf8.RuneCount(text); n < len(text) && h.Length == uint64(n) && bytes.HasPrefix(text, f.Of.Payload) {
				return "length-in-characters"
			}
		}
	}
	if mine && r.Case.Deflate == nil && transcript.SentBack(r.Case, r.Fault) { // RSV1 has a meaning with this extension
		return Unchecked([]string{f.Rule.Code})
	}
	return ""
}

// ofUnfinished names the mistake that a message without a last fragment shows.
func (r *diagnosing) ofUnfinished() string {
	u := r.Unfinished
	if len(u.Frames) != 1 || u.Frames[0].Header.Fin || r.Fault != nil && r.Fault.Rule.Code != wire.RuleInterleaved.Code {
		return ""
	}
	if o := r.Case.Outcomes[0]; len(r.Saw) == 0 && len(o.Sees) > 0 && transcript.Is(o.Sees[0], u) && len(u.Payload) > 0 {
		return "fin-inverted"
	}
	return ""
}

// cameAs returns the received messages in the form that models use. whole is false if the
// judge did not read the payload of the last message.
func (r *diagnosing) cameAs() (list []said, whole bool) {
	for _, s := range r.Saw {
		list = append(list, said{opcode: s.Opcode, payload: s.Payload})
	}
	if r.Fault == nil {
		return list, true
	}
	if r.Fault.Rule.Code != wire.RuleTextUTF8.Code {
		return list, false // the judge did not read its payload
	}
	of := r.Fault.Of
	return append(list, said{opcode: of.Opcode, payload: of.Payload, partial: true}), true
}

// ofModels computes the messages that each mistake would produce. It keeps the mistakes
// that explain the received messages. If one mistake is left, ofModels returns it.
func (r *diagnosing) ofModels() string {
	came, whole := r.cameAs()
	if r.Verdict != spec.Fail && (r.Case.Keyword == spec.Must || !unmet(r.Report)) {
		return ""
	}
	if !whole || len(came) == 0 || r.Case.Deflate != nil {
		return ""
	}
	b, writes, ok := stream(r.Case)
	if !ok {
		return ""
	}
	best := r.Case.Outcomes[0]
	if f, _, _ := transcript.Hold(best, r.Saw, true); f != transcript.Cannot && r.Fault == nil {
		return "" // all received messages are right, and many mistakes explain a missing message
	}

	// 1. The endpoint did not check a rule.
	if best.End.How == spec.TargetFails && len(r.Case.Rules) > 0 {
		for _, m := range lenient {
			if explains(m.answers(b, writes), came) {
				return Unchecked(r.Case.Rules)
			}
		}
	}

	// 2. The endpoint made another mistake.
	if best.End.How != spec.JudgeCloses {
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
		r.Trace.Models = append(r.Trace.Models, i)
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

// ofOrder names the mistake that a Pong after a message shows, if the Ping was between
// the fragments of that message.
func (r *diagnosing) ofOrder() string {
	if r.Verdict != spec.Warning || len(r.Saw) < 2 || !r.Case.Outcomes[0].InOrder {
		return ""
	}
	if f, _, _ := transcript.Fits(r.Case.Outcomes[0], r.Saw); f == transcript.Cannot && !r.Saw[0].Opcode.IsControl() && r.Saw[len(r.Saw)-1].Opcode == wire.Pong {
		return "ping-answered-late"
	}
	return ""
}

// ofClose names the mistake that the end of the connection shows.
func (r *diagnosing) ofClose() string {
	best := r.Case.Outcomes[0]
	if r.Closed == nil || r.Fault != nil {
		return ""
	}
	code := r.Closed.Close.Code
	// A normal code in the answering Close frame shows that the endpoint accepted the
	// invalid frame. If the endpoint fails other connections with that code, too, the
	// code shows nothing.
	if best.End.How == spec.TargetFails && len(r.Case.Rules) == 1 && unmet(r.Report) && (code == wire.NormalClosure || code == wire.NoStatusReceived) {
		switch r.Case.Rules[0] {
		case wire.RuleCloseReason.Code:
			r.Trace.Accepted = "close-reason-not-checked"
		case wire.RuleCloseBody.Code:
			r.Trace.Accepted = "close-body-not-checked"
		}
	}
	if r.Over == nil || transcript.IsTimeout(r.Over) {
		if r.Case.Judges == wire.Server && r.Closing == spec.NoAnswer && r.Verdict < spec.NoAnswer && !r.Case.Mute {
			return "tcp-left-open"
		}
	}
	return ""
}
