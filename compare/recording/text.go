package recording

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// TextOptions choose the form of WriteText.
type TextOptions struct {
	// Stable omits everything that differs from run to run by chance: times, numbers,
	// addresses, and how TCP cuts bytes. Two stable texts can be compared line by line.
	//
	// A line "> COMMAND" is above the events of each step. Events of the second and
	// later connections begin with the number of the connection.
	Stable bool

	// Brief writes one line for each event.
	Brief bool

	// Aside, if not nil, returns a line to write below an event, or "".
	Aside func(Event) string
}

// WriteText writes events as text, one paragraph each: a line that says what happened,
// and below a frame its bytes and its fields bit by bit.
func WriteText(w io.Writer, events []Event, opt TextOptions) error {
	t := newTextWriter(w, events, opt)
	if !opt.Stable {
		for _, e := range events {
			t.event(e)
		}
		return t.err
	}
	for i, b := range blocks(events) {
		if i > 1 && (b.step != nil || len(b.events) > 0) {
			t.printf("\n")
		}
		if i > 0 {
			t.head(b)
		}
		for _, e := range b.events {
			t.event(e)
		}
		if b.over != nil && b.over.Error != "" {
			t.printf("\n! %s\n", b.over.Error)
		}
	}
	return t.err
}

type textWriter struct {
	w     io.Writer
	opt   TextOptions
	err   error
	units map[uint64]string // names of the events that the valve can hold, by seq
}

func newTextWriter(w io.Writer, events []Event, opt TextOptions) *textWriter {
	t := &textWriter{w: w, opt: opt, units: map[uint64]string{}}
	if !opt.Stable {
		return t // it names events by number
	}
	for _, e := range events {
		switch b := e.Body.(type) {
		case *dissect.Handshake:
			t.units[e.Seq] = "the " + map[wire.Role]string{wire.Client: "request", wire.Server: "response"}[b.From]
		case *dissect.Frame:
			t.units[e.Seq] = "the " + strings.ToUpper(b.Header.Opcode.String()) + " frame"
		case *TCP:
			t.units[e.Seq] = "TCP FIN"
		}
	}
	return t
}

// printf writes formatted text and keeps the first error.
func (t *textWriter) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// line writes the first line of an event.
func (t *textWriter) line(e Event, arrow, format string, args ...any) {
	if !t.opt.Stable {
		t.printf("#%-5d %11.3f ms  conn %d  ", e.Seq, float64(e.At.Microseconds())/1000, e.Conn)
	}
	if t.opt.Stable && e.Conn > 1 {
		t.printf("conn %d  ", e.Conn)
	}
	t.printf("%-6s %s "+format+"\n", append([]any{e.From, arrow}, args...)...)
}

// detail writes a line that belongs to the line above.
func (t *textWriter) detail(format string, args ...any) {
	if !t.opt.Brief {
		t.printf("           "+format+"\n", args...)
	}
}

func (t *textWriter) event(e Event) {
	defer t.aside(e)
	arrow := map[string]string{"client": "❱", "server": "❰"}[e.From]
	switch b := e.Body.(type) {
	case *TCP:
		t.tcp(e, b)
	case *Bytes:
		if !t.opt.Stable {
			t.line(e, arrow, "TCP delivers %s: %s", ByteCount(b.Size), spaced(b.Head, 32, b.Size))
		}
	case *dissect.Handshake:
		t.handshake(e, arrow, b)
	case *dissect.Frame:
		t.line(e, arrow, "%s", frameSummary(b))
		t.frame(b)
		t.violations(b.Violations)
	case *Unsent:
		t.line(e, "·", "not sent: %s%s", t.pieceSummary(b.piece), errorSuffix(b.Err))
		if b.Frame != nil {
			t.frame(b.Frame)
		}
	case *Unread:
		t.line(e, "·", "arrived, and the %s did not read it: %s", other(e.From), t.pieceSummary(b.piece))
		if b.Frame != nil {
			t.frame(b.Frame)
			t.violations(b.Frame.Violations)
		}
	case *Message:
		t.line(e, arrow, "a %s message of %s is complete: %s", b.Opcode, ByteCount(b.Size), preview(b.Message))
	case *Call:
		t.call(e, b)
	case *Script:
		t.line(e, "·", "%s", scriptText(b))
	case *State:
		t.line(e, "·", "%s: %s", b.State, b.Why)
	case *Held:
		t.held(e, b)
	case *Dropped:
		t.line(e, "·", "%d events are missing here: the recording was full", b.Count)
	case *Step:
		t.step(e, b)
	case *Stack:
		t.stack(e, b)
	case *HTTP:
		t.http(e, arrow, b)
	}
}

