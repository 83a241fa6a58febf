package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

// screen returns the last lines of text that fit a terminal of 80 columns and 24 lines.
func screen(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for utf8.RuneCountInString(line) > 80 { // the terminal wraps it
			runes := []rune(line)
			lines, line = append(lines, string(runes[:80])), string(runes[80:])
		}
		lines = append(lines, line)
	}
	return strings.Join(lines[max(0, len(lines)-23):], "\n") // one line is the prompt
}

// reported returns what judge shows of a server with these mistakes. Each mistake fails
// ten cases.
func reported(t *testing.T, codes ...string) string {
	t.Helper()
	cases := suite.ForRole(suite.All(), wire.Server)
	var reports []suite.Report
	for i, c := range cases {
		r := suite.Report{Case: c, Endpoint: "ws://localhost:9000/", Caret: -1}
		switch {
		case i < 10*len(codes):
			r.Verdict, r.Closing, r.Mistake, r.Reason = suite.Fail, suite.Fail, codes[i/10], "It is wrong."
			if _, ok := suite.MistakeOf(r.Mistake); !ok {
				t.Fatalf("there is no mistake %s", r.Mistake)
			}
		case i > 1000:
			r.Verdict, r.Reason = suite.Note, fmt.Sprintf("It is allowed, %d.", i)
		}
		reports = append(reports, r)
	}
	var out bytes.Buffer
	(judging{}).finish("", cases, []string{"ws://localhost:9000/"}, reports, newTerminal(&out, len(cases)), io.Discard)
	return out.String()
}

func TestTheEssenceOfAReportFitsTheLastScreen(t *testing.T) {
	five := []string{"guid-misprint", "payload-still-masked", "first-fragment-dropped", "pong-without-payload", "utf8-not-checked"}
	for _, codes := range [][]string{nil, five[:1], five} {
		text := reported(t, codes...)
		last := screen(text)
		says := func(want string) {
			t.Helper()
			if !strings.Contains(strings.Join(strings.Fields(last), " "), want) {
				t.Errorf("with %d mistakes the last screen has no %q:\n%s", len(codes), want, last)
			}
		}
		if strings.Contains(text, "It is allowed") || strings.Contains(text, "\x1b") {
			t.Errorf("notes are listed, or there is color:\n%s", text)
		}
		for _, code := range codes {
			m, _ := suite.MistakeOf(code)
			says(m.Says)
			says(m.Code + ", " + m.Section + "; shown by 10 cases")
		}
		switch len(codes) {
		case 0:
			says("✔ Nothing is wrong.")
			continue
		case 1:
			m, _ := suite.MistakeOf(codes[0])
			says(m.Instead)
		}
		says("What seems to be wrong with ws://localhost:9000/")
		says(fmt.Sprintf("%d fail (× breaks a MUST)", 10*len(codes)))
		says("× Worst mistake: You used a GUID with a known misprint. (guid-misprint)")
	}
}

func TestInASectionTheWorstIsFirst(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:2]
	var out bytes.Buffer
	newTerminal(&out, 2).reasons([]string{"mine"}, []suite.Report{
		{Case: cases[0], Endpoint: "mine", Verdict: suite.Warning, Reason: "It is lax."},
		{Case: cases[1], Endpoint: "mine", Verdict: suite.Fail, Reason: "It is wrong.", Caret: -1},
	}, false)
	if cases[0].Group() != cases[1].Group() || strings.Index(out.String(), "It is wrong.") > strings.Index(out.String(), "It is lax.") {
		t.Errorf("%s", &out)
	}
}

func TestFirstStopsAtTheFirstMistakeAndSaysWhatToDo(t *testing.T) {
	status, out, stderr := judgeWith(t.Context(), "-endpoint", "gorilla", "-first", "5.5.2", "5.6", "8.1")
	_, all, _ := judgeWith(t.Context(), "-endpoint", "gorilla", "8.1")
	for _, want := range []string{"× 8.1/", "You accept text that is not valid UTF-8.", "Fail the connection with 1007.", "Stopped after §8.1.", "Next: mend this, and run the same command again.", "go run ./compare judge -endpoint gorilla 8.1/"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if status != somethingFailed || stderr != "" || len(out) > len(all) || len(strings.Split(out, "\n")) > 24 {
		t.Errorf("status %d, %s%s", status, stderr, out)
	}
	if status, out, _ := judgeWith(t.Context(), "-endpoint", "reference", "-first", "5.5.2", "5.6"); status != allWell || !strings.Contains(out, "✔ No mistake was found.") {
		t.Errorf("status %d, %s", status, out)
	}
	for _, args := range [][]string{{"-first"}, {"-client", "-first"}, {"-endpoint", "reference,gorilla", "-first"}, {"-endpoint", "reference", "-first", "-json", "x"}} {
		if status, _, stderr := judgeWith(t.Context(), args...); status != nothingJudged || !strings.Contains(stderr, "-first") {
			t.Errorf("%q: status %d, %s", args, status, stderr)
		}
	}
}

func TestTheSectionsAfterTheFirstMistakeDoNotRun(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)
	var ran []string
	reports, _ := (judging{}).upToFirst(cases, func(some []*suite.Case) (list []suite.Report, err error) {
		ran = append(ran, some[0].Group())
		for _, c := range some {
			r := suite.Report{Case: c}
			if len(ran) == 2 {
				r.Verdict = suite.Fail
			}
			list = append(list, r)
		}
		return list, nil
	})
	if len(ran) != 2 || ran[0] == ran[1] || len(reports) <= runner.Few {
		t.Errorf("%q ran, %d reports", ran, len(reports))
	}
}
