package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wslab/compare/browser"
	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
)

// storedDir is outputsDir from wherever a test is.
var storedDir, _ = filepath.Abs("outputs")

// played is every scenario played against every endpoint that can, once for all
// tests.
var played = sync.OnceValue(func() (p struct {
	all     []*scenario.Scenario
	results [][]result
	took    time.Duration
	err     error
}) {
	if p.all, p.err = chooseScenarios(nil); p.err == nil {
		began := time.Now()
		p.results = playAll(context.Background(), raw, p.all, nil)
		confirm(context.Background(), raw, p.all, p.results, storedDir)
		p.took = time.Since(began)
	}
	return p
})

// inRoot runs the test from the top of the repository, as the program is.
func inRoot(t *testing.T) { t.Chdir("..") }

// TestEveryScenarioGivesTheOutputsThatAreStored runs all of them on real TCP
// against every endpoint. The outputs must be the same in every run.
func TestEveryScenarioGivesTheOutputsThatAreStored(t *testing.T) {
	inRoot(t)
	p := played()
	if p.err != nil || len(p.all) == 0 {
		t.Fatalf("%d scenarios, %v", len(p.all), p.err)
	}
	t.Logf("%d scenarios, played %d times, took %v", len(p.all), len(slices.Concat(p.results...)), p.took.Round(10*time.Millisecond))
	dir := t.TempDir()
	if *update {
		dir = outputsDir
	}
	var want []string
	for i, s := range p.all {
		for _, r := range p.results[i] {
			if r.err != nil || r.unsure {
				t.Errorf("%s against %s: %v, two plays differ: %t", s.Name, r.endpoint, r.err, r.unsure)
			}
		}
		if err := writeResults(raw, s, p.results[i], dir, *update); err != nil {
			t.Fatal(err)
		}
		if text := s.WithTranscripts(recording.Transcript(p.results[i][0].events)); text != s.Text && !*update {
			t.Errorf("the transcript in %s is not what the reference gives now: %s", s.File, firstDifference(s.Text, text))
		}
		for _, r := range p.results[i] {
			name := filepath.Join(s.Name, r.endpoint+".txt")
			want = append(want, filepath.Join(outputsDir, name))
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			stored, err := os.ReadFile(filepath.Join(outputsDir, name))
			if err != nil {
				t.Errorf("%v; go test ./compare -update writes it", err)
				continue
			}
			if !bytes.Equal(got, stored) {
				t.Errorf("compare/outputs/%s is not what %s gives now: %s", name, r.endpoint, firstDifference(string(stored), string(got)))
			}
		}
	}
	stored, err := filepath.Glob(filepath.Join(outputsDir, "*", "*"))
	if err != nil || len(stored) == 0 {
		t.Fatalf("%d outputs are stored, %v", len(stored), err)
	}
	inBrowser := strings.NewReplacer("."+string(browser.Chromium)+".", ".", "."+string(browser.Firefox)+".", ".") // in the same folders
	for _, file := range stored {
		if filepath.Base(filepath.Dir(file)) == "headers" {
			continue // held by package headers
		}
		if !slices.Contains(want, inBrowser.Replace(file)) {
			t.Errorf("%s belongs to no scenario and endpoint that there are: delete it", file)
		}
	}
}

// firstDifference says in which line two texts part.
func firstDifference(stored, got string) string {
	a, b := strings.Split(stored, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		was, is := "(the end)", "(the end)"
		if i < len(a) {
			was = a[i]
		}
		if i < len(b) {
			is = b[i]
		}
		if was != is {
			return fmt.Sprintf("line %d was\n\t%s\nand is\n\t%s", i+1, was, is)
		}
	}
	return "they are alike"
}

