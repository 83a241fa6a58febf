package transcript

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// The limits of an exchange in a report.
const (
	keepJournal   = 150 // events at each end of a long exchange
	keepCrossings = 24  // crossings at each end of a long exchange
	keepCrossing  = 48  // bytes of one crossing
	keepLines     = 40  // lines of a handshake
	keepColumns   = 200 // bytes of one of its lines
)

// Journal copies the events of one connection while a case runs, because a full recording
// discards its oldest events.
type Journal struct {
	Rec    *recording.Recording
	Conn   int
	Last   uint64
	events []recording.Event // with a recording.Dropped in place of missing events
}

// Take copies the events since the last call.
func (j *Journal) Take() {
	list, gone := j.Rec.After(j.Last, recording.DefaultLimits.Events)
	if gone > 0 {
		j.events = append(j.events, recording.Event{Body: &recording.Dropped{Count: gone}})
	}
	for _, e := range list {
		j.Last = e.Seq
		if e.Conn == j.Conn {
			switch e.Body.(type) {
			case *recording.Bytes, *dissect.Handshake, *dissect.Frame, *recording.TCP, *recording.Script:
				j.events = append(j.events, e)
			}
		}
	}
	if n := len(j.events); n > 2*keepJournal+1 {
		left := uint64(0)
		for _, e := range j.events[keepJournal : n-keepJournal] {
			if d, ok := e.Body.(*recording.Dropped); ok {
				left += d.Count
			} else {
				left++
			}
		}
		kept := append(j.events[:keepJournal:keepJournal], recording.Event{Body: &recording.Dropped{Count: left}})
		j.events = append(kept, j.events[n-keepJournal:]...)
	}
}

// stretch is a range of bytes of one direction: from the first byte up to, but not
// including, end.
type stretch struct{ from, end uint64 }

// Crossings returns the events of j for a report. judge is the role of the judge.
func (j *Journal) Crossings(judge wire.Role) []Crossing {
	// 1. Find the place of each handshake, frame, read and write in the bytes of its
	// direction. Stop at the first gap, because the bytes in a gap cannot be counted.
	units, chunks := map[string][]stretch{}, map[string][]stretch{}
	sent := map[string]uint64{}
	for _, e := range j.events {
		switch b := e.Body.(type) {
		case *recording.Bytes:
			from := sent[e.From]
			sent[e.From] = from + uint64(b.Size)
			chunks[e.From] = append(chunks[e.From], stretch{from, sent[e.From]})
		case *dissect.Handshake:
			at := uint64(0)
			if list := units[e.From]; len(list) > 0 {
				at = list[len(list)-1].end
			}
			units[e.From] = append(units[e.From], stretch{at, at + uint64(len(b.Bytes()))})
		case *dissect.Frame:
			units[e.From] = append(units[e.From], stretch{b.Offset, b.Offset + b.Came()})
		}
		if _, gap := e.Body.(*recording.Dropped); gap {
			break
		}
	}

	// 2. Make a crossing of each handshake and frame, and of the bytes outside them.
	var list []Crossing
	clear(sent)
	next := map[string]int{} // index of the next unit, by sender
	last := map[string]int{} // the chunk in which the last unit began
	placed := true
	var after []Crossing // bytes that arrived with units and follow these units in the stream
	flush := func() {
		for _, c := range after {
			list = appendLoose(list, c)
		}
		after = nil
	}
	for _, e := range j.events {
		if !isUnit(e) || len(after) > 0 && after[0].From != e.From {
			flush()
		}
		c := Crossing{From: e.From, Judge: e.From == judge.String()}
		switch b := e.Body.(type) {
		case *recording.Dropped:
			placed = false
			list = append(list, Crossing{Kind: "gap", Says: fmt.Sprintf("%d events are left out here", b.Count)})
			continue
		case *recording.Bytes:
			at := sent[e.From]
			sent[e.From] += uint64(b.Size)
			if !placed {
				continue
			}
			for _, s := range outside(stretch{at, sent[e.From]}, units[e.From]) {
				c.loose(b, s, at)
				if n := next[e.From]; n < len(units[e.From]) && units[e.From][n].from < s.from && units[e.From][n].end <= sent[e.From] {
					after = append(after, c)
				} else {
					list = appendLoose(list, c)
				}
			}
			continue
		case *dissect.Handshake:
			c.handshake(b)
		case *dissect.Frame:
			c.frame(b)
		case *recording.TCP:
			c.tcp(b)
			if c.Says == "" || slices.ContainsFunc(list, func(d Crossing) bool { return d.Kind == "tcp" && d.From == c.From && d.Says == c.Says }) {
				continue // the FIN is already in the list: a step sent it
			}
		case *recording.Script:
			c.Judge, c.Kind, c.Says = false, "script", ScriptWords(b)
		}
		if placed && c.Judge && (c.Kind == "frame" || c.Kind == "request" || c.Kind == "response") && next[e.From] < len(units[e.From]) {
			first, n := piecesOf(units[e.From][next[e.From]], chunks[e.From])
			switch {
			case n > 1:
				c.Says += fmt.Sprintf(", in %d TCP writes", n)
			case next[e.From] > 0 && last[e.From] == first:
				c.Says += ", in the same TCP write"
			}
			last[e.From] = first + n - 1
		}
		if c.Kind != "tcp" && c.Kind != "script" {
			next[e.From]++
		}
		list = append(list, c)
	}
	flush()
	return shortList(list)
}

