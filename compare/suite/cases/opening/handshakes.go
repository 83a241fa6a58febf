package opening

import (
	. "wslab/compare/suite/spec"
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
	head        HeadCheck // of the target's half
	list        []handshake
}

// handshake is one of them. A WebSocket that is opened is tried with a message.
type handshake struct {
	name  string
	title string
	head  string // the judge's half as it is sent
}

// addHandshakes appends the cases of h. Those with the judge as the client judge
// servers, and those with the judge as the server clients.
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
