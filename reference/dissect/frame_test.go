package dissect

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// vectors are the examples of RFC 6455 §5.7.
func vectors(t *testing.T) []struct {
	title string
	part
} {
	long := func(head string, n int) []byte { return append(data(t, head), make([]byte, n)...) }
	type v = struct {
		title string
		part
	}
	return []v{
		{"a single-frame unmasked text message", part{wire.Server, data(t, "81 05 48 65 6c 6c 6f")}},
		{"a single-frame masked text message", part{wire.Client, data(t, "81 85 37 fa 21 3d 7f 9f 4d 51 58")}},
		{"a fragmented unmasked text message", part{wire.Server, data(t, "01 03 48 65 6c 80 02 6c 6f")}},
		{"an unmasked Ping", part{wire.Server, data(t, "89 05 48 65 6c 6c 6f")}},
		{"and its masked Pong", part{wire.Client, data(t, "8a 85 37 fa 21 3d 7f 9f 4d 51 58")}},
		{"256 bytes of binary in one unmasked frame", part{wire.Server, long("82 7e 01 00", 256)}},
		{"64 KiB of binary in one unmasked frame", part{wire.Server, long("82 7f 00 00 00 00 00 01 00 00", 65536)}},
	}
}

func TestExamplesOfTheRFCGiveTheFieldsOfItsFigure(t *testing.T) {
	var b strings.Builder
	for _, v := range vectors(t) {
		fmt.Fprintf(&b, "%s\n", v.title)
		for _, f := range feed(t, NewFrames(), []part{v.part}, whole, false, true).frames {
			fmt.Fprint(&b, fieldLines(f))
			if len(f.Violations) > 0 {
				t.Errorf("%s: %v", v.title, f.Violations)
			}
		}
	}
	golden(t, "vectors.txt", b.String())
}

func TestExamplesOfTheRFCComeOutAlikeHoweverTCPCutsThem(t *testing.T) {
	for _, v := range vectors(t) {
		want := feed(t, NewFrames(), []part{v.part}, whole, false, true).log
		for _, d := range deliveries {
			for _, owned := range []bool{false, true} {
				if got := feed(t, NewFrames(), []part{v.part}, d.cut, owned, true).log; got != want {
					t.Errorf("%s, %s, owned %t:\n%s\nwant\n%s", v.title, d.name, owned, got, want)
				}
			}
		}
	}
}

// randomStream returns frames with any header at all, whose lengths are true.
func randomStream(r *rand.Rand) []byte {
	var b []byte
	for range 1 + r.IntN(8) {
		n := []int{0, 1, 2, 5, 125, 126, 200, KeepPayload, KeepPayload + 1, KeepPayload + 17, 9000}[r.IntN(11)]
		h := wire.Header{
			Fin: r.IntN(2) > 0, RSV1: r.IntN(8) == 0, RSV2: r.IntN(8) == 0, RSV3: r.IntN(8) == 0,
			Opcode: wire.Opcode(r.IntN(16)), Masked: r.IntN(2) > 0, Length: uint64(n),
		}
		h.Form = wire.FormFor(h.Length)
		if r.IntN(4) == 0 {
			h.Form = wire.Length64
		}
		if h.Masked {
			h.Key = [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
		}
		b = h.Append(b)
		payload := make([]byte, n)
		for i := range payload {
			if payload[i] = byte('a' + r.IntN(26)); r.IntN(50) == 0 {
				payload[i] = byte(r.Uint32())
			}
		}
		wire.Mask(h.Key, 0, payload)
		b = append(b, payload...)
	}
	return b[:len(b)-r.IntN(2)*r.IntN(min(len(b), 20))]
}

func TestFieldsTileEveryBitAndFramesTileTheStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		from := wire.Role(r.IntN(2))
		b := randomStream(r)
		checkStream(t, from, b, r)
	}
}

