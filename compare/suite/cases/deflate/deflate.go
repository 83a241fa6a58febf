package deflate

import (
	"cmp"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// inUse is the least that a case of compressed data needs.
func inUse(wire.DeflateParams, wire.Role) string { return "" }

// takeover is what a case needs in which the judge's messages refer to those
// before them.
func takeover(agreed wire.DeflateParams, judge wire.Role) string {
	if judge == wire.Client && agreed.ClientNoContextTakeover || judge == wire.Server && agreed.ServerNoContextTakeover {
		return "it wants each message compressed on its own, so there is nothing to judge"
	}
	return ""
}

// takeoverFullWindow is what a case needs in which both is so.
func takeoverFullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	return cmp.Or(takeover(agreed, judge), FullWindow(agreed, judge))
}
