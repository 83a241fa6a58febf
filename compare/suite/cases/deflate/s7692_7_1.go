package deflate

import (
	"fmt"
	"slices"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section7692Negotiation is RFC 7692 §5 and §7.1: how endpoints negotiate
// permessage-deflate.
func Section7692Negotiation() []*Case {
	s := Section{Name: "7692-7.1", In: "7.1", RFC: 7692}
	offers(&s)
	badOffers(&s)
	answersToOffers(&s)
	return s.Cases
}

// offers has the offers that a server may accept or decline.
func offers(s *Section) {
	// The step sends a compressed message, which shows that the server does what it
	// negotiated. The message needs no window, so it fits all parameters.
	add := func(name, title, offer, section string, check HeadCheck, rules ...string) {
		s.Add(Case{
			Name: "offer-" + name, Title: "Offer: " + title, Keyword: Must, Duty: DutyDeclines, Section: section, Rules: rules, Head: check,
			Requirement: "A server may accept an offer of permessage-deflate if it supports every parameter in it. Otherwise the server must decline the offer.",
			Opening:     Opening{Writes: []string{Plus(Request, Prefixed("Sec-WebSocket-Extensions: ", strings.Split(offer, "\n"))...)}},
			Deflate:     &Deflate{Needs: inUse}, Steps: []Step{Send(Packed(Text("Hello")))}, OneSided: true,
			Outcomes: OpensOr(Warning, "it refuses the whole handshake instead of only declining the offer"),
		})
	}
	add("no-parameters", "permessage-deflate without parameters", "permessage-deflate", "", nil)
	add("client-no-context-takeover", "client_no_context_takeover", "permessage-deflate; client_no_context_takeover", "7.1.1.2", nil)
	add("server-no-context-takeover", "server_no_context_takeover", "permessage-deflate; server_no_context_takeover", "7.1.1.1", keepsTakeover)
	add("both-no-context-takeover", "both no-context-takeover parameters", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", "7.1.1.1", keepsTakeover)
	add("client-max-window-bits", "client_max_window_bits without a value, as browsers offer it", "permessage-deflate; client_max_window_bits", "7.1.2.2", nil, wire.RuleDeflateClientMore.Code)
	for bits := 8; bits <= 15; bits++ {
		add(fmt.Sprintf("client-max-window-bits-%d", bits), fmt.Sprintf("client_max_window_bits=%d", bits), fmt.Sprintf("permessage-deflate; client_max_window_bits=%d", bits), "7.1.2.2", nil, wire.RuleDeflateClientMore.Code)
	}
	for bits := 8; bits <= 15; bits++ {
		check := HeadCheck(nil)
		if bits == 15 {
			check = answersServerBits // the client accepts a response without the parameter: 15 then applies
		}
		add(fmt.Sprintf("server-max-window-bits-%d", bits), fmt.Sprintf("server_max_window_bits=%d", bits), fmt.Sprintf("permessage-deflate; server_max_window_bits=%d", bits), "7.1.2.1", check, wire.RuleDeflateServerMore.Code)
	}
	add("all-four", "all four parameters", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11", "", keepsTakeover)
	add("all-four-opposite-order", "all four parameters in the opposite order", "permessage-deflate; client_max_window_bits; server_max_window_bits=12; client_no_context_takeover; server_no_context_takeover", "", keepsTakeover)
	add("value-in-quotes", "a value in quotes", `permessage-deflate; server_max_window_bits="10"`, "7.1.2.1", nil)
	add("value-in-quotes-with-backslash", "a value in quotes with a backslash", `permessage-deflate; server_max_window_bits="1\0"`, "7.1.2.1", nil)
	add("white-space", "white space around everything", "permessage-deflate ; server_max_window_bits = 10\t;client_no_context_takeover", "", nil)
	add("two-good", "two offers, both acceptable", "permessage-deflate; server_max_window_bits=10, permessage-deflate", "5", nil)
	add("two-good-in-two-fields", "two offers in two header fields", "permessage-deflate; server_max_window_bits=10\npermessage-deflate", "5", nil)
	add("another-extension-before", "another extension before it", "x-wslab; a=1, permessage-deflate", "5", nil)
	add("another-extension-after", "another extension after it", "permessage-deflate, x-wslab", "5", nil)
	add("bad-before-good", "an invalid offer before a valid one", "permessage-deflate; x=1, permessage-deflate", "5", nil)
	add("bad-after-good", "an invalid offer after a valid one", "permessage-deflate, permessage-deflate; x=1", "5", nil)
	add("two-bad-before-good", "three offers, only the last one valid", "permessage-deflate; server_max_window_bits=7, permessage-deflate; client_no_context_takeover=1, permessage-deflate", "5", nil)
	s.Add(Case{
		Name: "offer-name-in-capitals", Title: "Offer: the name of the extension in capitals", Keyword: May, Head: AtMostOnce("Sec-WebSocket-Extensions"),
		Requirement: "The name of an extension is a token. The RFCs do not say whether PERMESSAGE-DEFLATE is the same name as permessage-deflate.",
		Opening:     Opening{Writes: []string{Plus(Request, "Sec-WebSocket-Extensions: PERMESSAGE-DEFLATE")}},
		Steps:       Tried, Outcomes: Opens(), OneSided: true,
	})
}

// keepsTakeover: a server that accepts server_no_context_takeover answers with it.
var keepsTakeover = answersWith("server_no_context_takeover", Fail, "RFC 7692 §7.1.1.1")

// answersServerBits: a server that accepts a limit to its window answers with a limit,
// even for the full window.
var answersServerBits = answersWith("server_max_window_bits", Warning, "RFC 7692 §7.1.2.1, though for 15 it changes nothing")

// answersWith: a server that accepts an offer answers with the parameter called name.
func answersWith(name string, otherwise Verdict, section string) HeadCheck {
	return func(a Half) Finding {
		exts, _ := wire.ParseExtensions(a.Head.Head)
		for _, e := range exts {
			named := func(p wire.Param) bool { return p.Name == name }
			if strings.EqualFold(e.Name, wire.PermessageDeflate) && !slices.ContainsFunc(e.Params, named) {
				return Found(otherwise, "it accepts an offer with %s and does not answer with it (%s)", name, section)
			}
		}
		return Finding{}
	}
}

// badOffers has the offers that a server must decline. The WebSocket opens without
// the extension.
func badOffers(s *Section) {
	declines := func(a Half) Finding {
		if a.Head.Head.HasExtension(wire.PermessageDeflate) {
			return Found(Fail, "it accepts an offer that it must decline (RFC 7692 §7.1)")
		}
		return Finding{}
	}
	add := func(name, title, offer, section, rule string) {
		s.Add(Case{
			Name: "decline-" + name, Title: "Offer to decline: " + title, Keyword: Must, Duty: DutyDeclines, Section: section, Rules: []string{rule}, Head: declines,
			Requirement: "A server must decline an offer with an undefined parameter, an invalid value, or the same parameter twice. The WebSocket may open without the extension.",
			Opening:     Opening{Writes: []string{Plus(Request, "Sec-WebSocket-Extensions: "+offer)}},
			Steps:       Tried, OneSided: true,
			Outcomes: OpensOr(Warning, "it refuses the whole handshake instead of only declining the offer (RFC 7692 §7.1)"),
		})
	}
	add("unknown-parameter", "an undefined parameter", "permessage-deflate; x", "7.1", wire.RuleDeflateUnknown.Code)
	add("unknown-parameter-with-value", "an undefined parameter with a value", "permessage-deflate; x=1", "7.1", wire.RuleDeflateUnknown.Code)
	add("unknown-parameter-after-known", "an undefined parameter after a valid one", "permessage-deflate; client_no_context_takeover; x=1", "7.1", wire.RuleDeflateUnknown.Code)
	add("parameter-of-old-draft", "a parameter of an old draft", "permessage-deflate; c2s_max_window_bits", "7.1", wire.RuleDeflateUnknown.Code)
	for _, p := range []string{"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits=10", "client_max_window_bits", "client_max_window_bits=10"} {
		add("twice-"+named(p), p+" twice", "permessage-deflate; "+p+"; "+p, "7.1", wire.RuleDeflateTwice.Code)
	}
	add("twice-server-bits-10-and-11", "server_max_window_bits twice, with two values", "permessage-deflate; server_max_window_bits=10; server_max_window_bits=11", "7.1", wire.RuleDeflateTwice.Code)
	for _, v := range []string{"=1", "=true", "=0"} {
		add(named("server_no_context_takeover"+v), "server_no_context_takeover"+v, "permessage-deflate; server_no_context_takeover"+v, "7.1.1.1", wire.RuleDeflateServerFlag.Code)
		add(named("client_no_context_takeover"+v), "client_no_context_takeover"+v, "permessage-deflate; client_no_context_takeover"+v, "7.1.1.2", wire.RuleDeflateClientFlag.Code)
	}
	add("server-max-window-bits", "server_max_window_bits without a value", "permessage-deflate; server_max_window_bits", "7.1.2.1", wire.RuleDeflateServerBits.Code)
	for _, v := range []string{"0", "7", "16", "32768", "08", "010", "+10", "-10", "0xA", "ten", "10.0"} {
		add(named("server_max_window_bits="+v), "server_max_window_bits="+v, "permessage-deflate; server_max_window_bits="+v, "7.1.2.1", wire.RuleDeflateServerBits.Code)
		add(named("client_max_window_bits="+v), "client_max_window_bits="+v, "permessage-deflate; client_max_window_bits="+v, "7.1.2.2", wire.RuleDeflateClientBits.Code)
	}
}

// answersToOffers is about clients: the responses that they accept, and those for
// which they must fail the connection.
func answersToOffers(s *Section) {
	add := func(name, title, answer, section string, outcomes []Outcome, steps []Step, offered func(wire.Head) string, rules ...string) {
		duty := DutyParses
		if len(rules) > 0 {
			duty = DutyFailsOffer
		}
		s.AddForClients(Case{
			Name: name, Title: title, Keyword: Must, Duty: duty, Section: section, Rules: rules, Outcomes: outcomes, Steps: steps,
			Requirement: "A client accepts a response that fits its offer of permessage-deflate and that it supports. It must fail the connection for any other response (§7).",
			Deflate:     &Deflate{Answer: answer, Offered: offered},
		})
	}
	// A client fails the connection if it does not support the parameters of the
	// response (§7).
	takesOr := OpensOr(Warning, "it refuses a response that fits its offer, as a client may if it does not support this configuration")
	compressed := []Step{Send(Packed(Text("Hello")))}
	takes := func(name, title, answer, section string, offered func(wire.Head) string) {
		add("accept-"+name, "Response: "+title, "permessage-deflate"+answer, section, takesOr, compressed, offered)
	}
	const flag, bits = "server_no_context_takeover", "server_max_window_bits" // parameters that a server must answer if the client offers them
	takes("no-parameters", "permessage-deflate without parameters", "", "7.1", withoutOffer(flag, bits))
	takes("server-no-context-takeover", flag+", offered or not", "; "+flag, "7.1.1.1", withoutOffer(bits))
	takes("client-no-context-takeover", "client_no_context_takeover, offered or not", "; client_no_context_takeover", "7.1.1.2", withoutOffer(flag, bits))
	takes("both-no-context-takeover", "both no-context-takeover parameters", "; server_no_context_takeover; client_no_context_takeover", "7.1.1", withoutOffer(bits))
	takes("server-max-window-bits-8", bits+"=8, the minimum", "; server_no_context_takeover; server_max_window_bits=8", "7.1.2.1", nil)
	takes("server-max-window-bits-15", bits+"=15, which the client did not offer", "; server_no_context_takeover; server_max_window_bits=15", "7.1.2.1", withoutOffer(bits))
	takes("server-max-window-bits-quoted", bits+`="10" in quotes`, `; server_no_context_takeover; server_max_window_bits="10"`, "7.1.2.1", withoutOffer(bits))
	takes("client-max-window-bits-15", "client_max_window_bits=15 when the client offered this parameter", "; client_max_window_bits=15", "7.1.2.2", bitsOffered)
	takes("client-max-window-bits-9", "client_max_window_bits=9 when the client offered this parameter", "; client_max_window_bits=9", "7.1.2.2", bitsOffered)
	s.AddForClients(Case{
		Name: "accept-no-extension", Title: "Response: no extension", Keyword: Must, Duty: DutyParses, Section: "5",
		Requirement: "A server may decline every offer. Then the client must not compress its messages.",
		Opening:     Opening{Writes: []string{Response}}, Steps: Tried,
		Outcomes: OpensOr(Note, "it fails the connection if the server declines its offer, as a client may"),
	})

	fails := func(name, title, answer, section, rule string, offered func(wire.Head) string) {
		add("fail-"+name, "Response: "+title, answer, section, Refuses(), Tried, offered, rule)
	}
	const deflate = wire.PermessageDeflate
	fails("extension-twice", "permessage-deflate twice", deflate+", "+deflate, "5", wire.RuleDeflateRepeated.Code, nil)
	fails("unknown-parameter", "an undefined parameter", deflate+"; x", "7.1", wire.RuleDeflateUnknown.Code, nil)
	fails("unknown-parameter-with-value", "an undefined parameter with a value", deflate+"; x=1", "7.1", wire.RuleDeflateUnknown.Code, nil)
	fails("server-no-context-takeover-twice", "server_no_context_takeover twice", deflate+"; server_no_context_takeover; server_no_context_takeover", "7.1", wire.RuleDeflateTwice.Code, nil)
	fails("server-max-window-bits-twice", "server_max_window_bits twice", deflate+"; server_max_window_bits=8; server_max_window_bits=8", "7.1", wire.RuleDeflateTwice.Code, nil)
	fails("server-no-context-takeover-1", "server_no_context_takeover=1", deflate+"; server_no_context_takeover=1", "7.1.1.1", wire.RuleDeflateServerFlag.Code, nil)
	fails("client-no-context-takeover-1", "client_no_context_takeover=1", deflate+"; client_no_context_takeover=1", "7.1.1.2", wire.RuleDeflateClientFlag.Code, nil)
	for _, v := range []string{"", "=7", "=16", "=08", "=ten"} {
		fails(named("server_max_window_bits"+v), "server_max_window_bits"+v, deflate+"; server_max_window_bits"+v, "7.1.2.1", wire.RuleDeflateServerBits.Code, nil)
		fails(named("client_max_window_bits"+v), "client_max_window_bits"+v, deflate+"; client_max_window_bits"+v, "7.1.2.2", wire.RuleDeflateClientBits.Code, nil)
	}
	fails("client-max-window-bits-not-offered", "client_max_window_bits=10, which the client did not offer", deflate+"; client_max_window_bits=10", "7.1.2.2", wire.RuleDeflateClientMore.Code, withoutOffer("client_max_window_bits"))
	fails("extension-not-offered", "permessage-deflate and an extension that the client did not offer", deflate+", x-wslab", "5", wire.RuleRespExtension.Code, nil)
	fails("broken-grammar", "permessage-deflate and a parameter without a name", deflate+"; =1", "5", wire.RuleExtensionGrammar.Code, nil)
}

// named returns a parameter as the names of cases write it: "server-max-window-bits-plus-10".
func named(param string) string {
	return strings.ToLower(strings.NewReplacer("=+", "-plus-", "=-", "-minus-", "=", "-", "_", "-").Replace(param))
}

// bitsOffered requires client_max_window_bits in a request, without a value or with 15.
// With a smaller value, the responses of these cases may not fit the offer.
func bitsOffered(request wire.Head) string {
	if p, ok := OfferedParam(request, "client_max_window_bits"); !ok || p.HasValue && p.Value != "15" {
		return "it does not offer client_max_window_bits, so there is nothing to judge"
	}
	return ""
}

// withoutOffer requires a request without any of these parameters.
func withoutOffer(names ...string) func(wire.Head) string {
	return func(request wire.Head) string {
		for _, name := range names {
			if _, ok := OfferedParam(request, name); ok {
				return "it offers " + name + ", and this case needs an offer without it, so there is nothing to judge"
			}
		}
		return ""
	}
}
