package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// The duties of a browser that reads the response to its handshake.
var (
	dutyEstablishes = Duty{Standard: "WHATWG WebSockets Standard", Section: "establish a WebSocket connection", Paragraph: "redirect mode and protocols", Binds: TheBrowser, OnReceipt: true,
		Says: "A browser fails the connection if the response is a redirect. It also fails the connection if it offered subprotocols and the response has none."}
	dutyOffered = MustOf("4.1", "item 6 of the response", TheClient, "A client fails the connection if the response has a subprotocol that it did not offer. It does not fail the connection for a subprotocol that it offered.")
)

// Browsers are cases about rules for browsers in the WebSockets Standard of the WHATWG:
// https://websockets.spec.whatwg.org. RFC 6455 leaves these choices to the client. The
// judge also plays the cases against other clients. Every reaction of such a client is
// allowed.
func Browsers() []*Case {
	s := Section{Name: "browser", In: "4.1"}
	for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		head := Set(StartLine(Response, "HTTP/1.1 "+status), "Connection", "Connection: close")
		s.AddForClients(Case{
			Name: "redirect-" + status[:3], Title: "The status " + status + ", with a Location at which a working endpoint listens", Keyword: Must, Duty: dutyEstablishes, Browser: true, Redirects: true,
			Requirement: `A browser does not follow a redirect of the opening handshake. Its redirect mode is "error", so it fails the connection. RFC 6455 §4.1 lets other clients follow a redirect.`,
			Opening:     Opening{Writes: []string{Plus(Set(Set(head, "Upgrade"), "Sec-WebSocket-Accept"), "Location: "+Elsewhere, "Content-Length: 0")}},
			Steps:       []Step{Fin()}, Outcomes: Refuses(),
		})
	}
	offered := []string{"chat"}
	s.AddForClients(Case{
		Name: "subprotocol-missing", Title: "The client offers a subprotocol, and the response has none", Keyword: Must, Duty: dutyEstablishes, Browser: true, Subprotocols: offered,
		Requirement: "A browser that offered subprotocols fails the connection if the response names none of them. RFC 6455 §4.1 lets other clients continue without a subprotocol.",
		Opening:     Opening{Writes: []string{Response}}, Steps: Tried, Outcomes: Refuses(),
	})
	s.AddForClients(Case{
		Name: "subprotocol-accepted", Title: "The client offers a subprotocol, and the response names it", Keyword: Must, Duty: dutyOffered.WhenReceived(), Subprotocols: offered,
		Requirement: "A client accepts a subprotocol that it offered.",
		Opening:     Opening{Writes: []string{Plus(Response, "Sec-WebSocket-Protocol: {offered}")}}, Steps: Tried, Outcomes: Opens(),
	})
	s.AddForClients(Case{
		Name: "subprotocol-another", Title: "The client offers a subprotocol, and the response names another one", Keyword: Must, Duty: dutyOffered.WhenReceived(), Subprotocols: offered, Rules: []string{wire.RuleRespSubprotocol.Code},
		Requirement: "A client fails the connection if the response names a subprotocol that it did not offer.",
		Opening:     Opening{Writes: []string{Plus(Response, "Sec-WebSocket-Protocol: x-wslab-other")}}, Steps: Tried, Outcomes: Refuses(),
	})
	return s.Cases
}
