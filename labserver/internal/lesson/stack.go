package lesson

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"
)

// walking is a stack block for the page.
type walking struct {
	Send  int `json:"send"`  // size of the message at first, in bytes
	Reads int `json:"reads"` // how many bytes each Read of a server may return; 0 for any number
	Find  int `json:"find"`  // the exercise: the smallest message that leaves in so many Writes; 0 for none
}

// Limits of a stack block: each byte of a message has a call stack of its own if each
// Read returns one byte.
const (
	mostWalked = 1000
	mostSent   = 65536
	mostWrites = 4
)

// stack draws a message of the learner, and a walk through its bytes with the calls that
// read and wrote them.
func (c *compiler) stack(text blockText) string {
	e, line := text.keys, text.line
	whole := func(key string, otherwise, most int) int {
		v, ok := e[key]
		if !ok {
			return otherwise
		}
		n, err := strconv.Atoi(v.value)
		if err != nil || n < 0 || n > most {
			c.problem(cmp.Or(v.line, line), "%s is %q. Write a whole number from 0 to %d", key, v.value, most)
		}
		return n
	}
	w := walking{Reads: whole("reads", 1, mostWalked), Find: whole("find", 0, mostWrites)}
	most := mostSent
	if w.Reads > 0 {
		most = mostWalked
	}
	w.Send = whole("send", 130, most)
	return fmt.Sprintf("<ws-stack data-stack='%s'></ws-stack>\n", attribute(w))
}

// checks draws a table of handshakes that gorilla and the reference refuse, with the line
// of gorilla that refuses each.
func (c *compiler) checks(text blockText) string {
	e, line := text.keys, text.line
	names := strings.Fields(e["scenarios"].value)
	if len(names) == 0 {
		c.problem(line, "a checks block needs scenarios. Add a line scenarios: NAME NAME")
	}
	var all []tallied
	var b strings.Builder
	for _, name := range names {
		s, ok := c.course.Scenarios[name]
		if !ok {
			c.problem(e["scenarios"].line, "there is no scenario %q. %s", name, meant(name, c.scenarioNames()))
			continue
		}
		c.plays(name)
		all = append(all, tallied{s.Name, s.Title})
		fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(s.Title))
	}
	return fmt.Sprintf("<ws-checks data-checks='%s'>\n<ul>\n%s</ul>\n</ws-checks>\n", attribute(all), b.String())
}
