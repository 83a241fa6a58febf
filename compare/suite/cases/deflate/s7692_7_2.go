package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section7692Data is RFC 7692 §6 and §7.2: compressed messages.
func Section7692Data() []*Case {
	s := Section{Name: "7692-7.2", In: "7.2", RFC: 7692}
	inflating(&s)
	inflatingTogether(&s)
	inflatingWithHistory(&s)
	inflatingMuch(&s)
	reservedOne(&s)
	corruptData(&s)
	deflating(&s)
	return s.Cases
}

const inflates = "A receiver must decompress a message whose first frame has RSV1: it joins the payloads, appends 00 00 FF FF and decompresses the result."

// inflating has messages that are compressed on their own.
func inflating(s *Section) {
	needs := inUse
	add := func(name, title, section string, outcomes []Outcome, steps ...Step) {
		duty := DutyParses
		for _, f := range steps[0].Frames {
			switch {
			case f.Opcode.IsControl() && len(steps[0].Frames) > 1:
				duty = DutyBetween
			case f.Opcode == wire.Ping:
				duty = DutyPong
			case f.Opcode == wire.Close:
				duty = DutyAnswers
			}
		}
		s.Add(Case{Name: name, Title: title, Requirement: inflates, Keyword: Must, Duty: duty, Section: section, Deflate: &Deflate{Needs: needs}, Steps: steps, Outcomes: outcomes, Deadline: Slowly})
	}
	hello := []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}
	part := func(b []byte) Frame { return Frame{Fin: true, Payload: Payload{Data: b}} }
	add("example-one-block", "Example: one block", "7.2.3.1", Opens(), Send(RawPacked(wire.Text, hello...)))
	add("example-in-two-fragments", "Example: one block in two fragments, RSV1 in the first only", "7.2.3.1", Opens(),
		Send(RawPacked(wire.Text, hello[:3]...).More(), part(hello[3:])))
	add("example-uncompressed-block", "Example: a block without compression", "7.2.3.3", Opens(), Send(RawPacked(wire.Text, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00)))
	add("example-bfinal", "Example: a block with BFINAL set", "7.2.3.4", Opens(), Send(RawPacked(wire.Text, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00)))
	add("example-two-blocks", "Example: two blocks in one message", "7.2.3.5", Opens(), Send(RawPacked(wire.Text, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00)))
	add("example-empty-message", "Example: an empty message", "7.2.3.6", Answers(Text("")), Send(RawPacked(wire.Text, 0x00)))
	add("empty-binary", "An empty compressed binary message", "7.2.3.6", Answers(Binary()), Send(RawPacked(wire.Binary, 0x00)))
	add("empty-message-between", "An empty message between two others", "7.2.3.6", Answers(Text("one"), Text(""), Text("three")),
		Send(Packed(Text("one"))), Send(RawPacked(wire.Text, 0x00)), Send(Packed(Text("three"))))
	// A sender may set BFINAL, but no MUST requires a receiver to read it.
	bfinal := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Keyword: Should, Section: "7.2.3.4", Deflate: &Deflate{Needs: needs}, Steps: steps, Outcomes: outcomes, Deadline: Slowly,
			Requirement: "A sender may set BFINAL in any block (§7.2.1). BFINAL does not end the message or the connection: more blocks may follow."})
	}
	bfinal("two-messages-bfinal", "Two messages with BFINAL set", Answers(Text("Hello"), Text("Hello")),
		Send(RawPacked(wire.Text, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00)), Send(RawPacked(wire.Text, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00)))
	bfinal("block-after-bfinal", "A DEFLATE block after one with BFINAL set", Answers(Text("HelloHello")),
		Send(RawPacked(wire.Text, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00)))
	add("binary", "A compressed binary message", "7.2.2", Answers(Of(wire.Binary, BinaryOf(251))), Send(Packed(Of(wire.Binary, BinaryOf(251)))))
	add("text-with-wide-characters", "A compressed text message with characters of one to four bytes", "7.2.2", Answers(Text("aü€😀z")), Send(Packed(Text("aü€😀z"))))

	fragments := make([]Frame, len(hello))
	for i := range hello {
		fragments[i] = part(hello[i : i+1]).More()
	}
	fragments[0].RSV, fragments[0].Opcode = 4, wire.Text
	fragments[len(fragments)-1].Fin = true
	add("fragment-for-every-byte", "A compressed text message with a fragment for every byte", "7.2.2", Opens(), Send(fragments...))
	add("first-fragment-empty", "An empty first fragment with RSV1", "7.2.2", Opens(), Send(RawPacked(wire.Text).More(), part(hello)))
	add("last-fragment-empty", "A compressed text message with an empty last fragment", "7.2.2", Opens(), Send(RawPacked(wire.Text, hello...).More(), Cont("")))
	add("middle-fragment-empty", "A compressed text message with an empty fragment in the middle", "7.2.2", Opens(), Send(RawPacked(wire.Text, hello[:3]...).More(), Cont("").More(), part(hello[3:])))
	add("fragments-cut-character", "A compressed text message with wide characters in two fragments", "7.2.2", Answers(Text("aü€😀z")), packedInParts(Text("aü€😀z"), 2)...)
	add("ping-between-fragments", "A Ping between two fragments of a compressed text message", "6.1", Answers(Pong("!"), Text("Hello")), Send(RawPacked(wire.Text, hello[:3]...).More(), Ping("!"), part(hello[3:])))
	add("pong-between-fragments", "A Pong between two fragments of a compressed text message", "6.1", Opens(), Send(RawPacked(wire.Text, hello[:3]...).More(), Pong("!"), part(hello[3:])))
	add("ping-without-rsv1", "A Ping without RSV1, as permessage-deflate requires", "6.1", Answers(Pong("Hello")), Send(Ping("Hello")))
	add("close-without-rsv1", "A Close frame without RSV1, as permessage-deflate requires", "6.1", Closes(1000), Send(Close(1000, "bye")))
	add("text-byte-by-byte", "A compressed text message, byte by byte", "6", Opens(), Send(Packed(Text("Hello"))).InPieces(1).WithGap(Between/10))
	add("text-without-rsv1", "A text message without RSV1 after compression was negotiated", "6", Opens(), Send(Text("Hello")))
	add("fragments-without-rsv1", "Fragments without RSV1 after compression was negotiated", "6", Opens(), Send(Text("Hel").More(), Cont("lo")))
	add("rsv1-by-turns", "Messages with and without RSV1 in turn", "6", Answers(Text("one"), Text("two"), Text("three"), Binary(4)),
		Send(Packed(Text("one"))), Send(Text("two")), Send(Packed(Text("three"))), Send(Binary(4)))
	s.Add(Case{
		Name: "rsv1-without-payload", Title: "A frame with RSV1 and no payload", Requirement: "A sender compresses an empty message to one byte, 00 (§7.2.3.6). The RFC does not say how to read a compressed message without any bytes.", Keyword: May, Section: "7.2.3.6",
		Deflate: &Deflate{Needs: inUse}, Steps: []Step{Send(RawPacked(wire.Text))},
		Outcomes: append(Answers(Text("")), Outcome{Verdict: Note, Why: "it does not treat a compressed message of 0 bytes as an empty message", End: End{How: TargetFails}}),
	})

	needs = FullWindow
	for _, l := range []struct {
		name  string
		what  string
		level int
	}{
		{"none", "blocks without compression", flate.NoCompression}, {"literals", "Huffman codes only", flate.HuffmanOnly},
		{"fast", "fast compression", flate.BestSpeed}, {"tables", "the best compression", flate.BestCompression},
	} {
		add("level-"+l.name, "A compressed text message of 10,000 bytes with "+l.what, "7.2.2", Answers(Of(wire.Text, TextOf(10000))), Send(RawPacked(wire.Text, packedWith(l.level, TextOf(10000).Bytes(), 0)...)))
	}
	add("block-for-every-5-bytes", "A compressed text message with a block for every five bytes", "7.2.3.5", Answers(Of(wire.Text, TextOf(500))), Send(RawPacked(wire.Text, packedWith(flate.BestSpeed, TextOf(500).Bytes(), 5)...)))
	add("incompressible", "A compressed message of bytes that cannot be compressed", "7.2.2", Answers(Of(wire.Binary, Payload{Data: noise(4096)})), Send(Packed(Of(wire.Binary, Payload{Data: noise(4096)}))))
}

