package reference

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// A reverser is an Extension other than Deflate: it sends one byte and then
// the message backwards, and sets RSV2. It rejects a payload that begins with another
// byte.
type reverser struct{}

const reverserName = "x-reverse"

var ruleReversed = wire.Rule{Code: "x/reversed", Section: "x", CloseCode: wire.InvalidPayload, Sentence: "A reversed message begins with <."}

func (reverser) Offer() string { return reverserName }

func (r reverser) Accept(request wire.Head) (string, Codec) {
	if !request.HasExtension(reverserName) {
		return "", nil
	}
	return reverserName, r
}

func (r reverser) Agree(_, response wire.Head) (Codec, []wire.Violation) {
	if !response.HasExtension(reverserName) {
		return nil, nil
	}
	list, _ := wire.ParseExtensions(response)
	if len(list) != 1 || len(list[0].Params) > 0 {
		return nil, []wire.Violation{ruleReversed.Broken("It has a parameter.")}
	}
	return r, nil
}

func (reverser) RSV() [3]bool                { return [3]bool{false, true, false} }
func (reverser) MaxEncoded(limit int) uint64 { return uint64(limit) + 1 }
func (reverser) Encode(dst, message []byte) []byte {
	dst = append(dst, '<')
	start := len(dst)
	dst = append(dst, message...)
	slices.Reverse(dst[start:])
	return dst
}

func (reverser) Decode(into, payload []byte, limit int) ([]byte, []wire.Violation) {
	switch {
	case len(payload) == 0 || payload[0] != '<':
		return nil, []wire.Violation{ruleReversed.Broken("")}
	case len(payload) > limit+1:
		return nil, []wire.Violation{broken(wire.RuleMessageSize, "It has %d bytes.", len(payload)-1)}
	}
	into = append(into, payload[1:]...)
	slices.Reverse(into)
	return into, nil
}

// What the seam promises must hold for any extension, on both paths and in both roles.
func TestAnyExtensionEncodesAndDecodesMessagesAndIsSeenByItsBit(t *testing.T) {
	for path, url := range listen(t, &Server{Handler: echoes, Options: Options{Extension: reverser{}}}) {
		for _, o := range []Options{{}, {Extension: Deflate{}}, {Extension: reverser{}}} {
			c := dialTest(t, url, &DialOptions{Options: o})
			if _, wants := o.Extension.(reverser); (c.m.codec != nil) != wants {
				t.Errorf("%s, %T: in use is %v", path, o.Extension, c.m.codec)
			}
			for _, text := range []string{"", "a", "Hello", strings.Repeat("ab", 100_000)} {
				must(c.WriteMessage(wire.Text, []byte(text)))
				if _, p, err := c.ReadMessage(); err != nil || string(p) != text {
					t.Errorf("%s, %T: %.20q came back as %.20q, %v", path, o.Extension, text, p, err)
				}
			}
			must(c.WriteFragments(wire.Binary, []byte("as it "), []byte("is")))
			if _, p, err := c.ReadMessage(); err != nil || string(p) != "as it is" {
				t.Errorf("%s, %T: fragments came back as %q, %v", path, o.Extension, p, err)
			}
			must(c.Close(wire.NormalClosure, ""))
		}
	}

	m := NewMachine(wire.Server, Options{})
	m.Opened(Agreement{Codec: reverser{}})
	must(m.Send(wire.Text, true, []byte("Hello")))
	if got := fmt.Sprintf("%x", m.TakeOutput(nil)); got != "a1063c6f6c6c6548" {
		t.Errorf("the frame is %s", got)
	}
}

func TestAnExtensionsBitIsAllowedOnlyOnTheFirstFrameOfAMessageAndItsLimitsHold(t *testing.T) {
	marked := func(b byte, fin bool, opcode wire.Opcode, payload string) []byte {
		f := from(wire.Client, fin, opcode, payload)
		f[0] |= b
		return f
	}
	for _, c := range []struct {
		stream []byte
		want   string
	}{
		{marked(0x20, true, wire.Text, "<cba"), ""},
		{join(marked(0x20, false, wire.Text, "<c"), from(wire.Client, true, wire.Ping, ""), from(wire.Client, true, wire.Continuation, "ba")), ""},
		{marked(0x20, true, wire.Text, "cba"), "x/reversed"},
		{marked(0x40, true, wire.Text, "<cba"), "5.2/rsv1"},
		{marked(0x30, true, wire.Text, "<cba"), "5.2/rsv3"},
		{marked(0x20, true, wire.Ping, "<cba"), "5.2/rsv2"},
		{join(marked(0, false, wire.Text, "a"), marked(0x20, true, wire.Continuation, "b")), "5.2/rsv2"},
		{marked(0x20, true, wire.Binary, "<1234567890"), ""},
		{marked(0x20, true, wire.Binary, "<12345678901"), "10.4/message-size"},
		{marked(0x20, true, wire.Text, "<\xff"), "8.1/text-utf8"},
	} {
		m := NewMachine(wire.Server, Options{MaxMessage: 10})
		m.Opened(Agreement{Codec: reverser{}})
		if got := codes(m.Receive(c.stream)); got != c.want {
			t.Errorf("% x: %q, want %q", c.stream, got, c.want)
		}
	}
}

func TestAnExtensionJudgesTheResponseToItsOffer(t *testing.T) {
	o := &DialOptions{Options: Options{Extension: reverser{}}}
	request := must2(o.Request("ws://example.com/"))
	response, _, err := (&Server{Options: Options{Extension: reverser{}}}).Answer(request)
	must(err)
	for _, c := range []struct {
		item  string
		inUse bool
		want  string
	}{
		{reverserName, true, ""},
		{reverserName + "; a=1", false, "x/reversed"},
		{"permessage-deflate", false, "4.1/extension-not-offered"},
	} {
		agreed, err := o.Agree(request, []byte(strings.Replace(string(response), reverserName, c.item, 1)))
		var got string
		if e, ok := err.(*HandshakeError); ok {
			got = e.Violations[0].Code
		}
		if got != c.want || (agreed.Codec != nil) != c.inUse {
			t.Errorf("%s: %v, %q, want %q", c.item, agreed.Codec, got, c.want)
		}
	}
}
