package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wslab/compare/runner"
	"wslab/compare/suite"
)

// terminal shows the progress of a run, if it writes to a terminal, and the results.
type terminal struct {
	w     io.Writer
	live  bool // w is a terminal, on which a line can be overwritten
	cases int
	total int
	told  map[string]bool // whether a case failed, by its ID and endpoint
	bad   int
	brief []string // targets for which only one reason of each section is listed
}

// columns is the assumed width of a terminal.
const columns = 80

// maxReasons is how many reasons of one section and target are listed without -all.
const maxReasons = 5

func newTerminal(w io.Writer, cases int) *terminal {
	t := &terminal{w: w, cases: cases, told: map[string]bool{}}
	if out, ok := w.(*telling); ok {
		w = out.Writer
	}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		t.live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// note writes a line.
func (t *terminal) note(line string) { fmt.Fprintln(t.w, line) }

// begin announces a run and the time by which the run ends. 0 means no limit.
func (t *terminal) begin(targets []string, bound time.Duration) {
	t.total = t.cases * len(targets)
	fmt.Fprintf(t.w, "%s against %s; seed %d\n", plural(t.cases, "case"), strings.Join(targets, ", "), suite.Seed)
	if bound > 0 {
		fmt.Fprintf(t.w, "The run ends within %s, whatever the servers do.\n", bound)
	}
}

// progress counts r, and shows the progress on a terminal. A later report of the same
// case replaces the earlier one.
func (t *terminal) progress(r suite.Report) {
	key, fails := r.Case.ID+" "+r.Endpoint, r.Worst() == suite.Fail
	if t.told[key] {
		t.bad--
	}
	if t.told[key] = fails; fails {
		t.bad++
	}
	if t.live {
		line := fmt.Sprintf("%d of %d, %d ×  %s  %s %s", len(t.told), t.total, t.bad, r.Endpoint, r.Worst().Glyph(), r.Case.ID)
		fmt.Fprintf(t.w, "\r%-79.79s", line)
	}
}

// end clears the line of progress.
func (t *terminal) end() {
	if t.live {
		fmt.Fprintf(t.w, "\r%79s\r", "")
	}
}

// cell counts each result: "17✔ 2×".
func cell(count map[suite.Verdict]int) string {
	var parts []string
	for v := suite.Pass; v <= suite.Fail; v++ {
		if n := count[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, v.Glyph()))
		}
	}
	return strings.Join(parts, " ")
}

// matrix shows the results. Each section has a row. Each target has a cell for the
// behavior and one for the closing. If the row is too wide, the closing has a row of its
// own.
func (t *terminal) matrix(targets []string, reports []suite.Report) {
	header := []string{""}
	for _, name := range targets {
		header = append(header, name, "closing")
	}
	rows := [][]string{header}
	counts := func(fits func(suite.Report) bool, title string) {
		row := []string{title}
		for _, name := range targets {
			behaviour, closing := map[suite.Verdict]int{}, map[suite.Verdict]int{}
			for _, r := range reports {
				if r.Endpoint == name && fits(r) {
					behaviour[r.Verdict]++
					closing[r.Closing]++
				}
			}
			row = append(row, cell(behaviour), cell(closing))
		}
		rows = append(rows, row)
	}
	groups := groupsOf(reports)
	for _, group := range groups {
		counts(func(r suite.Report) bool { return r.Case.Group() == group }, group)
	}
	counts(func(suite.Report) bool { return true }, "all")

	lines, width := laidOut(rows)
	if width > columns {
		lines, _ = laidOut(stacked(rows))
	}
	fmt.Fprintln(t.w)
	for _, line := range lines {
		fmt.Fprintln(t.w, line)
	}
	legend := "\n✔ pass   i note (allowed)   ≈ warning (breaks a SHOULD or is lax)   × fail (breaks a MUST)"
	for v, words := range map[suite.Verdict]string{suite.NoAnswer: "no answer in time", suite.NotJudged: "not judged"} {
		if slices.ContainsFunc(reports, func(r suite.Report) bool { return r.Verdict == v || r.Closing == v }) {
			legend += "   " + v.Glyph() + " " + words
		}
	}
	fmt.Fprintln(t.w, legend)
}