// isUnit reports whether e is a handshake or a frame.
func isUnit(e recording.Event) bool {
	switch e.Body.(type) {
	case *dissect.Handshake, *dissect.Frame:
		return true
	}
	return false
}

// outside returns the parts of s that no unit covers.
func outside(s stretch, units []stretch) (rest []stretch) {
	at := s.from
	for _, u := range units {
		if u.end <= at || u.from >= s.end {
			continue
		}
		if u.from > at {
			rest = append(rest, stretch{at, u.from})
		}
		at = max(at, u.end)
	}
	if at < s.end {
		rest = append(rest, stretch{at, s.end})
	}
	return rest
}

// piecesOf returns the first of chunks that has bytes of unit, and the number of chunks
// that have some.
func piecesOf(unit stretch, chunks []stretch) (first, n int) {
	for i, c := range chunks {
		if c.end > unit.from && c.from < unit.end {
			if n++; n == 1 {
				first = i
			}
		}
	}
	return first, n
}

// loose sets c to the bytes s of b, a read or write that began at byte at.
func (c *Crossing) loose(b *recording.Bytes, s stretch, at uint64) {
	c.Kind, c.Size = "bytes", s.end-s.from
	c.Says = "bytes that are not a frame"
	from := min(s.from-at, uint64(len(b.Head)))
	raw := b.Head[from:min(s.end-at, uint64(len(b.Head)))]
	if text := raw[:min(len(raw), keepCrossing)]; len(text) > 0 && text[0] >= ' ' && text[0] <= '~' {
		c.Says += fmt.Sprintf(": %s", Visible(string(text)))
	}
	c.bytes(raw)
}

// appendLoose adds c to list. If c and the last crossing are bytes of the same end, it
// joins them.
func appendLoose(list []Crossing, c Crossing) []Crossing {
	if n := len(list); n > 0 && list[n-1].Kind == "bytes" && list[n-1].From == c.From {
		before := &list[n-1]
		before.Size += c.Size
		if before.Left == 0 {
			before.Hex += c.Hex[:min(len(c.Hex), 2*keepCrossing-len(before.Hex))]
		}
		before.Left = before.Size - uint64(len(before.Hex)/2)
		return list
	}
	return append(list, c)
}

// bytes sets Hex to the first bytes of b. It sets Left from Size.
func (c *Crossing) bytes(b []byte) {
	b = b[:min(len(b), keepCrossing)]
	c.Hex, c.Left = hex.EncodeToString(b), c.Size-uint64(len(b))
}

func (c *Crossing) handshake(h *dissect.Handshake) {
	c.Kind, c.Says = "response", "the response of the opening handshake"
	if h.From == wire.Client {
		c.Kind, c.Says = "request", "the request of the opening handshake"
	}
	all := h.Bytes()
	c.Size = uint64(len(all))
	shown := 0
	for line := range strings.SplitAfterSeq(string(all), "\n") {
		if line == "" {
			continue
		}
		if len(c.Lines) == keepLines {
			break
		}
		text := Visible(line[:min(len(line), keepColumns)])
		if more := len(line) - keepColumns; more > 0 {
			text += fmt.Sprintf(" … %s more", byteCount(uint64(more)))
		}
		c.Lines = append(c.Lines, text)
		shown += len(line)
	}
	c.Left = c.Size - uint64(shown)
	for _, v := range h.Violations {
		if v.Code == wire.RuleStatus.Code {
			continue // every status is allowed
		}
		c.Rule = v.Code
		if line, at, ok := wrongLine(h, v.Code); ok && line < len(c.Lines) {
			c.WrongLine, c.WrongAt = &line, at
		}
		break
	}
}

