package wire

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// PermessageDeflate is the name of the extension of RFC 7692.
const PermessageDeflate = "permessage-deflate"

// The rules of the handshake (RFC 7692 §5, §7.1). If an offer breaks one, the server
// declines the offer, and the connection opens without the extension. If the server
// breaks one, the client must fail the connection.
var (
	RuleDeflateRepeated   = extensionRule(7692, "5/extension-repeated", 0, "A server must accept permessage-deflate at most once.")
	RuleDeflateUnknown    = extensionRule(7692, "7.1/parameter-unknown", 0, "permessage-deflate has four parameters and no others.")
	RuleDeflateTwice      = extensionRule(7692, "7.1/parameter-repeated", 0, "A parameter of permessage-deflate must not appear more than once.")
	RuleDeflateServerFlag = extensionRule(7692, "7.1.1.1/no-value", 0, "server_no_context_takeover must have no value.")
	RuleDeflateClientFlag = extensionRule(7692, "7.1.1.2/no-value", 0, "client_no_context_takeover must have no value.")
	RuleDeflateServerBits = extensionRule(7692, "7.1.2.1/window-bits", 0, "server_max_window_bits must be a number from 8 to 15 without a leading zero.")
	RuleDeflateServerMore = extensionRule(7692, "7.1.2.1/more-than-offered", 0, "A server that accepts server_max_window_bits must respond with the offered value or a smaller one.")
	RuleDeflateClientBits = extensionRule(7692, "7.1.2.2/window-bits", 0, "client_max_window_bits must be a number from 8 to 15 without a leading zero. In an offer it may have no value.")
	RuleDeflateClientMore = extensionRule(7692, "7.1.2.2/more-than-offered", 0, "A server must not respond with a client_max_window_bits above the offered one, or with any if the client offered none.")
)

// The rules of a compressed message (RFC 7692 §7) that its receiver can check. The RFC
// does not name a close code for these rules. 1007 is for a payload of the wrong kind.
var (
	RuleDeflateTakeover = extensionRule(7692, "7.1.1/takeover", InvalidPayload, "Without context takeover, a message must not refer to earlier messages.")
	RuleDeflateWindow   = extensionRule(7692, "7.1.2/window", InvalidPayload, "Compressed data must not refer to bytes before the negotiated window.")
	RuleDeflateData     = extensionRule(7692, "7.2.2/data", InvalidPayload, "The payload of a message with RSV1 must be valid DEFLATE data.")
)

// DeflateParams are the parameters of permessage-deflate (RFC 7692 §7.1), as offered, as
// agreed on, or as an endpoint wants them. The server's parameters are about the messages
// that the server sends, the client's about the messages that the client sends. Window
// bits are the base-2 logarithm of the LZ77 window, 8 to 15; 0 means not given, which is
// the same as 15. In an offer, AnyWindowBits is client_max_window_bits without a value:
// the server may ask for a smaller window.
type DeflateParams struct {
	ServerNoContextTakeover, ClientNoContextTakeover bool
	ServerMaxWindowBits, ClientMaxWindowBits         int
}

// String returns p as in the header field.
func (p DeflateParams) String() string {
	s := PermessageDeflate
	for _, param := range []struct {
		present bool
		text    string
	}{
		{p.ServerNoContextTakeover, "server_no_context_takeover"},
		{p.ClientNoContextTakeover, "client_no_context_takeover"},
		{p.ServerMaxWindowBits != 0, "server_max_window_bits=" + strconv.Itoa(p.ServerMaxWindowBits)},
		{p.ClientMaxWindowBits == AnyWindowBits, "client_max_window_bits"},
		{p.ClientMaxWindowBits%AnyWindowBits != 0, "client_max_window_bits=" + strconv.Itoa(p.ClientMaxWindowBits)},
	} {
		if param.present {
			s += "; " + param.text
		}
	}
	return s
}

// deflateParams checks the parameters of e. In an offer, client_max_window_bits may have
// no value, which gives AnyWindowBits.
func deflateParams(e Extension, offer bool) (p DeflateParams, vs violations) {
	//lesson:begin deflate-params
	seen := map[string]bool{}
	for _, param := range e.Params {
		name := strings.ToLower(param.Name)
		if seen[name] {
			vs.broke(&RuleDeflateTwice, "%s appears again.", name)
			continue
		}
		seen[name] = true

		var rule Rule
		ok := false
		switch name {
		case "server_no_context_takeover":
			rule, ok, p.ServerNoContextTakeover = RuleDeflateServerFlag, !param.HasValue, true
		case "client_no_context_takeover":
			rule, ok, p.ClientNoContextTakeover = RuleDeflateClientFlag, !param.HasValue, true
		case "server_max_window_bits":
			rule = RuleDeflateServerBits
			p.ServerMaxWindowBits, ok = windowBits(param.Value)
		case "client_max_window_bits":
			rule = RuleDeflateClientBits
			p.ClientMaxWindowBits, ok = windowBits(param.Value)
			if offer && !param.HasValue {
				p.ClientMaxWindowBits, ok = AnyWindowBits, true
			}
		default:
			rule = RuleDeflateUnknown
		}
		vs.when(!ok, &rule, "The parameter is %q.", param)
	}
	//lesson:end
	return p, vs
}

