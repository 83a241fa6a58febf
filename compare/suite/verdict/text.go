package verdict

import (
	"fmt"
	"slices"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
)

// Transcript returns as text all that both ends sent, in order. It returns "" if there
// was no connection.
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

// Letter returns Text with the case, the target and the reason, ready to send.
func (r Report) Letter() string {
	text := fmt.Sprintf("%s (%s)\n%s: %s", r.Case, r.Endpoint, r.Worst().Word(), r.Why())
	if r.Why() == "" {
		text = strings.TrimSuffix(text, ": ")
	}
	return text + "\n\n" + r.Text()
}

// Text returns r in several lines, for the maintainers of the target. It shows the
// requirement, the expected and the received messages, the first wrong bit, and all that
// both ends sent.
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

// Words returns Text without the bytes.
func (r Report) Words() string {
	text := fmt.Sprintf("%s (%s, %s)\nresult   %s\nexpected %s\ngot      %s", r.Case.Requirement, r.Case.Keyword, r.Case.Source(), r.verdictWords(), r.Expected, r.Got)
	if r.broke != (spec.Duty{}) {
		text += fmt.Sprintf("\nbroken   %s (%s)", r.broke.Says, r.broke)
	}
	return text
}

// verdictWords returns the verdicts of r and their meaning.
func (r Report) verdictWords() string {
	meaning := map[spec.Verdict]string{spec.Note: ", allowed", spec.Warning: ", breaks a SHOULD or is lax", spec.Fail: ", breaks a MUST"}
	text := r.Verdict.Word() + meaning[r.Verdict]
	if r.Closing != r.Verdict {
		text += "; how the connection ended: " + r.Closing.Word() + meaning[r.Closing]
	}
	return text
}

// Bits returns the first wrong frame or line as Text shows it. It returns "" if there is
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

// WrongLines returns the bytes of r in hex. A second line has a caret under the first
// wrong byte, and the number of its wrong bit. A line of the opening handshake is text
// instead of hex.
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
		return line, strings.Repeat(" ", before) + "the whole frame: no frame was expected here"
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