// checkStream checks three properties for b, which from sent after the handshake: the
// fields of a frame cover all its bits, the frames cover b, and the result does not
// depend on how b is cut.
func checkStream(t testing.TB, from wire.Role, b []byte, r *rand.Rand) {
	t.Helper()
	want := feed(t, NewFrames(), []part{{from, b}}, whole, true, true)
	at := uint64(0)
	for i, f := range want.frames {
		checkTiles(t, f)
		if f.Offset != at {
			t.Fatalf("frame %d begins at %d, and the one before it ends at %d", i, f.Offset, at)
		}
		at += f.Came()
		if f.Short > 0 && i != len(want.frames)-1 {
			t.Fatalf("frame %d is short, and others follow", i)
		}
		kept := f.Bytes()
		if !bytes.HasPrefix(b[f.Offset:], kept) {
			t.Fatalf("frame %d keeps other bytes than came", i)
		}
		if tail := f.Tail(); !bytes.HasSuffix(b[:at], tail) || uint64(len(kept))+f.Gap()+uint64(len(tail)) != at-f.Offset {
			t.Fatalf("frame %d: %d bytes kept, gap %d, tail %d of %d bytes", i, len(kept), f.Gap(), len(tail), at-f.Offset)
		}
	}
	if at != uint64(len(b)) {
		t.Fatalf("the frames end at %d of %d bytes", at, len(b))
	}
	var cuts []int
	for at := 0; at < len(b); at += 1 + r.IntN(1+r.IntN(len(b))) {
		cuts = append(cuts, at)
	}
	cut := func(b []byte) [][]byte { return split(b, cuts) }
	if got := feed(t, NewFrames(), []part{{from, b}}, cut, r.IntN(2) > 0, true).log; got != want.log {
		t.Fatalf("cut at %v:\n%s\nwhole:\n%s", cuts, got, want.log)
	}
}

func TestAFrameThatTheStreamEndsInIsToldWithWhatCame(t *testing.T) {
	for _, hexes := range []string{
		"81 85 37 fa 21 3d 7f 9f 4d 51 58",
		"82 fe 00 80 01 02 03 04",
		"82 ff 00 00 00 00 00 01 00 00 01 02 03 04 05",
		"88 84 00 00 00 00 03 e8 6f 6b",
	} {
		b := data(t, hexes)
		for n := 1; n <= len(b); n++ {
			s := feed(t, NewFrames(), []part{{wire.Client, b[:n]}}, whole, false, true)
			if len(s.frames) != 1 {
				t.Fatalf("% x: %d frames, want 1", b[:n], len(s.frames))
			}
			f := s.frames[0]
			if !bytes.Equal(f.Bytes(), b[:n]) || f.Gap() != 0 {
				t.Errorf("% x: it keeps % x", b[:n], f.Bytes())
			}
			checkTiles(t, f)
			complete := f.Short == 0
			if h, ok := wire.ParseHeader(b); ok && complete != (uint64(n) == uint64(h.Size())+h.Length) {
				t.Errorf("% x: %d bytes are said to be missing", b[:n], f.Short)
			}
			if fs := f.Fields(); !complete && n >= 2 && fs[len(fs)-1].Bit+fs[len(fs)-1].Bits != uint64(n*8) {
				t.Errorf("% x: the last field ends at bit %d", b[:n], fs[len(fs)-1].Bit+fs[len(fs)-1].Bits)
			}
		}
	}
}

func TestACutHeaderIsJudgedByWhatCameOfIt(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  []wire.Rule
	}{
		{"81", nil},
		{"ff", []wire.Rule{wire.RuleRSV1, wire.RuleRSV2, wire.RuleRSV3, wire.RuleOpcode}},
		{"01 7e", []wire.Rule{wire.RuleMaskMissing}},
		{"82 ff 80", []wire.Rule{wire.RuleLengthTopBit}},
		{"82 fe 00", nil},
		{"82 fe 00 05", []wire.Rule{wire.RuleLengthMinimal}},
		{"09", []wire.Rule{wire.RuleControlFragment}},
	} {
		f := one(t, wire.Client, data(t, c.bytes))
		var got []wire.Rule
		for _, v := range f.Violations {
			v.Rule.Sentence = ""
			got = append(got, v.Rule)
		}
		same := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			same = same && got[i].Code == c.want[i].Code
		}
		if !same {
			t.Errorf("%s breaks %v, want %v", c.bytes, got, c.want)
		}
	}
}

