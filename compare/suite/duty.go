package suite

import (
	"cmp"
	"fmt"
)

// A Party is the side that a requirement binds.
type Party string

// The parties. TheSender and TheReceiver are the ends of one frame, whatever their
// roles.
const (
	TheServer   Party = "server"
	TheClient   Party = "client"
	TheEndpoint Party = "endpoint" // each of the two
	TheSender   Party = "sender"
	TheReceiver Party = "receiver"
	TheBrowser  Party = "browser" // a client that is one
)

// A Duty is a MUST of an RFC: where it is, and whom it binds. Only a case with a
// Duty can be failed (×).
type Duty struct {
	RFC       int    // 0 is 6455
	Standard  string // what it is of, where that is not an RFC
	Section   string // "5.2"
	Paragraph string // "paragraph 3", or the name of what it is about: "RSV1, RSV2, RSV3"
	Binds     Party
	Says      string // in our own words
	// OnReceipt says that it is about something wrong that was received. Without
	// that a peer that breaks a rule does not make the target break one.
	OnReceipt bool
}

// String names the place and the party.
func (d Duty) String() string {
	if d.Standard != "" {
		return fmt.Sprintf("%s, %s, %s; binds the %s", d.Standard, d.Section, d.Paragraph, d.Binds)
	}
	return fmt.Sprintf("RFC %d §%s, %s; binds the %s", cmp.Or(d.RFC, 6455), d.Section, d.Paragraph, d.Binds)
}

// must returns a Duty of RFC 6455.
func must(section, paragraph string, binds Party, says string) Duty {
	return Duty{Section: section, Paragraph: paragraph, Binds: binds, Says: says}
}

// of returns d as one of another RFC.
func (d Duty) of(rfc int) Duty { d.RFC = rfc; return d }

// onReceipt returns d as one about something wrong that was received.
func (d Duty) onReceipt() Duty { d.OnReceipt = true; return d }

// Requests, as a client sends them.
var (
	dutyWaits = must("4.1", "the paragraph after item 12 of the request", TheClient, "A client waits for the response before it sends more.")
	dutyHost  = must("3.2", "the paragraph about clients and Host", TheClient, "A client sends a Host that is the authority of the URI, port included.").of(9112)
	// RFC 6454 lets a client send one Origin or none.
	dutyOneOrigin = must("7.3", "paragraph 1", TheClient, "A client sends no more than one Origin.").of(6454)
)

// dutyAsks is item n of the request in §4.1.
func dutyAsks(n int, says string) Duty {
	return must("4.1", fmt.Sprintf("item %d of the request", n), TheClient, says)
}