// stacked puts the closing below the behavior, if they differ.
func stacked(rows [][]string) [][]string {
	var list [][]string
	for n, row := range rows {
		behaviour, closing := row[:1:1], []string{"  closing"}
		for i := 1; i+1 < len(row); i += 2 {
			behaviour, closing = append(behaviour, row[i]), append(closing, row[i+1])
		}
		list = append(list, behaviour)
		if n > 0 && !slices.Equal(behaviour[1:], closing[1:]) {
			list = append(list, closing)
		}
	}
	return list
}

// laidOut returns the rows as lines with aligned columns, and the width of the widest
// line.
func laidOut(rows [][]string) (lines []string, widest int) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range rows {
		line := ""
		for i, c := range row {
			line += c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2)
		}
		line = strings.TrimRight(line, " ")
		lines, widest = append(lines, line), max(widest, utf8.RuneCountInString(line))
	}
	return lines, widest
}

// groupsOf returns the sections of the reports' cases in their order, each once.
func groupsOf(reports []suite.Report) []string {
	var groups []string
	for _, r := range reports {
		if g := r.Case.Group(); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// leastSame is the smallest number of cases with the same result for which reasons lists
// the result only once.
const leastSame = 2

// reasons lists every case that did not pass, with its reason. In each section the worst
// are first. If several cases have the same reason, reasons lists it once, with their
// number. It leaves out the notes of a long run.
func (t *terminal) reasons(targets []string, reports []suite.Report, all bool) {
	briefly := !all && t.cases > runner.Few
	for _, name := range targets {
		notes := 0
		same := map[string]int{}
		for _, r := range reports {
			if r.Endpoint == name && r.Worst() != suite.Pass {
				same[because(r)]++
			}
		}
		told := map[string]bool{}
		listed := false
		for _, group := range groupsOf(reports) {
			left := 0
			shown := 0
			var own []suite.Report
			for _, r := range reports {
				switch {
				case r.Endpoint != name || r.Case.Group() != group || r.Worst() == suite.Pass || r.Verdict == suite.NotJudged:
				case briefly && r.Worst() == suite.Note:
					notes++
				default:
					own = append(own, r)
				}
			}
			slices.SortStableFunc(own, func(a, b suite.Report) int { return cmp.Compare(b.Worst(), a.Worst()) })
			for _, r := range own {
				why := because(r)
				if !all && told[why] {
					continue
				}
				if !all && (shown == maxReasons || shown == 1 && slices.Contains(t.brief, name)) {
					left++
					continue
				}
				if !listed {
					fmt.Fprintf(t.w, "\n%s\n", name)
					listed = true
				}
				shown++
				fmt.Fprintf(t.w, "  %s %-7s %s  %s\n    %s\n", r.Worst().Glyph(), r.Worst().Word(), r.Case.ID, r.Case.Title, why)
				if n := same[why]; !all && n >= leastSame {
					fmt.Fprintf(t.w, "    The same in %s; -all lists them.\n", plural(n-1, "more case"))
				}
				told[why] = true
				t.crossed(r, all || t.cases <= runner.Few)
			}
			if left > 0 {
				fmt.Fprintf(t.w, "    … and %d more of §%s; -all lists them\n", left, group)
			}
		}
		if notes > 0 {
			fmt.Fprintf(t.w, "\n%s has %s (i, allowed behavior); -all lists them.\n", name, plural(notes, "note"))
		}
	}
	fmt.Fprintln(t.w)
}

// crossed shows the bytes of the case of r. If whole is set, it shows all of them.
// Otherwise, for a failure, it shows a line or two for each message, and the first wrong
// bit.
func (t *terminal) crossed(r suite.Report, whole bool) {
	if whole {
		for line := range strings.Lines(r.Text()) {
			if strings.TrimSpace(line) == "" {
				fmt.Fprint(t.w, line)
				continue
			}
			fmt.Fprint(t.w, "      ", line)
		}
		return
	}
	if r.Worst() != suite.Fail {
		return
	}
	list := r.Exchange
	if len(list) > maxCrossings {
		list = list[len(list)-maxCrossings:]
		fmt.Fprintf(t.w, "      … %d before these\n", len(r.Exchange)-maxCrossings)
	}
	for _, c := range list {
		where := c.Direction(r.Case.Judges)
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(t.w, "      %s%s\n", where, c.Brief(shownBytes))
	}
	marked := slices.ContainsFunc(list, func(c suite.Crossing) bool { return !c.Judge && c.Wrong != nil })
	if r.Caret >= 0 && len(r.Bytes) > 0 && !marked {
		line, caret := around(r).WrongLines()
		fmt.Fprintf(t.w, "      wrong: %s\n             %s\n", line, caret)
	}
}

// maxCrossings limits the messages of a case that are shown without -all.
const maxCrossings = 8

// shownBytes limits the bytes in a line of a terminal.
const shownBytes = 20

// around shortens r to the bytes that fit into a line, around the first wrong byte.
func around(r suite.Report) suite.Report {
	if r.IsLine() {
		return r
	}
	if from := r.Caret/8 - shownBytes/2; from > 0 && len(r.Bytes) > shownBytes {
		from = min(from, len(r.Bytes)-shownBytes)
		r.Bytes, r.Skipped, r.Caret = r.Bytes[from:], r.Skipped+from, r.Caret-8*from
	}
	r.Bytes = r.Bytes[:min(len(r.Bytes), shownBytes)]
	return r
}

// because returns the reason of r, with its rule or section.
func because(r suite.Report) string {
	text := r.Why()
	if text == "" {
		text = "Got " + r.Got + "."
	}
	if m, ok := suite.MistakeOf(r.Mistake); ok {
		text += " " + m.Says
	}
	switch {
	case strings.Contains(text, "§"), r.Verdict == suite.NotJudged:
	case r.Rule != "" && r.Worst() == suite.Fail:
		text += " (" + r.Rule + ")"
	default:
		text += " (" + r.Source() + ")"
	}
	return text
}

// maxProofs limits the cases that are listed for a mistake.
const maxProofs = 6

// proofs lists the first cases, and counts the others.
func proofs(ids []string) string {
	if len(ids) <= maxProofs {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:maxProofs], ", "), len(ids)-maxProofs)
}

