package transcript

import (
	"fmt"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Withheld is why an answer was not sent.
const Withheld = "This response was not sent: it has client_max_window_bits=8, which the client did not offer. " +
	"Firefox 153 stops responding when it receives it, with all its windows, and must be ended from outside."

// LacksOffer says what a client's request lacks that c is about, "" for nothing.
func LacksOffer(c *spec.Case, a spec.Half) string {
	switch {
	case c.Subprotocols != nil && len(a.Head.Head.Tokens("Sec-WebSocket-Protocol")) == 0:
		return "it offers no subprotocol, so there is nothing to judge"
	case c.Deflate == nil:
		return ""
	case !a.Offers:
		return "it does not offer permessage-deflate, so there is nothing to judge"
	case c.Deflate.Offered != nil:
		return c.Deflate.Offered(a.Head.Head)
	}
	return ""
}

// LacksDeflate says what c needs of permessage-deflate and the target did not agree
// on, "" for nothing.
func LacksDeflate(c *spec.Case, a spec.Half, role wire.Role) string {
	switch {
	case c.Deflate == nil || c.Deflate.Needs == nil:
		return ""
	case a.Deflate == nil && role == wire.Client:
		return "it does not take permessage-deflate, so there is nothing to judge"
	case a.Deflate == nil:
		return ""
	}
	if lacks := c.Deflate.Needs(*a.Deflate, role); lacks != "" {
		return lacks
	}
	if bits := spec.SendingBits(*a.Deflate, role); largestPacked(c) > 1<<bits {
		return spec.FullWindow(*a.Deflate, role)
	}
	return ""
}

// largestPacked returns the bytes of the largest message that c compresses when
// it is sent: what it refers to need not lie in a smaller window.
func largestPacked(c *spec.Case) int {
	most := 0
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Payload.Packed {
				most = max(most, min(f.Payload.Len(), 1<<15))
			}
		}
	}
	return most
}

// Refused says why a does not open a WebSocket, for a case that needs one.
func Refused(a spec.Half) (reason, rule string) {
	switch h := a.Head; {
	case a.Err != nil:
		return "There is no WebSocket: " + a.Err.Error() + ".", ""
	case h.From == wire.Client:
		if len(h.Violations) > 0 {
			return "The client's handshake is wrong: " + h.Violations[0].Error(), h.Violations[0].Code
		}
		return "", ""
	case h.Head.Status/100 == 3:
		to := strings.Join(h.Head.Values("Location"), ", ")
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q, a redirect to %q, which is not followed.", h.Line, to), ""
	case h.Head.Status != 101:
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q.", h.Line), ""
	case len(h.Violations) > 0:
		reason := "It answered 101, and no client may accept it: " + h.Violations[0].Error()
		if h.Accept != nil && h.Accept.Mistake != "" && h.Violations[0].Code == wire.RuleAcceptWrong.Code {
			reason += " Here " + h.Accept.Mistake + "."
		}
		return reason, h.Violations[0].Code
	}
	return "", ""
}

// Busy reports whether a says that the server has no room at present.
func Busy(a spec.Half) bool {
	return a.Head != nil && a.Head.From == wire.Server && (a.Head.Head.Status == 503 || a.Head.Head.Status == 429)
}

// NeedsOpen reports whether c judges a as one that must open a WebSocket. A client's
// half must be right, whatever it is then answered, and so must be a server's that
// opens a WebSocket.
func NeedsOpen(c *spec.Case, a spec.Half, role wire.Role) bool {
	return role == wire.Server || c.Refusal() == nil || a.Head != nil && a.Head.Head.Status == 101 && c.MayOpen()
}

// LacksRequest says what a client's half lacks for c to be judged, "" for nothing.
func LacksRequest(c *spec.Case, a spec.Half, role wire.Role) string {
	switch {
	case role == wire.Client || a.Head == nil:
		return ""
	case a.Withheld:
		return Withheld
	}
	return LacksOffer(c, a)
}

// Opens reports whether the steps of c can be played behind a.
func Opens(a spec.Half, c *spec.Case, role wire.Role) bool {
	if LacksRequest(c, a, role) != "" || !NeedsOpen(c, a, role) {
		return false
	}
	reason, _ := Refused(a)
	return reason == "" && LacksDeflate(c, a, role) == ""
}
