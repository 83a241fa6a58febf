package dissect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// The handshake of RFC 6455 §1.2, shortened.
const (
	request = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 7\r\n\r\n"
)

func TestAWholeConversationComesOutAlikeHoweverTCPCutsIt(t *testing.T) {
	hello, echo := frame(wire.Client, 0x81, []byte("Hello")), frame(wire.Server, 0x81, []byte("Hello"))
	parts := []part{
		{wire.Client, append([]byte(request), hello...)}, // the first frame does not wait for the answer
		{wire.Server, append([]byte(response), echo...)},
		{wire.Client, frame(wire.Client, 0x88, nil)},
		{wire.Server, frame(wire.Server, 0x88, nil)},
	}
	want := feed(t, &Conversation{}, parts, whole, false, true)
	if len(want.handshakes) != 2 || len(want.frames) != 4 || len(want.messages) != 2 {
		t.Fatalf("%d handshakes, %d frames, %d messages", len(want.handshakes), len(want.frames), len(want.messages))
	}
	for i, offset := range []int{len(request), len(response), len(request) + len(hello), len(response) + len(echo)} {
		if got := want.frames[i].Offset; got != uint64(offset) {
			t.Errorf("frame %d has offset %d, want %d", i, got, offset)
		}
	}
	for _, d := range deliveries {
		for _, owned := range []bool{false, true} {
			if got := feed(t, &Conversation{}, parts, d.cut, owned, true).log; got != want.log {
				t.Errorf("%s, owned %t:\n%s\nwant\n%s", d.name, owned, got, want.log)
			}
		}
	}
	golden(t, "conversation.txt", want.log)
}

func TestARefusedHandshakeMakesTheRestOpaque(t *testing.T) {
	for _, d := range deliveries {
		talk := &Conversation{}
		s := feed(t, talk, []part{
			{wire.Client, []byte(request)},
			{wire.Client, []byte{0x81, 0x85, 1, 2, 3, 4, 5}}, // a frame begun too early
			{wire.Server, []byte(refusal + "\x81\x05Hello")},
			{wire.Client, []byte("\x81\x05Hello")},
		}, d.cut, false, true)
		if len(s.handshakes) != 2 || len(s.frames) != 0 || s.handshakes[1].Head.Status != 400 || s.handshakes[1].Accept != nil {
			t.Errorf("%s:\n%s", d.name, s.log)
		}
		if !talk.Opaque(wire.Client) || !talk.Opaque(wire.Server) {
			t.Errorf("%s: it is not opaque", d.name)
		}
	}
}

func TestARefusalIsNoFaultWhenTheRequestHasOne(t *testing.T) {
	const text = "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\nask for websocket"
	for _, c := range []struct {
		request string
		faults  int
	}{
		{strings.Replace(request, "13", "8", 1), 0},
		{request, 1}, // nothing was wrong with it, so it should have been opened
	} {
		s := feed(t, &Conversation{}, []part{{wire.Client, []byte(c.request)}, {wire.Server, []byte(text)}}, whole, false, true)
		h := s.handshakes[1]
		if len(h.Violations) != c.faults {
			t.Errorf("the refusal breaks %v, want %d rules", h.Violations, c.faults)
		}
		if h.Body != "ask for websocket" {
			t.Errorf("its text is %q", h.Body)
		}
		if strings.Contains(h.Lines[0].Meaning, "Upgrade") {
			t.Errorf("Connection: close means %q", h.Lines[0].Meaning)
		}
	}
}

