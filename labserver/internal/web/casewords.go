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

// caseBrief is a test case without its steps.
type caseBrief struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Requirement string   `json:"requirement"`
	Keyword     string   `json:"keyword"`
	Section     string   `json:"section"`
	RFC         int      `json:"rfc"`
	Rules       []string `json:"rules"`
	Judges      string   `json:"judges"`
	Binds       string   `json:"binds,omitempty"`        // place of the MUST, and the side that it binds
	Must        string   `json:"must,omitempty"`         // the sentence with the MUST
	Browser     bool     `json:"browser,omitempty"`      // it applies to browsers only
	Offers      []string `json:"subprotocols,omitempty"` // subprotocols that the page must offer
}

// caseInfo is a test case as the page shows it.
type caseInfo struct {
	caseBrief
	Opening string   `json:"opening"` // the judge's half of the opening handshake, if it is unusual
	Sends   []string `json:"sends"`   // the steps of the judge
	Legal   []string `json:"legal"`   // the allowed outcomes, the best first
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

// briefsOf returns the briefs of cases, in order.
func briefsOf(cases []*suite.Case) []caseBrief {
	all := make([]caseBrief, len(cases))
	for i, c := range cases {
		all[i] = briefOf(c)
	}
	return all
}

// infosOf returns the infos of cases, in order.
func infosOf(cases []*suite.Case) []caseInfo {
	all := make([]caseInfo, len(cases))
	for i, c := range cases {
		all[i] = infoOf(c)
	}
	return all
}

// sends describes the steps of the judge in c, one line each.
func sends(c *suite.Case) []string {
	lines := []string{}
	if n := len(c.Opening.Writes); n == 1 {
		lines = append(lines, "send this half of the opening handshake")
	} else if n > 1 {
		lines = append(lines, fmt.Sprintf("send this half of the opening handshake, in %d TCP writes", n))
	}
	for i, s := range c.Steps {
		line := stepWords(s)
		if i == 0 && c.Glued {
			line += ", in the same TCP write as the end of the handshake"
		}
		lines = append(lines, line)
	}
	return lines
}

// maxFramesTold is the maximum number of frames in the line of one step.
const maxFramesTold = 4

func stepWords(s suite.Step) string {
	switch s.Do {
	case spec.DoAwait:
		return "wait for " + strconv.Itoa(s.N) + " messages or control frames"
	case spec.DoPatience:
		return fmt.Sprintf("wait until it fails the connection, at most %v", s.Time)
	case spec.DoPause:
		return fmt.Sprintf("wait %v", s.Time)
	case spec.DoFin:
		return "send FIN, so no more bytes follow"
	case spec.DoReset:
		return "reset the TCP connection"
	}
	var parts []string
	for i, f := range s.Frames {
		if i == maxFramesTold && len(s.Frames) > maxFramesTold+1 {
			parts = append(parts, fmt.Sprintf("%d more frames", len(s.Frames)-i))
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
		line += ", only the first " + recording.ByteCount(s.Keep)
	}
	switch {
	case s.Each > 0:
		line += ", " + recording.ByteCount(s.Each) + " in each TCP write"
	case len(s.Cuts) > 0:
		line += fmt.Sprintf(", in %d TCP writes", len(s.Cuts)+1)
	}
	return line
}

// frameWords describes a frame and its unusual fields.
func frameWords(f suite.Frame) string {
	b := strings.ToUpper(f.Opcode.String())
	if f.Opcode.IsReserved() {
		b = fmt.Sprintf("a frame with the reserved opcode %X", uint8(f.Opcode))
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
		b += fmt.Sprintf(", length field %d", f.Claims)
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
		b += ", with the wrong MASK bit"
	}
	return b
}

// clipped shortens s to at most n bytes.
func clipped(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
