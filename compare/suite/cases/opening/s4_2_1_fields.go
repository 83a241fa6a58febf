package opening

import (
	"fmt"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// otherFields is about names, order, and fields that WebSocket gives no role.
func otherFields(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "The names of header fields may be written in any case, and the order of the fields does not count.", keyword: Must, duty: DutyInterprets,
		outcomes: Opens(),
		list: []handshake{
			{"names-in-lower-case", "All names in lower case", Renamed(Request, strings.ToLower)},
			{"names-in-capitals", "All names in capitals", Renamed(Request, strings.ToUpper)},
			{"names-as-go-writes-them", "Names as Go writes them", Renamed(Request, func(n string) string { return strings.ReplaceAll(n, "WebSocket", "Websocket") })},
			{"names-in-mixed-case", "Names in mixed case", Renamed(Request, func(n string) string { return strings.ToUpper(n[:1]) + strings.ToLower(n[1:]) })},
			{"fields-in-opposite-order", "The fields in the opposite order", Backwards(Request)},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server ignores header fields that it does not know (RFC 9110 §5.1 says SHOULD).", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses a request for a header field that it should ignore (RFC 9110 §5.1)"),
		list: []handshake{
			{"unknown-field", "A field that nobody knows", Plus(Request, "X-Unknown: 1")},
			{"field-without-value", "A field without a value", Plus(Request, "X-Empty:")},
			{"unknown-field-three-times", "The same unknown field three times", Plus(Request, "X-Unknown: 1", "X-Unknown: 2", "x-unknown: 3")},
			{"unknown-sec-websocket-field", "A Sec-WebSocket field that nobody knows", Plus(Request, "Sec-WebSocket-Unknown: 1")},
			{"accept-in-request", "Sec-WebSocket-Accept in a request", Plus(Request, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
			{"cookies", "Cookies", Plus(Request, "Cookie: a=1; b=\"2\"; c=")},
			{"browser-fields", "What a browser sends besides", Plus(Request, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "Accept: */*",
				"Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate", "Cache-Control: no-cache", "Pragma: no-cache",
				"Sec-Fetch-Dest: websocket", "Sec-Fetch-Mode: websocket", "Sec-Fetch-Site: same-origin", "DNT: 1")},
			{"value-that-looks-like-a-field", "A field whose value looks like a field", Plus(Request, "X-Unknown: Upgrade: h2c")},
			{"values-with-colon-commas-and-quotes", "Values with a colon, commas and quotes", Plus(Request, `X-Unknown: a:b, "c:d", 'e'`)},
		},
	})
}

// headGrammar is about the grammar of HTTP's header lines.
func headGrammar(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A header line is a name of token characters, a colon, and a value. RFC 9112 §2.2 says that a server SHOULD refuse what does not match this grammar.", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it accepts a header line that breaks the grammar, where it should refuse it (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-colon", "A header line without a colon", Plus(Request, "X-Unknown")},
			{"header-line-without-colon-with-space", "A header line without a colon, with a space in it", Plus(Request, "X-Unknown 1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "No white space is between a field name and its colon. A server must refuse a request that has some with 400 (RFC 9112 §5.1).", keyword: Must, duty: DutyColon,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: Refuses(),
		list: []handshake{
			{"space-before-colon", "A space before the colon", Plus(Request, "X-Unknown : 1")},
			{"tab-before-colon-of-upgrade", "A tab before the colon of Upgrade", Set(Request, "Upgrade", "Upgrade\t: websocket")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A header line is a name of token characters, a colon, and a value. RFC 9112 §2.2 says that a server SHOULD refuse what does not match this grammar.", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it accepts a header line that breaks the grammar, where it should refuse it (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-name", "A header line without a name", Plus(Request, ": 1")},
			{"name-with-space", "A name with a space in it", Plus(Request, "X Unknown: 1")},
			{"name-with-brackets", "A name with brackets in it", Plus(Request, "X(Unknown): 1")},
			{"name-with-byte-above-7f", "A name with a byte above 0x7F", Plus(Request, "X-\xfcnknown: 1")},
			{"name-with-nul", "A name with NUL", Plus(Request, "X-\x00: 1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A value has no NUL, CR or LF: a request with one is refused, or the byte replaced by a space (RFC 9110 §5.5).", keyword: Must, duty: DutyNUL,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it overlooks the byte, or has replaced it as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-nul", "A value with NUL", Plus(Request, "X-Unknown: a\x00b")},
			{"value-with-cr", "A value with a CR that ends no line", Plus(Request, "X-Unknown: a\rb")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Control characters in a value are not valid; who receives them may let them pass (RFC 9110 §5.5).", keyword: May,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it lets control characters pass, as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-byte-01", "A value with a byte of 0x01", Plus(Request, "X-Unknown: a\x01b")},
			{"value-with-byte-7f", "A value with a byte of 0x7F", Plus(Request, "X-Unknown: a\x7fb")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Bytes above 0x7F in a value are data that nobody looks into (RFC 9110 §5.5).", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses bytes that RFC 9110 §5.5 says should be treated as opaque"),
		list: []handshake{
			{"value-in-utf-8", "A value in UTF-8", Plus(Request, "X-Unknown: Grüße")},
			{"value-in-latin-1", "A value in Latin-1", Plus(Request, "X-Unknown: Gr\xfc\xdfe")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "White space around a value is not part of it, and none is needed (RFC 9112 §5.1).", keyword: Must, duty: DutyTrims,
		outcomes: Opens(),
		list: []handshake{
			{"no-space-after-colons", "No space behind the colons", strings.ReplaceAll(Request, ": ", ":")},
			{"tabs-after-colons", "Tabs behind the colons", strings.ReplaceAll(Request, ": ", ":\t")},
			{"white-space-after-values", "White space behind the values", spacesBehind(Request)},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A line that goes on in the next, as HTTP once had it, is refused, or read as one line (RFC 9112 §5.2).", keyword: Must, duty: DutyFolded,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it reads folded lines as one, as RFC 9112 §5.2 allows"),
		list: []handshake{
			{"folded-unknown-field", "An unknown field folded into two lines", Plus(Request, "X-Unknown: a", " b")},
			{"folded-upgrade", "Upgrade folded into two lines", Set(Request, "Upgrade", "Upgrade:", " websocket")},
			{"folded-key-with-tab", "The key folded into two lines, with a tab", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:", "\t{key}")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A first header line that begins with white space is refused, or overlooked (RFC 9112 §2.2).", keyword: Must, duty: DutySpaceFirst,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it overlooks the line, as RFC 9112 §2.2 allows"),
		list: []handshake{{"white-space-before-first-field", "White space before the first field", StartLine(Request, "GET {path} HTTP/1.1\r\n X-Unknown: 1")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server may take a LF alone for the end of a line (RFC 9112 §2.2).", keyword: May,
		outcomes: OpensOr(Note, "it wants CR LF at the end of each line, as it may"),
		list: []handshake{
			{"lines-end-in-lf", "Lines that end in LF alone", strings.ReplaceAll(Request, "\r\n", "\n")},
			{"one-line-ends-in-lf", "One line that ends in LF alone", strings.Replace(Request, "Upgrade: websocket\r\n", "Upgrade: websocket\n", 1)},
		},
	})
}

// headSizes is about how much a server reads.
func headSizes(s *Section) {
	many := func(n int) string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf("X-%d: %d", i, i)
		}
		return Plus(Request, lines...)
	}
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Fields that are not known are overlooked, many and long ones as well, within what a server is willing to hold.", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses what any browser with some cookies sends"),
		list: []handshake{
			{"100-fields", "100 header fields", many(100)},
			{"value-of-1025-bytes", "A value of 1,025 bytes", Plus(Request, "X-Unknown: "+strings.Repeat("v", 1025))},
			{"cookie-of-4096-bytes", "A cookie of 4,096 bytes, which every browser can have (RFC 6265 §6.1)", Plus(Request, "Cookie: a="+strings.Repeat("c", 4096))},
			{"long-value-first", "A long value before the fields that count", StartLine(Request, "GET {path} HTTP/1.1\r\nX-Unknown: "+strings.Repeat("v", 4096))},
			{"name-of-200-bytes", "A name of 200 bytes", Plus(Request, "X-"+strings.Repeat("n", 198)+": 1")},
			{"value-of-8000-bytes", "A value of 8,000 bytes", Plus(Request, "X-Unknown: "+strings.Repeat("v", 8000))},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server sets limits of its own to what it holds of a handshake (§10.4), and refuses what exceeds them.", keyword: May,
		outcomes: RefusesOr(Note, "its limit is larger"),
		list: []handshake{
			{"value-of-64-kib", "A value of 64 KiB", Plus(Request, "X-Unknown: "+strings.Repeat("v", 64<<10))},
			{"2000-fields", "2,000 header fields", many(2000)},
			{"value-of-1.1-mb", "A value of 1.1 MB", Plus(Request, "X-Unknown: "+strings.Repeat("v", 1_100_000))},
			{"target-of-64-kib", "A target of 64 KiB", StartLine(Request, "GET {path}?"+strings.Repeat("q", 64<<10)+" HTTP/1.1")},
		},
	})
}

// requestBody is about a request with content.
func requestBody(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A GET without content may say so.", keyword: May,
		outcomes: OpensOr(Note, "it does not open a WebSocket for a request that speaks of content"),
		list:     []handshake{{"content-length-0", "Content-Length: 0", Plus(Request, "Content-Length: 0")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A request is received to its end, its content too, before the protocol changes (RFC 9110 §7.8). The content is not frames. A client should not send any with a GET (RFC 9110 §9.3.1).", keyword: Should,
		rules: []string{wire.RuleBody.Code}, outcomes: RefusesOr(Note, "it opens the WebSocket after the content, as RFC 9110 §7.8 allows"),
		lax: "it reads the content of the request as frames",
		list: []handshake{
			{"content-of-5-bytes", "Content of five bytes", Plus(Request, "Content-Length: 5") + "Hello"},
			{"content-that-is-a-frame", "Content that is a frame", Plus(Request, "Content-Length: 11") + "\x81\x85\x00\x00\x00\x00Hello"},
			{"content-in-chunks", "Content in chunks", Plus(Request, "Transfer-Encoding: chunked") + "5\r\nHello\r\n0\r\n\r\n"},
			{"content-in-chunks-empty", "Content in chunks, and there is none", Plus(Request, "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A Content-Length is a number, and one is enough (RFC 9112 §6.3).", keyword: Must, duty: DutyBodyLength,
		rules: []string{wire.RuleBody.Code}, outcomes: Refuses(),
		list: []handshake{
			{"content-length-minus-1", "Content-Length: -1", Plus(Request, "Content-Length: -1")},
			{"content-length-five", "Content-Length: five", Plus(Request, "Content-Length: five")},
			{"two-content-lengths", "Two Content-Lengths that differ", Plus(Request, "Content-Length: 0", "Content-Length: 5") + "Hello"},
		},
	})
}

// hostValues is about what Host may be, and about a target that counts in its place.
func hostValues(s *Section) {
	host := func(value string) string { return Set(Request, "Host", "Host: "+value) }
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Host is a host with or without a port. A server responds with 400 to any other value (RFC 9112 §3.2).", keyword: Must, duty: DutyHostValue,
		rules: []string{wire.RuleHost.Code}, outcomes: Refuses(),
		list: []handshake{
			{"host-with-space", "A Host with a space", host("a b")},
			{"host-with-user-name", "A Host with a user name", host("u@a")},
			{"host-with-path", "A Host with a path", host("a/b")},
		},
	})
	// RFC 9112 §3.2.2 has a server ignore Host here. RFC 6455 §4.2.1 has it refuse a
	// Host that is not its authority. No server can break a MUST by following one of
	// the two.
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Where the target is a whole URL, its authority counts, and a server ignores Host (RFC 9112 §3.2.2). RFC 6455 §4.2.1 asks for the authority in Host, though, so a server may refuse.", keyword: Should,
		outcomes: OpensOr(Warning, "it looks at Host where the target has the authority, which RFC 9112 §3.2.2 forbids and RFC 6455 §4.2.1 asks for"),
		list: []handshake{
			{"target-url-host-of-another-server", "A whole URL as the target, with another server's Host", StartLine(host("elsewhere.example"), "GET http://{host}{path} HTTP/1.1")},
		},
	})
}

// spacesBehind returns head with white space at the end of each field.
func spacesBehind(head string) string {
	lines := strings.Split(head, "\r\n")
	for i := 1; i < len(lines)-2; i++ {
		lines[i] += " \t"
	}
	return strings.Join(lines, "\r\n")
}
