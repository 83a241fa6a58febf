package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
)

// results is all that a run of judge came to.
type results struct {
	Seed    int            `json:"seed"`
	Targets []string       `json:"targets"`
	Cases   []*suite.Case  `json:"cases"`
	Reports []suite.Report `json:"reports"`
	// Habits are what a target does in many cases.
	Habits []suite.Habit `json:"habits,omitempty"`
	// Partings are the cases in which several targets differ.
	Partings []parting `json:"partings,omitempty"`
	// Diagnoses are what seems to be wrong with each target.
	Diagnoses []suite.Diagnosis `json:"diagnoses"`
}

func writeJSON(w io.Writer, r results) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// The elements of JUnit's XML that build servers read.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Error   *junitFailure `xml:"error"`
	Skipped *junitFailure `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit gives what failed as failures, no answer in time as an error, what was
// not judged as skipped, and what is not strict in the output of its case.
func writeJUnit(w io.Writer, r results) error {
	var all junitSuites
	for _, name := range r.Targets {
		s := junitSuite{Name: name}
		var total float64
		for _, report := range r.Reports {
			if report.Endpoint != name {
				continue
			}
			c := junitCase{
				Class: name + ".rfc" + fmt.Sprint(report.Case.RFC) + "_" + strings.ReplaceAll(report.Case.Group(), ".", "_"),
				Name:  report.Case.String(), Time: fmt.Sprintf("%.3f", report.Took.Seconds()),
			}
			text := report.Text()
			switch report.Worst() {
			case suite.Pass:
			case suite.Fail:
				s.Failures++
				c.Failure = &junitFailure{Message: because(report), Text: text}
			case suite.NoAnswer:
				s.Errors++
				c.Error = &junitFailure{Message: because(report), Text: text}
			case suite.NotJudged:
				s.Skipped++
				c.Skipped = &junitFailure{Message: because(report), Text: text}
			default:
				c.Out = because(report) + "\n" + text
			}
			s.Tests++
			total += report.Took.Seconds()
			s.Cases = append(s.Cases, c)
		}
		s.Time = fmt.Sprintf("%.3f", total)
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	return e.Encode(all)
}

// writeHTML writes a page that needs nothing beside it.
func writeHTML(w io.Writer, r results) error {
	type row struct {
		Group string
		Cells []string
	}
	type shown struct {
		suite.Report
		Parted string // where the targets part
	}
	type target struct {
		Name      string
		Reports   []shown
		Diagnoses []suite.Diagnosis
		Habits    []suite.Habit
	}
	parted := map[string]string{}
	for _, p := range r.Partings {
		if p.Same() {
			continue
		}
		parted[p.Case] = "Where they first part: " + p.Words + "."
		for n, name := range p.Endpoints {
			if p.First >= 0 {
				parted[p.Case] += fmt.Sprintf("\n%s: %s", name, p.Did(n))
			}
		}
	}
	var page struct {
		results
		Rows []row
		Per  []target
	}
	page.results = r
	for _, name := range r.Targets {
		t := target{Name: name}
		for _, d := range r.Diagnoses {
			if d.Endpoint == name {
				t.Diagnoses = append(t.Diagnoses, d)
			}
		}
		for _, h := range r.Habits {
			if h.Endpoint == name {
				t.Habits = append(t.Habits, h)
			}
		}
		for _, report := range r.Reports {
			if report.Endpoint == name && report.Worst() != suite.Pass {
				t.Reports = append(t.Reports, shown{report, parted[report.Case.ID]})
			}
		}
		page.Per = append(page.Per, t)
	}
	for _, group := range append(groupsOf(r.Reports), "all") {
		line := row{Group: group}
		for _, name := range r.Targets {
			behaviour, closing := map[suite.Verdict]int{}, map[suite.Verdict]int{}
			for _, report := range r.Reports {
				if report.Endpoint == name && (group == "all" || report.Case.Group() == group) {
					behaviour[report.Verdict]++
					closing[report.Closing]++
				}
			}
			line.Cells = append(line.Cells, cell(behaviour), cell(closing))
		}
		page.Rows = append(page.Rows, line)
	}
	return resultsPage.Execute(w, page)
}

var resultsPage = template.Must(template.New("results").Funcs(template.FuncMap{
	"because": because, "words": suite.Report.Words, "bits": suite.Report.Bits, "proofs": proofs, "transcript": suite.Report.Transcript,
}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>WebSocket cases: {{range $i, $t := .Targets}}{{if $i}}, {{end}}{{$t}}{{end}}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 20%, transparent) }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse } th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
.wide { overflow-x: auto } .wide td, .wide th { white-space: nowrap }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .6rem .8rem; border-left: 3px solid var(--line); margin: .4rem 0 1rem }
pre.bytes { white-space: pre; overflow: auto }
summary { cursor: pointer; padding: .15rem 0 } summary b { display: inline-block; min-width: 6.5rem }
.no-answer > summary i, .not-judged > summary i { color: light-dark(#555, #bbb) }
.fail > summary i { color: light-dark(#b00020, #ff8a8a) } .warning > summary i { color: light-dark(#8a5a00, #ffc46b) }
summary em { font-style: normal; font-size: .85em; display: inline-block; min-width: 4.2rem } h4 { margin: .6rem 0 0; font-size: 1em }
summary i { font-style: normal; font-weight: bold; display: inline-block; width: 1.4rem }
</style>
<h1>WebSocket cases</h1>
<p>{{len .Cases}} cases of RFC 6455, seed {{.Seed}}. ✔ pass, i note (legal), ≈ warning (breaks a SHOULD or is lax), × fail (breaks a MUST), ∅ no answer in time, ? not judged.
For each target the first cell is its behavior, the second how the connection ended.</p>
<div class="wide"><table><tr><th>section{{range .Targets}}<th>{{.}}<th>closing{{end}}</tr>
{{range .Rows}}<tr><td>{{.Group}}{{range .Cells}}<td>{{.}}{{end}}</tr>
{{end}}</table></div>
{{range .Per}}<h2>{{.Name}}</h2>
{{if not .Reports}}<p>Every case is passed.</p>{{end}}
{{if .Diagnoses}}<h3>What seems to be wrong</h3><ul>
{{range .Diagnoses}}<li><b>{{.Mistake.Says}}</b> {{.Mistake.Instead}} Usually: {{.Mistake.Usually}}. <small>{{.Mistake.Code}}, {{.Mistake.Section}}; shown by {{proofs .Cases}}</small></li>
{{end}}</ul>{{end}}
{{if .Habits}}<h3>The same in many cases</h3><ul>
{{range .Habits}}<li>{{.Verdict.Glyph}} {{.Verdict.Word}} in {{len .Cases}} cases: {{.Says}} <small>{{proofs .Cases}}</small></li>
{{end}}</ul>{{end}}
{{range .Reports}}<details class="{{.Worst}}"><summary><i>{{.Worst.Glyph}}</i><em>{{.Worst.Word}}</em> <b>{{.Case.ID}}</b> {{.Case.Title}}</summary>
<p>{{because .Report}}</p><pre>{{words .Report}}{{with .Parted}}

{{.}}{{end}}</pre>{{with bits .Report}}<h4>What is wrong first</h4><pre class="bytes" tabindex="0">{{.}}</pre>{{end}}
{{- with transcript .Report}}<h4>All that was sent, in order</h4><pre class="bytes" tabindex="0">{{.}}</pre>{{end}}</details>
{{end}}{{end}}</html>
`))

