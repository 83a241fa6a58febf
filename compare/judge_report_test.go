package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

func TestTheResultsAreWrittenInThreeForms(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	status, _, stderr := judgeWith(t.Context(), "-endpoint", "reference,gorilla", "-json", file("r.json"), "-junit", file("r.xml"), "-html", file("r.html"), "8.1/bad-lone-80", "5.5.1/body-of-1", "5.5.2/empty-ping")
	if status != somethingFailed || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var r struct {
		Seed    int
		Targets []string
		Cases   []struct{ ID, Judges, Section string }
		Reports []struct {
			Case, Endpoint, Verdict, Closing, Bytes string
			Exchange                                []struct{ From, Hex string }
		}
	}
	if err := json.Unmarshal(read("r.json"), &r); err != nil || r.Seed != suite.Seed || len(r.Cases) != 3 || len(r.Reports) != 6 ||
		r.Reports[5].Verdict != "fail" || r.Reports[5].Bytes != "810180" || r.Cases[0].Judges != "server" {
		t.Errorf("%v: %+v", err, r)
	}
	var x junitSuites
	if err := xml.Unmarshal(read("r.xml"), &x); err != nil || len(x.Suites) != 2 || x.Suites[0].Failures != 0 || x.Suites[1].Failures != 1 ||
		x.Suites[1].Cases[2].Failure == nil || x.Suites[1].Cases[0].Out == "" {
		t.Errorf("%v: %+v", err, x)
	}
	page := string(read("r.html"))
	for _, want := range []string{"<td>5.5.2", "<h2>gorilla</h2>", "binds the receiver", "^^ bit 0 of this byte, 10000000", "Every case passed."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	// Each form shows the bytes of the judge, marks the place that the target must not
	// accept, and then shows the answer of the target.
	plain := func(text string) string {
		return strings.NewReplacer("&#xA;", "\n", "&#43;", "+", "&#34;", `"`, "&quot;", `"`).Replace(text)
	}
	const both = "judge to server: TEXT 80, masked, 7 bytes\n    81 81 8d f8 17 ea 0d\n" +
		"                      ^^ bit 0 of this byte\n    breaks 8.1/text-utf8: The payload of a text message must be valid UTF-8.\n" +
		"server to judge: TEXT 80, 3 bytes\n    81 01 80\n"
	const request = "judge to server: the request of the opening handshake"
	for form, text := range map[string]string{"JUnit": x.Suites[1].Cases[2].Failure.Text, "JUnit of a warning": x.Suites[1].Cases[0].Out, "HTML": plain(page)} {
		if !strings.Contains(text, request) || !strings.Contains(text, `Upgrade: websocket\r\n`) || form != "JUnit of a warning" && !strings.Contains(text, both) {
			t.Errorf("%s does not show both directions:\n%s", form, text)
		}
	}
	for i, c := range []struct{ from, hex string }{3: {"client", "81818df817ea0d"}, 4: {"server", "810180"}} {
		if c.from == "" {
			continue
		}
		if got := r.Reports[5].Exchange[i-1]; got.From != c.from || got.Hex != c.hex {
			t.Errorf("JSON has %+v, want %+v", got, c)
		}
	}
	for _, outside := range []string{"http://", "https://", "<script", "src="} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	if status, _, stderr := judgeWith(t.Context(), "-endpoint", "reference", "-json", file("no/such/folder"), "5.5.2/empty-ping"); status != nothingJudged || !strings.Contains(stderr, "no such file") {
		t.Errorf("a file that cannot be written: status %d, %s", status, stderr)
	}
}

func TestAnAnswerOfGarbageCannotBreakThePage(t *testing.T) {
	r := suite.Report{Case: suite.All()[0], Endpoint: "<script>", Verdict: suite.Fail, Closing: suite.Fail,
		Reason: "It sent </pre><script>alert(1)</script>\x00.", Got: "<u>", Bytes: []byte{0x81}, Caret: 7}
	result := results{Targets: []string{r.Endpoint}, Cases: suite.All()[:1], Reports: []suite.Report{r}}
	var page, junit bytes.Buffer
	if err := writeHTML(&page, result); err != nil || strings.Contains(page.String(), "<script>") || strings.Contains(page.String(), "<u>") {
		t.Errorf("%v: %s", err, page.String())
	}
	if err := writeJUnit(&junit, result); err != nil || xml.Unmarshal(junit.Bytes(), new(junitSuites)) != nil {
		t.Errorf("%v: %s", err, junit.String())
	}
}

// TestWhatReferenceAndGorillaDoIsWhatIsStored runs all cases against both. The
// results must be the same in every run, and every difference explained.
func TestWhatReferenceAndGorillaDoIsWhatIsStored(t *testing.T) {
	if race {
		t.Skip("this takes minutes under the race detector, which checks the same code in package runner")
	}
	var targets []suite.Target
	for _, name := range []string{"reference", "gorilla"} {
		e, err := endpoint.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		target, stop, err := runner.Serve(e)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		targets = append(targets, target)
	}
	cases := suite.ForRole(suite.All(), wire.Server)
	reports := runner.Judge(t.Context(), cases, targets, 0, nil)
	for _, err := range runner.CheckDifferences(cases, reports) {
		t.Error(err)
	}
	// What is said of them must be true: nothing of the reference.
	var said []string
	for _, d := range suite.DiagnoseAll(reports) {
		said = append(said, d.Endpoint+" "+d.Mistake.Code)
	}
	if want := []string{"gorilla http-version-not-checked", "gorilla close-body-not-checked", "gorilla utf8-not-checked"}; !slices.Equal(said, want) {
		t.Errorf("what seems to be wrong is %q, want %q", said, want)
	}
	dir := t.TempDir()
	if *update {
		dir = "outputs"
	}
	if err := writeOutputs(dir, reports); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		name := "suite-" + target.Name + ".txt"
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(filepath.Join("outputs", name))
		if err != nil {
			t.Fatalf("%v; go test ./compare -update writes it", err)
		}
		if !bytes.Equal(got, stored) {
			t.Errorf("compare/outputs/%s is not what %s does now: %s", name, target.Name, firstDifference(string(stored), string(got)))
		}
	}
}

