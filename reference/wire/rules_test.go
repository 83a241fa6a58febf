package wire

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
)

// aRequest and aResponse are the handshake of RFC 6455 §1.3; edit changes one
// thing about them.
func aRequest(edit func(*Head)) Head {
	h := Head{Method: "GET", Target: "/chat", Proto: "HTTP/1.1", Fields: []Field{
		{"Host", "server.example.com"},
		{"Upgrade", "websocket"},
		{"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Origin", "http://example.com"},
		{"Sec-WebSocket-Protocol", "chat, superchat"},
		{"Sec-WebSocket-Version", "13"},
	}}
	edit(&h)
	return h
}

func aResponse(edit func(*Head)) Head {
	h := Head{Proto: "HTTP/1.1", Status: 101, Fields: []Field{
		{"Upgrade", "websocket"},
		{"Connection", "Upgrade"},
		{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"Sec-WebSocket-Protocol", "chat"},
	}}
	edit(&h)
	return h
}

func asItIs(*Head) {}

// set gives the fields called name the one value, or removes them.
func set(name string, values ...string) func(*Head) {
	return func(h *Head) {
		var kept []Field
		for _, f := range h.Fields {
			if f.Name != name {
				kept = append(kept, f)
			}
		}
		for _, v := range values {
			kept = append(kept, Field{name, v})
		}
		h.Fields = kept
	}
}

// frame judges the header of a picture; request and response judge a handshake.
func frame(picture string, c Context) []Violation {
	h, ok := ParseHeader(figure(picture))
	if !ok {
		panic("not a whole header: " + picture)
	}
	return Check(h, c)
}

func request(edit func(*Head)) []Violation  { return CheckRequest(aRequest(edit)) }
func response(edit func(*Head)) []Violation { return CheckResponse(aRequest(asItIs), aResponse(edit)) }

func closeBody(body string) []Violation {
	_, vs := ParseClosePayload([]byte(body))
	return vs
}

// elsewhere are the rules that nothing in this package judges, and the tests that
// break them.
var elsewhere = map[string]string{
	RuleTextUTF8.Code:        "package reference, TestEveryStreamMeansTheSameHoweverItIsCut: it is about a whole message",
	RuleMessageSize.Code:     "package reference, TestEveryStreamMeansTheSameHoweverItIsCut: the limit is an endpoint's own",
	RuleOrigin.Code:          "package reference, TestBothPathsRefuseTheSameWithEveryReason: the choice is a server's own",
	RuleEarlyData.Code:       "package dissect, TestAFrameBeforeThe101BreaksARuleOfItsOwn: it is about both directions",
	RuleDeflateData.Code:     "package reference, TestWhatCannotBeInflatedFailsTheConnection: it shows when a message is inflated",
	RuleDeflateWindow.Code:   "package suite, TestATargetIsHeldToWhatWasAgreedOn: so does this",
	RuleDeflateTakeover.Code: "package suite, TestATargetIsHeldToWhatWasAgreedOn: and this",
}

// A breach is what was found wrong in something that breaks one rule.
type breach struct {
	rule  Rule
	name  string
	found []Violation
}