// inflatingTogether has many messages in one TCP write.
func inflatingTogether(s *Section) {
	for _, n := range []int{16, 64, 256, 1024, 4096, 16384, 65536} {
		frames := make([]Frame, min(20, 400000/n))
		expects := make([]Frame, len(frames))
		for i := range frames {
			op := wire.Text
			p := TextOf(n - i%3)
			if i%2 == 1 {
				op, p = wire.Binary, BinaryOf(n-i%3)
			}
			frames[i], expects[i] = Packed(Of(op, p)), Of(op, p)
		}
		s.Add(Case{
			Name: fmt.Sprintf("%d-messages-of-%d", len(frames), n), Title: fmt.Sprintf("%d compressed messages of about %d bytes", len(frames), n), Requirement: inflates, Keyword: Must, Duty: DutyParses, Section: "7.2.2",
			Deflate: &Deflate{Needs: inUse}, Steps: []Step{Send(frames...)}, Outcomes: Answers(expects...), Deadline: Slowly,
		})
	}
}

// inflatingWithHistory has messages that refer to earlier messages.
func inflatingWithHistory(s *Section) {
	needs := takeover
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyParses, Section: "7.1.1", Steps: steps, Outcomes: outcomes, Deflate: &Deflate{Needs: needs}, Deadline: Slowly,
			Requirement: "Unless the endpoints negotiated no context takeover, a message may refer to earlier messages within the window.",
		})
	}
	hello := RawPacked(wire.Text, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00)
	again := RawPacked(wire.Text, 0xf2, 0x00, 0x11, 0x00, 0x00)
	add("example-takeover", "Example: a message that refers to the previous one", Answers(Text("Hello"), Text("Hello")), Send(hello), Send(again))
	add("takeover-one-write", "Example: a message and one that refers to it, in one TCP write", Answers(Text("Hello"), Text("Hello")), Send(hello, again))
	add("takeover-after-uncompressed", "Example: a message and one that refers to it, with a message without RSV1 between them", Answers(Text("Hello"), Text("other"), Text("Hello")), Send(hello), Send(Text("other")), Send(again))
	add("takeover-after-empty", "Example: a message and one that refers to it, with an empty message between them", Answers(Text("Hello"), Text(""), Text("Hello")), Send(hello), Send(RawPacked(wire.Text, 0x00)), Send(again))
	add("takeover-after-ping", "Example: a message and one that refers to it, with a Ping between them", Answers(Text("Hello"), Pong("!"), Text("Hello")), Send(hello), Send(Ping("!")), Send(again))
	add("takeover-binary-after-text", "A binary message that refers to a text message", Answers(Text("Hello"), Of(wire.Binary, Payload{Data: []byte("Hello")})), Send(hello), Send(again.WithOpcode(wire.Binary)))

	needs = takeoverFullWindow
	p := NewPacker()
	var steps []Step
	var expects []Frame
	for i := range 30 {
		message := strings.Repeat(fmt.Sprintf("message %d of thirty, each like the one before it; ", i), 1+i%7)
		steps = append(steps, Send(RawPacked(wire.Text, p.Pack([]byte(message))...)))
		expects = append(expects, Text(message))
	}
	add("takeover-30-messages", "30 compressed messages that refer to earlier ones", Answers(expects...), steps...)

	// The second message equals the first, so it refers 20,000 bytes back.
	block, p := noise(20000), NewPacker()
	first, second := p.Pack(block), p.Pack(block)
	payload := Payload{Data: block}
	s.Add(Case{
		Name: "takeover-20000-bytes-back", Title: "A compressed message that refers 20,000 bytes back to the previous one", Keyword: Must, Duty: DutyParses, Section: "7.1.2",
		Requirement: "The window is 32,768 bytes unless the endpoints negotiated a smaller one.",
		Deflate:     &Deflate{Needs: takeoverFullWindow},
		Deadline:    Slowly,
		Steps:       []Step{Send(RawPacked(wire.Binary, first...)), Send(RawPacked(wire.Binary, second...))},
		Outcomes:    Answers(Of(wire.Binary, payload), Of(wire.Binary, payload)),
	})
	far := append(bytes.Clone(noise(32000)), noise(32000)...)
	s.Add(Case{
		Name: "window-32000-bytes-back", Title: "A message that refers 32,000 bytes back into itself", Keyword: Must, Duty: DutyParses, Section: "7.1.2",
		Requirement: "The window is 32,768 bytes unless the endpoints negotiated a smaller one.",
		Deadline:    Slowly,
		Deflate:     &Deflate{Needs: FullWindow}, Steps: []Step{Send(Packed(Of(wire.Binary, Payload{Data: far})))},
		Outcomes: Answers(Of(wire.Binary, Payload{Data: far})),
	})
}

