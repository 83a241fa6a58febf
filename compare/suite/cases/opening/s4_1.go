package opening

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section41 is RFC 6455 §4.1: the client's opening handshake, and what it makes
// of the server's. The judge listens and answers.
func Section41() []*Case {
	s := Section{Name: "4.1", In: "4.1"}
	clientRequest(&s)
	statuses(&s)
	upgradeOfAnswer(&s)
	acceptOfAnswer(&s)
	choicesOfAnswer(&s)
	grammarOfAnswer(&s)
	answerInPieces(&s)
	// Behind all others, so that there are connections to compare with.
	s.AddForClients(Case{
		Name: "new-key-for-each-connection", Title: "A key of its own for each connection", Requirement: "The key is chosen at random for each connection.", Keyword: Must, Duty: DutyAsks(7, "A client sends one key, a new random value for each connection."),
		Rules: []string{wire.RuleKeyLength.Code}, Head: hasOwnKey, Steps: Tried, Outcomes: Opens(),
	})
	return s.Cases
}

// clientRequest is about the request.
func clientRequest(s *Section) {
	add := func(name, title, requirement, keyword string, duty Duty, check HeadCheck, rules ...string) {
		s.AddForClients(Case{
			Name: name, Title: title, Requirement: requirement, Keyword: keyword, Duty: duty, Rules: rules, Head: check, Steps: Tried, Outcomes: Opens(),
		})
	}
	add("method-and-version", "The method and version of the request", "The request is a GET of HTTP/1.1 or higher.", Must, DutyAsks(2, "A client sends a GET of HTTP/1.1 or higher."), asksRight, wire.RuleMethod.Code, wire.RuleHTTPVersion.Code)
	add("target", "The target of the request", "The target is the resource name, or a whole http or https URL with it; it has no fragment.", Must, DutyAsks(3, "A client asks for the resource name, or for a whole URL with it."), asksRight, wire.RuleTarget.Code)
	add("host", "Host in the request", "Host has the host, and the port where it is not the default.", Must, DutyHost, hasPort, wire.RuleHost.Code)
	add("upgrade-and-connection", "Upgrade and Connection in the request", "The request has Upgrade with websocket and Connection with Upgrade.", Must, DutyAsks(5, "A client sends Upgrade with websocket, and (item 6) Connection with Upgrade."), asksRight, wire.RuleUpgrade.Code, wire.RuleConnection.Code)
	add("key", "The key in the request", "There is one Sec-WebSocket-Key, base64 of 16 bytes chosen at random.", Must, DutyAsks(7, "A client sends one key, a new random value for each connection."), hasKey,
		wire.RuleKeyMissing.Code, wire.RuleKeyRepeated.Code, wire.RuleKeyLength.Code)
	add("protocol-version", "The version of the protocol in the request", "There is one Sec-WebSocket-Version, with the value 13.", Must, DutyAsks(9, "A client sends the version 13."), asksRight, wire.RuleVersion.Code)
	add("origin", "Origin in the request", "A browser sends Origin, and another client may. It is a scheme, a host and perhaps a port. No client sends two (RFC 6454 §7.3).", Must, DutyOneOrigin, hasOrigin)
	add("subprotocols", "Subprotocols in the request", "Sec-WebSocket-Protocol, where it is there, lists tokens, each once.", Must, DutyAsks(10, "A client lists subprotocols that are tokens and differ from each other."), hasSubprotocols, wire.RuleSubprotocols.Code)
	add("extensions", "Extensions in the request", "Sec-WebSocket-Extensions, where it is there, keeps its grammar and names registered extensions.", Must, MustOf("9.1", "paragraphs 1 and 3", TheClient, "A client lists registered extensions, in the form that the grammar gives."), hasExtensions, wire.RuleExtensionGrammar.Code)
	add("header-grammar", "The grammar of the request's header lines", "A header line is a name of token characters, a colon and a value (RFC 9112 §5).", Must, DutyAsks(1, "A client sends a valid HTTP request."), keepsGrammar, wire.RuleHeaderGrammar.Code)
	add("line-ends", "The ends of the request's lines", "HTTP lines end with CR LF (RFC 9112 §2.1).", Must, DutyAsks(1, "A client sends a valid HTTP request."), endsLines)
	add("no-content", "No content in the request", "The request is a GET without content: frames follow it. RFC 9110 §9.3.1 says that a client SHOULD send none.", Should, Duty{}, asksRight, wire.RuleBody.Code)
	add("nothing-with-request", "Nothing in the same segment as the request", "A client waits for the response before it sends anything more.", Must, DutyWaits, waits, wire.RuleEarlyData.Code)
	s.AddForClients(Case{
		Name: "nothing-before-response", Title: "Nothing while the answer is awaited", Requirement: "A client waits for the response before it sends anything more.", Keyword: Must, Duty: DutyWaits, Rules: []string{wire.RuleEarlyData.Code},
		Opening: Opening{Listen: 50 * time.Millisecond}, Head: waits, Steps: Tried, Outcomes: Opens(),
	})
}

