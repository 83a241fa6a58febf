package suite

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	bits "encoding/binary"
	"testing/synctest"
	"wslab/reference/wire"
)

// inMemory returns a target whose connections are pipes, so that a test may have a
// clock of its own. handle has each once its handshake is answered.
func inMemory(handle func(c net.Conn, in *bufio.Reader)) Target {
	return Target{Name: "test", Host: "test", Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			in := bufio.NewReader(theirs)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.WriteString(theirs, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Accept: "+wire.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
			handle(theirs, in)
		}()
		return ours, nil
	}}
}

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
				target := inMemory(func(c net.Conn, in *bufio.Reader) {
					_, _, _ = readFrame(in)
					_, _ = c.Write(header)
					drain(in)
				})
				r := long.Run(t.Context(), target, nil)
				if r.Verdict != Fail || r.Rule != "" || !strings.Contains(r.Reason, "announces a payload of ") || r.Took > time.Second || len(r.Bytes) == 0 || r.Caret < 0 {
					t.Errorf("%s in %s, rule %q: %s (bit %d of % x)", r.Verdict, r.Took, r.Rule, r.Reason, r.Caret, r.Bytes)
				}
			})
		})
	}
}

func TestACaseWaitsSinceTheLastByteThatMoved(t *testing.T) {
	frame := text("Hello, slowly").append(nil, wire.Server, nil)
	c := hello()
	c.Steps, c.Outcomes, c.Deadline = []Step{send(text("Hello, slowly"))}, answers(texts("Hello, slowly")), 2*time.Second
	for _, each := range []struct {
		pause time.Duration
		want  Verdict
	}{{400 * time.Millisecond, Pass}, {1800 * time.Millisecond, NotJudged}, {3 * time.Second, NoAnswer}} {
		synctest.Test(t, func(t *testing.T) {
			target := inMemory(func(conn net.Conn, in *bufio.Reader) {
				_, _, _ = readFrame(in)
				closed := make(chan struct{})
				go func() {
					defer close(closed)
					drainClosing(conn, in)
				}()
				for i := range frame {
					time.Sleep(each.pause)
					if _, err := conn.Write(frame[i : i+1]); err != nil {
						break
					}
				}
				<-closed
			})
			r := c.Run(t.Context(), target, nil)
			time.Sleep(time.Minute) // the target notices that the judge has left
			if r.Verdict != each.want || r.Took > 12*time.Second {
				t.Errorf("a byte each %s: %s in %s: %s", each.pause, r.Verdict, r.Took, r.Reason)
			}
			if each.want == NotJudged && (!r.Slow() || !strings.HasPrefix(r.Reason, "Not finished within 10s")) {
				t.Errorf("a byte each %s: %s", each.pause, r.Reason)
			}
		})
	}
}

// drainClosing reads what comes, and answers a Close frame.
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

func TestTimeInWhichTheJudgeDidNotRunIsNotHeldAgainstATarget(t *testing.T) {
	// A tick that comes late is one tick: a wait ends only after enough of them.
	synctest.Test(t, func(t *testing.T) {
		began, n := time.Now(), 0
		ctx, cancel := within(t.Context(), time.Second)
		defer cancel()
		for ctx.Err() == nil {
			time.Sleep(time.Second / ticks)
			synctest.Wait()
			n++
		}
		if n != ticks || time.Since(began) != time.Second || !ranOut(ctx) {
			t.Errorf("it ends after %d ticks, %s: %v", n, time.Since(began), context.Cause(ctx))
		}
	})
}

func TestAServerWithoutRoomIsNotJudged(t *testing.T) {
	for _, status := range []string{"503 Service Unavailable", "429 Too Many Requests"} {
		r := hello().Run(t.Context(), serve(t, func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		}), nil)
		if r.Verdict != NotJudged || r.Closing != NotJudged || !r.Busy || !strings.Contains(r.Reason, status) {
			t.Errorf("%s: %s, closing %s: %s", status, r.Verdict, r.Closing, r.Reason)
		}
	}
}

func TestOnlyTheDecodersOwnErrorIsCaught(t *testing.T) {
	if err := catch(func() { panic(errCode) }); !errors.Is(err, errCode) {
		t.Errorf("its own error comes back as %v", err)
	}
	if err := catch(func() {}); err != nil {
		t.Errorf("nothing comes back as %v", err)
	}
	for _, other := range []any{"a string", 1, errors.New("another error")} {
		func() {
			defer func() {
				if e := recover(); e != other {
					t.Errorf("%v is passed on as %v", other, e)
				}
			}()
			err := catch(func() { panic(other) })
			t.Errorf("the panic %v is taken for %v", other, err)
		}()
	}
	defer func() {
		if e := recover(); e == nil {
			t.Error("an index out of range is taken for corrupt data")
		}
	}()
	var none []byte
	_ = catch(func() { _ = none[len(none)] })
}

// FuzzInflate holds that whatever comes, the decoder panics with nothing but its own
// error.
func FuzzInflate(f *testing.F) {
	for _, seed := range []string{"", "\xf2\x48\xcd\xc9\xc9\x07\x00", "\x05\xe0\x01", "\xed\xfd\x01\x00", "\x00\x05\x00\xfa\xffHello\x00"} {
		f.Add([]byte("history"), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, history, payload []byte) { _, _, _ = inflate(history, payload, 1<<16) })
}