// inflatingMuch has messages that are far longer than their compressed form.
func inflatingMuch(s *Section) {
	zeros := func(n int) Payload { return Payload{Data: []byte{0}, Size: n} }
	s.Add(Case{
		Name: "zeros-of-1-mib", Title: "1 MiB of zeros in about 1,000 bytes", Requirement: inflates, Keyword: Must, Duty: DutyParses, Section: "7.2.2",
		Deflate: &Deflate{Needs: inUse}, Steps: []Step{Send(zerosPacked(1 << 20))},
		Outcomes: WithLimit([]Frame{Of(wire.Binary, zeros(1<<20))}),
		Deadline: 2 * Slowly, Heavy: true,
	})
	s.Add(Case{
		Name: "text-of-1-mib", Title: "A compressed text message of 1 MiB", Requirement: inflates, Keyword: Must, Duty: DutyParses, Section: "7.2.2",
		Deflate: &Deflate{Needs: inUse}, Steps: []Step{Send(Packed(Of(wire.Text, TextOf(1<<20))))},
		Outcomes: WithLimit([]Frame{Of(wire.Text, TextOf(1<<20))}),
		Deadline: 2 * Slowly, Heavy: true,
	})
	bomb := zeros(48 << 20)
	s.Add(Case{
		Name: "bomb-of-48-mib", Title: "48 MiB of zeros in 48 KiB, a decompression bomb", Keyword: Should, Section: "10.4", RFC: 6455, Rules: []string{wire.RuleMessageSize.Code},
		Requirement: "An endpoint should limit the size of a message after decompression. The close code for a message that is too big is 1009 (§7.4.1).",
		Deflate:     &Deflate{Needs: inUse}, Steps: []Step{Send(zerosPacked(bomb.Len()))},
		Outcomes: append(Fails(wire.MessageTooBig), Outcome{Verdict: Note, Why: "it accepts 48 MiB from 48 KiB of compressed data", Sees: []Frame{Of(wire.Binary, bomb)}}),
		Deadline: 15 * time.Second, Heavy: true,
	})
}

