package spec

import (
	"fmt"
	"strings"
)

// Requests, as a client sends them.
var (
	DutyWaits     = MustOf("4.1", "the paragraph after item 12 of the request", TheClient, "After its request, a client waits for the response before it sends more.")
	DutyHost      = MustOf("3.2", "the paragraph about clients and Host", TheClient, "A client sends a Host that is the authority of the URI, including its port.").OfRFC(9112)
	DutyOneOrigin = MustOf("7.3", "paragraph 2", TheClient, "A client sends at most one Origin.").OfRFC(6454)
)

// DutyAsks is item n of the request in §4.1.
func DutyAsks(n int, says string) Duty {
	return MustOf("4.1", fmt.Sprintf("item %d of the request", n), TheClient, says)
}

// DutyReads is item n of the request in §4.2.1. A server must refuse a request that
// differs.
func DutyReads(n int, says string) Duty {
	return MustOf("4.2.1", fmt.Sprintf("paragraph 2 with item %d", n), TheServer, says).WhenReceived()
}

// DutyReplies is item n of step 5 in §4.2.2.
func DutyReplies(n int, says string) Duty {
	return MustOf("4.2.2", fmt.Sprintf("step 5, item %d", n), TheServer, says)
}

// DutyOnce is the rule that a response does not repeat a field. section is a section of
// §11.3.
func DutyOnce(section string) Duty {
	return MustOf(section, "last paragraph", TheServer, "A server sends this field at most once in a response.")
}

// DutyChecks is item n of the response that a client validates (§4.1).
func DutyChecks(n int, says string) Duty {
	return MustOf("4.1", fmt.Sprintf("item %d of the response", n), TheClient, says).WhenReceived()
}

// Requests, as a server reads them.
var (
	DutyInterprets = MustOf("2.4", "paragraph 1", TheReceiver, "A recipient interprets each element of a message as HTTP defines it.").OfRFC(9110)
	DutyTrims      = MustOf("5.5", "the paragraph about white space", TheReceiver, "A recipient removes the white space around a field value before it uses the value.").OfRFC(9110)
	DutyLists      = MustOf("5.6.1.2", "paragraph 1", TheReceiver, "A recipient accepts a list with white space around its commas and with empty items.").OfRFC(9110)
	DutyAbsolute   = MustOf("3.2.2", "last paragraph", TheServer, "A server accepts an absolute URL as the request target.").OfRFC(9112)
	DutyOneHost    = MustOf("3.2", "last paragraph", TheServer, "A server answers a request that has no Host, or more than one, with 400.").OfRFC(9112).WhenReceived()
	DutyHostValue  = MustOf("3.2", "last paragraph", TheServer, "A server answers a request whose Host is not a host, with or without a port, with 400.").OfRFC(9112).WhenReceived()
	DutyColon      = MustOf("5.1", "paragraph 2", TheServer, "If there is white space between a field name and its colon, a server refuses the request with 400.").OfRFC(9112).WhenReceived()
	DutyNUL        = MustOf("5.5", "the paragraph about CR, LF and NUL", TheReceiver, "A recipient refuses a field value with CR, LF or NUL, or replaces each of them with a space.").OfRFC(9110).WhenReceived()
	DutyFolded     = MustOf("5.2", "the paragraph about servers", TheServer, "A server refuses a folded line, or replaces the fold with spaces.").OfRFC(9112).WhenReceived()
	DutyFoldedBack = MustOf("5.2", "the paragraph about user agents", TheClient, "A client replaces the fold of a folded line with spaces.").OfRFC(9112).WhenReceived()
	DutySpaceFirst = MustOf("2.2", "the paragraph about white space before the first field", TheReceiver, "A recipient refuses a message whose first header line begins with white space, or ignores such lines.").OfRFC(9112).WhenReceived()
	DutyBodyLength = MustOf("6.3", "item 5", TheServer, "A server answers an invalid Content-Length with 400.").OfRFC(9112).WhenReceived()
	DutyWhole      = MustOf("4.2.1", "paragraph 2", TheServer, "A server does not open a WebSocket for a request that is not an opening handshake.").WhenReceived()
	DutyProtocols  = MustOf("4.2.2", "step 4, /subprotocol/", TheServer, "A server chooses one of the subprotocols that the client offered, or does not send the field.")
	DutyExtension  = MustOf("4.2.2", "step 4, /extensions/", TheServer, "A server lists only extensions that the client listed.")
	DutyVersions   = MustOf("4.4", "paragraph 2", TheServer, "If a server does not support the version, its response lists all versions that it supports.").WhenReceived()
	DutyGrammar91  = MustOf("9.1", "paragraph 1", TheReceiver, "If Sec-WebSocket-Extensions breaks its grammar, the recipient fails the connection.").WhenReceived()
)

