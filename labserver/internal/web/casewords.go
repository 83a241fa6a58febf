package web

import (
	"fmt"
	"strconv"
	"strings"

	"wslab/compare/recording"
	"wslab/compare/suite"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// caseBrief names a case.
type caseBrief struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Requirement string   `json:"requirement"`
	Keyword     string   `json:"keyword"`
	Section     string   `json:"section"`
	RFC         int      `json:"rfc"`
	Rules       []string `json:"rules"`
	Judges      string   `json:"judges"`
	Binds       string   `json:"binds,omitempty"`        // where the MUST is, and whom it binds
	Must        string   `json:"must,omitempty"`         // what it says
	Browser     bool     `json:"browser,omitempty"`      // it binds browsers alone
	Offers      []string `json:"subprotocols,omitempty"` // what a page must offer
}

// caseInfo is all that a page is told of a case.
type caseInfo struct {
	caseBrief
	Opening string   `json:"opening"` // the judge's half of the handshake, where it is not the usual one
	Sends   []string `json:"sends"`   // what the judge does, step by step
	Legal   []string `json:"legal"`   // the legal outcomes, the best first
}

func briefOf(c *suite.Case) caseBrief {
	return caseBrief{
		ID: c.ID, Title: c.Title, Requirement: c.Requirement, Keyword: c.Keyword, Section: c.Section, RFC: c.RFC,
		Rules: append([]string{}, c.Rules...), Judges: c.Judges.String(), Binds: c.Binds(), Must: c.Duty.Says,
		Browser: c.Browser, Offers: c.Subprotocols,
	}
}

func infoOf(c *suite.Case) caseInfo {
	i := caseInfo{caseBrief: briefOf(c), Opening: clipped(strings.TrimRight(strings.ReplaceAll(strings.Join(c.Opening.Writes, ""), "\r\n", "\n"), "\n"), 1200), Sends: sends(c), Legal: []string{}}
	for _, o := range c.Outcomes {
		text := o.Verdict.Glyph() + " " + o.Verdict.Word() + ": " + clipped(o.String(), 300)
		if o.Why != "" {
			text += " (" + o.Why + ")"
		}
		i.Legal = append(i.Legal, text)
	}
	return i
}

// briefsOf names cases in their order.
func briefsOf(cases []*suite.Case) []caseBrief {
	all := make([]caseBrief, len(cases))
	for i, c := range cases {
		all[i] = briefOf(c)
	}
	return all
}

// infosOf describes cases in their order.
func infosOf(cases []*suite.Case) []caseInfo {
	all := make([]caseInfo, len(cases))
	for i, c := range cases {
		all[i] = infoOf(c)
	}
	return all
}

// sends says what the judge does in c, a line for each step.
func sends(c *suite.Case) []string {
	lines := []string{}
	if n := len(c.Opening.Writes); n == 1 {
		lines = append(lines, "this for its half of the handshake")
	} else if n > 1 {
		lines = append(lines, fmt.Sprintf("this for its half of the handshake, in %d TCP writes", n))
	}
	for i, s := range c.Steps {
		line := stepWords(s)
		if i == 0 && c.Glued {
			line += ", in the same TCP write as the handshake's end"
		}
		lines = append(lines, line)
	}
	return lines
}

// maxFramesTold bounds the frames that a step's line names.
const maxFramesTold = 4

func stepWords(s suite.Step) string {
	switch s.Do {
	case spec.DoAwait:
		return "wait for " + strconv.Itoa(s.N) + " in answer"
	case spec.DoPatience:
		return fmt.Sprintf("wait until it fails the connection, %v at most", s.Time)
	case spec.DoPause:
		return fmt.Sprintf("wait %v", s.Time)
	case spec.DoFin:
		return "send FIN: no byte will follow"
	case spec.DoReset:
		return "reset TCP"
	}
	var parts []string
	for i, f := range s.Frames {
		if i == maxFramesTold && len(s.Frames) > maxFramesTold+1 {
			parts = append(parts, fmt.Sprintf("%d frames more", len(s.Frames)-i))
			break
		}
		parts = append(parts, frameWords(f))
	}
	if len(s.Bytes) > 0 {
		parts = append(parts, fmt.Sprintf("the bytes % x", s.Bytes[:min(len(s.Bytes), 16)]))
		if len(s.Bytes) > 16 {
			parts[len(parts)-1] += fmt.Sprintf(" … (%d)", len(s.Bytes))
		}
	}
	line := strings.Join(parts, "; ")
	if s.Keep > 0 {
		line += ", of that " + recording.ByteCount(s.Keep) + " alone"
	}
	switch {
	case s.Each > 0:
		line += ", " + recording.ByteCount(s.Each) + " in each TCP write"
	case len(s.Cuts) > 0:
		line += fmt.Sprintf(", in %d TCP writes", len(s.Cuts)+1)
	}
	return line
}

// frameWords names a frame and what is odd about it.
func frameWords(f suite.Frame) string {
	b := strings.ToUpper(f.Opcode.String())
	if f.Opcode.IsReserved() {
		b = fmt.Sprintf("a frame of the reserved opcode %X", uint8(f.Opcode))
	}
	if !f.Fin {
		b += " without FIN"
	}
	for i, name := range []string{"RSV1", "RSV2", "RSV3"} {
		if f.RSV&(4>>i) != 0 {
			b += " " + name
		}
	}
	n := f.Payload.Len()
	switch text := f.Payload.Data; {
	case n == 0:
		b += ", empty"
	case f.Opcode == wire.Close && n >= 2:
		b += fmt.Sprintf(" %d", int(text[0])<<8|int(text[1]))
		if n > 2 {
			b += fmt.Sprintf(" %q", clipped(string(text[2:]), 24))
		}
	case f.Opcode == wire.Binary || f.Opcode == wire.Close:
		b += fmt.Sprintf(" % x", text[:min(len(text), 8)])
	default:
		b += fmt.Sprintf(" %q", clipped(string(text), 24))
	}
	if n > 24 {
		b += fmt.Sprintf(" (%d bytes)", n)
	}
	if f.Lies {
		b += fmt.Sprintf(", its header says %d bytes", f.Claims)
	}
	if f.Form != 0 && f.Form != wire.FormFor(uint64(n)) {
		b += fmt.Sprintf(", length in %d bits", f.Form)
	}
	switch f.Masking {
	case spec.ByRole:
	case spec.Never:
		b += ", not masked"
	case spec.Always:
		b += ", masked"
	default:
		b += ", masked just as it must not be"
	}
	return b
}

// clipped shortens s to n bytes at most.
func clipped(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
