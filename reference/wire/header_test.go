package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// figure turns a picture of bits into bytes. 0 and 1 are bits; all other characters
// separate fields, like the bars in the figure of RFC 6455 §5.2. Text in quotes means
// its own bytes, and 0x… the bytes of its hexadecimal digits.
func figure(picture string) []byte {
	var out []byte
	n, acc := 0, byte(0)
	for _, word := range strings.Fields(picture) {
		if s, ok := strings.CutPrefix(word, "0x"); ok {
			b, err := hex.DecodeString(s)
			if err != nil || n != 0 {
				panic("not a picture of bits: " + picture)
			}
			out = append(out, b...)
			continue
		}
		if strings.HasPrefix(word, `'`) {
			out = append(out, strings.Trim(word, `'`)...)
			continue
		}
		for _, c := range word {
			if c != '0' && c != '1' {
				panic("not a picture of bits: " + picture)
			}
			acc = acc<<1 | byte(c-'0')
			if n++; n == 8 {
				out, n, acc = append(out, acc), 0, 0
			}
		}
	}
	if n != 0 {
		panic("not a whole number of bytes: " + picture)
	}
	return out
}

// vectors are the examples of RFC 6455 §5.7, and headers at every boundary.
var vectors = []struct {
	name    string
	picture string
	header  Header
	payload string // unmasked
}{
	// The RFC's own examples (§5.7).
	//                  F 123 op   M length
	{"a single-frame unmasked text message",
		`1 000 0001 0 0000101 'Hello'`,
		Header{Fin: true, Opcode: Text, Form: Length7, Length: 5}, "Hello"},
	//                  F 123 op   M length  key        payload
	{"a single-frame masked text message",
		`1 000 0001 1 0000101 0x37fa213d 0x7f9f4d5158`,
		Header{Fin: true, Opcode: Text, Masked: true, Form: Length7, Length: 5, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}}, "Hello"},
	{"the first fragment of an unmasked text message",
		`0 000 0001 0 0000011 'Hel'`,
		Header{Opcode: Text, Form: Length7, Length: 3}, "Hel"},
	{"the last fragment of an unmasked text message",
		`1 000 0000 0 0000010 'lo'`,
		Header{Fin: true, Opcode: Continuation, Form: Length7, Length: 2}, "lo"},
	{"an unmasked ping",
		`1 000 1001 0 0000101 'Hello'`,
		Header{Fin: true, Opcode: Ping, Form: Length7, Length: 5}, "Hello"},
	{"a masked pong",
		`1 000 1010 1 0000101 0x37fa213d 0x7f9f4d5158`,
		Header{Fin: true, Opcode: Pong, Masked: true, Form: Length7, Length: 5, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}}, "Hello"},
	//                  F 123 op   M length  16-bit length
	{"256 bytes of binary in an unmasked frame",
		`1 000 0010 0 1111110 00000001 00000000`,
		Header{Fin: true, Opcode: Binary, Form: Length16, Length: 256}, ""},
	//                  F 123 op   M length  64-bit length
	{"64 KiB of binary in an unmasked frame",
		`1 000 0010 0 1111111 0x0000000000010000`,
		Header{Fin: true, Opcode: Binary, Form: Length64, Length: 65536}, ""},

	// Where one length form ends and the next begins.
	{"no bytes", `1 000 0010 0 0000000`,
		Header{Fin: true, Opcode: Binary, Form: Length7}, ""},
	{"125 bytes", `1 000 0010 0 1111101`,
		Header{Fin: true, Opcode: Binary, Form: Length7, Length: 125}, ""},
	{"126 bytes", `1 000 0010 0 1111110 0x007e`,
		Header{Fin: true, Opcode: Binary, Form: Length16, Length: 126}, ""},
	{"65535 bytes", `1 000 0010 0 1111110 0xffff`,
		Header{Fin: true, Opcode: Binary, Form: Length16, Length: 65535}, ""},
	{"65536 bytes, masked", `1 000 0010 1 1111111 0x0000000000010000 0x01020304`,
		Header{Fin: true, Opcode: Binary, Masked: true, Form: Length64, Length: 65536, Key: [4]byte{1, 2, 3, 4}}, ""},
	{"2^63-1 bytes", `1 000 0010 0 1111111 0x7fffffffffffffff`,
		Header{Fin: true, Opcode: Binary, Form: Length64, Length: 1<<63 - 1}, ""},

	// What no endpoint may send, and this package keeps all the same.
	{"2^63 bytes", `1 000 0010 0 1111111 0x8000000000000000`,
		Header{Fin: true, Opcode: Binary, Form: Length64, Length: 1 << 63}, ""},
	{"a length of 5 in 16 bits", `1 000 0001 0 1111110 0x0005`,
		Header{Fin: true, Opcode: Text, Form: Length16, Length: 5}, ""},
	{"a length of 5 in 64 bits", `1 000 0001 0 1111111 0x0000000000000005`,
		Header{Fin: true, Opcode: Text, Form: Length64, Length: 5}, ""},
	{"every reserved bit and a reserved opcode", `0 111 1011 0 0000000`,
		Header{RSV1: true, RSV2: true, RSV3: true, Opcode: 0xB, Form: Length7}, ""},
	{"RSV1 alone", `1 100 0001 0 0000000`,
		Header{Fin: true, RSV1: true, Opcode: Text, Form: Length7}, ""},
	{"RSV2 alone", `1 010 0001 0 0000000`,
		Header{Fin: true, RSV2: true, Opcode: Text, Form: Length7}, ""},
	{"RSV3 alone", `1 001 0001 0 0000000`,
		Header{Fin: true, RSV3: true, Opcode: Text, Form: Length7}, ""},
}

