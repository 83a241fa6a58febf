package transcript

import (
	"encoding/hex"
	"fmt"
	"strings"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Broken returns the codes of the rules that vs break: "A and B".
func Broken(vs []wire.Violation) string {
	codes := make([]string, len(vs))
	for i, v := range vs {
		codes[i] = v.Code
	}
	return strings.Join(codes, " and ")
}

// FrameBrief returns f in a few words, with the rules that it breaks.
func FrameBrief(f *dissect.Frame) string {
	h := f.Header
	p := f.Payload()
	text := spec.Describe(h.Opcode, p[:min(len(p), spec.KeepShown)], int(min(h.Length, 1<<40)))
	if f.Close != nil && h.Length > 0 {
		text = "CLOSE " + spec.CodeText(f.Close.Code)
		if f.Close.Reason != "" {
			text += fmt.Sprintf(" %q", recording.Clip(f.Close.Reason, 40))
		}
	}
	if !h.Fin {
		text += ", without FIN"
	}
	for i, set := range []bool{h.RSV1, h.RSV2, h.RSV3} {
		if set {
			text += fmt.Sprintf(", RSV%d", i+1)
		}
	}
	if h.Form != wire.FormFor(h.Length) {
		text += fmt.Sprintf(", length in %d bits", h.Form)
	}
	if f.Short > 0 {
		text += ", cut off"
	}
	return text + Breaks(f.Violations)
}

// Breaks returns Broken with a sign before it, "" if no rule is broken.
func Breaks(vs []wire.Violation) string {
	if len(vs) == 0 {
		return ""
	}
	return " × " + Broken(vs)
}

// A Crossing is one thing that an end sent in a case, or one event of the client's
// JavaScript. A list of crossings has the order in which the judge saw them.
type Crossing struct {
	From  string   `json:"from"`            // the end that sent it, "client" or "server"
	Judge bool     `json:"judge,omitempty"` // the sender is the judge
	Kind  string   `json:"kind"`            // request, response, frame, bytes, tcp, script, or gap for an omitted part
	Says  string   `json:"says"`            // a description in one line
	Lines []string `json:"lines,omitempty"` // of a handshake, with line ends as \r\n
	Size  uint64   `json:"size,omitempty"`  // bytes
	Hex   string   `json:"hex,omitempty"`   // the first of these bytes
	Left  uint64   `json:"left,omitempty"`  // bytes that Hex or Lines omit at the end
	// Wrong is the first bit of a frame that breaks Rule. The judge's frames break
	// rules on purpose.
	Wrong *int   `json:"wrong,omitempty"`
	Rule  string `json:"rule,omitempty"`
	// WrongLine is the index in Lines of the handshake line that breaks Rule. WrongAt is
	// the index of the wrong character in that line. WrongLine is nil if Rule requires a
	// missing line.
	WrongLine *int `json:"wrongLine,omitempty"`
	WrongAt   int  `json:"wrongAt,omitempty"`
}

// Visible returns line with escapes as in Go for control characters, bytes above 0x7E and
// \.
func Visible(line string) string {
	var b strings.Builder
	for i := range len(line) {
		switch c := line[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ScriptWords returns an event of JavaScript as text.
func ScriptWords(s *recording.Script) string {
	text := s.What
	if s.Text != "" {
		text += " " + recording.Clip(s.Text, 60)
	}
	if s.Size != nil {
		text += ", " + byteCount(uint64(*s.Size))
	}
	if s.Code != nil {
		text += fmt.Sprintf(" with code %d", *s.Code)
	}
	if s.Reason != "" {
		text += fmt.Sprintf(" and reason %q", recording.Clip(s.Reason, 60))
	}
	if s.WasClean != nil {
		text += fmt.Sprintf(", wasClean %t", *s.WasClean)
	}
	return text
}

// byteCount returns n with its unit.
func byteCount(n uint64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// Direction returns the sender and the receiver of c: "judge to server". judged is the
// role of the target.
func (c Crossing) Direction(judged wire.Role) string {
	switch {
	case c.Kind == "gap":
		return ""
	case c.Kind == "script":
		return "to JavaScript"
	case c.Judge:
		return "judge to " + judged.String()
	}
	return judged.String() + " to judge"
}

// String returns c as lines of text without the direction. The lines are the description,
// then the bytes.
func (c Crossing) String() string {
	var b strings.Builder
	b.WriteString(c.Says)
	if c.Size > 0 && c.Kind != "gap" {
		b.WriteString(", " + byteCount(c.Size))
	}
	for i, line := range c.Lines {
		b.WriteString("\n    " + line)
		if c.WrongLine != nil && i == *c.WrongLine {
			b.WriteString("\n    " + strings.Repeat(" ", c.WrongAt) + "^")
		}
	}
	if c.Hex != "" {
		raw, _ := hex.DecodeString(c.Hex)
		fmt.Fprintf(&b, "\n    % x", raw)
	}
	if c.Left > 0 {
		if c.Hex == "" {
			b.WriteString("\n   ")
		}
		fmt.Fprintf(&b, " … %s more", byteCount(c.Left))
	}
	if c.Wrong != nil {
		if at := *c.Wrong / 8; at < len(c.Hex)/2 {
			fmt.Fprintf(&b, "\n    %s^^ bit %d of this byte", strings.Repeat(" ", 3*at), *c.Wrong%8)
		} else {
			fmt.Fprintf(&b, "\n    wrong from byte %d on, which is not shown", at)
		}
	}
	if c.Rule != "" {
		fmt.Fprintf(&b, "\n    breaks %s: %s", c.Rule, sentenceOf(c.Rule))
	}
	return b.String()
}

// Brief returns c in a few lines, with at most n of its bytes, or with one line of a
// handshake. A caret marks the byte that breaks a rule.
func (c Crossing) Brief(n int) string {
	text := c.Says
	if c.Size > 0 && c.Kind != "gap" {
		text += ", " + byteCount(c.Size)
	}
	switch raw, _ := hex.DecodeString(c.Hex); {
	case len(c.Lines) > 0 && c.Rule == "":
		return text + ": " + c.Lines[0] + " …"
	case c.WrongLine != nil:
		return text + "\n        " + c.Lines[*c.WrongLine] + "\n        " + strings.Repeat(" ", c.WrongAt) + "^ breaks " + c.Rule
	case len(c.Lines) > 0:
		return text + ": " + c.Lines[0] + " …\n        breaks " + c.Rule
	case len(raw) > 0:
		hexed := fmt.Sprintf("% x", raw[:min(n, len(raw))])
		if uint64(n) < c.Size {
			hexed += " …"
		}
		text += "\n        " + hexed
		if c.Wrong != nil && *c.Wrong/8 < n {
			text += fmt.Sprintf("\n        %s^^ bit %d breaks %s", strings.Repeat(" ", 3*(*c.Wrong/8)), *c.Wrong%8, c.Rule)
		}
	}
	return text
}

// sentenceOf returns the sentence of the rule with this code.
func sentenceOf(code string) string {
	for _, r := range wire.Rules {
		if r.Code == code {
			return r.Sentence
		}
	}
	return ""
}
