package endpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// pipes is a listener of one in-memory connection. Each Write of the client is
// one read of the server, or several that are as large as they could be.
type pipes struct {
	conns chan net.Conn
	close sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p *pipes) Close() error   { p.close.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// waiting tells when net/http has read the one byte with which it waits for
// what follows a request.
type waiting struct {
	net.Conn
	read chan struct{}
	once sync.Once
}

func (w *waiting) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n == 1 && len(p) == 1 {
		w.once.Do(func() { close(w.read) })
	}
	return n, err
}

// lab serves one recorded connection with the naive server.
type lab struct {
	client  net.Conn
	rec     *recording.Recording
	tap     *tap.Conn
	tapped  chan struct{} // closed when tap is there and attached
	oneRead chan struct{} // closed when net/http has read one byte ahead
	begin   chan struct{} // the endpoint serves when it is closed
	servers chan Server
	served  chan struct{}
	shut    func() // ends it
	stop    func() // ends it, and fails if a goroutine is left
}

// lay starts a lab. keep says whether the listener keeps reads, hold whether
// the valve is shut.
func lay(t *testing.T, keep, hold bool) *lab {
	e, err := Find("naive")
	if err != nil {
		t.Fatal(err)
	}
	client, ours := net.Pipe()
	l := &lab{
		client: client, rec: recording.New(nil, recording.Limits{}), tapped: make(chan struct{}), oneRead: make(chan struct{}),
		begin: make(chan struct{}), servers: make(chan Server, 1), served: make(chan struct{}),
	}
	pipe := &pipes{conns: make(chan net.Conn, 1)}
	pipe.conns <- &waiting{Conn: ours, read: l.oneRead}
	var listener net.Listener = pipe
	if keep {
		listener = KeepReads(listener)
	}
	type key struct{}
	server := &http.Server{
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, c) },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(l.served)
			l.tap = r.Context().Value(key{}).(*tap.Conn)
			conn := l.rec.Connect(recording.Info{Endpoint: e.Name}, wire.Server)
			l.tap.Attach(conn, hold)
			close(l.tapped)
			<-l.begin
			e.Serve(w, r, conn, func(s Server) { l.servers <- s })
		}),
	}
	var work sync.WaitGroup
	work.Go(func() { server.Serve(tap.Listener{Listener: listener}) })
	l.shut = func() {
		client.Close()
		<-l.served
		server.Close()
		work.Wait()
	}
	l.stop = func() {
		l.shut()
		goleak.VerifyNone(t)
	}
	return l
}

// write sends each of chunks in a Write of its own.
func (l *lab) write(t *testing.T, chunks ...string) {
	t.Helper()
	for _, c := range chunks {
		if _, err := io.WriteString(l.client, c); err != nil {
			t.Fatal(err)
		}
	}
}

// head reads the response as far as its empty line.
func (l *lab) head(t *testing.T) string {
	t.Helper()
	var b []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(b), "\r\n\r\n"); {
		if _, err := io.ReadFull(l.client, one); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		b = append(b, one...)
	}
	return string(b)
}

// bytes reads n bytes and gives them as hex.
func (l *lab) data(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(l.client, b); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("% x", b)
}

// ends waits until the server has closed, and returns the bytes before that.
func (l *lab) ends(t *testing.T) string {
	t.Helper()
	b, err := io.ReadAll(bufio.NewReader(l.client))
	if err != nil {
		t.Fatal(err)
	}
	<-l.served
	return string(b)
}

// calls returns what the calls called name returned.
func (l *lab) calls(name string) (results []string) {
	events, _ := l.rec.After(0, 1<<20)
	for _, e := range events {
		if c, ok := e.Body.(*recording.Call); ok && c.Name == name && c.Phase == "return" {
			result := c.Result
			if c.Err != nil {
				result = c.Err.Type + " " + c.Err.Text
			}
			results = append(results, result)
		}
	}
	return results
}

// held waits until n units are held.
func (l *lab) held(n int) {
	for {
		last, waits := l.rec.Last(), 0
		events, _ := l.rec.After(0, 1<<20)
		for _, e := range events {
			if _, ok := e.Body.(*recording.Held); ok {
				waits++
			}
		}
		if waits >= n {
			return
		}
		<-l.rec.Changed(last)
	}
}

const (
	naiveRequest = "GET /ws/naive HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	naiveHello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" // RFC 6455 §5.7
	naiveEcho  = "81 05 48 65 6c 6c 6f"
)

