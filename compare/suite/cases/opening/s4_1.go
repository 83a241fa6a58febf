package opening

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section41 is RFC 6455 §4.1: the client's request, and how the client reads the
// response. The judge is the server.
func Section41() []*Case {
	s := Section{Name: "4.1", In: "4.1"}
	clientRequest(&s)
	statuses(&s)
	upgradeOfResponse(&s)
	acceptOfResponse(&s)
	choicesOfResponse(&s)
	grammarOfResponse(&s)
	responseInPieces(&s)
	// The last case, because it compares the key with the keys of all earlier
	// connections.
	s.AddForClients(Case{
		Name: "new-key-for-each-connection", Title: "A different key for each connection", Requirement: "A client chooses the key at random for each connection.", Keyword: Must, Duty: DutyAsks(7, "A client sends one key, which is a new random value for each connection."),
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
	add("method-and-version", "The method and version of the request", "The method is GET and the HTTP version is 1.1 or higher.", Must, DutyAsks(2, "A client sends a GET with HTTP/1.1 or higher."), asksRight, wire.RuleMethod.Code, wire.RuleHTTPVersion.Code)
	add("target", "The target of the request", "The target is the resource name, or a whole http or https URL that contains the resource name. It does not have a fragment.", Must, DutyAsks(3, "A client sends the resource name as the target, or a whole URL that contains the resource name."), asksRight, wire.RuleTarget.Code)
	add("host", "Host in the request", "Host contains the host, and the port if it is not the default port.", Must, DutyHost, hasPort, wire.RuleHost.Code)
	add("upgrade-and-connection", "Upgrade and Connection in the request", "Upgrade contains websocket, and Connection contains Upgrade.", Must, DutyAsks(5, "A client sends an Upgrade that contains websocket, and (item 6) a Connection that contains Upgrade."), asksRight, wire.RuleUpgrade.Code, wire.RuleConnection.Code)
	add("key", "The key in the request", "The request has one Sec-WebSocket-Key. It is base64 of 16 random bytes.", Must, DutyAsks(7, "A client sends one key, which is a new random value for each connection."), hasKey,
		wire.RuleKeyMissing.Code, wire.RuleKeyRepeated.Code, wire.RuleKeyLength.Code)
	add("protocol-version", "The version of the WebSocket protocol in the request", "The request has one Sec-WebSocket-Version, with the value 13.", Must, DutyAsks(9, "A client sends version 13."), asksRight, wire.RuleVersion.Code)
	add("origin", "Origin in the request", "A browser sends Origin, and other clients may send it. Its value is null, or a scheme, a host and perhaps a port. A client must not send two Origin fields (RFC 6454 §7.3).", Must, DutyOneOrigin, hasOrigin)
	add("subprotocols", "Subprotocols in the request", "If the request has a Sec-WebSocket-Protocol, it is a list of different tokens.", Must, DutyAsks(10, "A client lists subprotocols that are tokens and all different."), hasSubprotocols, wire.RuleSubprotocols.Code)
	add("extensions", "Extensions in the request", "If the request has a Sec-WebSocket-Extensions, it follows the grammar and names registered extensions.", Must, MustOf("9.1", "paragraphs 1 and 3", TheClient, "A client lists registered extensions, and follows the grammar."), hasExtensions, wire.RuleExtensionGrammar.Code)
	add("header-grammar", "The grammar of the header lines in the request", "A header line consists of a name of token characters, a colon and a value (RFC 9112 §5).", Must, DutyAsks(1, "A client sends a valid HTTP request."), keepsGrammar, wire.RuleHeaderGrammar.Code)
	add("line-ends", "The line ends of the request", "HTTP lines end with CR LF (RFC 9112 §2.1).", Must, DutyAsks(1, "A client sends a valid HTTP request."), endsLines)
	add("no-content", "No content in the request", "A client should not send content with a GET (RFC 9110 §9.3.1). Here, frames follow the request.", Should, Duty{}, asksRight, wire.RuleBody.Code)
	add("nothing-with-request", "No bytes after the request in the same TCP segment", "A client must wait for the response before it sends more bytes.", Must, DutyWaits, waits, wire.RuleEarlyData.Code)
	s.AddForClients(Case{
		Name: "nothing-before-response", Title: "No bytes while the client waits for the response", Requirement: "A client must wait for the response before it sends more bytes.", Keyword: Must, Duty: DutyWaits, Rules: []string{wire.RuleEarlyData.Code},
		Opening: Opening{Listen: 50 * time.Millisecond}, Head: waits, Steps: Tried, Outcomes: Opens(),
	})
}

// statuses is about responses that do not open a WebSocket.
func statuses(s *Section) {
	// The rest of the response is valid, so only the status shows a refusal. The judge
	// closes TCP after a refusal. Connection announces that, so that the client does not
	// send its next request on this connection.
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
			Name: each.name, Title: title, Keyword: Must, Duty: DutyChecks(1, "A client handles a response as HTTP if its status is not 101."), Rules: []string{wire.RuleStatus.Code}, Opening: plain(each.status, each.lines...),
			Requirement: "A response whose status is not 101 is plain HTTP, even if all its header fields are those of a WebSocket. The client does not open a WebSocket.",
			Steps:       []Step{Send(Text("Hello")), Fin()}, Outcomes: Refuses(),
		})
	}
	noHTTP := func(name, title string, o Opening, steps ...Step) {
		s.AddForClients(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyValidates, Rules: []string{wire.RuleStatus.Code}, Opening: o, Steps: steps, Outcomes: Refuses(),
			Requirement: "A client opens a WebSocket only for an HTTP response with status 101.",
		})
	}
	one := func(head string) Opening { return Opening{Writes: []string{head}} }
	noHTTP("status-of-two-digits", "A status of two digits", one(StartLine(Response, "HTTP/1.1 10 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-of-four-digits", "A status of four digits", one(StartLine(Response, "HTTP/1.1 1010 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-with-letter", "A status with a letter", one(StartLine(Response, "HTTP/1.1 1O1 Switching Protocols")), Tried[0], Fin())
	noHTTP("no-status", "No status", one(StartLine(Response, "HTTP/1.1 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-line-without-version", "A status line without the HTTP version", one(StartLine(Response, "101 Switching Protocols")), Tried[0], Fin())
	noHTTP("status-line-of-another-protocol", "A status line of another protocol", one(StartLine(Response, "ICY/1.1 101 Switching Protocols")), Tried[0], Fin())
	noHTTP("ssh-greeting", "The greeting of an SSH server", one("SSH-2.0-OpenSSH_9.9\r\n"), Fin())
	noHTTP("frames-without-http", "Frames in place of an HTTP response", one("\x81\x05Hello\x81\x05Hello"), Fin())
	noHTTP("tls-without-http", "A TLS alert in place of an HTTP response", one("\x15\x03\x01\x00\x02\x02\x46"), Fin())
	noHTTP("tcp-closed-without-response", "A TCP FIN without a response", one(""), Fin())
	noHTTP("tcp-closed-in-response", "The first part of a response, and then a TCP FIN", one(Response[:60]), Fin())
	noHTTP("tcp-closed-before-empty-line", "A response without its empty line, and then a TCP FIN", one(strings.TrimSuffix(Response, "\r\n")), Fin())

	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client must be able to read interim responses before the final response, even if it does not expect them (RFC 9110 §15.2).", keyword: Must, duty: DutyInterim,
		rules: []string{wire.RuleStatus.Code}, outcomes: Opens(),
		list: []handshake{
			{"status-100-before-response", "100 Continue before the response", "HTTP/1.1 100 Continue\r\n\r\n" + Response},
			{"status-103-before-response", "103 Early Hints before the response", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + Response},
			{"status-102-twice-before-response", "102 Processing twice before the response", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + Response},
		},
	})
	noHTTP("status-100-before-refusal", "100 Continue before a refusal", one("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Tried[0], Fin())
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The reason phrase after the status may be any text, or empty. A client should ignore it (RFC 9112 §4).", keyword: Should,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Warning, "it refuses a response because of a reason phrase that it should ignore (RFC 9112 §4)"),
		list: []handshake{
			{"reason-another", "101 with another reason phrase", StartLine(Response, "HTTP/1.1 101 Web Socket Protocol Handshake")},
			{"reason-of-404", "101 with the reason phrase of another status", StartLine(Response, "HTTP/1.1 101 404 Not Found")},
			{"reason-empty", "101 with an empty reason phrase", StartLine(Response, "HTTP/1.1 101 ")},
			{"reason-not-ascii", "101 with a reason phrase that is not ASCII", StartLine(Response, "HTTP/1.1 101 Grüße")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A server must send a space after the status, even without a reason phrase (RFC 9112 §4). A client may accept a status line without the space.", keyword: May,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Note, "it requires the space, as the grammar does"),
		list: []handshake{{"no-space-after-status", "101 at the end of the status line, without a space", StartLine(Response, "HTTP/1.1 101")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "HTTP/1.0 does not define the status 101 (RFC 9110 §15.2). RFC 6455 does not say how a client reacts to such a response.", keyword: May,
		rules: []string{wire.RuleStatus.Code}, outcomes: OpensOr(Pass, ""),
		list: []handshake{{"version-http-1.0", "101 with HTTP/1.0", StartLine(Response, "HTTP/1.0 101 Switching Protocols")}},
	})
}

// upgradeOfResponse is about Upgrade and Connection.
func upgradeOfResponse(s *Section) {
	upgrade := func(values ...string) string { return Set(Response, "Upgrade", Prefixed("Upgrade: ", values)...) }
	connection := func(values ...string) string { return Set(Response, "Connection", Prefixed("Connection: ", values)...) }
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Upgrade is websocket, and Connection contains the token Upgrade, both in any case.", keyword: Must, duty: DutyInterprets,
		rules: []string{wire.RuleRespUpgrade.Code, wire.RuleRespConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"upgrade-mixed-case", "Upgrade: WebSocket in the response", upgrade("WebSocket")},
			{"upgrade-capitals", "Upgrade: WEBSOCKET in the response", upgrade("WEBSOCKET")},
			{"connection-lower-case", "Connection: upgrade in the response", connection("upgrade")},
			{"connection-capitals", "Connection: UPGRADE in the response", connection("UPGRADE")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Connection contains the token Upgrade anywhere in its list.", keyword: Must, duty: DutyLists,
		rules: []string{wire.RuleRespConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"connection-keep-alive-upgrade", "Connection: keep-alive, Upgrade in the response", connection("keep-alive, Upgrade")},
			{"connection-upgrade-keep-alive", "Connection: Upgrade,keep-alive in the response", connection("Upgrade,keep-alive")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Fields with the same name are one list. A recipient MAY combine them (RFC 9110 §5.3).", keyword: May,
		rules: []string{wire.RuleRespConnection.Code}, outcomes: OpensOr(Warning, "it does not combine two Connection fields, though RFC 9110 §5.3 allows it"),
		list: []handshake{
			{"two-connection-fields", "Two Connection fields in the response, Upgrade in the second", connection("keep-alive", "Upgrade")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if the response has no Upgrade, or if its value is not websocket.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-upgrade", "No Upgrade in the response", Set(Response, "Upgrade")},
			{"empty-upgrade", "An empty Upgrade in the response", upgrade("")},
			{"upgrade-h2c", "Upgrade: h2c in the response", upgrade("h2c")},
			{"upgrade-websockets", "Upgrade: websockets in the response", upgrade("websockets")},
			{"upgrade-web-socket", "Upgrade: web-socket in the response", upgrade("web-socket")},
			{"upgrade-websocket-slash-13", "Upgrade: websocket/13 in the response", upgrade("websocket/13")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if the value of Upgrade is not websocket. A list of two protocols is another value.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: RefusesOr(Warning, "it reads Upgrade as a list, and accepts the list because one item is websocket"),
		list: []handshake{
			{"upgrade-websocket-then-h2c", "Upgrade: websocket, h2c in the response", upgrade("websocket, h2c")},
			{"upgrade-h2c-then-websocket", "Upgrade: h2c, websocket in the response", upgrade("h2c, websocket")},
			{"two-upgrade-fields", "Two Upgrade fields in the response", upgrade("websocket", "h2c")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if Connection does not contain the token Upgrade.", keyword: Must, duty: DutyChecks(3, "A client fails the connection if Connection does not contain Upgrade."),
		rules: []string{wire.RuleRespConnection.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-connection", "No Connection in the response", Set(Response, "Connection")},
			{"empty-connection", "An empty Connection in the response", connection("")},
			{"connection-keep-alive", "Connection: keep-alive in the response", connection("keep-alive")},
			{"connection-close", "Connection: close in the response", connection("close")},
			{"connection-upgraded", "Connection: upgraded in the response", connection("upgraded")},
			{"connection-semicolon", "Connection: keep-alive; Upgrade in the response", connection("keep-alive; Upgrade")},
		},
	})
}

// acceptOfResponse is about Sec-WebSocket-Accept.
func acceptOfResponse(s *Section) {
	accept := func(values ...string) string {
		return Set(Response, "Sec-WebSocket-Accept", Prefixed("Sec-WebSocket-Accept: ", values)...)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space around the value of Sec-WebSocket-Accept is not part of the value (RFC 9110 §5.5).", keyword: Must, duty: DutyTrims,
		rules: []string{wire.RuleAcceptWrong.Code}, outcomes: Opens(),
		list: []handshake{
			{"accept-with-white-space-around", "Sec-WebSocket-Accept with white space around it", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:\t  {accept} \t")},
			{"accept-without-space-before", "Sec-WebSocket-Accept with no space before it", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:{accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if Sec-WebSocket-Accept is missing or empty.", keyword: Must, duty: DutyChecks(4, "A client fails the connection if the accept value is missing or wrong."),
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-accept", "No Sec-WebSocket-Accept", Set(Response, "Sec-WebSocket-Accept")},
			{"empty-accept", "An empty Sec-WebSocket-Accept", accept("")},
			{"accept-under-another-name", "Sec-WebSocket-Accept under another name", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accepted: {accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if Sec-WebSocket-Accept is not base64 of the SHA-1 hash of the key and the GUID.", keyword: Must, duty: DutyChecks(4, "A client fails the connection if the accept value is missing or wrong."),
		rules: []string{wire.RuleAcceptWrong.Code}, outcomes: Refuses(),
		list: []handshake{
			{"accept-for-example-key", "Sec-WebSocket-Accept for the example key of the RFC", accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
			{"accept-is-key", "Sec-WebSocket-Accept with the key itself", accept("{key}")},
			{"accept-without-last-byte", "Sec-WebSocket-Accept without its last byte", accept("{accept-cut}")},
			{"accept-one-byte-longer", "Sec-WebSocket-Accept with one extra byte", accept("{accept}=")},
			{"accept-in-quotes", "Sec-WebSocket-Accept in quotes", accept(`"{accept}"`)},
			{"accept-in-other-case", "Sec-WebSocket-Accept with upper and lower case exchanged", accept("{accept-case}")},
			{"accept-without-guid", "Sec-WebSocket-Accept computed without the GUID", accept("{accept-key}")},
			{"accept-with-lower-case-guid", "Sec-WebSocket-Accept computed with the GUID in lower case", accept("{accept-lower}")},
			{"accept-with-misprinted-guid", "Sec-WebSocket-Accept computed with a misprinted GUID", accept("{accept-misprint}")},
			{"accept-for-decoded-key", "Sec-WebSocket-Accept computed from the decoded key", accept("{accept-decoded}")},
			{"accept-in-hex", "Sec-WebSocket-Accept with the hash in hex", accept("{accept-hex}")},
			{"accept-with-two-values", "The accept value twice in one Sec-WebSocket-Accept", accept("{accept}, {accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		// The MUST NOT of §11.3.3 binds only the server.
		requirement: "A server must send Sec-WebSocket-Accept once. No MUST says how a client reacts to a repeated field.", keyword: May, section: "11.3.3",
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: RefusesOr(Warning, "it accepts a repeated Sec-WebSocket-Accept, which a server must not send (RFC 6455 §11.3.3)"),
		list: []handshake{
			{"accept-twice-both-right", "Sec-WebSocket-Accept twice, right both times", accept("{accept}", "{accept}")},
			{"accept-twice-first-right", "Sec-WebSocket-Accept twice, right the first time", accept("{accept}", "{accept-key}")},
			{"accept-twice-second-right", "Sec-WebSocket-Accept twice, right the second time", accept("{accept-key}", "{accept}")},
		},
	})
}

// choicesOfResponse is about the subprotocol and the extensions.
func choicesOfResponse(s *Section) {
	subprotocol := func(values ...string) string { return Plus(Response, Prefixed("Sec-WebSocket-Protocol: ", values)...) }
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if the server chose a subprotocol that the client did not offer.", keyword: Must, duty: DutyChecks(6, "A client fails the connection if the server chose a subprotocol that the client did not offer."),
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: Refuses(),
		list: []handshake{
			{"subprotocol-not-offered", "A subprotocol that the client did not offer", subprotocol("x-wslab-unasked")},
			{"two-subprotocols-not-offered", "Two subprotocols that the client did not offer", subprotocol("x-wslab-unasked, x-wslab-too")},
			{"two-subprotocol-fields", "Two Sec-WebSocket-Protocol fields", subprotocol("x-wslab-unasked", "x-wslab-too")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The empty string is not a valid value of Sec-WebSocket-Protocol, and differs from a missing field (§4.2.2). A client fails the connection for such a response.", keyword: Must, duty: DutyValidates, section: "4.2.2",
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: RefusesOr(Warning, "it treats an empty Sec-WebSocket-Protocol as a missing one"),
		list: []handshake{{"subprotocol-empty", "An empty Sec-WebSocket-Protocol in the response", subprotocol("")}},
	})
	extension := func(values ...string) string {
		return Plus(Response, Prefixed("Sec-WebSocket-Extensions: ", values)...)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client fails the connection if the response names an extension that the client did not offer.", keyword: Must, duty: DutyChecks(5, "A client fails the connection if the response names an extension that the client did not offer."),
		rules: []string{wire.RuleRespExtension.Code}, outcomes: Refuses(),
		list: []handshake{
			{"extension-not-offered", "An extension that the client did not offer", extension("x-wslab-unasked")},
			{"extension-not-offered-with-parameter", "An extension that the client did not offer, with a parameter", extension("x-wslab-unasked; a=1")},
			{"two-extensions-not-offered", "Two extensions that the client did not offer", extension("x-wslab-unasked, x-wslab-too")},
			{"two-extensions-in-two-fields", "Two extensions in two fields", extension("x-wslab-unasked", "x-wslab-too")},
			{"extension-of-old-draft", "An extension of an old draft", extension("deflate-stream")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "If Sec-WebSocket-Extensions breaks its grammar, the client must fail the connection at once.", keyword: Must, duty: DutyGrammar91, section: "9.1",
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: Refuses(),
		list: []handshake{
			{"extension-with-space-in-name", "An extension with a space in its name in the response", extension("x wslab")},
			{"extension-nothing-before-semicolon", "Nothing before a semicolon in the response", extension("; a=1")},
			{"extension-parameter-without-value", "A parameter with = and no value in the response", extension("x-wslab; a=")},
			{"extension-quotes-not-closed", "A value without its closing quote in the response", extension(`x-wslab; a="1`)},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "The grammar requires at least one item. A recipient of a list ignores empty items (RFC 9110 §5.6.1.2). So a client may accept or refuse an empty list.", keyword: May, section: "9.1",
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: OpensOr(Pass, ""),
		list: []handshake{{"extensions-empty", "An empty Sec-WebSocket-Extensions in the response", extension("")}},
	})
}

// grammarOfResponse is about the grammar of HTTP's header lines.
func grammarOfResponse(s *Section) {
	addHandshakes(s, wire.Client, handshakes{
		requirement: "Upper and lower case are equal in field names, and the order of the fields does not matter.", keyword: Must, duty: DutyInterprets,
		outcomes: Opens(),
		list: []handshake{
			{"names-in-lower-case", "All field names of the response in lower case", Renamed(Response, strings.ToLower)},
			{"names-in-capitals", "All field names of the response in capitals", Renamed(Response, strings.ToUpper)},
			{"fields-in-opposite-order", "The fields of the response in the opposite order", Backwards(Response)},
		},
	})
	unknown := OpensOr(Warning, "it fails the connection because of a header field that it should ignore (RFC 9110 §5.1)")
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client should ignore header fields that it does not know (RFC 9110 §5.1).", keyword: Should,
		outcomes: unknown,
		list: []handshake{
			{"unknown-field", "Two unknown fields in the response", Plus(Response, "X-Unknown: 1", "Sec-WebSocket-Unknown: 2")},
			{"fields-of-old-draft", "Fields of an old draft in the response", Plus(Response, "Sec-WebSocket-Location: ws://elsewhere.example/", "Sec-WebSocket-Origin: null")},
			{"version", "Sec-WebSocket-Version in the response", Plus(Response, "Sec-WebSocket-Version: 13")},
			{"cookie", "A cookie in the response", Plus(Response, "Set-Cookie: a=1; HttpOnly")},
			{"date-and-server", "Date and Server in the response", Plus(Response, "Date: Mon, 23 Nov 2026 00:00:00 GMT", "Server: judge")},
			{"field-without-value", "A field without a value in the response", Plus(Response, "X-Empty:")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space around a field value is optional, and not part of the value (RFC 9112 §5.1).", keyword: Must, duty: DutyTrims,
		outcomes: Opens(),
		list: []handshake{
			{"no-space-after-colons", "No space after the colons of the response", strings.ReplaceAll(Response, ": ", ":")},
			{"white-space-after-values", "White space after the values of the response", spacesAfter(Response)},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client should ignore header fields that it does not know (RFC 9110 §5.1).", keyword: Should,
		outcomes: unknown,
		list:     []handshake{{"value-in-utf-8", "A field value in UTF-8 in the response", Plus(Response, "X-Unknown: Grüße")}},
	})
	lines := make([]string, 100)
	for i := range lines {
		lines[i] = fmt.Sprintf("X-%d: %d", i, i)
	}
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client should ignore unknown header fields, even many and long ones, up to its size limit.", keyword: Should,
		outcomes: OpensOr(Warning, "it fails the connection because of a response of a size that servers with some cookies send"),
		list: []handshake{
			{"100-fields", "100 fields in the response", Plus(Response, lines...)},
			{"value-of-1025-bytes", "A field value of 1,025 bytes in the response", Plus(Response, "X-Unknown: "+strings.Repeat("v", 1025))},
			{"cookie-of-4096-bytes", "A cookie of 4,096 bytes in the response", Plus(Response, "Set-Cookie: a="+strings.Repeat("c", 4094))},
			{"value-of-8000-bytes", "A field value of 8,000 bytes in the response", Plus(Response, "X-Unknown: "+strings.Repeat("v", 8000))},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client may set its own limit for the size of a response (§10.4).", keyword: May, section: "10.4",
		outcomes: OpensOr(Pass, ""),
		list: []handshake{
			{"value-of-64-kib", "A field value of 64 KiB in the response", Plus(Response, "X-Unknown: "+strings.Repeat("v", 64<<10))},
			{"value-of-1.1-mb", "A field value of 1.1 MB in the response", Plus(Response, "X-Unknown: "+strings.Repeat("v", 1_100_000))},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A header line consists of a name of token characters, a colon and a value. A client should refuse a response that breaks this grammar, but HTTP lets a client recover from it (RFC 9110 §2.4).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it ignores a header line that breaks the grammar, as RFC 9110 §2.4 allows; other implementations read such a response differently"),
		list: []handshake{
			{"header-line-without-colon", "A header line without a colon in the response", Plus(Response, "X-Unknown")},
			{"header-line-without-name", "A header line without a name in the response", Plus(Response, ": 1")},
			{"name-with-space", "A field name with a space in the response", Plus(Response, "X Unknown: 1")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space before a colon is not valid, and a field value must not contain NUL or CR. HTTP lets a client repair such a response (RFC 9110 §2.4 and §5.5).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it ignores or repairs the invalid line, as HTTP allows"),
		list: []handshake{
			{"space-before-colon", "A space before the colon of an unknown field in the response", Plus(Response, "X-Unknown : 1")},
			{"value-with-nul", "A field value with NUL in the response", Plus(Response, "X-Unknown: a\x00b")},
			{"value-with-cr", "A field value with a CR that does not end the line in the response", Plus(Response, "X-Unknown: a\rb")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "White space before a colon is not allowed (RFC 9112 §5.1), so a line with it is not a valid Upgrade field. A client fails the connection if Upgrade is missing.", keyword: Must, duty: DutyChecks(2, "A client fails the connection if Upgrade is missing or is not websocket."),
		rules: []string{wire.RuleRespUpgrade.Code}, outcomes: RefusesOr(Warning, "it ignores white space before a colon; RFC 9112 §5.1 forbids it, because implementations read it differently"),
		list: []handshake{{"space-before-colon-of-upgrade", "A space before the colon of Upgrade in the response", Set(Response, "Upgrade", "Upgrade : websocket")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A folded line continues a field value on the next line. This is obsolete in HTTP. A client must read the lines as one (RFC 9112 §5.2).", keyword: Must, duty: DutyFoldedBack,
		outcomes: OpensOr(Warning, "it fails the connection because of a folded line; RFC 9112 §5.2 says to read the lines as one"),
		list: []handshake{
			{"folded-unknown-field", "An unknown field of the response folded into two lines", Plus(Response, "X-Unknown: a", " b")},
			{"folded-accept", "Sec-WebSocket-Accept folded into two lines", Set(Response, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept:", "\t{accept}")},
		},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A client may accept LF alone as the end of a line (RFC 9112 §2.2).", keyword: May,
		outcomes: OpensOr(Pass, ""),
		list:     []handshake{{"lines-end-in-lf", "Lines of the response that end in LF alone", strings.ReplaceAll(Response, "\r\n", "\n")}},
	})
	addHandshakes(s, wire.Client, handshakes{
		requirement: "A response with status 101 does not have content. It ends with its empty line, no matter which length its fields say (RFC 9112 §6.3). Frames follow the empty line.", keyword: Must, duty: DutyParses,
		outcomes: OpensOr(Note, "it fails the connection, because a response with status 101 must not have this field"),
		list: []handshake{
			{"content-length-0", "Content-Length: 0 in the response", Plus(Response, "Content-Length: 0")},
			{"content-length-7-and-frame-of-7-bytes", "Content-Length: 7 in the response, and a frame of seven bytes", Plus(Response, "Content-Length: 7")},
			{"transfer-encoding-chunked", "Transfer-Encoding: chunked in the response", Plus(Response, "Transfer-Encoding: chunked")},
		},
	})
}

// responseInPieces is about a response in several TCP segments, and about frames that
// arrive with it.
func responseInPieces(s *Section) {
	add := func(name, title string, o Opening) {
		keyword, duty, outcomes := Must, DutyInterprets, Opens()
		if o.Gap > Between { // a client may choose how long it waits
			keyword, duty, outcomes = May, Duty{}, OpensOr(Note, "it waits less long than this for the rest of a response, which is allowed")
		}
		s.AddForClients(Case{
			Name: name, Title: title, Requirement: "A response has the same meaning, no matter how TCP divides it into segments.", Keyword: keyword, Duty: duty,
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
		add(each.name, "A response cut "+each.where, Opening{Writes: []string{Response[:at], Response[at:]}, Gap: Between})
	}
	lines := strings.SplitAfter(Response, "\r\n")
	add("byte-by-byte", "A response byte by byte", Opening{Each: 1, Gap: Between / 10})
	add("pieces-of-7-bytes", "A response in pieces of seven bytes", Opening{Each: 7, Gap: Between / 2})
	add("line-by-line-80-ms-apart", "A response line by line, 80 ms apart", Opening{Writes: lines[:len(lines)-1], Gap: 80 * time.Millisecond})
	add("pause-before-last-byte", "A response with a pause of 300 ms before its last byte", Opening{Writes: []string{Response[:len(Response)-1], Response[len(Response)-1:]}, Gap: 300 * time.Millisecond})

	glued := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.AddForClients(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyParses, Glued: true, Steps: steps, Outcomes: outcomes,
			Requirement: "A server may send frames directly after the response, even in the same TCP segment. A client must not lose them.",
		})
	}
	glued("frame-with-response", "A frame in the same TCP segment as the response", Opens(), Send(Text("Hello")))
	glued("three-frames-with-response", "Three frames in the same TCP segment as the response", Answers(Text("one"), Text("two"), Binary(3)), Send(Text("one"), Text("two"), Binary(3)))
	glued("two-fragments-with-response", "Two fragments in the same TCP segment as the response", Opens(), Send(Text("Hel").More(), Cont("lo")))
	glued("ping-with-response", "A Ping in the same TCP segment as the response", Answers(Pong("Hello")), Send(Ping("Hello")))
	glued("close-with-response", "A Close frame in the same TCP segment as the response", Closes(1000), Send(Close(1000, "")))
	glued("frame-of-10000-bytes-with-response", "A frame of 10,000 bytes directly after the response", Answers(Of(wire.Text, TextOf(10000))), Send(Of(wire.Text, TextOf(10000))))
	glued("half-frame-with-response", "Half a frame in the same TCP segment as the response, then the rest", Opens(), Raw(0x81, 0x05, 'H', 'e'), Pause(Between), Raw('l', 'l', 'o'))
	s.AddForClients(Case{
		Name: "bad-frame-with-response", Title: "A frame that breaks a rule in the same TCP segment as the response", Keyword: Must, Duty: DutyOpcode, Glued: true,
		Requirement: "A client reads a frame that arrives with the response like any other frame.",
		Steps:       []Step{Send(Text("Hello").WithOpcode(3))}, Outcomes: Fails(wire.ProtocolError),
	})
}
