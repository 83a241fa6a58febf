package suite

import (
	"bufio"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/compare/suite/spec"
	"wslab/compare/tcptest"
	"wslab/reference/wire"
)

// echo answers data with itself and a Ping with its Pong.
func echo(h wire.Header, p []byte) []byte {
	if h.Opcode == wire.Ping {
		return unmasked(wire.Pong, string(p))
	}
	return unmasked(h.Opcode, string(p))
}

func TestTheFirstWrongBitOfAnAnswerIsFound(t *testing.T) {
	for _, c := range []struct {
		what   string
		answer string
		caret  int
		rule   string
		reason string
	}{
		{"another payload", string(unmasked(wire.Text, "Jello")), 16 + 6, "", "The payload of its text frame differs from the expected one."},
		{"a bit at the end", string(unmasked(wire.Text, "Hellm")), 16 + 4*8 + 6, "", "The payload of its text frame differs from the expected one."},
		{"another opcode", string(unmasked(wire.Binary, "Hello")), 6, "", "It sent BINARY 48 65 6c 6c 6f where TEXT \"Hello\" was expected."},
		{"too short", string(unmasked(wire.Text, "Hell")), 15, "", "It sent TEXT \"Hell\" where TEXT \"Hello\" was expected."},
		{"a Pong", string(unmasked(wire.Pong, "Hello")), -1, "", "It sent PONG \"Hello\", where no message was expected."},
		{"masked", string(spec.Text("Hello").Append(nil, wire.Client, func() [4]byte { return [4]byte{1, 2, 3, 4} })), 8, wire.RuleMaskForbidden.Code, "MASK is 1"},
		{"RSV1", string(spec.Text("Hello").WithRSV(4).Append(nil, wire.Server, nil)), 1, wire.RuleRSV1.Code, "RSV1 is 1."},
		{"RSV3", string(spec.Text("Hello").WithRSV(1).Append(nil, wire.Server, nil)), 3, wire.RuleRSV3.Code, "RSV3 is 1."},
		{"a reserved opcode", string(spec.Text("Hello").WithOpcode(3).Append(nil, wire.Server, nil)), 4, wire.RuleOpcode.Code, "The opcode is 0x3."},
		{"a long length", string(spec.Text("Hello").WithForm(wire.Length16).Append(nil, wire.Server, nil)), 9, wire.RuleLengthMinimal.Code, "The length 5 uses 16 bits"},
		{"bad UTF-8", string(unmasked(wire.Text, "He\xffo")), 16 + 2*8, wire.RuleTextUTF8.Code, "Byte 2 of the text is 0xFF."},
		{"a stray continuation", string(spec.Cont("Hello").Append(nil, wire.Server, nil)), 4, wire.RuleStray.Code, "A continuation frame arrived"},
		{"a Close frame with 1005", string(unmasked(wire.Close, "\x03\xed")), 16, wire.RuleCloseCode.Code, "1005"},
		{"a Close frame unasked", string(unmasked(wire.Close, "\x03\xe8")), 4, "", "It ended the connection with CLOSE 1000 before it sent all that was expected."},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			target := answering(func(wire.Header, []byte) []byte { return []byte(c.answer) })
			r := run(t, hello(), target, nil)
			if r.Verdict != Fail || r.Caret != c.caret || r.Rule != c.rule || !strings.Contains(r.Reason, c.reason) || len(r.Bytes) == 0 {
				t.Errorf("%s, bit %d of % x, rule %q: %s\nwant bit %d, rule %q: %s", r.Verdict, r.Caret, r.Bytes, r.Rule, r.Reason, c.caret, c.rule, c.reason)
			}
		})
	}
}

func TestTheFirstWrongBitOfALongAnswerIsShownWithWhatStandsAroundIt(t *testing.T) {
	p := spec.TextOf(1000)
	wrong := slices.Clone(p.Bytes())
	wrong[700] ^= 0x10
	target := answering(func(wire.Header, []byte) []byte {
		return spec.Of(wire.Text, Payload{Data: wrong}).Append(nil, wire.Server, nil)
	})
	c := hello()
	c.Steps, c.Outcomes = []Step{spec.Send(spec.Of(wire.Text, p))}, spec.Answers(spec.Of(wire.Text, p))
	r := run(t, c, target, nil)
	at := 8*(4+700) + 3 // the header has four bytes
	if r.Caret+8*r.Skipped != at || r.Bytes[r.Caret/8] != wrong[700] || r.Skipped == 0 {
		t.Errorf("bit %d behind %d bytes, which is 0x%02x; want bit %d in all, 0x%02x", r.Caret, r.Skipped, r.Bytes[max(0, r.Caret/8)], at, wrong[700])
	}
}

