package cases

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

var sectionShape = regexp.MustCompile(`^\d+(\.\d+)*$`)

// forgotten returns the steps of the recipe "add a case" that c lacks. Step 3, the
// Name, is held by Section.Add.
func forgotten(c *Case) (steps []string) {
	lacks := func(step string, is bool) {
		if is {
			steps = append(steps, step)
		}
	}
	lacks("2 (the Section that it is added to names one of an RFC)", !sectionShape.MatchString(c.Section) || c.RFC != 6455 && c.RFC != 7692)
	lacks("4 (Title, in one line)", c.Title == "" || strings.ContainsAny(c.Title, "\n\r"))
	lacks("4 (Requirement, a sentence)", !strings.HasSuffix(c.Requirement, "."))
	lacks("5 (Keyword)", !slices.Contains([]string{Must, Should, May}, c.Keyword))
	lacks("5 (Duty of a MUST, and only of one)", (c.Keyword == Must) != (c.Duty != Duty{}))
	lacks("6 (Steps, or an Opening)", len(c.Steps) == 0 && len(c.Opening.Writes) == 0)
	lacks("6 (Outcomes)", len(c.Outcomes) == 0)
	return steps
}

func TestAForgottenStepOfTheRecipeIsNamed(t *testing.T) {
	whole := func() *Case {
		return &Case{Title: "A Ping", Requirement: "A Ping is answered.", Keyword: Must, Duty: DutyPong, Section: "5.5.2", RFC: 6455, Steps: []Step{Send(Ping(""))}, Outcomes: Answers(Pong(""))}
	}
	if steps := forgotten(whole()); steps != nil {
		t.Errorf("of a whole case %q is said to be forgotten", steps)
	}
	for _, c := range []struct {
		step   string
		forget func(*Case)
	}{
		{"2 ", func(c *Case) { c.Section = "" }},
		{"4 (Title", func(c *Case) { c.Title = "" }},
		{"4 (Requirement", func(c *Case) { c.Requirement = "none" }},
		{"5 (Keyword", func(c *Case) { c.Keyword, c.Duty = "", Duty{} }},
		{"5 (Duty", func(c *Case) { c.Duty = Duty{} }},
		{"6 (Steps", func(c *Case) { c.Steps = nil }},
		{"6 (Outcomes", func(c *Case) { c.Outcomes = nil }},
	} {
		lacking := whole()
		c.forget(lacking)
		if steps := forgotten(lacking); len(steps) != 1 || !strings.HasPrefix(steps[0], c.step) {
			t.Errorf("without %s: %q", c.step, steps)
		}
	}
}

func TestTheCasesAreManyAndEachIsFilledIn(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range All() {
		if ids[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		ids[c.ID] = true
		for _, step := range forgotten(c) {
			t.Errorf("%s: step %s of the recipe in the documentation of package suite was forgotten", c.ID, step)
		}
		for _, code := range c.Rules {
			if !slices.ContainsFunc(wire.Rules, func(r wire.Rule) bool { return r.Code == code }) {
				t.Errorf("%s names the rule %q, which there is not", c.ID, code)
			}
		}
		for _, o := range c.Outcomes {
			if o.Verdict == Fail || (o.Verdict != Pass) != (o.Why != "") {
				t.Errorf("%s: an outcome that is %s has the reason %q", c.ID, o.Verdict, o.Why)
			}
		}
	}
	servers := ForRole(All(), wire.Server)
	if len(servers) < 500 || len(ForRole(All(), wire.Client)) < 500 {
		t.Errorf("%d cases for servers of %d", len(servers), len(All()))
	}
}

func TestACaseNeedsANameOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		what string
		add  Case
		want string
	}{
		{"no name", Case{Title: "A Ping"}, `section 5.5: the case "A Ping" has no Name`},
		{"a number", Case{Name: "7"}, "is not lower-case words"},
		{"capitals", Case{Name: "A-Ping"}, "is not lower-case words"},
		{"a hyphen at its end", Case{Name: "ping-"}, "is not lower-case words"},
		{"the end of a mirrored one", Case{Name: "ping-client"}, "is kept for mirrored cases"},
		{"too much", Case{Name: strings.Repeat("p", 34)}, "has 34 bytes, and 33 are allowed"},
		{"one that there is", Case{Name: "first", Title: "Another"}, `the cases "The first" and "Another" have the same Name "first"`},
	} {
		g := Section{Name: "5.5", In: "5.5"}
		g.Add(Case{Name: "first", Title: "The first"})
		func() {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want %s", c.what, err, c.want)
				}
			}()
			g.Add(c.add)
		}()
	}
}

func TestTitlesTellCasesOfASectionApart(t *testing.T) {
	seen := map[string]string{}
	for _, c := range All() {
		key := c.Group() + c.Judges.String() + c.Title
		if seen[key] != "" {
			t.Errorf("%s and %s are both called %q", seen[key], c.ID, c.Title)
		}
		seen[key] = c.ID
	}
}

func TestWhatACaseSendsIsTheSameInEveryRun(t *testing.T) {
	for _, c := range All() {
		if c.Heavy || strings.HasPrefix(c.ID, "sizes") {
			continue
		}
		var runs [2][]byte
		for i := range runs {
			keys := c.MaskingKeys()
			for _, s := range c.Steps {
				runs[i] = append(runs[i], bytes.Join(s.Chunks(c.Judges.Peer(), keys), []byte("|"))...)
			}
		}
		if !bytes.Equal(runs[0], runs[1]) {
			t.Errorf("%s sends something else the second time", c.ID)
		}
	}
}

