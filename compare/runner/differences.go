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

// A Difference is a behavior in which the reference and gorilla differ. It has the
// reason.
type Difference struct {
	Cases     []string // IDs of cases, or patterns of IDs: "5.2/top-bit-*"
	Reference string   // the behavior of the reference
	Gorilla   string   // the behavior of gorilla
	RFC       int      // 0 means 6455
	Section   string   // of the RFC, for the requirement that decides
	Reason    string
	BothLegal bool
}

// Differences has all known differences between the reference and gorilla v1.5.3. Gorilla
// is used with net/http, as its documentation shows.
var Differences = []Difference{
	{
		Cases: []string{"4.2.1/version-http-1.0"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The HTTP version must be 1.1 or higher. Gorilla does not check it.",
	},
	{
		Cases: []string{"4.2.1/target-asterisk", "4.2.1/target-with-fragment", "4.2.1/target-with-bytes-above-7f", "4.2.1/target-ws-url"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The target must be a resource name, or a URL with http or https. net/http accepts everything that it can parse, and gorilla does not check the target.",
	},
	{
		Cases: []string{"4.2.1/empty-host"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Host must contain the server's authority. HTTP allows an empty Host, and net/http accepts it.",
	},
	{
		Cases: []string{"4.2.1/*-with-empty-items"}, Section: "4.2.1",
		Reference: "opens a WebSocket", Gorilla: "refuses the handshake",
		Reason: "A list may have empty items, and a recipient must ignore them (RFC 9110 §5.6.1.2). Gorilla stops at the first one. A server may ignore Upgrade, so in that field gorilla breaks no MUST.",
	},
	{
		Cases: []string{"4.2.1/folded-*"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "RFC 9112 §5.2 lets a server refuse a folded line or read it as one line. net/http reads it as one line.",
	},
	{
		Cases: []string{"4.2.1/*-of-64-kib", "4.2.1/2000-fields"}, Section: "4.2.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "The reference reads at most 16 KiB of header fields, net/http at most 1 MiB. The RFC leaves the limit to the server.",
	},
	{
		Cases: []string{"4.2.1/content-of-5-bytes", "4.2.1/content-that-is-a-frame", "4.2.1/content-in-chunks*"}, Section: "4.2.1",
		Reference: "refuses the handshake with a status", Gorilla: "closes TCP without a response",
		Reason: "Gorilla finds the bytes after the request only after it took the connection from net/http. Then it cannot send a response.",
	},
	{
		Cases: []string{"4.2.1/*-with-request"}, Section: "4.1", BothLegal: true,
		Reference: "reads the frames after it has responded", Gorilla: "closes TCP",
		Reason: "A client must wait for the response before it sends anything. The RFC leaves it to the server whether to tolerate one that does not.",
	},
	{
		Cases: []string{"4.2.2/bad-subprotocol*"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A subprotocol must be a token. Gorilla does not check the offers unless it uses one.",
	},
	{
		Cases: []string{"4.4/versions-*", "4.4/version-13-in-two-fields"}, Section: "4.2.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "Sec-WebSocket-Version must be one number, 13. Gorilla accepts a list that contains 13. If the field is repeated, only the client breaks a MUST (§11.3.5).",
	},
	{
		Cases: []string{"5.2/length-*[0-9]", "5.2/length-*-binary"}, Section: "5.2", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "delivers the message",
		Reason: "A sender must use the shortest form of the length. No MUST tells a receiver how to treat a longer form. Gorilla accepts every form in a data frame, and only 7 bits in a control frame.",
	},
	{
		Cases: []string{"5.2/top-bit-*"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection. An endpoint should send a Close frame before it closes TCP.",
	},
	{
		Cases: []string{"5.5.1/body-of-1*"}, Section: "5.5.1", BothLegal: true,
		Reference: "fails the connection with 1002", Gorilla: "answers with an empty Close frame",
		Reason: "Gorilla treats a body of one byte as an empty body. A sender must not send one. The RFC does not tell a receiver how to treat it.",
	},
	{
		Cases: []string{"7.4/code-1014"}, Section: "7.4.2", BothLegal: true,
		Reference: "answers with 1014", Gorilla: "fails the connection with 1002",
		Reason: "1014 was registered after gorilla's list of close codes was written.",
	},
	{
		Cases: []string{"8.1/bad-*"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "An endpoint that finds invalid UTF-8 in a text message must fail the connection. Gorilla's documentation leaves the check to the application, and its example does not check.",
	},
	{
		Cases: []string{"9.1/bad-*"}, Section: "9.1",
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A server must refuse extensions that break the grammar. Gorilla ignores offers that it cannot parse.",
	},
	{
		Cases: []string{"11.3/same-key-twice", "11.3/two-keys", "11.3/two-keys-names-in-other-case", "11.3/key-and-empty-key"}, Section: "11.3.1", BothLegal: true,
		Reference: "refuses the handshake", Gorilla: "opens a WebSocket",
		Reason: "A client must not send Sec-WebSocket-Key more than once. No MUST tells a server how to treat two. Gorilla uses the first.",
	},
	{
		Cases: []string{"7692-7.1/offer-server-max-*", "7692-7.1/offer-all-four*", "7692-7.1/offer-value-in-quotes*", "7692-7.1/offer-white-space",
			"7692-7.1/decline-twice-server-max-*", "7692-7.1/decline-twice-server-bits-*", "7692-7.2/echo-window-of-?-bits", "7692-7.2/echo-window-of-1[0-4]-bits"}, RFC: 7692, Section: "7.1.2.1",
		Reference: "uses the requested window", Gorilla: "accepts the offer without server_max_window_bits",
		Reason: "A server that accepts an offer with server_max_window_bits must repeat the parameter; otherwise it must decline. Gorilla does not read parameters, and Go's compressor has no smaller window.",
	},
	{
		Cases: []string{"7692-7.1/decline-unknown-*", "7692-7.1/decline-parameter-of-old-draft", "7692-7.1/decline-twice-*-no-context-takeover", "7692-7.1/decline-twice-client-max-*",
			"7692-7.1/decline-server-*", "7692-7.1/decline-client-*"}, RFC: 7692, Section: "7.1",
		Reference: "declines the offer", Gorilla: "accepts the offer",
		Reason: "A server must decline an offer with an unknown or repeated parameter, or with an invalid value. Gorilla reads only the name of the extension.",
	},
	{
		Cases: []string{"7692-7.2/block-after-bfinal"}, RFC: 7692, Section: "7.2.3.4", BothLegal: true,
		Reference: "decompresses both blocks", Gorilla: "decompresses only the first",
		Reason: "A block with BFINAL set does not end the message: another block may follow. No MUST requires a receiver to read it.",
	},
	{
		Cases: []string{"7692-7.2/rsv1-without-payload"}, RFC: 7692, Section: "7.2.2", BothLegal: true,
		Reference: "treats it as an empty message", Gorilla: "fails the connection",
		Reason: "An empty message compresses to one byte (RFC 7692). Some clients send no bytes at all; with the four bytes that the receiver appends, that too decompresses to an empty message.",
	},
	{
		Cases: []string{"7692-7.2/example-takeover", "7692-7.2/takeover-*"}, RFC: 7692, Section: "7.1.1", BothLegal: true,
		Reference: "keeps its window from message to message", Gorilla: "asks for no context takeover",
		Reason: "Gorilla compresses each message by itself, and its response says so.",
	},
	{
		Cases: []string{"7692-7.2/bomb-of-48-mib"}, Section: "10.4", BothLegal: true,
		Reference: "fails the connection with 1009", Gorilla: "decompresses the whole message",
		Reason: "The limit of the reference counts decompressed bytes, the limit of gorilla counts bytes on the wire.",
	},
	{
		Cases: []string{"7692-7.2/rsv1-in-*"}, RFC: 7692, Section: "6.1",
		Reference: "fails the connection with 1002", Gorilla: "ignores RSV1",
		Reason: "Only the first frame of a message may have RSV1. Gorilla allows it in every frame once the extension was negotiated.",
	},
	{
		Cases: []string{"7692-7.2/corrupt-*"}, Section: "7.1.7", BothLegal: true,
		Reference: "fails the connection with 1007", Gorilla: "closes TCP without a Close frame",
		Reason: "Both fail the connection. An endpoint should send a Close frame before it closes TCP.",
	},
	{
		Cases: []string{"7692-7.2/not-utf-8-*"}, Section: "8.1",
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is",
		Reason: "The same as for text that is not compressed.",
	},
}

// about returns the IDs of the cases for servers that d explains.
func (d Difference) about() (ids []string, err error) {
	for _, p := range d.Cases {
		found := false
		for _, c := range suite.ForRole(suite.All(), wire.Server) {
			if c.Fits(p) {
				ids, found = append(ids, c.ID), true
			}
		}
		if !found {
			err = errors.Join(err, fmt.Errorf("the known difference %s names no case", p))
		}
	}
	return ids, err
}

// CheckDifferences compares the reports of reference and gorilla in cases. It returns an
// error for each difference that Differences does not explain. It also returns an error
// for each explanation of a case in which they do not differ.
func CheckDifferences(cases []*suite.Case, reports []suite.Report) []error {
	return CheckAgainst(Differences, cases, reports)
}

// CheckAgainst is CheckDifferences with another table.
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
				errs = append(errs, fmt.Errorf("%s is in the known differences twice", id))
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
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla no longer differ; remove it from the known differences", c.ID, c.Title))
		case !same && !known[c.ID]:
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla differ, and no known difference explains it: reference %s/%s, gorilla %s/%s, %s",
				c.ID, c.Title, p.reference.Verdict, p.reference.Closing, p.gorilla.Verdict, p.gorilla.Closing, p.gorilla.Reason))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
