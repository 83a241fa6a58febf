package lesson

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"wslab/reference/naive"
	"wslab/reference/wire"
)

func TestASiteIsAFunctionOrARegionOfOne(t *testing.T) {
	s := sampleSites(t)
	want := []string{
		"wire.(*Reader).Next", "wire.Parse", "wire.Parse#mask", "wire.ParseHeader", "wire.ParseHeader#mask", "wire.Reader.Size",
	}
	if got := s.Names(); !reflect.DeepEqual(got, want) {
		t.Errorf("the sites are %q, want %q", got, want)
	}
}

func TestAListingLeavesMarkersOutAndKeepsTheNumbersOfTheFile(t *testing.T) {
	l, err := sampleSites(t).Listing("wire.Parse#mask")
	if err != nil {
		t.Fatal(err)
	}
	if l.Package != "reference/wire" || l.File != "reference/wire/parse.go" || l.Symbol != "Parse" {
		t.Errorf("the listing is of %s, %s in %s", l.Package, l.Symbol, l.File)
	}
	if want := []int{4, 5, 6, 7, 9, 11, 12}; !reflect.DeepEqual(l.Numbers, want) || l.First != want[0] {
		t.Errorf("its lines are %v from %d, want %v", l.Numbers, l.First, want)
	}
	if l.Hot != [2]int{9, 9} {
		t.Errorf("the lines meant are %v, want 9", l.Hot)
	}
	want := line{
		{"", "\t"}, {"ident", "masked"}, {"", " := "}, {"ident", "b"}, {"", "["}, {"number", "0"}, {"", "]&"},
		{"number", "0x80"}, {"", " != "}, {"number", "0"}, {"", " "}, {"comment", `// "MASK"`},
	}
	if !reflect.DeepEqual(l.Lines[4], want) {
		t.Errorf("line 9 is %q, want %q", l.Lines[4], want)
	}
}

func TestColouringLosesNothing(t *testing.T) {
	sources := map[string]string{
		"raw string": "package p\n\nvar s = `a\n\tb` // c\n",
		"comment":    "package p /* a\nb */ ; var x = 'x'",
		"no newline": "package p",
		"nothing":    "",
	}
	names, err := fs.Glob(wire.Source, "*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no source: %v", err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(wire.Source, n)
		if err != nil {
			t.Fatal(err)
		}
		sources[n] = string(b)
	}
	for name, src := range sources {
		var b strings.Builder
		for _, l := range color([]byte(src)) {
			for _, x := range l {
				b.WriteString(x[1])
			}
			b.WriteByte('\n')
		}
		if got := strings.TrimSuffix(b.String(), "\n"); got != strings.TrimSuffix(src, "\n") {
			t.Errorf("%s comes back as %q", name, got)
		}
	}
}

func TestAMarkerOutOfPlaceIsToldWithItsLine(t *testing.T) {
	in := func(body string) string { return "package p\nfunc f() {\n" + body + "\n}\n" }
	for _, tt := range []struct{ src, want string }{
		{"package", "reference/p/f.go:1: this is not Go"},
		{"package p\n\n//lesson:begin a\nvar x int\n", "reference/p/f.go:3: a lesson marker is outside a function"},
		{in("//lesson:begin a\n//lesson:begin b\n//lesson:end"), `reference/p/f.go:4: region "b" begins inside region "a"`},
		{in("//lesson:begin"), "reference/p/f.go:3: a region needs a name"},
		{in("//lesson:end"), "reference/p/f.go:3: //lesson:end has no begin"},
		{in("//lesson:begin a"), `reference/p/f.go:3: region "a" has no end`},
		{in("//lesson:begin a\n}\nfunc g() {\n//lesson:end"), "reference/p/f.go:6: //lesson:end has no begin"},
		{in("//lesson:begin a\n//lesson:end\n//lesson:begin a\n//lesson:end"), `reference/p/f.go:6: this function already has a region "a"`},
		{in("//lesson:middle"), "reference/p/f.go:3: lesson:middle is not a marker"},
	} {
		_, err := Resolve(SourceSet{"reference/p": fstest.MapFS{"f.go": {Data: []byte(tt.src)}}})
		if err == nil {
			t.Errorf("no error for\n%s", tt.src)
			continue
		}
		found := false
		for l := range strings.Lines(err.Error()) {
			found = found || strings.HasPrefix(l, tt.want)
		}
		if !found {
			t.Errorf("the error is %v\nwant %s…", err, tt.want)
		}
	}
	if _, err := Resolve(SourceSet{"reference/p": fstest.MapFS{}}); err == nil {
		t.Error("a package without a file resolves")
	}
}

