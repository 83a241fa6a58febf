package suite

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/reference/wire"
)

// identified returns the cases with these IDs, and runs of them.
func identified(t *testing.T, runs ...string) []*Case {
	t.Helper()
	var cases []*Case
	for _, run := range runs {
		ids, err := Expand(run)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range All() {
			if slices.Contains(ids, c.ID) {
				cases = append(cases, c)
			}
		}
	}
	if len(cases) == 0 {
		t.Fatalf("there is no case %q", runs)
	}
	return cases
}

func TestAServerThatRefusesAnUnusualRequestBreaksNoMUST(t *testing.T) {
	refuses := serve(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for _, each := range []struct {
		what string
		runs []string
		want Verdict
	}{
		{"offers of subprotocols", []string{"4.2.2/18–25", "11.3/8"}, Note},
		{"websocket in a list of protocols", []string{"4.2.1/44–48", "4.2.1/67"}, Warning},
		{"two Connection fields", []string{"4.2.1/64–65"}, Warning},
		{"offers of extensions", []string{"9.1/1–14", "7692-7.1/1–33"}, Warning},
		{"fields that are not known", []string{"4.2.1/105–113"}, Warning},
		{"a request that comes slowly", []string{"4.2.1/173–174"}, Note},
		{"frames in the request's segment", []string{"4.2.1/175–183"}, Note},
		{"a key that comes twice", []string{"11.3/1–5"}, Pass},
		{"a version that comes twice", []string{"4.4/21–23"}, Pass},
	} {
		for _, c := range identified(t, each.runs...) {
			if r := c.Run(t.Context(), refuses, nil); r.Verdict != each.want {
				t.Errorf("refused are %s, %s: %s, want %s: %s", each.what, c, r.Verdict, each.want, r.Reason)
			}
		}
	}
}

func TestAServerThatIsLaxBreaksNoMUST(t *testing.T) {
	// It opens a WebSocket for whatever names a key, and echoes whatever frame comes.
	lax := serve(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		key := ""
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Sec-WebSocket-Key") && key == "" {
				key = strings.TrimSpace(value)
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+wire.Accept(key)+"\r\n\r\n")
		for {
			h, p, err := readFrame(in)
			switch {
			case err != nil:
				return
			case h.Opcode == wire.Ping:
				h.Opcode = wire.Pong
			}
			if h.Opcode == wire.Continuation {
				h.Opcode = wire.Text
			}
			_, _ = c.Write(unmasked(h.Opcode, string(p)))
			if h.Opcode == wire.Close {
				return
			}
		}
	})
	for _, each := range []struct {
		what string
		runs []string
		want Verdict
	}{
		{"lengths that are not the shortest", []string{"5.2/159–185"}, Warning},
		{"keys that are not base64 of 16 bytes", []string{"4.2.1/80–91"}, Warning},
		{"a key that comes twice", []string{"11.3/1–5"}, Warning},
		{"a version that comes twice", []string{"4.4/21–23"}, Warning},
		{"the versions 7 and 8", []string{"4.4/2–3"}, Note},
		{"header lines that break the grammar", []string{"4.2.1/114–115", "4.2.1/118–122"}, Warning},
		{"continuation frames without a message", []string{"5.4/49–51"}, Warning},
		{"messages inside others", []string{"5.4/63"}, Warning},
		{"control frames with FIN 0", []string{"5.5/1", "5.5/4"}, Warning},
		{"control frames of more than 125 bytes", []string{"5.5/5"}, Warning},
		{"Pongs", []string{"5.5.3/1–5"}, Pass},

		// These are for a MUST of the receiver.
		{"the version 14", []string{"4.4/5"}, Fail},
		{"RSV2 and RSV3", []string{"5.2/13"}, Fail},
		{"the opcode 3", []string{"5.2/59"}, Fail},
		{"text that is not UTF-8", []string{"8.1/37"}, Fail},
		{"frames without a mask", []string{"5.1/1"}, Fail},
		{"the code 1005", []string{"7.4/42"}, Fail},
		{"no Upgrade", []string{"4.2.1/49"}, Fail},
		{"white space before a colon", []string{"4.2.1/116"}, Fail},
		{"extensions that break the grammar", []string{"9.1/15"}, Fail},
	} {
		for _, c := range identified(t, each.runs...) {
			if r := c.Run(t.Context(), lax, nil); r.Verdict != each.want {
				t.Errorf("accepted are %s, %s: %s, want %s: %s; got %s", each.what, c, r.Verdict, each.want, r.Reason, r.Got)
			}
		}
	}
}

func TestWhenAClientClosesTCPIsItsOwnChoice(t *testing.T) {
	var running sync.WaitGroup
	over := make(chan struct{})
	for _, c := range identified(t, "5.6/1c", "5.5.1/1c", "7.4/1c", "4.1/22") {
		r := playMini(t.Context(), c, wire.Client, mini{does: func(m *mini) {
			for {
				h, p, ok := m.frame()
				if !ok {
					break
				}
				m.send(h.Opcode, p)
				if h.Opcode == wire.Close {
					break
				}
			}
			<-over // it has seen FIN, and does not close
		}}, &running)
		if r.Verdict > Warning || r.Closing > Warning {
			t.Errorf("%s: %s, closing %s: %s", c, r.Verdict, r.Closing, r.Reason)
		}
	}
	close(over)
	running.Wait()
}