// howFar says how many cases were judged, and lists the cases that were not.
func howFar(cases []*suite.Case, targets []string, reports []suite.Report) string {
	n := 0
	judged := map[*suite.Case]bool{}
	for _, r := range reports {
		if r.Verdict.Judged() {
			n++
			judged[r.Case] = true
		}
	}
	text := fmt.Sprintf("%d of %s were judged", n, plural(len(cases)*len(targets), "case"))
	if len(targets) > 1 {
		return text + "."
	}
	var ids []string
	for _, c := range cases {
		if !judged[c] {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return text + "."
	}
	return text + "; not judged: " + proofs(ids) + "."
}

// died names the cases in which the process of a target died.
func (t *terminal) died(targets []string, reports []suite.Report) {
	for _, name := range targets {
		var ids []string
		for _, r := range reports {
			if r.Endpoint == name && r.Died {
				ids = append(ids, r.Case.ID)
			}
		}
		if len(ids) > 0 {
			t.note(fmt.Sprintf("× %s: the process died in %s: %s", name, plural(len(ids), "case"), proofs(ids)))
		}
	}
}

// notJudged lists the cases of each target that were not judged, by reason.
func (t *terminal) notJudged(targets []string, reports []suite.Report) {
	for _, name := range targets {
		var reasons []string
		cases := map[string][]string{}
		for _, r := range reports {
			if r.Endpoint != name || r.Verdict.Judged() {
				continue
			}
			if cases[r.Reason] == nil {
				reasons = append(reasons, r.Reason)
			}
			cases[r.Reason] = append(cases[r.Reason], r.Case.ID)
		}
		for _, reason := range reasons {
			t.note(fmt.Sprintf("? %s: %s not judged: %s\n  %s", name, plural(len(cases[reason]), "case"), proofs(cases[reason]), reason))
		}
	}
}

// withheld lists responses that were not sent because they have frozen a browser.
func (t *terminal) withheld(reports []suite.Report) {
	var ids []string
	for _, r := range reports {
		if r.Withheld {
			ids = append(ids, r.Case.ID)
		}
	}
	if len(ids) > 0 {
		t.note(fmt.Sprintf("%s: %s To send it, name the case alone.", proofs(ids), suite.Withheld))
	}
}

// plural writes n and the noun, in the plural if necessary.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
