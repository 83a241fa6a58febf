package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
bytes 81 05, 0x48
bytes 65 6C 6c 6f
  send text  two words `+`
send text
send text "\xc3("
send binary 00 ff
send repeat 7
send fragments "a b" "" "c"
ping
pong "x"
close 1000 good bye
close 1000
close
read 3
read eof
expect close 1000 "x y"
expect eof
reading off
patience 1.5s
crowd 3
server send text hi
server says close 999
server tcp write 00
wire delay 200ms
wire split 2
wait 10ms
wait server
note
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "every-verb" || s.Title != "What it shows" {
		t.Errorf("it is called %q, %q", s.Name, s.Title)
	}
	request := string(s.Commands[0].Opening.Request("/x", "host:1"))
	want := "GET /x HTTP/1.0\r\nHost: host:1\r\nConnection: Upgrade\r\nSec-WebSocket-Key: one\r\nSec-WebSocket-Version: 13\r\n" +
		"Origin: http://a:1\r\nSec-WebSocket-Key: two\r\n\r\n"
	if request != want {
		t.Errorf("the request is\n%s\nwant\n%s", request, want)
	}
	var got []string
	for _, c := range s.Commands {
		got = append(got, fmt.Sprintf("%d-%d %s %s %q %q %d %v %d %q", c.Line, c.End, c.Who, c.Verb, c.Bytes, c.Parts, c.Count, c.For, c.Code, c.Reason))
	}
	want = strings.Join([]string{
		`8-8 client open "" [] 0 0s 1005 ""`,
		`9-10 client bytes "\x81\x05Hello" [] 0 0s 1005 ""`,
		`11-11 client send text "two words" [] 0 0s 1005 ""`,
		`12-12 client send text "" [] 0 0s 1005 ""`,
		`13-13 client send text "\xc3(" [] 0 0s 1005 ""`,
		`14-14 client send binary "\x00\xff" [] 0 0s 1005 ""`,
		`15-15 client send repeat "" [] 7 0s 1005 ""`,
		`16-16 client send fragments "" ["a b" "" "c"] 0 0s 1005 ""`,
		`17-17 client ping "" [] 0 0s 1005 ""`,
		`18-18 client pong "x" [] 0 0s 1005 ""`,
		`19-19 client close "" [] 0 0s 1000 "good bye"`,
		`20-20 client close "" [] 0 0s 1000 ""`,
		`21-21 client close "" [] 0 0s 1005 ""`,
		`22-22 client read "" [] 3 0s 1005 ""`,
		`23-23 client read "" [] 0 0s 1005 ""`,
		`24-24 client expect "" [] 0 0s 1000 "x y"`,
		`25-25 client expect "" [] 0 0s 1005 ""`,
		`26-26 client reading off "" [] 0 0s 1005 ""`,
		`27-27 client patience "" [] 0 1.5s 1005 ""`,
		`28-28 client crowd "" [] 3 0s 1005 ""`,
		`29-29 server server send text "hi" [] 0 0s 1005 ""`,
		`30-30 server server says close "" [] 0 0s 999 ""`,
		`31-31 server server tcp write "\x00" [] 0 0s 1005 ""`,
		`32-32 wire wire delay "" [] 0 200ms 1005 ""`,
		`33-33 wire wire split "" [] 2 0s 1005 ""`,
		`34-34 note wait "" [] 0 10ms 1005 ""`,
		`35-35 note wait server "" [] 0 0s 1005 ""`,
		`36-36 note note "" [] 0 0s 1005 ""`,
	}, "\n")
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("the commands are\n%s\nwant\n%s", g, want)
	}
}

