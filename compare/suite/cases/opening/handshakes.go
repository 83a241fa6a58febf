package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// handshakes are cases that differ only in the judge's half of the opening handshake.
type handshakes struct {
	requirement string
	keyword     string
	duty        Duty
	lax         string // see Case.Lax
	section     string // empty: the section of the group
	rules       []string
	outcomes    []Outcome
	head        HeadCheck // checks the target's half
	list        []handshake
}

// handshake is one case of handshakes. If a WebSocket opens, the judge tests it with a
// message.
type handshake struct {
	name  string
	title string
	head  string // the judge's half, as the judge sends it
}

// addHandshakes appends the cases of h. They test endpoints of the role judges. The judge
// plays the other role.
func addHandshakes(g *Section, judges wire.Role, h handshakes) {
	for _, each := range h.list {
		c := Case{
			Name: each.name, Title: each.title, Requirement: h.requirement, Keyword: h.keyword, Duty: h.duty, Lax: h.lax, Section: h.section, Rules: h.rules,
			Opening: Opening{Writes: []string{each.head}}, Head: h.head, Steps: Tried, Outcomes: h.outcomes, OneSided: true,
		}
		if judges == wire.Client {
			g.AddForClients(c)
		} else {
			g.Add(c)
		}
	}
}
