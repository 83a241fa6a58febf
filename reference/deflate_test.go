package reference

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"wslab/reference/deflate"
	"wslab/reference/wire"
)

// compressing returns the Extension with the parameters p, or none.
func compressing(p *wire.DeflateParams) Extension {
	if p == nil {
		return nil
	}
	return Deflate{Params: *p}
}

func TestCompressedMessagesComeBackOnBothPathsWithEveryParameter(t *testing.T) {
	all := []*wire.DeflateParams{nil, {}, {ServerNoContextTakeover: true}, {ClientNoContextTakeover: true}, {ServerMaxWindowBits: 9}, {ClientMaxWindowBits: 8, ServerNoContextTakeover: true}}
	for _, server := range all {
		for path, url := range listen(t, &Server{Handler: echoes, Options: Options{Extension: compressing(server)}}) {
			for _, client := range all {
				c := dialTest(t, url, &DialOptions{Options: Options{Extension: compressing(client)}})
				if got, want := c.m.codec != nil, server != nil && client != nil; got != want {
					t.Errorf("%s, %v and %v: deflate is in use: %t", path, server, client, got)
				}
				for i, text := range []string{"", "a", strings.Repeat("Hello, 日本語. ", 300), strings.Repeat("Hello, 日本語. ", 300), strings.Repeat("x", 1<<20)} {
					must(c.WriteMessage(wire.Text, []byte(text)))
					if op, p, err := c.ReadMessage(); err != nil || op != wire.Text || string(p) != text {
						t.Fatalf("%s, %v and %v: message %d came back as %s, %d bytes, %v", path, server, client, i, op, len(p), err)
					}
				}
				must(c.WriteFragments(wire.Text, []byte("plain "), []byte("fragments")))
				if _, p, err := c.ReadMessage(); err != nil || string(p) != "plain fragments" {
					t.Errorf("%q, %v", p, err)
				}
				must(c.Close(wire.NormalClosure, ""))
			}
		}
	}
}

// packedFrames returns text compressed, in frames of n bytes of a client.
func packedFrames(text string, n int) []byte {
	packed := deflate.NewCompressor(15, false).Compress(nil, []byte(text))
	var stream []byte
	for i := 0; i < len(packed); i += n {
		f := from(wire.Client, i+n >= len(packed), wire.Continuation, string(packed[i:min(i+n, len(packed))]))
		if i == 0 {
			f[0] |= 0x40 | byte(wire.Text)
		}
		stream = append(stream, f...)
	}
	return stream
}

// deflating returns an open server's Machine with permessage-deflate.
func deflating(limit int) *Machine {
	m := NewMachine(wire.Server, Options{MaxMessage: limit})
	m.Opened(Agreement{Codec: newDeflateCodec(wire.Server, wire.DeflateParams{})})
	return m
}

func TestACompressedMessageMeansTheSameHoweverItIsCut(t *testing.T) {
	text := strings.Repeat("Grüße an alle. ", 50)
	for _, frame := range []int{1, 7, 1000} {
		stream := packedFrames(text, frame)
		for _, n := range []int{1, 5, len(stream)} {
			m := deflating(1000000)
			for i := 0; i < len(stream); i += n {
				must(m.Receive(stream[i:min(i+n, len(stream))]))
			}
			if e := m.TakeEvents(); len(e) != 1 || string(e[0].Payload) != text {
				t.Errorf("frames of %d in pieces of %d: %d events", frame, n, len(e))
			}
		}
	}
}

func TestACompressionBombStopsAtTheLimit(t *testing.T) {
	m := deflating(1000)
	err := m.Receive(packedFrames(strings.Repeat("\x00", 10<<20), 1<<20))
	if codes(err) != "10.4/message-size" || cap(m.message) > 4000 {
		t.Errorf("%v, and %d bytes are held", err, cap(m.message))
	}
	if err := deflating(10 << 20).Receive(packedFrames(strings.Repeat("\x00", 10<<20), 1<<20)); err != nil {
		t.Errorf("as many as the limit give %v", err)
	}
}