func TestTheWeekendServerEchoesAndItsCallsAreRecorded(t *testing.T) {
	l := lay(t, true, false)
	defer l.stop()
	close(l.begin)
	l.write(t, naiveRequest)
	if head := l.head(t); !strings.Contains(head, "101") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		t.Fatal(head)
	}
	l.write(t, naiveHello)
	if got := l.data(t, 7); got != naiveEcho {
		t.Error(got)
	}
	l.client.Close()
	<-l.served
	if got := l.calls("Read")[:4]; !slices.Equal(got, []string{fmt.Sprintf("%d bytes", len(naiveRequest)), "2 bytes", "4 bytes", "5 bytes"}) {
		t.Errorf("Read: %q", got)
	}
	if got := l.calls("make")[0]; got != "5 bytes" {
		t.Errorf("make: %q", got)
	}
	got := l.calls("naive.Serve")
	if len(got) != 1 || !strings.HasPrefix(got[0], "*naive.Stopped naive: here it would have read zeros forever") {
		t.Errorf("Serve: %q", got)
	}
	fins := 0
	events, _ := l.rec.After(0, 1<<20)
	for _, e := range events {
		if c, ok := e.Body.(*recording.TCP); ok && c.What == "fin" {
			fins++
		}
	}
	if fins != 1 {
		t.Errorf("the recording has %d FINs", fins)
	}
}

func TestTheWeekendServerReadsItsRequestAsTCPBroughtIt(t *testing.T) {
	for _, test := range []struct {
		is     string
		chunks []string
		status string
		read   string // by the first Read of the naive server
	}{
		{"whole", []string{naiveRequest}, "101", fmt.Sprintf("%d bytes", len(naiveRequest))},
		{"in two segments", []string{naiveRequest[:60], naiveRequest[60:]}, "400", "60 bytes"},
		{"byte by byte", strings.Split(naiveRequest, ""), "400", "1 byte"},
		{"of more than 1,024 bytes", []string{strings.Replace(naiveRequest, "Upgrade", "Cookie: "+strings.Repeat("c", 1024)+"\r\nUpgrade", 1)}, "400", "1024 bytes"},
		{"with a name in lower case", []string{strings.Replace(naiveRequest, "Upgrade:", "upgrade:", 1)}, "400", fmt.Sprintf("%d bytes", len(naiveRequest))},
	} {
		t.Run(test.is, func(t *testing.T) {
			l := lay(t, true, false)
			defer l.stop()
			close(l.begin)
			var work sync.WaitGroup
			defer work.Wait()
			work.Go(func() {
				for _, c := range test.chunks {
					io.WriteString(l.client, c)
				}
			})
			if test.is == "byte by byte" {
				// The first line is one byte, and has no second word.
				if got := l.ends(t); got != "" {
					t.Errorf("answered with %q", got)
				}
			} else if head := l.head(t); !strings.HasPrefix(head, "HTTP/1.1 "+test.status) {
				t.Error(head)
			}
			l.client.Close()
			<-l.served
			if got := l.calls("Read"); len(got) == 0 || got[0] != test.read {
				t.Errorf("Read: %q", got)
			}
		})
	}
}

func TestAFrameInTheSegmentOfTheRequestIsLost(t *testing.T) {
	l := lay(t, true, false)
	defer l.stop()
	close(l.begin)
	l.write(t, naiveRequest+naiveHello)
	l.head(t)
	l.write(t, "\x88\x80\x37\xfa\x21\x3d")
	if got := l.ends(t); got != "" {
		t.Errorf("% x came back", got)
	}
}

func TestWhatNetHTTPReadsAheadIsNoBorderOfTCPs(t *testing.T) {
	// Of a pipe the rest is there when its writer has been scheduled, not at once.
	defer func(d time.Duration) { joinTime = d }(joinTime)
	joinTime = time.Minute
	l := lay(t, true, false)
	defer l.stop()
	l.write(t, naiveRequest)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { io.WriteString(l.client, naiveHello) })
	<-l.oneRead
	close(l.begin)
	l.head(t)
	if got := l.data(t, 7); got != naiveEcho {
		t.Error(got)
	}
}