// breaches break one rule each, and no other.
var breaches = []breach{
	//                      F 123 op   M length
	{RuleRSV1, "without an extension", frame(`1 100 0001 0 0000000`, Context{Sender: Server})},
	{RuleRSV1, "on a continuation", frame(`1 100 0000 0 0000000`, Context{Sender: Server, RSV1: true, Fragmented: true})},
	{RuleRSV1, "on a control frame", frame(`1 100 1001 0 0000000`, Context{Sender: Server, RSV1: true})},
	{RuleRSV2, "", frame(`1 010 0001 0 0000000`, Context{Sender: Server, RSV1: true, RSV3: true})},
	{RuleRSV2, "", frame(`1 010 0000 0 0000000`, Context{Sender: Server, RSV2: true, Fragmented: true})},
	{RuleRSV3, "", frame(`1 001 0001 0 0000000`, Context{Sender: Server, RSV1: true})},
	{RuleOpcode, "data half", frame(`1 000 0011 0 0000000`, Context{Sender: Server})},
	{RuleOpcode, "data half, last", frame(`1 000 0111 0 0000000`, Context{Sender: Server})},
	{RuleOpcode, "control half", frame(`1 000 1011 0 0000000`, Context{Sender: Server})},
	{RuleOpcode, "control half, last", frame(`1 000 1111 0 0000000`, Context{Sender: Server})},
	{RuleLengthMinimal, "16 bits for 125", frame(`1 000 0010 0 1111110 0x007d`, Context{Sender: Server})},
	{RuleLengthMinimal, "64 bits for 65535", frame(`1 000 0010 0 1111111 0x000000000000ffff`, Context{Sender: Server})},
	{RuleLengthMinimal, "64 bits for 0", frame(`1 000 0010 0 1111111 0x0000000000000000`, Context{Sender: Server})},
	{RuleLengthTopBit, "", frame(`1 000 0010 0 1111111 0x8000000000000000`, Context{Sender: Server})},
	{RuleMaskMissing, "", frame(`1 000 0001 0 0000101`, Context{Sender: Client})},
	{RuleMaskMissing, "on a control frame", frame(`1 000 1001 0 0000000`, Context{Sender: Client})},
	{RuleMaskForbidden, "", frame(`1 000 0001 1 0000000 0x00000000`, Context{Sender: Server})},
	{RuleControlLength, "", frame(`1 000 1001 0 1111110 0x007e`, Context{Sender: Server})},
	{RuleControlFragment, "", frame(`0 000 1010 0 0000000`, Context{Sender: Server})},
	{RuleStray, "", frame(`1 000 0000 0 0000000`, Context{Sender: Server})},
	{RuleInterleaved, "text", frame(`1 000 0001 0 0000000`, Context{Sender: Server, Fragmented: true})},
	{RuleInterleaved, "binary", frame(`0 000 0010 0 0000000`, Context{Sender: Server, Fragmented: true})},
	{RuleAfterClose, "text", frame(`1 000 0001 0 0000000`, Context{Sender: Server, CloseSent: true})},
	{RuleAfterClose, "continuation", frame(`1 000 0000 0 0000000`, Context{Sender: Server, CloseSent: true, Fragmented: true})},
	{RuleCloseBody, "", closeBody("\x03")},
	{RuleCloseCode, "0", closeBody("\x00\x00")},
	{RuleCloseCode, "999", closeBody("\x03\xe7")},
	{RuleCloseCode, "1005", closeBody("\x03\xed")},
	{RuleCloseCode, "1006", closeBody("\x03\xee")},
	{RuleCloseCode, "1015", closeBody("\x03\xf7")},
	{RuleCloseCode, "5000", closeBody("\x13\x88")},
	{RuleCloseReason, "", closeBody("\x03\xe8\xc3\x28")},

	{RuleMethod, "", request(func(h *Head) { h.Method = "POST" })},
	{RuleMethod, "lower case", request(func(h *Head) { h.Method = "get" })},
	{RuleHTTPVersion, "1.0", request(func(h *Head) { h.Proto = "HTTP/1.0" })},
	{RuleHTTPVersion, "none", request(func(h *Head) { h.Proto = "" })},
	{RuleTarget, "an asterisk", request(func(h *Head) { h.Target = "*" })},
	{RuleTarget, "host and port", request(func(h *Head) { h.Target = "server.example.com:80" })},
	{RuleTarget, "another scheme", request(func(h *Head) { h.Target = "ws://server.example.com/chat" })},
	{RuleTarget, "a fragment", request(func(h *Head) { h.Target = "/chat#top" })},
	{RuleTarget, "no ASCII", request(func(h *Head) { h.Target = "/ü" })},
	{RuleTarget, "a control character", request(func(h *Head) { h.Target = "/\x01" })},
	{RuleTarget, "none", request(func(h *Head) { h.Target = "" })},
	{RuleTarget, "half a percent-encoded byte", request(func(h *Head) { h.Target = "/a%zz" })},
	{RuleTarget, "a URL with a user name", request(func(h *Head) { h.Target = "http://user:word@server.example.com/" })},
	{RuleTarget, "a URL without a host", request(func(h *Head) { h.Target = "http:///chat" })},
	{RuleTarget, "a URL whose host is none", request(func(h *Head) { h.Target = "http://a:b/chat" })},
	{RuleBody, "with a length", request(set("Content-Length", "5"))},
	{RuleBody, "of two lengths", request(set("Content-Length", "0", "5"))},
	{RuleBody, "of a length that is none", request(set("Content-Length", "five"))},
	{RuleBody, "in chunks", request(set("Transfer-Encoding", "chunked"))},
	{RuleBody, "in chunks with a length", request(func(h *Head) {
		h.Fields = append(h.Fields, Field{"Transfer-Encoding", "chunked"}, Field{"Content-Length", "5"})
	})},
	{RuleHost, "missing", request(set("Host"))},
	{RuleHost, "twice", request(set("Host", "a", "b"))},
	{RuleHost, "empty", request(set("Host", " "))},
	{RuleHost, "with a space", request(set("Host", "a b"))},
	{RuleHost, "with a user name", request(set("Host", "user@server.example.com"))},
	{RuleHost, "with a path", request(set("Host", "server.example.com/chat"))},
	{RuleHost, "with a query", request(set("Host", "server.example.com?x"))},
	{RuleHost, "with two ports", request(set("Host", "server.example.com:80:80"))},
	{RuleHost, "with a port that is a name", request(set("Host", "server.example.com:http"))},
	{RuleHost, "a port alone", request(set("Host", ":80"))},
	{RuleHost, "an IPv6 address without brackets", request(set("Host", "::1"))},
	{RuleHost, "an IPv6 address with a zone", request(set("Host", "[fe80::1%25eth0]"))},
	{RuleHost, "a name in brackets", request(set("Host", "[server]"))},
	{RuleHost, "an open bracket", request(set("Host", "[::1"))},
	{RuleHost, "text after a bracket", request(set("Host", "[::1]a"))},
	{RuleHost, "beyond ASCII", request(set("Host", "sérver.example"))},
	{RuleHost, "half a percent-encoded byte", request(set("Host", "a%2"))},
	{RuleHost, "a list", request(set("Host", "a, b"))},
	{RuleUpgrade, "missing", request(set("Upgrade"))},
	{RuleUpgrade, "another", request(set("Upgrade", "h2c"))},
	{RuleConnection, "missing", request(set("Connection"))},
	{RuleConnection, "another", request(set("Connection", "keep-alive"))},
	{RuleKeyMissing, "", request(set("Sec-WebSocket-Key"))},
	{RuleKeyRepeated, "", request(set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="))},
	{RuleKeyLength, "", request(set("Sec-WebSocket-Key", "c2hvcnQ="))},
	{RuleVersion, "8", request(set("Sec-WebSocket-Version", "8"))},
	{RuleVersion, "missing", request(set("Sec-WebSocket-Version"))},
	{RuleVersion, "twice", request(set("Sec-WebSocket-Version", "13", "8"))},
	{RuleHeaderGrammar, "", request(set("Bad Name", "x"))},
	{RuleSubprotocols, "", request(set("Sec-WebSocket-Protocol", "chat, super chat"))},

	{RuleStatus, "200", response(func(h *Head) { h.Status = 200 })},
	{RuleRespUpgrade, "", response(set("Upgrade"))},
	{RuleRespUpgrade, "and another", response(set("Upgrade", "websocket, h2c"))},
	{RuleRespConnection, "", response(set("Connection", "close"))},
	{RuleAcceptMissing, "", response(set("Sec-WebSocket-Accept"))},
	{RuleAcceptMissing, "twice", response(set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "x"))},
	{RuleAcceptWrong, "misprinted GUID", response(set("Sec-WebSocket-Accept", "84sZS124gGGfrmxVbxoRgsdwG7w="))},
	{RuleRespExtension, "", response(set("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=12"))},
	{RuleRespSubprotocol, "not offered", response(set("Sec-WebSocket-Protocol", "Chat"))},
	{RuleExtensionGrammar, "in a request", request(set("Sec-WebSocket-Extensions", "a b"))},
	{RuleExtensionGrammar, "in a response", response(set("Sec-WebSocket-Extensions", "permessage-deflate; x="))},
	{RuleRespSubprotocol, "two", response(set("Sec-WebSocket-Protocol", "chat", "superchat"))},
}

func TestEveryRuleIsBrokenByATestAndByNothingElseInIt(t *testing.T) {
	broken := map[string]bool{}
	for _, b := range append(breaches, deflateBreaches()...) {
		t.Run(strings.TrimSuffix(b.rule.Code+" "+b.name, " "), func(t *testing.T) {
			if len(b.found) != 1 || b.found[0].Code != b.rule.Code {
				t.Fatalf("found %v", b.found)
			}
			v := b.found[0]
			if v.RFC != b.rule.RFC || v.Section != b.rule.Section || v.CloseCode != b.rule.CloseCode || v.Status != b.rule.Status {
				t.Errorf("the violation is %+v, the rule %+v", v, b.rule)
			}
			if !strings.HasSuffix(v.Sentence, b.rule.Sentence) {
				t.Errorf("the sentence %q does not end in the rule's", v.Sentence)
			}
			if !strings.HasSuffix(v.Error(), fmt.Sprintf("(RFC %d §%s)", cmp.Or(v.RFC, 6455), v.Section)) {
				t.Errorf("the error is %q", v.Error())
			}
		})
		broken[b.rule.Code] = true
	}
	for _, r := range Rules {
		switch where := elsewhere[r.Code]; {
		case !broken[r.Code] && where == "":
			t.Errorf("no test breaks %s", r.Code)
		case broken[r.Code] && where != "":
			t.Errorf("%s is broken here, and it is said that %s does", r.Code, where)
		}
	}
}

func TestEveryRuleHasItsFourParts(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		section, word, ok := strings.Cut(r.Code, "/")
		if r.RFC != 0 {
			section, ok = strings.CutPrefix(section, fmt.Sprintf("%d-", r.RFC))
		}
		if !ok || word == "" || section != r.Section || seen[r.Code] {
			t.Errorf("%q is no code of section %s, or stands twice", r.Code, r.Section)
		}
		seen[r.Code] = true
		if !strings.HasSuffix(r.Sentence, ".") {
			t.Errorf("%s: %q is no sentence", r.Code, r.Sentence)
		}
		if r.CloseCode != 0 && !r.CloseCode.MayBeSent() {
			t.Errorf("%s fails with %s, which may not be sent", r.Code, r.CloseCode)
		}
	}
}