// statuses is about answers that open no WebSocket.
func statuses(s *Section) {
	// All else is right, so that only the status can tell. A server that refuses
	// closes TCP, and says so, lest the client send its next request there.
	plain := func(status string, lines ...string) Opening {
		head := Set(StartLine(Response, "HTTP/1.1 "+status), "Connection", "Connection: Upgrade, close")
		return Opening{Writes: []string{Plus(head, append(lines, "Content-Length: 0")...)}}
	}
	for _, each := range []struct {
		name   string
		status string
		lines  []string
	}{
		{"status-200", "200 OK", nil}, {"status-201", "201 Created", nil}, {"status-204", "204 No Content", nil},
		{"status-301", "301 Moved Permanently", []string{"Location: /elsewhere"}}, {"status-302", "302 Found", []string{"Location: ws://127.0.0.1:9/"}}, {"status-307", "307 Temporary Redirect", []string{"Location: /elsewhere"}},
		{"status-400", "400 Bad Request", nil}, {"status-401", "401 Unauthorized", []string{`WWW-Authenticate: Basic realm="lab"`}}, {"status-403", "403 Forbidden", nil}, {"status-404", "404 Not Found", nil},
		{"status-407", "407 Proxy Authentication Required", []string{`Proxy-Authenticate: Basic realm="lab"`}},
		{"status-426-version-13", "426 Upgrade Required", []string{"Sec-WebSocket-Version: 13"}}, {"status-426-versions-14-15", "426 Upgrade Required", []string{"Sec-WebSocket-Version: 14, 15"}},
		{"status-500", "500 Internal Server Error", nil}, {"status-503", "503 Service Unavailable", []string{"Retry-After: 3600"}}, {"status-999", "999 Unknown", nil},
	} {
		title := "The status " + each.status
		if len(each.lines) > 0 {
			title += " with " + each.lines[0]
		}
		s.AddForClients(Case{
			Name: each.name, Title: title, Keyword: Must, Duty: DutyChecks(1, "A client handles a response with another status than 101 as HTTP."), Rules: []string{wire.RuleStatus.Code}, Opening: plain(each.status, each.lines...),
			Requirement: "An answer with another status than 101 is plain HTTP, whatever else it says: no WebSocket is open.",
			Steps:       []Step{Send(Text("Hello")), Fin()}, Outcomes: Refuses(),
		})
	}
	noHTTP := func(name, title string, o Opening, steps ...Step) {
		s.AddForClients(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyValidates, Rules: []string{wire.RuleStatus.Code}, Opening: o, Steps: steps, Outcomes: Refuses(),
			Requirement: "A WebSocket opens only with an HTTP response whose status is 101.",
		})
	}
	one := func(head string) Opening { return Opening{Writes: []string{head}} }
	noHTTP("status-of-two-digits", "A status of two digits", one(StartLine(Response, "HTTP/1.1 10 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-of-four-digits", "A status of four digits", one(StartLine(Response, "HTTP/1.1 1010 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-with-letter", "A status with a letter", one(StartLine(Response, "HTTP/1.1 1O1 Switching Protocols")), Tried[0], Fin())
	noHTTP("no-status", "No status", one(StartLine(Response, "HTTP/1.1 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-line-without-version", "A status line without its version", one(StartLine(Response, "101 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-line-of-another-protocol", "A status line of another protocol", one(StartLine(Response, "ICY/1.1 101 Switching Protocols")), Tried[0], Fin())
	noHTTP("ssh-greeting", "The greeting of an SSH server", one("SSH-2.0-OpenSSH_9.9\r\n"), Fin())
	noHTTP("frames-without-http", "Frames at once, and no HTTP", one("\x81\x05Hello\x81\x05Hello"), Fin())
	noHTTP("tls-without-http", "TLS, and no HTTP", one("\x15\x03\x01\x00\x02\x02\x46"), Fin())
	noHTTP("tcp-closed-without-response", "The end of TCP, and no answer", one(""), Fin())
	noHTTP("tcp-closed-in-response", "Half an answer, and the end of TCP", one(Response[:60]), Fin())
	noHTTP("tcp-closed-before-empty-line", "An answer without its empty line, and the end of TCP", one(strings.TrimSuffix(Response, "\r\n")), Fin())

	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client must be able to read interim answers before the answer, even if it does not expect them (RFC 9110 §15.2).", keyword: Must, duty: DutyInterim,
		rules: []string{wire.RuleStatus.Code}, outcomes: Opens(),
		list: []handshake{
			{"status-100-before-response", "100 Continue before the answer", "HTTP/1.1 100 Continue\r\n\r\n" + Response},
			{"status-103-before-response", "103 Early Hints before the answer", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + Response},
			{"status-102-twice-before-response", "102 Processing twice before the answer", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + Response},
		},
	})
	noHTTP("status-100-before-refusal", "100 Continue before a refusal", one("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Tried[0], Fin())
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The reason phrase after the status is for people, and may be anything or empty. A client SHOULD ignore it (RFC 9112 §4).", keyword: Should,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Warning, "it refuses a reason phrase that it should ignore (RFC 9112 §4)"),
		list: []handshake{
			{"reason-another", "101 with another reason", StartLine(Response, "HTTP/1.1 101 Web Socket Protocol Handshake")},
			{"reason-of-404", "101 with the reason of another status", StartLine(Response, "HTTP/1.1 101 404 Not Found")},
			{"reason-empty", "101 with an empty reason", StartLine(Response, "HTTP/1.1 101 ")},
			{"reason-not-ascii", "101 with a reason that is no ASCII", StartLine(Response, "HTTP/1.1 101 Grüße")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A status line has a space behind its status even where no reason follows (RFC 9112 §4); who reads it may overlook that.", keyword: May,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Note, "it wants the space that the grammar asks for"),
		list: []handshake{{"no-space-after-status", "101 with nothing behind it", StartLine(Response, "HTTP/1.1 101")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An answer to a request of HTTP/1.1 that is of HTTP/1.0 cannot change the protocol (RFC 9110 §7.8); what a client makes of it RFC 6455 leaves open.", keyword: May,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Pass, ""),
		list: []handshake{{"version-http-1.0", "101 of HTTP/1.0", StartLine(Response, "HTTP/1.0 101 Switching Protocols")}},
	})
}

// upgradeOfAnswer is about Upgrade and Connection.
func upgradeOfAnswer(s *Section) {
	upgrade := func(values ...string) string { return Set(Response, "Upgrade", Prefixed("Upgrade: ", values)...) }
	connection := func(values ...string) string { return Set(Response, "Connection", Prefixed("Connection: ", values)...) }
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Upgrade is websocket, in any case, and Connection has the token Upgrade, in any case.", keyword: Must, duty: DutyInterprets,
		rules: []string{wire.RuleRespUpgrade.Code, wire.RuleRespConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"upgrade-mixed-case", "Upgrade: WebSocket in the answer", upgrade("WebSocket")},
			{"upgrade-capitals", "Upgrade: WEBSOCKET in the answer", upgrade("WEBSOCKET")},
			{"connection-lower-case", "Connection: upgrade in the answer", connection("upgrade")},
			{"connection-capitals", "Connection: UPGRADE in the answer", connection("UPGRADE")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Connection has the token Upgrade anywhere in its list.", keyword: Must, duty: DutyLists,
		rules: []string{wire.RuleRespConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"connection-keep-alive-upgrade", "Connection: keep-alive, Upgrade in the answer", connection("keep-alive, Upgrade")},
			{"connection-upgrade-keep-alive", "Connection: Upgrade,keep-alive in the answer", connection("Upgrade,keep-alive")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Several fields of one name are one list, and RFC 9110 §5.3 says that a recipient MAY combine them.", keyword: May,
		rules: []string{wire.RuleRespConnection.Code}, outcomes: OpensOr(Warning, "it does not combine two Connection fields, as RFC 9110 §5.3 says it may"),
		list: []handshake{
			{"two-connection-fields", "Two Connection fields in the answer, Upgrade in the second", connection("keep-alive", "Upgrade")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An answer without Upgrade, or with another value than websocket, fails the connection.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-upgrade", "No Upgrade in the answer", Set(Response, "Upgrade")},
			{"empty-upgrade", "An empty Upgrade in the answer", upgrade("")},
			{"upgrade-h2c", "Upgrade: h2c in the answer", upgrade("h2c")},
			{"upgrade-websockets", "Upgrade: websockets in the answer", upgrade("websockets")},
			{"upgrade-web-socket", "Upgrade: web-socket in the answer", upgrade("web-socket")},
			{"upgrade-websocket-slash-13", "Upgrade: websocket/13 in the answer", upgrade("websocket/13")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An answer whose Upgrade has another value than websocket fails the connection: it cannot be changed to two protocols.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: RefusesOr(Warning, "it reads Upgrade as a list, and is content with one item that is websocket"),
		list: []handshake{
			{"upgrade-websocket-then-h2c", "Upgrade: websocket, h2c in the answer", upgrade("websocket, h2c")},
			{"upgrade-h2c-then-websocket", "Upgrade: h2c, websocket in the answer", upgrade("h2c, websocket")},
			{"two-upgrade-fields", "Two Upgrade fields in the answer", upgrade("websocket", "h2c")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An answer without the token Upgrade in Connection fails the connection.", keyword: Must, duty: DutyChecks(3, "A client fails the connection if Connection does not contain Upgrade."),
		rules: []string{wire.RuleRespConnection.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-connection", "No Connection in the answer", Set(Response, "Connection")},
			{"empty-connection", "An empty Connection in the answer", connection("")},
			{"connection-keep-alive", "Connection: keep-alive in the answer", connection("keep-alive")},
			{"connection-close", "Connection: close in the answer", connection("close")},
			{"connection-upgraded", "Connection: upgraded in the answer", connection("upgraded")},
			{"connection-semicolon", "Connection: keep-alive; Upgrade in the answer", connection("keep-alive; Upgrade")},
		},
	})
}

// acceptOfAnswer is about Sec-WebSocket-Accept.
func acceptOfAnswer(s *Section) {
	accept := func(values ...string) string {
		return Set(Response, "Sec-WebSocket-Accept", Prefixed("Sec-WebSocket-Accept: ", values)...)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space around Sec-WebSocket-Accept does not count.", keyword: Must, duty: DutyTrims,
		rules: []string{wire.RuleAcceptWrong.Code}, outcomes: Opens(),
		list: []handshake{
			{"accept-with-white-space-around", "Sec-WebSocket-Accept with white space around it", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:\t  {accept} \t")},
			{"accept-without-space-before", "Sec-WebSocket-Accept with no space before it", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:{accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An answer without Sec-WebSocket-Accept, or with an empty one, fails the connection.", keyword: Must, duty: DutyChecks(4, "A client fails the connection if the accept value is missing or wrong."),
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-accept", "No Sec-WebSocket-Accept", Set(Response, "Sec-WebSocket-Accept")},
			{"empty-accept", "An empty Sec-WebSocket-Accept", accept("")},
			{"accept-under-another-name", "Sec-WebSocket-Accept under another name", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accepted: {accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A Sec-WebSocket-Accept that is not made of the key and the GUID fails the connection.", keyword: Must, duty: DutyChecks(4, "A client fails the connection if the accept value is missing or wrong."),
		rules: []string{wire.RuleAcceptWrong.Code}, outcomes: Refuses(),
		list: []handshake{
			{"accept-for-example-key", "Sec-WebSocket-Accept for the key of the RFC's example", accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
			{"accept-is-key", "Sec-WebSocket-Accept with the key itself", accept("{key}")},
			{"accept-without-last-byte", "Sec-WebSocket-Accept without its last byte", accept("{accept-cut}")},
			{"accept-one-byte-longer", "Sec-WebSocket-Accept with one byte more", accept("{accept}=")},
			{"accept-in-quotes", "Sec-WebSocket-Accept in quotes", accept(`"{accept}"`)},
			{"accept-in-other-case", "Sec-WebSocket-Accept in other case", accept("{accept-case}")},
			{"accept-without-guid", "Sec-WebSocket-Accept made with no GUID", accept("{accept-key}")},
			{"accept-with-lower-case-guid", "Sec-WebSocket-Accept made with a GUID in lower case", accept("{accept-lower}")},
			{"accept-with-misprinted-guid", "Sec-WebSocket-Accept made with a misprinted GUID", accept("{accept-misprint}")},
			{"accept-for-decoded-key", "Sec-WebSocket-Accept made of the key decoded", accept("{accept-decoded}")},
			{"accept-in-hex", "Sec-WebSocket-Accept with the hash in hex", accept("{accept-hex}")},
			{"accept-with-two-values", "Two values in one Sec-WebSocket-Accept", accept("{accept}, {accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		// The MUST NOT of §11.3.3 binds the server, as that of §11.3.1 binds the client.
		requirement: "A server sends Sec-WebSocket-Accept once. What a client does if it comes twice no MUST says.", keyword: May, section: "11.3.3",
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: RefusesOr(Warning, "it ignores that the field is repeated, which a server must not do (RFC 6455 §11.3.3)"),
		list: []handshake{
			{"accept-twice-both-right", "Sec-WebSocket-Accept twice, right both times", accept("{accept}", "{accept}")},
			{"accept-twice-first-right", "Sec-WebSocket-Accept twice, right the first time", accept("{accept}", "{accept-key}")},
			{"accept-twice-second-right", "Sec-WebSocket-Accept twice, right the second time", accept("{accept-key}", "{accept}")},
		},
	})
}

// choicesOfAnswer is about subprotocol and extensions.
func choicesOfAnswer(s *Section) {
	subprotocol := func(values ...string) string { return Plus(Response, Prefixed("Sec-WebSocket-Protocol: ", values)...) }
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A subprotocol that the client has not offered fails the connection.", keyword: Must, duty: DutyChecks(6, "A client fails the connection if the server chose a subprotocol that was not offered."),
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: Refuses(),
		list: []handshake{
			{"subprotocol-not-offered", "A subprotocol that was not offered", subprotocol("x-wslab-unasked")},
			{"two-subprotocols-not-offered", "Two subprotocols that were not offered", subprotocol("x-wslab-unasked, x-wslab-too")},
			{"two-subprotocol-fields", "Two Sec-WebSocket-Protocols", subprotocol("x-wslab-unasked", "x-wslab-too")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The empty string is no subprotocol, and not the same as none (§4.2.2); an answer with it breaks the grammar.", keyword: Must, duty: DutyValidates, section: "4.2.2",
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: RefusesOr(Warning, "it takes an empty subprotocol for none"),
		list: []handshake{{"subprotocol-empty", "An empty Sec-WebSocket-Protocol in the answer", subprotocol("")}},
	})
	extension := func(values ...string) string {
		return Plus(Response, Prefixed("Sec-WebSocket-Extensions: ", values)...)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "An extension that the client has not offered fails the connection.", keyword: Must, duty: DutyChecks(5, "A client fails the connection if the server uses an extension that was not offered."),
		rules: []string{wire.RuleRespExtension.Code}, outcomes: Refuses(),
		list: []handshake{
			{"extension-not-offered", "An extension that was not offered", extension("x-wslab-unasked")},
			{"extension-not-offered-with-parameter", "An extension that was not offered, with a parameter", extension("x-wslab-unasked; a=1")},
			{"two-extensions-not-offered", "Two extensions that were not offered", extension("x-wslab-unasked, x-wslab-too")},
			{"two-extensions-in-two-fields", "Two extensions in two fields", extension("x-wslab-unasked", "x-wslab-too")},
			{"extension-of-old-draft", "An extension of an old draft", extension("deflate-stream")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A Sec-WebSocket-Extensions that breaks its grammar fails the connection at once.", keyword: Must, duty: DutyGrammar91, section: "9.1",
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: Refuses(),
		list: []handshake{
			{"extension-with-space-in-name", "An extension with a space in its name in the answer", extension("x wslab")},
			{"extension-nothing-before-semicolon", "Nothing before a semicolon in the answer", extension("; a=1")},
			{"extension-parameter-without-value", "A parameter with = and no value in the answer", extension("x-wslab; a=")},
			{"extension-quotes-not-closed", "A value whose quotes do not end in the answer", extension(`x-wslab; a="1`)},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The list has one item at least; who reads a list overlooks empty items (RFC 9110 §5.6.1.2).", keyword: May, section: "9.1",
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: OpensOr(Pass, ""),
		list: []handshake{{"extensions-empty", "An empty Sec-WebSocket-Extensions in the answer", extension("")}},
	})
}

// grammarOfAnswer is about HTTP's header lines.
func grammarOfAnswer(s *Section) {
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The names of header fields may be in any case, and their order does not count.", keyword: Must, duty: DutyInterprets,
		outcomes: Opens(),
		list: []handshake{
			{"names-in-lower-case", "All names of the answer in lower case", Renamed(Response, strings.ToLower)},
			{"names-in-capitals", "All names of the answer in capitals", Renamed(Response, strings.ToUpper)},
			{"fields-in-opposite-order", "The answer's fields in the opposite order", Backwards(Response)},
		},
	})
	unknown := OpensOr(Warning, "it fails the connection for a header field that it should ignore (RFC 9110 §5.1)")
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client ignores header fields that it does not know (RFC 9110 §5.1 says SHOULD).", keyword: Should,
		outcomes: unknown,
		list: []handshake{
			{"unknown-field", "A field in the answer that nobody knows", Plus(Response, "X-Unknown: 1", "Sec-WebSocket-Unknown: 2")},
			{"fields-of-old-draft", "Fields of an old draft in the answer", Plus(Response, "Sec-WebSocket-Location: ws://elsewhere.example/", "Sec-WebSocket-Origin: null")},
			{"version", "Sec-WebSocket-Version in the answer", Plus(Response, "Sec-WebSocket-Version: 13")},
			{"cookie", "A cookie in the answer", Plus(Response, "Set-Cookie: a=1; HttpOnly")},
			{"date-and-server", "Date and Server in the answer", Plus(Response, "Date: Mon, 23 Nov 2026 00:00:00 GMT", "Server: judge")},
			{"field-without-value", "A field without a value in the answer", Plus(Response, "X-Empty:")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space around a value is not part of it, and none is needed (RFC 9112 §5.1).", keyword: Must, duty: DutyTrims,
		outcomes: Opens(),
		list: []handshake{
			{"no-space-after-colons", "No space behind the answer's colons", strings.ReplaceAll(Response, ": ", ":")},
			{"white-space-after-values", "White space behind the answer's values", spacesBehind(Response)},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client ignores header fields that it does not know (RFC 9110 §5.1 says SHOULD).", keyword: Should,
		outcomes: unknown,
		list:     []handshake{{"value-in-utf-8", "A value in UTF-8 in the answer", Plus(Response, "X-Unknown: Grüße")}},
	})
	lines := make([]string, 100)
	for i := range lines {
		lines[i] = fmt.Sprintf("X-%d: %d", i, i)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Fields that are not known are overlooked, many and long ones as well, within what a client is willing to hold.", keyword: Should,
		outcomes: OpensOr(Warning, "it fails the connection for a head that servers with some cookies send"),
		list: []handshake{
			{"100-fields", "100 fields in the answer", Plus(Response, lines...)},
			{"value-of-1025-bytes", "A value of 1,025 bytes in the answer", Plus(Response, "X-Unknown: "+strings.Repeat("v", 1025))},
			{"cookie-of-4096-bytes", "A cookie of 4,096 bytes in the answer", Plus(Response, "Set-Cookie: a="+strings.Repeat("c", 4094))},
			{"value-of-8000-bytes", "A value of 8,000 bytes in the answer", Plus(Response, "X-Unknown: "+strings.Repeat("v", 8000))},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client sets limits of its own to what it holds of an answer (§10.4).", keyword: May, section: "10.4",
		outcomes: OpensOr(Pass, ""),
		list: []handshake{
			{"value-of-64-kib", "A value of 64 KiB in the answer", Plus(Response, "X-Unknown: "+strings.Repeat("v", 64<<10))},
			{"value-of-1.1-mb", "A value of 1.1 MB in the answer", Plus(Response, "X-Unknown: "+strings.Repeat("v", 1_100_000))},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A header line is a name of token characters, a colon and a value; an answer that breaks the grammar is no valid response, though HTTP lets who reads it recover what can be read (RFC 9110 §2.4).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it overlooks a header line that breaks the grammar, as RFC 9110 §2.4 lets it, and others read such an answer in another way"),
		list: []handshake{
			{"header-line-without-colon", "A header line without a colon in the answer", Plus(Response, "X-Unknown")},
			{"header-line-without-name", "A header line without a name in the answer", Plus(Response, ": 1")},
			{"name-with-space", "A name with a space in it in the answer", Plus(Response, "X Unknown: 1")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "No white space is before the colon, and no NUL in a value. A response with either is not valid, but HTTP lets a client repair it (RFC 9110 §5.5).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it overlooks or mends what is wrong, as HTTP allows"),
		list: []handshake{
			{"space-before-colon", "A space before the colon of an unknown field in the answer", Plus(Response, "X-Unknown : 1")},
			{"value-with-nul", "A value with NUL in the answer", Plus(Response, "X-Unknown: a\x00b")},
			{"value-with-cr", "A value with a CR that ends no line in the answer", Plus(Response, "X-Unknown: a\rb")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "No white space stands before a colon (RFC 9112 §5.1): what has it is no Upgrade field.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: RefusesOr(Warning, "it overlooks white space before a colon, which RFC 9112 §5.1 forbids because readers differ in it"),
		list: []handshake{{"space-before-colon-of-upgrade", "A space before the colon of Upgrade in the answer", Set(Response, "Upgrade", "Upgrade : websocket")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client that receives a folded line, as old HTTP has it, reads it as one line (RFC 9112 §5.2).", keyword: Must, duty: DutyFoldedBack,
		outcomes: OpensOr(Warning, "it fails the connection for a folded line, which RFC 9112 §5.2 says to read as one"),
		list: []handshake{
			{"folded-unknown-field", "An unknown field of the answer folded into two lines", Plus(Response, "X-Unknown: a", " b")},
			{"folded-accept", "Sec-WebSocket-Accept folded into two lines", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:", "\t{accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client may take a LF alone for the end of a line (RFC 9112 §2.2).", keyword: May,
		outcomes: OpensOr(Pass, ""),
		list:     []handshake{{"lines-end-in-lf", "Lines of the answer that end in LF alone", strings.ReplaceAll(Response, "\r\n", "\n")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A 101 has no content and ends with its empty line (RFC 9112 §6.3), whatever length it claims: frames follow it.", keyword: Must, duty: DutyParses,
		outcomes: OpensOr(Note, "it fails the connection, as a 101 must not have this field"),
		list: []handshake{
			{"content-length-0", "Content-Length: 0 in the answer", Plus(Response, "Content-Length: 0")},
			{"content-length-7-and-frame-of-7-bytes", "Content-Length: 7 in the answer, and a frame of seven bytes", Plus(Response, "Content-Length: 7")},
			{"transfer-encoding-chunked", "Transfer-Encoding: chunked in the answer", Plus(Response, "Transfer-Encoding: chunked")},
		},
	})
}

// answerInPieces is about how TCP cuts an answer, and what comes with it.
func answerInPieces(s *Section) {
	add := func(name, title string, o Opening) {
		keyword, duty, outcomes := Must, DutyInterprets, Opens()
		if o.Gap > Between { // how long a client waits is its own choice
			keyword, duty, outcomes = May, Duty{}, OpensOr(Note, "it does not wait so long for the rest of a response, which is its own choice")
		}
		s.AddForClients(Case{
			Name: name, Title: title, Requirement: "A response means the same however TCP cuts it.", Keyword: keyword, Duty: duty,
			Opening: o, Steps: Tried, Outcomes: outcomes, Deadline: Slowly,
		})
	}
	for _, each := range []struct{ name, where, at string }{
		{"cut-in-version", "in its version", "HTTP/1"},
		{"cut-in-status", "in its status", "HTTP/1.1 10"},
		{"cut-between-cr-and-lf", "between CR and LF of its status line", "Protocols\r"},
		{"cut-in-field-name", "in a field's name", "Sec-WebSo"},
		{"cut-in-field-value", "in a field's value", "webso"},
		{"cut-between-fields", "between two fields", "websocket\r\n"},
		{"cut-before-empty-line", "before the empty line", "{accept}\r\n"},
		{"cut-in-empty-line", "in the middle of the empty line", "{accept}\r\n\r"},
	} {
		at := strings.Index(Response, each.at) + len(each.at)
		add(each.name, "An answer cut "+each.where, Opening{Writes: []string{Response[:at], Response[at:]}, Gap: Between})
	}
	lines := strings.SplitAfter(Response, "\r\n")
	add("byte-by-byte", "An answer byte by byte", Opening{Each: 1, Gap: Between / 10})
	add("pieces-of-7-bytes", "An answer in pieces of seven bytes", Opening{Each: 7, Gap: Between / 2})
	add("line-by-line-80-ms-apart", "An answer line by line, 80 ms apart", Opening{Writes: lines[:len(lines)-1], Gap: 80 * time.Millisecond})
	add("pause-before-last-byte", "An answer with a pause of 300 ms before its last byte", Opening{Writes: []string{Response[:len(Response)-1], Response[len(Response)-1:]}, Gap: 300 * time.Millisecond})

	glued := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.AddForClients(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyParses, Glued: true, Steps: steps, Outcomes: outcomes,
			Requirement: "A server may send frames as soon as it has answered, in the same TCP segment even: none may be lost.",
		})
	}
	glued("frame-with-response", "A frame in the same TCP segment as the answer", Opens(), Send(Text("Hello")))
	glued("three-frames-with-response", "Three frames in the same TCP segment as the answer", Answers(Text("one"), Text("two"), Binary(3)), Send(Text("one"), Text("two"), Binary(3)))
	glued("two-fragments-with-response", "Two fragments in the same TCP segment as the answer", Opens(), Send(Text("Hel").More(), Cont("lo")))
	glued("ping-with-response", "A Ping in the same TCP segment as the answer", Answers(Pong("Hello")), Send(Ping("Hello")))
	glued("close-with-response", "A Close frame in the same TCP segment as the answer", Closes(1000), Send(Close(1000, "")))
	glued("frame-of-10000-bytes-with-response", "A frame of 10,000 bytes behind the answer at once", Answers(Of(wire.Text, TextOf(10000))), Send(Of(wire.Text, TextOf(10000))))
	glued("half-frame-with-response", "Half a frame in the same TCP segment as the answer, then the rest", Opens(), Raw(0x81, 0x05, 'H', 'e'), Pause(Between), Raw('l', 'l', 'o'))
	s.AddForClients(Case{
		Name: "bad-frame-with-response", Title: "A frame that breaks a rule in the same TCP segment as the answer", Keyword: Must, Duty: DutyOpcode, Glued: true,
		Requirement: "A frame that arrives with the response is read like any other.",
		Steps:       []Step{Send(Text("Hello").WithOpcode(3))}, Outcomes: Fails(wire.ProtocolError),
	})
}
