package suite

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// copying is a connection that keeps what its end has read and written.
type copying struct {
	net.Conn
	mu      sync.Mutex
	in, out []byte
}

func (c *copying) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = append(c.in, p[:n]...)
	return n, err
}

func (c *copying) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.Conn.Write(p)
	c.out = append(c.out, p[:n]...)
	return n, err
}

// copied puts a copying connection between the judge and target.
func copied(target Target) (Target, *copying) {
	kept := &copying{}
	dial := target.Dial
	target.Dial = func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		kept.Conn = c
		return kept, err
	}
	return target, kept
}

// bytesOf returns the bytes of the crossings of one end, which must be whole.
func bytesOf(t *testing.T, list []Crossing, judge bool) []byte {
	t.Helper()
	var all []byte
	for _, c := range list {
		if c.Judge != judge || c.Kind == "tcp" {
			continue
		}
		if c.Left > 0 {
			t.Errorf("%d bytes of %q are left out", c.Left, c.Says)
		}
		b, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Lines {
			b = append(b, strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t").Replace(l)...)
		}
		if uint64(len(b)) != c.Size {
			t.Errorf("%q has %d bytes, and says %d", c.Says, len(b), c.Size)
		}
		all = append(all, b...)
	}
	return all
}

func TestAReportHoldsEachByteOfBothEndsInTheirOrder(t *testing.T) {
	echo := func() Target {
		return answering(func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, string(p)) })
	}
	steps := func(steps ...Step) *Case {
		c := hello()
		c.Steps = steps
		return c
	}
	glued := steps(spec.Send(spec.Text("Hello")))
	glued.Glued = true
	inPieces := steps(spec.Send(spec.Text("Hello")).InPieces(2))
	inPieces.Opening = Opening{Each: 50}
	for _, c := range []struct {
		what   string
		target Target
		c      *Case
		says   string // of one crossing
	}{
		{"an echo", echo(), hello(), `TEXT "Hello"`},
		{"a reserved bit", echo(), steps(spec.Send(spec.Text("Hello").WithRSV(1))), "RSV3"},
		{"a frame after the request", echo(), glued, "in the same TCP write"},
		{"pieces", echo(), inPieces, "TCP writes"},
		{"half a frame", echo(), steps(spec.Raw(0x81, 0x85, 1, 2), spec.Fin()), "cut off"},
		{"a refusal with content", serve(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1000))
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno such page\n")
		}), hello(), "bytes that are not a frame: no such page"},
		{"no HTTP", serve(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1000))
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n")
		}), hello(), "bytes that are not a frame: SSH"},
	} {
		t.Run(c.what, func(t *testing.T) {
			target, kept := copied(c.target)
			r := run(t, c.c, target, recording.New(nil, recording.DefaultLimits))
			kept.mu.Lock()
			defer kept.mu.Unlock()
			if got := bytesOf(t, r.Exchange, true); !bytes.Equal(got, kept.out) {
				t.Errorf("the judge sent\n%q\nand the report has\n%q", kept.out, got)
			}
			if got := bytesOf(t, r.Exchange, false); !bytes.Equal(got, kept.in) {
				t.Errorf("the target sent\n%q\nand the report has\n%q", kept.in, got)
			}
			if text := r.Transcript(); !strings.Contains(text, c.says) || !strings.HasPrefix(text, "judge to server: the request") {
				t.Errorf("%q is not in\n%s", c.says, text)
			}
			b, err := json.Marshal(r)
			if err != nil || !bytes.Contains(b, []byte(`"exchange":[{"from":"client","judge":true,"kind":"request"`)) {
				t.Errorf("%v: %s", err, b)
			}
		})
	}
}

func TestAReportOfMegabytesIsSmall(t *testing.T) {
	echo := answering(func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, string(p)) })
	large := hello()
	large.Deadline = spec.Slowly
	large.Steps, large.Outcomes = []Step{spec.Send(spec.Of(wire.Binary, spec.BinaryOf(4<<20)))}, spec.Answers(spec.Of(wire.Binary, spec.BinaryOf(4<<20)))
	many := hello()
	many.Deadline = spec.Slowly
	frames := make([]Frame, 3000)
	expects := make([]Frame, len(frames))
	for i := range frames {
		frames[i], expects[i] = spec.Text(fmt.Sprint(i)), spec.Text(fmt.Sprint(i))
	}
	many.Steps, many.Outcomes = spec.Alone(frames...), spec.Answers(expects...)
	for _, c := range []*Case{large, many} {
		r := run(t, c, echo, recording.New(nil, recording.DefaultLimits))
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		text := r.Transcript()
		if len(b) > 32<<10 || len(text) > 32<<10 {
			t.Errorf("%d bytes of JSON and %d of text", len(b), len(text))
		}
		first, last := r.Exchange[0], r.Exchange[len(r.Exchange)-1]
		if first.Kind != "request" || r.Exchange[1].Kind != "response" || last.Kind != "tcp" {
			t.Errorf("it begins with %+v and ends with %+v", first, last)
		}
		if !strings.Contains(text, "4194318 bytes\n") && !strings.Contains(text, "left out here") {
			t.Errorf("it does not say how much there was:\n%s", text)
		}
	}
}

