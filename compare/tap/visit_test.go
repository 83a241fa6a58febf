package tap

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// visits is a Visitor of exchanges in which each end sends one line. It keeps everything
// that it receives.
type visits struct {
	mu    sync.Mutex
	order []string
	ended [2]bool // each end's line of the exchange
}

func (v *visits) note(format string, args ...any) {
	v.order = append(v.order, fmt.Sprintf(format, args...))
}

func (v *visits) Bytes(d Direction, b []byte) (n int, over bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(b) == 0 {
		panic("no bytes reached the tap, and it tells of them")
	}
	if !v.ended[d] {
		n = len(b)
		if end := bytes.IndexByte(b, '\n') + 1; end > 0 {
			n, v.ended[d] = end, true
		}
		v.note("%s %q", [...]string{"read", "wrote"}[d], b[:n])
	}
	if over = v.ended[In] && v.ended[Out]; over {
		v.ended = [2]bool{}
	}
	return n, over
}

func (v *visits) Fin(d Direction) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note("fin %d", d)
}

func (v *visits) Failed(d Direction, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note("failed %d reset=%v", d, IsReset(err))
}

func (v *visits) Closed() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note("closed")
}

// has checks what v has received, in order. Bytes of one direction may arrive in pieces.
func (v *visits) has(t *testing.T, want ...string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.order, want) {
		t.Errorf("the visitor has %q, want %q", v.order, want)
	}
}

// visitable returns a tapped end of a TCP connection, and the other end.
func visitable(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := New(conn)
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer.(*net.TCPConn)
}

