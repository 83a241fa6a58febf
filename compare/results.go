package main

import (
	"bytes"
	"embed"
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

// results are all results of a run of judge.
type results struct {
	Seed    int            `json:"seed"`
	Targets []string       `json:"targets"`
	Cases   []*suite.Case  `json:"cases"`
	Reports []suite.Report `json:"reports"`
	// Habits are the behaviors that a target shows in many cases.
	Habits []suite.Habit `json:"habits,omitempty"`
	// Partings are the cases in which targets differ.
	Partings []parting `json:"partings,omitempty"`
	// Diagnoses are the probable mistakes of each target.
	Diagnoses []suite.Diagnosis `json:"diagnoses"`
}

func writeJSON(w io.Writer, r results) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// The elements of JUnit's XML that build servers read. A library would need the same
// structs, and would not make writeJUnit shorter.
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

// writeJUnit writes a fail as a failure, a missing answer as an error, and a case that
// was not judged as skipped. It writes a warning or note into the output of its case.
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

// writeHTML writes a page that needs no other file.
func writeHTML(w io.Writer, r results) error {
	type row struct {
		Group string
		Cells []string
	}
	type shown struct {
		suite.Report
		Parted string // the first difference of the targets
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
		parted[p.Case] = "First difference: " + p.Words + "."
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

//go:embed templates
var templates embed.FS

var resultsPage = template.Must(template.New("results.html").Funcs(template.FuncMap{
	"because": because, "words": suite.Report.Words, "bits": suite.Report.Bits, "proofs": proofs, "evidence": evidence, "transcript": suite.Report.Transcript,
}).ParseFS(templates, "templates/*.html"))

// expectations knows which results of the endpoints of this module are expected.
type expectations struct {
	cases   []*suite.Case
	reports []suite.Report
}

// endpoints returns the endpoints with expected failures. The known differences explain
// the failures of gorilla. The naive server fails on purpose.
func (expectations) endpoints() []string { return []string{endpoint.Gorilla, endpoint.Naive} }

// undecided returns the number of cases without a result. It counts only endpoints that
// have output files.
func (e expectations) undecided() int {
	n := 0
	for _, r := range e.reports {
		if r.Endpoint != endpoint.Naive && (r.Worst() == suite.NoAnswer || r.Worst() == suite.NotJudged) {
			n++
		}
	}
	return n
}

// differences returns a line for each unexplained difference between the reference and
// gorilla, and for each explanation without a difference.
func (e expectations) differences() []string {
	var lines []string
	for _, err := range runner.CheckDifferences(e.cases, e.reports) {
		lines = append(lines, "× "+err.Error())
	}
	return lines
}

// writeOutputs writes a line for each case to dir/suite-ENDPOINT.txt, without the parts
// that differ from run to run. It leaves out the naive server. That server treats one
// read of TCP as one frame, so its results depend on timing.
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
			fmt.Fprintf(texts[r.Endpoint], "The behavior of %s, and how the connection ended\n\n", r.Endpoint)
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

// widest returns the length of the longest case ID in reports, in bytes.
func widest(reports []suite.Report) int {
	n := 0
	for _, r := range reports {
		n = max(n, len(r.Case.ID))
	}
	return n
}
