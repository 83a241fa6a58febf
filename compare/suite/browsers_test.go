package suite

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// asking is a client that sends one request with fields and gives the response
// to then, with a reader of what follows.
func asking(fields string, then func(c net.Conn, in *bufio.Reader, r *http.Response)) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, "GET /x HTTP/1.1\r\nHost: "+c.RemoteAddr().String()+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: "+spec.SampleKey+"\r\nSec-WebSocket-Version: 13\r\n"+fields+"\r\n")
		in := bufio.NewReader(c)
		if r, err := http.ReadResponse(in, nil); err == nil {
			then(c, in, r)
		}
	}
}

// asks plays c against the client theirs, a browser or not.
func asks(t *testing.T, c *Case, browser bool, theirs func(net.Conn)) Report {
	t.Helper()
	if !c.Redirects {
		return runClient(t, c, ClientTarget{Browser: browser}, theirs)
	}
	// The second address of the judge is a socket, so the clock is real.
	accept := func(context.Context) (net.Conn, error) {
		ours, client := tcpPair(t)
		go func() {
			defer client.Close()
			theirs(client)
		}()
		return ours, nil
	}
	return RunClient(t.Context(), c, ClientTarget{Name: "test", Browser: browser, Accept: accept, Patience: 10}, nil)
}

// answersTo returns what the judge sends to a client that asks with fields, in
// all cases but those of megabytes, and the reports.
func answersTo(t *testing.T, risky bool, fields string) (heard string, reports []Report) {
	t.Helper()
	var cases []*Case
	for _, c := range ForRole(All(), wire.Client) {
		if !c.Heavy && (!risky || c.RFC == 7692) {
			cases = append(cases, c)
		}
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	next := make(chan *Case)
	for range 32 {
		running.Go(func() {
			for c := range next {
				ours, theirs := tcpPair(t)
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer theirs.Close()
					_, _ = io.WriteString(theirs, "GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
						"Sec-WebSocket-Key: "+spec.SampleKey+"\r\nSec-WebSocket-Version: 13\r\n"+fields+"\r\n")
					var b strings.Builder
					if r, err := http.ReadResponse(bufio.NewReader(io.TeeReader(theirs, &b)), nil); err == nil {
						r.Body.Close() // it has seen enough
					}
					mu.Lock()
					defer mu.Unlock()
					heard += b.String()
				}()
				r := RunClient(t.Context(), c, ClientTarget{Name: "test", Browser: true, Risky: risky, Patience: 10, Accept: func(context.Context) (net.Conn, error) { return ours, nil }}, nil)
				<-done
				mu.Lock()
				reports = append(reports, r)
				mu.Unlock()
			}
		})
	}
	for _, c := range cases {
		next <- c
	}
	close(next)
	running.Wait()
	return heard, reports
}

// tcpPair returns both ends of a connection of this machine.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	defer l.Close()
	if b, err = net.Dial("tcp", l.Addr().String()); err == nil {
		a, err = l.Accept()
	}
	if err != nil {
		t.Error(err)
	}
	return a, b
}

func TestAClientThatDoesNotOfferItIsNeverSentTheAnswerThatFreezesABrowser(t *testing.T) {
	const offer = "Sec-WebSocket-Extensions: permessage-deflate"
	sends := func(heard string) bool {
		for _, form := range []string{"client_max_window_bits=8", "client_max_window_bits=08", `client_max_window_bits="8"`} {
			if strings.Contains(heard, form) {
				return true
			}
		}
		return false
	}
	withheld := func(reports []Report) (ids []string) {
		for _, r := range reports {
			if r.Withheld {
				ids = append(ids, r.Case.ID)
				if r.Worst() != Note || r.Reason != Withheld {
					t.Errorf("%s is withheld, and %s: %s", r.Case.ID, r.Worst(), r.Reason)
				}
			}
		}
		return ids
	}
	// As Firefox asks.
	heard, reports := answersTo(t, false, offer+"\r\n")
	if sends(heard) || strings.Count(heard, "HTTP/1.1") < 500 {
		t.Error("a client that does not offer it was sent the parameter, or was not asked all")
	}
	if ids := withheld(reports); len(ids) != 1 {
		t.Errorf("withheld are %v", ids)
	}
	// Who has asked for it gets it, and so does a client that offers the parameter.
	if heard, reports := answersTo(t, true, offer+"\r\n"); !sends(heard) || withheld(reports) != nil {
		t.Errorf("where it is asked for, %v are withheld", withheld(reports))
	}
	if heard, reports := answersTo(t, false, offer+"; client_max_window_bits\r\n"); !sends(heard) || withheld(reports) != nil {
		t.Errorf("of a client that offers it, %v are withheld", withheld(reports))
	}
}

