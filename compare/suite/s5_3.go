package suite

import (
	"fmt"

	"wslab/reference/wire"
)

// section53 is RFC 6455 §5.3: byte i of a payload is masked with byte i mod 4
// of a key that is new for every frame. A judge that is a server masks nothing,
// so what servers are asked says nothing of clients.
func section53() []*Case {
	s := group{name: "5.3", section: "5.3"}
	const requirement = "Byte i of the payload is XORed with byte i mod 4 of the masking key, whatever the key is."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyUnmasks, OneSided: true, Steps: steps, Outcomes: outcomes})
	}
	for _, key := range [][]byte{
		{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 1}, {0x80, 0, 0, 0}, {'H', 'e', 'l', 'l'}, {0x37, 0xfa, 0x21, 0x3d},
	} {
		add(fmt.Sprintf("key-%x", key), fmt.Sprintf("The masking key % x", key), answers(texts("Hello, world")), send(text("Hello, world").key(key...)))
	}
	for n := 1; n <= 9; n++ {
		p := textOf(n)
		add(fmt.Sprintf("payload-of-%d", n), fmt.Sprintf("A payload of %s, each under its byte of the key", counted(n)), answers(sees(wire.Text, p)),
			send(of(wire.Text, p).key(1, 2, 3, 4)))
	}
	add("key-of-each-fragment", "Fragments of 1, 2, 3 and 5 bytes, each with a key of its own, which begins anew", answers(texts("Hello, world")),
		send(text("H").more().key(1, 2, 3, 4), cont("el").more().key(5, 6, 7, 8), cont("lo,").more().key(9, 10, 11, 12), cont(" world").key(13, 14, 15, 16)))
	add("payload-byte-by-byte", "A masked payload that TCP cuts after each byte", answers(texts("Hello, world")),
		send(text("Hello, world").key(0xa1, 0xb2, 0xc3, 0xd4)).every(1))
	add("payload-of-1000-in-writes-of-7", "A masked payload of 1,000 bytes that TCP cuts after each 7", answers(sees(wire.Text, textOf(1000))),
		send(of(wire.Text, textOf(1000)).key(0xa1, 0xb2, 0xc3, 0xd4)).every(7))

	var frames []Frame
	var echoes []Expect
	for i := range 8 {
		m := fmt.Sprintf("message %d", i)
		frames, echoes = append(frames, text(m)), append(echoes, texts(m))
	}
	s.addForClients(Case{
		Name: "new-key-for-each-frame", Title: "The masking keys of eight messages",
		Requirement: "A client chooses a new and unpredictable masking key for every frame.", Keyword: Must, Duty: dutyFreshKey,
		Steps: []Step{send(frames...)}, Outcomes: answers(echoes...), also: freshKeys,
	})
	return s.cases
}

// freshKeys holds that the frames that came have not all the same masking key.
// Two that are alike may be chance, one in four thousand million.
func freshKeys(saw []seen) finding {
	keys := map[[4]byte]int{}
	n := 0
	for _, s := range saw {
		for _, f := range s.frames {
			keys[f.header.Key]++
			n++
		}
	}
	switch {
	case n < 2 || len(keys) == n:
		return finding{}
	case len(keys) == 1:
		return found(Fail, "all %d frames have the masking key % x", n, saw[0].frames[0].header.Key).shows("masking-key-constant")
	}
	return found(Warning, "%d frames have only %d different masking keys", n, len(keys))
}