func TestWhatCannotBeInflatedFailsTheConnection(t *testing.T) {
	for name, f := range map[string]struct {
		stream []byte
		want   string
	}{
		"no DEFLATE data":             {from(wire.Client, true, wire.Binary, "\xff\xff\xff"), "7692-7.2.2/data"},
		"text that is not UTF-8":      {packedFrames("\xff", 100), "8.1/text-utf8"},
		"text that ends in the midst": {packedFrames("a\xe6", 100), "8.1/text-utf8"},
		"RSV1 on a continuation": {join(from(wire.Client, false, wire.Binary, "x"), func() []byte {
			f := from(wire.Client, true, wire.Continuation, "x")
			f[0] |= 0x40
			return f
		}()), "5.2/rsv1"},
		"RSV1 on a Ping": {func() []byte {
			f := from(wire.Client, true, wire.Ping, "x")
			f[0] |= 0x40
			return f
		}(), "5.2/rsv1"},
	} {
		if name == "no DEFLATE data" {
			f.stream[0] |= 0x40
		}
		if c := codes(deflating(1000).Receive(f.stream)); c != f.want {
			t.Errorf("%s: %q, want %q", name, c, f.want)
		}
	}
}

func TestACompressedMessageIsReadAsAStream(t *testing.T) {
	text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz, and more. ", 10000)
	read := make(chan string, 2)
	url := listen(t, &Server{Options: Options{Extension: Deflate{}}, Handler: func(c *Conn, _ wire.Head) {
		for range 2 {
			_, r, err := c.NextReader()
			must(err)
			read <- string(must2(io.ReadAll(iotest.HalfReader(r))))
		}
	}})["TCP"]
	c := dialTest(t, url, &DialOptions{Options: Options{Extension: Deflate{}}})
	must(c.WriteRaw(packedFrames(text, 300)))
	must(c.WriteMessage(wire.Text, []byte(text)))
	for range 2 {
		if got := <-read; got != text {
			t.Errorf("%d bytes were read, want %d", len(got), len(text))
		}
	}
}

func TestTheFirstFrameOfACompressedMessageMayBeEmpty(t *testing.T) { // RFC 7692 §6.1
	first := from(wire.Client, false, wire.Text, "")
	first[0] |= 0x40
	m := deflating(100)
	must(m.Receive(join(first, from(wire.Client, false, wire.Continuation, "\xf2\x48\xcd"), from(wire.Client, true, wire.Ping, ""), from(wire.Client, true, wire.Continuation, "\xc9\xc9\x07\x00"))))
	e := m.TakeEvents()
	if len(e) != 2 || e[0].Opcode != wire.Ping || string(e[1].Payload) != "Hello" {
		t.Errorf("the events are %v", e)
	}
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{76, 92}).Read(b) // it never fails
	return b
}

func TestAPayloadMayBeLongerThanTheLimitOfItsMessageButNotMuch(t *testing.T) {
	const limit = 100_000
	m := deflating(limit)
	if n := len(deflate.NewCompressor(15, false).Compress(nil, noise(limit))); n <= limit {
		t.Fatalf("noise is compressed to %d bytes", n)
	}
	binary := func(data []byte) []byte {
		frames := packedFrames(string(data), 50_000)
		frames[0] ^= byte(wire.Text ^ wire.Binary)
		return frames
	}
	must(m.Receive(binary(noise(limit))))
	if e := m.TakeEvents(); len(e) != 1 || len(e[0].Payload) != limit {
		t.Errorf("%d events", len(e))
	}
	if c := codes(m.Receive(binary(noise(limit + 1)))); c != "10.4/message-size" {
		t.Errorf("one byte more gives %q", c)
	}
	// Empty blocks have no end, and give no byte that would reach the limit.
	empty := from(wire.Client, false, wire.Binary, strings.Repeat("\x00\x00\x00\xff\xff", 2000))
	empty[0] |= 0x40
	for m, n := deflating(limit), 0; ; n++ {
		err := m.Receive(empty)
		empty = from(wire.Client, false, wire.Continuation, strings.Repeat("\x00\x00\x00\xff\xff", 2000))
		if err != nil {
			if c := codes(err); c != "10.4/message-size" || n != 11 || cap(m.packed) > 3*limit {
				t.Errorf("frame %d gives %q, and %d bytes are held", n, c, cap(m.packed))
			}
			break
		}
	}
}

func TestAServerAnswersOffersOfCompressionOnlyWhenItWantsIt(t *testing.T) {
	for _, o := range []struct {
		deflate *wire.DeflateParams
		want    string
	}{{nil, ""}, {&wire.DeflateParams{}, "permessage-deflate"}} {
		url := listen(t, &Server{Handler: echoes, Options: Options{Extension: compressing(o.deflate)}})["TCP"]
		nc := rawDial(t, url, []byte(strings.Replace(handshake, "Origin: ", "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: ", 1)))
		head, err := readHead(bufio.NewReader(nc))
		must(err)
		h, err := parseResponse(head)
		must(err)
		if v := strings.Join(h.Values("Sec-WebSocket-Extensions"), "|"); v != o.want {
			t.Errorf("the answer is %q, want %q", v, o.want)
		}
		nc.Close()
	}
}
