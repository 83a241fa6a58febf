package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wslab/compare/endpoint"
	"wslab/compare/suite"
)

// A parting has the reports of several targets for one case, and the first difference
// between them.
type parting struct {
	suite.Alignment
	title string
}

// MarshalJSON writes only the first difference.
func (p parting) MarshalJSON() ([]byte, error) {
	type at struct {
		Case    string            `json:"case"`
		Amounts suite.Verdict     `json:"amounts"`
		Words   string            `json:"words"`
		Did     map[string]string `json:"did,omitempty"`
		Differs []string          `json:"differs,omitempty"`
	}
	a := at{Case: p.Case, Amounts: p.Amounts, Words: p.Words}
	if p.First >= 0 {
		a.Did, a.Differs = map[string]string{}, p.Steps[p.First].Differs
		for n, name := range p.Endpoints {
			a.Did[name] = p.Did(n)
		}
	}
	return json.Marshal(a)
}

// align groups the reports by case. It returns the cases that all targets ran.
func align(targets []string, reports []suite.Report) []parting {
	if len(targets) < 2 {
		return nil
	}
	var order []*suite.Case
	of := map[*suite.Case][]suite.Report{}
	known := map[*suite.Case]bool{}
	for _, r := range reports {
		if !known[r.Case] {
			known[r.Case] = true
			order = append(order, r.Case)
		}
		if slices.Contains(targets, r.Endpoint) {
			of[r.Case] = append(of[r.Case], r)
		}
	}
	var list []parting
	for _, c := range order {
		if len(of[c]) == len(targets) {
			list = append(list, parting{suite.Align(c, of[c]), c.Title})
		}
	}
	return list
}

// partings shows where targets differ. If each is set, it shows the first difference of
// every case. Otherwise it counts the differences of each kind.
func (t *terminal) partings(list []parting, each bool) {
	if len(list) == 0 {
		return
	}
	names := list[0].Endpoints
	counts := map[suite.Verdict]int{}
	for _, p := range list {
		counts[p.Amounts]++
		if !each || p.Same() {
			continue
		}
		if len(list) > 1 {
			t.note(fmt.Sprintf("%s %s", p.Case, p.title))
		}
		t.note("First difference: " + p.Words + ".")
		if p.First < 0 {
			t.note("")
			continue // the difference is too long to compare
		}
		width := 0
		for _, name := range names {
			width = max(width, len(name))
		}
		for n, name := range names {
			t.note(fmt.Sprintf("  %-*s  %s", width, name, p.Did(n)))
		}
		step := p.Steps[p.First]
		told := step.Differs
		if slices.Contains(step.Cells, nil) {
			told = told[1:] // the lines above already say that
		}
		for _, d := range told {
			t.note("  " + d + ".")
		}
		t.note("")
	}
	if each && slices.ContainsFunc(list, func(p parting) bool { return !p.Same() }) {
		return
	}
	who := strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	line := fmt.Sprintf("%s did the same in %d of %s", who, counts[suite.Pass], plural(len(list), "case"))
	var rest []string
	for _, kind := range []struct {
		of    suite.Verdict
		words string
	}{
		{suite.Note, "in %d both are allowed"}, {suite.Warning, "in %d one breaks a SHOULD or is lax"}, {suite.NotJudged, "%d were not judged at every target"},
		{suite.NoAnswer, "in %d one did not answer in time"}, {suite.Fail, "in %d one breaks a MUST"},
	} {
		if n := counts[kind.of]; n > 0 {
			rest = append(rest, fmt.Sprintf(kind.words, n))
		}
	}
	if len(rest) > 0 {
		line += "; of the others " + strings.Join(rest, ", ") + ".\nName up to ten cases to see each first difference"
	}
	t.note(line + ".\n")
}

// conclusion sums up the results of the endpoints of this module.
func (t *terminal) conclusion(reports []suite.Report, well bool) {
	judged, failed := map[string]int{}, map[string]int{}
	for _, r := range reports {
		judged[r.Endpoint]++
		if r.Worst() == suite.Fail {
			failed[r.Endpoint]++
		}
	}
	if !well {
		t.note("× Not everything is as expected. See the lines above.")
		return
	}
	t.note(fmt.Sprintf("✔ The reference passes %s. Gorilla fails %d of them, for known reasons\n(compare/runner/differences.go). The naive server fails %d, on purpose.",
		plural(judged[endpoint.Reference], "case"), failed[endpoint.Gorilla], failed[endpoint.Naive]))
}