// gorillaDir finds the module's source on this machine.
func gorillaDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "github.com/gorilla/websocket").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if version != gorillaVersion {
		t.Fatalf("go.mod has gorilla %s; the anchors were written for %s, so read them again", version, gorillaVersion)
	}
	return dir
}

func TestEveryAnchorIsFoundInGorilla(t *testing.T) {
	dir := gorillaDir(t)
	ours, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	// What the lines meant must hold, so that an anchor cannot slip to another
	// place unseen. Names only: the text is gorilla's.
	holds := map[string]string{
		"wire.ParseHeader#fin":                       "finalBit",
		"wire.ParseHeader#rsv":                       "rsv2Bit",
		"wire.ParseHeader#opcode":                    "frameType",
		"wire.ParseHeader#mask":                      "maskBit",
		"wire.ParseHeader#length":                    "setReadRemaining",
		"wire.ParseHeader#length16":                  "Uint16",
		"wire.ParseHeader#length64":                  "Uint64",
		"wire.ParseHeader#key":                       "readMaskKey",
		"wire.MaskSimple#unmask":                     "key",
		"reference.(*Machine).receivePayload#unmask": "key",
		"wire.ParseClosePayload#closecode":           "closeCode",
		"wire.ParseClosePayload#reason":              "ValidString",
		"wire.Hash#hash":                             "sha1",
		"wire.Check#check-mask":                      "isServer",
		"wire.Check#check-length":                    "ErrReadLimit",
		"wire.CheckRequest#check-key":                "isValidChallengeKey",
		"wire.CheckRequest#check-version":            "returnError",
		"wire.CheckResponse#check-accept":            "ErrBadHandshake",

		"reference.(*Machine).endFrame#fragments":        "EOF",
		"reference.(*Machine).receiveControl#control":    "PongMessage",
		"reference.(*Machine).receiveClose#answer-close": "CloseMessage",
		"reference.(*Machine).receiveHeader#limit":       "ErrReadLimit",
	}
	for site, a := range anchors {
		if !ours.Has(site) {
			t.Errorf("%s, which has an anchor, is not a site. %s", site, ours.advise(site))
		}
		l, ok := GorillaListing(dir, site)
		if !ok || len(l.Lines) == 0 {
			t.Errorf("%s: %v is not found", site, a)
			continue
		}
		if l.Version != gorillaVersion || !strings.Contains(l.Link, a.file+"#L") {
			t.Errorf("%s: version %s, link %s", site, l.Version, l.Link)
		}
		var hot strings.Builder
		for i, n := range l.Numbers {
			if n >= l.Hot[0] && n <= l.Hot[1] {
				for _, x := range l.Lines[i] {
					hot.WriteString(x[1])
				}
			}
		}
		if !strings.Contains(hot.String(), holds[site]) {
			t.Errorf("%s: %s is not among lines %v of %s", site, holds[site], l.Hot, a.file)
		}
		if len(l.Lines) > 60 {
			t.Errorf("%s: %d lines are more than anybody reads", site, len(l.Lines))
		}
	}
}

func TestWithoutGorillasSourceThereIsALink(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		l, ok := GorillaListing(dir, "wire.ParseHeader#mask")
		if !ok || len(l.Lines) != 0 || !strings.HasPrefix(l.Link, "https://") || l.Symbol != "(*Conn).advanceFrame" {
			t.Errorf("with dir %q: %+v, %v", dir, l, ok)
		}
	}
	l, _ := GorillaListing("", "wire.ParseHeader#mask")
	if b, err := json.Marshal(l); err != nil || !strings.Contains(string(b), `"lines":[]`) {
		t.Errorf("the page receives %s, %v", b, err)
	}
	if _, ok := GorillaListing("", "wire.Check#nothing"); ok {
		t.Error("a site without an anchor has a listing")
	}
}

func TestTheListingOfAFaultNamesNoOtherFault(t *testing.T) {
	sites, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range naive.Faults {
		l, err := sites.Listing(f.Site)
		if err != nil {
			t.Fatal(err)
		}
		named := false
		for _, line := range l.Lines {
			for _, x := range line {
				named = named || strings.Contains(x[1], fmt.Sprintf("Fault %d:", f.Number))
				if strings.Contains(x[1], "Fault ") && !strings.Contains(x[1], fmt.Sprintf("Fault %d:", f.Number)) {
					t.Errorf("the listing of fault %d has the line %q", f.Number, x[1])
				}
			}
		}
		if !named {
			t.Errorf("the listing of fault %d does not have its comment", f.Number)
		}
	}
}