func TestBehaviourAndClosingAreJudgedApart(t *testing.T) {
	closeWithCode := func(code wire.CloseCode) string { return string(spec.Close(code, "").Append(nil, wire.Server, nil)) }
	// Each answers Hello as it should, and the judge's Close frame in its own way.
	ends := func(how func(c net.Conn)) Target {
		return webSocket(func(c net.Conn, in *bufio.Reader) {
			for {
				h, p, err := readFrame(in)
				if err != nil {
					return
				}
				if h.Opcode == wire.Close {
					how(c)
					return
				}
				_, _ = c.Write(echo(h, p))
			}
		})
	}
	for _, c := range []struct {
		what             string
		target           Target
		verdict, closing Verdict
		reason           string
	}{
		{"as it should", ends(func(c net.Conn) { _, _ = c.Write([]byte(closeWithCode(1000))) }), Pass, Pass, ""},
		{"another code", ends(func(c net.Conn) { _, _ = c.Write([]byte(closeWithCode(1001))) }), Pass, Note, "It answers with CLOSE 1001 and not with the code that it received"},
		{"a code that complains", ends(func(c net.Conn) { _, _ = c.Write([]byte(closeWithCode(1002))) }), Pass, Warning, "Its Close frame has the code 1002, where 1000 was expected."},
		{"no code", ends(func(c net.Conn) { _, _ = c.Write(unmasked(wire.Close, "")) }), Pass, Note, "It answers with CLOSE (empty)"},
		{"a code that must not be sent", ends(func(c net.Conn) { _, _ = c.Write([]byte(closeWithCode(1006))) }), Pass, Fail, "1006"},
		{"a code that is not defined", ends(func(c net.Conn) { _, _ = c.Write([]byte(closeWithCode(1004))) }), Pass, Warning, "1004"},
		{"no Close frame", ends(func(net.Conn) {}), Pass, Fail, "without an answering Close frame"},
		{"TCP left open", ends(func(c net.Conn) {
			_, _ = c.Write([]byte(closeWithCode(1000)))
			untilEnd(c)
		}), Pass, NoAnswer, "No answer within 1s: it left TCP open after the closing handshake"},
		{"a reset", ends(func(c net.Conn) {
			_, _ = c.Write([]byte(closeWithCode(1000)))
			_ = c.(*tcptest.Conn).SetLinger(0)
		}), Pass, Warning, "It reset TCP after the closing handshake"},
		{"a message behind its Close frame", ends(func(c net.Conn) {
			_, _ = c.Write([]byte(closeWithCode(1000) + string(unmasked(wire.Text, "late"))))
		}), Pass, Fail, "after a Close frame"},
		{"nothing", ends(untilEnd), Pass, NoAnswer, "No answer within 2s: it did not answer the Close frame"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			test := hello()
			test.Deadline = 2 * time.Second
			r := run(t, test, c.target, nil)
			if r.Verdict != c.verdict || r.Closing != c.closing || !strings.Contains(strings.ToLower(r.Reason), strings.ToLower(c.reason)) {
				t.Errorf("%s, closing %s: %s\nwant %s, closing %s: %s", r.Verdict, r.Closing, r.Reason, c.verdict, c.closing, c.reason)
			}
		})
	}
}