func TestTheRuleOfAReportIsOneThatTheTargetBroke(t *testing.T) {
	echo := answering(func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, string(p)) })
	c := hello()
	c.Rules, c.Outcomes = []string{wire.RuleMaskMissing.Code}, spec.Fails(wire.ProtocolError)
	c.Steps = []Step{spec.Send(spec.Text("Hello").WrongMask())}
	r := run(t, c, echo, nil)
	if r.Verdict != Fail || r.Rule != "" {
		t.Errorf("%s, and a server broke %q: only a client can", r.Verdict, r.Rule)
	}
	var sent *Crossing
	for i := range r.Exchange {
		if r.Exchange[i].Judge && r.Exchange[i].Kind == "frame" {
			sent = &r.Exchange[i]
			break
		}
	}
	if sent == nil || sent.Wrong == nil || *sent.Wrong != 8 || sent.Rule != wire.RuleMaskMissing.Code {
		t.Fatalf("the frame that must not be accepted is %+v", sent)
	}
	lines := strings.Split(sent.String(), "\n")
	if len(lines) != 4 || !strings.Contains(lines[3], "breaks 5.1/mask-missing: A client must mask") || strings.Index(lines[2], "^^") != strings.Index(lines[1], "05") || !strings.Contains(lines[2], "bit 0 of this byte") {
		t.Errorf("the caret is not under the byte with MASK:\n%s", sent)
	}

	masking := webSocket(func(c net.Conn, in *bufio.Reader) {
		if _, _, err := readFrame(in); err == nil {
			_, _ = c.Write(spec.Text("Hello").Append(nil, wire.Client, func() [4]byte { return [4]byte{1, 2, 3, 4} }))
		}
		untilEnd(c)
	})
	if r := run(t, hello(), masking, nil); r.Rule != wire.RuleMaskForbidden.Code {
		t.Errorf("a server that masks broke %q", r.Rule)
	}
}

func TestTheCaretOfAWrongRequestIsUnderTheLineThatBreaksARule(t *testing.T) {
	opens := answering(func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, string(p)) })
	for _, c := range []struct{ what, head, rule, line, at string }{
		{"the method", spec.StartLine(spec.Request, "POST {path} HTTP/1.1"), wire.RuleMethod.Code, "POST / HTTP/1.1", "POST"},
		{"the version", spec.StartLine(spec.Request, "GET {path} HTTP/1.0"), wire.RuleHTTPVersion.Code, "GET / HTTP/1.0", "HTTP/1.0"},
		{"a key of 15 bytes", spec.Set(spec.Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key:  AAAA"), wire.RuleKeyLength.Code, "Sec-WebSocket-Key:  AAAA", "AAAA"},
		{"a second Host", spec.Plus(spec.Request, "Host: b"), wire.RuleHost.Code, "Host: b", "b"},
		{"no key", spec.Set(spec.Request, "Sec-WebSocket-Key"), wire.RuleKeyMissing.Code, "", ""},
	} {
		asks := hello()
		asks.Opening = Opening{Writes: []string{c.head}}
		r := run(t, asks, opens, recording.New(nil, recording.DefaultLimits))
		sent := r.Exchange[0]
		if sent.Rule != c.rule {
			t.Errorf("%s breaks %q", c.what, sent.Rule)
			continue
		}
		if c.line == "" {
			if sent.WrongLine != nil || !strings.Contains(sent.String(), "\n    breaks "+c.rule) {
				t.Errorf("%s is shown as\n%s", c.what, sent)
			}
			continue
		}
		lines := strings.Split(sent.String(), "\n")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), c.line) })
		if i < 0 || i+1 >= len(lines) || strings.Index(lines[i+1], "^") != strings.LastIndex(lines[i], c.at) {
			t.Errorf("%s is shown as\n%s", c.what, sent)
		}
	}
}

func TestTheCaretOfAWrongCloseCodeIsUnderItsFirstWrongBit(t *testing.T) {
	target := webSocket(func(c net.Conn, in *bufio.Reader) {
		if _, _, err := readFrame(in); err == nil {
			_, _ = c.Write(spec.Close(1007, "").Append(nil, wire.Server, nil))
		}
	})
	c := hello()
	c.Steps, c.Outcomes = []Step{spec.Send(spec.Text("Hello").WithRSV(1))}, spec.Fails(wire.ProtocolError)
	// 1007 is 03 ef and 1002 is 03 ea: they differ in bit 5 of the second byte.
	if r := run(t, c, target, nil); r.Closing != Warning || r.Caret != 8*3+5 {
		t.Errorf("closing %s, bit %d of % x", r.Closing, r.Caret, r.Bytes)
	}
}

func TestWhatAnEndpointDoesInManyCasesIsOneHabit(t *testing.T) {
	var reports []Report
	add := func(n int, r Report) {
		for range n {
			r.Case = &Case{ID: fmt.Sprintf("test/%d", len(reports)+1)}
			reports = append(reports, r)
		}
	}
	add(450, Report{Endpoint: "a", Closing: Warning, Reason: "No Close frame.", ClosingReason: "No Close frame."})
	add(6, Report{Endpoint: "a", Verdict: Note, Reason: "No echo.", Closing: Warning, ClosingReason: "No Close frame."})
	add(4, Report{Endpoint: "a", Verdict: Fail, Reason: "Seldom."})
	add(5, Report{Endpoint: "b", Verdict: Fail, Reason: "Often."})
	add(9, Report{Endpoint: "b"})
	var got []string
	for _, h := range Habits(reports) {
		got = append(got, fmt.Sprintf("%s %s %d %s", h.Endpoint, h.Verdict, len(h.Cases), h.Says))
	}
	if want := "b fail 5 Often.; a warning 456 No Close frame.; a note 6 No echo."; strings.Join(got, "; ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "; "), want)
	}
	if why := reports[450].Why(); why != "No Close frame." {
		t.Errorf("the graver verdict is explained by %q", why)
	}
}