// TestWhatIsShownAfterAnEventDependsOnTheEventsUpToItAlone goes back and forth
// over every recording: each view of it is a function of events 0..n.
func TestWhatIsShownAfterAnEventDependsOnTheEventsUpToItAlone(t *testing.T) {
	p := played()
	if p.err != nil {
		t.Fatal(p.err)
	}
	random := rand.New(rand.NewPCG(6455, 7692))
	for i, s := range p.all {
		for _, r := range p.results[i] {
			before, err := json.Marshal(r.events)
			if err != nil {
				t.Fatal(err)
			}
			whole := text(t, r.events, recording.TextOptions{})
			stable := text(t, r.events, recording.TextOptions{Stable: true})
			shown := map[int]string{}
			for range 30 { // back and forth, as a learner goes
				n := random.IntN(len(r.events) + 1)
				now := text(t, r.events[:n], recording.TextOptions{})
				if was, ok := shown[n]; ok && was != now {
					t.Fatalf("%s against %s: after %d events another text is shown than before", s.Name, r.endpoint, n)
				}
				shown[n] = now
				if !strings.HasPrefix(whole, now) {
					t.Fatalf("%s against %s: the text of the first %d events is not how the whole begins", s.Name, r.endpoint, n)
				}
			}
			for n, e := range r.events { // what has settled stays as it is
				step, ok := e.Body.(*recording.Step)
				if !ok || step.Phase != recording.StepEnd {
					continue
				}
				if now := text(t, r.events[:n+1], recording.TextOptions{Stable: true}); !strings.HasPrefix(stable, now) {
					t.Errorf("%s against %s, step %d: the stable text %s", s.Name, r.endpoint, step.Index, firstDifference(stable, now))
				}
			}
			if after, _ := json.Marshal(r.events); !bytes.Equal(before, after) {
				t.Errorf("%s against %s: to show the events has changed them", s.Name, r.endpoint)
			}
		}
	}
}

func text(t *testing.T, events []recording.Event, opt recording.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := recording.WriteText(&b, events, opt); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fickle plays as a busy machine may: what happened is the text of a scenario and,
// of the first play or of each, something else.
func fickle(text func(play int) (string, error)) player {
	plays := 0
	return player{
		run: func(context.Context, *scenario.Scenario, endpoint.Endpoint) ([]recording.Event, error) {
			plays++
			said, err := text(plays)
			return []recording.Event{{Body: &recording.Script{What: "send", Text: said}}}, err
		},
		write: func(w io.Writer, events []recording.Event) error {
			_, err := io.WriteString(w, events[0].Body.(*recording.Script).Text)
			return err
		},
	}
}

func TestAResultIsStoredOnlyWhereASecondPlayAgrees(t *testing.T) {
	s, err := scenario.Parse("fickle.txt", "# fickle\nopen")
	if err != nil {
		t.Fatal(err)
	}
	e, err := endpoint.Find("reference")
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		play   func(n int) (string, error)
		stored string // after its two lines
		unsure bool
		err    string
	}{
		"as it was":           {func(int) (string, error) { return "was", nil }, "was", false, ""},
		"as it was, then":     {func(n int) (string, error) { return map[bool]string{true: "is", false: "was"}[n == 1], nil }, "was", false, ""},
		"another, twice":      {func(int) (string, error) { return "is", nil }, "is", false, ""},
		"each time another":   {func(n int) (string, error) { return fmt.Sprint(n), nil }, "was", true, ""},
		"time ran out, once":  {func(n int) (string, error) { return "was", map[bool]error{true: context.DeadlineExceeded}[n == 1] }, "was", false, ""},
		"time ran out, twice": {func(n int) (string, error) { return fmt.Sprint(n), context.DeadlineExceeded }, "was", true, "deadline"},
	} {
		dir := t.TempDir()
		client := fickle(c.play)
		file := filepath.Join(dir, s.Name, "reference.txt")
		before, err := output(client, s, result{endpoint: "reference", events: []recording.Event{{Body: &recording.Script{Text: "was"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, before, 0o644)); err != nil {
			t.Fatal(err)
		}
		all := []*scenario.Scenario{s}
		results := playAll(t.Context(), client, all, []endpoint.Endpoint{e})
		confirm(t.Context(), client, all, results, dir)
		if err := writeResults(client, s, results[0], dir, false); err != nil {
			t.Fatal(err)
		}
		r := results[0][0]
		after, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(after), "\n\n"+c.stored) || r.unsure != c.unsure || (r.err != nil) != (c.err != "") {
			t.Errorf("%s: stored is %q, unsure %t, %v", what, after, r.unsure, r.err)
		}
	}
}

func TestOneScenarioAndItsEndpointsCanBeChosen(t *testing.T) {
	inRoot(t)
	for names, want := range map[string]int{"": 3, "naive": 1, "reference,gorilla": 2, "broken/no-accept": 1} {
		dir := t.TempDir()
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), []string{"run", "-out", dir, "-endpoint", names, "unmasked"}, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
			t.Errorf("%q gives status %d:\n%s%s", names, status, &stdout, &stderr)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "unmasked", "*.txt"))
		if len(files) != want || !strings.Contains(stdout.String(), "  unmasked ") {
			t.Errorf("%q: %q were written, and it says\n%s", names, files, &stdout)
		}
	}
}

