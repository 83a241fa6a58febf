package recording_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestTextTellsExchangesOfHTTP(t *testing.T) {
	clock := newClock()
	rec := recording.New(clock.now, recording.Limits{})
	exchanges(rec, clock)
	events, _ := rec.After(0, 1<<20)
	for _, stable := range []bool{false, true} {
		var b bytes.Buffer
		if err := recording.WriteText(&b, events, recording.TextOptions{Stable: stable}); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", fmt.Sprintf("http-stable-%t.txt", stable)), b.Bytes())
	}
}

// kept returns the parts of exchanges in rec, and checks that their sizes are the totals.
func kept(t *testing.T, rec *recording.Recording) []*recording.HTTP {
	t.Helper()
	var parts []*recording.HTTP
	sums := map[int]recording.HTTPTotal{}
	events, _ := rec.After(0, 1<<20)
	for _, e := range events {
		h, ok := e.Body.(*recording.HTTP)
		if !ok {
			continue
		}
		if e.Kind() != "http" || e.From != h.From.String() {
			t.Errorf("event %d is a %s from %s", e.Seq, e.Kind(), e.From)
		}
		parts = append(parts, h)
		sum := sums[h.Exchange]
		if h.From == wire.Client {
			sum.Up += h.Size
		} else {
			sum.Down += h.Size
		}
		if h.What == dissect.PartBody && h.From == wire.Server {
			sum.Pieces++
		}
		if sums[h.Exchange] = sum; h.Total != nil && *h.Total != sum {
			t.Errorf("exchange %d has the total %+v, and parts of %+v", h.Exchange, *h.Total, sum)
		}
	}
	return parts
}

func kinds(parts []*recording.HTTP) string {
	var said []string
	for _, h := range parts {
		text := fmt.Sprintf("%d %s %s", h.Exchange, h.Way, h.What)
		if h.Cut {
			text += " cut"
		}
		said = append(said, text)
	}
	return strings.Join(said, ", ")
}

const (
	pollRequest = "GET /poll HTTP/1.1\r\nHost: a\r\n\r\n"
	noContent   = "HTTP/1.1 204 No Content\r\n\r\n"
	halfStream  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHel"
)

func TestAnExchangeThatTheEndOfTCPCutsHasItsParts(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for name, ends := range map[string]func(*recording.Exchanges){
		"the server closes": func(*recording.Exchanges) {},
		"the client leaves": func(c *recording.Exchanges) { c.Fin(tap.In) },
		"the client resets": func(c *recording.Exchanges) { c.Failed(tap.In, reset); c.Failed(tap.Out, reset) },
	} {
		rec := recording.New(nil, recording.Limits{})
		c := rec.ConnectHTTP(recording.Info{Endpoint: "http"})
		var seen []string
		c.Begin("events", 1, func(h *recording.HTTP) { seen = append(seen, string(h.What)) })
		c.Bytes(tap.In, []byte(pollRequest))
		if n, over := c.Bytes(tap.Out, []byte(halfStream)); n != len(halfStream) || over {
			t.Errorf("%s: %d bytes belong to it, over is %v", name, n, over)
		}
		ends(c)
		c.Closed()
		parts := kept(t, rec)
		if got := kinds(parts); got != "1 events request, 1 events response, 1 events body cut, 1 events end cut" {
			t.Errorf("%s: %s", name, got)
		}
		if got := strings.Join(seen, " "); got != "request response body end" {
			t.Errorf("%s: seen are %s", name, got)
		}
		events, _ := rec.After(0, 100)
		var tcp []string
		for _, e := range events {
			if b, ok := e.Body.(*recording.TCP); ok {
				tcp = append(tcp, b.What)
			}
		}
		want := map[string]string{"the server closes": "open closed", "the client leaves": "open fin closed", "the client resets": "open rst closed"}[name]
		if got := strings.Join(tcp, " "); got != want {
			t.Errorf("%s: TCP is %s, want %s", name, got, want)
		}
	}
}

