package suite

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// What a browser reads in the response to a handshake of its own.
var (
	dutyEstablishes = Duty{Standard: "WHATWG WebSockets Standard", Section: "establish a WebSocket connection", Paragraph: "redirect mode and protocols", Binds: TheBrowser, OnReceipt: true,
		Says: "A browser fails the connection for a redirect, and for a response without a subprotocol if it has offered one."}
	dutyOffered = must("4.1", "item 6 of the response", TheClient, "A client fails the connection if the response has a subprotocol that it did not offer, and for no other.")
)

// browsers are cases about what the WHATWG's WebSockets Standard asks of a
// browser and RFC 6455 leaves to the client: https://websockets.spec.whatwg.org.
// Other clients are asked too, and whatever they do is legal.
func browsers() []*Case {
	s := group{name: "browser", section: "4.1"}
	for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		head := set(startLine(response, "HTTP/1.1 "+status), "Connection", "Connection: close")
		s.addForClients(Case{
			Name: "redirect-" + status[:3], Title: "The status " + status + " whose Location is a working endpoint", Keyword: Must, Duty: dutyEstablishes, Browser: true, Redirects: true,
			Requirement: `A browser does not follow a redirect of the opening handshake: its redirect mode is "error", so the connection fails. RFC 6455 §4.1 leaves that to other clients.`,
			Opening:     Opening{Writes: []string{plus(set(set(head, "Upgrade"), "Sec-WebSocket-Accept"), "Location: "+elsewhere, "Content-Length: 0")}},
			Steps:       []Step{fin()}, Outcomes: refuses(),
		})
	}
	offered := []string{"chat"}
	s.addForClients(Case{
		Name: "subprotocol-missing", Title: "A subprotocol is offered, and the response has none", Keyword: Must, Duty: dutyEstablishes, Browser: true, Subprotocols: offered,
		Requirement: "A browser that has offered subprotocols fails the connection if the response names none of them. RFC 6455 §4.1 leaves that to other clients.",
		Opening:     Opening{Writes: []string{response}}, Steps: tried, Outcomes: refuses(),
	})
	s.addForClients(Case{
		Name: "subprotocol-accepted", Title: "A subprotocol is offered, and the response names it", Keyword: Must, Duty: dutyOffered.onReceipt(), Subprotocols: offered,
		Requirement: "A client accepts a subprotocol that it has offered.",
		Opening:     Opening{Writes: []string{plus(response, "Sec-WebSocket-Protocol: {offered}")}}, Steps: tried, Outcomes: opens(),
	})
	s.addForClients(Case{
		Name: "subprotocol-another", Title: "A subprotocol is offered, and the response names another", Keyword: Must, Duty: dutyOffered.onReceipt(), Subprotocols: offered, Rules: []string{wire.RuleRespSubprotocol.Code},
		Requirement: "A client fails the connection if the response names a subprotocol that it has not offered.",
		Opening:     Opening{Writes: []string{plus(response, "Sec-WebSocket-Protocol: x-wslab-other")}}, Steps: tried, Outcomes: refuses(),
	})
	return s.cases
}

// elsewhere is the placeholder in an Opening for an address of the judge at which a
// WebSocket can be opened.
const elsewhere = "{elsewhere}"

// runRedirect plays the case, whose response sends the client elsewhere, and looks
// whether the client goes there.
func (y *player) runRedirect(ctx context.Context, t ClientTarget, rec *recording.Recording) *Transcript {
	conn, err := t.Accept(ctx)
	accept := func(context.Context) (net.Conn, error) { return conn, err }
	if err != nil {
		return y.run(ctx, t.Name, "", "", accept, rec)
	}
	lead := t.Elsewhere
	if lead == nil {
		lead = besides
	}
	location, asked, stop, err := lead(conn)
	if err != nil {
		conn.Close()
		return &Transcript{Judge: y.role, NoElsewhere: err}
	}
	defer stop()
	led := *y.c
	led.Opening.Writes = slices.Clone(led.Opening.Writes)
	for i, w := range led.Opening.Writes {
		led.Opening.Writes[i] = strings.ReplaceAll(w, elsewhere, location)
	}
	var second *Crossing
	var wait sync.WaitGroup
	ended := make(chan struct{})
	wait.Go(func() {
		select {
		case c := <-asked:
			second = redirected(c)
		case <-ended:
		}
	})
	played := *y
	played.c = &led
	came := played.run(ctx, t.Name, "", "", accept, rec)
	// A client may go there only after it has closed this connection.
	grace := time.AfterFunc(redirectWait*y.slowness(), func() { close(ended) })
	wait.Wait()
	grace.Stop()
	came.Second = second
	return came
}

// redirectWait is how long the judge waits for a client that may follow a
// redirect, once the first connection is over.
const redirectWait = 300 * time.Millisecond

// redirected answers the request on conn as a working endpoint does, and returns
// it as a report shows it, or nil where there was none.
func redirected(conn net.Conn) *Crossing {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(dialTime)) // lest one who says nothing keep the judge
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return nil
	}
	_, _ = io.WriteString(conn, strings.ReplaceAll(response, "{accept}", wire.Accept(request.Header.Get("Sec-WebSocket-Key"))))
	c := &Crossing{From: wire.Client.String(), Kind: "request", Says: "on a second connection: the request for the address in Location",
		Lines: []string{visible(request.Method + " " + request.RequestURI + " " + request.Proto + "\r\n"), visible("Host: " + request.Host + "\r\n")}}
	_, _ = conn.Write(closeWith(wire.NormalClosure, "").append(nil, wire.Server, nil))
	_, _ = in.Peek(1) // its Close frame, or its end
	return c
}

// besides listens beside the connection near, on a port of its own.
func besides(near net.Conn) (location string, asked <-chan net.Conn, stop func(), err error) {
	host, _, err := net.SplitHostPort(near.LocalAddr().String())
	if err != nil {
		return "", nil, nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", nil, nil, err
	}
	conns := make(chan net.Conn)
	over := make(chan struct{})
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case conns <- c:
			case <-over:
				c.Close()
			}
		}
	})
	return "http://" + l.Addr().String() + "/redirected", conns, func() {
		close(over)
		l.Close()
		accepting.Wait()
	}, nil
}

// mildly makes r, of a case about browsers, a note where the client is none.
func (c *Case) mildly(r *Report, browser bool) {
	if c.Browser && !browser && r.Worst() == Fail {
		r.Verdict, r.Closing = Note, Note
		r.Reason += " That binds browsers; RFC 6455 §4.1 leaves it to other clients."
	}
}

// Withheld is why an answer was not sent.
const Withheld = "This response was not sent: it has client_max_window_bits=8, which the client did not offer. " +
	"Firefox 153 stops responding when it receives it, with all its windows, and must be ended from outside."

// freezes reports whether an answer with these fields is one that has frozen a
// browser: client_max_window_bits of 8, however it is written, in answer to a
// request that offers no such parameter.
func freezes(answer, request wire.Head) bool {
	if _, offered := offeredParam(request, "client_max_window_bits"); offered {
		return false
	}
	list, _ := wire.ParseExtensions(answer)
	for _, e := range list {
		for _, p := range e.Params {
			if n, err := strconv.Atoi(p.Value); err == nil && n == 8 && strings.EqualFold(p.Name, "client_max_window_bits") {
				return true
			}
		}
	}
	return false
}
