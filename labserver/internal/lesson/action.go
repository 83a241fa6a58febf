package lesson

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"wslab/reference/wire"
)

// maxRepeat limits the text that a button sends, in bytes. The limit allows every length
// form, and every server of the lab accepts a text of this size.
const maxRepeat = 1 << 20

// action is the command of a button to the page's panel.
type action struct {
	Do     string  `json:"do"`
	Broken string  `json:"broken,omitempty"`
	Text   *string `json:"text,omitempty"` // nil if there is no text; an empty text is possible
	Hex    string  `json:"hex,omitempty"`
	Repeat *int    `json:"repeat,omitempty"`
	Code   int     `json:"code,omitempty"`
	Reason string  `json:"reason,omitempty"`
	Name   string  `json:"name,omitempty"`
	// Shows is the event that the page selects after the action. If it is nil, the page
	// selects the first frame that the side of the action sends.
	Shows map[string]any `json:"shows,omitempty"`
}

// grammar lists all actions, for an error message.
const grammar = `connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`

// buttons draws a do block: each line is LABEL: action.
func (c *compiler) buttons(text blockText) string {
	lines, at := text.lines, text.line
	var b strings.Builder
	b.WriteString("<ws-do>")
	count := 0
	for i, l := range lines {
		line := at + 1 + i
		if strings.TrimSpace(l) == "" {
			continue
		}
		count++
		label, rest, ok := strings.Cut(l, ": ")
		if !ok {
			c.problem(line, "%q is not a button. Write LABEL: action", strings.TrimSpace(l))
			continue
		}
		event := arrow.FindStringSubmatch(rest)
		if event != nil {
			rest = event[1]
		}
		a, err := c.action(strings.TrimSpace(rest))
		if err != nil {
			c.problem(line, "%v", err)
			continue
		}
		if event != nil {
			a.Shows = c.shows(a.Do, event[2], line)
		}
		b.WriteString(button(c.inline(strings.TrimSpace(label), line), a))
	}
	if count == 0 {
		c.problem(at, "this do block has no button. Write LABEL: action in a line below")
	}
	return b.String() + "</ws-do>\n"
}

// arrow splits "ACTION => EVENT" at the first arrow outside quotes.
var arrow = regexp.MustCompile(`^((?:[^"]|"(?:[^"\\]|\\.)*")*?)\s+=>(.*)$`)

// shows reads the event that the page selects after an action.
func (c *compiler) shows(do, event string, line int) map[string]any {
	if contains([]string{"hold", "run", "step"}, do) {
		c.problem(line, "%s causes no frame, so there is no event to show. Remove =>", do)
		return nil
	}
	if event = strings.TrimSpace(event); event == "" {
		c.problem(line, "the event to show is missing. Write one, for instance frame from server opcode close")
		return nil
	}
	about, _ := c.about("the event to show", event, line)
	if about != nil && about["kind"] != "frame" && about["kind"] != "handshake" {
		c.problem(line, "the event to show is a %s. Name a frame or a handshake", about["kind"])
	}
	return about
}

// button draws one button; label is HTML.
func button(label string, a action) string {
	return fmt.Sprintf("<button type=\"button\" data-do='%s'>%s</button>", attribute(a), label)
}

// action reads the action after a button's label.
func (c *compiler) action(s string) (action, error) {
	verb, rest, _ := strings.Cut(s, " ")
	rest = strings.TrimSpace(rest)
	a := action{Do: verb}
	unknown := fmt.Errorf("%q is not an action. Write %s", s, grammar)
	switch verb {
	case "hold", "run", "step":
		if rest != "" {
			return a, unknown
		}
	case "connect":
		if rest == "" {
			break
		}
		mistake, ok := strings.CutPrefix(rest, "broken ")
		if !ok {
			return a, unknown
		}
		if a.Broken = strings.TrimSpace(mistake); !contains(c.Mistakes, a.Broken) {
			return a, fmt.Errorf("there is no server mistake %q. %s", a.Broken, meant(a.Broken, c.Mistakes))
		}
	case "send":
		return c.send(a, rest, unknown)
	case "close":
		return c.close(a, rest, unknown)
	case "ping":
		text, ok := quoted(rest)
		if !ok {
			return a, unknown
		}
		if len(text) > wire.MaxControlPayload {
			return a, fmt.Errorf("the Ping has %d bytes. A control frame carries at most %d", len(text), wire.MaxControlPayload)
		}
		a.Text = &text
	case "scenario":
		if _, ok := c.course.Scenarios[rest]; !ok {
			return a, fmt.Errorf("there is no scenario %q. %s", rest, meant(rest, c.scenarioNames()))
		}
		c.plays(rest)
		a.Name = rest
	default:
		return a, unknown
	}
	return a, nil
}

func (c *compiler) send(a action, rest string, unknown error) (action, error) {
	if text, ok := quoted(rest); ok {
		a.Text = &text
		return a, nil
	}
	how, what, _ := strings.Cut(rest, " ")
	switch how {
	case "hex":
		b, err := hex.DecodeString(strings.Join(strings.Fields(what), ""))
		if err != nil || len(b) == 0 {
			return a, fmt.Errorf("%q is not hex. Write two hexadecimal digits for each byte", what)
		}
		a.Hex = hex.EncodeToString(b)
	case "repeat":
		n, err := strconv.Atoi(strings.TrimSpace(what))
		if err != nil || n < 1 || n > maxRepeat {
			return a, fmt.Errorf("%q is not a length. Write a whole number from 1 to %d", what, maxRepeat)
		}
		a.Repeat = &n
	default:
		return a, unknown
	}
	return a, nil
}

// close makes the checks of a browser's close(), so that a button never throws.
func (c *compiler) close(a action, rest string, unknown error) (action, error) {
	number, reason, _ := strings.Cut(rest, " ")
	code, err := strconv.Atoi(number)
	if err != nil {
		return a, unknown
	}
	if code != int(wire.NormalClosure) && (code < 3000 || code > 4999) {
		return a, fmt.Errorf("a page may not close with %d. The browser's close() accepts 1000 and 3000–4999", code)
	}
	a.Code = code
	if reason = strings.TrimSpace(reason); reason != "" {
		text, ok := quoted(reason)
		if !ok {
			return a, unknown
		}
		if len(text) > wire.MaxControlPayload-2 {
			return a, fmt.Errorf("the reason has %d bytes. A Close frame with a code carries at most %d", len(text), wire.MaxControlPayload-2)
		}
		a.Reason = text
	}
	return a, nil
}

// quoted returns the text of s, which must be a string in double quotes.
func quoted(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	text, err := strconv.Unquote(s)
	return text, err == nil && utf8.ValidString(text)
}