func TestLegalHeadersBreakNoRule(t *testing.T) {
	for _, f := range []struct {
		picture string
		context Context
	}{
		{`1 000 0001 0 0000101`, Context{Sender: Server}},
		{`1 000 0001 1 0000101 0x37fa213d`, Context{Sender: Client}},
		{`1 000 0001 1 0000000 0x00000000`, Context{Sender: Client}}, // §5.3 forbids no key
		{`0 000 0010 0 0000000`, Context{Sender: Server}},
		{`0 000 0000 0 0000000`, Context{Sender: Server, Fragmented: true}},
		{`1 000 1001 0 1111101`, Context{Sender: Server, Fragmented: true}},
		{`1 000 1010 0 0000000`, Context{Sender: Server, CloseSent: true}}, // §5.5.1 forbids data frames
		{`1 100 0010 0 0000001`, Context{Sender: Server, RSV1: true}},
		{`1 000 0010 0 1111111 0x7fffffffffffffff`, Context{Sender: Server}},
	} {
		if vs := frame(f.picture, f.context); vs != nil {
			t.Errorf("%s: %v", f.picture, vs)
		}
	}
}

func TestAHeaderThatIsWrongInSeveralWaysIsToldAllOfThem(t *testing.T) {
	var codes []string
	for _, v := range frame(`0 111 1011 0 1111110 0x0001`, Context{Sender: Client}) {
		codes = append(codes, v.Code)
	}
	want := "5.2/rsv1 5.2/rsv2 5.2/rsv3 5.2/opcode-reserved 5.1/mask-missing 5.2/length-minimal 5.5/control-fragmented"
	if got := strings.Join(codes, " "); got != want {
		t.Errorf("found %s\nwant  %s", got, want)
	}
}