func TestABrowserMustNotFollowARedirect(t *testing.T) {
	follow := asking("", func(c net.Conn, _ *bufio.Reader, r *http.Response) {
		c.Close()
		to, err := r.Location()
		if err != nil {
			t.Errorf("%s: %v", r.Status, err)
			return
		}
		next, err := net.Dial("tcp", to.Host)
		if err != nil {
			t.Error(err)
			return
		}
		defer next.Close()
		asking("", func(_ net.Conn, in *bufio.Reader, r *http.Response) {
			if r.StatusCode != 101 || r.Header.Get("Sec-WebSocket-Accept") != wire.Accept(spec.SampleKey) {
				t.Errorf("the address in Location is answered with %s", r.Status)
			}
			if h, _, err := readFrame(in); err != nil || h.Opcode != wire.Close {
				t.Errorf("it sends %v, %v", h, err)
			}
		})(next)
	})
	stay := asking("", func(c net.Conn, _ *bufio.Reader, _ *http.Response) { c.Close() })
	n := 0
	for _, c := range ForRole(All(), wire.Client) {
		if !c.Redirects {
			continue
		}
		n++
		r := asks(t, c, true, follow)
		if r.Verdict != Fail || !strings.Contains(r.Reason, "followed the redirect") || !strings.Contains(r.Transcript(), "on a second connection") {
			t.Errorf("%s: a browser that follows: %s: %s\n%s", c, r.Verdict, r.Reason, r.Transcript())
		}
		if r := asks(t, c, false, follow); r.Worst() != Note || !strings.Contains(r.Reason, "binds browsers") {
			t.Errorf("%s: another client that follows: %s: %s", c, r.Worst(), r.Reason)
		}
		if r := asks(t, c, true, stay); r.Worst() != Pass {
			t.Errorf("%s: a browser that does not follow: %s: %s", c, r.Worst(), r.Reason)
		}
	}
	if n < 5 {
		t.Errorf("%d cases redirect", n)
	}
}

func TestABrowserFailsWhereNoneOfItsSubprotocolsIsChosen(t *testing.T) {
	echo := func(c net.Conn, in *bufio.Reader, r *http.Response) {
		for {
			h, p, err := readFrame(in)
			if err != nil {
				return
			}
			_, _ = c.Write(spec.Of(h.Opcode, Payload{Data: p}).Append(nil, wire.Client, func() [4]byte { return [4]byte{1, 2, 3, 4} }))
			if h.Opcode == wire.Close {
				return
			}
		}
	}
	// A browser that checks as the standard says.
	strict := func(c net.Conn, in *bufio.Reader, r *http.Response) {
		if r.Header.Get("Sec-WebSocket-Protocol") == "chat" {
			echo(c, in, r)
		}
	}
	none := titled(t, wire.Client, "The client offers a subprotocol, and the response has none")
	named := titled(t, wire.Client, "The client offers a subprotocol, and the response names it")
	another := titled(t, wire.Client, "The client offers a subprotocol, and the response names another one")
	const chat = "Sec-WebSocket-Protocol: chat\r\n"
	for _, c := range []struct {
		what    string
		c       *Case
		browser bool
		fields  string
		then    func(net.Conn, *bufio.Reader, *http.Response)
		want    Verdict
	}{
		{"a browser that opens without one", none, true, chat, echo, Fail},
		{"another client that opens without one", none, false, chat, echo, Note},
		{"a browser that fails without one", none, true, chat, strict, Pass},
		{"a client that offers none", none, true, "", echo, Note},
		{"a browser that gets its own", named, true, chat, strict, Pass},
		{"a client that opens with another", another, false, chat, echo, Fail},
		{"a client that fails with another", another, false, chat, strict, Pass},
	} {
		if r := asks(t, c.c, c.browser, asking(c.fields, c.then)); r.Verdict != c.want {
			t.Errorf("%s: %s: %s\n%s", c.what, r.Verdict, r.Reason, r.Transcript())
		}
	}
}
