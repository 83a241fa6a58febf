package play

import (
	"cmp"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// extensions returns the value of Sec-WebSocket-Extensions that role sends, "" for none.
// If role is the server, the value answers request.
func extensions(d *spec.Deflate, role wire.Role, request wire.Head) string {
	switch {
	case d == nil:
		return ""
	case role == wire.Client:
		return cmp.Or(d.Offer, spec.BrowserOffer)
	case d.Answer != "":
		return d.Answer
	}
	// A response must repeat the parameters for the server, and may repeat those for the
	// client (RFC 7692 §7.1).
	answer := wire.PermessageDeflate
	for _, name := range []string{"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits"} {
		if p, ok := spec.OfferedParam(request, name); ok {
			answer += "; " + p.String()
		}
	}
	return answer
}
