package headers

import (
	"bufio"
	"bytes"
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

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample returns headers of every kind: each first byte with a second byte of its own,
// and the second bytes at which outcomes change with some first bytes.
func sample() []Header {
	var all []Header
	for first := range 256 {
		all = append(all, Header{byte(first), byte(first * 37)})
	}
	for _, first := range []byte{0x00, 0x80, 0x01, 0x81, 0x82, 0x83, 0x88, 0x08, 0x89, 0x8A, 0x8B, 0xC1, 0xF0} {
		for _, second := range []byte{0x00, 0x01, 0x02, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0x82, 0xFD, 0xFE, 0xFF} {
			all = append(all, Header{first, second})
		}
	}
	return all
}

func TestTheMapsAreWhatTheEndpointsDo(t *testing.T) {
	for _, target := range Targets() {
		file := filepath.Join("..", "outputs", "headers", target.String()+".txt")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := ReadText(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var again bytes.Buffer
		if err := WriteText(&again, target, sheet); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), text) {
			t.Errorf("%s is not as it is written: run go run ./compare headers", file)
		}
		for _, c := range Contexts {
			for _, h := range sample() {
				if got, want := target.Run(h, c), sheet[c][h.Number()]; got != want {
					t.Errorf("%s, %s, %x: %v; the map says %v: run go run ./compare headers", target, c, h, got, want)
				}
			}
		}
	}
}

// Apart from the MASK bit, the reference must accept the same headers from a server as
// from a client.
func TestTheReferenceTakesWhatIsLegalAndNothingElse(t *testing.T) {
	for _, role := range []string{"server", "client"} {
		target, err := Find("reference", role)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range Contexts {
			for _, h := range sample() {
				if o := target.Run(h, c); h.Judge(o, target.Sender(), c) != Right {
					t.Errorf("%s, %s, %x: %v, and it breaks %v", target, c, h, o, h.Broken(target.Sender(), c))
				}
			}
		}
	}
}

// overTCP sends the bytes of Run over a real connection and returns all bytes that
// arrive after the handshake. It reports whether these are complete: if an endpoint
// closes TCP with unread bytes, the reset can destroy its Close frame.
func overTCP(t *testing.T, addr string, h Header, c Context) (all []byte, whole bool) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	nc.Write([]byte(request))
	r := bufio.NewReader(nc)
	if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 101 {
		t.Errorf("%x: the handshake is answered with %v, %v", h, response, err)
		return nil, false
	}
	// Who fails the connection may stop reading before all is written.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		nc.Write(append(c.Before(wire.Client), h.Bytes()...))
		nc.Write(Probe(wire.Client))
		nc.(*net.TCPConn).CloseWrite()
	}()
	all, err = io.ReadAll(r)
	<-sent
	return all, err == nil
}

func TestOverTCPTheOutcomeIsTheSame(t *testing.T) {
	for _, name := range []string{"reference", "gorilla"} {
		e, err := endpoint.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		target, err := Find(name, "server")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.Serve(w, r, nil, func(endpoint.Server) {})
		})}
		served := make(chan struct{})
		go func() { defer close(served); server.Serve(endpoint.KeepReads(l)) }()
		var wg sync.WaitGroup
		gate := make(chan struct{}, 16)
		for _, c := range Contexts {
			for _, h := range sample() {
				gate <- struct{}{}
				wg.Go(func() {
					defer func() { <-gate }()
					all, whole := overTCP(t, l.Addr().String(), h, c)
					if !whole && len(all) == 0 && name == "gorilla" {
						return
					}
					// The answer to the frame ends where the Pong for the Ping begins.
					pong := legal(wire.Server, wire.Pong, true, probe)
					first, second := bytes.CutSuffix(all, pong)
					s := seen{first: first}
					if second {
						s.second = pong
					}
					if got, want := s.outcome(h, c), target.Run(h, c); got != want && !(want == Echoed && second) {
						t.Errorf("%s, %s, %x: %v over TCP (%x), %v by script", name, c, h, got, clip(all), want)
					}
				})
			}
		}
		wg.Wait()
		server.Close()
		<-served
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }

func TestEachOutcomeIsTold(t *testing.T) {
	text := Header{0x81, 0x82}
	shut := Header{0x88, 0x82}
	for _, c := range []struct {
		name string
		seen seen
		h    Header
		want Outcome
	}{
		{"silence", seen{}, text, Waits},
		{"a Pong for the Ping after it", seen{second: legal(wire.Server, wire.Pong, true, probe)}, text, Taken},
		{"a Pong for nothing", seen{second: legal(wire.Server, wire.Pong, true, "else")}, text, SomeAnswer},
		{"the echo", seen{first: legal(wire.Server, wire.Text, true, "ab")}, text, Echoed},
		{"the echo in fragments, masked", seen{first: append(legal(wire.Client, wire.Text, false, "a"), legal(wire.Client, wire.Continuation, true, "b")...)}, text, Echoed},
		{"another text", seen{first: legal(wire.Server, wire.Text, true, "abc")}, text, SomeAnswer},
		{"an echo that does not end", seen{first: legal(wire.Server, wire.Text, false, "ab")}, text, SomeAnswer},
		{"half a frame", seen{first: []byte{0x81, 0x05, 'a'}}, text, SomeAnswer},
		{"a Pong", seen{first: legal(wire.Server, wire.Pong, true, "ab")}, text, Ponged},
		{"1002", seen{first: []byte{0x88, 2, 3, 0xEA}, closed: true}, text, Protocol},
		{"1007", seen{first: []byte{0x88, 2, 3, 0xEF}}, text, Invalid},
		{"1009", seen{second: []byte{0x88, 2, 3, 0xF1}}, text, TooBig},
		{"1000 unasked", seen{first: []byte{0x88, 2, 3, 0xE8}}, text, OtherClose},
		{"1000 asked", seen{first: []byte{0x88, 2, 3, 0xE8}}, shut, Closed},
		{"no code, asked with one", seen{first: []byte{0x88, 0}}, shut, OtherClose},
		{"no code, asked with none", seen{first: []byte{0x88, 0}}, Header{0x88, 0x80}, Closed},
		{"TCP alone", seen{closed: true}, text, Cut},
		{"TCP alone, with bytes unread", seen{closed: true, unread: true}, text, Reset},
	} {
		if got := c.seen.outcome(c.h, Fresh); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAMapThatIsNotWholeOrWrongIsRefused(t *testing.T) {
	target := Targets()[0]
	var whole bytes.Buffer
	if err := WriteText(&whole, target, &Sheet{new(Map), new(Map)}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a word that is none": {"00-ff waits", "00-ff maybe"},
		"a byte that is none": {"00-ff waits", "00-fg waits"},
		"backward":            {"00-ff waits", "ff-00 waits"},
		"half":                {"00-ff waits", "00-7f waits"},
		"no word":             {"00-ff waits", "00-ff"},
		"nothing":             {whole.String(), ""},
	} {
		text := strings.Replace(whole.String(), change[0], change[1], 1)
		if _, err := ReadText(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if _, err := Find("reference", "waiter"); err == nil || !strings.Contains(err.Error(), "gorilla-client") {
		t.Errorf("the error does not list what there is: %v", err)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, target := range Targets() {
		b.Run(target.String(), func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				target.Run(At(n%Count), Fresh)
			}
		})
	}
}

func ExampleHeader_Bytes() {
	fmt.Printf("% x\n", Header{0x81, 0x82}.Bytes())
	fmt.Printf("% x\n", Header{0x88, 0x02}.Bytes())
	// Output:
	// 81 82 37 fa 21 3d 56 98
	// 88 02 03 e8
}
