package suite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bits "encoding/binary"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// drain reads what is left, so that the judge can write.
func drain(in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) }

func TestALengthFarBeyondWhatIsExpectedIsJudgedByItsHeader(t *testing.T) {
	long := hello()
	long.Deadline = time.Hour
	for what, header := range map[string][]byte{
		"2^40 bytes":               bits.BigEndian.AppendUint64([]byte{0x81, 127}, 1<<40),
		"65,535 bytes":             {0x81, 126, 0xff, 0xff},
		"one byte more":            {0x81, 6},
		"in a continuation":        {0x01, 3, 'H', 'e', 'l', 0x80, 127, 0, 0, 0, 1, 0, 0, 0, 0},
		"with what is expected":    append(bits.BigEndian.AppendUint64([]byte{0x81, 127}, 1<<30), "Hello"...),
		"a binary message instead": bits.BigEndian.AppendUint64([]byte{0x82, 127}, 1<<20),
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := webSocket(func(c net.Conn, in *bufio.Reader) {
					_, _, _ = readFrame(in)
					_, _ = c.Write(header)
					drain(in)
				})
				r := Run(t.Context(), long, target, nil)
				if r.Verdict != Fail || r.Rule != "" || !strings.Contains(r.Reason, "announces a payload of ") || r.Took > time.Second || len(r.Bytes) == 0 || r.Caret < 0 {
					t.Errorf("%s in %s, rule %q: %s (bit %d of % x)", r.Verdict, r.Took, r.Rule, r.Reason, r.Caret, r.Bytes)
				}
			})
		})
	}
}

func TestACaseWaitsSinceTheLastByteThatMoved(t *testing.T) {
	for _, each := range []struct {
		pause time.Duration
		size  int
		want  Verdict
		most  time.Duration
	}{
		{400 * time.Millisecond, 13, Pass, 10 * time.Second},
		{1800 * time.Millisecond, 13, Pass, 30 * time.Second},
		{3 * time.Second, 13, NoAnswer, 10 * time.Second},
		// A byte each second is slow, and it is not nothing.
		{time.Second, 60, Pass, 70 * time.Second},
		{time.Second, 120, NotJudged, 91 * time.Second},
		// A case that cannot end in time ends soon.
		{time.Second, 1000, NotJudged, 5 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d bytes, one each %s", each.size, each.pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				payload := strings.Repeat("*", each.size)
				frame := spec.Text(payload).Append(nil, wire.Server, nil)
				c := hello()
				c.Steps, c.Outcomes, c.Deadline = []Step{spec.Send(spec.Text(payload))}, spec.Answers(spec.Text(payload)), 2*time.Second
				target := webSocket(func(conn net.Conn, in *bufio.Reader) {
					_, _, _ = readFrame(in)
					closed := make(chan struct{})
					turn := make(chan struct{}, 1) // no Close frame inside the echo
					turn <- struct{}{}
					go func() {
						defer close(closed)
						drainClosing(inTurn{conn, turn}, in)
					}()
					for i := range frame {
						time.Sleep(each.pause)
						if _, err := conn.Write(frame[i : i+1]); err != nil {
							break
						}
					}
					<-turn
					<-closed
				})
				r := Run(t.Context(), c, target, nil)
				time.Sleep(time.Minute) // the target notices that the judge has left
				if r.Verdict != each.want || r.Took > each.most {
					t.Errorf("%s in %s: %s", r.Verdict, r.Took, r.Reason)
				}
				if each.want == NotJudged && (!r.Slow() || !strings.HasPrefix(r.Reason, "Not finished in time, while bytes still arrived. ")) {
					t.Errorf("%s", r.Reason)
				}
			})
		})
	}
}

func TestAResponseThatComesByteByByteIsNotCalledNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := Target{Name: "test", Dial: func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				in := bufio.NewReader(theirs)
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				for _, b := range []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n") {
					time.Sleep(time.Second)
					if _, err := theirs.Write([]byte{b}); err != nil {
						return
					}
				}
			}()
			return ours, nil
		}}
		r := Probe(t.Context(), target)
		time.Sleep(time.Minute) // the target notices that the judge has left
		const want = "Not finished in time, while bytes still arrived. The judge was waiting for a response to the request."
		if r.Verdict != NotJudged || !r.Slow() || r.Reason != want || strings.Contains(r.Got, "nothing") {
			t.Errorf("%s: %s (got %s)", r.Verdict, r.Reason, r.Got)
		}
	})
}

// inTurn is a connection whose Write waits for its turn.
type inTurn struct {
	net.Conn
	turn chan struct{}
}

func (c inTurn) Write(b []byte) (int, error) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	return c.Conn.Write(b)
}

// drainClosing reads everything and answers a Close frame.
func drainClosing(c net.Conn, in *bufio.Reader) {
	for {
		h, p, err := readFrame(in)
		if err != nil {
			return
		}
		if h.Opcode == wire.Close {
			_, _ = c.Write(unmasked(wire.Close, string(p)))
			c.Close()
			return
		}
	}
}

func TestAServerWithoutRoomIsNotJudged(t *testing.T) {
	for _, status := range []string{"503 Service Unavailable", "429 Too Many Requests"} {
		r := run(t, hello(), serve(func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		}), nil)
		if r.Verdict != NotJudged || r.Closing != NotJudged || !r.Busy || !strings.Contains(r.Reason, status) {
			t.Errorf("%s: %s, closing %s: %s", status, r.Verdict, r.Closing, r.Reason)
		}
	}
}