func TestAMirroredCaseSendsTheSameFramesWithoutAMask(t *testing.T) {
	c := &Case{ID: "x/1", Judges: wire.Server, Rules: []string{wire.RuleMaskMissing.Code}, Steps: []Step{Send(Text("Hi"), Text("Hi").WrongMask())}}
	m := c.Mirror()
	if m.ID != "x/1-client" || m.Judges != wire.Client || m.Rules[0] != wire.RuleMaskForbidden.Code || c.Rules[0] != wire.RuleMaskMissing.Code {
		t.Errorf("%+v", m)
	}
	key := func() [4]byte { return [4]byte{} }
	server := m.Steps[0].Chunks(wire.Server, key)[0]
	client := c.Steps[0].Chunks(wire.Client, key)[0]
	if string(server) != "\x81\x02Hi\x81\x82\x00\x00\x00\x00Hi" || string(client) != "\x81\x82\x00\x00\x00\x00Hi\x81\x02Hi" {
		t.Errorf("% x and % x", server, client)
	}
}

func TestAStepIsCutIntoTCPWrites(t *testing.T) {
	s := Raw(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	for _, c := range []struct {
		what string
		step Step
		want string
	}{
		{"whole", s, "0123456789"},
		{"every 4", s.InPieces(4), "0123|4567|89"},
		{"at 2 and 7", s.CutAt(2, 7), "01|23456|789"},
		{"before the last", s.CutAt(-1), "012345678|9"},
		{"at its ends, which cuts nothing", s.CutAt(0, 10, 20), "0123456789"},
		{"the first 3", s.First(3), "012"},
		{"the rest", Step{Bytes: s.Bytes, Skip: 3}, "3456789"},
		{"3 to 5", Step{Bytes: s.Bytes, Keep: 5, Skip: 3}, "34"},
	} {
		got := bytes.Join(c.step.Chunks(wire.Server, nil), []byte("|"))
		for i, b := range got {
			if b < 10 {
				got[i] = '0' + b
			}
		}
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	frame := Send(Text("Hello").WithKey(0, 0, 0, 0))
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		whole := frame.Chunks(role, nil)[0]
		parts := append(frame.UpTo(2).Chunks(role, nil)[0], frame.After(2).Chunks(role, nil)[0]...)
		if upTo := frame.UpTo(2).Chunks(role, nil)[0]; !bytes.HasSuffix(upTo, []byte("He")) || !bytes.Equal(parts, whole) {
			t.Errorf("as a %s: % x up to the second byte, % x in all, want % x", role, upTo, parts, whole)
		}
	}
}

func TestAMessageInFragmentsIsWholeAgain(t *testing.T) {
	p := TextOf(1000)
	all := Step{Frames: []Frame{Of(wire.Text, p)}, Fragment: 300}.Chunks(wire.Server, nil)[0]
	var payload []byte
	var ops []wire.Opcode
	for len(all) > 0 {
		h, _ := wire.ParseHeader(all)
		ops = append(ops, h.Opcode)
		all = all[h.Size():]
		payload, all = append(payload, all[:h.Length]...), all[h.Length:]
		if h.Fin != (len(all) == 0) {
			t.Error("FIN is in the wrong place")
		}
	}
	if !p.Equal(payload) || !slices.Equal(ops, []wire.Opcode{1, 0, 0, 0}) {
		t.Errorf("%d bytes in %v", len(payload), ops)
	}
}

func TestCasesAreChosenByPatterns(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		holds    func(*Case) bool
	}{
		{[]string{"5.5.2/ping-of-5"}, func(c *Case) bool { return c.ID == "5.5.2/ping-of-5" }},
		{[]string{"5.5.2/empty-ping", "7.4/code-1000"}, func(c *Case) bool { return c.ID == "5.5.2/empty-ping" || c.ID == "7.4/code-1000" }},
		{[]string{"5.*"}, func(c *Case) bool { return strings.HasPrefix(c.ID, "5.") }},
		{[]string{"5.5"}, func(c *Case) bool { return strings.HasPrefix(c.Group()+".", "5.5.") || c.Section == "5.5" }},
		{[]string{"5.2/rsv1"}, func(c *Case) bool { return slices.Contains(c.Rules, "5.2/rsv1") }},
		{[]string{"SHOULD"}, func(c *Case) bool { return c.Keyword == Should }},
		{[]string{"client"}, func(c *Case) bool { return c.Judges == wire.Client }},
		{[]string{"surrogate"}, func(c *Case) bool { return strings.Contains(c.Title, "surrogate") }},
		{nil, func(*Case) bool { return true }},
	} {
		got, err := Match(All(), c.patterns...)
		if err != nil {
			t.Errorf("%q: %v", c.patterns, err)
			continue
		}
		var want []*Case
		for _, each := range All() {
			if c.holds(each) {
				want = append(want, each)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q chooses %d cases, want %d", c.patterns, len(got), len(want))
		}
	}
	for _, old := range []string{"5.2/7", "5.2/7c"} {
		if _, err := Match(All(), old); err == nil || !strings.Contains(err.Error(), "go run ./compare list 5.2 ") {
			t.Errorf("the old number %s gives %v", old, err)
		}
	}
	if _, err := Match(All(), "5.2", "no such"); err == nil || !strings.Contains(err.Error(), `no case fits "no such"`) {
		t.Errorf("a pattern that fits nothing gives %v", err)
	}
}