// held writes what happened to a unit at the valve.
func (t *textWriter) held(e Event, h *Held) {
	unit, named := t.units[h.Of]
	if !named {
		unit = fmt.Sprintf("#%d", h.Of)
	}
	switch h.State {
	case "waiting":
		t.line(e, "·", "%s is held", unit)
	case "unsent":
		t.line(e, "·", "%s was not sent%s%s", unit, lastBytes(h.Left), errorSuffix(h.Err))
	case "unread":
		t.line(e, "·", "%s arrived, and the %s did not read it%s", unit, other(e.From), lastBytes(h.Left))
	default: // released, dropped
		t.line(e, "·", "%s is %s", unit, h.State)
	}
}

// frame writes the bytes of f and its fields bit by bit.
func (t *textWriter) frame(f *dissect.Frame) {
	if t.opt.Brief {
		return
	}
	t.detail("%s", spaced(f.Bytes(), 32, int(min(f.Came(), 1<<31))))
	for _, fd := range f.Fields() {
		t.detail("  %s", fd.Form)
	}
}

// pieceSummary describes p in one line. How much of a long stream has arrived when its
// reader closes is chance, so a stable text omits the number.
func (t *textWriter) pieceSummary(p piece) string {
	switch {
	case p.Frame != nil:
		return frameSummary(p.Frame)
	case p.Handshake != nil:
		return p.Handshake.Line
	}
	if t.opt.Stable && p.Size > len(p.Head) {
		return fmt.Sprintf("more than %s: %s …", ByteCount(KeepBytes), spaced(p.Head, 16, 0))
	}
	return ByteCount(p.Size) + ": " + spaced(p.Head, 16, p.Size)
}

// other returns the end that is not from.
func other(from string) string {
	if from == wire.Client.String() {
		return wire.Server.String()
	}
	return wire.Client.String()
}

// lastBytes returns words for the last n bytes of a unit, "" if n is 0.
func lastBytes(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (its last %s)", ByteCount(n))
}

// step writes where a step begins and how a run ends. A stable text has the line above
// each step instead.
func (t *textWriter) step(e Event, s *Step) {
	switch {
	case t.opt.Stable:
	case s.Phase == StepBegin:
		t.line(e, ">", "%s:%d %s", s.Scenario, s.Line, strings.ReplaceAll(s.Command, "\n", "; "))
	case s.Phase == PlayOver:
		t.line(e, ">", "%s has ended%s", s.Scenario, withColon(s.Error))
	}
}

func withColon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// aside writes the line that Aside returns for e.
func (t *textWriter) aside(e Event) {
	if t.opt.Aside == nil {
		return
	}
	if text := t.opt.Aside(e); text != "" {
		t.detail("%s", text)
	}
}

func (t *textWriter) tcp(e Event, b *TCP) {
	text := map[string]string{"open": "opens TCP", "fin": "sends TCP FIN: no more bytes follow", "rst": "resets TCP", "closed": "closes TCP", "error": "the TCP connection fails"}[b.What]
	if b.Info != nil && !t.opt.Stable {
		text += fmt.Sprintf(" from %s to %s, for %s", b.Info.Remote, b.Info.Local, b.Info.Endpoint)
	}
	if b.Backlog != nil && !t.opt.Stable {
		text += fmt.Sprintf(", with %s", b.Backlog)
	}
	t.line(e, "·", "%s%s", text, errorSuffix(b.Err))
}

func (t *textWriter) handshake(e Event, arrow string, h *dissect.Handshake) {
	t.line(e, arrow, "%s", h.Line)
	t.fields(h.Lines)
	if a := h.Accept; a != nil {
		verdict := "correct"
		if a.Mistake != "" {
			verdict = "wrong: " + a.Mistake
		}
		t.detail("  base64(SHA-1(%q)) = %s: %s", a.Joined, a.Expected, verdict)
	}
	for line := range strings.Lines(h.Body) {
		t.detail("  | %s", strings.TrimRight(line, "\r\n"))
	}
	t.violations(h.Violations)
}

// fields writes header fields.
func (t *textWriter) fields(lines []dissect.HeaderLine) {
	for _, l := range lines {
		value := l.Value
		if t.opt.Stable {
			switch {
			case strings.EqualFold(l.Name, "Host"), strings.EqualFold(l.Name, "Origin"), strings.EqualFold(l.Name, "Date"):
				value = "…"
			}
		}
		t.detail("%s: %s", l.Name, value)
	}
}