func TestTheWeekendServerPlaysWhatAnyServerCan(t *testing.T) {
	for text, want := range map[string]int{
		"open\nsend text x\nserver send text y\nserver close": 3,
		"open\nserver ping":    2,
		"server by hand\nopen": 2,
	} {
		s, err := scenario.ParseLearner("test", "# test\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(endpointsFor(s)); n != want {
			t.Errorf("%q is played against %d endpoints, want %d", text, n, want)
		}
	}
}

func TestAScenarioThatFailsGivesStatus1AndKeepsWhatHappened(t *testing.T) {
	s, err := scenario.Parse("scenarios/test.txt", "# test\n\nopen\nsend text Hello\nexpect text Bye\nsend text never")
	if err != nil {
		t.Fatal(err)
	}
	results := playAll(t.Context(), raw, []*scenario.Scenario{s}, endpoint.All())
	for _, r := range results[0] {
		got, err := output(raw, s, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`❰ TEXT FIN, 5 bytes "Hello"`, "\n> expect text Bye\n", `! scenarios/test.txt:5: expect: text "Hello" arrived, but text "Bye" was expected`} {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s: there is no %q in\n%s", r.endpoint, want, got)
			}
		}
		if strings.Contains(string(got), "never") {
			t.Errorf("%s: it went on behind the failure", r.endpoint)
		}
	}
	if said := summary(s, results[0]); strings.Count(said, "× ") != len(results[0]) {
		t.Errorf("it says\n%s", said)
	}
}

func TestAFolderThatCannotBeWrittenIsTold(t *testing.T) {
	inRoot(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"run", "-out", file, "no-key"}, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), file) {
		t.Errorf("a folder that is a file gives status %d, %s:\n%s", status, &stderr, &stdout)
	}
}

func TestScenariosThatAreInterruptedAreToldAsFarAsTheyWerePlayed(t *testing.T) {
	inRoot(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	defer func(p player) { raw = p }(raw)
	done := make(chan struct{})
	play := raw.run
	raw.run = func(ctx context.Context, s *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
		switch s.Name {
		case "no-key":
			defer close(done)
		case "unmasked": // it is Ctrl-C that ends this one
			<-done
			interrupt()
		}
		return play(ctx, s, e)
	}
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"run", "-endpoint", "reference", "-out", dir, "no-key", "unmasked"}, &stdout, &stderr)
	text := stdout.String()
	if status != somethingFailed || stderr.Len() > 0 || !strings.HasSuffix(text, "\nInterrupted: 1 of 2 scenarios finished. The output files of the others are unchanged.\n") ||
		strings.Count(text, "\n") != 4 || strings.Contains(text, "×") || strings.Contains(text, "unmasked") {
		t.Errorf("status %d:\n%s%s", status, text, &stderr)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(files) != 1 || filepath.Base(filepath.Dir(files[0])) != "no-key" {
		t.Errorf("written is %q, %v", files, err)
	}

	stdout.Reset()
	status = run(ctx, []string{"run", "-out", dir, "no-key"}, &stdout, &stderr)
	if status != nothingJudged || stdout.Len() > 0 || stderr.String() != "compare: interrupted before any scenario was finished\n" {
		t.Errorf("before its begin: status %d:\n%s%s", status, &stdout, &stderr)
	}
}
