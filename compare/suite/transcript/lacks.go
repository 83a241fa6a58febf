package transcript

import (
	"fmt"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Withheld is the reason why the judge did not send a response.
const Withheld = "This response was not sent: it has client_max_window_bits=8, which the client did not offer. " +
	"When Firefox 153 receives such a response, all its windows stop responding and the process must be killed."

// LacksOffer returns why c cannot be judged after a client's request. It returns "" if c
// can be judged.
func LacksOffer(c *spec.Case, a spec.Half) string {
	switch {
	case c.Subprotocols != nil && len(a.Head.Head.Tokens("Sec-WebSocket-Protocol")) == 0:
		return "it offers no subprotocol, so this case cannot be judged"
	case c.Deflate == nil:
		return ""
	case !a.Offers:
		return "it does not offer permessage-deflate, so this case cannot be judged"
	case c.Deflate.Offered != nil:
		return c.Deflate.Offered(a.Head.Head)
	}
	return ""
}

// LacksDeflate returns why c cannot be judged with the negotiated permessage-deflate. It
// returns "" if c can be judged. role is the role of the judge.
func LacksDeflate(c *spec.Case, a spec.Half, role wire.Role) string {
	switch {
	case c.Deflate == nil || c.Deflate.Needs == nil:
		return ""
	case a.Deflate == nil && role == wire.Client:
		return "it does not accept permessage-deflate, so this case cannot be judged"
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

// largestPacked returns the size in bytes of the largest message that c compresses, up to
// 32 KiB. The references in the message may reach back that far.
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

// Refused returns why a does not open a WebSocket, and the code of the rule that a
// breaks. The reason is "" if a opens one.
func Refused(a spec.Half) (reason, rule string) {
	switch h := a.Head; {
	case a.Err != nil:
		return "No WebSocket was opened: " + a.Err.Error() + ".", ""
	case h.From == wire.Client:
		if len(h.Violations) > 0 {
			return "The client's request is invalid: " + h.Violations[0].Error(), h.Violations[0].Code
		}
		return "", ""
	case h.Head.Status/100 == 3:
		to := strings.Join(h.Head.Values("Location"), ", ")
		return fmt.Sprintf("No WebSocket was opened: it responded %.60q, a redirect to %q. The judge does not follow redirects.", h.Line, to), ""
	case h.Head.Status != 101:
		return fmt.Sprintf("No WebSocket was opened: it responded %.60q.", h.Line), ""
	case len(h.Violations) > 0:
		reason := "It responded with 101, but a client must not accept the response: " + h.Violations[0].Error()
		if h.Accept != nil && h.Accept.Mistake != "" && h.Violations[0].Code == wire.RuleAcceptWrong.Code {
			reason += " Here " + h.Accept.Mistake + "."
		}
		return reason, h.Violations[0].Code
	}
	return "", ""
}

// Busy reports whether the server refused because it has no room: 503 or 429.
func Busy(a spec.Half) bool {
	return a.Head != nil && a.Head.From == wire.Server && (a.Head.Head.Status == 503 || a.Head.Head.Status == 429)
}

// NeedsOpen reports whether a must be valid. Every request must be valid. A response that
// opens a WebSocket must be valid if c allows opening.
func NeedsOpen(c *spec.Case, a spec.Half, role wire.Role) bool {
	return role == wire.Server || c.Refusal() == nil || a.Head != nil && a.Head.Head.Status == 101 && c.MayOpen()
}

// LacksRequest returns why c cannot be judged after a client's half of the handshake. It
// returns "" if c can be judged.
func LacksRequest(c *spec.Case, a spec.Half, role wire.Role) string {
	switch {
	case role == wire.Client || a.Head == nil:
		return ""
	case a.Withheld:
		return Withheld
	}
	return LacksOffer(c, a)
}

// Opens reports whether the steps of c can be played after a.
func Opens(a spec.Half, c *spec.Case, role wire.Role) bool {
	if LacksRequest(c, a, role) != "" || !NeedsOpen(c, a, role) {
		return false
	}
	reason, _ := Refused(a)
	return reason == "" && LacksDeflate(c, a, role) == ""
}
