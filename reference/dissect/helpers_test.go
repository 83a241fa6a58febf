package dissect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with testdata/name, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what came out; go test -update shows it in git diff\n--- got\n%s", file, got)
	}
}

// bytes reads hex with spaces.
func data(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frame returns a frame that is masked when from is the client.
func frame(from wire.Role, first byte, payload []byte) []byte {
	h := wire.Header{
		Fin: first&0x80 != 0, RSV1: first&0x40 != 0, Opcode: wire.Opcode(first & 0x0f),
		Masked: from == wire.Client, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d},
		Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload)),
	}
	if !h.Masked {
		h.Key = [4]byte{}
	}
	b := append(h.Append(nil), payload...)
	if h.Masked {
		wire.Mask(h.Key, 0, b[h.Size():])
	}
	return b
}

// A part is bytes from one sender.
type part struct {
	from wire.Role
	b    []byte
}

// split cuts b at every place in cuts, which ascend.
func split(b []byte, cuts []int) [][]byte {
	var chunks [][]byte
	last := 0
	for _, c := range append(cuts, len(b)) {
		if c > last {
			chunks = append(chunks, b[last:c])
			last = c
		}
	}
	return chunks
}

// The ways in which a stream reaches the dissector in every test of streams.
var deliveries = []struct {
	name string
	cut  func(b []byte) [][]byte
}{
	{"whole", func(b []byte) [][]byte { return split(b, nil) }},
	{"halved", func(b []byte) [][]byte { return split(b, []int{len(b) / 2}) }},
	{"byte by byte", func(b []byte) [][]byte {
		var cuts []int
		for i := range b {
			cuts = append(cuts, i)
		}
		return split(b, cuts)
	}},
}

// seen is all that a Conversation made of what it was given.
type seen struct {
	handshakes []*Handshake
	frames     []*Frame
	messages   []*Message
	log        string // every item in order, with its end counted from the sender's first byte
}

// feed gives talk parts, cut by cut, and ends both directions when end is set.
// The bytes are given in a buffer that is overwritten afterwards, unless owned.
func feed(t testing.TB, talk *Conversation, parts []part, cut func([]byte) [][]byte, owned, end bool) *seen {
	t.Helper()
	s := &seen{}
	var log strings.Builder
	note := func(from wire.Role, at uint64, it Item) {
		var body any
		switch {
		case it.Handshake != nil:
			s.handshakes = append(s.handshakes, it.Handshake)
			apart := *it.Handshake
			apart.Body = "" // how much of it comes with the head is TCP's choice
			body = &apart
		case it.Frame != nil:
			s.frames = append(s.frames, it.Frame)
			body = it.Frame
		case it.Message != nil:
			s.messages = append(s.messages, it.Message)
			body = it.Message
		default:
			t.Fatal("an item without anything")
		}
		j, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&log, "%s %d %T %s\n", from, at, body, j)
		if it.Frame != nil {
			fmt.Fprint(&log, fieldLines(it.Frame))
		}
	}
	sent := [2]uint64{}
	for _, p := range parts {
		for _, chunk := range cut(p.b) {
			given := bytes.Clone(chunk)
			for _, it := range talk.Bytes(p.from, given, owned) {
				if it.End < 1 || it.End > len(chunk) {
					t.Fatalf("an item ends at %d of %d bytes", it.End, len(chunk))
				}
				note(p.from, sent[p.from]+uint64(it.End), it)
			}
			sent[p.from] += uint64(len(chunk))
			if !owned {
				for i := range given {
					given[i] ^= 0xff
				}
			}
		}
	}
	if end {
		for _, from := range []wire.Role{wire.Client, wire.Server} {
			if f := talk.End(from, NeverArrived); f != nil {
				note(from, sent[from], Item{Frame: f})
			}
		}
	}
	s.log = log.String()
	return s
}

// whole is a cut that does not.
func whole(b []byte) [][]byte { return split(b, nil) }

// one returns the only frame of b, which is sent by from after the handshake.
func one(t *testing.T, from wire.Role, b []byte) *Frame {
	t.Helper()
	s := feed(t, NewFrames(), []part{{from, b}}, whole, false, true)
	if len(s.frames) != 1 {
		t.Fatalf("% x holds %d frames, want 1", b, len(s.frames))
	}
	return s.frames[0]
}

// fieldLines writes the fields of f, one a line.
func fieldLines(f *Frame) string {
	var b strings.Builder
	for _, fd := range f.Fields() {
		raw := fd.Raw
		if len(raw) > 32 {
			raw = fmt.Sprintf("%s…(%d)", raw[:32], len(raw))
		}
		fmt.Fprintf(&b, "  %4d +%-4d %s %-4s %-24s %-10s %s\n", fd.Bit, fd.Bits, fd.Letter, fd.Group, fd.Name, raw, fd.Form)
		for _, v := range fd.Violations {
			fmt.Fprintf(&b, "             × %s\n", v.Code)
		}
	}
	return b.String()
}

// checkTiles fails unless the fields of f cover each bit of it that arrived, once.
func checkTiles(t testing.TB, f *Frame) {
	t.Helper()
	at := uint64(0)
	for _, fd := range f.Fields() {
		if fd.Bit != at {
			t.Fatalf("field %s of % x begins at bit %d, and the one before it ends at %d", fd.Name, f.Bytes()[:min(20, len(f.Bytes()))], fd.Bit, at)
		}
		if fd.Bits == 0 {
			t.Fatalf("field %s has no bits", fd.Name)
		}
		if !slices.Contains(Sites, fd.Site) {
			t.Fatalf("field %s names the site %q, which is not in Sites", fd.Name, fd.Site)
		}
		at += fd.Bits
	}
	if at != f.Came()*8 {
		t.Fatalf("the fields end at bit %d, and %d bytes came", at, f.Came())
	}
}
