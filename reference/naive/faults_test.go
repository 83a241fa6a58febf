package naive

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// TestTheTableOfFaultsAndTheCommentsAreTheSame holds Faults to the regions and
// comments of naive.go: the same numbers, in order, at the sites that it names.
func TestTheTableOfFaultsAndTheCommentsAreTheSame(t *testing.T) {
	src, err := Source.ReadFile("naive.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "naive.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	// A region begins with its marker, and its comment is the next line.
	region := regexp.MustCompile(`//lesson:begin (fault-\d+)\n\s*// (Fault \d+): `)
	found := region.FindAllSubmatchIndex(src, -1)
	for i, at := range found {
		if i >= len(Faults) {
			break
		}
		fault, name, comment := Faults[i], string(src[at[2]:at[3]]), string(src[at[4]:at[5]])
		if fault.Number != i+1 || comment != fmt.Sprint("Fault ", i+1) || name != fmt.Sprint("fault-", i+1) {
			t.Errorf("fault %d of the table stands at %q with the comment %q", fault.Number, name, comment)
		}
		var site string
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && set.Position(fn.Pos()).Offset <= at[0] && at[0] < set.Position(fn.End()).Offset {
				site = "naive.(*server)." + fn.Name.Name + "#" + name
			}
		}
		if fault.Site != site {
			t.Errorf("fault %d is at %s, the table says %s", fault.Number, site, fault.Site)
		}
	}
	for _, all := range []string{"//lesson:begin", "//lesson:end", "// Fault "} {
		if n := strings.Count(string(src), all); n != len(Faults) || len(found) != len(Faults) {
			t.Errorf("%d faults in the table, %d regions, %d times %q", len(Faults), len(found), n, all)
		}
	}
}

func TestEveryFaultNamesARuleThatThereIsAndASection(t *testing.T) {
	codes := map[string]bool{"": true}
	for _, r := range wire.Rules {
		codes[r.Code] = true
	}
	section := regexp.MustCompile(`^RFC \d+ §\d+(\.\d+)*$`)
	for _, f := range Faults {
		if !codes[f.Rule] || !section.MatchString(f.Section) || f.Name == "" || !strings.HasSuffix(f.What, ".") {
			t.Errorf("fault %d: %+v", f.Number, f)
		}
	}
}

func TestEveryFaultIsShownHappening(t *testing.T) {
	src, err := os.ReadFile("naive_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Faults {
		if !strings.Contains(string(src), fmt.Sprintf("fault(%d,", f.Number)) && !strings.Contains(string(src), fmt.Sprintf("fails(t, %d,", f.Number)) {
			t.Errorf("no test shows fault %d, %s", f.Number, f.Name)
		}
	}
}