// reservedOne has frames with RSV1, or with other reserved bits, that are not allowed.
func reservedOne(s *Section) {
	add := func(name, title string, deflate *Deflate, steps ...Step) {
		duty := DutyCompressed
		if f := steps[0].Frames[len(steps[0].Frames)-1]; deflate == nil || f.RSV&3 != 0 || !f.Opcode.IsControl() && f.Opcode != wire.Continuation {
			duty = DutyReserved
		}
		s.Add(Case{
			Name: name, Title: title, Keyword: Must, Duty: duty, Section: "6", Rules: []string{wire.RuleRSV1.Code}, Deflate: deflate, Steps: steps, Outcomes: Fails(wire.ProtocolError),
			Requirement: "A sender may set only RSV1, and only in the first frame of a compressed message. A receiver must fail the connection if any other reserved bit is 1.",
		})
	}
	agreed := &Deflate{Needs: inUse}
	add("rsv1-not-agreed", "RSV1 without a negotiated extension", nil, Send(RawPacked(wire.Text, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00)))
	add("rsv1-not-agreed-binary", "RSV1 in a binary frame without a negotiated extension", nil, Send(RawPacked(wire.Binary, 0x00)))
	add("rsv1-in-both-fragments", "RSV1 in the second fragment as well", agreed, Send(RawPacked(wire.Text, 0xf2, 0x48, 0xcd).More(), Frame{Fin: true, RSV: 4, Payload: Payload{Data: []byte{0xc9, 0xc9, 0x07, 0x00}}}))
	add("rsv1-in-second-fragment", "RSV1 only in the second fragment", agreed, Send(Text("Hel").More(), Cont("lo").WithRSV(4)))
	add("rsv1-in-ping", "RSV1 in a Ping after compression was negotiated", agreed, Send(Ping("Hello").WithRSV(4)))
	add("rsv1-in-empty-ping", "RSV1 in an empty Ping", agreed, Send(Ping("").WithRSV(4)))
	add("rsv1-in-pong", "RSV1 in a Pong after compression was negotiated", agreed, Send(Pong("Hello").WithRSV(4), Text("Hello")))
	add("rsv1-in-close", "RSV1 in a Close frame after compression was negotiated", agreed, Send(Close(1000, "").WithRSV(4)))
	add("rsv1-in-ping-between-fragments", "RSV1 in a Ping between two fragments", agreed, Send(RawPacked(wire.Text, 0xf2, 0x48, 0xcd).More(), Ping("!").WithRSV(4)))
	add("rsv1-and-rsv2", "RSV1 and RSV2", agreed, Send(Packed(Text("Hello")).WithRSV(6)))
	add("rsv1-and-rsv3", "RSV1 and RSV3", agreed, Send(Packed(Text("Hello")).WithRSV(5)))
	add("rsv2-alone", "RSV2 alone", agreed, Send(Text("Hello").WithRSV(2)))
	add("rsv3-alone", "RSV3 alone", agreed, Send(Text("Hello").WithRSV(1)))
	add("rsv1-with-opcode-3", "RSV1 with the reserved opcode 3", agreed, Send(Packed(Text("Hello")).WithOpcode(3)))
}

