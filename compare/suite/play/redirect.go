package play

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
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/wire"
)

// runRedirect plays a case whose response redirects the client, and notes whether the
// client follows.
func (y *player) runRedirect(ctx context.Context, t ClientTarget, rec *recording.Recording) *transcript.Transcript {
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
		return &transcript.Transcript{Judge: y.role, NoElsewhere: err}
	}
	defer stop()
	led := *y.c
	led.Opening.Writes = slices.Clone(led.Opening.Writes)
	for i, w := range led.Opening.Writes {
		led.Opening.Writes[i] = strings.ReplaceAll(w, spec.Elsewhere, location)
	}
	var second *transcript.Crossing
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
	// A client may follow only after closing this connection.
	grace := time.AfterFunc(redirectWait*y.slowness(), func() { close(ended) })
	wait.Wait()
	grace.Stop()
	came.Second = second
	return came
}

// redirectWait is how long the judge waits for a client to follow a redirect after the
// first connection ended.
const redirectWait = 300 * time.Millisecond

// redirected opens a WebSocket on conn and closes it. It returns the request for a
// report, or nil if no request arrived.
func redirected(conn net.Conn) *transcript.Crossing {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(dialTime)) // a silent client must not block the judge
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return nil
	}
	_, _ = io.WriteString(conn, strings.ReplaceAll(spec.Response, "{accept}", wire.Accept(request.Header.Get("Sec-WebSocket-Key"))))
	c := &transcript.Crossing{From: wire.Client.String(), Kind: "request", Says: "on a second connection: the request for the address in Location",
		Lines: []string{transcript.Visible(request.Method + " " + request.RequestURI + " " + request.Proto + "\r\n"), transcript.Visible("Host: " + request.Host + "\r\n")}}
	_, _ = conn.Write(spec.Close(wire.NormalClosure, "").Append(nil, wire.Server, nil))
	_, _ = in.Peek(1) // wait for its Close frame or for the end
	return c
}

// besides listens on another port of near's address.
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

// freezes reports whether this response has frozen a browser: the response has
// client_max_window_bits of 8, and the request does not offer that parameter.
func freezes(answer, request wire.Head) bool {
	if _, offered := spec.OfferedParam(request, "client_max_window_bits"); offered {
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
