package naive

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// TestTheTableOfFaultsAndTheCommentsAreTheSame holds Faults to the regions and
// comments of naive.go: the same numbers, at the sites that it names.
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
	seen := map[string]bool{}
	for _, at := range found {
		name, comment := string(src[at[2]:at[3]]), string(src[at[4]:at[5]])
		number, _ := strconv.Atoi(strings.TrimPrefix(name, "fault-"))
		if number < 1 || number > len(Faults) || seen[name] || comment != fmt.Sprint("Fault ", number) {
			t.Errorf("the region %q has the comment %q", name, comment)
			continue
		}
		seen[name] = true
		var site string
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && set.Position(fn.Pos()).Offset <= at[0] && at[0] < set.Position(fn.End()).Offset {
				site = "naive." + fn.Name.Name + "#" + name
				if fn.Recv != nil {
					site = "naive.(*server)." + fn.Name.Name + "#" + name
				}
			}
		}
		if fault := Faults[number-1]; fault.Number != number || fault.Site != site {
			t.Errorf("fault %d is at %s, the table has fault %d at %s", number, site, fault.Number, fault.Site)
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
	var src []byte
	for _, name := range []string{"naive_test.go", "program_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, b...)
	}
	for _, f := range Faults {
		if !strings.Contains(string(src), fmt.Sprintf("fault(%d,", f.Number)) && !strings.Contains(string(src), fmt.Sprintf("fails(t, %d,", f.Number)) {
			t.Errorf("no test shows fault %d, %s", f.Number, f.Name)
		}
	}
}
