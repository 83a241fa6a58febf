package dissect

import (
	"bytes"
	"slices"
	"testing"

	"wslab/reference/wire"
)

// codes returns the codes of the rules that f breaks.
func codes(f *Frame) (list []string) {
	for _, v := range f.Violations {
		list = append(list, v.Code)
	}
	return list
}

const anAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

const aRequest = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// TestAFrameBeforeThe101BreaksARuleOfItsOwn sends some bytes of the client's two
// frames before the answer and the rest after it: a frame is early where its
// first byte is.
func TestAFrameBeforeThe101BreaksARuleOfItsOwn(t *testing.T) {
	first, second := frame(wire.Client, 0x81, []byte("one")), frame(wire.Client, 0x82, []byte("two"))
	both := slices.Concat(first, second)
	for before := 0; before <= len(both); before++ {
		for _, d := range deliveries {
			parts := []part{
				{wire.Client, slices.Concat([]byte(aRequest), both[:before])},
				{wire.Server, []byte(anAnswer)},
				{wire.Server, frame(wire.Server, 0x81, []byte("never early"))},
				{wire.Client, both[before:]},
			}
			s := feed(t, &Conversation{}, parts, d.cut, false, true)
			var early []bool
			for _, f := range s.frames {
				if f.From == wire.Client {
					early = append(early, slices.Equal(codes(f), []string{wire.RuleEarlyData.Code}))
					if fs := f.Fields(); early[len(early)-1] && (len(fs[0].Violations) != 1 || fs[0].Name != "FIN") {
						t.Errorf("the violation is not on the frame's first field: %+v", fs[0])
					}
				}
				if f.From == wire.Server && f.Violations != nil {
					t.Errorf("the server breaks %v", f.Violations)
				}
			}
			if want := []bool{before > 0, before > len(first)}; !slices.Equal(early, want) {
				t.Errorf("%s, %d bytes ahead of the answer: early are %v, want %v", d.name, before, early, want)
			}
		}
	}
}

func TestAFrameIsEarlyWhileThe101IsHeldBack(t *testing.T) {
	c := &Conversation{}
	c.Bytes(wire.Client, []byte(aRequest), false)
	c.Bytes(wire.Server, []byte(anAnswer), false)
	f := frame(wire.Client, 0x81, []byte("one"))
	for _, want := range []bool{true, false} {
		c.Answered(!want)
		if got := c.Bytes(wire.Client, f, false)[0].Frame; slices.Equal(codes(got), []string{wire.RuleEarlyData.Code}) != want {
			t.Errorf("early %t: it breaks %v", want, got.Violations)
		}
	}
}

func TestAFrameThatArrivedAheadIsEarlyWhenItIsReadLater(t *testing.T) {
	one := frame(wire.Client, 0x81, []byte("one"))
	all := slices.Repeat(one, 3)
	for _, d := range deliveries {
		c := &Conversation{}
		c.Bytes(wire.Client, []byte(aRequest), false)
		c.Ahead(len(one) + 1) // all of the first frame and the first byte of the second
		c.Bytes(wire.Server, []byte(anAnswer), false)
		s := feed(t, c, []part{{wire.Client, all}}, d.cut, false, true)
		var early []bool
		for _, f := range s.frames {
			early = append(early, len(f.Violations) > 0)
		}
		if want := []bool{true, true, false}; !slices.Equal(early, want) {
			t.Errorf("%s: early are %v, want %v", d.name, early, want)
		}
	}
}

// TestACloneGoesOnByItself cuts a stream at every place and has a clone and the
// original read the rest: both come to what an uncut reading comes to.
func TestACloneGoesOnByItself(t *testing.T) {
	b := slices.Concat(frame(wire.Client, 0x01, []byte("H\xc3")), frame(wire.Client, 0x89, []byte("ping")),
		frame(wire.Client, 0x80, []byte("\xa9llo")), frame(wire.Client, 0x82, bytes.Repeat([]byte("x"), KeepPayload+100)))
	want := feed(t, NewFrames(), []part{{wire.Client, b}}, whole, false, true).log
	for n := range len(b) {
		if n > 60 && n < len(b)-60 && n%97 != 0 {
			continue
		}
		c := NewFrames()
		before := feed(t, c, []part{{wire.Client, b[:n]}}, whole, false, false).log
		clone := c.Clone()
		feed(t, clone, []part{{wire.Client, bytes.Repeat([]byte{0xff}, 40)}}, whole, false, true) // must not disturb c
		again := c.Clone()
		for _, talk := range []*Conversation{c, again} {
			rest := feed(t, talk, []part{{wire.Client, b[n:]}}, whole, false, true)
			if got := len(before) + len(rest.log); len(rest.frames) == 0 && n < len(b) || got == 0 {
				t.Fatalf("cut at %d: nothing came", n)
			}
			if got := frameTexts(before + rest.log); got != frameTexts(want) {
				t.Fatalf("cut at %d:\n%s\nwant\n%s", n, got, frameTexts(want))
			}
		}
	}
}

// frameTexts leaves out of a log where items end, which is counted from the cut.
func frameTexts(log string) string {
	var out []byte
	for line := range bytes.Lines([]byte(log)) {
		if _, rest, ok := bytes.Cut(line, []byte(" *dissect.")); ok {
			line = rest
		}
		out = append(out, line...)
	}
	return string(out)
}
