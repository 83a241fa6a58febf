package play

import (
	"cmp"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// extensions returns what role puts into Sec-WebSocket-Extensions. request is the
// client's, where role answers it.
func extensions(d *spec.Deflate, role wire.Role, request wire.Head) string {
	switch {
	case d == nil:
		return ""
	case role == wire.Client:
		return cmp.Or(d.Offer, spec.BrowserOffer)
	case d.Answer != "":
		return d.Answer
	}
	// What an offer asks of the server must be in the answer, and what it says of
	// the client may be.
	answer := wire.PermessageDeflate
	for _, name := range []string{"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits"} {
		if p, ok := spec.OfferedParam(request, name); ok {
			answer += "; " + p.String()
		}
	}
	return answer
}
