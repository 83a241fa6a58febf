package endpoint_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// each runs test for every endpoint, recorded and not.
func each(t *testing.T, test func(t *testing.T, s *lab, name string)) {
	for _, e := range endpoint.All() {
		t.Run(e.Name, func(t *testing.T) { test(t, serve(t, e, recording.New(nil, recording.Limits{})), e.Name) })
		t.Run(e.Name+" without a recorder", func(t *testing.T) { test(t, serve(t, e, nil), e.Name) })
	}
}

func TestEveryMessageIsEchoed(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		for _, op := range []wire.Opcode{wire.Text, wire.Binary} {
			for _, n := range []int{0, 1, 125, 126, 65535, 65536, 300_000} {
				payload := bytes.Repeat([]byte("x"), n)
				c.send(masked(op, payload))
				var got []byte
				for want := op; ; want = wire.Continuation {
					f := c.frame()
					if f.Header.Opcode != want {
						t.Fatalf("%d bytes of %s: a %s frame came", n, op, f.Header.Opcode)
					}
					got = append(got, make([]byte, f.Header.Length)...)
					if f.Header.Fin {
						break
					}
				}
				if len(got) != n {
					t.Errorf("%d bytes of %s came back as %d", n, op, len(got))
				}
			}
		}
		c.send(masked(wire.Text, []byte("Hellö")))
		if text, ok := c.frame().Text(); !ok || text != "Hellö" {
			t.Errorf("%q came back", text)
		}
	})
}

func TestAMessageInFragmentsIsEchoedWhole(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		first, last := masked(wire.Text, []byte("Hel")), masked(wire.Continuation, []byte("lo"))
		first[0] &^= 0x80
		c.send(first)
		c.send(masked(wire.Ping, []byte("between")))
		c.send(last)
		if f := c.frame(); f.Header.Opcode != wire.Pong || string(f.Payload()) != "between" {
			t.Errorf("%s %q came first", f.Header.Opcode, f.Payload())
		}
		if text, ok := c.frame().Text(); !ok || text != "Hello" {
			t.Errorf("%q came back", text)
		}
	})
}

func TestAPingIsAnsweredWithItsPayload(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		for _, payload := range []string{"", "are you there?", strings.Repeat("p", 125)} {
			c.send(masked(wire.Ping, []byte(payload)))
			if f := c.frame(); f.Header.Opcode != wire.Pong || string(f.Payload()) != payload {
				t.Errorf("%s %q answers %q", f.Header.Opcode, f.Payload(), payload)
			}
		}
		c.send(masked(wire.Pong, []byte("unasked")))
		c.send(masked(wire.Text, []byte("still here")))
		if text, _ := c.frame().Text(); text != "still here" {
			t.Errorf("after a Pong %q came back", text)
		}
	})
}

func TestACloseIsAnsweredWithItsCodeAndTCPIsClosed(t *testing.T) {
	for _, code := range []wire.CloseCode{wire.NormalClosure, wire.GoingAway, 3000, 4999, wire.NoStatusReceived} {
		each(t, func(t *testing.T, s *lab, _ string) {
			c := s.open(t)
			c.send(masked(wire.Close, wire.ClosePayload{Code: code, Reason: "bye"}.Append(nil)))
			if f := c.frame(); f.Close == nil || f.Close.Code != code {
				t.Errorf("%d is answered with %+v", code, f.Close)
			}
			c.ended()
		})
	}
}

func TestWhatBreaksARuleIsAnsweredWithItsCode(t *testing.T) {
	for _, rule := range []struct {
		hex  []byte
		code wire.CloseCode
	}{
		{[]byte("\x81\x05Hello"), wire.ProtocolError},
		{[]byte("\x83\x80\x00\x00\x00\x00"), wire.ProtocolError},
		{masked(wire.Close, []byte{0x03, 0xed}), wire.ProtocolError},
		{masked(wire.Continuation, []byte("stray")), wire.ProtocolError},
	} {
		each(t, func(t *testing.T, s *lab, _ string) {
			c := s.open(t)
			c.send(rule.hex)
			if f := c.frame(); f.Close == nil || f.Close.Code != rule.code {
				t.Errorf("% x is answered with %+v, want %d", rule.hex, f.Close, rule.code)
			}
		})
	}
}

