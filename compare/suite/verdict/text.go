package verdict

import (
	"fmt"
	"slices"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
)

// Transcript returns all that crossed in r's case, both directions in order, as
// text that can be read without anything beside it; "" where there was no
// connection.
func (r Report) Transcript() string {
	var b strings.Builder
	list := slices.Clone(r.Exchange)
	for _, s := range r.Script {
		list = append(list, transcript.Crossing{Kind: "script", Says: transcript.ScriptWords(&s)})
	}
	for _, c := range list {
		if where := c.Direction(r.Case.Judges); where != "" {
			b.WriteString(where + ": ")
		} else {
			b.WriteString("… ")
		}
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

// Letter is Text with the case, the target and the reason, so that it can be sent
// as it is.
func (r Report) Letter() string {
	text := fmt.Sprintf("%s (%s)\n%s: %s", r.Case, r.Endpoint, r.Worst().Word(), r.Why())
	if r.Why() == "" {
		text = strings.TrimSuffix(text, ": ")
	}
	return text + "\n\n" + r.Text()
}

// Text shows r in several lines, complete enough to be sent to those who
// maintain the target: what is required, what was expected and received, all
// that crossed in both directions, and the first wrong bit.
func (r Report) Text() string {
	text := r.Words() + "\n"
	if b := r.Bits(); b != "" {
		text += "\nWhat is wrong first\n" + b + "\n"
	}
	if crossed := r.Transcript(); crossed != "" {
		text += "\nAll that was sent, in order\n" + crossed
	}
	return text
}

// Words is Text without the bytes.
func (r Report) Words() string {
	text := fmt.Sprintf("%s (%s, %s)\nresult   %s\nexpected %s\ngot      %s", r.Case.Requirement, r.Case.Keyword, r.Case.Source(), r.verdictWords(), r.Expected, r.Got)
	if r.broke != (spec.Duty{}) {
		text += fmt.Sprintf("\nbroken   %s (%s)", r.broke.Says, r.broke)
	}
	return text
}

// verdictWords names the verdicts of r, with what they mean.
func (r Report) verdictWords() string {
	meaning := map[spec.Verdict]string{spec.Note: ", legal", spec.Warning: ", breaks a SHOULD or is lax", spec.Fail: ", breaks a MUST"}
	text := r.Verdict.Word() + meaning[r.Verdict]
	if r.Closing != r.Verdict {
		text += "; how the connection ended: " + r.Closing.Word() + meaning[r.Closing]
	}
	return text
}

// Bits is what Text shows of the first wrong frame or line, "" where there is
// none.
func (r Report) Bits() string {
	if len(r.Bytes) == 0 {
		return ""
	}
	line, caret := r.WrongLines()
	if caret == "" {
		return "bytes    " + line
	}
	return "bytes    " + line + "\n         " + caret
}

// WrongLines returns the bytes of r in hex, and under them a caret at the first
// wrong one, with the number of the bit in it. A line of the opening handshake is
// shown as the text that it is.
func (r Report) WrongLines() (line, caret string) {
	if r.Skipped > 0 {
		line = fmt.Sprintf("(%d before) ", r.Skipped)
	}
	before := len(line)
	if r.IsLine() {
		line += string(r.Bytes)
		if r.Caret >= 0 {
			caret = strings.Repeat(" ", before+r.Caret/8) + "^"
		}
		return line, caret
	}
	line += fmt.Sprintf("% x", r.Bytes)
	if r.Caret < 0 {
		return line, strings.Repeat(" ", before) + "the whole frame: none was expected here"
	}
	return line, strings.Repeat(" ", before+3*(r.Caret/8)) + fmt.Sprintf("^^ bit %d of this byte, %08b", r.Caret%8, r.Bytes[r.Caret/8])
}

// IsLine reports whether the bytes of r are a line of the opening handshake.
func (r Report) IsLine() bool {
	for _, c := range r.Bytes {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return strings.Contains(r.Got, string(r.Bytes))
}