// corruptData has payloads that are not DEFLATE data or not UTF-8.
func corruptData(s *Section) {
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{
			Name: name, Title: title, Keyword: Should, Section: "7.2.2", Rules: []string{wire.RuleDeflateData.Code}, Deflate: &Deflate{Needs: inUse}, Steps: steps, Outcomes: outcomes,
			Requirement: "An endpoint that cannot decompress a message should not deliver it and should fail the connection. No MUST says so, and the RFCs do not name a close code: 1007 and 1002 fit.",
		})
	}
	either := Fails(wire.InvalidPayload, wire.ProtocolError)
	add("corrupt-block-type-3", "A block of type 3", either, Send(RawPacked(wire.Text, 0x06, 0x00)))
	add("corrupt-block-type-3-bfinal", "A block of type 3 with BFINAL set", either, Send(RawPacked(wire.Text, 0x07, 0x00)))
	add("corrupt-eight-bytes-ff", "Eight bytes 0xFF", either, Send(RawPacked(wire.Binary, bytes.Repeat([]byte{0xff}, 8)...)))
	add("corrupt-block-length", "A block without compression whose two length fields do not match", either, Send(RawPacked(wire.Text, 0x00, 0x05, 0x00, 0x05, 0x00, 'H', 'e', 'l', 'l', 'o', 0x00)))
	add("corrupt-distance", "A distance that reaches back before the first byte", either, Send(RawPacked(wire.Text, 0xf2, 0x00, 0x11, 0x00, 0x00)))
	add("corrupt-tables", "A block with invalid Huffman tables", either, Send(RawPacked(wire.Binary, 0x04, 0x00, 0xfe, 0xff, 0xff, 0xff, 0xff)))
	add("corrupt-plain-text", "Plain text with RSV1 set", either, Send(Text("Hello, this is no DEFLATE data").WithRSV(4)))
	add("corrupt-after-message", "A valid message, then a block of type 3",
		[]Outcome{{Sees: []Frame{Text("Hello")}, End: End{How: TargetFails, Codes: []wire.CloseCode{wire.InvalidPayload, wire.ProtocolError}}}},
		Send(Packed(Text("Hello"))), Await(1), Send(RawPacked(wire.Text, 0x06, 0x00)))
	add("corrupt-second-fragment", "A block of type 3 in the second fragment", either, Send(RawPacked(wire.Text, 0x00, 0x01, 0x00, 0xfe, 0xff, 'H').More(), Frame{Fin: true, Payload: Payload{Data: []byte{0x06, 0x00}}}))
	s.Add(Case{
		Name: "corrupt-cut-short", Title: "A message whose last bytes are missing", Keyword: Should, Section: "7.2.2", Deflate: &Deflate{Needs: inUse},
		Requirement: "A sender ends compressed data so that the appended 00 00 FF FF completes the last block. A receiver cannot decompress data that end inside another block.",
		Steps:       []Step{Send(RawPacked(wire.Binary, 0x00, 0x05, 0x00, 0xfa, 0xff, 'H', 'e'))},
		Outcomes: append(Fails(wire.InvalidPayload, wire.ProtocolError),
			Outcome{Verdict: Warning, Why: "it treats the 00 00 FF FF that it appended itself as part of the message", Sees: []Frame{Binary('H', 'e', 0, 0, 0xff)}},
			Outcome{Verdict: Warning, Why: "it treats the 00 00 FF FF that it appended itself as part of the message", Sees: []Frame{Binary('H', 'e', 0, 0, 0xff, 0xff)}},
			Outcome{Verdict: Warning, Why: "it delivers the beginning of an incomplete message", Sees: []Frame{Binary('H', 'e')}}),
	})
	utf8 := func(name, title string, steps ...Step) {
		s.Add(Case{
			Name: name, Title: title, Keyword: Must, Duty: DutyUTF8, Section: "8.1", RFC: 6455, Rules: []string{wire.RuleTextUTF8.Code}, Deflate: &Deflate{Needs: inUse},
			Requirement: "A compressed text message must be valid UTF-8 after decompression. A receiver that finds invalid UTF-8 must fail the connection.", Steps: steps, Outcomes: Fails(wire.InvalidPayload),
		})
	}
	utf8("not-utf-8-wrong-byte", "A compressed text message with an invalid byte", Send(Packed(Text("Hello \xc3\x28 World"))))
	utf8("not-utf-8-cut-character", "A compressed text message that ends inside a character", Send(Packed(Text("Hello \xe2\x82"))))
	utf8("not-utf-8-surrogate", "A compressed text message with a surrogate", Send(Packed(Text("\xed\xa0\x80"))))
	utf8("not-utf-8-in-fragments", "A compressed text message in three fragments with an invalid byte at the end", packedInParts(Text("Hello, Hello, Hello \xff"), 3)...)
}