// deflateItems returns the items of permessage-deflate in Sec-WebSocket-Extensions.
func deflateItems(h Head) []Extension {
	list, _ := ParseExtensions(h)
	return slices.DeleteFunc(list, func(e Extension) bool { return !strings.EqualFold(e.Name, PermessageDeflate) })
}

// windowBits parses a number from 8 to 15 as RFC 7692 §7.1.2 writes it: digits, no
// leading zero. It returns 0 for any other text, so that such a value limits nothing.
func windowBits(s string) (int, bool) {
	n, _ := strconv.Atoi(s)
	if n < 8 || n > 15 || s != strconv.Itoa(n) {
		return 0, false
	}
	return n, true
}

// AcceptDeflate chooses the first acceptable offer of permessage-deflate in a client's
// handshake. agreed is also the response, for Sec-WebSocket-Extensions. It declines
// offers that break a rule, as RFC 7692 §7.1 says. If ok is false, the response must not
// mention the extension.
//
// The server applies the parts of policy about itself and reports them. It asks the
// client for no context takeover, which every client must grant, and for a smaller
// window only if the client has said that it supports one.
func AcceptDeflate(request Head, policy DeflateParams) (agreed DeflateParams, ok bool) {
	for _, e := range deflateItems(request) {
		//lesson:begin deflate-accept
		offer, vs := deflateParams(e, true)
		if vs != nil {
			continue
		}
		agreed = DeflateParams{
			ServerNoContextTakeover: offer.ServerNoContextTakeover || policy.ServerNoContextTakeover,
			ClientNoContextTakeover: offer.ClientNoContextTakeover || policy.ClientNoContextTakeover,
			ServerMaxWindowBits:     smaller(offer.ServerMaxWindowBits, policy.ServerMaxWindowBits),
		}
		if offer.ClientMaxWindowBits != 0 {
			agreed.ClientMaxWindowBits = smaller(offer.ClientMaxWindowBits, policy.ClientMaxWindowBits)
		}
		//lesson:end
		return agreed, true
	}
	return agreed, false
}

// AnyWindowBits is more bits than a window has. Like 0, it does not limit the window.
const AnyWindowBits = 16

// smaller returns the smaller of two window bits; 0 means no limit.
func smaller(a, b int) int {
	return min(cmp.Or(a, AnyWindowBits), cmp.Or(b, AnyWindowBits)) % AnyWindowBits
}

// Offer returns the offer of a client with the policy p. If p does not limit the
// client's window, the server may ask for a smaller one.
func (p DeflateParams) Offer() DeflateParams {
	p.ClientMaxWindowBits = cmp.Or(p.ClientMaxWindowBits, AnyWindowBits)
	return p
}

// CheckDeflateResponse checks a server's response to the offers of permessage-deflate in
// request. It returns the agreed parameters and whether the extension is in use, or the
// broken rules. CheckResponse returns the same violations. It also returns those of a
// response that cannot be parsed, or that answers no offer.
//
// A hint of the client binds the client even if the server does not repeat it:
// client_no_context_takeover, and a value of client_max_window_bits (RFC 7692 §7.1.1.2,
// §7.1.2.2). A server may send server_max_window_bits and both no-context-takeover
// parameters without a request. A server that leaves out a requested
// server_no_context_takeover is accepted: such servers exist, and the client only has to
// keep the window. A server may also leave out an offered server_max_window_bits=15,
// because it changes nothing.
func CheckDeflateResponse(request, response Head) (agreed DeflateParams, inUse bool, unfit []Violation) {
	// 1. The only response item, checked by itself.
	answers := deflateItems(response)
	if len(answers) == 0 {
		return agreed, false, nil
	}
	if len(answers) > 1 {
		return agreed, false, []Violation{RuleDeflateRepeated.Broken("The server accepted it twice.")}
	}
	got, vs := deflateParams(answers[0], false)
	if vs != nil {
		return agreed, false, vs
	}

	// 2. An offer that the response fits.
	for _, e := range deflateItems(request) {
		offer, _ := deflateParams(e, true)
		var vs violations
		more := cmp.Or(got.ServerMaxWindowBits, 15) > cmp.Or(offer.ServerMaxWindowBits, 15)
		vs.when(more, &RuleDeflateServerMore, "The offer is %q, the response is %q.", e, answers[0])
		more = got.ClientMaxWindowBits > offer.ClientMaxWindowBits
		vs.when(more, &RuleDeflateClientMore, "The offer is %q, the response is %q.", e, answers[0])
		if vs == nil {
			got.ClientNoContextTakeover = got.ClientNoContextTakeover || offer.ClientNoContextTakeover
			got.ClientMaxWindowBits = smaller(got.ClientMaxWindowBits, offer.ClientMaxWindowBits)
			return got, true, nil
		}
		if unfit == nil {
			unfit = vs
		}
	}
	return agreed, false, unfit
}
