package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section422 is RFC 6455 §4.2.2: the server's response.
func Section422() []*Case {
	s := Section{Name: "4.2.2", In: "4.2.2"}
	add := func(name, title, requirement, keyword string, duty Duty, head HeadCheck, rules ...string) {
		s.Add(Case{
			Name: name, Title: title, Requirement: requirement, Keyword: keyword, Duty: duty, Rules: rules, Head: head,
			Steps: Tried, Outcomes: Opens(), OneSided: true,
		})
	}
	add("status-line", "The status line of the response", "The response begins with HTTP/1.1 and status 101.", Must, DutyReplies(1, "A server accepts with the status 101."), startsAs, wire.RuleStatus.Code)
	add("upgrade", "Upgrade in the response", "The response has Upgrade: websocket.", Must, DutyReplies(2, "A server accepts with Upgrade: websocket."), hasOnly("Upgrade", "websocket"), wire.RuleRespUpgrade.Code)
	add("connection", "Connection in the response", "The response has Connection: Upgrade.", Must, DutyReplies(3, "A server accepts with Connection: Upgrade."), hasOnly("Connection", "Upgrade"), wire.RuleRespConnection.Code)
	add("header-grammar", "The grammar of the header lines in the response", "A header line consists of a name of token characters, a colon and a value (RFC 9112 §5).", Must, DutyValidHTTP, keepsGrammar, wire.RuleHeaderGrammar.Code)
	add("line-ends", "The line ends of the response", "HTTP lines end with CR LF (RFC 9112 §2.1).", Must, DutyValidHTTP, endsLines)
	add("no-content-length", "No Content-Length in the response", "A response with status 101 must not have a Content-Length (RFC 9110 §8.6), because frames follow it.", Must, DutyNoLength, without(Fail, "Content-Length"))
	add("no-transfer-encoding", "No Transfer-Encoding in the response", "A response with status 101 must not have a Transfer-Encoding (RFC 9112 §6.1), because frames follow it.", Must, DutyNoTransfer, without(Fail, "Transfer-Encoding"))
	add("no-subprotocol-offered", "No subprotocol if the client offered none", "If the server does not choose a subprotocol, the response does not have a Sec-WebSocket-Protocol.", Must, DutyProtocols,
		without(Fail, "Sec-WebSocket-Protocol"), wire.RuleRespSubprotocol.Code)
	add("no-extension-offered", "No extension if the client offered none", "A server lists only extensions that the client offered.", Must, DutyExtension,
		without(Fail, "Sec-WebSocket-Extensions"), wire.RuleRespExtension.Code)
	add("no-fields-of-old-draft", "No fields of an old draft in the response", "Sec-WebSocket-Location and Sec-WebSocket-Origin are fields of a draft. RFC 6455 does not define them.", May, Duty{},
		without(Note, "Sec-WebSocket-Location", "Sec-WebSocket-Origin", "WebSocket-Location", "WebSocket-Origin"))

	for _, k := range []struct{ name, what, key string }{
		{"sample", "the example key of §1.3", SampleKey},
		{"counting", "a key of the bytes 01 02 … 10", "AQIDBAUGBwgJCgsMDQ4PEA=="},
		{"zero", "a key of 16 zero bytes", "AAAAAAAAAAAAAAAAAAAAAA=="},
		{"plus-and-slash", "a key that begins with + and ends in /", "+BFVQcGxrdt2eHp6WVpbT/=="},
		{"small-letters", "a key in lower-case letters", "abcdefghijklmnopqrstug=="},
		// A program that keeps the hash in a string of C loses the bytes from its first zero byte on.
		{"zero-first", "a key whose hash begins with a zero byte", "AAAqZmlyc3QgemVybyBiIQ=="},
		{"zero-inside", "a key whose hash contains a zero byte", "AAAIYSB6ZXJvIGluc2lkIQ=="},
		{"zero-last", "a key whose hash ends with a zero byte", "AAGJemVybyBhdCBsYXN0IQ=="},
	} {
		s.Add(Case{
			Name: "accept-for-" + k.name + "-key", Title: "Sec-WebSocket-Accept for " + k.what, Keyword: Must, Duty: DutyReplies(4, "A server accepts with the accept value of the key."), Rules: []string{wire.RuleAcceptWrong.Code, wire.RuleAcceptMissing.Code},
			Requirement: "Sec-WebSocket-Accept is base64 of the SHA-1 hash of the key, exactly as received, with the GUID after it.",
			Opening:     Opening{Key: k.key}, Steps: Tried, Outcomes: Opens(), OneSided: true,
		})
	}

	addHandshakes(&s, wire.Server, handshakes{
		requirement: "A refusal is a valid HTTP response. It should tell the client where its content ends.", keyword: Should,
		outcomes: Refuses(), head: allOf(keepsGrammar, endsLines, hasEnd),
		list: []handshake{
			{"refusal-without-key", "The refusal of a request without a key is valid HTTP", Set(Request, "Sec-WebSocket-Key")},
			{"refusal-of-version", "The refusal of another version is valid HTTP", Set(Request, "Sec-WebSocket-Version", "Sec-WebSocket-Version: 99")},
		},
	})

	subprotocols(&s)
	origins(&s)
	return s.Cases
}

