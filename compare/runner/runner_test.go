package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// parse returns the scenario that text is.
func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("test.txt", "# test\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// brief returns what events say, a line each.
func brief(t *testing.T, events []recording.Event) string {
	t.Helper()
	var b bytes.Buffer
	if err := recording.WriteText(&b, events, recording.TextOptions{Stable: true, Brief: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// run plays text against e and returns what its last commands did, from the
// first on that follows open.
func run(t *testing.T, text string, e endpoint.Endpoint) (said string, err error) {
	t.Helper()
	events, err := runner.Run(t.Context(), parse(t, text), e)
	said = brief(t, events)
	if _, after, ok := strings.Cut(said, "> open\n"); ok {
		_, said, _ = strings.Cut(after, "\n\n")
	}
	return said, err
}

func TestARunHoldsAllFromTheFirstByteToTheClosedSocket(t *testing.T) {
	for _, e := range endpoint.All() {
		events, err := runner.Run(t.Context(), parse(t, "open\nsend text Hello\nread 1\nclose 1000\nread eof"), e)
		if err != nil {
			t.Fatal(err)
		}
		var frames, steps []string
		closed := false
		for i, ev := range events {
			if ev.Seq != uint64(i+1) || ev.Conn > 1 {
				t.Fatalf("event %d is number %d of connection %d", i+1, ev.Seq, ev.Conn)
			}
			switch b := ev.Body.(type) {
			case *dissect.Frame:
				frames = append(frames, ev.From+" "+b.Header.Opcode.String())
			case *recording.TCP:
				closed = closed || b.What == "closed"
			case *recording.Step:
				steps = append(steps, fmt.Sprintf("%d/%d %s", b.Index, b.Of, b.Phase))
			}
		}
		if got := strings.Join(frames, ", "); got != "client text, server text, client close, server close" || !closed {
			t.Errorf("%s: %s; TCP closed: %t", e.Name, got, closed)
		}
		if got := strings.Join(steps, ", "); got != "0/5 begin, 0/5 end, 1/5 begin, 1/5 end, 2/5 begin, 2/5 end, 3/5 begin, 3/5 end, 4/5 begin, 4/5 end, 5/5 over" {
			t.Errorf("%s: the steps are %s", e.Name, got)
		}
	}
}

func TestARequestThatNetHTTPRefusesItselfIsToldAtOnce(t *testing.T) {
	for _, e := range endpoint.All() {
		_, err := runner.Run(t.Context(), parse(t, "remove Host\nopen"), e)
		if err == nil || err.Error() != "test.txt:3: open: net/http answered the request by itself, so the endpoint never saw it" {
			t.Errorf("it gave %v", err)
		}
	}
}

func TestARunThatIsInterruptedSaysWhere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := endpoint.Endpoint{Name: "stuck", Serve: func(http.ResponseWriter, *http.Request, *recording.Connection, func(endpoint.Server)) {
		cancel()
		<-ctx.Done()
	}}
	_, err := runner.Run(ctx, parse(t, "open"), stuck)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "test.txt:2: open: ") {
		t.Errorf("it gave %v", err)
	}
}

// odd returns an endpoint that opens the connection as gorilla does, and then
// does something of its own.
func odd(name string, then func()) endpoint.Endpoint {
	gorilla, err := endpoint.Find("gorilla")
	if err != nil {
		panic(err)
	}
	return endpoint.Endpoint{Name: name, Serve: func(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(endpoint.Server)) {
		gorilla.Serve(w, r, rec, func(s endpoint.Server) {
			opened(s)
			then()
		})
	}}
}

func TestAnEndpointThatDiesInTheMiddleEndsThePlayAndWhatHappenedIsKept(t *testing.T) {
	dies := odd("dies", func() { panic("on purpose") })
	said, err := run(t, "open\nsend text Hello\nexpect text Hello", dies)
	if err == nil || err.Error() != "test.txt:4: expect: eof arrived, but text \"Hello\" was expected" &&
		err.Error() != "test.txt:4: expect: reset arrived, but text \"Hello\" was expected" {
		t.Errorf("it gave %v", err)
	}
	if !strings.Contains(said, "> send text Hello") || !strings.HasSuffix(said, "! "+err.Error()+"\n") {
		t.Errorf("what happened is\n%s", said)
	}
}

func TestAnEndpointThatHangsEndsThePlayAndWhatHappenedIsKept(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	events, err := runner.Run(t.Context(), parse(t, "open"), odd("hangs", func() { <-release }))
	want := "test.txt: the server's code is stuck: it did not return after its socket was closed"
	if err == nil || err.Error() != want {
		t.Errorf("it gave %v, want %s", err, want)
	}
	if said := brief(t, events); !strings.Contains(said, "101 Switching Protocols") || !strings.HasSuffix(said, "! "+want+"\n") {
		t.Errorf("what happened is\n%s", said)
	}
}

// TestTheSocketsErrorsAreGos checks the errors that the calls of the server's code return,
// by hand, for both libraries: facts about Go and TCP.
func TestTheSocketsErrorsAreGos(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"behind the peer's FIN": {"server by hand\nopen\ntcp close\nserver tcp read\nserver tcp write 8a 00\nserver tcp write 8a 00", `> tcp close

> server tcp read
client · sends TCP FIN: no more bytes follow
server · net.Conn.Read → *errors.errorString "EOF"

> server tcp write 8a 00
server ❰ PONG FIN, 0 bytes
server · net.Conn.Write → nil

> server tcp write 8a 00
server · not sent: PONG FIN, 0 bytes: *net.OpError "write tcp: write: broken pipe"
client · resets TCP: *net.OpError "write tcp: write: broken pipe"
server · net.Conn.Write → *net.OpError "write tcp: write: broken pipe"
`},
		"behind the peer's RST": {"server by hand\nopen\ntcp reset\nserver tcp read\nserver tcp write 00", `> tcp reset

> server tcp read
client · resets TCP: *net.OpError "read tcp: read: connection reset by peer"
server · net.Conn.Read → *net.OpError "read tcp: read: connection reset by peer"

> server tcp write 00
server · not sent: 1 byte: 00: *net.OpError "write tcp: write: broken pipe"
server · net.Conn.Write → *net.OpError "write tcp: write: broken pipe"
`},
		"behind its own Close": {"server by hand\nopen\nserver tcp close\nserver tcp read\nserver tcp write 00\nserver tcp close", `> server tcp close
server · closes TCP
server · net.Conn.Close → nil
client · reading ends: EOF

> server tcp read
server · net.Conn.Read → *net.OpError "read tcp: use of closed network connection"

> server tcp write 00
server · not sent: 1 byte: 00: *net.OpError "write tcp: use of closed network connection"
server · net.Conn.Write → *net.OpError "write tcp: use of closed network connection"

> server tcp close
server · net.Conn.Close → *net.OpError "close tcp: use of closed network connection"
`},
		"behind its own FIN": {"server by hand\nopen\nserver tcp half\nserver tcp write 00\nsend text hi\nserver tcp read", `> server tcp half
server · sends TCP FIN: no more bytes follow
server · net.TCPConn.CloseWrite → nil
client · reading ends: EOF

> server tcp write 00
server · not sent: 1 byte: 00: *net.OpError "write tcp: write: broken pipe"
server · net.Conn.Write → *net.OpError "write tcp: write: broken pipe"

> send text hi

> server tcp read
client ❱ TEXT FIN masked, 2 bytes "hi"
client ❱ a text message of 2 bytes is complete: "hi"
server · net.Conn.Read → 8 bytes
`},
		"behind its own RST": {"server by hand\nopen\nserver tcp reset\nserver tcp read", `> server tcp reset
server · resets TCP
server · closes TCP
server · net.TCPConn.SetLinger(0), Close → nil
client · reading ends: connection reset by peer

> server tcp read
server · net.Conn.Read → *net.OpError "read tcp: use of closed network connection"
`},
	} {
		for _, e := range endpoint.All() {
			t.Run(name+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				said, err := run(t, c.text, e)
				said, _, _ = strings.Cut(said, "\n> (after the last step)")
				said = regexp.MustCompile(`server · CLOSED: .*\n`).ReplaceAllString(said, "") // is another test's
				want := c.want
				if err != nil || strings.TrimSpace(said) != strings.TrimSpace(want) {
					t.Errorf("%v, and it did\n%s\nwant\n%s", err, said, want)
				}
			})
		}
	}
}