// http writes a part of an exchange of plain HTTP.
func (t *textWriter) http(e Event, arrow string, h *HTTP) {
	cut := ""
	if h.Cut {
		cut = ", cut off"
	}
	switch h.What {
	case dissect.PartBody:
		t.line(e, arrow, "HTTP exchange %d (%s), body, %s on the wire%s: %q", h.Exchange, h.Way, ByteCount(h.Size), cut, Clip(string(h.Data), 80))
	case dissect.PartEnd:
		t.line(e, arrow, "HTTP exchange %d (%s), end%s: %s up, %s down", h.Exchange, h.Way, cut, ByteCount(h.Total.Up), ByteCount(h.Total.Down))
	default:
		t.line(e, arrow, "HTTP exchange %d (%s), %s, %s%s: %s", h.Exchange, h.Way, h.What, ByteCount(h.Size), cut, h.Line)
		t.fields(h.Lines)
	}
}

func (t *textWriter) violations(vs []wire.Violation) {
	for _, v := range vs {
		t.detail("× %s %s", v.Code, v.Error())
	}
}

func (t *textWriter) call(e Event, c *Call) {
	if c.Phase == "enter" {
		if !t.opt.Stable {
			t.line(e, "·", "%s(%s) …", c.Name, c.Args)
		}
		return
	}
	result := c.Result
	if c.Err != nil {
		result = strings.TrimPrefix(errorSuffix(c.Err), ": ")
	}
	t.line(e, "·", "%s → %s", c.Name, result)
}

func errorSuffix(e *GoError) string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf(": %s %q", e.Type, e.Text)
}

// frameSummary describes a frame in one line.
func frameSummary(f *dissect.Frame) string {
	h := f.Header
	var b strings.Builder
	b.WriteString(strings.ToUpper(h.Opcode.String()))
	if h.Fin {
		b.WriteString(" FIN")
	}
	for i, set := range []bool{h.RSV1, h.RSV2, h.RSV3} {
		if set {
			fmt.Fprintf(&b, " RSV%d", i+1)
		}
	}
	if h.Masked {
		b.WriteString(" masked")
	}
	b.WriteString(", " + ByteCount(h.Length))
	if f.Short > 0 {
		fmt.Fprintf(&b, ", cut off: %s", f.Cut())
	}
	if s, ok := f.Text(); ok && len(s) > 0 {
		fmt.Fprintf(&b, " %q", Clip(s, 40))
	}
	if f.Close != nil {
		fmt.Fprintf(&b, " %s %q", f.Close.Code, f.Close.Reason)
	}
	return b.String()
}

func scriptText(s *Script) string {
	if s.Size == nil && s.Text != "" { // a raw client says in words what happened
		switch s.What {
		case "read":
			return "reading ends: " + s.Text
		case "close":
			return "closes TCP: " + s.Text
		case "error":
			return "error: " + s.Text
		}
	}
	var b strings.Builder
	b.WriteString(s.What)
	if s.Code != nil {
		fmt.Fprintf(&b, " %d", *s.Code)
	}
	if s.Text != "" {
		fmt.Fprintf(&b, " %q", Clip(s.Text, 80))
	}
	if s.Reason != "" {
		fmt.Fprintf(&b, " %q", s.Reason)
	}
	if s.WasClean != nil {
		fmt.Fprintf(&b, " wasClean=%t", *s.WasClean)
	}
	return b.String()
}

func preview(m *dissect.Message) string {
	if m.Opcode == wire.Text && utf8.Valid(m.Head) {
		return fmt.Sprintf("%q", Clip(string(m.Head), 40))
	}
	return spaced(m.Head, 16, int(min(m.Size, 1<<31)))
}

// ByteCount writes n with its unit: "1 byte", "5 bytes".
func ByteCount[N int | int64 | uint64](n N) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.FormatUint(uint64(n), 10) + " bytes" // not Sprintf: every recorded call needs ByteCount
}

// spaced returns at most n bytes of b as hex. It says how many of total bytes it omits.
func spaced(b []byte, n, total int) string {
	var s strings.Builder
	for i := range min(n, len(b)) {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(hex.EncodeToString(b[i : i+1]))
	}
	if shown := min(n, len(b)); shown < total {
		fmt.Fprintf(&s, " … and %d more", total-shown)
	}
	return s.String()
}

// Clip returns the first n characters of s, with … for the rest.
func Clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// Outcome returns in one line what the server did in a recording of one connection: the
// status of its response, its frames, and how it ended TCP.
func Outcome(events []Event) string {
	var said []string
	unsent := map[uint64]bool{} // held frames that the socket refused after their release
	for _, e := range events {
		if h, ok := e.Body.(*Held); ok && h.State == "unsent" {
			unsent[h.Of] = true
		}
	}
	for _, e := range events {
		if e.From != wire.Server.String() || unsent[e.Seq] {
			continue
		}
		switch b := e.Body.(type) {
		case *dissect.Handshake:
			said = append(said, fmt.Sprint(b.Head.Status))
		case *dissect.Frame:
			said = append(said, frameSummary(b))
		case *TCP:
			said = append(said, b.What)
		}
	}
	return strings.Join(said, "; ")
}
