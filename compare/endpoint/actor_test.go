package endpoint_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/wire"
)

// stage serves one connection by Perform and hands out its actor.
func stage(t *testing.T, e endpoint.Endpoint, setup endpoint.Setup) (*client, endpoint.Actor, *recording.Recording) {
	t.Helper()
	rec := recording.New(nil, recording.Limits{})
	actors := make(chan endpoint.Actor, 1)
	s := serve(t, endpoint.Endpoint{Name: e.Name, Serve: func(w http.ResponseWriter, r *http.Request, conn *recording.Connection, _ func(endpoint.Server)) {
		e.Perform(w, r, conn, setup, func(a endpoint.Actor) { actors <- a })
	}}, rec)
	c := s.open(t)
	a := <-actors
	t.Cleanup(a.End)
	return c, a, rec
}

// calls returns what the calls in rec came back with.
func calls(rec *recording.Recording) string {
	var said []string
	events, _ := rec.After(0, 1000)
	for _, e := range events {
		if c, ok := e.Body.(*recording.Call); ok && c.Phase == "return" && c.Name != "Upgrade" {
			result := c.Result
			if c.Err != nil {
				result = c.Err.Type
			}
			said = append(said, c.Name+" "+result)
		}
	}
	return strings.Join(said, "; ")
}

// called waits until the recording shows the call want of the endpoint.
func called(t *testing.T, rec *recording.Recording, want string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(calls(rec), want); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no call is %s: %s", want, calls(rec))
		}
	}
}

func TestByHandAnEndpointDoesNothingByItself(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, rec := stage(t, e, endpoint.Setup{ByHand: true})
		c.send(masked(wire.Text, []byte("Hello")))
		c.send(masked(wire.Ping, nil))
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
			t.Errorf("%s: the client reads %v", e.Name, err)
		}
		if said := calls(rec); said != "" {
			t.Errorf("%s: it called %s", e.Name, said)
		}
		if err := a.Read(0); err != nil || calls(rec) != "ReadMessage text, 5 bytes" {
			t.Errorf("%s: %v, calls %s", e.Name, err, calls(rec))
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestAnActorBreaksTheRulesThatItIsToldToBreak(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, _ := stage(t, e, endpoint.Setup{ByHand: true})
		a.Bytes([]byte("\x83\x00")) // opcode 3
		a.SayClose([]byte("\x03\xee"))
		for _, want := range []wire.Opcode{3, wire.Close} {
			if f := c.next().Frame; f == nil || f.Header.Opcode != want || len(f.Violations) == 0 {
				t.Errorf("%s: %+v came, want an illegal %s", e.Name, f, want)
			}
		}
		a.TCPHalf()
		c.ended()
	}
}

func TestAnIgnoredCloseIsNotAnsweredAndTCPStaysOpen(t *testing.T) {
	for _, e := range endpoint.All() {
		c, _, rec := stage(t, e, endpoint.Setup{IgnoreClose: true})
		c.send(masked(wire.Close, []byte("\x03\xe8")))
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
			t.Errorf("%s: the client reads %v", e.Name, err)
		}
		called(t, rec, "CloseError")
	}
}

func TestTCPIsKeptBehindAWholeClosingHandshake(t *testing.T) {
	for _, e := range endpoint.All() {
		c, _, rec := stage(t, e, endpoint.Setup{KeepTCP: true})
		c.send(masked(wire.Close, []byte("\x03\xe8")))
		if f := c.frame(); f.Close == nil || f.Close.Code != wire.NormalClosure {
			t.Errorf("%s: %+v came", e.Name, f)
		}
		c.Conn.(*net.TCPConn).CloseWrite()
		c.ended()
		called(t, rec, "net.Conn.Read *errors.errorString")
	}
}

func TestTheLibrarysClosingHandshakeIsWholeByHandToo(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, _ := stage(t, e, endpoint.Setup{ByHand: true})
		closed := make(chan error)
		go func() { closed <- a.Close(wire.NormalClosure, "bye") }()
		if f := c.frame(); f.Close == nil || f.Close.Reason != "bye" {
			t.Errorf("%s: %+v came", e.Name, f)
		}
		c.send(masked(wire.Close, []byte("\x03\xe8")))
		if err := <-closed; err != nil {
			t.Errorf("%s: Close gives %v", e.Name, err)
		}
		c.ended()
	}
}

func TestAHeartbeatGoesOnAsLongAsPongsComeAndEndsTCPThen(t *testing.T) {
	for _, e := range endpoint.All() {
		c, _, _ := stage(t, e, endpoint.Setup{PingEvery: 20 * time.Millisecond, PongWithin: 20 * time.Second})
		for _, number := range []string{"1", "2"} {
			if f := c.frame(); f.Header.Opcode != wire.Ping || string(f.Payload()) != number {
				t.Errorf("%s: %s %q came, want Ping %s", e.Name, f.Header.Opcode, f.Payload(), number)
			}
			c.send(masked(wire.Pong, []byte("unasked")))
			c.send(masked(wire.Pong, []byte(number)))
		}
		c.Conn.Close()
	}
	for _, e := range endpoint.All() {
		c, _, rec := stage(t, e, endpoint.Setup{PingEvery: 20 * time.Millisecond, PongWithin: 10 * time.Millisecond})
		c.frame()
		c.send(masked(wire.Pong, []byte("another")))
		c.ended()
		called(t, rec, "heartbeat *fmt.wrapError")
	}
}

func TestAServerThatKnowsNoOrdersSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	naive, err := endpoint.Find("naive")
	if err != nil {
		t.Fatal(err)
	}
	rec := recording.New(nil, recording.Limits{})
	actors := make(chan endpoint.Actor, 1)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn := rec.Connect(recording.Info{}, wire.Server)
			endpoint.TapOf(r).Attach(conn, false)
			naive.Perform(w, r, conn, endpoint.Setup{}, func(a endpoint.Actor) { actors <- a })
		}),
	}
	serve := endpoint.Tapped(server, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(l)
	}()
	defer func() { server.Close(); <-done }()
	s := &lab{addr: l.Addr().String()}
	c := s.open(t)
	a := <-actors
	for name, order := range map[string]func() error{
		"Read": func() error { return a.Read(0) }, "AtOnce": func() error { return a.AtOnce(wire.Text, nil, nil) }, "TCPRead": a.TCPRead, "TCPClose": a.TCPClose, "TCPHalf": a.TCPHalf, "TCPReset": a.TCPReset, "Kill": a.Kill,
		"Bytes": func() error { return a.Bytes(nil) }, "TCPWrite": func() error { return a.TCPWrite(nil) },
		"SayClose": func() error { return a.SayClose(nil) }, "HangUp": func() error { return a.HangUp(nil) },
	} {
		var cannot *endpoint.CannotError
		if err := order(); !errors.As(err, &cannot) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	a.End()
	c.ended()
}

func TestWhatCannotBeDoneIsTheFaultOfNoOtherServer(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, rec := stage(t, e, endpoint.Setup{ByHand: true})
		err := a.Kill()
		if want := "kill cannot be done: the server's process is this one"; err == nil || err.Error() != want {
			t.Errorf("%s: Kill gives %v, want %s", e.Name, err, want)
		}
		if said := calls(rec); said != "kill *endpoint.CannotError" {
			t.Errorf("%s: calls %s", e.Name, said)
		}
		c.Conn.Close()
	}
}

func TestTwoMessagesAtOnceArriveWholeOnlyFromTheReference(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, rec := stage(t, e, endpoint.Setup{ByHand: true})
		err := a.AtOnce(wire.Text, []byte("the first message"), []byte("the second"))
		if e.Name == endpoint.Gorilla {
			var panics *endpoint.PanicError
			if !errors.As(err, &panics) || !strings.Contains(err.Error(), "concurrent write to websocket connection") {
				t.Errorf("gorilla gives %v", err)
			}
			// The second message is in the buffer of the first.
			if f := c.frame(); string(f.Payload()) != "the second" {
				t.Errorf("gorilla sends %q", f.Payload())
			}
			if said := calls(rec); said != "WriteMessage *endpoint.PanicError; WriteMessage nil" {
				t.Errorf("gorilla's calls are %s", said)
			}
			c.Conn.Close()
			continue
		}
		if err != nil {
			t.Errorf("%s gives %v", e.Name, err)
		}
		for _, want := range []string{"the first message", "the second"} {
			if f := c.frame(); string(f.Payload()) != want {
				t.Errorf("%s sends %q, want %q", e.Name, f.Payload(), want)
			}
		}
		c.Conn.Close()
	}
}

func TestAReadHasTheDeadlineThatItsOrderGives(t *testing.T) {
	for _, e := range endpoint.All() {
		c, a, _ := stage(t, e, endpoint.Setup{ByHand: true})
		err := a.Read(time.Millisecond)
		var late net.Error
		if !errors.As(err, &late) || !late.Timeout() {
			t.Errorf("%s gives %v", e.Name, err)
		}
		c.Conn.Close()
	}
}

func TestASetupLimitsMessages(t *testing.T) {
	for _, e := range endpoint.All() {
		c, _, _ := stage(t, e, endpoint.Setup{Limit: 10})
		c.send(masked(wire.Text, []byte("ten bytes!")))
		if f := c.frame(); string(f.Payload()) != "ten bytes!" {
			t.Errorf("%s answers %q", e.Name, f.Payload())
		}
		c.send(masked(wire.Text, []byte("eleven byte")))
		if f := c.frame(); f.Close == nil || f.Close.Code != wire.MessageTooBig {
			t.Errorf("%s answers a message that is too big with %v", e.Name, f.Header)
		}
		c.Conn.Close()
	}
}

func TestASetupNamesTheOnlyOrigin(t *testing.T) {
	for _, e := range endpoint.All() {
		for origin, status := range map[string]int{"": 403, "http://lab": 403, "https://chat.example": 101} {
			s := serve(t, endpoint.Endpoint{Name: e.Name, Serve: func(w http.ResponseWriter, r *http.Request, conn *recording.Connection, _ func(endpoint.Server)) {
				e.Perform(endpoint.Traced(w, conn), r, conn, endpoint.Setup{Origin: "https://chat.example"}, func(endpoint.Actor) {})
			}}, recording.New(nil, recording.Limits{}))
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			c := &client{t: t, Conn: conn}
			c.send([]byte(strings.Replace(request, "\r\n\r\n", "\r\nOrigin: "+origin+"\r\n\r\n", 1)))
			if h := c.next().Handshake; h == nil || h.Head.Status != status {
				t.Errorf("%s answers Origin %q with %+v", e.Name, origin, h)
			}
			conn.Close()
		}
	}
}
