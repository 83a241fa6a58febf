package endpoint

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"wslab/reference/wire"
)

// judgedNames are what Listen serves.
var judgedNames = []string{"reference", "gorilla", "naive"}

// judged starts the server called name and returns its address.
func judged(t *testing.T, name string) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	_, stop, ok := e.Listen(l)
	if !ok {
		t.Fatalf("%s is not known", name)
	}
	return l.Addr().String(), stop
}

// connect sends request to addr.
func connect(t *testing.T, addr, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

// open connects and reads the response 101. Later bytes are read from r.
func open(t *testing.T, addr, request string) (c net.Conn, r *bufio.Reader) {
	t.Helper()
	c = connect(t, addr, request)
	r = bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the answer is %+v, %v", answer, err)
	}
	return c, r
}

const judgedRequest = "GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

func TestNothingOfAJudgedServerRunsBehindStop(t *testing.T) {
	for _, name := range judgedNames {
		addr, stop := judged(t, name)
		for range 64 {
			open(t, addr, judgedRequest)
		}
		stop()
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, code := range []string{"endpoint.judgedReference(", "endpoint.judgedGorilla(", "naive.Serve("} {
			if n := strings.Count(string(stacks), code); n > 0 {
				t.Errorf("%s: behind stop, %d goroutines are in %s…)", name, n, code)
			}
		}
	}
}

func TestAJudgedServerEndsAConnectionThatItsJudgeHasForgotten(t *testing.T) {
	was := judgedIdle
	defer func() { judgedIdle = was }()
	judgedIdle = 50 * time.Millisecond
	for _, name := range judgedNames {
		addr, stop := judged(t, name)
		c, r := open(t, addr, judgedRequest)
		if _, err := io.Copy(io.Discard, r); isTimedOut(err) {
			t.Errorf("%s: a connection on which nothing comes stays open", name)
		}
		c.Close()
		stop()
	}
	addr, stop := judged(t, "gorilla")
	defer stop()
	for _, body := range []string{"", "Content-Length: 5\r\n"} { // net/http would wait for another request, or for the body
		c := connect(t, addr, "GET / HTTP/1.1\r\nHost: here\r\n"+body+"\r\n")
		if _, err := io.Copy(io.Discard, c); isTimedOut(err) {
			t.Errorf("%q: behind a refusal the connection stays open", body)
		}
	}
}

func isTimedOut(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// TestWhatAMessageBecomesAtAJudgedGorillaIsBounded sends a frame of some KiB that
// becomes one byte too many.
func TestWhatAMessageBecomesAtAJudgedGorillaIsBounded(t *testing.T) {
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	w.Write(make([]byte, judgedInflated+1))
	w.Flush()
	p := bytes.TrimSuffix(packed.Bytes(), []byte("\x00\x00\xff\xff")) // RFC 7692 §7.2.1
	h := wire.Header{Fin: true, RSV1: true, Opcode: wire.Binary, Masked: true, Form: wire.FormFor(uint64(len(p))), Length: uint64(len(p))}
	addr, stop := judged(t, "gorilla")
	defer stop()
	c, r := open(t, addr, strings.TrimSuffix(judgedRequest, "\r\n")+"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n")
	if _, err := c.Write(append(h.Append(nil), p...)); err != nil { // the masking key is 0
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "\x88\x02\x03\xf1" {
		t.Errorf("% x, %v came, want Close 1009", got, err)
	}
}