func TestAMessageThatIsTooBigIsAnsweredWith1009(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		h := wire.Header{Fin: true, Opcode: wire.Binary, Masked: true, Form: wire.Length64, Length: endpoint.MaxMessage + 1}
		c.send(h.Append(nil)) // not a byte of it need come
		if f := c.frame(); f.Close == nil || f.Close.Code != wire.MessageTooBig {
			t.Errorf("it is answered with %+v", f.Close)
		}
	})
}

func TestAServerSendsWhatItIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *lab, name string) {
		c := s.open(t)
		server := <-s.opened
		if err := server.Send(wire.Text, []byte("Hello")); err != nil {
			t.Error(err)
		}
		if text, _ := c.frame().Text(); text != "Hello" {
			t.Errorf("%q came", text)
		}
		for op, payload := range map[wire.Opcode]string{wire.Ping: "there?", wire.Pong: "here"} {
			if err := server.Control(op, []byte(payload)); err != nil {
				t.Error(err)
			}
			if f := c.frame(); f.Header.Opcode != op || string(f.Payload()) != payload {
				t.Errorf("%s %q came", f.Header.Opcode, f.Payload())
			}
		}
		if err := server.Send(wire.Text, []byte("He"), []byte("l"), []byte("lo")); err != nil {
			t.Error(err)
		}
		var frames []string
		for {
			f := c.frame()
			frames = append(frames, string(f.Payload()))
			if f.Header.Fin {
				break
			}
		}
		// gorilla has no call that ends a fragment.
		want := map[string]string{"reference": "He|l|lo", "gorilla": "Hello"}[name]
		if got := strings.Join(frames, "|"); got != want {
			t.Errorf("the parts came as %s, want %s", got, want)
		}
	})
}

func TestAServerClosesWhenItIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		server := <-s.opened
		closed := make(chan error, 1)
		go func() { closed <- server.Close(wire.GoingAway, "time") }()
		if f := c.frame(); f.Close == nil || *f.Close != (wire.ClosePayload{Code: wire.GoingAway, Reason: "time"}) {
			t.Errorf("%+v came", f.Close)
		}
		c.send(masked(wire.Close, []byte{0x03, 0xe9}))
		c.ended()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if server.Send(wire.Text, []byte("late")) == nil {
			t.Error("it sends after it has closed")
		}
	})
}

