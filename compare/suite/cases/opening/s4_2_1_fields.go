package opening

import (
	"fmt"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// otherFields is about field names, the order of fields, and fields that have no
// meaning in WebSocket.
func otherFields(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Upper and lower case are equal in field names, and the order of the fields does not matter.", keyword: Must, duty: DutyInterprets,
		outcomes: Opens(),
		list: []handshake{
			{"names-in-lower-case", "All field names in lower case", Renamed(Request, strings.ToLower)},
			{"names-in-capitals", "All field names in capitals", Renamed(Request, strings.ToUpper)},
			{"names-as-go-writes-them", "Field names as Go writes them", Renamed(Request, func(n string) string { return strings.ReplaceAll(n, "WebSocket", "Websocket") })},
			{"names-in-mixed-case", "Field names in mixed case", Renamed(Request, func(n string) string { return strings.ToUpper(n[:1]) + strings.ToLower(n[1:]) })},
			{"fields-in-opposite-order", "The fields in the opposite order", Backwards(Request)},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server should ignore header fields that it does not know (RFC 9110 §5.1).", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses a request because of a header field that it should ignore (RFC 9110 §5.1)"),
		list: []handshake{
			{"unknown-field", "An unknown field", Plus(Request, "X-Unknown: 1")},
			{"field-without-value", "A field without a value", Plus(Request, "X-Empty:")},
			{"unknown-field-three-times", "The same unknown field three times", Plus(Request, "X-Unknown: 1", "X-Unknown: 2", "x-unknown: 3")},
			{"unknown-sec-websocket-field", "An unknown field whose name begins with Sec-WebSocket", Plus(Request, "Sec-WebSocket-Unknown: 1")},
			{"accept-in-request", "Sec-WebSocket-Accept in a request", Plus(Request, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
			{"cookies", "Cookies", Plus(Request, "Cookie: a=1; b=\"2\"; c=")},
			{"browser-fields", "The other fields that a browser sends", Plus(Request, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "Accept: */*",
				"Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate", "Cache-Control: no-cache", "Pragma: no-cache",
				"Sec-Fetch-Dest: websocket", "Sec-Fetch-Mode: websocket", "Sec-Fetch-Site: same-origin", "DNT: 1")},
			{"value-that-looks-like-a-field", "A field whose value looks like a field", Plus(Request, "X-Unknown: Upgrade: h2c")},
			{"values-with-colon-commas-and-quotes", "A value with colons, commas and quotes", Plus(Request, `X-Unknown: a:b, "c:d", 'e'`)},
		},
	})
}

// headGrammar is about the grammar of HTTP's header lines.
func headGrammar(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A header line consists of a name of token characters, a colon, and a value. A server should refuse a line that does not match this grammar (RFC 9112 §2.2).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it accepts a header line that breaks the grammar, which it should refuse (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-colon", "A header line without a colon", Plus(Request, "X-Unknown")},
			{"header-line-without-colon-with-space", "A header line with a space in place of the colon", Plus(Request, "X-Unknown 1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "White space between a field name and its colon is not allowed. A server must refuse such a request with 400 (RFC 9112 §5.1).", keyword: Must, duty: DutyColon,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: Refuses(),
		list: []handshake{
			{"space-before-colon", "A space before the colon", Plus(Request, "X-Unknown : 1")},
			{"tab-before-colon-of-upgrade", "A tab before the colon of Upgrade", Set(Request, "Upgrade", "Upgrade\t: websocket")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A header line consists of a name of token characters, a colon, and a value. A server should refuse a line that does not match this grammar (RFC 9112 §2.2).", keyword: Should,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Warning, "it accepts a header line that breaks the grammar, which it should refuse (RFC 9112 §2.2)"),
		list: []handshake{
			{"header-line-without-name", "A header line without a name", Plus(Request, ": 1")},
			{"name-with-space", "A field name with a space in it", Plus(Request, "X Unknown: 1")},
			{"name-with-brackets", "A field name with parentheses in it", Plus(Request, "X(Unknown): 1")},
			{"name-with-byte-above-7f", "A field name with a byte above 0x7F", Plus(Request, "X-\xfcnknown: 1")},
			{"name-with-nul", "A field name with NUL", Plus(Request, "X-\x00: 1")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A field value must not contain NUL, CR or LF. A recipient must refuse the request, or replace the byte with a space (RFC 9110 §5.5).", keyword: Must, duty: DutyNUL,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it ignores the byte, or replaces the byte with a space as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-nul", "A field value with NUL", Plus(Request, "X-Unknown: a\x00b")},
			{"value-with-cr", "A field value with a CR that does not end the line", Plus(Request, "X-Unknown: a\rb")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Control characters in a field value are not valid. A recipient may keep them (RFC 9110 §5.5).", keyword: May,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it accepts control characters, as RFC 9110 §5.5 allows"),
		list: []handshake{
			{"value-with-byte-01", "A field value with the byte 0x01", Plus(Request, "X-Unknown: a\x01b")},
			{"value-with-byte-7f", "A field value with the byte 0x7F", Plus(Request, "X-Unknown: a\x7fb")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A recipient should treat bytes above 0x7F in a field value as opaque data (RFC 9110 §5.5).", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses bytes that it should treat as opaque data (RFC 9110 §5.5)"),
		list: []handshake{
			{"value-in-utf-8", "A field value in UTF-8", Plus(Request, "X-Unknown: Grüße")},
			{"value-in-latin-1", "A field value in Latin-1", Plus(Request, "X-Unknown: Gr\xfc\xdfe")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "White space around a field value is optional, and not part of the value (RFC 9112 §5.1).", keyword: Must, duty: DutyTrims,
		outcomes: Opens(),
		list: []handshake{
			{"no-space-after-colons", "No space after the colons", strings.ReplaceAll(Request, ": ", ":")},
			{"tabs-after-colons", "Tabs after the colons", strings.ReplaceAll(Request, ": ", ":\t")},
			{"white-space-after-values", "White space after the values", spacesAfter(Request)},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A folded line continues a field value on the next line. This is obsolete in HTTP. A server must refuse such a request, or read the lines as one (RFC 9112 §5.2).", keyword: Must, duty: DutyFolded,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it reads folded lines as one, as RFC 9112 §5.2 allows"),
		list: []handshake{
			{"folded-unknown-field", "An unknown field folded into two lines", Plus(Request, "X-Unknown: a", " b")},
			{"folded-upgrade", "Upgrade folded into two lines", Set(Request, "Upgrade", "Upgrade:", " websocket")},
			{"folded-key-with-tab", "The key folded into two lines, with a tab", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:", "\t{key}")},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "If the first header line begins with white space, a recipient must refuse the message or ignore the line (RFC 9112 §2.2).", keyword: Must, duty: DutySpaceFirst,
		rules: []string{wire.RuleHeaderGrammar.Code}, outcomes: RefusesOr(Note, "it ignores the line, as RFC 9112 §2.2 allows"),
		list: []handshake{{"white-space-before-first-field", "White space before the first field", StartLine(Request, "GET {path} HTTP/1.1\r\n X-Unknown: 1")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server may accept LF alone as the end of a line (RFC 9112 §2.2).", keyword: May,
		outcomes: OpensOr(Note, "it requires CR LF at the end of each line, which is allowed"),
		list: []handshake{
			{"lines-end-in-lf", "Lines that end in LF alone", strings.ReplaceAll(Request, "\r\n", "\n")},
			{"one-line-ends-in-lf", "One line that ends in LF alone", strings.Replace(Request, "Upgrade: websocket\r\n", "Upgrade: websocket\n", 1)},
		},
	})
}

// headSizes is about the size of a request.
func headSizes(s *Section) {
	many := func(n int) string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf("X-%d: %d", i, i)
		}
		return Plus(Request, lines...)
	}
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server should ignore unknown header fields, even many and long ones, up to its size limit.", keyword: Should,
		outcomes: OpensOr(Warning, "it refuses a request of a size that browsers with some cookies send"),
		list: []handshake{
			{"100-fields", "100 header fields", many(100)},
			{"value-of-1025-bytes", "A field value of 1,025 bytes", Plus(Request, "X-Unknown: "+strings.Repeat("v", 1025))},
			{"cookie-of-4096-bytes", "A cookie with a value of 4,096 bytes, about the size that browsers should support (RFC 6265 §6.1)", Plus(Request, "Cookie: a="+strings.Repeat("c", 4096))},
			{"long-value-first", "A long unknown field before the fields of the handshake", StartLine(Request, "GET {path} HTTP/1.1\r\nX-Unknown: "+strings.Repeat("v", 4096))},
			{"name-of-200-bytes", "A field name of 200 bytes", Plus(Request, "X-"+strings.Repeat("n", 198)+": 1")},
			{"value-of-8000-bytes", "A field value of 8,000 bytes", Plus(Request, "X-Unknown: "+strings.Repeat("v", 8000))},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A server may set its own limit for the size of a handshake (§10.4), and refuse a request that exceeds it.", keyword: May,
		outcomes: RefusesOr(Note, "its limit is larger"),
		list: []handshake{
			{"value-of-64-kib", "A field value of 64 KiB", Plus(Request, "X-Unknown: "+strings.Repeat("v", 64<<10))},
			{"2000-fields", "2,000 header fields", many(2000)},
			{"value-of-1.1-mb", "A field value of 1.1 MB", Plus(Request, "X-Unknown: "+strings.Repeat("v", 1_100_000))},
			{"target-of-64-kib", "A target with a query of 64 KiB", StartLine(Request, "GET {path}?"+strings.Repeat("q", 64<<10)+" HTTP/1.1")},
		},
	})
}

// requestBody is about a request with content.
func requestBody(s *Section) {
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A GET without content may have Content-Length: 0.", keyword: May,
		outcomes: OpensOr(Note, "it does not open a WebSocket for a request that has a Content-Length"),
		list:     []handshake{{"content-length-0", "Content-Length: 0", Plus(Request, "Content-Length: 0")}},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "A client should not send content with a GET (RFC 9110 §9.3.1). If it does, it sends all of the content before the protocol changes (RFC 9110 §7.8), so the content is not frames.", keyword: Should,
		rules: []string{wire.RuleBody.Code}, outcomes: RefusesOr(Note, "it opens the WebSocket after the content, as RFC 9110 §7.8 allows"),
		lax: "it reads the content of the request as frames",
		list: []handshake{
			{"content-of-5-bytes", "Content of five bytes", Plus(Request, "Content-Length: 5") + "Hello"},
			{"content-that-is-a-frame", "Content that looks like a frame", Plus(Request, "Content-Length: 11") + "\x81\x85\x00\x00\x00\x00Hello"},
			{"content-in-chunks", "Content in chunks", Plus(Request, "Transfer-Encoding: chunked") + "5\r\nHello\r\n0\r\n\r\n"},
			{"content-in-chunks-empty", "Empty content in chunks", Plus(Request, "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		},
	})
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Content-Length is a single number. A server must refuse a request with an invalid Content-Length with 400 (RFC 9112 §6.3).", keyword: Must, duty: DutyBodyLength,
		rules: []string{wire.RuleBody.Code}, outcomes: Refuses(),
		list: []handshake{
			{"content-length-minus-1", "Content-Length: -1", Plus(Request, "Content-Length: -1")},
			{"content-length-five", "Content-Length: five", Plus(Request, "Content-Length: five")},
			{"two-content-lengths", "Two Content-Length fields with different values", Plus(Request, "Content-Length: 0", "Content-Length: 5") + "Hello"},
		},
	})
}

// hostValues is about the value of Host, and about a target that has its own authority.
func hostValues(s *Section) {
	host := func(value string) string { return Set(Request, "Host", "Host: "+value) }
	addHandshakes(s, wire.Server, handshakes{
		requirement: "Host is a host, with or without a port. A server must respond with 400 to any other value (RFC 9112 §3.2).", keyword: Must, duty: DutyHostValue,
		rules: []string{wire.RuleHost.Code}, outcomes: Refuses(),
		list: []handshake{
			{"host-with-space", "A Host with a space", host("a b")},
			{"host-with-user-name", "A Host with a user name", host("u@a")},
			{"host-with-path", "A Host with a path", host("a/b")},
		},
	})
	// RFC 9112 §3.2.2 requires a server to ignore Host here. RFC 6455 §4.2.1 requires it
	// to refuse a Host that is not its authority. So a server that follows one of the
	// two does not fail.
	addHandshakes(s, wire.Server, handshakes{
		requirement: "If the target is a whole URL, a server uses the authority in the URL and ignores Host (RFC 9112 §3.2.2). But RFC 6455 §4.2.1 requires the authority in Host, so a server may refuse.", keyword: Should,
		outcomes: OpensOr(Warning, "it checks Host although the target has the authority, which RFC 9112 §3.2.2 forbids and RFC 6455 §4.2.1 requires"),
		list: []handshake{
			{"target-url-host-of-another-server", "A whole URL as the target, with another server's Host", StartLine(host("elsewhere.example"), "GET http://{host}{path} HTTP/1.1")},
		},
	})
}

// spacesAfter returns head with white space at the end of each field.
func spacesAfter(head string) string {
	lines := strings.Split(head, "\r\n")
	for i := 1; i < len(lines)-2; i++ {
		lines[i] += " \t"
	}
	return strings.Join(lines, "\r\n")
}