// line reads a line, byte by byte so that no other line is read ahead.
func line(t *testing.T, c net.Conn) string {
	t.Helper()
	var b []byte
	for p := make([]byte, 1); !bytes.HasSuffix(b, []byte("\n")); b = append(b, p[0]) {
		if _, err := io.ReadFull(c, p); err != nil {
			t.Fatal(err)
		}
	}
	return string(b)
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func TestAVisitorReceivesJustTheExchangeThatItIsFor(t *testing.T) {
	c, peer := visitable(t)
	exchange := func(v *visits, request, response string) {
		t.Helper()
		say(t, peer, request)
		if got := line(t, c); got != request || string(c.Early()) != request {
			t.Fatalf("the request is %q, early are %q", got, c.Early())
		}
		if v != nil && !c.Visit(v) {
			t.Fatal("there is no visit")
		}
		say(t, c, response)
		if got := line(t, peer); got != response {
			t.Fatalf("the response is %q", got)
		}
	}
	one, two := &visits{}, &visits{}
	exchange(nil, "page\n", "<html>\n")
	exchange(one, "poll 1\n", "[1]\n")
	exchange(nil, "style\n", "css\n")
	exchange(two, "other session\n", "[]\n")
	exchange(one, "poll 2\n", "[2]\n")
	exchange(nil, "script\n", "js\n")
	peer.CloseWrite()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	c.Close()
	c.Close()
	one.has(t, `read "poll 1\n"`, `wrote "[1]\n"`, `read "poll 2\n"`, `wrote "[2]\n"`, "fin 0", "closed")
	two.has(t, `read "other session\n"`, `wrote "[]\n"`, "fin 0", "closed")
	if c.Visit(one) {
		t.Error("a closed connection can be visited")
	}
}

func TestTheNextRequestIsNotInTheExchangeBeforeIt(t *testing.T) {
	// net/http reads one byte in the background while a handler runs. The byte is of the
	// next request.
	for _, early := range []bool{false, true} {
		c, peer := visitable(t)
		v := &visits{}
		say(t, peer, "first\nsecond\n")
		first := make([]byte, len("first\n"))
		if early {
			first = make([]byte, len("first\nsec"))
		}
		if _, err := io.ReadFull(c, first); err != nil {
			t.Fatal(err)
		}
		c.Visit(v)
		if !early {
			io.ReadFull(c, make([]byte, 1))
		}
		say(t, c, "one\n")
		say(t, c, "not of the exchange\n")
		v.has(t, `read "first\n"`, `wrote "one\n"`)
		if early {
			c, peer = visitable(t)
			say(t, peer, "first\nsecond\n")
			io.ReadFull(c, first)
			c.Visit(v)
			say(t, c, "one\n")
			rest := line(t, c)
			if want := "second\n"; string(c.Early()) != want || rest != "ond\n" {
				t.Errorf("the next request is %q, want %q", c.Early(), want)
			}
		}
	}
}

func TestTheBodyOfARequestAndAResponseInPiecesAreOfTheExchange(t *testing.T) {
	c, peer := visitable(t)
	v := &visits{}
	say(t, peer, "he")
	io.ReadFull(c, make([]byte, 2))
	c.Visit(v)
	say(t, peer, "ad\n")
	line(t, c)
	for _, piece := range []string{"a", "b", "c\n"} {
		say(t, c, piece)
	}
	v.has(t, `read "he"`, `read "a"`, `read "d"`, `read "\n"`, `wrote "a"`, `wrote "b"`, `wrote "c\n"`)
}

func TestAVisitorThatLeavesReceivesNothingMore(t *testing.T) {
	c, peer := visitable(t)
	v := &visits{}
	say(t, peer, "stream\n")
	line(t, c)
	c.Visit(v)
	say(t, c, "half")
	c.Leave(v)
	say(t, c, " and half\n")
	say(t, peer, "next\n")
	line(t, c)
	if string(c.Early()) != "next\n" {
		t.Errorf("the next request is %q", c.Early())
	}
	c.Close()
	v.has(t, `read "stream\n"`, `wrote "half"`)
}

func TestAVisitorReceivesTheResetOfTheClient(t *testing.T) {
	c, peer := visitable(t)
	v := &visits{}
	say(t, peer, "stream\n")
	line(t, c)
	c.Visit(v)
	peer.SetLinger(0)
	peer.Close()
	if _, err := c.Read(make([]byte, 1)); !IsReset(err) {
		t.Fatalf("Read gives %v, want %v", err, syscall.ECONNRESET)
	}
	c.Close()
	v.has(t, `read "stream\n"`, "failed 0 reset=true", "closed")
}

func TestTheEndpointsOwnCloseIsNotAnEndOfTheClient(t *testing.T) {
	c, peer := visitable(t)
	v := &visits{}
	say(t, peer, "stream\n")
	line(t, c)
	c.Visit(v)
	ended := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	for !c.Status().Reading { // no event says it
	}
	c.Close()
	<-ended
	v.has(t, `read "stream\n"`, "closed")
}

func TestAWebSocketMayFollowAnExchange(t *testing.T) {
	c, peer := visitable(t)
	v, r := &visits{}, newLines()
	say(t, peer, "poll\n")
	line(t, c)
	c.Visit(v)
	say(t, c, "[]\n")
	say(t, peer, "upgrade\n")
	line(t, c)
	c.Attach(r, false)
	say(t, c, "101\n")
	if got := line(t, peer) + line(t, peer); got != "[]\n101\n" {
		t.Errorf("the client receives %q", got)
	}
	c.Close()
	v.has(t, `read "poll\n"`, `wrote "[]\n"`, "closed")
	if string(r.bytes[In]) != "upgrade\n" || string(r.bytes[Out]) != "101\n" {
		t.Errorf("the recorder has %q", r.bytes)
	}
}

func TestArrivedCountsUnreadBytes(t *testing.T) {
	c, peer := visitable(t)
	say(t, peer, "Hello")
	say(t, peer, "you")
	for c.Arrived() < 8 { // no event says it
	}
	b := make([]byte, 5)
	if n, err := c.Read(b); n != 5 || err != nil || c.Arrived() != 3 {
		t.Errorf("%d, %v, and %d are left", n, err, c.Arrived())
	}
	server, client := net.Pipe()
	defer server.Close()
	defer client.Close()
	if n := New(server).Arrived(); n != 0 {
		t.Errorf("%d bytes have arrived without a socket", n)
	}
}