func TestCommandsAndEchoesMayComeAtTheSameTime(t *testing.T) {
	each(t, func(t *testing.T, s *lab, _ string) {
		c := s.open(t)
		server := <-s.opened
		var senders sync.WaitGroup
		for range 3 {
			senders.Go(func() {
				for range 50 {
					if err := server.Send(wire.Text, []byte("t"), []byte("wo")); err != nil {
						t.Error(err)
					}
					if err := server.Control(wire.Ping, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		senders.Go(func() {
			for range 50 {
				if _, err := c.Write(masked(wire.Binary, []byte("echo"))); err != nil {
					t.Error(err)
				}
			}
		})
		finals, pings := 0, 0
		for finals < 200 || pings < 150 {
			switch f := c.frame(); {
			case f.Header.Opcode == wire.Ping:
				pings++
			case f.Header.Fin:
				finals++
			}
		}
		senders.Wait()
	})
}

func TestACallIsRecordedWithWhatItGave(t *testing.T) {
	want := map[string]string{
		"reference": "Upgrade → a *reference.Conn; ReadMessage → text, 5 bytes; WriteMessage(text, 5 bytes) → nil; " +
			"WriteFragments(binary, 2 bytes) → nil; Ping(ping, 1 byte) → nil; ReadMessage → *reference.CloseError",
		"gorilla": "Upgrade → a *websocket.Conn; ReadMessage → text, 5 bytes; WriteMessage(text, 5 bytes) → nil; " +
			"NextWriter(binary) → nil; Write(binary, 1 byte) → nil; Write(binary, 1 byte) → nil; writer.Close → nil; " +
			"WriteControl(ping, 1 byte) → nil; ReadMessage → *websocket.CloseError; Close → nil",
	}
	for _, e := range endpoint.All() {
		rec := recording.New(nil, recording.Limits{})
		s := serve(t, e, rec)
		c := s.open(t)
		server := <-s.opened
		c.send(masked(wire.Text, []byte("Hello")))
		c.frame()
		settled(rec, 3) // the echo's WriteMessage has returned
		server.Send(wire.Binary, []byte("a"), []byte("b"))
		for !c.frame().Header.Fin {
		}
		server.Control(wire.Ping, []byte("p"))
		c.frame()
		c.send(masked(wire.Close, []byte{0x03, 0xe8}))
		c.frame()
		c.ended()
		settled(rec, strings.Count(want[e.Name], ";")+1)
		var got []string
		args := map[uint64]string{}
		events, _ := rec.After(0, 1<<20)
		for _, ev := range events {
			call, ok := ev.Body.(*recording.Call)
			switch {
			case !ok:
			case call.Phase == "enter":
				if args[call.ID] = call.Name; call.Args != "" {
					args[call.ID] += "(" + call.Args + ")"
				}
			case call.Err != nil:
				got = append(got, args[call.ID]+" → "+call.Err.Type)
			default:
				got = append(got, args[call.ID]+" → "+call.Result)
			}
		}
		if g := strings.Join(got, "; "); g != want[e.Name] {
			t.Errorf("%s:\n%s\nwant\n%s", e.Name, g, want[e.Name])
		}
	}
}

// settled waits until n calls in rec have returned.
func settled(rec *recording.Recording, n int) {
	for {
		last := rec.Last()
		events, _ := rec.After(0, int(last))
		returned := 0
		for _, e := range events {
			if c, ok := e.Body.(*recording.Call); ok && c.Phase == "return" {
				returned++
			}
		}
		if returned >= n {
			return
		}
		<-rec.Changed(last)
	}
}

// TestAConversationCanBeSteppedToItsEnd shuts the valve before the answer to
// the handshake and releases one unit at a time, until the endpoint has closed.
func TestAConversationCanBeSteppedToItsEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		sends [][]byte
		want  string // frames of the server
	}{
		{"a closing handshake", [][]byte{masked(wire.Text, []byte("Hello")), masked(wire.Ping, nil), masked(wire.Close, []byte{3, 0xe8})}, "text, pong, close 1000"},
		{"a missing mask", [][]byte{[]byte("\x81\x05Hello")}, "close 1002"},
	} {
		for _, e := range endpoint.All() {
			rec := recording.New(nil, recording.Limits{})
			s := serve(t, e, rec)
			s.hold = true
			client := s.dial(t)
			conn := <-s.tapped
			over := make(chan struct{})
			go func() {
				defer close(over)
				for last := uint64(0); ; {
					select {
					case <-rec.Changed(last):
					case <-time.After(patience):
						t.Errorf("%s, %s: nothing happens any more", c.name, e.Name)
						conn.Abort()
						return
					}
					last = rec.Last() // events after it are checked again
					open := rec.Connections()[0].Summary().Open
					waiting := conn.Waiting()
					if len(waiting) > 0 {
						conn.ReleaseOldest(waiting[0].Direction)
					}
					if !open && len(waiting) <= 1 { // everything was written before the endpoint closed
						return
					}
				}
			}()
			if h := client.next().Handshake; h == nil || h.Head.Status != 101 {
				t.Fatalf("the handshake gave %+v", h)
			}
			for _, b := range c.sends {
				client.send(b)
			}
			var got []string
			for {
				f := client.next().Frame
				if f == nil {
					break
				}
				name := f.Header.Opcode.String()
				if f.Close != nil {
					name += fmt.Sprintf(" %d", f.Close.Code)
					client.Conn.(*net.TCPConn).CloseWrite()
				}
				got = append(got, name)
			}
			<-over
			if g := strings.Join(got, ", "); g != c.want {
				t.Errorf("%s, %s: %s came, want %s", c.name, e.Name, g, c.want)
			}
		}
	}
}

// A client that reads a refusal by the rules of HTTP must not have to wait for the
// end of the connection: Firefox and WebKitGTK do, and tell their page only then.
func TestARefusalOfABrokenEndpointHasALength(t *testing.T) {
	refusals := 0
	for _, m := range endpoint.Mistakes {
		e, err := endpoint.Find("broken/" + m.Name)
		if err != nil {
			t.Fatal(err)
		}
		c := serve(t, e, recording.New(nil, recording.Limits{})).dial(t)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			continue
		}
		refusals++
		if resp.ContentLength < 0 {
			t.Errorf("%s: a response with status %d has no length", m.Name, resp.StatusCode)
			continue
		}
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) == 0 {
			t.Errorf("%s: the body is %q, %v", m.Name, body, err)
		}
	}
	if refusals == 0 {
		t.Error("no broken endpoint refuses")
	}
}

func TestEachBrokenEndpointMakesTheMistakeThatItNames(t *testing.T) {
	table := map[string]struct{ rule, mistake string }{
		"wrong-accept":        {wire.RuleAcceptWrong.Code, "the GUID is a known misprint"},
		"no-accept":           {wire.RuleAcceptMissing.Code, "there is no Sec-WebSocket-Accept"},
		"no-upgrade":          {wire.RuleRespUpgrade.Code, ""},
		"no-connection":       {wire.RuleRespConnection.Code, ""},
		"status-200":          {wire.RuleStatus.Code, ""},
		"unasked-subprotocol": {wire.RuleRespSubprotocol.Code, ""},
	}
	for _, m := range endpoint.Mistakes {
		want, ok := table[m.Name]
		if !ok {
			t.Errorf("%s is missing from the table", m.Name)
			continue
		}
		e, err := endpoint.Find("broken/" + m.Name)
		if err != nil {
			t.Fatal(err)
		}
		rec := recording.New(nil, recording.Limits{})
		c := serve(t, e, rec).dial(t)
		h := c.next().Handshake
		if len(h.Violations) != 1 || h.Violations[0].Code != want.rule {
			t.Errorf("%s breaks %v, want %s alone", m.Name, h.Violations, want.rule)
		}
		if a := h.Accept; want.mistake == "" && a != nil && a.Mistake != "" || want.mistake != "" && (a == nil || !strings.Contains(a.Mistake, want.mistake)) {
			t.Errorf("%s: the accept value is %+v", m.Name, a)
		}
		// The endpoint waits for the client to close TCP, and sends nothing more.
		c.Close()
		settled(rec, 2)
		events, _ := rec.After(0, 100)
		for _, ev := range events {
			if call, ok := ev.Body.(*recording.Call); ok && call.Name == "Write" && call.Phase == "enter" && call.Args != m.Shows {
				t.Errorf("%s: the call says %q", m.Name, call.Args)
			}
			if f, ok := ev.Body.(*dissect.Frame); ok {
				t.Errorf("%s: %+v was sent", m.Name, f.Header)
			}
		}
	}
}

func TestEveryEndpointIsFoundByItsName(t *testing.T) {
	for _, name := range []string{"reference", "gorilla", "broken/wrong-accept"} {
		if e, err := endpoint.Find(name); err != nil || e.Name != name || e.Serve == nil {
			t.Errorf("%s: %+v, %v", name, e.Name, err)
		}
	}
	_, err := endpoint.Find("nginx")
	if err == nil || !strings.Contains(err.Error(), `"nginx"`) || !strings.Contains(err.Error(), "reference gorilla naive broken/wrong-accept") {
		t.Errorf("the error is %v", err)
	}
}

func TestGorillasSourceIsAFileOnThisMachine(t *testing.T) {
	b, err := os.ReadFile(endpoint.GorillaSource())
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the module's source is not where it was compiled: %v", err)
	}
	if filepath.Base(endpoint.GorillaSource()) != "conn.go" || !bytes.Contains(b, []byte("func (c *Conn) ReadMessage()")) {
		t.Errorf("%s does not hold ReadMessage", endpoint.GorillaSource())
	}
}