func TestWhatWaitsAtTheValveIsNotReadTwice(t *testing.T) {
	l := lay(t, true, true)
	defer l.stop()
	l.write(t, naiveRequest)
	<-l.tapped
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { io.WriteString(l.client, naiveHello) })
	l.held(1) // the frame
	close(l.begin)
	l.held(2) // and the response
	l.tap.Run()
	l.head(t)
	if got := l.data(t, 7); got != naiveEcho {
		t.Error(got)
	}
	l.write(t, "\x81\x82\x37\xfa\x21\x3d\x58\x91")
	if got := l.data(t, 4); got != "81 02 6f 6b" {
		t.Error(got)
	}
	l.write(t, "\x88\x80\x37\xfa\x21\x3d")
	if got := l.ends(t); got != "" {
		t.Errorf("% x", got)
	}
}

func TestAReadThatFillsItsBufferGoesOnInTheNext(t *testing.T) {
	client, ours := net.Pipe()
	defer ours.Close()
	c := &keepingConn{Conn: ours}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		defer client.Close()
		for _, chunk := range []string{"GET", " / HTTP", "/1.1\r\n"} {
			io.WriteString(client, chunk)
		}
	})
	for b := make([]byte, 4); ; {
		if _, err := c.Read(b); err != nil {
			break
		}
	}
	reads, full := c.take()
	// " / H" and "TTP" were one segment; "/1.1" and the line's end another.
	if got := fmt.Sprintf("%q", reads); got != `["GET" " / HTTP" "/1.1\r\n"]` || full {
		t.Error(got, full)
	}
}

func TestARequestBehindAnotherIsReplayedAlone(t *testing.T) {
	client, ours := net.Pipe()
	defer ours.Close()
	c := &keepingConn{Conn: ours}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		defer client.Close()
		io.WriteString(client, "GET /first")
		client.Read(make([]byte, 16))
		io.WriteString(client, "GET /second")
	})
	b := make([]byte, 16)
	c.Read(b)
	c.Write([]byte("HTTP/1.1 200 OK"))
	c.Read(b)
	if reads, _ := c.take(); fmt.Sprintf("%q", reads) != `["GET /second"]` {
		t.Errorf("%q", reads)
	}
}

func TestWhatIsKeptOfARequestIsBounded(t *testing.T) {
	c := &keepingConn{}
	for range 100 {
		c.keep(make([]byte, 1000), false)
	}
	if reads, _ := c.take(); len(reads) != maxKept/1000+1 || c.size != maxKept {
		t.Errorf("%d reads, %d bytes", len(reads), c.size)
	}
	c.keep([]byte("more"), false)
	if reads, _ := c.take(); reads != nil {
		t.Errorf("%q is kept after the reads were taken", reads)
	}
}

func TestWithoutTheReadsThereIsNoWeekendServer(t *testing.T) {
	l := lay(t, false, false)
	defer l.stop()
	close(l.begin)
	l.write(t, naiveRequest)
	if got := l.ends(t); !strings.HasPrefix(got, "HTTP/1.1 501 ") || !strings.Contains(got, "were not kept") {
		t.Error(got)
	}
}

func TestTheCageTellsTheRecordingWhatItPrevented(t *testing.T) {
	l := lay(t, true, false)
	defer l.stop()
	close(l.begin)
	l.write(t, naiveRequest)
	l.head(t)
	l.write(t, "\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00\x37\xfa\x21\x3d")
	if got := l.ends(t); got != "" {
		t.Errorf("% x", got)
	}
	want := "*naive.Stopped naive: here it would have allocated 1099511627776 bytes"
	for _, name := range []string{"make", "naive.Serve"} {
		if got := l.calls(name); len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheWeekendServerSendsWhatItKnows(t *testing.T) {
	l := lay(t, true, false)
	defer l.stop()
	close(l.begin)
	l.write(t, naiveRequest)
	l.head(t)
	server := <-l.servers
	var unknown *NotKnownError
	if err := server.Control(wire.Ping, nil); !errors.As(err, &unknown) {
		t.Error(err)
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { server.Send(wire.Binary, []byte("Hel"), []byte("lo")) })
	if got := l.data(t, 7); got != naiveEcho {
		t.Error(got)
	}
	work.Go(func() { server.Close(wire.GoingAway, "bye") })
	if got := l.ends(t); got != "" {
		t.Errorf("% x", got)
	}
}

func TestTheWeekendServerIsFoundAndIsNotAmongThoseThatKeepToTheProtocol(t *testing.T) {
	for _, e := range All() {
		if e.Name == "naive" {
			t.Error("All has it")
		}
	}
	if _, err := Find("naive"); err != nil {
		t.Error(err)
	}
	if len(naive.Faults) == 0 {
		t.Error("it has no faults")
	}
}
