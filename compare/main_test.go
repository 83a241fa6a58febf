package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/lessons"
)

var update = flag.Bool("update", false, "write compare/outputs anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEveryScenarioGivesTheOutputsThatAreStored plays them all on real TCP
// against every endpoint. What comes out must be the same in every run.
func TestEveryScenarioGivesTheOutputsThatAreStored(t *testing.T) {
	dir := t.TempDir()
	if *update {
		dir = "outputs"
	}
	var stdout bytes.Buffer
	if status, err := run(t.Context(), []string{"-out", dir}, &stdout); status != 0 || err != nil {
		t.Fatalf("status %d, %v:\n%s", status, err, &stdout)
	}
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	var want []string
	for _, s := range all {
		for _, e := range endpoint.All() {
			name := filepath.Join(s.Name, e.Name+".txt")
			want = append(want, filepath.Join("outputs", name))
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			stored, err := os.ReadFile(filepath.Join("outputs", name))
			if err != nil {
				t.Errorf("%v; go test ./compare -update writes it", err)
				continue
			}
			if !bytes.Equal(got, stored) {
				t.Errorf("compare/outputs/%s is not what %s gives now: %s", name, e.Name, firstDifference(string(stored), string(got)))
			}
		}
		if !strings.Contains(stdout.String(), "  "+s.Name+" ") {
			t.Errorf("nothing is said of %s:\n%s", s.Name, &stdout)
		}
	}
	stored, err := filepath.Glob("outputs/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stored {
		if strings.HasPrefix(filepath.ToSlash(file), "outputs/headers/") {
			continue // held by package headers
		}
		if !slices.Contains(want, file) {
			t.Errorf("compare/%s belongs to no scenario and endpoint that there are: delete it", file)
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

func TestOneScenarioCanBeChosen(t *testing.T) {
	dir := t.TempDir()
	var stdout bytes.Buffer
	if status, err := run(t.Context(), []string{"-out", dir, "unmasked"}, &stdout); status != 0 || err != nil {
		t.Fatalf("status %d, %v", status, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	if len(files) != len(endpoint.All()) || !strings.Contains(stdout.String(), "diff "+filepath.Join(dir, "unmasked", "reference.txt")) {
		t.Errorf("%q were written, and it says\n%s", files, &stdout)
	}
}

func TestBadArgumentsAreToldClearly(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-x"}, "flag provided but not defined: -x; go run ./compare -h shows how"},
		{[]string{"-out"}, "flag needs an argument: -out; go run ./compare -h shows how"},
		{[]string{"no-such"}, `there is no scenario "no-such"; there are empty-frames, `},
		{[]string{"unmasked", "no-such"}, `there is no scenario "no-such"; there are empty-frames, `},
	} {
		var stdout bytes.Buffer
		status, err := run(t.Context(), c.args, &stdout)
		if status != 2 || err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || stdout.Len() > 0 {
			t.Errorf("%q gives status %d, %v, want 2, %s", c.args, status, err, c.want)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	var stdout bytes.Buffer
	if status, err := run(t.Context(), []string{"-h"}, &stdout); status != 0 || err != nil || !strings.Contains(stdout.String(), "usage: go run ./compare") {
		t.Errorf("status %d, %v:\n%s", status, err, &stdout)
	}
}

func TestAScenarioThatCannotBePlayedGivesStatus1(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	status, err := run(t.Context(), []string{"-out", file, "no-key"}, &stdout)
	if status != 1 || err != nil || !strings.Contains(stdout.String(), "×  no-key") {
		t.Errorf("a folder that is a file gives status %d, %v:\n%s", status, err, &stdout)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stdout.Reset()
	status, err = run(ctx, []string{"-out", t.TempDir(), "no-key"}, &stdout)
	if status != 1 || err != nil || !strings.Contains(stdout.String(), "scenario no-key, line 3: open") {
		t.Errorf("an interrupt gives status %d, %v:\n%s", status, err, &stdout)
	}
}