// expectations is what is known beforehand of the endpoints of this module.
type expectations struct {
	cases   []*suite.Case
	reports []suite.Report
}

// endpoints returns those whose failures are expected: what gorilla does is held
// by the table of differences, and the weekend server is there to fail.
func (expectations) endpoints() []string { return []string{endpoint.Gorilla, endpoint.Naive} }

// undecided returns how many reports of the endpoints whose outputs are kept have
// no verdict.
func (e expectations) undecided() int {
	n := 0
	for _, r := range e.reports {
		if r.Endpoint != endpoint.Naive && (r.Worst() == suite.NoAnswer || r.Worst() == suite.NotJudged) {
			n++
		}
	}
	return n
}

// differences returns a line for each difference between the reference and
// gorilla that nobody has explained, and for each explanation without one.
func (e expectations) differences() []string {
	var lines []string
	for _, err := range runner.CheckDifferences(e.cases, e.reports) {
		lines = append(lines, "× "+err.Error())
	}
	return lines
}

// writeOutputs writes a line for each case to dir/suite-ENDPOINT.txt, without
// what differs from run to run. The weekend server is left out: it takes one read
// of TCP for one frame, so what it does is never quite the same.
func writeOutputs(dir string, reports []suite.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	texts := map[string]*bytes.Buffer{}
	var names []string
	width := widest(reports)
	for _, r := range reports {
		if r.Endpoint == endpoint.Naive {
			continue
		}
		if texts[r.Endpoint] == nil {
			texts[r.Endpoint] = &bytes.Buffer{}
			names = append(names, r.Endpoint)
			fmt.Fprintf(texts[r.Endpoint], "What %s does, and how it ends the connection\n\n", r.Endpoint)
		}
		fmt.Fprintf(texts[r.Endpoint], "%s %s %-*s %s\n", r.Verdict.Glyph(), r.Closing.Glyph(), width, r.Case.ID, r.Case.Title)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := replaceBytes(filepath.Join(dir, "suite-"+name+".txt"), texts[name].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// widest returns the bytes of the longest ID of a case in reports.
func widest(reports []suite.Report) int {
	n := 0
	for _, r := range reports {
		n = max(n, len(r.Case.ID))
	}
	return n
}