// wrongLine returns the index of the line of h that breaks the rule called code. It also
// returns the index of the wrong character in the result of Visible.
func wrongLine(h *dissect.Handshake, code string) (line, at int, ok bool) {
	switch code {
	case wire.RuleMethod.Code:
		return 0, 0, true
	case wire.RuleTarget.Code:
		return 0, len(Visible(h.Line[:strings.Index(h.Line, " ")+1])), true
	case wire.RuleHTTPVersion.Code:
		return 0, len(Visible(h.Line[:strings.LastIndex(h.Line, " ")+1])), true
	}
	name := dissect.HeaderField(code)
	text := string(h.Bytes())
	for i := len(h.Lines) - 1; i >= 0 && name != ""; i-- { // the last line of a repeated field
		l := h.Lines[i]
		if !strings.EqualFold(l.Name, name) {
			continue
		}
		raw := strings.TrimRight(text[l.Offset:l.Offset+l.Size], "\r\n")
		start := len(l.Name) + 1
		start += len(raw[start:]) - len(strings.TrimLeft(raw[start:], " \t"))
		return strings.Count(text[:l.Offset], "\n"), len(Visible(raw[:start])), true
	}
	return 0, 0, false
}

func (c *Crossing) frame(f *dissect.Frame) {
	c.Kind, c.Size = "frame", f.Came()
	c.Says, _, _ = strings.Cut(FrameBrief(f), " × ")
	if f.Header.Masked {
		c.Says += ", masked"
	}
	if f.Short > 0 {
		c.Says += fmt.Sprintf(", its header announces %s", byteCount(f.Header.Length))
	}
	c.bytes(f.Bytes())
	if len(f.Violations) > 0 {
		c.Rule = f.Violations[0].Code
		bit := wrongBit(f)
		c.Wrong = &bit
	}
}

// wrongBit returns the bit of f at which f first breaks a rule.
func wrongBit(f *dissect.Frame) int {
	size := f.Header.Size()
	payload := f.Payload()
	switch f.Violations[0].Code {
	case wire.RuleTextUTF8.Code:
		// The character may begin in the fragment before. Then no byte of this fragment
		// is wrong by itself. Return the last byte.
		var text wire.UTF8
		if i := text.Check(payload); i < len(payload) {
			return 8 * (size + i)
		}
		return 8 * (size + max(0, len(payload)-1))
	case wire.RuleCloseReason.Code:
		var text wire.UTF8
		reason := payload[min(2, len(payload)):]
		return 8 * (size + 2 + min(text.Check(reason), max(0, len(reason)-1)))
	case wire.RuleCloseBody.Code, wire.RuleCloseCode.Code, wire.RuleDeflateData.Code:
		return 8 * size
	}
	return BitOf(f.Violations[0].Code, f.Header)
}

func (c *Crossing) tcp(t *recording.TCP) {
	c.Kind = "tcp"
	switch t.What {
	case "fin":
		c.Says = "TCP FIN: no more bytes follow"
	case "rst":
		c.Says = "TCP reset (RST)"
	case "error":
		c.Says = "TCP failed"
		if t.Err != nil {
			c.Says += ": " + t.Err.Text
		}
	case "closed":
		c.Says = "TCP closed"
	}
}

// shortList leaves out the middle of a long list.
func shortList(list []Crossing) []Crossing {
	n := len(list)
	if n <= 2*keepCrossings+1 {
		return list
	}
	left, size := 0, uint64(0)
	for _, c := range list[keepCrossings : n-keepCrossings] {
		left++
		size += c.Size
	}
	gap := Crossing{Kind: "gap", Says: fmt.Sprintf("%d more are left out here, %s", left, byteCount(size))}
	return append(append(list[:keepCrossings:keepCrossings], gap), list[n-keepCrossings:]...)
}
