package scenario

import (
	"strings"
	"testing"
)

func TestEveryCommandIsAWholeRow(t *testing.T) {
	begins := map[Who]string{ByServer: "server ", ByWire: "wire "}
	seen := map[string]bool{}
	for _, v := range verbs {
		missing := func(what string) { t.Helper(); t.Errorf("the row of %q in verbs.go: %s", v.words, what) }
		if v.words != strings.Join(strings.Fields(strings.ToLower(v.words)), " ") || v.words == "" {
			missing("write words in lower case with one space between two of them")
		}
		if seen[v.words] {
			missing("these words are those of another row")
		}
		seen[v.words] = true
		if v.says == "" {
			missing("write in says what it does; compare/README.md shows it")
		}
		if v.args.parse == nil {
			missing("set args, to nothing where no arguments follow the words")
			continue
		}
		for who, prefix := range begins {
			if strings.HasPrefix(v.words, prefix) != (v.who == who) {
				missing("who and the first word do not fit each other")
			}
		}
		switch {
		case v.play != nil:
		case v.who == ByServer && v.server == nil:
			missing("set server to a function that has the Actor do it")
		case v.who == ByWire && v.line == nil:
			missing("set line to a function that does it to the connection")
		case v.who == ByClient && v.raw == nil:
			missing("set raw to a function that has a raw client do it")
		case v.who == ByNobody:
			missing("set play to a function that does it")
		}
		text := "# x\n" + v.needs.setting() + "\nopen\n" + joined(v.words, v.args.example)
		if v.awaits == AwaitsOpening {
			text = "# x\n" + joined(v.words, v.args.example)
		}
		if s, err := Parse("example", text); err != nil {
			missing("its example cannot be parsed: " + err.Error())
		} else if last := s.Commands[len(s.Commands)-1]; last.verb != v {
			missing("the words of another row, " + last.Verb + ", fit its example better")
		}
	}
}
