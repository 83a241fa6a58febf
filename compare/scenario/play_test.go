package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const answer101 = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// server is the far end of a scenario, which does as it is told.
type server struct {
	net.Conn
	t   *testing.T
	got bytes.Buffer
}

// hears reads until the client has sent s, and fails when it sends else.
func (s *server) hears(want string) {
	b := make([]byte, len(want))
	if _, err := io.ReadFull(s, b); err != nil || string(b) != want {
		s.t.Errorf("the server was sent %q, %v, want %q", b, err, want)
	}
}

// hearsRequest reads a request to its end.
func (s *server) hearsRequest() {
	for b := make([]byte, 1); !strings.HasSuffix(s.got.String(), "\r\n\r\n"); s.got.Write(b) {
		if _, err := s.Read(b); err != nil {
			s.t.Errorf("the request ends with %v after %q", err, s.got.String())
			return
		}
	}
}

func (s *server) says(text string) {
	if _, err := io.WriteString(s, text); err != nil {
		s.t.Errorf("the server could not say %q: %v", text, err)
	}
}

// play plays text against far, and returns what was logged and the error.
func play(t *testing.T, ctx context.Context, text string, far func(*server)) (log string, err error) {
	t.Helper()
	s, err := Parse("test.txt", "# test\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	near, end := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer end.Close()
		far(&server{Conn: end, t: t})
	}()
	var mu sync.Mutex
	var lines []string
	err = s.Play(ctx, func(context.Context) (net.Conn, error) { return near, nil }, "/", "host", func(what, text string, size int) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf("%s %d %s", what, size, text))
	})
	<-done
	return strings.Join(lines, "\n"), err
}

func TestAScenarioIsPlayedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := play(t, t.Context(), "open\nsend text Hello\nread 2\noctets 89 00\nclose 1000 ok\nread eof", func(s *server) {
			s.hearsRequest()
			s.says(answer101)
			s.hears("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
			s.says("\x81\x05He")
			s.says("llo\x81\x00")
			s.hears("\x89\x00")
			s.hears("\x88\x84\x37\xfa\x21\x3d\x34\x12\x4e\x56")
			s.says("\x88\x02\x03\xe8")
		})
		if err != nil {
			t.Error(err)
		}
		want := `dial -1 /
write 143 GET / HTTP/1.1
read 129 HTTP/1.1 101 Switching Protocols
write 11 81 85 37 fa 21 3d 7f 9f 4d 51 58
read 4 81 05 48 65
read 5 6c 6c 6f 81 00
write 2 89 00
write 10 88 84 37 fa 21 3d 34 12 4e 56
read 4 88 02 03 e8
read -1 EOF`
		if log != want {
			t.Errorf("the log is\n%s\nwant\n%s", log, want)
		}
	})
}

func TestARefusalEndsAScenarioWithoutAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := play(t, t.Context(), "open\nsend text never", func(s *server) {
			s.hearsRequest()
			s.says("HTTP/1.1 400 Bad Request\r\n\r\n")
			s.says("no") // the client waits for what follows
		})
		if err != nil || strings.Contains(log, "write 1") == false || strings.Contains(log, "81 8") {
			t.Errorf("%v, and the log is\n%s", err, log)
		}
	})
}

func TestAnInterimResponseIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := play(t, t.Context(), "open\noctets 89 00\nread 1", func(s *server) {
			s.hearsRequest()
			s.says("HTTP/1.1 103 Early Hints\r\n\r\n")
			synctest.Wait()
			s.says(answer101)
			s.hears("\x89\x00")
			s.says("\x8a\x00")
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAServerThatHangsUpEndsAScenarioWithoutAnError(t *testing.T) {
	for name, far := range map[string]func(*server){
		"before it answers": func(s *server) { s.hearsRequest() },
		"after the opening": func(s *server) { s.hearsRequest(); s.says(answer101) },
		"between frames":    func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x00") },
		"within a frame":    func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x05He") },
		"with no HTTP":      func(s *server) { s.hearsRequest(); s.says("what?") },
	} {
		synctest.Test(t, func(t *testing.T) {
			if _, err := play(t, t.Context(), "open\nread 2\nsend text x\nread eof", far); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestAScenarioThatIsKeptWaitingSaysWhere(t *testing.T) {
	for name, c := range map[string]struct {
		text, where string
		far         func(*server)
	}{
		"for the answer":            {"open", "line 2: open", func(s *server) { s.hearsRequest() }},
		"for a frame":               {"open\n\nread 2", "line 4: read", func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x00") }},
		"for the end":               {"open\nread eof", "line 3: read", func(s *server) { s.hearsRequest(); s.says(answer101) }},
		"for the end of a refusal":  {"open", "line 2: open", func(s *server) { s.hearsRequest(); s.says("HTTP/1.1 400 No\r\n\r\n") }},
		"for the rest of an answer": {"open", "line 2: open", func(s *server) { s.hearsRequest(); s.says("HTTP/1.1 101 ") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := play(t, ctx, c.text, func(s *server) {
				c.far(s)
				io.Copy(io.Discard, s) // until the client gives up
			})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "scenario test, "+c.where) {
				t.Errorf("%s: %v", name, err)
			}
			if waited := time.Since(began); waited != time.Minute {
				t.Errorf("%s: it waited %v", name, waited)
			}
		})
	}
}

func TestAServerThatCannotBeReachedIsAnError(t *testing.T) {
	s, err := Parse("test.txt", "# x\nopen")
	if err != nil {
		t.Fatal(err)
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	var log []string
	err = s.Play(t.Context(), func(context.Context) (net.Conn, error) { return nil, refused }, "/", "host", func(what, text string, size int) {
		log = append(log, what+" "+text)
	})
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "scenario test, line 2: open") || strings.Join(log, "; ") != "error dial: connection refused" {
		t.Errorf("%v, log %q", err, log)
	}
}

func TestAWriteThatFailsIsAnOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := play(t, t.Context(), "open\nread eof\noctets 81 80 00 00 00 00\nsend text x", func(s *server) {
			s.hearsRequest()
			s.says(answer101)
		})
		if err != nil || !strings.HasSuffix(log, "error -1 write: io: read/write on closed pipe") {
			t.Errorf("%v, and the log is\n%s", err, log)
		}
	})
}

func TestClientsSendWhatTheyAreToldAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			s := &server{Conn: far, t: t}
			s.hearsRequest()
			s.says(answer101)
			io.Copy(io.Discard, far)
		}()
		c, err := NewClient(near, DefaultOpening(), "/", "host", func(string, string, int) {})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := c.Status(t.Context()); status != 101 || err != nil {
			t.Errorf("the status is %d, %v", status, err)
		}
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for range 10 {
					if err := c.Frame(wire.Text, []byte("x")); err != nil {
						t.Error(err)
					}
					c.FramesRead()
				}
			})
		}
		senders.Wait()
		c.Close()
		far.Close()
	})
}