func TestATruncatedCloseIsNotCalledABodyOfOneByte(t *testing.T) {
	f := one(t, wire.Server, data(t, "88 05 03 e8 62"))
	fs := f.Fields()
	last := fs[len(fs)-1]
	if last.Rule == wire.RuleCloseBody.Code && strings.Contains(last.Meaning, "one byte") {
		t.Errorf("three bytes of a Close body of five mean: %s", last.Meaning)
	}
	if f.Short != 2 || f.Close != nil {
		t.Errorf("short %d, Close %v", f.Short, f.Close)
	}
}

func TestALongPayloadIsKeptByItsBeginningAndItsEnd(t *testing.T) {
	for _, extra := range []int{0, 1, 15, 16, 17, 5000} {
		payload := make([]byte, KeepPayload+extra)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		b := frame(wire.Client, 0x82, payload)
		for _, d := range deliveries {
			f := feed(t, NewFrames(), []part{{wire.Client, b}}, d.cut, false, true).frames[0]
			if !bytes.Equal(f.Payload(), payload[:KeepPayload]) {
				t.Errorf("%d more, %s: the payload kept is another", extra, d.name)
			}
			wantTail := b[len(b)-min(extra, KeepTail):]
			if !bytes.Equal(f.Tail(), wantTail) || f.Gap() != uint64(max(0, extra-KeepTail)) {
				t.Errorf("%d more, %s: tail % x, gap %d; want % x, %d", extra, d.name, f.Tail(), f.Gap(), wantTail, max(0, extra-KeepTail))
			}
		}
	}
}