func TestAHeaderIsReadAsItsPictureSays(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			wire := figure(v.picture)
			h, ok := ParseHeader(wire)
			if !ok || h != v.header {
				t.Fatalf("ParseHeader gives %+v, %t; the picture is %+v", h, ok, v.header)
			}
			payload := append([]byte(nil), wire[h.Size():]...)
			MaskSimple(h.Key, payload)
			if string(payload) != v.payload {
				t.Errorf("the payload is %q, want %q", payload, v.payload)
			}
		})
	}
}

func TestAHeaderIsWrittenAsItsPictureShows(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			want := figure(v.picture)
			want = want[:len(want)-len(v.payload)]
			if got := v.header.Append(nil); !bytes.Equal(got, want) {
				t.Errorf("Append gives % x, the picture is % x", got, want)
			}
			if got := v.header.Append([]byte("before")); !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("Append does not keep what stood there: % x", got)
			}
		})
	}
}

func TestAHeaderThatIsCutAnywhereIsIncomplete(t *testing.T) {
	for _, v := range vectors {
		wire := figure(v.picture)
		for n := range v.header.Size() {
			if h, ok := ParseHeader(wire[:n]); ok {
				t.Errorf("%s: %d bytes were enough for %+v", v.name, n, h)
			}
		}
	}
}

func TestTheShortestLengthFormChangesAt126AndAt65536(t *testing.T) {
	for length, want := range map[uint64]LengthForm{
		0: Length7, 125: Length7, 126: Length16, 65535: Length16, 65536: Length64, 1 << 63: Length64,
	} {
		if got := FormFor(length); got != want {
			t.Errorf("FormFor(%d) is %d bits, want %d", length, got, want)
		}
	}
}

func TestEveryFirstTwoBytesComeBackAsTheyWere(t *testing.T) {
	for i := range 1 << 16 {
		wire := append([]byte{byte(i >> 8), byte(i)}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		h, ok := ParseHeader(wire)
		if got := h.Append(nil); !ok || !bytes.Equal(got, wire[:h.Size()]) {
			t.Fatalf("%016b came back as % x, %t", i, got, ok)
		}
	}
}

func TestALengthComesBackWhateverFormIsAskedFor(t *testing.T) {
	for _, length := range []uint64{0, 1, 125, 126, 127, 128, 255, 256, 65535, 65536, 1 << 32, 1<<63 - 1, 1 << 63} {
		for _, form := range []LengthForm{0, Length7, Length16, Length64} {
			asked := Header{Fin: true, Opcode: Text, Masked: true, Form: form, Length: length, Key: [4]byte{1, 2, 3, 4}}
			b := asked.Append(nil)
			got, ok := ParseHeader(b)
			want := asked
			want.Form = max(form, FormFor(length))
			if !ok || got != want || len(b) != asked.Size() || got.Size() != len(b) {
				t.Errorf("%d in %d bits: % x is %+v", length, form, b, got)
			}
		}
	}
}

func TestTheRolesArePeers(t *testing.T) {
	if Client.Peer() != Server || Server.Peer() != Client || Client.String() != "client" || Server.String() != "server" {
		t.Error("client and server are not each other's peers")
	}
}

// FuzzHeader checks that Append reverses ParseHeader: it writes every header back byte
// for byte, valid or not.
func FuzzHeader(f *testing.F) {
	for _, v := range vectors {
		f.Add(figure(v.picture))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := ParseHeader(b)
		if !ok {
			if len(b) >= MaxHeaderSize {
				t.Fatalf("% x has room for every header, and is none", b)
			}
			return
		}
		if got := h.Append(nil); len(got) != h.Size() || !bytes.Equal(got, b[:h.Size()]) {
			t.Fatalf("% x came back as % x", b[:h.Size()], got)
		}
		for _, sender := range []Role{Client, Server} {
			for _, v := range Check(h, Context{Sender: sender}) {
				if v.Code == "" || v.Section == "" || v.CloseCode == 0 || v.Sentence == "" {
					t.Fatalf("a violation has a part missing: %+v", v)
				}
			}
		}
	})
}

func ExampleParseHeader() {
	frame := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	h, _ := ParseHeader(frame)
	payload := frame[h.Size():]
	MaskSimple(h.Key, payload)
	fmt.Println(h.Opcode, h.Fin, h.Length, string(payload))
	// Output: text true 5 Hello
}

func ExampleHeader_Append() {
	h := Header{Fin: true, Opcode: Text, Form: Length7, Length: 5}
	fmt.Printf("%08b\n", h.Append(nil))
	// Output: [10000001 00000101]
}