// Responses, as a server sends them.
var (
	DutyValidHTTP  = MustOf("4.2.2", "step 5", TheServer, "A server that accepts a connection sends a valid HTTP response.")
	DutyNoLength   = MustOf("8.6", "the paragraph about a status of 1xx", TheServer, "A server sends no Content-Length in a response with a status of 1xx.").OfRFC(9110)
	DutyNoTransfer = MustOf("6.1", "the paragraph about a status of 1xx", TheServer, "A server sends no Transfer-Encoding in a response with a status of 1xx.").OfRFC(9112)
)

// Responses, as a client reads them.
var (
	DutyValidates = MustOf("4.1", "the paragraph after item 6 of the response", TheClient, "If the response does not conform to §4.2.2, the client fails the connection.").WhenReceived()
	DutyInterim   = MustOf("15.2", "paragraph 3", TheClient, "A client can read interim responses (1xx) before the final one, even if it does not expect them.").OfRFC(9110)
)

// Frames.
var (
	DutyMask       = MustOf("5.1", "paragraph 1", TheReceiver, "A server closes the connection when it receives a frame that is not masked, a client when it receives a masked frame.").WhenReceived()
	DutyReserved   = MustOf("5.2", "RSV1, RSV2, RSV3", TheReceiver, "If a reserved bit is 1 and no negotiated extension uses it, the receiver fails the connection.").WhenReceived()
	DutyLength     = MustOf("5.2", "Payload length", TheSender, "The length in a frame header is the length of the payload.")
	DutyOpcode     = MustOf("5.2", "Opcode", TheReceiver, "If an opcode is unknown, the receiver fails the connection.").WhenReceived()
	DutyParses     = MustOf("6.2", "paragraph 1", TheReceiver, "A receiver reads the bytes it receives as frames, and joins the fragments of a message.")
	DutyUnmasks    = MustOf("6.2", "paragraph 3", TheServer, "A server unmasks the data frames that a client sends.")
	DutyFreshKey   = MustOf("5.3", "paragraph 3", TheClient, "A client picks a fresh masking key for every frame.")
	DutyFragments  = MustOf("5.4", "the item about receiving", TheReceiver, "A receiver supports messages in one frame and in fragments.")
	DutyBetween    = MustOf("5.4", "the item about control frames in a message", TheReceiver, "A receiver handles control frames between the fragments of a message.")
	DutyPong       = MustOf("5.5.2", "paragraph 3", TheReceiver, "A receiver answers a Ping with a Pong, unless it has received a Close frame.")
	DutyAnswers    = MustOf("5.5.1", "paragraph 5", TheReceiver, "A receiver answers a Close frame with a Close frame, unless it sent one before.")
	DutyClosesTCP  = MustOf("5.5.1", "paragraph 6", TheEndpoint, "An endpoint that has sent and received a Close frame closes the TCP connection, a server at once.")
	DutyLocalCodes = MustOf("7.4.1", "1005, 1006 and 1015", TheSender, "An endpoint sends none of these codes in a Close frame.")
	DutyUTF8       = MustOf("8.1", "paragraph 1", TheReceiver, "If text is not valid UTF-8, the endpoint fails the connection.").WhenReceived()
	DutyFails      = MustOf("7.1.7", "paragraphs 1 and 2", TheEndpoint, "An endpoint that fails the connection closes TCP and does not process more data.").WhenReceived()
	DutyLost       = MustOf("7.2.1", "paragraph 2", TheClient, "If the TCP connection is lost, the client fails the connection.").WhenReceived()
)

// Compression (RFC 7692).
var (
	DutyDeclines     = MustOf("7", "the conditions to decline an offer", TheServer, "A server declines an offer that is invalid, or that it does not support.").OfRFC(7692).WhenReceived()
	DutyFailsOffer   = MustOf("7", "the conditions to fail the connection", TheClient, "If the response to its offer is invalid, the client fails the connection.").OfRFC(7692).WhenReceived()
	DutyCompressed   = MustOf("6", "the paragraph about the Per-Message Compressed bit", TheReceiver, "If RSV1 is 1 in a control frame or in a continuation frame, the receiver fails the connection.").OfRFC(7692).WhenReceived()
	DutyKeepsBits    = MustOf("7.1.2", "the two window parameters", TheSender, "An endpoint that agreed on a smaller window does not refer back beyond it.").OfRFC(7692)
	DutyKeepsContext = MustOf("7.1.1", "the two takeover parameters", TheSender, "An endpoint that agreed on no context takeover compresses each message without those before it.").OfRFC(7692)
	DutyCompresses   = MustOf("6.1", "the steps to send a message", TheSender, "An endpoint sends compressed data that its peer can decompress.").OfRFC(7692)
)

// Handshake reports whether d is about the opening handshake.
func (d Duty) Handshake() bool {
	switch {
	case d.RFC == 7692:
		return d == DutyDeclines || d == DutyFailsOffer
	case d.RFC != 0:
		return d.Standard == "" // HTTP or Origin
	}
	return strings.HasPrefix(d.Section, "4.") || d.Section == "9.1" || d.Section == "11.3"
}
