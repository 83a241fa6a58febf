package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"wslab/compare/endpoint"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

// A Difference is something that the reference and gorilla do differently, and
// why that is so.
type Difference struct {
	Cases     []string // IDs, or patterns of them: "5.2/top-bit-*"
	Reference string   // what the reference does
	Gorilla   string   // what gorilla does
	RFC       int      // 0 is 6455
	Section   string   // which decides
	Reason    string
	BothLegal bool
}

// Differences are all that are known, between the reference and gorilla v1.5.3
// used as its documentation shows, behind net/http.
var Differences = []Difference{
	{
		Cases: []string{"4.2.1/version-http-1.0"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The HTTP version must be 1.1 or higher; gorilla does not look at it.",
	},
	{
		Cases: []string{"4.2.1/target-asterisk", "4.2.1/target-with-fragment", "4.2.1/target-with-bytes-above-7f", "4.2.1/target-ws-url"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A target is a resource name or a URL of http or https. net/http passes on whatever it can parse, and gorilla does not look at it.",
	},
	{
		Cases: []string{"4.2.1/empty-host"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Host has the server's authority. HTTP knows an empty one, and net/http takes it.",
	},
	{
		Cases: []string{"4.2.1/*-with-empty-items"}, Section: "4.2.1",
		Reference: "opens a WebSocket", Gorilla: "refuses the handshake",
		Reason: "A list may have empty items, which a recipient must ignore (RFC 9110 §5.6.1.2). Gorilla stops at the first. A server may ignore Upgrade, though, so for that field no MUST is broken.",
	},
	{
		Cases: []string{"4.2.1/folded-*"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "RFC 9112 §5.2 lets a server refuse a folded line or read it as one line. net/http does the latter.",
	},
	{
		Cases: []string{"4.2.1/*-of-64-kib", "4.2.1/2000-fields"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The reference reads a head of 16 KiB, net/http one of a mebibyte. Either may set its limit.",
	},
	{
		Cases: []string{"4.2.1/content-of-5-bytes", "4.2.1/content-that-is-a-frame", "4.2.1/content-in-chunks*"}, Section: "4.2.1",
		Reference: "refuses the handshake with a status", Gorilla: "closes TCP without an answer",
		Reason: "Gorilla finds bytes after the request when it has taken over the connection. Then it is too late for a response.",
	},
	{
		Cases: []string{"4.2.1/*-with-request"}, Section: "4.1", BothLegal: true,
		Reference: "reads the frames when it has answered", Gorilla: "closes TCP",
		Reason: "A client must wait for the response before it sends anything. The RFC leaves it to the server whether to tolerate one that does not.",
	},
	{
		Cases: []string{"4.2.2/bad-subprotocol*"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A subprotocol is a token. Gorilla does not check the offers if it uses none.",
	},
	{
		Cases: []string{"4.4/versions-*", "4.4/version-13-in-two-fields"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Sec-WebSocket-Version is one number, 13. Gorilla looks for a 13 among several. If the field is repeated, only the client breaks a MUST (§11.3.5).",
	},
	{
		Cases: []string{"5.2/length-*[0-9]", "5.2/length-*-binary"}, Section: "5.2", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "delivers the message",
		Reason: "A sender must use the minimal number of bytes for the length. No MUST says what a receiver does with more. Gorilla accepts any form in a data frame, and only 7 bits in a control frame.",
	},
	{
		Cases: []string{"5.2/top-bit-*"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.",
	},
	{
		Cases: []string{"5.5.1/body-of-1*"}, Section: "5.5.1", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "answers with an empty Close frame",
		Reason: "Gorilla treats a body of one byte as none. The RFC forbids a sender to send it and does not say what a receiver does.",
	},
	{
		Cases: []string{"7.4/code-1014"}, Section: "7.4.2", BothLegal: true,
		Reference: "answers with 1014", Gorilla: "fails the connection with 1002",
		Reason: "1014 was registered after gorilla's list of codes was made.",
	},
	{
		Cases: []string{"8.1/bad-*"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "An endpoint that finds that text is not UTF-8 must fail the connection. Gorilla's documentation leaves the check to the application, and the application of its example does not check.",
	},
	{
		Cases: []string{"9.1/bad-*"}, Section: "9.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Extensions that break the grammar must fail the connection. Gorilla ignores what it cannot read.",
	},
	{
		Cases: []string{"11.3/same-key-twice", "11.3/two-keys", "11.3/two-keys-names-in-other-case", "11.3/key-and-empty-key"}, Section: "11.3.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A client must not send Sec-WebSocket-Key more than once. No MUST says what a server does then. Gorilla uses the first.",
	},
	{
		Cases: []string{"7692-7.1/offer-server-max-*", "7692-7.1/offer-all-four*", "7692-7.1/offer-value-in-quotes*", "7692-7.1/offer-white-space",
			"7692-7.1/decline-twice-server-max-*", "7692-7.1/decline-twice-server-bits-*", "7692-7.2/echo-window-of-?-bits", "7692-7.2/echo-window-of-1[0-4]-bits"}, RFC: 7692, Section: "7.1.2.1",
		Reference: "uses the window that it was asked for", Gorilla: "accepts the offer and does not say server_max_window_bits",
		Reason: "A server that accepts an offer with server_max_window_bits answers with it, or declines the offer. Gorilla does not look at parameters, and Go's compressor has no smaller window.",
	},
	{
		Cases: []string{"7692-7.1/decline-unknown-*", "7692-7.1/decline-parameter-of-old-draft", "7692-7.1/decline-twice-*-no-context-takeover", "7692-7.1/decline-twice-client-max-*",
			"7692-7.1/decline-server-*", "7692-7.1/decline-client-*"}, RFC: 7692, Section: "7.1",
		Reference: "declines the offer", Gorilla: "accepts the offer",
		Reason: "An offer with a parameter that is unknown, repeated or has a wrong value is declined. Gorilla looks at the name of the extension alone.",
	},
	{
		Cases: []string{"7692-7.2/block-after-bfinal"}, RFC: 7692, Section: "7.2.3.4", BothLegal: true,
		Reference: "inflates both blocks", Gorilla: "inflates the first alone",
		Reason: "A block with BFINAL set does not end the message, and another may follow it. That a receiver can read it no MUST says.",
	},
	{
		Cases: []string{"7692-7.2/rsv1-without-payload"}, RFC: 7692, Section: "7.2.2", BothLegal: true,
		Reference: "takes it for an empty message", Gorilla: "fails the connection",
		Reason: "The RFC makes an empty message of one byte. No bytes at all are sent by some clients, and inflate to nothing with the four that are added.",
	},
	{
		Cases: []string{"7692-7.2/example-takeover", "7692-7.2/takeover-*"}, RFC: 7692, Section: "7.1.1", BothLegal: true,
		Reference: "keeps its window from message to message", Gorilla: "asks for no context takeover",
		Reason: "Gorilla compresses each message on its own, and says so.",
	},
	{
		Cases: []string{"7692-7.2/bomb-of-48-mib"}, Section: "10.4", BothLegal: true,
		Reference: "fails the connection with 1009", Gorilla: "inflates all of it",
		Reason: "The reference counts bytes when they are inflated, gorilla as they cross the wire.",
	},
	{
		Cases: []string{"7692-7.2/rsv1-in-*"}, RFC: 7692, Section: "6.1",
		Reference: "fails the connection with 1002", Gorilla: "overlooks RSV1",
		Reason: "RSV1 stands on the first frame of a message alone. Gorilla allows it everywhere once the extension is agreed on.",
	},
	{
		Cases: []string{"7692-7.2/corrupt-*"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1007", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.",
	},
	{
		Cases: []string{"7692-7.2/not-utf-8-*"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "As for text that is not compressed.",
	},
}

// about returns the IDs of the cases for servers that d is about.
func (d Difference) about() (ids []string, err error) {
	for _, p := range d.Cases {
		found := false
		for _, c := range suite.ForRole(suite.All(), wire.Server) {
			if c.Fits(p) {
				ids, found = append(ids, c.ID), true
			}
		}
		if !found {
			err = errors.Join(err, fmt.Errorf("the known difference %s is about a case that there is not", p))
		}
	}
	return ids, err
}

// CheckDifferences holds what reference and gorilla did in cases against
// Differences. It returns an error for each difference that is not explained
// there, and for each explanation of a case in which they do not differ.
func CheckDifferences(cases []*suite.Case, reports []suite.Report) []error {
	return CheckAgainst(Differences, cases, reports)
}

// CheckAgainst is CheckDifferences for another table.
func CheckAgainst(table []Difference, cases []*suite.Case, reports []suite.Report) []error {
	type pair struct{ reference, gorilla *suite.Report }
	both := map[string]*pair{}
	for i := range reports {
		r := &reports[i]
		p := both[r.Case.ID]
		if p == nil {
			p = &pair{}
			both[r.Case.ID] = p
		}
		switch r.Endpoint {
		case endpoint.Reference:
			p.reference = r
		case endpoint.Gorilla:
			p.gorilla = r
		}
	}
	known := map[string]bool{}
	var errs []error
	for _, d := range table {
		ids, err := d.about()
		if err != nil {
			errs = append(errs, err)
		}
		for _, id := range ids {
			if known[id] {
				errs = append(errs, fmt.Errorf("%s stands twice in the known differences", id))
			}
			known[id] = true
		}
	}
	for _, c := range cases {
		p := both[c.ID]
		if p == nil || p.reference == nil || p.gorilla == nil {
			continue
		}
		same := p.reference.Verdict == p.gorilla.Verdict && p.reference.Closing == p.gorilla.Closing
		switch {
		case same && known[c.ID]:
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla no longer differ; take it off the known differences", c.ID, c.Title))
		case !same && !known[c.ID]:
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla differ, and nobody has said why: reference %s/%s, gorilla %s/%s, %s",
				c.ID, c.Title, p.reference.Verdict, p.reference.Closing, p.gorilla.Verdict, p.gorilla.Closing, p.gorilla.Reason))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
