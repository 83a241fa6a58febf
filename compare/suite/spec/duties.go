package spec

import (
	"fmt"
	"strings"
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

// Requests, as a server reads them.
var (
	DutyInterprets = MustOf("2.4", "paragraph 1", TheReceiver, "A recipient interprets what it receives by the meaning that HTTP gives it.").OfRFC(9110)
	DutyTrims      = MustOf("5.5", "the paragraph about white space", TheReceiver, "A recipient removes the white space around a field value before it uses the value.").OfRFC(9110)
	DutyLists      = MustOf("5.6.1.2", "paragraph 1", TheReceiver, "A recipient accepts a list with white space around its commas and with empty items.").OfRFC(9110)
	DutyAbsolute   = MustOf("3.2.2", "last paragraph", TheServer, "A server accepts a whole URL as the target.").OfRFC(9112)
	DutyOneHost    = MustOf("3.2", "last paragraph", TheServer, "A server answers a request that has no Host, or more than one, with 400.").OfRFC(9112).WhenReceived()
	DutyHostValue  = MustOf("3.2", "last paragraph", TheServer, "A server answers a request whose Host is not a host, with or without a port, with 400.").OfRFC(9112).WhenReceived()
	DutyColon      = MustOf("5.1", "paragraph 2", TheServer, "A server refuses white space between a field name and its colon with 400.").OfRFC(9112).WhenReceived()
	DutyNUL        = MustOf("5.5", "the paragraph about CR, LF and NUL", TheReceiver, "A recipient refuses a value with CR, LF or NUL, or replaces each by a space.").OfRFC(9110).WhenReceived()
	DutyFolded     = MustOf("5.2", "the paragraph about servers", TheServer, "A server refuses a folded line, or replaces the fold by spaces.").OfRFC(9112).WhenReceived()
	DutyFoldedBack = MustOf("5.2", "the paragraph about user agents", TheClient, "A client replaces the fold of a folded line by spaces.").OfRFC(9112).WhenReceived()
	DutySpaceFirst = MustOf("2.2", "the paragraph about white space before the first field", TheReceiver, "A recipient refuses a message whose first header line begins with white space, or ignores such lines.").OfRFC(9112).WhenReceived()
	DutyBodyLength = MustOf("6.3", "item 5", TheServer, "A server answers an invalid Content-Length with 400.").OfRFC(9112).WhenReceived()
	DutyWhole      = MustOf("4.2.1", "paragraph 2", TheServer, "A server opens no WebSocket for what is not a handshake.").WhenReceived()
	DutyProtocols  = MustOf("4.2.2", "step 4, /subprotocol/", TheServer, "A server chooses one of the subprotocols that the client offered, or sends no such field.")
	DutyExtension  = MustOf("4.2.2", "step 4, /extensions/", TheServer, "A server lists no extension that the client did not list.")
	DutyVersions   = MustOf("4.4", "paragraph 2", TheServer, "A server that does not speak the version responds with all versions that it speaks.").WhenReceived()
	DutyGrammar91  = MustOf("9.1", "paragraph 1", TheReceiver, "A recipient fails the connection if Sec-WebSocket-Extensions breaks its grammar.").WhenReceived()
)

// Responses, as a server sends them.
var (
	DutyValidHTTP  = MustOf("4.2.2", "step 5", TheServer, "A server accepts with a valid HTTP response.")
	DutyNoLength   = MustOf("8.6", "the paragraph about a status of 1xx", TheServer, "A server sends no Content-Length in a response with a status of 1xx.").OfRFC(9110)
	DutyNoTransfer = MustOf("6.1", "the paragraph about a status of 1xx", TheServer, "A server sends no Transfer-Encoding in a response with a status of 1xx.").OfRFC(9112)
)

// Responses, as a client reads them.
var (
	DutyValidates = MustOf("4.1", "the paragraph after item 6 of the response", TheClient, "A client fails the connection if the response is not as §4.2.2 says.").WhenReceived()
	DutyInterim   = MustOf("15.2", "paragraph 3", TheClient, "A client reads interim responses before the final one, expected or not.").OfRFC(9110)
)

// Frames.
var (
	DutyMask       = MustOf("5.1", "paragraph 1", TheReceiver, "A server closes the connection on a frame that is not masked, a client on one that is.").WhenReceived()
	DutyReserved   = MustOf("5.2", "RSV1, RSV2, RSV3", TheReceiver, "A receiver fails the connection if a reserved bit is 1 and no agreed extension uses it.").WhenReceived()
	DutyLength     = MustOf("5.2", "Payload length", TheSender, "The length in the header of a frame is that of its payload.")
	DutyOpcode     = MustOf("5.2", "Opcode", TheReceiver, "A receiver fails the connection if an opcode is unknown.").WhenReceived()
	DutyParses     = MustOf("6.2", "paragraph 1", TheReceiver, "A receiver reads what comes as frames, and joins the fragments of a message.")
	DutyUnmasks    = MustOf("6.2", "paragraph 3", TheServer, "A server removes the mask from the data that a client sends.")
	DutyFreshKey   = MustOf("5.3", "paragraph 3", TheClient, "A client picks a fresh masking key for every frame.")
	DutyFragments  = MustOf("5.4", "the item about receiving", TheReceiver, "A receiver supports messages in fragments and whole ones.")
	DutyBetween    = MustOf("5.4", "the item about control frames in a message", TheReceiver, "A receiver handles control frames between the fragments of a message.")
	DutyPong       = MustOf("5.5.2", "paragraph 3", TheReceiver, "A receiver answers a Ping with a Pong, unless it has received a Close frame.")
	DutyAnswers    = MustOf("5.5.1", "paragraph 5", TheReceiver, "A receiver answers a Close frame with a Close frame, unless it sent one before.")
	DutyClosesTCP  = MustOf("5.5.1", "paragraph 6", TheEndpoint, "An endpoint that has sent and received a Close frame closes TCP, a server at once.")
	DutyLocalCodes = MustOf("7.4.1", "1005, 1006 and 1015", TheSender, "An endpoint sends none of these codes in a Close frame.")
	DutyUTF8       = MustOf("8.1", "paragraph 1", TheReceiver, "An endpoint that finds that text is not UTF-8 fails the connection.").WhenReceived()
	DutyFails      = MustOf("7.1.7", "paragraphs 1 and 2", TheEndpoint, "An endpoint that fails the connection closes TCP and processes no more data.").WhenReceived()
	DutyLost       = MustOf("7.2.1", "paragraph 2", TheClient, "A client whose TCP connection is lost fails the connection.").WhenReceived()
)

// Compression (RFC 7692).
var (
	DutyDeclines     = MustOf("7", "the conditions to decline an offer", TheServer, "A server declines an offer that is invalid, or that it does not support.").OfRFC(7692).WhenReceived()
	DutyFailsOffer   = MustOf("7", "the conditions to fail the connection", TheClient, "A client fails the connection if the answer to its offer is invalid.").OfRFC(7692).WhenReceived()
	DutyCompressed   = MustOf("6", "the paragraph about the Per-Message Compressed bit", TheReceiver, "A receiver fails the connection if RSV1 is 1 in a control frame or in a later fragment.").OfRFC(7692).WhenReceived()
	DutyKeepsBits    = MustOf("7.1.2", "the two window parameters", TheSender, "An endpoint that agreed on a smaller window does not refer back farther.").OfRFC(7692)
	DutyKeepsContext = MustOf("7.1.1", "the two takeover parameters", TheSender, "An endpoint that agreed on no context takeover compresses each message on its own.").OfRFC(7692)
	DutyCompresses   = MustOf("6.1", "the steps to send a message", TheSender, "An endpoint sends compressed data that its peer can decompress.").OfRFC(7692)
)

// Handshake reports whether d is about the opening handshake.
func (d Duty) Handshake() bool {
	switch {
	case d.RFC == 7692:
		return d == DutyDeclines || d == DutyFailsOffer
	case d.RFC != 0:
		return d.Standard == "" // HTTP, or what a browser sends in it
	}
	return strings.HasPrefix(d.Section, "4.") || d.Section == "9.1" || d.Section == "11.3"
}
