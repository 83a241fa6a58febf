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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const answer101 = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// server is the server's end of a scenario. The test says what it does.
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

// script has a Scripted do the commands of text, one after the other, against
// far, until it is refused. It returns what was logged and the first error.
func script(t *testing.T, ctx context.Context, text string, far func(*server)) (log string, err error) {
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
	client := &Scripted{
		Dial:   func(context.Context) (net.Conn, error) { return near, nil },
		Target: "/", Host: "host", Answers: s.Answers,
		Log: func(what, text string, size int) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, fmt.Sprintf("%s %d %s", what, size, text))
		},
	}
	client.Watch(func() {})
	for i := range s.Commands {
		if err = client.Do(ctx, &s.Commands[i]); err != nil {
			err = fmt.Errorf("line %d: %w", s.Commands[i].Line, err)
			break
		}
		if client.Progress().Refused {
			break
		}
	}
	client.Close()
	<-done
	return strings.Join(lines, "\n"), err
}

func TestAScriptedClientDoesWhatItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := script(t, t.Context(), "open\nsend text Hello\nread 2\nbytes 89 00\nclose 1000 ok\nread eof", func(s *server) {
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

func TestARefusalIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := script(t, t.Context(), "open\nsend text never", func(s *server) {
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
		_, err := script(t, t.Context(), "open\nbytes 89 00\nread 1", func(s *server) {
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

func TestAServerThatHangsUpIsNoError(t *testing.T) {
	for name, far := range map[string]func(*server){
		"before it answers": func(s *server) { s.hearsRequest() },
		"after the opening": func(s *server) { s.hearsRequest(); s.says(answer101) },
		"between frames":    func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x00") },
		"within a frame":    func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x05He") },
		"with no HTTP":      func(s *server) { s.hearsRequest(); s.says("what?") },
	} {
		synctest.Test(t, func(t *testing.T) {
			if _, err := script(t, t.Context(), "open\nread 2\nsend text x\nread eof", far); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestAScriptedClientWaitsNoLongerThanItMay(t *testing.T) {
	for name, c := range map[string]struct {
		text, where string
		far         func(*server)
	}{
		"for the answer":            {"open", "line 2", func(s *server) { s.hearsRequest() }},
		"for a frame":               {"open\n\nread 2", "line 4", func(s *server) { s.hearsRequest(); s.says(answer101); s.says("\x81\x00") }},
		"for the end":               {"open\nread eof", "line 3", func(s *server) { s.hearsRequest(); s.says(answer101) }},
		"for the end of a refusal":  {"open", "line 2", func(s *server) { s.hearsRequest(); s.says("HTTP/1.1 400 No\r\n\r\n") }},
		"for the rest of an answer": {"open", "line 2", func(s *server) { s.hearsRequest(); s.says("HTTP/1.1 101 ") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := script(t, ctx, c.text, func(s *server) {
				c.far(s)
				io.Copy(io.Discard, s) // until the client gives up
			})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), c.where) {
				t.Errorf("%s: %v", name, err)
			}
			if waited := time.Since(began); waited != time.Minute {
				t.Errorf("%s: it waited %v", name, waited)
			}
		})
	}
}

func TestAServerThatCannotBeReachedIsAnError(t *testing.T) {
	commands := parsed(t, "open\nsend text").Commands
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	var log []string
	c := &Scripted{
		Dial: func(context.Context) (net.Conn, error) { return nil, refused },
		Log:  func(what, text string, size int) { log = append(log, what+" "+text) },
	}
	err := c.Do(t.Context(), &commands[0])
	if !errors.Is(err, refused) || strings.Join(log, "; ") != "error dial: connection refused" {
		t.Errorf("%v, log %q", err, log)
	}
	if err := c.Do(t.Context(), &commands[1]); err == nil || c.Close() != nil {
		t.Errorf("without a connection, send gives %v", err)
	}
}

func TestAWriteThatFailsIsAnOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := script(t, t.Context(), "open\nread eof\nbytes 81 80 00 00 00 00\nsend text x", func(s *server) {
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
		c, err := NewRaw(near, DefaultOpening(), "/", "host", func(string, string, int) {})
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

func TestAScriptedClientFindsWhatItExpects(t *testing.T) {
	for expects, comes := range map[string]string{
		"expect text":                       "\x81\x02hi",
		"expect text hi":                    "\x81\x02hi",
		"expect text hello":                 "\x01\x03hel\x80\x02lo",
		"expect binary 00 ff":               "\x82\x02\x00\xff",
		"expect ping\nexpect pong x":        "\x89\x00\x8a\x01x",
		"expect close":                      "\x88\x00",
		"expect close 1000":                 "\x88\x05\x03\xe8bye",
		"expect close 1000 bye":             "\x88\x05\x03\xe8bye",
		"read 2\nexpect pong":               "\x81\x00\x89\x00\x8a\x00",
		"expect text a\nread 1\nexpect eof": "\x81\x01a\x81\x01b",
		"expect eof":                        "",
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := script(t, t.Context(), "open\n"+expects, func(s *server) {
				s.hearsRequest()
				s.says(answer101)
				if comes != "" {
					s.says(comes)
				}
			})
			if err != nil {
				t.Errorf("%q, and %q came: %v", expects, comes, err)
			}
		})
	}
}

func TestWhatIsNotExpectedFailsAtItsLine(t *testing.T) {
	for expects, want := range map[string]string{
		"expect text ho":        `line 3: text "hi" arrived, but text "ho" was expected`,
		"expect binary":         `line 3: text "hi" arrived, but binary was expected`,
		"expect ping\nread 1":   `line 3: text "hi" arrived, but ping was expected`,
		"read 1\nexpect close":  `line 4: eof arrived, but close was expected`,
		"read 1\nexpect reset":  `line 4: eof arrived, but reset was expected`,
		"expect close 1000 bye": `line 3: text "hi" arrived, but close 1000 normal closure "bye" was expected`,
		"expect binary 00":      `line 3: text "hi" arrived, but binary 00 was expected`,
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := script(t, t.Context(), "open\n"+expects, func(s *server) {
				s.hearsRequest()
				s.says(answer101)
				s.says("\x81\x02hi")
			})
			if err == nil || err.Error() != want {
				t.Errorf("%q gives %v, want %s", expects, err, want)
			}
		})
	}
}

func TestAClientThatAnswersDoesSoAsABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := script(t, t.Context(), "client answers\nopen\nexpect text hi\nexpect close 1001\nread eof", func(s *server) {
			s.hearsRequest()
			s.says(answer101)
			s.says("\x89\x01x")
			s.hears("\x8a\x81\x37\xfa\x21\x3d\x4f")
			s.says("\x81\x02hi\x88\x05\x03\xe9bye")
			s.hears("\x88\x82\x37\xfa\x21\x3d\x34\x13") // the code alone
		})
		if err != nil {
			t.Errorf("%v, and the log is\n%s", err, log)
		}
	})
}

func TestAClientThatHasSaidCloseAnswersNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := script(t, t.Context(), "client answers\nopen\nclose\nread 1\nread eof", func(s *server) {
			s.hearsRequest()
			s.says(answer101)
			s.hears("\x88\x80\x37\xfa\x21\x3d")
			s.says("\x88\x00")
			synctest.Wait() // an answer would block at the pipe
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// openRaw returns a Raw whose connection is open, and the server at its other end.
func openRaw(t *testing.T) (*Raw, *server) {
	t.Helper()
	near, far := net.Pipe()
	s := &server{Conn: far, t: t}
	go func() {
		s.hearsRequest()
		s.says(answer101)
	}()
	c, err := NewRaw(near, DefaultOpening(), "/", "host", func(string, string, int) {})
	if err != nil {
		t.Fatal(err)
	}
	c.Status(t.Context())
	return c, s
}

// halfable is an end of a pipe that can be closed in one direction, and does not
// let itself be read again and again without an end.
type halfable struct {
	net.Conn
	t     *testing.T
	reads atomic.Int32
}

func (c *halfable) CloseWrite() error { return nil }

func (c *halfable) Read(p []byte) (int, error) {
	if c.reads.Add(1) > 100 {
		c.t.Error("it reads on and on")
		return 0, io.EOF
	}
	return c.Conn.Read(p)
}