func TestSentencesAndTranscriptsBelongToTheirCommands(t *testing.T) {
	s, err := Parse("x.txt", `# Title
# About
# it.

# A setting has none.
server by hand
# It opens,
# as always.
open
| one
|   two

# no command's own

# A note.
note
bytes 81
# This one has a sentence, and leaves by itself.
bytes 00
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Commands {
		got = append(got, fmt.Sprintf("%s: %q %q", c.Text, c.Say, c.Transcript))
	}
	want := `open: "It opens, as always." ["one" "  two"]
note: "A note." []
bytes 81: "" []
bytes 00: "This one has a sentence, and leaves by itself." []`
	if g := strings.Join(got, "\n"); g != want || s.Title != "Title" || s.About != "About it." || !s.Setup.ByHand {
		t.Errorf("%q, %q, %+v, and the commands are\n%s\nwant\n%s", s.Title, s.About, s.Setup, g, want)
	}
	again := s.WithTranscripts(map[int][]string{9: {"new", ""}, 17: {"below"}})
	wantText := strings.Replace(strings.Replace(s.Text, "| one\n|   two\n", "| new\n|\n", 1), "bytes 81\n", "bytes 81\n| below\n", 1)
	if again != wantText {
		t.Errorf("with new transcripts it is\n%s\nwant\n%s", again, wantText)
	}
}

func TestSettingsSayHowTheServerBehaves(t *testing.T) {
	for text, want := range map[string]Setup{
		"":                 {},
		"server by hand\n": {ByHand: true},
		"server  by  hand\nserver ignores close\nserver keeps tcp\n": {ByHand: true, IgnoreClose: true, KeepTCP: true},
		"server in a process\n":                {Process: true},
		"server pings every 1s within 200ms\n": {PingEvery: time.Second, PongWithin: 200 * time.Millisecond},
	} {
		s, err := Parse("x.txt", "# x\n"+text+"client answers\nopen")
		if err != nil || s.Setup != want || !s.Answers {
			t.Errorf("%q gives %+v, %v", text, s, err)
		}
	}
}

func TestWhatABrowserCanDoIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"open\nsend text a\nsend binary 00\nsend repeat 9\nclose 1000 x\nread 1\nread eof\nexpect text a\nexpect close\npatience 1s\nleave": true,
		"server by hand\nopen\nserver tcp read\nwire silent\nwait 1s\nnote\ncrowd 2":                                                        true,
		"field A: b\nopen":          false,
		"remove Upgrade\nopen":      false,
		"open POST HTTP/1.1":        false,
		"open\nbytes 00":            false,
		"open\nping":                false,
		"open\nexpect ping":         false,
		"open\ntcp reset":           false,
		"open\nreading off":         false,
		"open\nsend fragments \"\"": false,
	} {
		s, err := Parse("x.txt", "# x\n"+text)
		if err != nil || s.Browser() != want {
			t.Errorf("%q gives %v, want %t", text, err, want)
		}
	}
}

func TestOfABrowserIsAskedWhatItCanDo(t *testing.T) {
	s, err := Parse("x.txt", "# x\nopen\nsend text a\nsend binary 00ff\nsend repeat 9\nclose\nclose 1000 x\nleave\nread 1\nserver close")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range s.Commands {
		b, err := json.Marshal(s.Commands[i].Order())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	want := `{"do":"open"} {"do":"send","text":"a"} {"do":"send","hex":"00ff"} {"do":"send","repeat":9} {"do":"close"} {"do":"close","code":1000,"reason":"x"} {"do":"leave"} null null`
	if g := strings.Join(got, " "); g != want {
		t.Errorf("the orders are\n%s\nwant\n%s", g, want)
	}
}

func TestRemovingHostLeavesItOut(t *testing.T) {
	s, err := Parse("x.txt", "# x\nremove Host\nopen")
	if err != nil {
		t.Fatal(err)
	}
	if request := string(s.Commands[0].Opening.Request("/", "h")); strings.Contains(request, "Host") {
		t.Errorf("the request is %q", request)
	}
}

func TestEveryMistakeInAScenarioIsToldWithFileAndLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"open", "s.txt:1: the first comment must say what the scenario shows"},
		{"# x", "s.txt:1: there is no open"},
		{"# x\nopen\nopen", "s.txt:3: there is a second open"},
		{"# x\nopen GET", "s.txt:2: open needs no argument, or a method and a protocol such as GET HTTP/1.0"},
		{"# x\nopen\nfield A: b", `s.txt:3: "field" must come before open`},
		{"# x\nopen\nremove A", `s.txt:3: "remove" must come before open`},
		{"# x\nopen\nclient answers", `s.txt:3: "client answers" must come before open`},
		{"# x\nopen\nserver by hand", `s.txt:3: "server by hand" must come before open`},
		{"# x\nserver by hand now\nopen", `s.txt:2: server by hand needs no argument, but has "now"`},
		{"# x\nopen\nserver dances", `s.txt:3: there is no command "server dances"; there are server by hand, server ignores close, server keeps tcp, server pings, server limit, server accepts origin, server in a process, server read, server read within, server send text, server send both, server send binary, server send fragments, server send repeat, server send at once, server ping, server pong, server close, server says close, server hangs up, server bytes, server tcp read, server tcp write, server tcp close, server tcp half, server tcp reset, server kill, server shutdown`},
		{"# x\nopen\noctets 81 05", `s.txt:3: octets is now called bytes. Write: bytes 81 05`},
		{"# x\nopen\nserver octets 81", `s.txt:3: server octets is now called server bytes. Write: server bytes 81`},
		{"# x\nfield A\nopen", "s.txt:2: a field is written NAME: VALUE"},
		{"# x\nremove A\nopen", `s.txt:2: there is no field "A" to remove`},
		{"# x\nrequest cut 0\nopen", "s.txt:2: request cut needs a number of bytes from 1 to 4096"},
		{"# x\nrequest cut 4097\nopen", "s.txt:2: request cut needs a number of bytes from 1 to 4096"},
		{"# x\nrequest then\nopen", "s.txt:2: request then needs bytes in hex: there are none"},
		{"# x\nrequest then 8\nopen", `s.txt:2: request then needs bytes in hex: character 1: "8" is alone: a byte has two hex digits`},
		{"# x\nclient sleeps\nopen", `s.txt:2: there is no command "client sleeps"; there are client answers`},
		{"# x\nserver pings often\nopen", "s.txt:2: server pings needs every DURATION within DURATION"},
		{"# x\nserver pings every 1s within 2s\nopen", "s.txt:2: the time for a Pong, 2s, is longer than the time between two Pings, 1s"},
		{"# x\nserver in a process\nserver by hand\nopen", "s.txt:3: a server in a process has no other settings: it echoes"},
		{"# x\nserver by hand\nserver in a process\nopen", "s.txt:3: a server in a process has no other settings: it echoes"},
		{"# x\nserver by hand\nserver pings every 1s within 1s\nopen", "s.txt:3: a server by hand cannot send Pings by itself"},
		{"# x\nopen\nserver tcp read", "s.txt:3: server tcp read needs the setting server by hand: without it, the code that echoes does the reading"},
		{"# x\nopen\nserver kill", "s.txt:3: server kill needs the setting server in a process"},
		{"# x\nserver in a process\nopen\nserver close", "s.txt:4: server close cannot reach a server in a process of its own: that server only echoes until it is killed"},
		{"# x\nopen\nbytes 81 0", `s.txt:3: bytes needs bytes in hex: character 4: "0" is alone: a byte has two hex digits`},
		{"# x\nopen\nbytes zz", `s.txt:3: bytes needs bytes in hex: character 1: 'z' is not a hex digit`},
		{"# x\nopen\nsend", `s.txt:3: there is no command "send"; there are send text, send binary, send repeat, send fragments`},
		{"# x\nopen\nsend text \"a", `s.txt:3: send text needs words, or one text in quotes with \" and \x as in Go, but has "a`},
		{"# x\nopen\nsend repeat 0", "s.txt:3: send repeat needs a number of bytes from 1 to 4194304"},
		{"# x\nopen\nsend fragments a", `s.txt:3: send fragments needs texts in quotes such as "a" "b", but has a`},
		{"# x\nopen\nsend fragments", "s.txt:3: send fragments needs 1 to 64 texts in quotes"},
		{"# x\nopen\nclose now", `s.txt:3: close needs no argument, or a close code from 0 to 65535 and a reason, but has "now"`},
		{"# x\nopen\nclose 65536", `s.txt:3: close needs no argument, or a close code from 0 to 65535 and a reason, but has "65536"`},
		{"# x\nopen\nread", "s.txt:3: read needs eof, or a number of frames from 1 to 1000"},
		{"# x\nopen\nread 0", "s.txt:3: read needs eof, or a number of frames from 1 to 1000"},
		{"# x\nopen\nread 1001", "s.txt:3: read needs eof, or a number of frames from 1 to 1000"},
		{"# x\nopen\nexpect", "s.txt:3: expect needs text, binary, ping, pong, close, eof or reset"},
		{"# x\nopen\nexpect eof now", `s.txt:3: expect eof needs no argument, but has "now"`},
		{"# x\nopen\nwait", `s.txt:3: wait needs a duration: "" is not a duration of at most 2m0s, such as 200ms or 1.5s`},
		{"# x\nopen\nwait 3m", `s.txt:3: wait needs a duration: "3m" is not a duration of at most 2m0s, such as 200ms or 1.5s`},
		{"# x\nopen\nexpect text " + strings.Repeat("a", 201), "s.txt:3: expect text needs at most 200 bytes: the recording keeps no more of a message"},
		{"# x\nopen\ntcp close now", `s.txt:3: tcp close needs no argument, but has "now"`},
		{"# x\nopen\nsay hello", `s.txt:3: there is no command "say"; there are field, remove, request, client, server, open, send, ping, pong, close, bytes, read, expect, reading, tcp, leave, patience, crowd, wire, wait, note`},
		{"# x\nread 1\nopen", "s.txt:2: read needs an open before it"},
		{"# x\n| early\nopen", "s.txt:2: a transcript must follow a command"},
		{"# x\nopen\nsay\nread\n", "s.txt:3: there is no command \"say\"; there are field, remove, request, client, server, open, send, ping, pong, close, bytes, read, expect, reading, tcp, leave, patience, crowd, wire, wait, note\n" +
			"s.txt:4: read needs eof, or a number of frames from 1 to 1000"},
		{"# x\nopen\n" + strings.Repeat("note\n", 100), "s.txt:102: there are 101 commands; the limit is 100"},
	} {
		s, err := Parse("s.txt", c.text)
		if err == nil || err.Error() != c.want || s != nil {
			t.Errorf("%q gives\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
}

func TestATabPartsWordsAsASpaceDoes(t *testing.T) {
	const text = "# x\nfield NAME: a b\nserver by hand\nclient answers\nopen GET HTTP/1.1\nsend text hello  wide world\nclose 1000 good bye\nexpect close 1000\nserver send fragments \"a\" \"b\"\nserver close 4000 so long\nwire delay 10ms\n"
	plain, err := Parse("s.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, blank := range []string{"\t", " \t", "\t\t "} {
		// The first blanks of a line part its words. Those in a text are its own.
		var lines []string
		for line := range strings.Lines(text) {
			n := map[string]int{"send": 2, "close": 2, "server": 9, "expect": 9, "wire": 9, "open": 9, "client": 9, "field": 1}[strings.Fields(line)[0]]
			lines = append(lines, strings.Replace(line, " ", blank, n))
		}
		tabbed, err := Parse("s.txt", strings.Join(lines, ""))
		if err != nil {
			t.Errorf("%q: %v", blank, err)
			continue
		}
		for i, c := range tabbed.Commands {
			want := plain.Commands[i]
			c.Text, want.Text = "", ""
			if c.Verb == "server close" { // whose reason the tabs part, too
				c.Reason, want.Reason = strings.Join(strings.Fields(c.Reason), " "), strings.Join(strings.Fields(want.Reason), " ")
			}
			if !reflect.DeepEqual(c, want) {
				t.Errorf("%q: %+v\nwant %+v", blank, c, want)
			}
		}
	}
}

func TestALearnersTextIsBounded(t *testing.T) {
	if s, err := ParseLearner("mine", "# x\nopen"); err != nil || s.Name != "mine" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ParseLearner("mine", "# x\nopen\n#"+strings.Repeat("x", MaxText)); err == nil || !strings.HasPrefix(err.Error(), "mine:1: the scenario has 8202 bytes") {
		t.Errorf("the error is %v", err)
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
	if _, err := Find(all, "nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) || !strings.Contains(err.Error(), "no-key") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzParse holds for any text: a scenario whose commands can be played, or
// errors that each begin with file and line.
func FuzzParse(f *testing.F) {
	f.Add("# x\nfield A: b\nremove Upgrade\nopen\nbytes 81 05\nsend text x\nclose 1000 y\nread 1\nread eof")
	f.Add("read\nopen open\n")
	f.Add("# x\nserver by hand\nclient answers\nopen\n| t\nsend fragments \"a\" \"b\"\nexpect close 1000 \"x\"\nserver tcp write 00\nwire split 3\nwait 1s")
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