// subprotocols is about Sec-WebSocket-Protocol.
func subprotocols(s *Section) {
	offer := func(values ...string) string {
		return Plus(Request, Prefixed("Sec-WebSocket-Protocol: ", values)...)
	}
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server chooses one of the subprotocols that the client offers, in the same spelling, or none. It may also refuse the client.", keyword: Must, duty: DutyProtocols,
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: OpensOr(Note, "it refuses a client that offers only subprotocols it does not speak, which is allowed"), head: AtMostOnce("Sec-WebSocket-Protocol"),
		list: []handshake{
			{"one-subprotocol", "One subprotocol offered", offer("x-wslab-one")},
			{"two-subprotocols", "Two subprotocols offered", offer("x-wslab-one, x-wslab-two")},
			{"two-subprotocols-in-two-fields", "Two subprotocols offered in two fields", offer("x-wslab-one", "x-wslab-two")},
			{"well-known-subprotocols", "Four well-known subprotocols", offer("chat, superchat, mqtt, graphql-ws")},
			{"subprotocol-with-every-token-character", "A subprotocol with every punctuation character that a token may have", offer("!#$%&'*+-.^_`|~09azAZ")},
			{"20-subprotocols", "20 subprotocols offered", offer("a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t")},
			{"subprotocols-without-spaces", "Subprotocols without spaces between them", offer("x-wslab-one,x-wslab-two,x-wslab-three")},
			{"subprotocols-that-differ-in-case", "Subprotocols that differ only in case", offer("x-wslab, X-WSLAB")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Protocol is a list of tokens. A server refuses a list that breaks this grammar, and does not choose such a subprotocol.", keyword: Must, duty: DutyReads(8, "A server refuses a list of subprotocols that breaks the grammar."), section: "4.2.1",
		rules:    []string{wire.RuleSubprotocols.Code},
		outcomes: RefusesOr(Warning, "it does not check the list of subprotocols and chooses none, so it accepts a request that breaks the grammar (RFC 6455 §4.2.1)"),
		head:     without(Fail, "Sec-WebSocket-Protocol"),
		list: []handshake{
			{"bad-subprotocol-with-space", "A subprotocol with a space in it", offer("x-wslab one")},
			{"bad-subprotocol-in-quotes", "A subprotocol in quotes", offer(`"x-wslab"`)},
			{"bad-subprotocols-with-semicolons", "Subprotocols separated by semicolons", offer("x-wslab-one; x-wslab-two")},
			{"bad-subprotocol-with-slash", "A subprotocol with a slash", offer("x-wslab/1")},
			{"bad-subprotocol-with-bytes-above-7f", "A subprotocol with bytes above 0x7F", offer("x-wsl\xc3\xa4b")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A client sends at least one subprotocol, and each only once. A recipient of a list ignores empty items (RFC 9110 §5.6.1.2). So a server may accept or refuse such a list.", keyword: May, section: "4.2.1",
		outcomes: OpensOr(Pass, ""), head: AtMostOnce("Sec-WebSocket-Protocol"),
		list: []handshake{
			{"subprotocol-empty", "An empty Sec-WebSocket-Protocol", offer("")},
			{"empty-items-between-subprotocols", "Empty items between subprotocols", offer("x-wslab-one,, ,x-wslab-two")},
			{"same-subprotocol-twice", "The same subprotocol twice", offer("x-wslab-one, x-wslab-one")},
		},
	})
}

// origins is about Origin. A server may use it to refuse pages of other sites.
func origins(s *Section) {
	from := func(values ...string) string { return Plus(Request, Prefixed("Origin: ", values)...) }
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server may refuse a request because of its Origin. It normally accepts pages of its own address.", keyword: May, section: "10.2",
		rules:    []string{wire.RuleOrigin.Code},
		outcomes: OpensOr(Note, "it refuses pages of its own address"),
		list: []handshake{
			{"origin-own", "An Origin with the server's own address", from("http://{host}")},
			{"origin-own-in-capitals", "An Origin with the server's own address in capitals", Plus(Request, "ORIGIN: HTTP://{host}")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "If a server does not check Origin, every page that its users visit can connect to it (§10.2). The server decides whether it checks Origin. It refuses with an HTTP error.", keyword: May, section: "10.2",
		rules:    []string{wire.RuleOrigin.Code},
		outcomes: []Outcome{{Verdict: Note, Why: "it refuses a request whose Origin is not its own", End: End{How: TargetRefuses}}, {Verdict: Note, Why: "it accepts a request whose Origin is not its own", Sees: []Frame{Text("Hello")}}},
		list: []handshake{
			{"origin-from-elsewhere", "An Origin of another site", from("http://elsewhere.example")},
			{"origin-null", "The Origin null, which a page in a sandbox has", from("null")},
			{"origin-with-own-prefix", "An Origin that begins like the server's address", from("http://{host}.elsewhere.example")},
			{"origin-another-port", "An Origin with another port", from("http://127.0.0.1:1")},
			{"two-origins", "Two Origin fields", from("http://{host}", "http://elsewhere.example")},
			{"origin-not-a-url", "An Origin that is not a URL", from("%zz")},
		},
	})
}
