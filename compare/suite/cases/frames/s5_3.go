package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section53 is RFC 6455 §5.3. A client masks byte i of a payload with byte i mod 4 of a
// masking key, and chooses a new key for every frame. Most cases are for servers only,
// because a judge that is a server does not mask.
func Section53() []*Case {
	s := Section{Name: "5.3", In: "5.3"}
	const requirement = "A server must XOR byte i of the payload with byte i mod 4 of the masking key. A client may choose any key."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyUnmasks, OneSided: true, Steps: steps, Outcomes: outcomes})
	}
	for _, key := range [][]byte{
		{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 1}, {0x80, 0, 0, 0}, {'H', 'e', 'l', 'l'}, {0x37, 0xfa, 0x21, 0x3d},
	} {
		add(fmt.Sprintf("key-%x", key), fmt.Sprintf("The masking key % x", key), Answers(Text("Hello, world")), Send(Text("Hello, world").WithKey(key...)))
	}
	for n := 1; n <= 9; n++ {
		p := TextOf(n)
		add(fmt.Sprintf("payload-of-%d", n), fmt.Sprintf("A payload of %s, masked with the key 01 02 03 04", Counted(n)), Answers(Of(wire.Text, p)),
			Send(Of(wire.Text, p).WithKey(1, 2, 3, 4)))
	}
	add("key-of-each-fragment", "Fragments of 1, 2, 3 and 6 bytes, each with its own masking key", Answers(Text("Hello, world")),
		Send(Text("H").More().WithKey(1, 2, 3, 4), Cont("el").More().WithKey(5, 6, 7, 8), Cont("lo,").More().WithKey(9, 10, 11, 12), Cont(" world").WithKey(13, 14, 15, 16)))
	add("payload-byte-by-byte", "A masked payload of 12 bytes, byte by byte", Answers(Text("Hello, world")),
		Send(Text("Hello, world").WithKey(0xa1, 0xb2, 0xc3, 0xd4)).InPieces(1))
	add("payload-of-1000-in-writes-of-7", "A masked payload of 1,000 bytes in TCP writes of 7 bytes", Answers(Of(wire.Text, TextOf(1000))),
		Send(Of(wire.Text, TextOf(1000)).WithKey(0xa1, 0xb2, 0xc3, 0xd4)).InPieces(7))

	var frames []Frame
	var echoes []Frame
	for i := range 8 {
		m := fmt.Sprintf("message %d", i)
		frames, echoes = append(frames, Text(m)), append(echoes, Text(m))
	}
	s.AddForClients(Case{
		Name: "new-key-for-each-frame", Title: "The masking keys of eight messages",
		Requirement: "A client must choose a new and unpredictable masking key for every frame.", Keyword: Must, Duty: DutyFreshKey,
		Steps: []Step{Send(frames...)}, Outcomes: Answers(echoes...), Also: freshKeys,
	})
	return s.Cases
}

// freshKeys checks that the client used different masking keys. Two equal keys can be
// chance: two random keys are equal once in 2^32.
func freshKeys(saw []Message) Finding {
	keys := map[[4]byte]int{}
	n := 0
	for _, s := range saw {
		for _, f := range s.Frames {
			keys[f.Header.Key]++
			n++
		}
	}
	switch {
	case n < 2 || len(keys) == n:
		return Finding{}
	case len(keys) == 1:
		return Found(Fail, "all %d frames have the masking key % x", n, saw[0].Frames[0].Header.Key).Showing("masking-key-constant")
	}
	return Found(Warning, "%d frames have only %d different masking keys", n, len(keys))
}
