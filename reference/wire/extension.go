package wire

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// extensionsField is the header field in which both ends speak of extensions.
const extensionsField = "Sec-WebSocket-Extensions"

// An Extension is one item of Sec-WebSocket-Extensions: an offer of the client
// or the answer of the server.
type Extension struct {
	Name   string
	Params []Param
}

// A Param is a parameter of an Extension. One without a value differs from one
// whose value is empty, which the grammar does not know.
type Param struct {
	Name, Value string
	HasValue    bool
}

// String writes e as a header field has it.
func (e Extension) String() string {
	s := e.Name
	for _, p := range e.Params {
		s += "; " + p.String()
	}
	return s
}

// String writes p as a header field has it. A value is a token, so it needs no
// quotes.
func (p Param) String() string {
	if p.HasValue {
		return p.Name + "=" + p.Value
	}
	return p.Name
}

// ParseExtensions reads every field called Sec-WebSocket-Extensions as one
// list, in its order: several fields mean the same as one with commas (RFC 6455
// §9.1). A value may be quoted. ok is false where the grammar is not kept.
func ParseExtensions(h Head) (list []Extension, ok bool) {
	for _, s := range h.Values(extensionsField) {
		for s = skipSpace(s); s != ""; {
			// A comma with nothing before it is an empty item, which a list may have.
			if s[0] == ',' {
				s = skipSpace(s[1:])
				continue
			}
			var e Extension
			if e.Name, s = cutToken(s); e.Name == "" {
				return nil, false
			}
			for s != "" && s[0] == ';' {
				var p Param
				if p, s, ok = cutParam(skipSpace(s[1:])); !ok {
					return nil, false
				}
				e.Params = append(e.Params, p)
			}
			if s != "" && s[0] != ',' {
				return nil, false
			}
			list = append(list, e)
		}
	}
	return list, true
}

