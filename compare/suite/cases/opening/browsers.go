package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// What a browser reads in the response to a handshake of its own.
var (
	dutyEstablishes = Duty{Standard: "WHATWG WebSockets Standard", Section: "establish a WebSocket connection", Paragraph: "redirect mode and protocols", Binds: TheBrowser, OnReceipt: true,
		Says: "A browser fails the connection for a redirect, and for a response without a subprotocol if it has offered one."}
	dutyOffered = MustOf("4.1", "item 6 of the response", TheClient, "A client fails the connection if the response has a subprotocol that it did not offer, and for no other.")
)

// Browsers are cases about what the WHATWG's WebSockets Standard asks of a
// browser and RFC 6455 leaves to the client: https://websockets.spec.whatwg.org.
// Other clients are asked too, and whatever they do is legal.
func Browsers() []*Case {
	s := Section{Name: "browser", In: "4.1"}
	for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		head := Set(StartLine(Response, "HTTP/1.1 "+status), "Connection", "Connection: close")
		s.AddForClients(Case{
			Name: "redirect-" + status[:3], Title: "The status " + status + " whose Location is a working endpoint", Keyword: Must, Duty: dutyEstablishes, Browser: true, Redirects: true,
			Requirement: `A browser does not follow a redirect of the opening handshake: its redirect mode is "error", so the connection fails. RFC 6455 §4.1 leaves that to other clients.`,
			Opening:     Opening{Writes: []string{Plus(Set(Set(head, "Upgrade"), "Sec-WebSocket-Accept"), "Location: "+Elsewhere, "Content-Length: 0")}},
			Steps:       []Step{Fin()}, Outcomes: Refuses(),
		})
	}
	offered := []string{"chat"}
	s.AddForClients(Case{
		Name: "subprotocol-missing", Title: "A subprotocol is offered, and the response has none", Keyword: Must, Duty: dutyEstablishes, Browser: true, Subprotocols: offered,
		Requirement: "A browser that has offered subprotocols fails the connection if the response names none of them. RFC 6455 §4.1 leaves that to other clients.",
		Opening:     Opening{Writes: []string{Response}}, Steps: Tried, Outcomes: Refuses(),
	})
	s.AddForClients(Case{
		Name: "subprotocol-accepted", Title: "A subprotocol is offered, and the response names it", Keyword: Must, Duty: dutyOffered.WhenReceived(), Subprotocols: offered,
		Requirement: "A client accepts a subprotocol that it has offered.",
		Opening:     Opening{Writes: []string{Plus(Response, "Sec-WebSocket-Protocol: {offered}")}}, Steps: Tried, Outcomes: Opens(),
	})
	s.AddForClients(Case{
		Name: "subprotocol-another", Title: "A subprotocol is offered, and the response names another", Keyword: Must, Duty: dutyOffered.WhenReceived(), Subprotocols: offered, Rules: []string{wire.RuleRespSubprotocol.Code},
		Requirement: "A client fails the connection if the response names a subprotocol that it has not offered.",
		Opening:     Opening{Writes: []string{Plus(Response, "Sec-WebSocket-Protocol: x-wslab-other")}}, Steps: Tried, Outcomes: Refuses(),
	})
	return s.Cases
}
