package suite

import (
	"fmt"
	"strings"
	"time"

	"wslab/reference/wire"
)

// section421 is RFC 6455 §4.2.1: a server reads the client's opening handshake,
// and refuses what is none. Where that leans on HTTP the section named is
// RFC 6455's, and the requirement tells that of HTTP.
func section421() []*Case {
	s := group{name: "4.2.1", section: "4.2.1"}
	requestLine(&s)
	hostField(&s)
	upgradeFields(&s)
	keyField(&s)
	versionField(&s)
	otherFields(&s)
	headGrammar(&s)
	headSizes(&s)
	requestBody(&s)
	requestInPieces(&s)
	hostValues(&s)
	return s.cases
}

// requestLine is about method, target and version.
func requestLine(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A request that keeps to §4.1 opens a WebSocket. A server may have reasons of its own to refuse it.", keyword: Should, outcomes: opens(),
		list: []handshake{{"least-request", "The least that a request must have", request}},
	})

	method := handshakes{
		requirement: "The method is GET, in capitals; a server refuses any other.", keyword: Must, duty: dutyReads(1, "A server refuses a request that is not a GET."),
		rules: []string{wire.RuleMethod.Code}, outcomes: refuses(),
	}
	for _, m := range []string{"POST", "PUT", "HEAD", "OPTIONS", "DELETE", "BREW", "get", "GETX"} {
		method.list = append(method.list, handshake{"method-" + strings.ToLower(m), "The method " + m, startLine(request, m+" {path} HTTP/1.1")})
	}
	s.addHandshakes(wire.Server, method)

	s.addHandshakes(wire.Server, handshakes{
		requirement: "The request is one of HTTP/1.1 or higher; a server refuses any other.", keyword: Must, duty: dutyReads(1, "A server refuses a request that is not one of HTTP/1.1 or higher."),
		rules: []string{wire.RuleHTTPVersion.Code}, outcomes: refuses(),
		list: []handshake{
			{"version-http-1.0", "A request of HTTP/1.0", startLine(request, "GET {path} HTTP/1.0")},
			{"version-http-0.9-with-fields", "A request of HTTP/0.9 with header fields", startLine(request, "GET {path} HTTP/0.9")},
			{"version-http-1", "A request of HTTP/1", startLine(request, "GET {path} HTTP/1")},
			{"version-http-1.x", "A request of HTTP/1.x", startLine(request, "GET {path} HTTP/1.x")},
			{"version-http-minus-1.1", "A request of HTTP/-1.1", startLine(request, "GET {path} HTTP/-1.1")},
			{"version-httq-1.1", "The version HTTQ/1.1", startLine(request, "GET {path} HTTQ/1.1")},
			{"no-version-with-fields", "A request line without a version, as HTTP/0.9 has it, with header fields", startLine(request, "GET {path}")},
			{"request-line-of-one-word", "A request line of one word", startLine(request, "GET")},
			{"request-line-of-four-words", "A request line of four words", startLine(request, "GET {path} {path} HTTP/1.1")},
			{"two-spaces-for-target", "Two spaces where the target is due", startLine(request, "GET  HTTP/1.1")},
			{"no-request-line", "No request line", strings.TrimPrefix(request, "GET {path} HTTP/1.1\r\n")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "HTTP/1.1 or higher is asked for, and a minor version that is higher is to be read as the highest that is known (RFC 9110 §2.5).", keyword: Should,
		rules: []string{wire.RuleHTTPVersion.Code}, outcomes: opensOr(Warning, "it refuses a minor version that it should read as HTTP/1.1"),
		list: []handshake{{"version-http-1.2", "A request of HTTP/1.2", startLine(request, "GET {path} HTTP/1.2")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "HTTP/1.1 or higher is asked for, and HTTP/2 is never spoken with such a line: both answers are legal.", keyword: May,
		rules:    []string{wire.RuleHTTPVersion.Code},
		outcomes: opensOr(Pass, ""),
		list:     []handshake{{"version-http-2.0", "The version HTTP/2.0 in a request line", startLine(request, "GET {path} HTTP/2.0")}},
	})

	s.addHandshakes(wire.Server, handshakes{
		requirement: "The target is a resource name, or a whole http or https URL that contains one; a server must accept both (RFC 9112 §3.2.2).", keyword: Must, duty: dutyAbsolute,
		outcomes: opens(),
		list: []handshake{
			{"target-http-url", "A whole http URL as the target", startLine(request, "GET http://{host}{path} HTTP/1.1")},
			{"target-url-scheme-in-capitals", "A whole URL with its scheme in capitals as the target", startLine(request, "GET HTTP://{host}{path} HTTP/1.1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The target is a resource name, and that may have a query. Which resources there are is the server's own to say.", keyword: May,
		outcomes: opensOr(Note, "it refuses this target, as it may where it has no such resource"),
		list: []handshake{
			{"target-with-query", "A target with a query", startLine(request, "GET {path}?chat=1&name=a%20b HTTP/1.1")},
			{"target-with-empty-query", "A target with an empty query", startLine(request, "GET {path}? HTTP/1.1")},
			{"target-of-4000-bytes", "A target of 4,000 bytes", startLine(request, "GET {path}?"+strings.Repeat("q", 4000)+" HTTP/1.1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A target that is no resource name and no http URL breaks the grammar, and a request that does so is refused.", keyword: Must, duty: dutyReads(1, "A server refuses a target that is neither a resource name nor an http or https URL."),
		rules: []string{wire.RuleTarget.Code}, outcomes: refuses(),
		list: []handshake{
			{"target-asterisk", "The target *", startLine(request, "GET * HTTP/1.1")},
			{"target-host-and-port", "Only host and port as the target", startLine(request, "GET {host} HTTP/1.1")},
			{"target-without-first-slash", "A target without its first slash", startLine(request, "GET chat HTTP/1.1")},
			{"target-with-space", "A target with a space", startLine(request, "GET {path}a b HTTP/1.1")},
			{"target-with-byte-01", "A target with a byte of 0x01", startLine(request, "GET {path}\x01 HTTP/1.1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A resource name has no fragment and only visible ASCII (§3). What a server makes of others is its own to say.", keyword: May,
		rules: []string{wire.RuleTarget.Code}, outcomes: refusesOr(Note, "it takes a target that no URI can have"),
		list: []handshake{
			{"target-with-fragment", "A target with a fragment", startLine(request, "GET {path}#top HTTP/1.1")},
			{"target-with-bytes-above-7f", "A target with bytes above 0x7F", startLine(request, "GET {path}?\xc3\xbc HTTP/1.1")},
			{"target-ws-url", "A ws URL as the target", startLine(request, "GET ws://{host}{path} HTTP/1.1")},
		},
	})
}

// hostField is about Host.
func hostField(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "There is one Host with the server's authority; a request without, or with two, is refused (RFC 9112 §3.2: with 400).", keyword: Must, duty: dutyOneHost,
		rules: []string{wire.RuleHost.Code}, outcomes: refuses(),
		list: []handshake{
			{"no-host", "No Host", set(request, "Host")},
			{"two-equal-hosts", "Two Hosts that are the same", set(request, "Host", "Host: {host}", "Host: {host}")},
			{"two-different-hosts", "Two Hosts that differ", set(request, "Host", "Host: {host}", "Host: elsewhere.example")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Host contains the server's authority, so it is not empty.", keyword: Must, duty: dutyReads(2, "A server refuses a request whose Host is not its authority."),
		rules:    []string{wire.RuleHost.Code},
		outcomes: refusesOr(Warning, "HTTP knows an empty Host; of a WebSocket's handshake, RFC 6455 §4.2.1 demands the server's authority"),
		list:     []handshake{{"empty-host", "An empty Host", set(request, "Host", "Host:")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Host contains the server's authority. Which names it goes by is the server's own to say.", keyword: May,
		rules:    []string{wire.RuleHost.Code},
		outcomes: opensOr(Note, "it does not go by this name"),
		list: []handshake{
			{"host-of-another-server", "Another server's Host", set(request, "Host", "Host: elsewhere.example")},
			{"host-in-capitals-last", "A Host in capitals, behind all the others", plus(set(request, "Host"), "HOST: {host}")},
		},
	})
}

// upgradeFields is about Upgrade and Connection.
func upgradeFields(s *group) {
	upgrade := func(values ...string) string { return set(request, "Upgrade", prefixed("Upgrade: ", values)...) }
	connection := func(values ...string) string { return set(request, "Connection", prefixed("Connection: ", values)...) }

	s.addHandshakes(wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket, in any case.", keyword: Must, duty: dutyInterprets,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: opens(),
		list: []handshake{
			{"upgrade-mixed-case", "Upgrade: WebSocket", upgrade("WebSocket")},
			{"upgrade-capitals", "Upgrade: WEBSOCKET", upgrade("WEBSOCKET")},
		},
	})
	// A server may ignore Upgrade (RFC 9110 §7.8), so no MUST makes it read a list.
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket, and in HTTP it is a list that may have other protocols. A server may ignore it, though (RFC 9110 §7.8).", keyword: Should,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: opensOr(Warning, "it does not read Upgrade as a list, which RFC 9110 §7.8 makes it"),
		list: []handshake{
			{"upgrade-websocket-then-h2c", "Upgrade with websocket before another protocol", upgrade("websocket, h2c")},
			{"upgrade-h2c-then-websocket", "Upgrade with websocket behind another protocol", upgrade("h2c, websocket")},
			{"upgrade-h2c-websocket-without-space", "Upgrade with websocket behind another protocol and no space", upgrade("h2c,websocket")},
			{"two-upgrade-fields-websocket-second", "Two Upgrade fields, websocket in the second", upgrade("h2c", "websocket")},
			{"two-upgrade-fields-websocket-first", "Two Upgrade fields, websocket in the first", upgrade("websocket", "h2c")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket, as a whole; without it this is no opening handshake.", keyword: Must, duty: dutyReads(3, "A server refuses a request whose Upgrade does not contain websocket."),
		rules: []string{wire.RuleUpgrade.Code}, outcomes: refuses(),
		list: []handshake{
			{"no-upgrade", "No Upgrade", set(request, "Upgrade")},
			{"empty-upgrade", "An empty Upgrade", upgrade("")},
			{"upgrade-h2c", "Upgrade: h2c", upgrade("h2c")},
			{"upgrade-websockets", "Upgrade: websockets", upgrade("websockets")},
			{"upgrade-notwebsocket", "Upgrade: notwebsocket", upgrade("notwebsocket")},
			{"upgrade-web-space-socket", "Upgrade: web socket", upgrade("web socket")},
			{"upgrade-list-without-comma", "Upgrade: h2c websocket, a list without its comma", upgrade("h2c websocket")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket; HTTP lets a protocol have a version behind a slash, and websocket has none.", keyword: May,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: refusesOr(Note, "it takes websocket/13 for websocket"),
		list: []handshake{{"upgrade-websocket-slash-13", "Upgrade: websocket/13", upgrade("websocket/13")}},
	})

	s.addHandshakes(wire.Server, handshakes{
		requirement: "Connection includes the token Upgrade, in any case and anywhere in its list.", keyword: Must, duty: dutyLists,
		rules: []string{wire.RuleConnection.Code}, outcomes: opens(),
		list: []handshake{
			{"connection-lower-case", "Connection: upgrade, as nginx sends it", connection("upgrade")},
			{"connection-capitals", "Connection: UPGRADE", connection("UPGRADE")},
			{"connection-keep-alive-upgrade", "Connection: keep-alive, Upgrade, as Firefox sends it", connection("keep-alive, Upgrade")},
			{"connection-upgrade-keep-alive", "Connection: Upgrade, keep-alive", connection("Upgrade, keep-alive")},
			{"connection-without-space", "Connection: keep-alive,Upgrade without a space", connection("keep-alive,Upgrade")},
			{"connection-with-tab", "Connection with a tab behind the comma", connection("keep-alive,\tUpgrade")},
			{"connection-with-three-tokens", "Connection with three tokens", connection("keep-alive, Upgrade, Sec-WebSocket-Key")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Several fields of one name are one list, and RFC 9110 §5.3 says that a recipient MAY combine them.", keyword: May,
		rules: []string{wire.RuleConnection.Code}, outcomes: opensOr(Warning, "it does not combine two Connection fields, as RFC 9110 §5.3 says it may"),
		list: []handshake{
			{"two-connection-fields-upgrade-second", "Two Connection fields, Upgrade in the second", connection("keep-alive", "Upgrade")},
			{"two-connection-fields-upgrade-first", "Two Connection fields, Upgrade in the first", connection("Upgrade", "keep-alive")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A list may have empty items, which do not count (RFC 9110 §5.6.1.2).", keyword: Must, duty: dutyLists,
		rules: []string{wire.RuleConnection.Code}, outcomes: opens(),
		list: []handshake{
			{"connection-with-empty-items", "Connection with empty items in its list", connection(", ,Upgrade,")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A list may have empty items, which do not count (RFC 9110 §5.6.1.2). A server may ignore Upgrade, though (RFC 9110 §7.8).", keyword: Should,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: opensOr(Warning, "it does not read Upgrade as a list, which RFC 9110 §7.8 makes it"),
		list: []handshake{{"upgrade-with-empty-items", "Upgrade with empty items in its list", upgrade(",websocket ,,")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Connection includes the token Upgrade, as a whole; without it this is no opening handshake.", keyword: Must, duty: dutyReads(4, "A server refuses a request whose Connection does not include Upgrade."),
		rules: []string{wire.RuleConnection.Code}, outcomes: refuses(),
		list: []handshake{
			{"no-connection", "No Connection", set(request, "Connection")},
			{"empty-connection", "An empty Connection", connection("")},
			{"connection-keep-alive", "Connection: keep-alive", connection("keep-alive")},
			{"connection-close", "Connection: close", connection("close")},
			{"connection-upgraded", "Connection: upgraded", connection("upgraded")},
			{"connection-no-upgrade", "Connection: no-upgrade", connection("no-upgrade")},
			{"connection-websocket", "Connection: websocket", connection("websocket")},
			{"connection-semicolon", "Connection: keep-alive; Upgrade, a list with the wrong separator", connection("keep-alive; Upgrade")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Connection includes the token Upgrade; what close beside it is to mean the RFC does not say.", keyword: May,
		rules: []string{wire.RuleConnection.Code}, outcomes: opensOr(Note, "it takes close for the end of it all"),
		list: []handshake{{"connection-close-upgrade", "Connection: close, Upgrade", connection("close, Upgrade")}},
	})
}

// keyField is about Sec-WebSocket-Key.
func keyField(s *group) {
	key := func(values ...string) string {
		return set(request, "Sec-WebSocket-Key", prefixed("Sec-WebSocket-Key: ", values)...)
	}
	s.addHandshakes(wire.Server, handshakes{
		requirement: "There is a Sec-WebSocket-Key; a request without one is refused.", keyword: Must, duty: dutyReads(5, "A server refuses a request without a key."),
		rules: []string{wire.RuleKeyMissing.Code}, outcomes: refuses(),
		list: []handshake{
			{"no-key", "No key", set(request, "Sec-WebSocket-Key")},
			{"two-keys-of-old-draft", "The two keys of an old draft in place of the key", set(request, "Sec-WebSocket-Key",
				"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The key is a value in base64; a request with another is refused.", keyword: Must, duty: dutyReads(5, "A server refuses a request whose key is empty."),
		rules: []string{wire.RuleKeyLength.Code}, outcomes: refuses(),
		list: []handshake{{"empty-key", "An empty key", key("")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The key is base64 of 16 bytes. A server need not decode it, though (§4.2.2).", keyword: May,
		rules:    []string{wire.RuleKeyLength.Code},
		outcomes: refusesOr(Warning, "it does not decode the key (RFC 6455 §4.2.2 allows that), so it accepts a key that §4.2.1 says to refuse"),
		list: []handshake{
			{"key-of-15-bytes", "A key of 15 bytes", key("MTIzNDU2Nzg5MDEyMzQ1")},
			{"key-of-17-bytes", "A key of 17 bytes", key("MTIzNDU2Nzg5MDEyMzQ1Njc=")},
			{"key-of-1-byte", "A key of one byte", key("MQ==")},
			{"key-not-base64", "A key of 24 bytes that are no base64", key("!!!!!!!!!!!!!!!!!!!!!!==")},
			{"key-of-16-letters", "A key that is 16 letters and no base64 of 16 bytes", key("abcdefghijklmnop")},
			{"key-without-padding", "A key without its padding", key("dGhlIHNhbXBsZSBub25jZQ")},
			{"key-one-equals-sign-too-few", "A key with one = too few", key("dGhlIHNhbXBsZSBub25jZQ=")},
			{"key-one-equals-sign-too-many", "A key with one = too many", key("dGhlIHNhbXBsZSBub25jZQ===")},
			{"key-in-url-alphabet", "A key in the alphabet for URLs", key("-_-_-_-_-_-_-_-_-_-_-A==")},
			{"key-with-space-inside", "A key with a space inside", key("dGhlIHNhbXBs ZSBub25jZQ==")},
			{"key-in-quotes", "A key in quotes", key(`"dGhlIHNhbXBsZSBub25jZQ=="`)},
			{"key-in-hex", "A key in hex", key("74686520736d706c65206e6f6e636500")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The key is base64 of 16 bytes, whichever they are, and the white space around it is not part of it (RFC 9110 §5.5).", keyword: Must, duty: dutyTrims,
		rules: []string{wire.RuleKeyLength.Code}, outcomes: opens(),
		list: []handshake{
			{"key-with-white-space-around", "A key with white space around it", set(request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: \t {key} \t ")},
			{"key-without-space-before", "A key with no space before it", set(request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:{key}")},
			{"key-of-16-zeros", "A key of 16 zeros", key("AAAAAAAAAAAAAAAAAAAAAA==")},
			{"key-of-16-bytes-ff", "A key of 16 bytes 0xFF", key("/////////////////////w==")},
			{"key-with-plus-and-slash", "A key with + and /", key("+/+/+/+/+/+/+/+/+/+/+w==")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The bits that base64 has over at the end of the key need not be 0: those of the RFC's own example are not (§4.1).", keyword: Should,
		rules: []string{wire.RuleKeyLength.Code}, outcomes: opensOr(Warning, "it refuses the key that RFC 6455 §4.1 gives as an example; RFC 4648 §3.5 lets a decoder do so"),
		list: []handshake{{"key-of-rfc-example", "The key that §4.1 gives as an example, whose last bits are not 0", key("AQIDBAUGBwgJCgsMDQ4PEC==")}},
	})
}

// versionField is about Sec-WebSocket-Version; §4.4 has what the refusal must say.
func versionField(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "There is a Sec-WebSocket-Version; a request without one is refused.", keyword: Must, duty: dutyReads(6, "A server refuses a request without a version."),
		rules: []string{wire.RuleVersion.Code}, outcomes: refuses(),
		list: []handshake{{"no-version", "No Sec-WebSocket-Version", set(request, "Sec-WebSocket-Version")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "White space around a value is not part of it (RFC 9110 §5.5).", keyword: Must, duty: dutyTrims,
		rules: []string{wire.RuleVersion.Code}, outcomes: opens(),
		list: []handshake{{"version-with-white-space-around", "The version 13 with white space around it", set(request, "Sec-WebSocket-Version", "Sec-WebSocket-Version:\t 13 \t")}},
	})
}

// otherFields is about names, order, and fields that WebSocket gives no role.
func otherFields(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The names of header fields may be written in any case, and the order of the fields does not count.", keyword: Must, duty: dutyInterprets,
		outcomes: opens(),
		list: []handshake{
			{"names-in-lower-case", "All names in lower case", renamed(request, strings.ToLower)},
			{"names-in-capitals", "All names in capitals", renamed(request, strings.ToUpper)},
			{"names-as-go-writes-them", "Names as Go writes them", renamed(request, func(n string) string { return strings.ReplaceAll(n, "WebSocket", "Websocket") })},
			{"names-in-mixed-case", "Names in mixed case", renamed(request, func(n string) string { return strings.ToUpper(n[:1]) + strings.ToLower(n[1:]) })},
			{"fields-in-opposite-order", "The fields in the opposite order", backwards(request)},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A server ignores header fields that it does not know (RFC 9110 §5.1 says SHOULD).", keyword: Should,
		outcomes: opensOr(Warning, "it refuses a request for a header field that it should ignore (RFC 9110 §5.1)"),
		list: []handshake{
			{"unknown-field", "A field that nobody knows", plus(request, "X-Unknown: 1")},
			{"field-without-value", "A field without a value", plus(request, "X-Empty:")},
			{"unknown-field-three-times", "The same unknown field three times", plus(request, "X-Unknown: 1", "X-Unknown: 2", "x-unknown: 3")},
			{"unknown-sec-websocket-field", "A Sec-WebSocket field that nobody knows", plus(request, "Sec-WebSocket-Unknown: 1")},
			{"accept-in-request", "Sec-WebSocket-Accept in a request", plus(request, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
			{"cookies", "Cookies", plus(request, "Cookie: a=1; b=\"2\"; c=")},
			{"browser-fields", "What a browser sends besides", plus(request, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "Accept: */*",
				"Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate", "Cache-Control: no-cache", "Pragma: no-cache",
				"Sec-Fetch-Dest: websocket", "Sec-Fetch-Mode: websocket", "Sec-Fetch-Site: same-origin", "DNT: 1")},
			{"value-that-looks-like-a-field", "A field whose value looks like a field", plus(request, "X-Unknown: Upgrade: h2c")},
			{"values-with-colon-commas-and-quotes", "Values with a colon, commas and quotes", plus(request, `X-Unknown: a:b, "c:d", 'e'`)},
		},
	})
}

// headGrammar is about the grammar of HTTP's header lines.
func headGrammar(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A header line is a name of token characters, a colon, and a value. RFC 9112 §2.2 says that a server SHOULD refuse what does not match this grammar.", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Warning, "it accepts a header line that breaks the grammar, where it should refuse it (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-colon", "A header line without a colon", plus(request, "X-Unknown")},
			{"header-line-without-colon-with-space", "A header line without a colon, with a space in it", plus(request, "X-Unknown 1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "No white space is between a field name and its colon. A server must refuse a request that has some with 400 (RFC 9112 §5.1).", keyword: Must, duty: dutyColon,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refuses(),
		list: []handshake{
			{"space-before-colon", "A space before the colon", plus(request, "X-Unknown : 1")},
			{"tab-before-colon-of-upgrade", "A tab before the colon of Upgrade", set(request, "Upgrade", "Upgrade\t: websocket")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A header line is a name of token characters, a colon, and a value. RFC 9112 §2.2 says that a server SHOULD refuse what does not match this grammar.", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Warning, "it accepts a header line that breaks the grammar, where it should refuse it (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-name", "A header line without a name", plus(request, ": 1")},
			{"name-with-space", "A name with a space in it", plus(request, "X Unknown: 1")},
			{"name-with-brackets", "A name with brackets in it", plus(request, "X(Unknown): 1")},
			{"name-with-byte-above-7f", "A name with a byte above 0x7F", plus(request, "X-\xfcnknown: 1")},
			{"name-with-nul", "A name with NUL", plus(request, "X-\x00: 1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A value has no NUL, CR or LF: a request with one is refused, or the byte replaced by a space (RFC 9110 §5.5).", keyword: Must, duty: dutyNUL,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Note, "it overlooks the byte, or has replaced it as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-nul", "A value with NUL", plus(request, "X-Unknown: a\x00b")},
			{"value-with-cr", "A value with a CR that ends no line", plus(request, "X-Unknown: a\rb")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Control characters in a value are not valid; who receives them may let them pass (RFC 9110 §5.5).", keyword: May,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Note, "it lets control characters pass, as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-byte-01", "A value with a byte of 0x01", plus(request, "X-Unknown: a\x01b")},
			{"value-with-byte-7f", "A value with a byte of 0x7F", plus(request, "X-Unknown: a\x7fb")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Bytes above 0x7F in a value are data that nobody looks into (RFC 9110 §5.5).", keyword: Should,
		outcomes: opensOr(Warning, "it refuses bytes that RFC 9110 §5.5 says should be treated as opaque"),
		list: []handshake{
			{"value-in-utf-8", "A value in UTF-8", plus(request, "X-Unknown: Grüße")},
			{"value-in-latin-1", "A value in Latin-1", plus(request, "X-Unknown: Gr\xfc\xdfe")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "White space around a value is not part of it, and none is needed (RFC 9112 §5.1).", keyword: Must, duty: dutyTrims,
		outcomes: opens(),
		list: []handshake{
			{"no-space-after-colons", "No space behind the colons", strings.ReplaceAll(request, ": ", ":")},
			{"tabs-after-colons", "Tabs behind the colons", strings.ReplaceAll(request, ": ", ":\t")},
			{"white-space-after-values", "White space behind the values", spacesBehind(request)},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A line that goes on in the next, as HTTP once had it, is refused, or read as one line (RFC 9112 §5.2).", keyword: Must, duty: dutyFolded,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Note, "it reads folded lines as one, as RFC 9112 §5.2 allows"),
		list: []handshake{
			{"folded-unknown-field", "An unknown field folded into two lines", plus(request, "X-Unknown: a", " b")},
			{"folded-upgrade", "Upgrade folded into two lines", set(request, "Upgrade", "Upgrade:", " websocket")},
			{"folded-key-with-tab", "The key folded into two lines, with a tab", set(request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:", "\t{key}")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A first header line that begins with white space is refused, or overlooked (RFC 9112 §2.2).", keyword: Must, duty: dutySpaceFirst,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: refusesOr(Note, "it overlooks the line, as RFC 9112 §2.2 allows"),
		list: []handshake{{"white-space-before-first-field", "White space before the first field", startLine(request, "GET {path} HTTP/1.1\r\n X-Unknown: 1")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A server may take a LF alone for the end of a line (RFC 9112 §2.2).", keyword: May,
		outcomes: opensOr(Note, "it wants CR LF at the end of each line, as it may"),
		list: []handshake{
			{"lines-end-in-lf", "Lines that end in LF alone", strings.ReplaceAll(request, "\r\n", "\n")},
			{"one-line-ends-in-lf", "One line that ends in LF alone", strings.Replace(request, "Upgrade: websocket\r\n", "Upgrade: websocket\n", 1)},
		},
	})
}

// headSizes is about how much a server reads.
func headSizes(s *group) {
	many := func(n int) string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf("X-%d: %d", i, i)
		}
		return plus(request, lines...)
	}
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Fields that are not known are overlooked, many and long ones as well, within what a server is willing to hold.", keyword: Should,
		outcomes: opensOr(Warning, "it refuses what any browser with some cookies sends"),
		list: []handshake{
			{"100-fields", "100 header fields", many(100)},
			{"value-of-1025-bytes", "A value of 1,025 bytes", plus(request, "X-Unknown: "+strings.Repeat("v", 1025))},
			{"cookie-of-4096-bytes", "A cookie of 4,096 bytes, which every browser can have (RFC 6265 §6.1)", plus(request, "Cookie: a="+strings.Repeat("c", 4096))},
			{"long-value-first", "A long value before the fields that count", startLine(request, "GET {path} HTTP/1.1\r\nX-Unknown: "+strings.Repeat("v", 4096))},
			{"name-of-200-bytes", "A name of 200 bytes", plus(request, "X-"+strings.Repeat("n", 198)+": 1")},
			{"value-of-8000-bytes", "A value of 8,000 bytes", plus(request, "X-Unknown: "+strings.Repeat("v", 8000))},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A server sets limits of its own to what it holds of a handshake (§10.4), and refuses what exceeds them.", keyword: May,
		outcomes: refusesOr(Note, "its limit is larger"),
		list: []handshake{
			{"value-of-64-kib", "A value of 64 KiB", plus(request, "X-Unknown: "+strings.Repeat("v", 64<<10))},
			{"2000-fields", "2,000 header fields", many(2000)},
			{"value-of-1.1-mb", "A value of 1.1 MB", plus(request, "X-Unknown: "+strings.Repeat("v", 1_100_000))},
			{"target-of-64-kib", "A target of 64 KiB", startLine(request, "GET {path}?"+strings.Repeat("q", 64<<10)+" HTTP/1.1")},
		},
	})
}

// requestBody is about a request with content.
func requestBody(s *group) {
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A GET without content may say so.", keyword: May,
		outcomes: opensOr(Note, "it does not open a WebSocket for a request that speaks of content"),
		list:     []handshake{{"content-length-0", "Content-Length: 0", plus(request, "Content-Length: 0")}},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A request is received to its end, its content too, before the protocol changes (RFC 9110 §7.8). The content is not frames. A client should not send any with a GET (RFC 9110 §9.3.1).", keyword: Should,
		rules: []string{wire.RuleBody.Code}, outcomes: refusesOr(Note, "it opens the WebSocket after the content, as RFC 9110 §7.8 allows"),
		lax: "it reads the content of the request as frames",
		list: []handshake{
			{"content-of-5-bytes", "Content of five bytes", plus(request, "Content-Length: 5") + "Hello"},
			{"content-that-is-a-frame", "Content that is a frame", plus(request, "Content-Length: 11") + "\x81\x85\x00\x00\x00\x00Hello"},
			{"content-in-chunks", "Content in chunks", plus(request, "Transfer-Encoding: chunked") + "5\r\nHello\r\n0\r\n\r\n"},
			{"content-in-chunks-empty", "Content in chunks, and there is none", plus(request, "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A Content-Length is a number, and one is enough (RFC 9112 §6.3).", keyword: Must, duty: dutyBodyLength,
		rules: []string{wire.RuleBody.Code}, outcomes: refuses(),
		list: []handshake{
			{"content-length-minus-1", "Content-Length: -1", plus(request, "Content-Length: -1")},
			{"content-length-five", "Content-Length: five", plus(request, "Content-Length: five")},
			{"two-content-lengths", "Two Content-Lengths that differ", plus(request, "Content-Length: 0", "Content-Length: 5") + "Hello"},
		},
	})
}

// between is the time between two TCP writes that are to arrive apart, and slowly
// the deadline of cases with many: a sleep can take long on a busy machine.
const (
	between = 2 * time.Millisecond
	slowly  = 5 * time.Second
)

// requestInPieces is about how TCP cuts a request, and what comes with it.
func requestInPieces(s *group) {
	add := func(name, title string, o Opening, keyword string, outcomes []Outcome) {
		duty := dutyInterprets
		if keyword != Must {
			duty = Duty{}
		}
		s.add(Case{
			Name: name, Title: title, Requirement: "A request means the same however TCP cuts it.", Keyword: keyword, Duty: duty,
			Opening: o, Steps: tried, Outcomes: outcomes, OneSided: true, Deadline: slowly,
		})
	}
	for _, each := range []struct {
		name  string
		where string
		at    string // the request is cut behind this
	}{
		{"cut-in-method", "in the method", "GE"},
		{"cut-in-version", "in the version", "HTTP/1"},
		{"cut-between-cr-and-lf", "between CR and LF of the request line", "HTTP/1.1\r"},
		{"cut-after-request-line", "behind the request line", "HTTP/1.1\r\n"},
		{"cut-in-field-name", "in a field's name", "Sec-WebSo"},
		{"cut-before-colon", "before a colon", "Upgrade"},
		{"cut-after-colon", "behind a colon", "Upgrade:"},
		{"cut-in-field-value", "in a field's value", "webso"},
		{"cut-between-cr-and-lf-of-field", "between CR and LF of a field", "websocket\r"},
		{"cut-between-fields", "between two fields", "websocket\r\n"},
		{"cut-before-empty-line", "before the empty line", "Version: 13\r\n"},
		{"cut-in-empty-line", "in the middle of the empty line", "Version: 13\r\n\r"},
		{"cut-before-last-cr-lf-cr-lf", "in the middle of CR LF CR LF and before it", "Version: 13"},
	} {
		at := strings.Index(request, each.at) + len(each.at)
		add(each.name, "A request cut "+each.where, Opening{Writes: []string{request[:at], request[at:]}, Gap: between}, Must, opens())
	}
	line := strings.SplitAfter(request, "\r\n")
	const hurries = "it does not wait so long for the rest of a request, which is its own choice"
	add("cut-in-key", "A request cut in its key", Opening{Writes: strings.SplitAfter(strings.ReplaceAll(request, "{key}", SampleKey), "dGhlIHNh"), Gap: between}, Must, opens())
	add("line-by-line", "A request line by line", Opening{Writes: line[:len(line)-1], Gap: between}, Must, opens())
	add("byte-by-byte", "A request byte by byte", Opening{Each: 1, Gap: between / 10}, Must, opens())
	add("pieces-of-7-bytes", "A request in pieces of seven bytes", Opening{Each: 7, Gap: between / 2}, Must, opens())
	add("line-by-line-60-ms-apart", "A request line by line, 60 ms apart", Opening{Writes: line[:len(line)-1], Gap: 60 * time.Millisecond}, May, opensOr(Note, hurries))
	add("pause-before-last-byte", "A request with a pause of 300 ms before its last byte", Opening{Writes: []string{request[:len(request)-1], request[len(request)-1:]}, Gap: 300 * time.Millisecond}, May, opensOr(Note, hurries))

	glued := func(name, title string, c Case) {
		c.Name, c.Title, c.Glued, c.OneSided = name, title, true, true
		c.Requirement = "A client must wait for the response before it sends frames (§4.1), so here the judge breaks a MUST. What a server does with such frames is its own choice."
		c.Keyword = May
		c.Lax = "it loses frames that a client sends before the response, which the client must not do (RFC 6455 §4.1)"
		c.Outcomes = append(c.Outcomes, Outcome{Verdict: Note, Why: "it refuses a client that does not wait for the answer, as it may", End: End{How: Refuses, Silent: true}})
		s.add(c)
	}
	large := of(wire.Text, textOf(10000))
	glued("frame-with-request", "A frame in the same TCP segment as the request", Case{Steps: []Step{send(text("Hello"))}, Outcomes: opens()})
	glued("three-frames-with-request", "Three frames in the same TCP segment as the request", Case{
		Steps: []Step{send(text("one"), text("two"), binary(3))}, Outcomes: answers(texts("one"), texts("two"), binaries(3))})
	glued("two-fragments-with-request", "Two fragments in the same TCP segment as the request", Case{Steps: []Step{send(text("Hel").more(), cont("lo"))}, Outcomes: opens()})
	glued("ping-with-request", "A Ping in the same TCP segment as the request", Case{Steps: []Step{send(ping("Hello"))}, Outcomes: answers(pongs("Hello"))})
	glued("close-with-request", "A Close frame in the same TCP segment as the request", Case{Steps: []Step{send(closeWith(1000, ""))}, Outcomes: closes(1000)})
	glued("frame-of-10000-bytes-with-request", "A frame of 10,000 bytes behind the request at once", Case{Steps: []Step{send(large)}, Outcomes: answers(sees(wire.Text, textOf(10000)))})
	glued("empty-frame-with-request", "An empty frame in the same TCP segment as the request", Case{Steps: []Step{send(text(""))}, Outcomes: answers(texts(""))})
	// The frame is cut in two: the key stands in the bytes, so that both halves
	// are masked alike.
	whole := text("Hello").key(1, 2, 3, 4).append(nil, wire.Client, nil)
	glued("half-frame-with-request", "A request with the first half of a frame, then the other half", Case{
		Steps: []Step{data(whole[:7]...), pause(between), data(whole[7:]...)}, Outcomes: opens()})
	glued("first-byte-of-frame-with-request", "A request with the first byte of a frame, then the rest", Case{
		Steps: []Step{data(whole[:1]...), pause(between), data(whole[1:]...)}, Outcomes: opens()})
	for _, each := range []handshake{
		{"tcp-closed-in-request", "A request of which only half comes", request[:len(request)/2]},
		{"tcp-closed-before-empty-line", "A request without its empty line", strings.TrimSuffix(request, "\r\n")},
		{"tcp-closed-after-http-0.9-line", "A request of HTTP/0.9, which is one line", "GET {path}\r\n"},
		{"tcp-closed-without-request", "Not one byte", ""},
	} {
		s.add(Case{
			Name: each.name, Title: each.title + ", and then the end of TCP", Requirement: "What is not a whole request is not accepted.", Keyword: Must, Duty: dutyWhole,
			Opening: Opening{Writes: []string{each.head}, Fin: true}, Outcomes: []Outcome{{End: End{How: Refuses, Silent: true}}}, OneSided: true,
		})
	}
}

// hostValues is about what Host may be, and about a target that counts in its place.
func hostValues(s *group) {
	host := func(value string) string { return set(request, "Host", "Host: "+value) }
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Host is a host with or without a port. A server responds with 400 to any other value (RFC 9112 §3.2).", keyword: Must, duty: dutyHostValue,
		rules: []string{wire.RuleHost.Code}, outcomes: refuses(),
		list: []handshake{
			{"host-with-space", "A Host with a space", host("a b")},
			{"host-with-user-name", "A Host with a user name", host("u@a")},
			{"host-with-path", "A Host with a path", host("a/b")},
		},
	})
	// RFC 9112 §3.2.2 has a server ignore Host here. RFC 6455 §4.2.1 has it refuse a
	// Host that is not its authority. No server can break a MUST by following one of
	// the two.
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Where the target is a whole URL, its authority counts, and a server ignores Host (RFC 9112 §3.2.2). RFC 6455 §4.2.1 asks for the authority in Host, though, so a server may refuse.", keyword: Should,
		outcomes: opensOr(Warning, "it looks at Host where the target has the authority, which RFC 9112 §3.2.2 forbids and RFC 6455 §4.2.1 asks for"),
		list: []handshake{
			{"target-url-host-of-another-server", "A whole URL as the target, with another server's Host", startLine(host("elsewhere.example"), "GET http://{host}{path} HTTP/1.1")},
		},
	})
}

// prefixed returns values with prefix before each.
func prefixed(prefix string, values []string) []string {
	lines := make([]string, len(values))
	for i, v := range values {
		lines[i] = prefix + v
	}
	return lines
}

// spacesBehind returns head with white space at the end of each field.
func spacesBehind(head string) string {
	lines := strings.Split(head, "\r\n")
	for i := 1; i < len(lines)-2; i++ {
		lines[i] += " \t"
	}
	return strings.Join(lines, "\r\n")
}