// Requests, as a server reads them.
var (
	dutyInterprets = must("2.4", "paragraph 1", TheReceiver, "A recipient interprets what it receives by the meaning that HTTP gives it.").of(9110)
	dutyTrims      = must("5.5", "the paragraph about white space", TheReceiver, "A recipient removes the white space around a field value before it uses the value.").of(9110)
	dutyLists      = must("5.6.1.2", "paragraph 1", TheReceiver, "A recipient accepts a list with white space around its commas and with empty items.").of(9110)
	dutyAbsolute   = must("3.2.2", "last paragraph", TheServer, "A server accepts a whole URL as the target.").of(9112)
	dutyOneHost    = must("3.2", "last paragraph", TheServer, "A server answers a request that has no Host, or more than one, with 400.").of(9112).onReceipt()
	dutyHostValue  = must("3.2", "last paragraph", TheServer, "A server answers a request whose Host is not a host, with or without a port, with 400.").of(9112).onReceipt()
	dutyColon      = must("5.1", "paragraph 2", TheServer, "A server refuses white space between a field name and its colon with 400.").of(9112).onReceipt()
	dutyNUL        = must("5.5", "the paragraph about CR, LF and NUL", TheReceiver, "A recipient refuses a value with CR, LF or NUL, or replaces each by a space.").of(9110).onReceipt()
	dutyFolded     = must("5.2", "the paragraph about servers", TheServer, "A server refuses a folded line, or replaces the fold by spaces.").of(9112).onReceipt()
	dutyFoldedBack = must("5.2", "the paragraph about user agents", TheClient, "A client replaces the fold of a folded line by spaces.").of(9112).onReceipt()
	dutySpaceFirst = must("2.2", "the paragraph about white space before the first field", TheReceiver, "A recipient refuses a message whose first header line begins with white space, or ignores such lines.").of(9112).onReceipt()
	dutyBodyLength = must("6.3", "item 5", TheServer, "A server answers an invalid Content-Length with 400.").of(9112).onReceipt()
	dutyWhole      = must("4.2.1", "paragraph 2", TheServer, "A server opens no WebSocket for what is not a handshake.").onReceipt()
	dutyProtocols  = must("4.2.2", "step 4, /subprotocol/", TheServer, "A server chooses one of the subprotocols that the client offered, or sends no such field.")
	dutyExtension  = must("4.2.2", "step 4, /extensions/", TheServer, "A server lists no extension that the client did not list.")
	dutyVersions   = must("4.4", "paragraph 2", TheServer, "A server that does not speak the version responds with all versions that it speaks.").onReceipt()
	dutyGrammar91  = must("9.1", "paragraph 1", TheReceiver, "A recipient fails the connection if Sec-WebSocket-Extensions breaks its grammar.").onReceipt()
)

// dutyReads is item n of the handshake in §4.2.1. A server that finds that the
// handshake differs must refuse it.
func dutyReads(n int, says string) Duty {
	return must("4.2.1", fmt.Sprintf("paragraph 2 with item %d", n), TheServer, says).onReceipt()
}

// Responses, as a server sends them.
var (
	dutyValidHTTP  = must("4.2.2", "step 5", TheServer, "A server accepts with a valid HTTP response.")
	dutyNoLength   = must("8.6", "the paragraph about a status of 1xx", TheServer, "A server sends no Content-Length in a response with a status of 1xx.").of(9110)
	dutyNoTransfer = must("6.1", "the paragraph about a status of 1xx", TheServer, "A server sends no Transfer-Encoding in a response with a status of 1xx.").of(9112)
)

// dutyReplies is item n of step 5 in §4.2.2.
func dutyReplies(n int, says string) Duty {
	return must("4.2.2", fmt.Sprintf("step 5, item %d", n), TheServer, says)
}

// dutyOnce is that a field is not repeated in a response (§11.3).
func dutyOnce(section string) Duty {
	return must(section, "last paragraph", TheServer, "A server sends this field once at most.")
}

// Responses, as a client reads them.
var (
	dutyValidates = must("4.1", "the paragraph after item 6 of the response", TheClient, "A client fails the connection if the response is not as §4.2.2 says.").onReceipt()
	dutyInterim   = must("15.2", "paragraph 3", TheClient, "A client reads interim responses before the final one, expected or not.").of(9110)
)

// dutyChecks is item n of what a client validates in the response (§4.1).
func dutyChecks(n int, says string) Duty {
	return must("4.1", fmt.Sprintf("item %d of the response", n), TheClient, says).onReceipt()
}

