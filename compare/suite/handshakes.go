package suite

import (
	"strings"

	"wslab/reference/wire"
)

// handshakes are cases about the judge's half of the opening handshake that
// have all but that in common.
type handshakes struct {
	requirement string
	keyword     string
	duty        Duty
	lax         string // see Case.Lax
	section     string // where it is not the group's
	rules       []string
	outcomes    []Outcome
	head        headCheck // of the target's half
	list        []handshake
}

// handshake is one of them. A WebSocket that is opened is tried with a message.
type handshake struct {
	name  string
	title string
	head  string // the judge's half as it is sent
}

// tried is what a connection is tried with once it is open.
var tried = []Step{send(text("Hello"))}

// addHandshakes appends the cases of h. Those with the judge as the client judge
// servers, and those with the judge as the server clients.
func (g *group) addHandshakes(judges wire.Role, h handshakes) {
	for _, each := range h.list {
		c := Case{
			Name: each.name, Title: each.title, Requirement: h.requirement, Keyword: h.keyword, Duty: h.duty, Lax: h.lax, Section: h.section, Rules: h.rules,
			Opening: Opening{Writes: []string{each.head}}, Head: h.head, Steps: tried, Outcomes: h.outcomes, OneSided: true,
		}
		if judges == wire.Client {
			g.addForClients(c)
		} else {
			g.add(c)
		}
	}
}

// The words for the outcomes of an opening handshake.

// opens: the WebSocket is opened and echoes.
func opens() []Outcome { return answers(texts("Hello")) }

// refuses: no WebSocket is opened.
func refuses() []Outcome { return []Outcome{{End: End{How: Refuses}}} }

// opensOr: a refusal has this verdict.
func opensOr(v Verdict, why string) []Outcome {
	return append(opens(), Outcome{Verdict: v, Why: why, End: End{How: Refuses}})
}

// refusesOr: an open WebSocket has this verdict.
func refusesOr(v Verdict, why string) []Outcome {
	return append(refuses(), Outcome{Verdict: v, Why: why, Sees: []Expect{texts("Hello")}})
}

// The words for a half of the opening handshake that is not the usual one.

// set returns head with the lines of the field called name replaced by lines.
func set(head, name string, lines ...string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(head, "\r\n") {
		field, _, isField := strings.Cut(line, ":")
		switch {
		case isField && strings.EqualFold(field, name):
			for _, l := range lines {
				b.WriteString(l + "\r\n")
			}
			lines = nil
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// plus returns head with lines behind its last.
func plus(head string, lines ...string) string {
	head = strings.TrimSuffix(head, "\r\n")
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n"
}

// startLine returns head with another first line.
func startLine(head, line string) string {
	_, fields, _ := strings.Cut(head, "\r\n")
	return line + "\r\n" + fields
}

// renamed returns head with the names of its fields changed.
func renamed(head string, change func(string) string) string {
	lines := strings.Split(head, "\r\n")
	for i, l := range lines {
		if name, value, ok := strings.Cut(l, ":"); ok && i > 0 {
			lines[i] = change(name) + ":" + value
		}
	}
	return strings.Join(lines, "\r\n")
}

// backwards returns head with its fields in the opposite order.
func backwards(head string) string {
	line, fields, _ := strings.Cut(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	list := strings.Split(fields, "\r\n")
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return line + "\r\n" + strings.Join(list, "\r\n") + "\r\n\r\n"
}