// deflating is about the messages that the target compresses.
func deflating(s *Section) {
	unsupported := Outcome{Verdict: Note, Why: "it refuses a configuration that it does not support", End: End{How: TargetRefuses}}
	for bits := 8; bits <= 15; bits++ {
		// The judge sends this message without compression. So the target alone chooses
		// how far its echo refers back. Each block repeats an earlier block that is up to
		// two windows back.
		block := noise(min(2<<bits, 32000))
		far := slices.Concat(block, block, block[:100], block[:100])
		payload := Payload{Data: far}
		s.Add(Case{
			Name:        fmt.Sprintf("echo-window-of-%d-bits", bits),
			Title:       fmt.Sprintf("An echo within a window of %d bits", bits),
			Requirement: "An endpoint must not refer back farther than the window that it negotiated.", Keyword: Must, Duty: DutyKeepsBits, Section: "7.1.2", Rules: []string{wire.RuleDeflateWindow.Code},
			Deflate: &Deflate{
				Offer:  fmt.Sprintf("permessage-deflate; server_max_window_bits=%d", bits),
				Answer: fmt.Sprintf("permessage-deflate; client_max_window_bits=%d", bits),
				Needs:  inUse, Offered: bitsOffered,
			},
			Deadline: Slowly,
			Steps:    []Step{Send(Of(wire.Binary, payload)), Send(Of(wire.Binary, payload))}, Outcomes: append(Answers(Of(wire.Binary, payload), Of(wire.Binary, payload)), unsupported),
		})
	}
	alike := []Step{Send(Text("the same text again and again")), Send(Text("the same text again and again")), Send(Text("")), Send(Text("the same text again and again"))}
	echoes := Answers(Text("the same text again and again"), Text("the same text again and again"), Text(""), Text("the same text again and again"))
	s.Add(Case{
		Name: "echo-without-takeover", Title: "Echoes that do not refer to one another", Requirement: "An endpoint that negotiated no context takeover must compress each message on its own.", Keyword: Must, Duty: DutyKeepsContext, Section: "7.1.1", Rules: []string{wire.RuleDeflateTakeover.Code},
		Deflate: &Deflate{
			Offer: "permessage-deflate; server_no_context_takeover", Needs: inUse,
			Answer:  "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
			Offered: withoutOffer("server_max_window_bits"),
		},
		Steps: alike, Outcomes: append(slices.Clone(echoes), unsupported),
	})
	s.Add(Case{
		Name: "echo-with-takeover", Title: "Echoes that may refer to one another", Requirement: "An endpoint must compress its messages so that a receiver can decompress them, with the earlier messages as context.", Keyword: Must, Duty: DutyCompresses, Section: "7.2.1",
		Deflate: &Deflate{Needs: inUse}, Steps: alike, Outcomes: echoes,
	})
	for _, n := range []int{1, 125, 126, 127, 1000, 65535, 65536, 200000} {
		s.Add(Case{
			Name: fmt.Sprintf("echo-of-%d", n), Title: fmt.Sprintf("The echoes of a text and a binary message of %s", Counted(n)), Requirement: "An endpoint must compress its messages so that a receiver can decompress them, with the earlier messages as context.", Keyword: Must, Duty: DutyCompresses, Section: "7.2.1",
			Deflate: &Deflate{Needs: inUse}, Deadline: Slowly,
			Steps:    []Step{Send(Of(wire.Text, TextOf(n))), Send(Of(wire.Binary, Payload{Data: noise(n)}))},
			Outcomes: Answers(Of(wire.Text, TextOf(n)), Of(wire.Binary, Payload{Data: noise(n)})),
		})
	}
}