func TestARequestForNoWebSocketMakesTheRestOpaque(t *testing.T) {
	s := feed(t, &Conversation{}, []part{{wire.Client, []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n\x81\x05Hello")}}, whole, false, true)
	if len(s.handshakes) != 1 || len(s.frames) != 0 {
		t.Errorf("it gave\n%s", s.log)
	}
}

func TestAnInterimResponseIsFollowedByTheAnswer(t *testing.T) {
	interim := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	for _, d := range deliveries {
		s := feed(t, &Conversation{}, []part{{wire.Client, []byte(request)}, {wire.Server, []byte(interim + response + "\x81\x05Hello")}}, d.cut, false, true)
		if len(s.handshakes) != 3 || len(s.frames) != 1 {
			t.Fatalf("%s:\n%s", d.name, s.log)
		}
		if got, want := s.frames[0].Offset, uint64(len(interim)+len(response)); got != want {
			t.Errorf("%s: the frame has offset %d, want %d", d.name, got, want)
		}
		if s.handshakes[2].Accept == nil || s.handshakes[2].Accept.Mistake != "" {
			t.Errorf("%s: the accept value is %+v", d.name, s.handshakes[2].Accept)
		}
	}
}

func TestAHeadWithoutEndIsGivenUpAtItsLimit(t *testing.T) {
	endless := append([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: "), bytes.Repeat([]byte("a"), 3*MaxHead)...)
	for _, d := range deliveries {
		talk := &Conversation{}
		s := feed(t, talk, []part{{wire.Client, endless}}, d.cut, false, true)
		if len(s.handshakes) != 1 || len(s.frames) != 0 || len(s.handshakes[0].Bytes()) != MaxHead {
			t.Fatalf("%s: %d handshakes, %d frames", d.name, len(s.handshakes), len(s.frames))
		}
		if n := cap(talk.directions[wire.Client].partial); n != 0 {
			t.Errorf("%s: %d bytes are kept behind it", d.name, n)
		}
	}
}

func TestLinesMayEndInABareLF(t *testing.T) {
	bare := strings.ReplaceAll(request, "\r\n", "\n")
	for _, d := range deliveries {
		s := feed(t, &Conversation{}, []part{{wire.Client, []byte(bare + "\x81\x80\x00\x00\x00\x00")}}, d.cut, false, true)
		if len(s.handshakes) != 1 || len(s.frames) != 1 || len(s.handshakes[0].Violations) != 0 {
			t.Errorf("%s:\n%s", d.name, s.log)
		}
	}
}

func TestAHeaderLineWithoutAColonIsAFaultEvenIfItCouldBeAName(t *testing.T) {
	for _, line := range []string{"Origin", "no name"} {
		for from, head := range map[wire.Role]string{
			wire.Client: strings.Replace(request, "Host", line+"\r\nHost", 1),
			wire.Server: strings.Replace(response, "Upgrade:", line+"\r\nUpgrade:", 1),
		} {
			h := parseHandshake([]byte(head), from, parseHandshake([]byte(request), wire.Client, nil))
			told := 0
			for _, v := range h.Violations {
				if v.Code == wire.RuleHeaderGrammar.Code {
					told++
				}
			}
			if wire.IsToken(line) && told != 1 || from == wire.Client && told != 1 {
				t.Errorf("%q of the %s: %v", line, from, h.Violations)
			}
		}
	}
}

func TestHeaderLinesHaveTheirPlace(t *testing.T) {
	h := feed(t, &Conversation{}, []part{{wire.Client, []byte(request)}}, whole, false, false).handshakes[0]
	if h.Line != "GET /chat HTTP/1.1" || h.Head.Method != "GET" || h.Head.Target != "/chat" || h.Head.Proto != "HTTP/1.1" {
		t.Errorf("the start line is %q, read as %+v", h.Line, h.Head)
	}
	at := len(h.Line) + 2
	for _, l := range h.Lines {
		if got := request[l.Offset : l.Offset+l.Size]; l.Offset != at || got != l.Name+": "+l.Value+"\r\n" {
			t.Errorf("%s is said to be %q at %d", l.Name, got, l.Offset)
		}
		if l.Meaning == "" || l.Section == "" {
			t.Errorf("%s has no meaning", l.Name)
		}
		at += l.Size
	}
	if at+2 != len(request) {
		t.Errorf("the lines end at %d of %d bytes", at, len(request))
	}
}

func TestPermessageDeflateGivesRSV1AMeaning(t *testing.T) {
	offer := strings.Replace(request, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
	taken := strings.Replace(response, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n", 1)
	compressed := data(t, "f2 48 cd c9 c9 07 00") // "Hello", RFC 7692 §7.2.3.1
	s := feed(t, &Conversation{}, []part{
		{wire.Client, []byte(offer)}, {wire.Server, []byte(taken)},
		{wire.Server, frame(wire.Server, 0xc1, compressed)}, {wire.Client, frame(wire.Client, 0xc1, compressed)},
	}, whole, false, true)
	if len(s.frames) != 2 || len(s.messages) != 2 {
		t.Fatalf("it gave\n%s", s.log)
	}
	for i, f := range s.frames {
		if len(f.Violations) != 0 {
			t.Errorf("from the %s: %v", f.From, f.Violations)
		}
		if _, ok := f.Text(); ok || !s.messages[i].Compressed {
			t.Errorf("what is compressed is taken for text")
		}
	}
}

// TestEveryHandshakeRuleShows runs one handshake that breaks each rule. Those
// about one header field show on it.
func TestEveryHandshakeRuleShows(t *testing.T) {
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	asked := func(old, new string) string { return strings.Replace(request, old, new, 1) }
	answered := func(old, new string) string { return strings.Replace(response, old, new, 1) }
	const extensions = "Sec-WebSocket-Extensions"
	// agrees is a handshake that offers and answers permessage-deflate with parameters.
	agrees := func(offer, answer string) struct{ request, response, field string } {
		return struct{ request, response, field string }{
			asked("\r\n\r\n", "\r\n"+extensions+": permessage-deflate"+offer+"\r\n\r\n"),
			answered("\r\n\r\n", "\r\n"+extensions+": permessage-deflate"+answer+"\r\n\r\n"), extensions,
		}
	}
	table := map[string]struct{ request, response, field string }{
		wire.RuleExtensionGrammar.Code:  {asked("\r\n\r\n", "\r\n"+extensions+": a b\r\n\r\n"), "", extensions},
		wire.RuleDeflateRepeated.Code:   agrees("", ", permessage-deflate"),
		wire.RuleDeflateUnknown.Code:    agrees("", "; x"),
		wire.RuleDeflateTwice.Code:      agrees("", "; server_no_context_takeover; server_no_context_takeover"),
		wire.RuleDeflateServerFlag.Code: agrees("", "; server_no_context_takeover=1"),
		wire.RuleDeflateClientFlag.Code: agrees("", "; client_no_context_takeover=1"),
		wire.RuleDeflateServerBits.Code: agrees("", "; server_max_window_bits=16"),
		wire.RuleDeflateServerMore.Code: agrees("; server_max_window_bits=10", "; server_max_window_bits=12"),
		wire.RuleDeflateClientBits.Code: agrees("; client_max_window_bits", "; client_max_window_bits=7"),
		wire.RuleDeflateClientMore.Code: agrees("", "; client_max_window_bits=12"),
		wire.RuleMethod.Code:            {asked("GET", "PUT"), "", ""},
		wire.RuleHTTPVersion.Code:       {asked("HTTP/1.1", "HTTP/1.0"), "", ""},
		wire.RuleTarget.Code:            {asked("/chat", "/chat#top"), "", ""},
		wire.RuleBody.Code:              {asked("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n"), "", "Content-Length"},
		wire.RuleHost.Code:              {asked("Host: server.example.com\r\n", "Host: a\r\nHost: b\r\n"), "", "Host"},
		wire.RuleUpgrade.Code:           {asked("Upgrade: websocket", "Upgrade: h2c"), "", "Upgrade"},
		wire.RuleConnection.Code:        {asked("Connection: Upgrade", "Connection: keep-alive"), "", "Connection"},
		wire.RuleKeyMissing.Code:        {asked(key, ""), "", ""},
		wire.RuleKeyRepeated.Code:       {asked(key, key+key), "", "Sec-WebSocket-Key"},
		wire.RuleKeyLength.Code:         {asked("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), "", "Sec-WebSocket-Key"},
		wire.RuleVersion.Code:           {asked("Version: 13", "Version: 8"), "", "Sec-WebSocket-Version"},
		wire.RuleHeaderGrammar.Code:     {asked("Host", "X y: z\r\nHost"), "", ""},
		wire.RuleSubprotocols.Code:      {asked("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a b\r\n\r\n"), "", "Sec-WebSocket-Protocol"},
		wire.RuleStatus.Code:            {request, refusal, ""},
		wire.RuleRespUpgrade.Code:       {request, answered("Upgrade: websocket", "Upgrade: h2c"), "Upgrade"},
		wire.RuleRespConnection.Code:    {request, answered("Connection: Upgrade", "Connection: close"), "Connection"},
		wire.RuleAcceptMissing.Code:     {request, answered("Sec-WebSocket-Accept", "X"), ""},
		wire.RuleAcceptWrong.Code:       {request, answered("s3pP", "S3pP"), "Sec-WebSocket-Accept"},
		wire.RuleRespExtension.Code:     {request, answered("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"), "Sec-WebSocket-Extensions"},
		wire.RuleRespSubprotocol.Code:   {request, answered("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "Sec-WebSocket-Protocol"},
	}
	unseen := map[string]string{
		wire.RuleOrigin.Code:    "which Origins a server refuses is not on the wire",
		wire.RuleEarlyData.Code: "a frame shows it: TestAFrameBeforeThe101BreaksARuleOfItsOwn",
	}
	for _, rule := range wire.Rules {
		if rule.CloseCode != 0 || unseen[rule.Code] != "" {
			continue // of a frame, or not to be seen
		}
		c, ok := table[rule.Code]
		if !ok {
			t.Errorf("%s is missing from the table", rule.Code)
			continue
		}
		s := feed(t, &Conversation{}, []part{{wire.Client, []byte(c.request)}, {wire.Server, []byte(c.response)}}, whole, false, false)
		h := s.handshakes[len(s.handshakes)-1]
		if len(h.Violations) != 1 || h.Violations[0].Code != rule.Code {
			t.Errorf("%s: %v", rule.Code, h.Violations)
		}
		for _, l := range h.Lines {
			want := ""
			if l.Name == c.field {
				want = rule.Code
			}
			if got := h.ruleBrokenBy(l.Name); got != want {
				t.Errorf("%s: %s is said to break %q, want %q", rule.Code, l.Name, got, want)
			}
		}
	}
}

func TestAWrongAcceptValueTellsTheMistake(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	for _, c := range []struct{ got, code, mistake string }{
		{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", ""},
		{"84sZS124gGGfrmxVbxoRgsdwG7w=", "guid-misprint", "misprint: 258EAFA5-E914-47DA-95CA-5AB0DC85B11B"},
		{"oTYf8w8uN9dmWLQsgPa0ssJjDCY=", "guid-misprint", "misprint: 258EAFA5-E914-47DA-95CA-5AB5DC11D65B"},
		{"Q4sXzbfMsUjXc4AmHBjfdIPOGhg=", "guid-misprint", "misprint: 258EAFA5-E914-47DA-95CA-5AB5DC11D65A"},
		{"xwR0HFqnokhQTQOQyhual8z1Tw8=", "guid-misprint", "misprint: 258EAFA5-E914-47DA-95CA-5AB5DC11D685"},
		{"WJfwerbIozKsJXHxxI0JTO1SQgU=", "guid-lower-case", "lower case"},
		{"BXhwxM0SZasKmCD9S4BfpPmCnEw=", "key-decoded-before-hash", "decoded the key from base64"},
		{"kex8Ji4w0ek1Mc3Dwcf4mOpf5b4=", "key-hashed-with-crlf", "with the CR LF after it"},
		{"hHLtf2V1k8aDQZfNjw3Ia1hCwt0=", "guid-left-out", "left out the GUID"},
		{"YjM3YTRmMmNjMDYyNGYxNjkwZjY0NjA2Y2YzODU5NDViMmJlYzRlYQ==", "hash-hex-before-base64", "hex before encoding it in base64"},
		{"b37a4f2cc0624f1690f64606cf385945b2bec4ea", "hash-in-hex", "in hex, not base64"},
		{"s3pPLMBiTxaQ9kYGzzhZRbK-xOo=", "accept-other-base64", "alphabet or no padding"},
		{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "accept-other-base64", "alphabet or no padding"},
		{wire.Hash(wire.GUID + key), "guid-before-key", "put the GUID before the key"},
		{key, "accept-is-key", "sent the key back"},
		{"", "", "there is no Sec-WebSocket-Accept"},
		{"AAAA", "", "no known mistake"},
	} {
		answer := fmt.Sprintf("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", c.got)
		h := feed(t, &Conversation{}, []part{{wire.Client, []byte(request)}, {wire.Server, []byte(answer)}}, whole, false, false).handshakes[1]
		if h.Accept == nil || (h.Accept.Mistake == "") != (c.mistake == "") || !strings.Contains(h.Accept.Mistake, c.mistake) || h.Accept.MistakeCode != c.code || h.Accept.Got != c.got || h.Accept.Expected != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Errorf("%q: the handshake says %+v", c.got, h.Accept)
		}
		if (len(h.Violations) == 0) != (c.mistake == "") {
			t.Errorf("%q breaks %v", c.got, h.Violations)
		}
	}
}