// Frames.
var (
	dutyMask       = must("5.1", "paragraph 1", TheReceiver, "A server closes the connection on a frame that is not masked, a client on one that is.").onReceipt()
	dutyReserved   = must("5.2", "RSV1, RSV2, RSV3", TheReceiver, "A receiver fails the connection if a reserved bit is 1 and no agreed extension uses it.").onReceipt()
	dutyOpcode     = must("5.2", "Opcode", TheReceiver, "A receiver fails the connection if an opcode is unknown.").onReceipt()
	dutyParses     = must("6.2", "paragraph 1", TheReceiver, "A receiver reads what comes as frames, and joins the fragments of a message.")
	dutyUnmasks    = must("6.2", "paragraph 3", TheServer, "A server removes the mask from the data that a client sends.")
	dutyFreshKey   = must("5.3", "paragraph 3", TheClient, "A client picks a fresh masking key for every frame.")
	dutyFragments  = must("5.4", "the item about receiving", TheReceiver, "A receiver supports messages in fragments and whole ones.")
	dutyBetween    = must("5.4", "the item about control frames in a message", TheReceiver, "A receiver handles control frames between the fragments of a message.")
	dutyPong       = must("5.5.2", "paragraph 3", TheReceiver, "A receiver answers a Ping with a Pong, unless it has received a Close frame.")
	dutyAnswers    = must("5.5.1", "paragraph 5", TheReceiver, "A receiver answers a Close frame with a Close frame, unless it sent one before.")
	dutyClosesTCP  = must("5.5.1", "paragraph 6", TheEndpoint, "An endpoint that has sent and received a Close frame closes TCP, a server at once.")
	dutyLocalCodes = must("7.4.1", "1005, 1006 and 1015", TheSender, "An endpoint sends none of these codes in a Close frame.")
	dutyUTF8       = must("8.1", "paragraph 1", TheReceiver, "An endpoint that finds that text is not UTF-8 fails the connection.").onReceipt()
	dutyFails      = must("7.1.7", "paragraphs 1 and 2", TheEndpoint, "An endpoint that fails the connection closes TCP and processes no more data.").onReceipt()
	dutyLost       = must("7.2.1", "paragraph 2", TheClient, "A client whose TCP connection is lost fails the connection.").onReceipt()
)

// Compression (RFC 7692).
var (
	dutyDeclines     = must("7", "the conditions to decline an offer", TheServer, "A server declines an offer that is invalid, or that it does not support.").of(7692).onReceipt()
	dutyFailsOffer   = must("7", "the conditions to fail the connection", TheClient, "A client fails the connection if the answer to its offer is invalid.").of(7692).onReceipt()
	dutyCompressed   = must("6", "the paragraph about the Per-Message Compressed bit", TheReceiver, "A receiver fails the connection if RSV1 is 1 in a control frame or in a later fragment.").of(7692).onReceipt()
	dutyKeepsBits    = must("7.1.2", "the two window parameters", TheSender, "An endpoint that agreed on a smaller window does not refer back farther.").of(7692)
	dutyKeepsContext = must("7.1.1", "the two takeover parameters", TheSender, "An endpoint that agreed on no context takeover compresses each message on its own.").of(7692)
	dutyCompresses   = must("6.1", "the steps to send a message", TheSender, "An endpoint sends compressed data that its peer can decompress.").of(7692)
)

// Binds says where the requirement of c is and whom it binds, "" where no MUST
// of an RFC speaks of it.
func (c *Case) Binds() string {
	if c.Duty == (Duty{}) {
		return ""
	}
	return c.Duty.String()
}

// Source names the text that c's requirement is from, and whom it binds.
func (c *Case) Source() string {
	if binds := c.Binds(); binds != "" {
		return binds
	}
	return fmt.Sprintf("RFC %d §%s", c.RFC, c.Section)
}

// temper makes a failure of a case that no MUST speaks of a warning: what it asks
// for an endpoint may do otherwise. Only a frame of the target's own that breaks a
// MUST, not one that it sends back, still fails a case of a SHOULD.
func (c *Case) temper(r *judging) {
	switch {
	case c.Keyword != Should && c.Keyword != May, r.Unreachable, r.Verdict != Fail && r.Closing != Fail:
		return
	case c.Keyword == Should && r.Fault != nil && !sentBack(c, r.Fault):
		return
	}
	r.Verdict, r.Closing = min(r.Verdict, Warning), min(r.Closing, Warning)
	switch {
	case c.Lax != "":
		r.Reason = sentence(c.Lax)
	case r.Reason != "" && c.Keyword == May:
		r.Reason += " No MUST of an RFC forbids that here."
	}
}

// conclude is what remains when the behavior was judged.
func (c *Case) conclude(r *judging) {
	c.judgeHead(r)
	c.temper(r)
}