func TestABodyThatTheServersCloseEndsIsComplete(t *testing.T) {
	for _, left := range []bool{false, true} {
		rec := recording.New(nil, recording.Limits{})
		c := rec.ConnectHTTP(recording.Info{})
		c.Begin("poll", 0, nil)
		c.Bytes(tap.In, []byte(pollRequest))
		c.Bytes(tap.Out, []byte("HTTP/1.1 200 OK\r\n\r\nHello"))
		if left {
			c.Fin(tap.In)
		}
		c.Closed()
		parts := kept(t, rec)
		if end := parts[len(parts)-1]; end.What != dissect.PartEnd || end.Cut != left {
			t.Errorf("left is %v: %s", left, kinds(parts))
		}
	}
}

func TestExchangesHaveNumbersOfTheirOwnOverAllConnections(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	one, two := rec.ConnectHTTP(recording.Info{}), rec.ConnectHTTP(recording.Info{})
	if one.ID() == two.ID() {
		t.Error("two connections have one number")
	}
	for _, c := range []*recording.Exchanges{one, two, one} {
		c.Begin("poll", 3, nil)
		c.Bytes(tap.In, []byte(pollRequest))
		if n, over := c.Bytes(tap.Out, []byte(noContent+"HTTP")); n != len(noContent) || !over {
			t.Errorf("%d bytes belong to it, over is %v", n, over)
		}
	}
	parts := kept(t, rec)
	if got := kinds(parts); got != "1 poll request, 1 poll response, 1 poll end, 2 poll request, 2 poll response, 2 poll end, 3 poll request, 3 poll response, 3 poll end" || parts[0].Run != 3 {
		t.Error(got)
	}
	if conns := rec.Connections(); len(conns) > 0 {
		t.Errorf("they are in the list of WebSocket connections: %v", conns)
	}
}

func TestTheJSONOfAPartSaysTextOnlyOfText(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	c := rec.ConnectHTTP(recording.Info{})
	c.Begin("poll", 0, nil)
	c.Bytes(tap.In, []byte(pollRequest))
	c.Bytes(tap.Out, []byte("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc"))
	parts := kept(t, rec)
	b, err := json.Marshal(parts[2])
	if want := `{"what":"body","exchange":1,"way":"poll","size":4,"hex":"fffefdfc","data":4}`; err != nil || string(b) != want {
		t.Errorf("%s, %v\nwant %s", b, err, want)
	}
}

func TestPlainTCPHasBytesCallsAndNoFrames(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	p := rec.ConnectPlain(recording.Info{Endpoint: "tcp", Client: "chat"})
	_ = p.Call(wire.Client, recording.Doing{Verb: recording.VerbWrite, Name: "net.Conn.Write", Args: "5 bytes"}, func() (string, error) { return "5 bytes", nil })
	// Bytes that would be a request and a frame stay bytes.
	for _, b := range []string{"GET / HTTP/1.1\r\n\r\n", "\x81\x02Hi"} {
		if units := p.Bytes(tap.In, []byte(b)); len(units) != 1 || units[0] != (tap.Unit{End: len(b)}) {
			t.Errorf("%q has the units %v", b, units)
		}
	}
	failed := p.Call(wire.Server, recording.Doing{Verb: recording.VerbRead, Name: "net.Conn.Read"}, func() (string, error) { return "", io.EOF })
	p.Unread([]byte("late"), 4)
	p.Unsent([]byte("never"), errors.New("broken"))
	p.Fin(tap.In)
	p.Closed()
	var said []string
	events, _ := rec.After(0, 100)
	for _, e := range events {
		text := e.From + " " + e.Kind()
		switch b := e.Body.(type) {
		case *recording.TCP:
			text += " " + b.What
		case *recording.Call:
			text += " " + b.Phase
			if b.ID == 0 || b.Phase == "return" && b.Verb == recording.VerbRead && b.Err == nil {
				t.Errorf("%+v", b)
			}
		}
		if e.Conn != p.ID {
			t.Errorf("event %d has the connection %d", e.Seq, e.Conn)
		}
		said = append(said, text)
	}
	want := []string{
		"client tcp open", "client call enter", "client call return", "client bytes", "client bytes", "server call enter", "server call return",
		"client unread", "server unsent", "client tcp fin", "server tcp closed",
	}
	if !slices.Equal(said, want) || failed != io.EOF {
		t.Errorf("%q, %v", said, failed)
	}
}
