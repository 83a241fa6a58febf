package deflate

import (
	"cmp"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// inUse is for a case that works with any parameters of permessage-deflate.
func inUse(wire.DeflateParams, wire.Role) string { return "" }

// takeover is for a case in which the judge's messages refer to earlier
// messages.
func takeover(agreed wire.DeflateParams, judge wire.Role) string {
	if judge == wire.Client && agreed.ClientNoContextTakeover || judge == wire.Server && agreed.ServerNoContextTakeover {
		return "it wants each message compressed on its own, so there is nothing to judge"
	}
	return ""
}

// takeoverFullWindow is for a case that needs context takeover and a full window.
func takeoverFullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	return cmp.Or(takeover(agreed, judge), FullWindow(agreed, judge))
}
