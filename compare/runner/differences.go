package runner

import (
	"fmt"
	"slices"
	"strings"

	"wslab/compare/endpoint"
	"wslab/compare/suite"
)

// A Difference is something that the reference and gorilla do differently, and
// why that is so.
type Difference struct {
	Cases     []string // IDs, or runs of them: "5.2/159–160"
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
		Cases: []string{"4.2.1/10"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The HTTP version must be 1.1 or higher; gorilla does not look at it.",
	},
	{
		Cases: []string{"4.2.1/28", "4.2.1/33–35"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A target is a resource name or a URL of http or https. net/http passes on whatever it can parse, and gorilla does not look at it.",
	},
	{
		Cases: []string{"4.2.1/39"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Host has the server's authority. HTTP knows an empty one, and net/http takes it.",
	},
	{
		Cases: []string{"4.2.1/66–67"}, Section: "4.2.1",
		Reference: "opens a WebSocket", Gorilla: "refuses the handshake",
		Reason: "A list may have empty items, which a recipient must ignore (RFC 9110 §5.6.1.2). Gorilla stops at the first. A server may ignore Upgrade, though, so for that field no MUST is broken.",
	},
	{
		Cases: []string{"4.2.1/132–134"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "RFC 9112 §5.2 lets a server refuse a folded line or read it as one line. net/http does the latter.",
	},
	{
		Cases: []string{"4.2.1/144–145", "4.2.1/147"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The reference reads a head of 16 KiB, net/http one of a mebibyte. Either may set its limit.",
	},
	{
		Cases: []string{"4.2.1/149–152"}, Section: "4.2.1",
		Reference: "refuses the handshake with a status", Gorilla: "closes TCP without an answer",
		Reason: "Gorilla finds bytes after the request when it has taken over the connection. Then it is too late for a response.",
	},
	{
		Cases: []string{"4.2.1/175–183"}, Section: "4.1", BothLegal: true,
		Reference: "reads the frames when it has answered", Gorilla: "closes TCP",
		Reason: "A client must wait for the response before it sends anything. The RFC leaves it to the server whether to tolerate one that does not.",
	},
	{
		Cases: []string{"4.2.2/26–30"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A subprotocol is a token. Gorilla does not check the offers if it uses none.",
	},
	{
		Cases: []string{"4.4/19–23"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Sec-WebSocket-Version is one number, 13. Gorilla looks for a 13 among several. If the field is repeated, only the client breaks a MUST (§11.3.5).",
	},
	{
		Cases: []string{"5.2/159–160", "5.2/162–163", "5.2/165–166", "5.2/168–169", "5.2/171–172", "5.2/174–175", "5.2/177–178", "5.2/180–185"}, Section: "5.2", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "delivers the message",
		Reason: "A sender must use the minimal number of bytes for the length. No MUST says what a receiver does with more. Gorilla accepts any form in a data frame, and only 7 bits in a control frame.",
	},
	{
		Cases: []string{"5.2/186–191"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.",
	},
	{
		Cases: []string{"5.5.1/20–21"}, Section: "5.5.1", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "answers with an empty Close frame",
		Reason: "Gorilla treats a body of one byte as none. The RFC forbids a sender to send it and does not say what a receiver does.",
	},
	{
		Cases: []string{"7.4/33"}, Section: "7.4.2", BothLegal: true,
		Reference: "answers with 1014", Gorilla: "fails the connection with 1002",
		Reason: "1014 was registered after gorilla's list of codes was made.",
	},
	{
		Cases: []string{"8.1/37–243"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "An endpoint that finds that text is not UTF-8 must fail the connection. Gorilla's documentation leaves the check to the application, and the application of its example does not check.",
	},
	{
		Cases: []string{"9.1/15–30"}, Section: "9.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Extensions that break the grammar must fail the connection. Gorilla ignores what it cannot read.",
	},
	{
		Cases: []string{"11.3/1–3", "11.3/5"}, Section: "11.3.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A client must not send Sec-WebSocket-Key more than once. No MUST says what a server does then. Gorilla uses the first.",
	},
	{
		Cases: []string{"7692-7.1/14–26", "7692-7.1/41", "7692-7.1/44", "7692-7.2/80–86"}, RFC: 7692, Section: "7.1.2.1",
		Reference: "uses the window that it was asked for", Gorilla: "accepts the offer and does not say server_max_window_bits",
		Reason: "A server that accepts an offer with server_max_window_bits answers with it, or declines the offer. Gorilla does not look at parameters, and Go's compressor has no smaller window.",
	},
	{
		Cases: []string{"7692-7.1/35–40", "7692-7.1/42–43", "7692-7.1/45–73"}, RFC: 7692, Section: "7.1",
		Reference: "declines the offer", Gorilla: "accepts the offer",
		Reason: "An offer with a parameter that is unknown, repeated or has a wrong value is declined. Gorilla looks at the name of the extension alone.",
	},
	{
		Cases: []string{"7692-7.2/10"}, RFC: 7692, Section: "7.2.3.4", BothLegal: true,
		Reference: "inflates both blocks", Gorilla: "inflates the first alone",
		Reason: "A block with BFINAL set does not end the message, and another may follow it. That a receiver can read it no MUST says.",
	},
	{
		Cases: []string{"7692-7.2/26"}, RFC: 7692, Section: "7.2.2", BothLegal: true,
		Reference: "takes it for an empty message", Gorilla: "fails the connection",
		Reason: "The RFC makes an empty message of one byte. No bytes at all are sent by some clients, and inflate to nothing with the four that are added.",
	},
	{
		Cases: []string{"7692-7.2/40–47"}, RFC: 7692, Section: "7.1.1", BothLegal: true,
		Reference: "keeps its window from message to message", Gorilla: "asks for no context takeover",
		Reason: "Gorilla compresses each message on its own, and says so.",
	},
	{
		Cases: []string{"7692-7.2/51"}, Section: "10.4", BothLegal: true,
		Reference: "fails the connection with 1009", Gorilla: "inflates all of it",
		Reason: "The reference counts bytes when they are inflated, gorilla as they cross the wire.",
	},
	{
		Cases: []string{"7692-7.2/54–60"}, RFC: 7692, Section: "6.1",
		Reference: "fails the connection with 1002", Gorilla: "overlooks RSV1",
		Reason: "RSV1 stands on the first frame of a message alone. Gorilla allows it everywhere once the extension is agreed on.",
	},
	{
		Cases: []string{"7692-7.2/66–75"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1007", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.",
	},
	{
		Cases: []string{"7692-7.2/76–79"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "As for text that is not compressed.",
	},
}

// expand returns the IDs that d is about.
func (d Difference) expand() (ids []string, err error) {
	for _, run := range d.Cases {
		more, err := suite.Expand(run)
		if err != nil {
			return nil, fmt.Errorf("the known differences: %w", err)
		}
		ids = append(ids, more...)
	}
	return ids, nil
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
		ids, err := d.expand()
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
	all := suite.All()
	for id := range known {
		if !slices.ContainsFunc(all, func(c *suite.Case) bool { return c.ID == id }) {
			errs = append(errs, fmt.Errorf("the known difference %s is about a case that there is not", id))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
