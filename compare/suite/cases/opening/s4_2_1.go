package opening

import (
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section421 is RFC 6455 §4.2.1: a server reads the client's opening handshake, and
// refuses an invalid request. If a requirement is from HTTP, the case has the section of
// RFC 6455, and the requirement names the section of HTTP.
func Section421() []*Case {
	s := Section{Name: "4.2.1", In: "4.2.1"}
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
	return s.Cases
}

// requestLine is about method, target and version.
func requestLine(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A request that follows §4.1 should open a WebSocket. A server may still refuse it for its own reasons.", keyword: Should, outcomes: Opens(),
		list: []handshake{{"least-request", "The smallest valid request", Request}},
	})

	method := handshakes{
		requirement: "The method is GET, in capitals. A server refuses any other method.", keyword: Must, duty: DutyReads(1, "A server refuses a request that is not a GET."),
		rules: []string{wire.RuleMethod.Code}, outcomes: Refuses(),
	}
	for _, m := range []string{"POST", "PUT", "HEAD", "OPTIONS", "DELETE", "BREW", "get", "GETX"} {
		method.list = append(method.list, handshake{"method-" + strings.ToLower(m), "The method " + m, StartLine(Request, m+" {path} HTTP/1.1")})
	}
	addHandshakes(s, wire.Server, method)

	addHandshakes(s, wire.Server, handshakes{
		requirement: "The HTTP version is 1.1 or higher. A server refuses any other request.", keyword: Must, duty: DutyReads(1, "A server refuses a request whose HTTP version is not 1.1 or higher."),
		rules: []string{wire.RuleHTTPVersion.Code}, outcomes: Refuses(),
		list: []handshake{
			{"version-http-1.0", "A request of HTTP/1.0", StartLine(Request, "GET {path} HTTP/1.0")},
			{"version-http-0.9-with-fields", "A request of HTTP/0.9 with header fields", StartLine(Request, "GET {path} HTTP/0.9")},
			{"version-http-1", "A request of HTTP/1", StartLine(Request, "GET {path} HTTP/1")},
			{"version-http-1.x", "A request of HTTP/1.x", StartLine(Request, "GET {path} HTTP/1.x")},
			{"version-http-minus-1.1", "A request of HTTP/-1.1", StartLine(Request, "GET {path} HTTP/-1.1")},
			{"version-httq-1.1", "The version HTTQ/1.1", StartLine(Request, "GET {path} HTTQ/1.1")},
			{"no-version-with-fields", "A request line without a version, as in HTTP/0.9, and header fields", StartLine(Request, "GET {path}")},
			{"request-line-of-one-word", "A request line of one word", StartLine(Request, "GET")},
			{"request-line-of-four-words", "A request line of four words", StartLine(Request, "GET {path} {path} HTTP/1.1")},
			{"two-spaces-for-target", "Two spaces in place of the target", StartLine(Request, "GET  HTTP/1.1")},
			{"no-request-line", "No request line", strings.TrimPrefix(Request, "GET {path} HTTP/1.1\r\n")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The HTTP version is 1.1 or higher. A server should process a higher minor version as the highest one that it knows (RFC 9110 §2.5).", keyword: Should,
		rules: []string{wire.RuleHTTPVersion.Code}, outcomes: OpensOr(Warning, "it refuses a minor version that it should process as HTTP/1.1"),
		list: []handshake{{"version-http-1.2", "A request of HTTP/1.2", StartLine(Request, "GET {path} HTTP/1.2")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The HTTP version is 1.1 or higher, but HTTP/2 does not have request lines. A server may accept or refuse this one.", keyword: May,
		rules:    []string{wire.RuleHTTPVersion.Code},
		outcomes: OpensOr(Pass, ""),
		list:     []handshake{{"version-http-2.0", "The version HTTP/2.0 in a request line", StartLine(Request, "GET {path} HTTP/2.0")}},
	})

	addHandshakes(s, wire.Server, handshakes{
		requirement: "The target is a resource name, or a whole http or https URL that contains the resource name. A server must accept both forms (RFC 9112 §3.2.2).", keyword: Must, duty: DutyAbsolute,
		outcomes: Opens(),
		list: []handshake{
			{"target-http-url", "A whole http URL as the target", StartLine(Request, "GET http://{host}{path} HTTP/1.1")},
			{"target-url-scheme-in-capitals", "A whole URL with its scheme in capitals as the target", StartLine(Request, "GET HTTP://{host}{path} HTTP/1.1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The target is a resource name, which may have a query. The server decides which resources exist.", keyword: May,
		outcomes: OpensOr(Note, "it refuses this target, which is allowed if the server does not have such a resource"),
		list: []handshake{
			{"target-with-query", "A target with a query", StartLine(Request, "GET {path}?chat=1&name=a%20b HTTP/1.1")},
			{"target-with-empty-query", "A target with an empty query", StartLine(Request, "GET {path}? HTTP/1.1")},
			{"target-of-4000-bytes", "A target with a query of 4,000 bytes", StartLine(Request, "GET {path}?"+strings.Repeat("q", 4000)+" HTTP/1.1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The target must be a resource name, or an http or https URL. A server refuses a request with any other target.", keyword: Must, duty: DutyReads(1, "A server refuses a target that is neither a resource name nor an http or https URL."),
		rules: []string{wire.RuleTarget.Code}, outcomes: Refuses(),
		list: []handshake{
			{"target-asterisk", "The target *", StartLine(Request, "GET * HTTP/1.1")},
			{"target-host-and-port", "Only host and port as the target", StartLine(Request, "GET {host} HTTP/1.1")},
			{"target-without-first-slash", "A target without its first slash", StartLine(Request, "GET chat HTTP/1.1")},
			{"target-with-space", "A target with a space", StartLine(Request, "GET {path}a b HTTP/1.1")},
			{"target-with-byte-01", "A target with a byte of 0x01", StartLine(Request, "GET {path}\x01 HTTP/1.1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A resource name consists of visible ASCII characters and does not have a fragment (§3). A server may accept or refuse a target that differs.", keyword: May,
		rules: []string{wire.RuleTarget.Code}, outcomes: RefusesOr(Note, "it accepts a target that a resource name cannot have"),
		list: []handshake{
			{"target-with-fragment", "A target with a fragment", StartLine(Request, "GET {path}#top HTTP/1.1")},
			{"target-with-bytes-above-7f", "A target with bytes above 0x7F", StartLine(Request, "GET {path}?\xc3\xbc HTTP/1.1")},
			{"target-ws-url", "A ws URL as the target", StartLine(Request, "GET ws://{host}{path} HTTP/1.1")},
		},
	})
}

// hostField is about Host.
func hostField(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A request has one Host, with the server's authority. A server must refuse a request without a Host, or with two, with 400 (RFC 9112 §3.2).", keyword: Must, duty: DutyOneHost,
		rules: []string{wire.RuleHost.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-host", "No Host", Set(Request, "Host")},
			{"two-equal-hosts", "Two Host fields with the same value", Set(Request, "Host", "Host: {host}", "Host: {host}")},
			{"two-different-hosts", "Two Host fields with different values", Set(Request, "Host", "Host: {host}", "Host: elsewhere.example")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Host contains the server's authority, so it must not be empty.", keyword: Must, duty: DutyReads(2, "A server refuses a request whose Host is not its authority."),
		rules:    []string{wire.RuleHost.Code},
		outcomes: RefusesOr(Warning, "it accepts an empty Host, which HTTP allows for some URIs; RFC 6455 §4.2.1 requires the server's authority"),
		list:     []handshake{{"empty-host", "An empty Host", Set(Request, "Host", "Host:")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Host contains the server's authority. The server decides which names it has.", keyword: May,
		rules:    []string{wire.RuleHost.Code},
		outcomes: OpensOr(Note, "it does not have this name"),
		list: []handshake{
			{"host-of-another-server", "The Host of another server", Set(Request, "Host", "Host: elsewhere.example")},
			{"host-in-capitals-last", "The field name HOST in capitals, after all other fields", Plus(Set(Request, "Host"), "HOST: {host}")},
		},
	})
}

// upgradeFields is about Upgrade and Connection.
func upgradeFields(s *Section) {
	upgrade := func(values ...string) string { return Set(Request, "Upgrade", Prefixed("Upgrade: ", values)...) }
	connection := func(values ...string) string { return Set(Request, "Connection", Prefixed("Connection: ", values)...) }

	addHandshakes(s, wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket, in any case.", keyword: Must, duty: DutyInterprets,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: Opens(),
		list: []handshake{
			{"upgrade-mixed-case", "Upgrade: WebSocket", upgrade("WebSocket")},
			{"upgrade-capitals", "Upgrade: WEBSOCKET", upgrade("WEBSOCKET")},
		},
	})
	// A server may ignore Upgrade (RFC 9110 §7.8), so no MUST requires it to read a list.
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket. In HTTP, Upgrade is a list that may contain other protocols. A server may ignore the whole field (RFC 9110 §7.8).", keyword: Should,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: OpensOr(Warning, "it does not read Upgrade as a list, as RFC 9110 §7.8 defines it"),
		list: []handshake{
			{"upgrade-websocket-then-h2c", "Upgrade with websocket before another protocol", upgrade("websocket, h2c")},
			{"upgrade-h2c-then-websocket", "Upgrade with websocket after another protocol", upgrade("h2c, websocket")},
			{"upgrade-h2c-websocket-without-space", "Upgrade with websocket after another protocol, without a space", upgrade("h2c,websocket")},
			{"two-upgrade-fields-websocket-second", "Two Upgrade fields, websocket in the second", upgrade("h2c", "websocket")},
			{"two-upgrade-fields-websocket-first", "Two Upgrade fields, websocket in the first", upgrade("websocket", "h2c")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Upgrade contains websocket as a whole value. A server refuses a request without it.", keyword: Must, duty: DutyReads(3, "A server refuses a request whose Upgrade does not contain websocket."),
		rules: []string{wire.RuleUpgrade.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-upgrade", "No Upgrade", Set(Request, "Upgrade")},
			{"empty-upgrade", "An empty Upgrade", upgrade("")},
			{"upgrade-h2c", "Upgrade: h2c", upgrade("h2c")},
			{"upgrade-websockets", "Upgrade: websockets", upgrade("websockets")},
			{"upgrade-notwebsocket", "Upgrade: notwebsocket", upgrade("notwebsocket")},
			{"upgrade-web-space-socket", "Upgrade: web socket", upgrade("web socket")},
			{"upgrade-list-without-comma", "Upgrade: h2c websocket, a list without a comma", upgrade("h2c websocket")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Upgrade contains the value websocket. In HTTP, a protocol may have a version after a slash, but websocket does not have one.", keyword: May,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: RefusesOr(Note, "it treats websocket/13 as websocket"),
		list: []handshake{{"upgrade-websocket-slash-13", "Upgrade: websocket/13", upgrade("websocket/13")}},
	})

	addHandshakes(s, wire.Server, handshakes{
		requirement: "Connection contains the token Upgrade, in any case and anywhere in its list.", keyword: Must, duty: DutyLists,
		rules: []string{wire.RuleConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"connection-lower-case", "Connection: upgrade, as nginx sends it", connection("upgrade")},
			{"connection-capitals", "Connection: UPGRADE", connection("UPGRADE")},
			{"connection-keep-alive-upgrade", "Connection: keep-alive, Upgrade, as Firefox sends it", connection("keep-alive, Upgrade")},
			{"connection-upgrade-keep-alive", "Connection: Upgrade, keep-alive", connection("Upgrade, keep-alive")},
			{"connection-without-space", "Connection: keep-alive,Upgrade without a space", connection("keep-alive,Upgrade")},
			{"connection-with-tab", "Connection with a tab after the comma", connection("keep-alive,\tUpgrade")},
			{"connection-with-three-tokens", "Connection with three tokens", connection("keep-alive, Upgrade, Sec-WebSocket-Key")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Fields with the same name are one list. A recipient MAY combine them (RFC 9110 §5.3).", keyword: May,
		rules: []string{wire.RuleConnection.Code}, outcomes: OpensOr(Warning, "it does not combine two Connection fields, though RFC 9110 §5.3 allows it"),
		list: []handshake{
			{"two-connection-fields-upgrade-second", "Two Connection fields, Upgrade in the second", connection("keep-alive", "Upgrade")},
			{"two-connection-fields-upgrade-first", "Two Connection fields, Upgrade in the first", connection("Upgrade", "keep-alive")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A recipient must ignore empty items in a list (RFC 9110 §5.6.1.2).", keyword: Must, duty: DutyLists,
		rules: []string{wire.RuleConnection.Code}, outcomes: Opens(),
		list: []handshake{
			{"connection-with-empty-items", "Connection with empty items in its list", connection(", ,Upgrade,")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A recipient must ignore empty items in a list (RFC 9110 §5.6.1.2). A server may ignore the whole Upgrade field (RFC 9110 §7.8).", keyword: Should,
		rules: []string{wire.RuleUpgrade.Code}, outcomes: OpensOr(Warning, "it does not read Upgrade as a list, as RFC 9110 §7.8 defines it"),
		list: []handshake{{"upgrade-with-empty-items", "Upgrade with empty items in its list", upgrade(",websocket ,,")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Connection contains Upgrade as a whole token. A server refuses a request without it.", keyword: Must, duty: DutyReads(4, "A server refuses a request whose Connection does not contain Upgrade."),
		rules: []string{wire.RuleConnection.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-connection", "No Connection", Set(Request, "Connection")},
			{"empty-connection", "An empty Connection", connection("")},
			{"connection-keep-alive", "Connection: keep-alive", connection("keep-alive")},
			{"connection-close", "Connection: close", connection("close")},
			{"connection-upgraded", "Connection: upgraded", connection("upgraded")},
			{"connection-no-upgrade", "Connection: no-upgrade", connection("no-upgrade")},
			{"connection-websocket", "Connection: websocket", connection("websocket")},
			{"connection-semicolon", "Connection: keep-alive; Upgrade, a list with the wrong separator", connection("keep-alive; Upgrade")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Connection must contain the token Upgrade. The RFC does not say what an additional token close means.", keyword: May,
		rules: []string{wire.RuleConnection.Code}, outcomes: OpensOr(Note, "it does not open a WebSocket if Connection also contains close"),
		list: []handshake{{"connection-close-upgrade", "Connection: close, Upgrade", connection("close, Upgrade")}},
	})
}

// keyField is about Sec-WebSocket-Key.
func keyField(s *Section) {
	key := func(values ...string) string {
		return Set(Request, "Sec-WebSocket-Key", Prefixed("Sec-WebSocket-Key: ", values)...)
	}
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A request has a Sec-WebSocket-Key. A server refuses a request without it.", keyword: Must, duty: DutyReads(5, "A server refuses a request without a key."),
		rules: []string{wire.RuleKeyMissing.Code}, outcomes: Refuses(),
		list: []handshake{
			{"no-key", "No key", Set(Request, "Sec-WebSocket-Key")},
			{"two-keys-of-old-draft", "The two key fields of an old draft in place of Sec-WebSocket-Key", Set(Request, "Sec-WebSocket-Key",
				"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The key is base64 of 16 bytes, so it is not empty. A server refuses a request with an empty key.", keyword: Must, duty: DutyReads(5, "A server refuses a request whose key is empty."),
		rules: []string{wire.RuleKeyLength.Code}, outcomes: Refuses(),
		list: []handshake{{"empty-key", "An empty key", key("")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The key is base64 of 16 bytes. A server does not have to decode it (§4.2.2).", keyword: May,
		rules:    []string{wire.RuleKeyLength.Code},
		outcomes: RefusesOr(Warning, "it does not decode the key (RFC 6455 §4.2.2 allows that), so it accepts a key that §4.2.1 says to refuse"),
		list: []handshake{
			{"key-of-15-bytes", "A key that is base64 of 15 bytes", key("MTIzNDU2Nzg5MDEyMzQ1")},
			{"key-of-17-bytes", "A key that is base64 of 17 bytes", key("MTIzNDU2Nzg5MDEyMzQ1Njc=")},
			{"key-of-1-byte", "A key that is base64 of one byte", key("MQ==")},
			{"key-not-base64", "A key of 24 characters that are not base64", key("!!!!!!!!!!!!!!!!!!!!!!==")},
			{"key-of-16-letters", "A key of 16 letters, which is base64 of 12 bytes", key("abcdefghijklmnop")},
			{"key-without-padding", "A key without its padding", key("dGhlIHNhbXBsZSBub25jZQ")},
			{"key-one-equals-sign-too-few", "A key with one = too few", key("dGhlIHNhbXBsZSBub25jZQ=")},
			{"key-one-equals-sign-too-many", "A key with one = too many", key("dGhlIHNhbXBsZSBub25jZQ===")},
			{"key-in-url-alphabet", "A key in the base64 alphabet for URLs", key("-_-_-_-_-_-_-_-_-_-_-A==")},
			{"key-with-space-inside", "A key with a space inside", key("dGhlIHNhbXBs ZSBub25jZQ==")},
			{"key-in-quotes", "A key in quotes", key(`"dGhlIHNhbXBsZSBub25jZQ=="`)},
			{"key-in-hex", "A key in hex", key("74686520736d706c65206e6f6e636500")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The key is base64 of any 16 bytes. White space around the value is not part of the key (RFC 9110 §5.5).", keyword: Must, duty: DutyTrims,
		rules: []string{wire.RuleKeyLength.Code}, outcomes: Opens(),
		list: []handshake{
			{"key-with-white-space-around", "A key with white space around it", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: \t {key} \t ")},
			{"key-without-space-before", "A key with no space before it", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:{key}")},
			{"key-of-16-zeros", "A key that is base64 of 16 zero bytes", key("AAAAAAAAAAAAAAAAAAAAAA==")},
			{"key-of-16-bytes-ff", "A key that is base64 of 16 bytes 0xFF", key("/////////////////////w==")},
			{"key-with-plus-and-slash", "A key with + and /", key("+/+/+/+/+/+/+/+/+/+/+w==")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The unused bits at the end of the base64 key may differ from 0, as they do in the example of §4.1.", keyword: Should,
		rules: []string{wire.RuleKeyLength.Code}, outcomes: OpensOr(Warning, "it refuses the example key of RFC 6455 §4.1; RFC 4648 §3.5 allows a decoder to refuse it"),
		list: []handshake{{"key-of-rfc-example", "The example key of §4.1, whose unused last bits are not 0", key("AQIDBAUGBwgJCgsMDQ4PEC==")}},
	})
}

// versionField is about Sec-WebSocket-Version. Section44 is about the refusal.
func versionField(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A request has a Sec-WebSocket-Version. A server refuses a request without it.", keyword: Must, duty: DutyReads(6, "A server refuses a request without a version."),
		rules: []string{wire.RuleVersion.Code}, outcomes: Refuses(),
		list: []handshake{{"no-version", "No Sec-WebSocket-Version", Set(Request, "Sec-WebSocket-Version")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "White space around a field value is not part of the value (RFC 9110 §5.5).", keyword: Must, duty: DutyTrims,
		rules: []string{wire.RuleVersion.Code}, outcomes: Opens(),
		list: []handshake{{"version-with-white-space-around", "The version 13 with white space around it", Set(Request, "Sec-WebSocket-Version", "Sec-WebSocket-Version:\t 13 \t")}},
	})
}

// requestInPieces is about a request in several TCP segments, and about frames that
// arrive with it.
func requestInPieces(s *Section) {
	add := func(name, title string, o Opening, keyword string, outcomes []Outcome) {
		duty := DutyInterprets
		if keyword != Must {
			duty = Duty{}
		}
		s.Add(Case{
			Name: name, Title: title, Requirement: "A request has the same meaning, no matter how TCP divides it into segments.", Keyword: keyword, Duty: duty,
			Opening: o, Steps: Tried, Outcomes: outcomes, OneSided: true, Deadline: Slowly,
		})
	}
	for _, each := range []struct {
		name  string
		where string
		at    string // the request is cut after this text
	}{
		{"cut-in-method", "in the method", "GE"},
		{"cut-in-version", "in the version", "HTTP/1"},
		{"cut-between-cr-and-lf", "between CR and LF of the request line", "HTTP/1.1\r"},
		{"cut-after-request-line", "after the request line", "HTTP/1.1\r\n"},
		{"cut-in-field-name", "in a field's name", "Sec-WebSo"},
		{"cut-before-colon", "before a colon", "Upgrade"},
		{"cut-after-colon", "after a colon", "Upgrade:"},
		{"cut-in-field-value", "in a field's value", "webso"},
		{"cut-between-cr-and-lf-of-field", "between CR and LF of a field", "websocket\r"},
		{"cut-between-fields", "between two fields", "websocket\r\n"},
		{"cut-before-empty-line", "before the empty line", "Version: 13\r\n"},
		{"cut-in-empty-line", "in the middle of the empty line", "Version: 13\r\n\r"},
		{"cut-before-last-cr-lf-cr-lf", "before the last CR LF CR LF", "Version: 13"},
	} {
		at := strings.Index(Request, each.at) + len(each.at)
		add(each.name, "A request cut "+each.where, Opening{Writes: []string{Request[:at], Request[at:]}, Gap: Between}, Must, Opens())
	}
	line := strings.SplitAfter(Request, "\r\n")
	const hurries = "it waits less long than this for the rest of a request, which is allowed"
	add("cut-in-key", "A request cut in its key", Opening{Writes: strings.SplitAfter(strings.ReplaceAll(Request, "{key}", SampleKey), "dGhlIHNh"), Gap: Between}, Must, Opens())
	add("line-by-line", "A request line by line", Opening{Writes: line[:len(line)-1], Gap: Between}, Must, Opens())
	add("byte-by-byte", "A request byte by byte", Opening{Each: 1, Gap: Between / 10}, Must, Opens())
	add("pieces-of-7-bytes", "A request in pieces of seven bytes", Opening{Each: 7, Gap: Between / 2}, Must, Opens())
	add("line-by-line-60-ms-apart", "A request line by line, 60 ms apart", Opening{Writes: line[:len(line)-1], Gap: 60 * time.Millisecond}, May, OpensOr(Note, hurries))
	add("pause-before-last-byte", "A request with a pause of 300 ms before its last byte", Opening{Writes: []string{Request[:len(Request)-1], Request[len(Request)-1:]}, Gap: 300 * time.Millisecond}, May, OpensOr(Note, hurries))

	glued := func(name, title string, c Case) {
		c.Name, c.Title, c.Glued, c.OneSided = name, title, true, true
		c.Requirement = "A client must wait for the response before it sends frames (§4.1), so here the judge breaks a MUST. A server may read, drop or refuse such frames."
		c.Keyword = May
		c.Lax = "it loses frames that a client sends before the response; a client must not send them (RFC 6455 §4.1)"
		c.Outcomes = append(c.Outcomes, Outcome{Verdict: Note, Why: "it refuses a client that does not wait for the response, which is allowed", End: End{How: TargetRefuses, Silent: true}})
		s.Add(c)
	}
	large := Of(wire.Text, TextOf(10000))
	glued("frame-with-request", "A frame in the same TCP segment as the request", Case{Steps: []Step{Send(Text("Hello"))}, Outcomes: Opens()})
	glued("three-frames-with-request", "Three frames in the same TCP segment as the request", Case{
		Steps: []Step{Send(Text("one"), Text("two"), Binary(3))}, Outcomes: Answers(Text("one"), Text("two"), Binary(3))})
	glued("two-fragments-with-request", "Two fragments in the same TCP segment as the request", Case{Steps: []Step{Send(Text("Hel").More(), Cont("lo"))}, Outcomes: Opens()})
	glued("ping-with-request", "A Ping in the same TCP segment as the request", Case{Steps: []Step{Send(Ping("Hello"))}, Outcomes: Answers(Pong("Hello"))})
	glued("close-with-request", "A Close frame in the same TCP segment as the request", Case{Steps: []Step{Send(Close(1000, ""))}, Outcomes: Closes(1000)})
	glued("frame-of-10000-bytes-with-request", "A frame of 10,000 bytes directly after the request", Case{Steps: []Step{Send(large)}, Outcomes: Answers(Of(wire.Text, TextOf(10000)))})
	glued("empty-frame-with-request", "An empty frame in the same TCP segment as the request", Case{Steps: []Step{Send(Text(""))}, Outcomes: Answers(Text(""))})
	// The bytes contain the masking key, so both halves of the frame have the same key.
	whole := Text("Hello").WithKey(1, 2, 3, 4).Append(nil, wire.Client, nil)
	glued("half-frame-with-request", "A request with the first half of a frame, then the other half", Case{
		Steps: []Step{Raw(whole[:7]...), Pause(Between), Raw(whole[7:]...)}, Outcomes: Opens()})
	glued("first-byte-of-frame-with-request", "A request with the first byte of a frame, then the rest", Case{
		Steps: []Step{Raw(whole[:1]...), Pause(Between), Raw(whole[1:]...)}, Outcomes: Opens()})
	for _, each := range []handshake{
		{"tcp-closed-in-request", "The first half of a request", Request[:len(Request)/2]},
		{"tcp-closed-before-empty-line", "A request without its empty line", strings.TrimSuffix(Request, "\r\n")},
		{"tcp-closed-after-http-0.9-line", "A request of HTTP/0.9, which consists of one line", "GET {path}\r\n"},
		{"tcp-closed-without-request", "No bytes at all", ""},
	} {
		s.Add(Case{
			Name: each.name, Title: each.title + ", and then a TCP FIN", Requirement: "A server does not open a WebSocket for an incomplete request.", Keyword: Must, Duty: DutyWhole,
			Opening: Opening{Writes: []string{each.head}, Fin: true}, Outcomes: []Outcome{{End: End{How: TargetRefuses, Silent: true}}}, OneSided: true,
		})
	}
}
