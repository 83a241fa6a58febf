package suite

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// replying returns the report of c at a server called name that opens and then
// sends bytes, whatever it is asked.
func replying(t *testing.T, c *Case, name string, data ...byte) Report {
	t.Helper()
	target := webSocket(func(conn net.Conn, in *bufio.Reader) {
		if _, err := conn.Write(data); err == nil {
			untilEnd(conn)
		}
	})
	target.Name = name
	return run(t, c, target, recording.New(nil, recording.Limits{}))
}

func TestTheFirstDifferenceOnOneInputIsFoundAndClassed(t *testing.T) {
	hi, ho := unmasked(1, "hi"), unmasked(1, "ho")
	bye := unmasked(8, "\x03\xe8")
	echo := &Case{ID: "5.6/text-binary-text", Keyword: Must, Section: "5.6", RFC: 6455, Judges: wire.Server, Deadline: 300 * time.Millisecond, Steps: []Step{spec.Send(spec.Text("hi")), spec.Send(spec.Close(1000, ""))},
		Outcomes: []Outcome{{Sees: []Frame{spec.Text("hi")}, End: End{How: spec.TargetAnswers, NoTCP: true}}, {Verdict: Note, End: End{How: spec.TargetAnswers, NoTCP: true}}}}
	should := *echo
	should.Keyword = Should
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, c := range []struct {
		what    string
		of      *Case
		a, b    []byte
		amounts Verdict
		words   string
		did     []string
		differs string
	}{
		{"the same", echo, join(hi, bye), join(hi, bye), Pass, "all did the same", nil, ""},
		{"another reason is anybody's choice", echo, join(hi, bye), join(hi, unmasked(8, "\x03\xe8why")), Pass, "all did the same", nil, ""},
		{"both legal", echo, join(hi, bye), bye, Note, "both are allowed", []string{`TEXT "hi"`, "CLOSE 1000"}, `a: TEXT "hi"; b: CLOSE 1000`},
		{"another payload", echo, join(hi, bye), join(ho, bye), Fail, "b breaks a MUST", []string{`TEXT "hi"`, `TEXT "ho"`}, "a sent, in byte 1 of the payload, 0x69, b 0x6F"},
		{"in a case of a SHOULD", &should, join(hi, bye), join(ho, bye), Warning, "b breaks a SHOULD", []string{`TEXT "hi"`, `TEXT "ho"`}, "byte 1"},
		{"in such a case, by another rule", &should, join(hi, bye), join([]byte{0xc1, 0}, bye), Fail, "b breaks a MUST", []string{`TEXT "hi"`, "TEXT (empty), RSV1 × 5.2/rsv1"}, "a sent RSV1 0, b 1"},
		{"a frame that never comes", echo, join(hi, hi, bye), join(hi, bye), Fail, "a breaks a MUST", []string{`TEXT "hi"`, "CLOSE 1000"}, `a: TEXT "hi"; b: CLOSE 1000`},
		{"both wrong", echo, ho, unmasked(2, "hi"), Fail, "a and b break a MUST", []string{`TEXT "ho"`, "BINARY 68 69"}, "a sent TEXT, b BINARY"},
	} {
		t.Run(c.what, func(t *testing.T) {
			reports := []Report{replying(t, c.of, "a", c.a...), replying(t, c.of, "b", c.b...)}
			a := Align(c.of, reports)
			if a.Amounts != c.amounts || a.Words != c.words || a.Same() != (c.did == nil) {
				t.Fatalf("it amounts to %s: %s; step %d\n%+v", a.Amounts, a.Words, a.First, reports)
			}
			if c.did == nil {
				return
			}
			if a.Did(0) != c.did[0] || a.Did(1) != c.did[1] {
				t.Errorf("they did %q and %q", a.Did(0), a.Did(1))
			}
			if told := strings.Join(a.Steps[a.First].Differs, "|"); !strings.Contains(told, c.differs) || a.Steps[a.First].From != "server" {
				t.Errorf("told is %q", told)
			}
		})
	}
}

func TestWhoWasNotThereIsNotCompared(t *testing.T) {
	c := hello()
	a := Align(c, []Report{replying(t, c, "a", unmasked(1, "Hello")...), {Endpoint: "b", Verdict: Fail, Closing: Fail, Unreachable: true}})
	if a.First >= 0 || len(a.Steps) == 0 {
		t.Errorf("%+v", a)
	}
}