func TestALengthThatIsOnlyClaimedTakesNoMemory(t *testing.T) {
	for _, head := range []string{"82 ff ff ff ff ff ff ff ff ff 01 02 03 04", "82 7f 7f ff ff ff ff ff ff ff", "81 ff ff ff ff ff ff ff ff ff 00 00 00 00"} {
		b := append(data(t, head), "abc"...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		talk := NewFrames()
		talk.Bytes(wire.Client, b, false)
		talk.Bytes(wire.Client, []byte("d"), false)
		f := talk.End(wire.Client, NeverArrived)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<10 {
			t.Errorf("%s: %d bytes were allocated for 4", head, got)
		}
		if f == nil || f.Short != f.Header.Length-4 || len(f.Payload()) != 4 {
			t.Fatalf("%s: %+v", head, f)
		}
		checkTiles(t, f)
	}
}

func TestAMessageOfAnySizeIsHeldByItsFirstBytesAlone(t *testing.T) {
	talk := NewFrames()
	first := 0x01
	chunk := bytes.Repeat([]byte("x"), 4000)
	for range 500 {
		talk.Bytes(wire.Server, frame(wire.Server, byte(first), chunk), false)
		first = 0
	}
	m := talk.directions[wire.Server].message
	if m.Size != 500*4000 || len(m.Head) != KeepMessage || m.Fragments != 500 {
		t.Errorf("size %d, %d kept, %d fragments", m.Size, len(m.Head), m.Fragments)
	}
	if n := cap(talk.directions[wire.Server].partial) + cap(m.Head); n > 1024 {
		t.Errorf("%d bytes are kept between frames", n)
	}
}

func TestTextFailsAtItsFirstBadByteAcrossFragments(t *testing.T) {
	for _, c := range []struct {
		name      string
		fragments [][]byte
		bad       int    // index of the frame with the violation
		sentence  string // what it says, "" for a legal text
	}{
		{"a character cut by a fragment", [][]byte{[]byte("κ\xe1\xbd"), []byte("\xb9sme")}, 0, ""},
		{"a bad byte in the first", [][]byte{[]byte("a\xff"), []byte("b")}, 0, "byte 1, ff"},
		{"a bad byte in the second", [][]byte{[]byte("abc"), []byte("d\xc3\x28")}, 1, "byte 2, 28"},
		{"a surrogate cut by a fragment", [][]byte{[]byte("\xed"), []byte("\xa0\x80")}, 1, "byte 0, a0"},
		{"an end inside a character", [][]byte{[]byte("abc"), []byte("\xe2\x82")}, 1, "ends inside a character"},
		{"an empty end inside a character", [][]byte{[]byte("\xe2\x82"), nil}, 1, "ends inside a character"},
	} {
		for _, from := range []wire.Role{wire.Client, wire.Server} {
			var b []byte
			for i, p := range c.fragments {
				first := byte(0x01)
				if i > 0 {
					first = 0
				}
				if i == len(c.fragments)-1 {
					first |= 0x80
				}
				b = append(b, frame(from, first, p)...)
			}
			for _, d := range deliveries {
				var got []string
				for i, f := range feed(t, NewFrames(), []part{{from, b}}, d.cut, false, true).frames {
					for _, v := range f.Violations {
						got = append(got, fmt.Sprintf("frame %d: %s", i, v.Sentence))
						if v.Code != wire.RuleTextUTF8.Code {
							t.Errorf("%s: %s", c.name, v.Code)
						}
						if !slices.ContainsFunc(f.Fields(), func(fd Field) bool { return len(fd.Violations) > 0 }) {
							t.Errorf("%s: no field shows the violation", c.name)
						}
					}
				}
				want := 0
				if c.sentence != "" {
					want = 1
				}
				if len(got) != want || want == 1 && (!strings.HasPrefix(got[0], fmt.Sprintf("frame %d: ", c.bad)) || !strings.Contains(got[0], c.sentence)) {
					t.Errorf("%s from the %s, %s: %q, want %q in frame %d", c.name, from, d.name, got, c.sentence, c.bad)
				}
			}
		}
	}
}

func TestACloseBodyBecomesCodeAndReason(t *testing.T) {
	for _, c := range []struct {
		body   string
		fields string // letters after the header
		code   wire.CloseCode
		reason string
		broken string
	}{
		{"", "", wire.NoStatusReceived, "", ""},
		{"03", "P", wire.NoStatusReceived, "", wire.RuleCloseBody.Code},
		{"03 e8", "C", wire.NormalClosure, "", ""},
		{"03 e8 62 79 65", "CR", wire.NormalClosure, "bye", ""},
		{"03 ed", "C", 1005, "", wire.RuleCloseCode.Code},
		{"03 e8 ff", "CR", wire.NormalClosure, "\xff", wire.RuleCloseReason.Code},
		{"13 87", "C", 4999, "", ""},
	} {
		for _, from := range []wire.Role{wire.Client, wire.Server} {
			f := one(t, from, frame(from, 0x88, data(t, c.body)))
			letters := ""
			for _, fd := range f.Fields() {
				letters += fd.Letter
			}
			letters = strings.TrimPrefix(strings.TrimPrefix(letters, "F123OML"), "K")
			if f.Close == nil || f.Close.Code != c.code || f.Close.Reason != c.reason || letters != c.fields {
				t.Errorf("%q from the %s: %v, fields %s; want %d %q, %s", c.body, from, f.Close, letters, c.code, c.reason, c.fields)
			}
			codes := ""
			for _, v := range f.Violations {
				codes += v.Code
			}
			if codes != c.broken {
				t.Errorf("%q from the %s breaks %q, want %q", c.body, from, codes, c.broken)
			}
		}
	}
}

func TestAReasonTooLongToBeKeptIsNotBlamedForWhereItWasCut(t *testing.T) {
	f := one(t, wire.Server, frame(wire.Server, 0x88, append([]byte{0x03, 0xe8, 'a'}, strings.Repeat("é", 3000)...)))
	for _, v := range f.Violations {
		if v.Code == wire.RuleCloseReason.Code {
			t.Errorf("%s, of a reason that is UTF-8", v.Sentence)
		}
	}
}

func TestEveryFrameRuleShowsOnItsField(t *testing.T) {
	table := map[string]struct {
		from  wire.Role
		hex   string // the last frame is the one that breaks the rule
		field string
	}{
		wire.RuleRSV1.Code:            {wire.Server, "c1 00", "RSV1"},
		wire.RuleRSV2.Code:            {wire.Server, "a1 00", "RSV2"},
		wire.RuleRSV3.Code:            {wire.Server, "91 00", "RSV3"},
		wire.RuleOpcode.Code:          {wire.Server, "83 00", "opcode"},
		wire.RuleLengthMinimal.Code:   {wire.Server, "82 7e 00 01 00", "extended payload length"},
		wire.RuleLengthTopBit.Code:    {wire.Server, "82 7f 80 00 00 00 00 00 00 00", "extended payload length"},
		wire.RuleMaskMissing.Code:     {wire.Client, "81 00", "MASK"},
		wire.RuleMaskForbidden.Code:   {wire.Server, "81 80 00 00 00 00", "MASK"},
		wire.RuleControlLength.Code:   {wire.Server, "89 7e 00 7e" + strings.Repeat("00", 126), "payload length"},
		wire.RuleControlFragment.Code: {wire.Server, "09 00", "FIN"},
		wire.RuleStray.Code:           {wire.Server, "80 00", "opcode"},
		wire.RuleInterleaved.Code:     {wire.Server, "01 00 81 00", "opcode"},
		wire.RuleAfterClose.Code:      {wire.Server, "88 00 81 00", "opcode"},
		wire.RuleCloseBody.Code:       {wire.Server, "88 01 03", "payload data"},
		wire.RuleCloseCode.Code:       {wire.Server, "88 02 03 ed", "status code"},
		wire.RuleCloseReason.Code:     {wire.Server, "88 03 03 e8 ff", "reason"},
		wire.RuleTextUTF8.Code:        {wire.Server, "81 01 ff", "payload data"},
	}
	unseen := map[string]string{
		wire.RuleMessageSize.Code:     "what an endpoint is willing to hold is not on the wire",
		wire.RuleDeflateData.Code:     "nothing is inflated here",
		wire.RuleDeflateWindow.Code:   "nothing is inflated here",
		wire.RuleDeflateTakeover.Code: "nothing is inflated here",
	}
	for _, rule := range wire.Rules {
		if rule.CloseCode == 0 || unseen[rule.Code] != "" {
			continue // of the handshake, or not to be seen
		}
		c, ok := table[rule.Code]
		if !ok {
			t.Errorf("%s is missing from the table", rule.Code)
			continue
		}
		s := feed(t, NewFrames(), []part{{c.from, data(t, c.hex)}}, whole, false, true)
		var shown []string
		for _, fd := range s.frames[len(s.frames)-1].Fields() {
			for _, v := range fd.Violations {
				shown = append(shown, v.Code+" on "+fd.Name)
				if fd.Rule != v.Code {
					t.Errorf("%s: the field %s names the rule %s", rule.Code, fd.Name, fd.Rule)
				}
			}
		}
		if want := rule.Code + " on " + c.field; !slices.Equal(shown, []string{want}) {
			t.Errorf("%s shows %q, want %q alone", c.hex, shown, want)
		}
	}
}

func TestEveryRuleThatAFieldNamesIsARule(t *testing.T) {
	known := map[string]bool{"": true}
	for _, r := range wire.Rules {
		known[r.Code] = true
	}
	sites := map[string]bool{}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		from := wire.Role(r.IntN(2))
		for _, f := range feed(t, NewFrames(), []part{{from, randomStream(r)}}, whole, false, true).frames {
			for _, fd := range f.Fields() {
				if !known[fd.Rule] {
					t.Fatalf("field %s names the rule %q", fd.Name, fd.Rule)
				}
				if !slices.Contains(Sites, fd.Site) {
					t.Fatalf("field %s has the site %q", fd.Name, fd.Site)
				}
				if fd.Meaning == "" || fd.Form == "" || len(fd.Sections) == 0 {
					t.Fatalf("field %+v says too little", fd)
				}
				sites[fd.Site] = true
			}
		}
	}
	for _, s := range Sites {
		if !sites[s] {
			t.Errorf("no field has the site %s", s)
		}
	}
}

func TestARawFieldIsItsBitsAsOnTheWire(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		from := wire.Role(r.IntN(2))
		for _, f := range feed(t, NewFrames(), []part{{from, randomStream(r)}}, whole, false, true).frames {
			var bits strings.Builder
			for _, fd := range f.Fields() {
				if fd.Bits < 8 {
					bits.WriteString(fd.Raw)
					continue
				}
				raw, err := hex.DecodeString(fd.Raw)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range raw {
					fmt.Fprintf(&bits, "%08b", c)
				}
			}
			var want strings.Builder
			for _, c := range f.Bytes() {
				fmt.Fprintf(&want, "%08b", c)
			}
			if bits.String() != want.String() {
				t.Fatalf("the raw fields of % x spell %s", f.Bytes()[:min(20, len(f.Bytes()))], bits.String()[:min(80, bits.Len())])
			}
		}
	}
}