func TestAFaultMayBeFailedInSeveralWays(t *testing.T) {
	fault := hello()
	fault.Rules = []string{wire.RuleRSV2.Code}
	fault.Steps, fault.Outcomes = []Step{spec.Send(spec.Text("first"), spec.Text("second").WithRSV(2))}, spec.FailsAfter(wire.ProtocolError, spec.Text("first"))
	behindPing := *fault
	behindPing.Steps, behindPing.Outcomes = []Step{spec.Send(spec.Ping("first"), spec.Text("second").WithRSV(2))}, spec.FailsAfter(wire.ProtocolError, spec.Pong("first"))
	for _, c := range []struct {
		what             string
		test             *Case
		answer           string
		verdict, closing Verdict
	}{
		{"the answer, then 1002", fault, string(unmasked(wire.Text, "first")) + string(unmasked(wire.Close, "\x03\xea")), Pass, Pass},
		{"1002 alone", fault, string(unmasked(wire.Close, "\x03\xea")), Note, Pass},
		{"the answer, then 1008", fault, string(unmasked(wire.Text, "first")) + string(unmasked(wire.Close, "\x03\xf0")), Pass, Warning},
		{"the answer, then the end of TCP", fault, string(unmasked(wire.Text, "first")), Pass, Warning},
		{"both answers", fault, string(unmasked(wire.Text, "first")) + string(unmasked(wire.Text, "second")), Fail, Fail},
		{"the end of TCP alone", fault, "", Note, Warning},
		{"the Pong, then 1002", &behindPing, string(unmasked(wire.Pong, "first")) + string(unmasked(wire.Close, "\x03\xea")), Pass, Pass},
		{"1002 and no Pong", &behindPing, string(unmasked(wire.Close, "\x03\xea")), Warning, Pass},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			target := webSocket(func(conn net.Conn, in *bufio.Reader) {
				_, _, _ = readFrame(in)
				_, _, _ = readFrame(in)
				_, _ = conn.Write([]byte(c.answer))
				_ = conn.(*tcptest.Conn).CloseWrite()
				untilEnd(conn)
			})
			r := run(t, c.test, target, nil)
			if r.Verdict != c.verdict || r.Closing != c.closing {
				t.Errorf("%s, closing %s: %s (got %s)\nwant %s, closing %s", r.Verdict, r.Closing, r.Reason, r.Got, c.verdict, c.closing)
			}
		})
	}
}

func TestAFaultMayBeFoundOnlyAtTheEnd(t *testing.T) {
	c := hello()
	c.Deadline = 3 * time.Second
	c.Steps = []Step{spec.Send(spec.Text("\xed\xa0").More()), spec.Patience(50 * time.Millisecond), spec.Send(spec.Cont("\x80"))}
	c.Outcomes = spec.FailsFast(wire.InvalidPayload, "it found the fault only at the end of the message")
	for frames, want := range map[int]Verdict{1: Pass, 2: Note} {
		target := webSocket(func(conn net.Conn, in *bufio.Reader) {
			for range frames {
				_, _, _ = readFrame(in)
			}
			_, _ = conn.Write(unmasked(wire.Close, "\x03\xef"))
			_ = conn.(*tcptest.Conn).CloseWrite()
			untilEnd(conn)
		})
		if r := run(t, c, target, nil); r.Verdict != want || r.Closing != Pass {
			t.Errorf("after %d frames: %s, closing %s: %s", frames, r.Verdict, r.Closing, r.Reason)
		}
	}
}

func TestAReportIsJSONThatAPageCanRead(t *testing.T) {
	target := answering(func(wire.Header, []byte) []byte { return unmasked(wire.Text, "Jello") })
	b, err := json.Marshal(run(t, hello(), target, nil))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got["case"] != "test/1" || got["verdict"] != "fail" || got["closing"] != "fail" || got["bytes"] != "81054a656c6c6f" || got["caret"] != 22.0 {
		t.Errorf("%s", b)
	}
	for _, v := range []Verdict{Pass, Note, Warning, NotJudged, NoAnswer, Fail} {
		var back Verdict
		if b, _ := json.Marshal(v); json.Unmarshal(b, &back) != nil || back != v {
			t.Errorf("%s comes back as %s", v, back)
		}
	}
}

func TestTheRecordingOfACaseIsMadeAtTheJudgesEnd(t *testing.T) {
	r := run(t, hello(), answering(echo), nil)
	if r.Verdict != Pass || r.Closing != Pass {
		t.Fatalf("%s, closing %s: %s", r.Verdict, r.Closing, r.Reason)
	}
	var kinds []string
	for _, e := range r.Events {
		if k := e.Kind(); k == "handshake" || k == "frame" {
			kinds = append(kinds, e.From+" "+k)
		}
	}
	want := []string{"client handshake", "server handshake", "client frame", "server frame", "client frame", "server frame"}
	if !slices.Equal(kinds, want) {
		t.Errorf("%q were recorded, want %q", kinds, want)
	}
}

func TestOfTwoVerdictsTheGraverCounts(t *testing.T) {
	words := ""
	list := []Verdict{Pass, Note, Warning, NotJudged, NoAnswer, Fail}
	for i, v := range list {
		words += v.Glyph() + " " + v.String() + "  "
		for j, w := range list {
			if got := (Report{Verdict: v, Closing: w}).Worst(); got != list[max(i, j)] {
				t.Errorf("of %s and %s it is %s", v, w, got)
			}
		}
	}
	if words != "✔ pass  i note  ≈ warning  ? not-judged  ∅ no-answer  × fail  " {
		t.Errorf("the verdicts are %s", words)
	}
}