func TestHandshakesThatAreLegalIfUnusualBreakNoRule(t *testing.T) {
	for name, edit := range map[string]func(*Head){
		"the RFC's own":             asItIs,
		"Upgrade in another case":   set("Upgrade", "WebSocket"),
		"Connection as a list":      set("Connection", "keep-alive, Upgrade"),
		"Connection in lower case":  set("Connection", "upgrade"),
		"Connection in two fields":  set("Connection", "keep-alive", "Upgrade"),
		"a later HTTP version":      func(h *Head) { h.Proto = "HTTP/1.2" },
		"no Origin":                 set("Origin"),
		"a whole http URL":          func(h *Head) { h.Target = "http://server.example.com/chat" },
		"a whole HTTPS URL":         func(h *Head) { h.Target = "HTTPS://server.example.com" },
		"a target with a query":     func(h *Head) { h.Target = "/chat?name=a%20b" },
		"a percent sign in a query": func(h *Head) { h.Target = "/chat?100%" },
		"a path of two slashes":     func(h *Head) { h.Target = "//chat" },
		"a Host with a port":        set("Host", "server.example.com:8080"),
		"a Host with an empty port": set("Host", "server.example.com:"),
		"an IPv6 Host":              set("Host", "[::1]"),
		"an IPv6 Host with a port":  set("Host", "[2001:db8::1]:8080"),
		"an IPv4 Host":              set("Host", "127.0.0.1:80"),
		"a Host with an underscore": set("Host", "my_service"),
		"a percent-encoded Host":    set("Host", "s%C3%A9rver"),
		"no body, as it says":       set("Content-Length", "0"),
		"a name in another case":    func(h *Head) { set("Host")(h); h.Fields = append(h.Fields, Field{"HOST", "a"}) },
	} {
		if vs := request(edit); vs != nil {
			t.Errorf("request, %s: %v", name, vs)
		}
	}
	for name, edit := range map[string]func(*Head){
		"the RFC's own":           asItIs,
		"Upgrade in another case": set("Upgrade", "WebSocket"),
		"Connection as a list":    set("Connection", "keep-alive, Upgrade"),
		"no subprotocol":          set("Sec-WebSocket-Protocol"),
	} {
		if vs := response(edit); vs != nil {
			t.Errorf("response, %s: %v", name, vs)
		}
	}
}

func TestAnExtensionThatWasOfferedMayBeAnswered(t *testing.T) {
	offer := aRequest(set("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits, x-other"))
	answer := aResponse(set("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=15"))
	if vs := CheckResponse(offer, answer); vs != nil {
		t.Error(vs)
	}
}

func ExampleCheck() {
	h, _ := ParseHeader([]byte{0x81, 0x05}) // from a client
	for _, v := range Check(h, Context{Sender: Client}) {
		fmt.Println(v.Code, v.CloseCode)
		fmt.Println(v)
	}
	// Output:
	// 5.1/mask-missing 1002 protocol error
	// MASK is 0 in a frame from a client. A client must mask every frame that it sends. (RFC 6455 §5.1)
}

func TestTheAuthorityIsThatOfTheTargetBeforeHost(t *testing.T) {
	for target, want := range map[string]string{
		"/chat":                    "server.example.com",
		"//other/chat":             "server.example.com",
		"http://other:8080/chat":   "other:8080",
		"https://other":            "other",
		"http:///chat":             "server.example.com",
		"no target at all":         "server.example.com",
		"http://user@other/secret": "other",
	} {
		if got := aRequest(func(h *Head) { h.Target = target }).Authority(); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}