// cutParam cuts name, name=token or name="token" off the front of s.
func cutParam(s string) (p Param, rest string, ok bool) {
	if p.Name, s = cutToken(s); p.Name == "" {
		return p, s, false
	}
	if s == "" || s[0] != '=' {
		return p, s, true
	}
	p.HasValue = true
	if s = skipSpace(s[1:]); s == "" || s[0] != '"' {
		p.Value, s = cutToken(s)
		return p, s, p.Value != ""
	}
	// What stands between the quotes must be a token once a backslash before any
	// character is taken away: so neither a quote nor a backslash can be meant.
	quoted, s, ok := strings.Cut(s[1:], `"`)
	p.Value = strings.ReplaceAll(quoted, `\`, "")
	ok = ok && IsToken(p.Value) && !strings.Contains(quoted, `\\`) && !strings.HasSuffix(quoted, `\`)
	return p, skipSpace(s), ok
}

// cutToken cuts a token and the space behind it off the front of s.
func cutToken(s string) (token, rest string) {
	rest = strings.TrimLeft(s, tokenChars)
	return s[:len(s)-len(rest)], skipSpace(rest)
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t") }

// HasExtension reports whether the extension called name is in
// Sec-WebSocket-Extensions, with any parameters. Where the grammar is not kept
// there is none, as for all who agree on extensions.
func (h Head) HasExtension(name string) bool {
	list, _ := ParseExtensions(h)
	return slices.ContainsFunc(list, func(e Extension) bool { return strings.EqualFold(e.Name, name) })
}

// CheckExtensions returns the violation of a Sec-WebSocket-Extensions that
// cannot be read: who receives it, in either role, must fail the connection
// (RFC 6455 §9.1).
func CheckExtensions(h Head) []Violation {
	if _, ok := ParseExtensions(h); !ok {
		return []Violation{RuleExtensionGrammar.Broken(found(h, extensionsField) + ".")}
	}
	return nil
}

// PermessageDeflate is the name of the extension of RFC 7692.
const PermessageDeflate = "permessage-deflate"

// DeflateParams are the parameters of permessage-deflate (RFC 7692 §7.1), as
// offered, as agreed on, or as an endpoint would have them. The server's are
// about what the server sends, the client's about what the client sends. Window
// bits are the base-2 logarithm of the LZ77 window, 8 to 15; 0 says nothing,
// which means 15. In an offer AnyWindowBits is client_max_window_bits without a
// value: the server may ask for a smaller window.
type DeflateParams struct {
	ServerNoContextTakeover, ClientNoContextTakeover bool
	ServerMaxWindowBits, ClientMaxWindowBits         int
}

// String writes p as a header field has it.
func (p DeflateParams) String() string {
	s := PermessageDeflate
	if p.ServerNoContextTakeover {
		s += "; server_no_context_takeover"
	}
	if p.ClientNoContextTakeover {
		s += "; client_no_context_takeover"
	}
	if p.ServerMaxWindowBits != 0 {
		s += "; server_max_window_bits=" + strconv.Itoa(p.ServerMaxWindowBits)
	}
	switch p.ClientMaxWindowBits {
	case 0:
	case AnyWindowBits:
		s += "; client_max_window_bits"
	default:
		s += "; client_max_window_bits=" + strconv.Itoa(p.ClientMaxWindowBits)
	}
	return s
}

// deflateParams judges the parameters of e. One of them may lack its value in an
// offer: client_max_window_bits, which then is AnyWindowBits.
func deflateParams(e Extension, offer bool) (p DeflateParams, vs violations) {
	//lesson:begin deflate-params
	seen := map[string]bool{}
	for _, param := range e.Params {
		name := strings.ToLower(param.Name)
		if seen[name] {
			vs.broke(&RuleDeflateTwice, "%s is there again.", name)
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
		if !ok {
			vs.broke(&rule, "The parameter is %q.", param)
		}
	}
	//lesson:end
	return p, vs
}

// deflateItems returns what Sec-WebSocket-Extensions says of permessage-deflate.
func deflateItems(h Head) []Extension {
	list, _ := ParseExtensions(h)
	return slices.DeleteFunc(list, func(e Extension) bool { return !strings.EqualFold(e.Name, PermessageDeflate) })
}

// windowBits reads a number from 8 to 15 as RFC 7692 §7.1.2 writes it: digits,
// no leading zero. Of no text, it is 0 and no number.
func windowBits(s string) (int, bool) {
	n, _ := strconv.Atoi(s)
	if n < 8 || n > 15 || s != strconv.Itoa(n) {
		return 0, false
	}
	return n, true
}

// AcceptDeflate chooses the first offer of permessage-deflate in a client's
// handshake that can be accepted, and returns what is agreed on and what to put
// into Sec-WebSocket-Extensions. Offers that break a rule are declined, in
// silence, as RFC 7692 §7.1 says; where ok is false nothing is to be answered.
//
// What policy asks of the server itself is done and told; of the client, it
// asks for no context takeover, which every client must grant, and for a
// smaller window only where the client has said that it can have one.
func AcceptDeflate(request Head, policy DeflateParams) (agreed DeflateParams, response string, ok bool) {
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
		return agreed, agreed.String(), true
	}
	return DeflateParams{}, "", false
}

// AnyWindowBits is more bits than a window has; 0, which says nothing, means as much.
const AnyWindowBits = 16

// smaller returns the smaller of two window bits, 0 for no limit.
func smaller(a, b int) int {
	return min(cmp.Or(a, AnyWindowBits), cmp.Or(b, AnyWindowBits)) % AnyWindowBits
}

// Offer returns what a client with the policy p offers. Where p says nothing of the
// client's window, the server may ask for a smaller one.
func (p DeflateParams) Offer() DeflateParams {
	p.ClientMaxWindowBits = cmp.Or(p.ClientMaxWindowBits, AnyWindowBits)
	return p
}

// OfferDeflate returns what a client puts into Sec-WebSocket-Extensions to make
// offers of permessage-deflate, the preferred one first (RFC 7692 §5.1).
func OfferDeflate(offers ...DeflateParams) string {
	var items []string
	for _, o := range offers {
		items = append(items, o.String())
	}
	return strings.Join(items, ", ")
}

// CheckDeflateResponse judges what a server answered to the offers of
// permessage-deflate in request. It returns what is agreed on and whether the
// extension is in use, or the rules that the answer breaks. CheckResponse has
// the same violations, and those of an answer that cannot be read or that no
// offer went before.
//
// What a client has hinted at binds the client though the server leaves it out:
// client_no_context_takeover, and a value of client_max_window_bits (RFC 7692
// §7.1.1.2, §7.1.2.2). A server may give server_max_window_bits and both
// no-context-takeover parameters unasked. One that leaves out the
// server_no_context_takeover that it was asked for is borne with: there are
// such servers, and all it takes is to keep the inflater's window. Nor need 15
// be answered where server_max_window_bits=15 was offered, for it changes nothing.
func CheckDeflateResponse(request, response Head) (agreed DeflateParams, inUse bool, unfit []Violation) {
	// 1. The one answer, right in itself.
	answers := deflateItems(response)
	if len(answers) == 0 {
		return agreed, false, nil
	}
	if len(answers) > 1 {
		return agreed, false, []Violation{RuleDeflateRepeated.Broken("The server answers with it twice.")}
	}
	got, vs := deflateParams(answers[0], false)
	if vs != nil {
		return agreed, false, vs
	}

	// 2. An offer that it can be the answer to.
	for _, e := range deflateItems(request) {
		offer, _ := deflateParams(e, true)
		var vs violations
		if cmp.Or(got.ServerMaxWindowBits, 15) > cmp.Or(offer.ServerMaxWindowBits, 15) {
			vs.broke(&RuleDeflateServerMore, "The offer is %q, and the answer %q.", e, answers[0])
		}
		if got.ClientMaxWindowBits > offer.ClientMaxWindowBits {
			vs.broke(&RuleDeflateClientMore, "The offer is %q, and the answer %q.", e, answers[0])
		}
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
