package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"wslab/lessons"
)

func TestAScenarioBecomesItsCommands(t *testing.T) {
	s, err := Parse("scenarios/every-verb.txt", `# What it shows
# More about it.

field Origin: http://a:1
field Sec-WebSocket-Key: one
field Sec-WebSocket-Key: two
remove upgrade
open GET HTTP/1.0
octets 81 05, 0x48 65 6C 6c 6f
  send text  two words `+`
send text
close 1000 good bye
close 1000
read 3
read eof
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "every-verb" || s.Title != "What it shows" {
		t.Errorf("it is called %q, %q", s.Name, s.Title)
	}
	request := string(s.Commands[0].Opening.append(nil, "/x", "host:1"))
	want := "GET /x HTTP/1.0\r\nHost: host:1\r\nConnection: Upgrade\r\nSec-WebSocket-Key: one\r\nSec-WebSocket-Version: 13\r\n" +
		"Origin: http://a:1\r\nSec-WebSocket-Key: two\r\n\r\n"
	if request != want {
		t.Errorf("the request is\n%s\nwant\n%s", request, want)
	}
	var got []string
	for _, c := range s.Commands {
		got = append(got, fmt.Sprintf("%d %s %x %q %d %d", c.Line, c.Verb, c.Octets, c.Text, c.Code, c.Frames))
	}
	wantAll := []string{
		`8 open  "" 0 0`, `9 octets 810548656c6c6f "" 0 0`, `10 send  " two words" 0 0`, `11 send  "" 0 0`,
		`12 close  "good bye" 1000 0`, `13 close  "" 1000 0`, `14 read  "" 0 3`, `15 read  "" 0 0`,
	}
	if g, w := strings.Join(got, "\n"), strings.Join(wantAll, "\n"); g != w {
		t.Errorf("the commands are\n%s\nwant\n%s", g, w)
	}
}

func TestRemovingHostLeavesItOut(t *testing.T) {
	s, err := Parse("x.txt", "# x\nremove Host\nopen")
	if err != nil {
		t.Fatal(err)
	}
	if request := string(s.Commands[0].Opening.append(nil, "/", "h")); strings.Contains(request, "Host") {
		t.Errorf("the request is %q", request)
	}
}

func TestEveryMistakeInAScenarioIsToldWithFileAndLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"open", "s.txt:1: the first comment must say what the scenario shows"},
		{"# x", "s.txt:1: there is no open"},
		{"# x\nopen\nopen", "s.txt:3: open stands twice"},
		{"# x\nopen GET", "s.txt:2: open takes nothing, or METHOD PROTO"},
		{"# x\nopen\nfield A: b", `s.txt:3: "field" changes the request, so it must stand before open`},
		{"# x\nopen\nremove A", `s.txt:3: "remove" changes the request, so it must stand before open`},
		{"# x\nfield A\nopen", "s.txt:2: a field is written NAME: VALUE"},
		{"# x\nremove A\nopen", `s.txt:2: there is no field "A" to remove`},
		{"# x\nopen\noctets 81 0", `s.txt:3: character 4: "0" stands alone; an octet has two hex digits`},
		{"# x\nopen\noctets zz", `s.txt:3: character 1: 'z' is no hex digit`},
		{"# x\nopen\nsend binary 1", "s.txt:3: send is followed by text and the words to send; anything else is sent with octets"},
		{"# x\nopen\nsend", "s.txt:3: send is followed by text and the words to send; anything else is sent with octets"},
		{"# x\nopen\nclose now", `s.txt:3: close is followed by a code and a reason, not "now"`},
		{"# x\nopen\nclose 65536", `s.txt:3: close is followed by a code and a reason, not "65536"`},
		{"# x\nopen\nread", "s.txt:3: read is followed by eof or by how many frames to wait for, 1 to 1000"},
		{"# x\nopen\nread 0", "s.txt:3: read is followed by eof or by how many frames to wait for, 1 to 1000"},
		{"# x\nopen\nread 1001", "s.txt:3: read is followed by eof or by how many frames to wait for, 1 to 1000"},
		{"# x\nopen\nsay hello", `s.txt:3: there is no command "say"; there are field, remove, open, octets, send, close and read`},
		{"# x\nread 1\nopen", "s.txt:2: read needs an open before it"},
		{"# x\nopen\nsay\nread\n", "s.txt:3: there is no command \"say\"; there are field, remove, open, octets, send, close and read\n" +
			"s.txt:4: read is followed by eof or by how many frames to wait for, 1 to 1000"},
	} {
		s, err := Parse("s.txt", c.text)
		if err == nil || err.Error() != c.want || s != nil {
			t.Errorf("%q gives\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
}

func TestLoadTellsTheMistakesOfAllFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"s/b.txt":    {Data: []byte("# b\nopen\nsay")},
		"s/a.txt":    {Data: []byte("# a\nopen")},
		"s/c.txt":    {Data: []byte("# c\nopen\nread")},
		"s/notes.md": {Data: []byte("no scenario")},
	}
	all, err := Load(fsys, "s")
	if len(all) != 1 || all[0].Name != "a" || err == nil || !strings.Contains(err.Error(), "s/b.txt:3:") || !strings.Contains(err.Error(), "s/c.txt:3:") {
		t.Errorf("%d scenarios, %v", len(all), err)
	}
}

func TestTheScenariosOfTheLessonsLoad(t *testing.T) {
	all, err := Load(lessons.Files, "scenarios")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	for _, s := range all {
		if got, err := Find(all, s.Name); got != s || err != nil {
			t.Errorf("%s is not found: %v", s.Name, err)
		}
	}
	if _, err := Find(all, "nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) || !strings.Contains(err.Error(), all[0].Name) {
		t.Errorf("the error is %v", err)
	}
}

func TestHexIsReadHoweverItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"8105":                      "\x81\x05",
		" 81\t05\r\n48,65 ":         "\x81\x05He",
		"0x81, 0X05 0xFf":           "\x81\x05\xff",
		"0x8105":                    "\x81\x05",
		"00 01":                     "\x00\x01",
		"0x":                        "",
		strings.Repeat("ab ", 1000): strings.Repeat("\xab", 1000),
	} {
		if got, err := ParseHex(text); err != nil || string(got) != want {
			t.Errorf("%q gives % x, %v", text, got, err)
		}
	}
}

func TestWhatIsNotHexIsToldWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		what string
	}{
		{"8", 0, `"8" stands alone; an octet has two hex digits`},
		{"81 5", 3, `"5" stands alone; an octet has two hex digits`},
		{"81 5 66", 3, `"5" stands alone; an octet has two hex digits`},
		{"81 g5", 3, `'g' is no hex digit`},
		{"81 €", 3, `'€' is no hex digit`},
		{"10x5", 2, `'x' is no hex digit`},
		{"0x8", 2, `"8" stands alone; an octet has two hex digits`},
		{"81;05", 2, `';' is no hex digit`},
	} {
		b, err := ParseHex(c.text)
		var he *HexError
		if !errors.As(err, &he) || he.At != c.at || he.What != c.what || b != nil {
			t.Errorf("%q gives %x, %v, want character %d: %s", c.text, b, err, c.at+1, c.what)
		}
	}
}

// FuzzParseHex holds for any text: what is read comes out the same when it is
// written again, and an error names a place within the text.
func FuzzParseHex(f *testing.F) {
	for _, s := range []string{"", "81 05", "0x81,0x05", "8", "zz", "€", "0x", "0 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseHex(s)
		if err == nil {
			if again, err := ParseHex(fmt.Sprintf("% x", b)); err != nil || string(again) != string(b) {
				t.Fatalf("%q gives % x, which gives % x, %v", s, b, again, err)
			}
			return
		}
		var he *HexError
		if !errors.As(err, &he) || he.At < 0 || he.At >= len(s) || !utf8.ValidString(he.What) {
			t.Fatalf("%q gives %v", s, err)
		}
		// What is before it is right, but for the first digit of the octet that it is
		// the second of.
		before, err := ParseHex(s[:he.At])
		var half *HexError
		if err != nil && !(errors.As(err, &half) && half.At == he.At-1) {
			t.Fatalf("%q is said to go wrong at %d, and what is before it gives % x, %v", s, he.At, before, err)
		}
	})
}

// FuzzParse holds for any text: a scenario whose commands can be played, or
// errors that each begin with file and line.
func FuzzParse(f *testing.F) {
	f.Add("# x\nfield A: b\nremove Upgrade\nopen\noctets 81 05\nsend text x\nclose 1000 y\nread 1\nread eof")
	f.Add("read\nopen open\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("s.txt", text)
		if err == nil {
			if len(s.Commands) == 0 || s.Commands[0].Verb != "open" {
				t.Fatalf("%q begins with %+v", text, s.Commands)
			}
			return
		}
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Fatalf("%q gives %T", text, err)
		}
		for _, e := range joined.Unwrap() {
			var line int
			if n, _ := fmt.Sscanf(e.Error(), "s.txt:%d: ", &line); n != 1 || line < 1 || line > strings.Count(text, "\n")+1 {
				t.Fatalf("%q gives %v", text, e)
			}
		}
	})
}