// zerosPacked returns a compressed binary message of n zeros, a multiple of 64 KiB. It
// compresses 64 KiB once and repeats the blocks.
func zerosPacked(n int) Frame {
	const size = 64 << 10
	block := append(PackAlone(make([]byte, size)), 0x00, 0x00, 0xff, 0xff)
	return Frame{Fin: true, RSV: 4, Opcode: wire.Binary, Payload: Payload{Data: block, Size: n/size*len(block) - 4}}
}

// packedInParts returns a step that sends f, compressed, in n fragments.
func packedInParts(f Frame, n int) []Step {
	b := Packed(f).Payload.Bytes()
	var frames []Frame
	for i := range n {
		part := b[len(b)*i/n : len(b)*(i+1)/n]
		frames = append(frames, Frame{Payload: Payload{Data: part}})
	}
	frames[0].RSV, frames[0].Opcode = 4, f.Opcode
	frames[n-1].Fin = true
	return []Step{Send(frames...)}
}

// packedWith returns message compressed at level. If each is not 0, every block holds
// each bytes of the message.
func packedWith(level int, message []byte, each int) []byte {
	p := new(Packer)
	p.Flate, _ = flate.NewWriter(&p.Out, level) // it fails only for levels that do not exist
	for each > 0 && len(message) > each {
		_, _ = p.Flate.Write(message[:each])
		_ = p.Flate.Flush()
		message = message[each:]
	}
	_, _ = p.Flate.Write(message)
	_ = p.Flate.Flush()
	return p.Out.Bytes()[:p.Out.Len()-4]
}

// noise returns n incompressible bytes, the same in every run. The caller must not
// change them.
func noise(n int) []byte { return allNoise()[:n:n] }

var allNoise = sync.OnceValue(func() []byte {
	b := make([]byte, 200000)
	_, _ = rand.NewChaCha8([32]byte{76, 92}).Read(b) // it never fails
	return b
})