func TestTheFirstWrongBitStandsUnderACaret(t *testing.T) {
	frame := make([]byte, 64)
	frame[40] = 0xA5
	for _, c := range []struct {
		what        string
		r           suite.Report
		line, caret string
	}{
		{"a bit of a short frame", suite.Report{Bytes: []byte{0x81, 0x02, 0x6c, 0x6f}, Caret: 18}, "81 02 6c 6f", "      ^^ bit 2 of this byte, 01101100"},
		{"one far behind", suite.Report{Bytes: frame, Skipped: 100, Caret: 40*8 + 7},
			"(130 before) 00 00 00 00 00 00 00 00 00 00 a5 00 00 00 00 00 00 00 00 00",
			"                                           ^^ bit 7 of this byte, 10100101"},
		{"a line of the handshake", suite.Report{Bytes: []byte("Sec-WebSocket-Accept: AAAA"), Got: "Sec-WebSocket-Accept: AAAA", Caret: 8 * 22},
			"Sec-WebSocket-Accept: AAAA", "                      ^"},
	} {
		if line, caret := around(c.r).WrongLines(); line != c.line || caret != c.caret {
			t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", c.what, line, caret, c.line, c.caret)
		}
	}
}

func TestWhatATargetDoesInManyCasesIsListedOnce(t *testing.T) {
	var reports []suite.Report
	for _, c := range suite.ForRole(suite.All(), wire.Client)[:40] {
		reports = append(reports, suite.Report{Case: c, Endpoint: "mine", Closing: suite.Warning, Reason: "It sends no Close frame (RFC 6455 §7.1.7).", ClosingReason: "It sends no Close frame (RFC 6455 §7.1.7)."})
	}
	var b bytes.Buffer
	newTerminal(&b, 40).reasons([]string{"mine"}, reports, false)
	if text := b.String(); strings.Count(text, "It sends no Close frame") != 1 || !strings.Contains(text, "The same in 39 more cases") || !strings.Contains(text, "≈ warning") {
		t.Errorf("%s", text)
	}
	b.Reset()
	newTerminal(&b, 40).reasons([]string{"mine"}, reports, true)
	if n := strings.Count(b.String(), "    It sends no Close frame"); n != 40 {
		t.Errorf("where all are asked for, %d are listed", n)
	}
}

func TestWhatSeemsToBeWrongIsToldWithItsProofs(t *testing.T) {
	m, ok := suite.MistakeOf("guid-misprint")
	if !ok {
		t.Fatal("there is no such mistake")
	}
	var b bytes.Buffer
	newTerminal(&b, 1).diagnoses([]suite.Diagnosis{{Endpoint: "mine", Mistake: m, Cases: []string{"1", "2", "3", "4", "5", "6", "7"}}})
	for _, want := range []string{"What seems to be wrong with mine", m.Says, m.Instead, "guid-misprint, RFC 6455 §1.3; shown by 7 cases\n", "Cases: 1, 2, 3, 4, 5, 6 and 1 more"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
}
