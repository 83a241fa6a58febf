package verdict

import (
	"testing"

	"wslab/compare/suite/cases"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
)

func TestOnlyAMUSTCanBeFailed(t *testing.T) {
	for _, c := range cases.All() {
		r := &judging{Report: Report{Case: c, Verdict: spec.Fail, Closing: spec.Fail, Reason: "It did something.", Caret: -1}, Transcript: &transcript.Transcript{}}
		conclude(c, r)
		if failed := r.Worst() == spec.Fail; failed != (c.Keyword == spec.Must) {
			t.Errorf("%s is a %s, and an endpoint that breaks it gets %s", c, c.Keyword, r.Worst())
		}
	}
}
