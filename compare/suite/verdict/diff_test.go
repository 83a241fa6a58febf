package verdict

import (
	"strings"
	"testing"

	"wslab/compare/suite/cases"
	"wslab/compare/suite/spec"
)

func TestWhereMoreCrossedThanIsKeptTheVerdictsAreCompared(t *testing.T) {
	c := &spec.Case{Keyword: spec.Must}
	a := Align(c, []Report{{Endpoint: "a", partial: true}, {Endpoint: "b"}})
	if !a.Partial || !a.Same() || len(a.Steps) > 0 {
		t.Errorf("%+v", a)
	}
	a = Align(c, []Report{{Endpoint: "a", partial: true}, {Endpoint: "b", Closing: spec.Fail}})
	if a.Same() || a.Words != "b breaks a MUST" || a.Did(0) != "nothing" {
		t.Errorf("%+v", a)
	}
}

func TestWhatIsExpectedOfAThousandMessagesIsToldInALine(t *testing.T) {
	for _, c := range cases.All() {
		if n := len(expected(c)); n > 450 {
			t.Errorf("%s: %d characters: %s", c.ID, n, expected(c))
		}
	}
	if got := strings.Join(spec.Shortened([]string{"a", "a", "a", "b", "a"}), "; "); got != "3 times a; b; a" {
		t.Error(got)
	}
	if got := strings.Join(spec.Shortened([]string{"1", "2", "3", "4", "5", "6", "7", "8", "8"}), ""); got != "1234563 more" {
		t.Error(got)
	}
}
