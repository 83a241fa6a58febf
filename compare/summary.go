package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"wslab/compare/runner"
	"wslab/compare/suite"
)

// fewMistakes is the largest number of mistakes that are listed with advice. More of them
// would not fit on a screen.
const fewMistakes = 2

// diagnoses lists the probable mistakes of the targets.
func (t *terminal) diagnoses(list []suite.Diagnosis) {
	of := map[string]int{}
	for _, d := range list {
		of[d.Endpoint]++
	}
	name := ""
	for _, d := range list {
		if d.Endpoint != name {
			name = d.Endpoint
			t.wrapped("", "What seems to be wrong with "+name)
		}
		t.wrapped("  ", "- "+d.Mistake.Says)
		brief := of[name] > fewMistakes && t.cases > runner.Few
		if !brief {
			t.wrapped("    ", d.Mistake.Instead)
			t.wrapped("    ", "Usually: "+d.Mistake.Usually+".")
		}
		t.wrapped("    ", fmt.Sprintf("%s, %s; %s", d.Mistake.Code, d.Mistake.Section, evidence(d)))
		if !brief {
			t.wrapped("    ", "Cases: "+proofs(d.Cases))
		}
	}
}

// evidence counts the cases for and against d.
func evidence(d suite.Diagnosis) string {
	text := "shown by " + plural(len(d.Cases), "case")
	switch {
	case !d.Weighed:
	case len(d.Against) == 0:
		text += ", against: none"
	default:
		text += fmt.Sprintf(", against: %s (%s)", plural(len(d.Against), "case"), proofs(d.Against))
	}
	return text
}

// wrapped writes text in lines of at most columns, each after indent.
func (t *terminal) wrapped(indent, text string) {
	line := indent
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns && strings.TrimSpace(line) != "" {
			t.note(line)
			line = indent
			if strings.HasPrefix(text, "- ") {
				line += "  "
			}
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += word
	}
	t.note(line)
}

// result sums up the reports of each target in its last lines: the numbers, and the worst
// mistake.
func (t *terminal) result(targets []string, reports []suite.Report, diagnoses []suite.Diagnosis) {
	for _, name := range targets {
		count := map[suite.Verdict]int{}
		var first *suite.Report
		for i, r := range reports {
			if r.Endpoint != name {
				continue
			}
			count[r.Worst()]++
			if r.Worst() > suite.Warning && r.Verdict.Judged() && (first == nil || r.Worst() > first.Worst()) {
				first = &reports[i]
			}
		}
		var parts []string
		for _, kind := range []struct {
			of    suite.Verdict
			words string
		}{
			{suite.Fail, "fail (× breaks a MUST)"}, {suite.NoAnswer, "no answer (∅)"}, {suite.NotJudged, "not judged (?)"},
			{suite.Warning, "warning (≈)"}, {suite.Note, "note (i, allowed)"}, {suite.Pass, "pass (✔)"},
		} {
			if n := count[kind.of]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, kind.words))
			}
		}
		t.wrapped("", name+": "+strings.Join(parts, ", ")+".")
		d, named := worst(name, reports, diagnoses)
		switch {
		case named:
			t.wrapped("", fmt.Sprintf("× Worst mistake: %s (%s)", d.Mistake.Says, d.Mistake.Code))
		case first != nil:
			t.wrapped("", fmt.Sprintf("%s Worst case: %s: %s", first.Worst().Glyph(), first.Case.ID, because(*first)))
		case count[suite.Warning] > 0:
			t.wrapped("", "≈ It breaks no MUST.")
		default:
			t.wrapped("", "✔ Nothing is wrong.")
		}
	}
}

// worst returns the diagnosis of the target called name whose cases have the worst
// verdict. Of several, it returns the one with the most cases. ok is false if no
// diagnosis has a case that is worse than a warning.
func worst(name string, reports []suite.Report, diagnoses []suite.Diagnosis) (found suite.Diagnosis, ok bool) {
	verdicts := map[string]suite.Verdict{}
	for _, r := range reports {
		if r.Endpoint == name {
			verdicts[r.Case.ID] = r.Worst()
		}
	}
	most := suite.Warning
	for _, d := range diagnoses {
		if d.Endpoint != name {
			continue
		}
		gravest := suite.Pass
		for _, id := range d.Cases {
			gravest = max(gravest, verdicts[id])
		}
		if gravest > most || gravest == most && ok && len(d.Cases) > len(found.Cases) {
			found, most, ok = d, gravest, true
		}
	}
	return found, ok
}

// upToFirst runs the cases section by section, and stops after the first section in which
// a case fails. run runs the cases of one section.
func (j judging) upToFirst(cases []*suite.Case, run func([]*suite.Case) ([]suite.Report, error)) (reports []suite.Report, err error) {
	for begin := 0; begin < len(cases); {
		end := begin + 1
		for end < len(cases) && cases[end].Group() == cases[begin].Group() {
			end++
		}
		var own []suite.Report
		own, err = run(cases[begin:end])
		reports = append(reports, own...)
		if err != nil || len(own) < end-begin || firstFailure(j, own) != nil {
			break
		}
		begin = end
	}
	return reports, err
}

// firstFailure returns the first failed report, or nil.
func firstFailure(j judging, reports []suite.Report) *suite.Report {
	for i := range reports {
		if j.fails(reports[i]) {
			return &reports[i]
		}
	}
	return nil
}

// toDo shows the first failed case, its mistake and what to do next. again is the command
// that was run. It returns the status.
func (j judging) toDo(cases []*suite.Case, reports []suite.Report, again string, t *terminal) int {
	t.end()
	r := firstFailure(j, reports)
	if r == nil {
		t.wrapped("", fmt.Sprintf("✔ No mistake was found. %s ran.", plural(len(reports), "case")))
		return allWell
	}
	t.wrapped("", fmt.Sprintf("%s %s  %s", r.Worst().Glyph(), r.Case.ID, r.Case.Title))
	t.wrapped("  ", because(*r))
	t.crossed(*r, false)
	own := suite.DiagnoseAll(reports)
	d, named := worst(r.Endpoint, reports, own)
	for _, other := range own {
		for _, id := range other.Cases {
			if id == r.Case.ID && other.Endpoint == r.Endpoint {
				d, named = other, true
			}
		}
	}
	t.note("")
	if named {
		t.wrapped("", "What seems to be wrong: "+d.Mistake.Says)
		t.wrapped("  ", d.Mistake.Instead)
		t.wrapped("  ", fmt.Sprintf("%s, %s; %s", d.Mistake.Code, d.Mistake.Section, evidence(d)))
	}
	t.wrapped("", fmt.Sprintf("Stopped after §%s. %s of %d ran.", r.Case.Group(), plural(len(reports), "case"), len(cases)))
	t.wrapped("", "Next: mend this, and run the same command again. All bytes of this case: "+again+" "+strings.TrimSuffix(r.Case.ID, "-client"))
	return somethingFailed
}