func TestTheWireDoesWhatItIsTold(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"hold and release": {"open\nwire hold\nsend text a\nwire release\nwire release\nexpect text a", `❰ TEXT FIN, 1 byte "a"`},
		"run":              {"open\nwire hold\nsend text a\nsend text b\nwire run\nexpect text a\nexpect text b", `❰ TEXT FIN, 1 byte "b"`},
		"drop":             {"open\nwire hold\nsend text a\nwire drop\nwire run\nsend text b\nexpect text b", "client · the TEXT frame is dropped"},
		"split":            {"open\nwire split 1\nsend text abc\nexpect text abc", `❰ TEXT FIN, 3 bytes "abc"`},
		"delay":            {"open\nwire delay 20ms\nsend text abc\nexpect text abc", `❰ TEXT FIN, 3 bytes "abc"`},
		"silent":           {"open\nwire silent\nsend text abc\nserver send text hi\ntcp close\nwait 10ms", "server · the TEXT frame is dropped"},
		"deaf":             {"open\nreading off\nsend text abc\nreading on\nexpect text abc", "> reading on"},
		"half":             {"open\ntcp half\nexpect eof", "client · sends TCP FIN"},
	} {
		for _, e := range endpoint.All() {
			t.Run(name+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				if said, err := run(t, c.text, e); err != nil || !strings.Contains(said, c.want) {
					t.Errorf("%v, and there is no %q in\n%s", err, c.want, said)
				}
			})
		}
	}
}

func TestWhatCannotBeDoneFailsAtItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"open\nwire release": "test.txt:3: wire release: no frame is held",
		"open\nwire drop":    "test.txt:3: wire drop: no frame is held",
		"open\nexpect text":  "test.txt:3: expect: nothing more can arrive: both ends wait, but text was expected",
		"server by hand\nopen\nserver read\nserver tcp read": "test.txt:5: server tcp read: the server's code has not returned from the previous call",
		"open\nclose\nexpect text":                           "test.txt:4: expect: close 1005 no status received \"\" arrived, but text was expected",
	} {
		for _, e := range endpoint.All() {
			t.Run(text+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				if said, err := run(t, text, e); err == nil || err.Error() != want || !strings.HasSuffix(said, "\n! "+want+"\n") {
					t.Errorf("it gave %v, want %s, and it did\n%s", err, want, said)
				}
			})
		}
	}
}

func TestAServersProcessDiesWhenItIsKilledAndWithThePlay(t *testing.T) {
	for _, e := range endpoint.All() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			said, err := run(t, "server in a process\nopen\nsend text Hello\nserver kill\nexpect text Hello\nexpect eof", e)
			want := `> server kill
server · sends TCP FIN: no more bytes follow
server · kill -9 → the server's process is gone
client · reading ends: EOF
`
			if err != nil || !strings.Contains(said, want) {
				t.Errorf("%v, and it did\n%s\nwant\n%s", err, said, want)
			}
			if said, err := run(t, "server in a process\nopen\nclose 1000\nread 1\nread eof", e); err != nil || !strings.Contains(said, "❰ CLOSE FIN, 2 bytes 1000") {
				t.Errorf("%v, and it did\n%s", err, said)
			}
		})
	}
}

func TestEveryServerCommandIsACallOfEachLibrary(t *testing.T) {
	for _, u := range scenario.Usages() {
		if u.Who != string(scenario.ByServer) {
			continue
		}
		for _, e := range endpoint.All() {
			t.Run(u.Example+" at "+e.Name, func(t *testing.T) {
				t.Parallel()
				setting := u.Setting
				if setting == "" {
					setting = "server by hand"
				}
				events, err := runner.Run(t.Context(), parse(t, setting+"\nopen\n"+u.Example), e)
				if err != nil {
					t.Fatal(err)
				}
				within, called := false, false
				for _, ev := range events {
					switch b := ev.Body.(type) {
					case *recording.Step:
						within = b.Index == 1 && b.Phase == recording.StepBegin
					case *recording.Call:
						called = called || within
					}
				}
				if !called {
					t.Errorf("the recording has no call of the server in this step: does its Actor in compare/endpoint record it with Enter?\n%s", brief(t, events))
				}
			})
		}
	}
}

// An endpoint that reads a few bytes at a time does the same as any other time.
func TestASipChangesNothingThatAnEndpointDoes(t *testing.T) {
	const text = "open\nnote\nsend text Hello\nsend fragments \"one\" \"two\"\nping x\nread 1\nwire hold\nsend binary 01 02 03\nwire release\n" +
		"wire run\nsend repeat 3000\nread 4\nbytes 81 85 37 fa 21 3d 7f 9f 4d 51 58\nbytes 89 80 00 00 00 00\nclose 1000 bye\nread eof"
	for _, e := range endpoint.All() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			want, err := run(t, text, e)
			if err != nil {
				t.Fatalf("%v\n%s", err, want)
			}
			if !strings.Contains(want, "a binary message of 3 bytes is complete") {
				t.Fatalf("the run is not what it should be:\n%s", want)
			}
			for _, sip := range []string{"1", "2", "7"} {
				got, err := run(t, strings.Replace(text, "note", "wire sip "+sip, 1), e)
				if got = strings.Replace(got, "wire sip "+sip, "note", 1); err != nil || got != want {
					t.Errorf("with a sip of %s bytes: %v\n%s\nwithout:\n%s", sip, err, got, want)
				}
			}
		})
	}
}
