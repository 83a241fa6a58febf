package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"wslab/compare/scenario"
)

// usages writes the table of settings and commands.
func usages() string {
	var b strings.Builder
	b.WriteString("| who | line | what it does |\n|---|---|---|\n")
	for _, u := range scenario.Usages() {
		who := map[string]string{"": "before `open`", "client": "client", "server": "server", "wire": "wire", "note": "the run"}[u.Who]
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", who, strings.ReplaceAll(u.Line, "|", `\|`), u.Does)
	}
	return b.String()
}

func TestTheREADMEListsEveryCommand(t *testing.T) {
	const file, begin, end = "README.md", "-update -->\n", "<!-- end of the table -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the table: %q, and later %q", file, begin, end)
	}
	want := usages()
	if *update && table != want {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := strings.Split(table, "\n")
	for _, line := range strings.Split(want, "\n") {
		if !strings.Contains(table, line+"\n") && line != "" {
			t.Errorf("compare/README.md does not have the line\n%s\nWrite it with: go test ./compare -run README -update", line)
		}
	}
	if len(have) != len(strings.Split(want, "\n")) && !t.Failed() {
		t.Error("compare/README.md lists a command that there is not. Write the table with: go test ./compare -run README -update")
	}
}

func TestTheREADMEIsNoWiderThan130Columns(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if n := utf8.RuneCountInString(line); n > 130 {
			t.Errorf("line %d of compare/README.md has %d columns", i+1, n)
		}
	}
}
