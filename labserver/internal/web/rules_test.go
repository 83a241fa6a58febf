package web

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// breaches are what a client sends to break each rule of the frame. One breach
// may break several rules; the first that is noticed names the close code.
var breaches = map[string]struct {
	bytes  string
	code   wire.CloseCode // if it is not the rule's own, with the reason
	unseen bool           // the endpoint judges by its own measure, so the recording shows no violation
}{
	"5.2/rsv1":                {bytes: frame(0xc1, "a")},
	"5.2/rsv2":                {bytes: frame(0xa1, "a")},
	"5.2/rsv3":                {bytes: frame(0x91, "a")},
	"5.2/opcode-reserved":     {bytes: frame(0x8b, "a")},
	"5.2/length-minimal":      {bytes: "\x81\xfe\x00\x05\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
	"5.2/length-top-bit":      {bytes: "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x37\xfa\x21\x3d"},
	"5.1/mask-missing":        {bytes: "\x81\x05Hello"},
	"5.5/control-length":      {bytes: frame(0x89, strings.Repeat("p", 126))},
	"5.5/control-fragmented":  {bytes: frame(0x09, "p")},
	"5.4/continuation-stray":  {bytes: frame(0x80, "a")},
	"5.4/message-interleaved": {bytes: frame(0x01, "a") + frame(0x81, "b")},
	"5.5.1/frame-after-close": {bytes: frame(0x88, "\x03\xe8") + frame(0x81, "late"), code: wire.NormalClosure}, // after a closing handshake nothing fails the connection
	"5.5.1/body-one-byte":     {bytes: frame(0x88, "\x03")},
	"7.4/close-code":          {bytes: frame(0x88, "\x03\xed")}, // 1005
	"5.5.1/reason-utf8":       {bytes: frame(0x88, "\x03\xe8\xff")},
	"8.1/text-utf8":           {bytes: frame(0x81, "\xce\xba\xff")},
	"10.4/message-size":       {bytes: "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x37\xfa\x21\x3d", unseen: true}, // 1 MiB and one byte
}

// unbreakable are rules of the frame that a client cannot break.
var unbreakable = map[string]string{
	"5.1/mask-forbidden":  "it is for what servers send",
	"7692-7.2.2/data":     "the lab's endpoints agree on no permessage-deflate",
	"7692-7.1.2/window":   "the lab's endpoints agree on no permessage-deflate",
	"7692-7.1.1/takeover": "the lab's endpoints agree on no permessage-deflate",
}

func TestAFrameThatBreaksARuleEndsTheConnectionWithTheRulesCloseCode(t *testing.T) {
	for _, rule := range wire.Rules {
		if rule.CloseCode == 0 {
			continue // of the handshake
		}
		_, breakable := breaches[rule.Code]
		if why := unbreakable[rule.Code]; breakable == (why != "") {
			t.Errorf("rule %s has a case here: %t; why it has none: %q", rule.Code, breakable, why)
		}
	}
	for _, way := range []string{"whole", "byte by byte"} {
		s := start(t) // one for each way: a lab server has only so many sessions
		for _, rule := range wire.Rules {
			breach, ok := breaches[rule.Code]
			if !ok {
				continue
			}
			t.Run(strings.ReplaceAll(rule.Code, "/", " ")+" "+way, func(t *testing.T) {
				s.TB = t
				s.unharmed(func() {
					sess := s.session()
					p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
					if way == "whole" {
						p.say(breach.bytes)
					} else {
						for i := range len(breach.bytes) {
							p.Write([]byte{breach.bytes[i]}) // an early end may come between
						}
					}
					if got, want := p.closed(), cmp.Or(breach.code, rule.CloseCode); got != want {
						t.Errorf("the Close frame has %d; want %d", got, want)
					}
					p.Close()
					s.await(sess, "the server closes TCP", tcp("closed"))
					if way == "whole" && slices.Contains(violated(sess), rule.Code) == breach.unseen {
						t.Errorf("the recording says that %q were broken", violated(sess))
					}
				})
			})
		}
		s.TB = t
	}
}

// refusals are what a client sends to break each rule of the handshake's
// request: changes to one that is right.
var refusals = map[string]struct {
	old, new string
	before   bool // net/http or the guard answers, so no endpoint is asked
}{
	"4.2.1/method":          {old: "GET", new: "POST"},
	"4.2.1/http-version":    {old: "HTTP/1.1", new: "HTTP/1.0"},
	"4.2.1/target":          {old: "/ws/reference", new: "/ws/reference?a#b"},
	"4.2.1/body":            {old: "\r\n\r\n", new: "\r\nContent-Length: 5\r\n\r\nHello"},
	"4.2.2/origin":          {old: "Upgrade: websocket", new: "Upgrade: websocket\r\nOrigin: http://elsewhere.example", before: true},
	"4.2.1/host":            {old: "Host:", new: "X-Host:", before: true},
	"4.2.1/upgrade":         {old: "Upgrade: websocket\r\n", new: ""},
	"4.2.1/connection":      {old: "Connection: Upgrade", new: "Connection: keep-alive"},
	"4.2.1/key-missing":     {old: "Sec-WebSocket-Key:", new: "X-Key:"},
	"11.3.1/key-repeated":   {old: "Sec-WebSocket-Version", new: "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version"},
	"4.2.1/key-length":      {old: "dGhlIHNhbXBsZSBub25jZQ==", new: "dGhlIHNhbXBsZQ=="},
	"4.2.1/version":         {old: "Version: 13", new: "Version: 8"},
	"9.1/extension-grammar": {old: "Upgrade: websocket", new: "Upgrade: websocket\r\nSec-WebSocket-Extensions: a b"},
	"4.2.1/header-grammar":  {old: "Upgrade: websocket", new: "Upgrade: websocket\r\nX Y: z", before: true},

	"4.2.1/subprotocol-grammar": {old: "Upgrade: websocket", new: "Upgrade: websocket\r\nSec-WebSocket-Protocol: a b"},
}

func TestAHandshakeThatBreaksARuleIsRefusedAndEndsItsConnection(t *testing.T) {
	s := start(t)
	for _, rule := range wire.Rules {
		if rule.Status == 0 {
			continue // of the frame, or of the response
		}
		c, ok := refusals[rule.Code]
		if !ok {
			t.Errorf("rule %s has no case here", rule.Code)
			continue
		}
		t.Run(strings.ReplaceAll(rule.Code, "/", " "), func(t *testing.T) {
			s.TB = t
			s.unharmed(func() {
				p := s.dial()
				right := s.request("/ws/reference")
				wrong := strings.Replace(right, c.old, c.new, 1)
				if wrong == right {
					t.Fatal("the case changes nothing")
				}
				p.say(wrong)
				response, body := p.response()
				if response.StatusCode != rule.Status {
					t.Errorf("the answer is %d %s; want %d", response.StatusCode, body, rule.Status)
				}
				if !c.before && !strings.Contains(body, rule.Section) {
					t.Errorf("the answer does not name §%s: %s", rule.Section, body)
				}
				p.ended()
			})
		})
	}
	s.TB = t
}
