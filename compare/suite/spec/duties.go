package spec

import (
	"fmt"
)

// Requests, as a client sends them.
var (
	DutyWaits = MustOf("4.1", "the paragraph after item 12 of the request", TheClient, "A client waits for the response before it sends more.")
	DutyHost  = MustOf("3.2", "the paragraph about clients and Host", TheClient, "A client sends a Host that is the authority of the URI, port included.").OfRFC(9112)
	// RFC 6454 lets a client send one Origin or none.
	DutyOneOrigin = MustOf("7.3", "paragraph 1", TheClient, "A client sends no more than one Origin.").OfRFC(6454)
)

// DutyAsks is item n of the request in §4.1.
func DutyAsks(n int, says string) Duty {
	return MustOf("4.1", fmt.Sprintf("item %d of the request", n), TheClient, says)
}

// DutyReads is item n of the handshake in §4.2.1. A server that finds that the
// handshake differs must refuse it.
func DutyReads(n int, says string) Duty {
	return MustOf("4.2.1", fmt.Sprintf("paragraph 2 with item %d", n), TheServer, says).WhenReceived()
}

// DutyReplies is item n of step 5 in §4.2.2.
func DutyReplies(n int, says string) Duty {
	return MustOf("4.2.2", fmt.Sprintf("step 5, item %d", n), TheServer, says)
}

// DutyOnce is that a field is not repeated in a response (§11.3).
func DutyOnce(section string) Duty {
	return MustOf(section, "last paragraph", TheServer, "A server sends this field once at most.")
}

// DutyChecks is item n of what a client validates in the response (§4.1).
func DutyChecks(n int, says string) Duty {
	return MustOf("4.1", fmt.Sprintf("item %d of the response", n), TheClient, says).WhenReceived()
}
