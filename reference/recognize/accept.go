package recognize

import (
	"iter"
	"slices"
	"strings"

	"wslab/reference/wire"
)

// Mistake names the mistake by which a server computed got as the Sec-WebSocket-Accept for
// key. code is for programs, words are for people. Both are empty if got is right. If no
// known mistake gives got, code is empty and words say so.
//
// A server computes the value in steps: it takes the key, appends the GUID, hashes both,
// and writes the hash (RFC 6455 §4.2.2). Mistake tries every slip in every step, and every
// two slips in different steps, and compares the results. If two slips are necessary, code
// is that of the slip in the earlier step. If several slips alone give got, words name all
// of them, and code is that of the first.
func Mistake(key, got string) (code, words string) {
	switch got {
	case wire.Accept(key):
		return "", ""
	case "":
		return "", "there is no Sec-WebSocket-Accept"
	case key:
		return "accept-is-key", "the server sent the key back unchanged"
	}
	var codes, alone []string
	for _, s := range slips {
		if s.Value(key) == got && !slices.Contains(codes, s.Code) {
			codes, alone = append(codes, s.Code), append(alone, s.words)
		}
	}
	if len(codes) > 0 {
		return codes[0], strings.Join(alone, ", or ")
	}
	for slips := range pairs() {
		if made(key, slips) != got {
			continue
		}
		var says []string
		for _, s := range slips {
			says = append(says, s.words)
		}
		return slips[0].Code, strings.Join(says, ", and ")
	}
	return "", "no known mistake gives this value"
}

// pairs yields every two slips in different steps that may be combined.
func pairs() iter.Seq[[]Slip] {
	return func(yield func([]Slip) bool) {
		for i, a := range slips {
			for _, b := range slips[i+1:] {
				if a.step != b.step && !a.alone && !b.alone && !yield([]Slip{a, b}) {
					return
				}
			}
		}
	}
}

// made returns the value that a server with these slips computes for key.
func made(key string, slips []Slip) string {
	at := func(step step, s string) string {
		for _, slip := range slips {
			if slip.step == step {
				return slip.does(s)
			}
		}
		return usual[step](s)
	}
	s := at(stepKey, key)
	s = at(stepJoin, s)
	s = at(stepText, s)
	s = at(stepHash, s)
	s = at(stepDigest, s)
	return at(stepWrite, s)
}

// Gives reports whether a slip called code, alone, gives got for key. One value can have
// several names: a key without capitals does not show whether it was changed to lower case.
func Gives(code, key, got string) bool {
	return slices.ContainsFunc(slips, func(s Slip) bool { return s.Code == code && s.Value(key) == got })
}
