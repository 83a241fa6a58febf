package scenario

import (
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

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// quiet is an Actor whose calls come back at once, but for Read, which reads to
// the end.
type quiet struct {
	Actor // nil: of a method that is not below
	conn  net.Conn
	mu    sync.Mutex
	told  []string
}

func (q *quiet) note(format string, args ...any) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told = append(q.told, fmt.Sprintf(format, args...))
	return nil
}

func (q *quiet) Send(op wire.Opcode, parts ...[]byte) error  { return q.note("send %s %q", op, parts) }
func (q *quiet) Control(op wire.Opcode, p []byte) error      { return q.note("%s %q", op, p) }
func (q *quiet) Close(code wire.CloseCode, why string) error { return q.note("close %d %q", code, why) }
func (q *quiet) SayClose(p []byte) error                     { return q.note("say close %q", p) }
func (q *quiet) HangUp(p []byte) error                       { return q.note("hang up %q", p) }
func (q *quiet) Bytes(b []byte) error                        { return q.note("bytes %q", b) }
func (q *quiet) TCPRead() error                              { return q.note("tcp read") }
func (q *quiet) TCPWrite(b []byte) error                     { return q.note("tcp write %q", b) }
func (q *quiet) TCPClose() error                             { return q.note("tcp close") }
func (q *quiet) TCPHalf() error                              { return q.note("tcp half") }
func (q *quiet) TCPReset() error                             { return q.note("tcp reset") }
func (q *quiet) Kill() error                                 { return q.note("kill") }
func (q *quiet) End()                                        { q.conn.Close() }
func (q *quiet) AtOnce(wire.Opcode, []byte, []byte) error    { return q.note("at once") }
func (q *quiet) Read(time.Duration) error {
	_, err := io.Copy(io.Discard, q.conn)
	return err
}

// newStage returns a Stage whose client reaches a server by hand, which answers
// any request and then waits for orders to an actor.
func newStage(t *testing.T) (*Stage, *quiet) {
	t.Helper()
	rec, actor := recording.New(nil, recording.Limits{}), &quiet{}
	st := &Stage{Rec: rec, Patience: 5 * time.Second, Step: recording.Step{Play: "3", BranchOf: "2", Endpoint: "quiet", Client: "token", As: "raw"}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		c, err := tap.Listener{Listener: l}.Accept()
		if err != nil {
			return
		}
		conn := c.(*tap.Conn)
		r := rec.Connect(recording.Info{Client: "token"}, wire.Server)
		conn.Attach(r, false)
		_, opened, served := st.Arrive("token", conn, r)
		defer served()
		defer conn.Close()
		(&server{Conn: conn, t: t}).hearsRequest()
		io.WriteString(conn, answer101)
		actor.conn = conn
		opened(actor)
		for conn.Status().Closed == false { // until End
			if _, err := st.until(context.Background(), nil, time.Minute, func() bool { return conn.Status().Closed }); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	st.Client = &Scripted{Target: "/", Host: "host", Dial: func(context.Context) (net.Conn, error) {
		return net.Dial("tcp", l.Addr().String())
	}}
	return st, actor
}

func parsed(t *testing.T, text string) *Scenario {
	t.Helper()
	s, err := Parse("s.txt", "# Title\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// steps returns the steps recorded in rec, a line each.
func steps(rec *recording.Recording) string {
	var lines []string
	events, _ := rec.After(0, 1000)
	for _, e := range events {
		if s, ok := e.Body.(*recording.Step); ok {
			line := fmt.Sprintf("%d/%d %s conn=%d line=%d %q %q", s.Index, s.Of, s.Phase, e.Conn, s.Line, s.Command, s.Say)
			if s.Order != nil {
				line += " order=" + s.Order.Do
			}
			if s.Error != "" {
				line += " error=" + s.Error
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestAPlayWaitsWhereItsControlWants(t *testing.T) {
	st, _ := newStage(t)
	asked := make(chan int)
	go func() {
		for i := range 3 {
			asked <- i
		}
	}()
	control := func(ctx context.Context, index int, waiting func()) error {
		if index == 0 {
			<-asked
			return nil
		}
		waiting()
		if got := <-asked; got != index {
			return ErrStopped
		}
		if index == 2 {
			return ErrStopped
		}
		return nil
	}
	err := parsed(t, "server by hand\n# It opens.\nopen\nnote\nwait 1m").Play(t.Context(), st, control)
	want := `0/3 begin conn=0 line=4 "open" "It opens."
0/3 end conn=1 line=4 "open" "It opens."
1/3 ready conn=1 line=5 "note" ""
1/3 begin conn=1 line=5 "note" ""
1/3 end conn=1 line=5 "note" ""
2/3 ready conn=1 line=6 "wait 1m" ""
2/3 over conn=1 line=0 "" "" error=s.txt:6: wait: the play was stopped`
	if got := steps(st.Rec); !errors.Is(err, ErrStopped) || got != want {
		t.Errorf("%v, and the steps are\n%s\nwant\n%s", err, got, want)
	}
}

func TestEveryOrderReachesTheServersCode(t *testing.T) {
	for command, want := range map[string]string{
		"server send text hi":           `send text ["hi"]`,
		"server send binary 00":         `send binary ["\x00"]`,
		`server send fragments "a" "b"`: `send text ["a" "b"]`,
		"server ping x":                 `ping "x"`,
		"server pong":                   `pong ""`,
		"server close 1000 bye":         `close 1000 "bye"`,
		"server close":                  `close 1005 ""`,
		"server shutdown":               `close 1001 "the server is shutting down"`,
		"server says close 1006 no":     `say close "\x03\xeeno"`,
		"server hangs up":               `hang up ""`,
		"server bytes 81 00":            `bytes "\x81\x00"`,
		"server tcp read":               `tcp read`,
		"server tcp write 00":           `tcp write "\x00"`,
		"server tcp close":              `tcp close`,
		"server tcp half":               `tcp half`,
		"server tcp reset":              `tcp reset`,
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			st, actor := newStage(t)
			if err := parsed(t, "server by hand\nopen\n"+command).Play(t.Context(), st, nil); err != nil {
				t.Error(err)
			}
			if got := strings.Join(actor.told, "; "); got != want {
				t.Errorf("it was told %s, want %s", got, want)
			}
		})
	}
}

func TestACallThatWaitsEndsItsStepAndTheNextOrderWaitsForIt(t *testing.T) {
	// A socket is real, so the clock of the bubble does not move while an end reads. A step
	// that only ends after settleTime would wait forever.
	synctest.Test(t, func(t *testing.T) {
		st, actor := newStage(t)
		began := time.Now()
		err := parsed(t, "server by hand\nopen\nserver read\nsend text x\ntcp close\nserver ping").Play(t.Context(), st, nil)
		took := time.Since(began)
		if err != nil || strings.Join(actor.told, "; ") != `ping ""` || took > settleTime {
			t.Fatalf("%v after %v, and it was told %q", err, took, actor.told)
		}
	})
}

// page is a Client like a browser: the play does not know which bytes it has processed.
type page struct {
	*Scripted
	did []string
}

func (p *page) Do(ctx context.Context, c *Command) error {
	p.did = append(p.did, c.Verb)
	return p.Scripted.Do(ctx, c)
}

func (p *page) Progress() Progress {
	progress := p.Scripted.Progress()
	return Progress{Refused: progress.Refused, Ended: progress.Ended, Fin: progress.Fin}
}

func TestAPageIsToldItsOrdersWhenTheirStepBegins(t *testing.T) {
	st, _ := newStage(t)
	client := &page{Scripted: st.Client.(*Scripted)}
	st.Client, st.Step.As, st.Patience = client, "browser", time.Second
	err := parsed(t, "server by hand\nopen\nsend text a\nserver ping\nread eof\nclose").Play(t.Context(), st, nil)
	want := "s.txt:6: read: it took longer than 1s"
	if err == nil || err.Error() != want || strings.Join(client.did, ", ") != "open, send text, read" {
		t.Errorf("it gave %v, and did %q", err, client.did)
	}
	got := steps(st.Rec)
	for _, line := range []string{`0/5 begin conn=0 line=3 "open" "" order=open`, `1/5 begin conn=1 line=4 "send text a" "" order=send`, `3/5 begin conn=1 line=6 "read eof" ""` + "\n", "3/5 over conn=1 line=0 \"\" \"\" error=" + want} {
		if !strings.Contains(got+"\n", line) {
			t.Errorf("there is no %q in\n%s", line, got)
		}
	}
}

func TestAPlayThatIsInterruptedEndsAtItsCommand(t *testing.T) {
	st, _ := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	control := func(_ context.Context, index int, _ func()) error {
		if index == 1 {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		return nil
	}
	began := time.Now()
	err := parsed(t, "server by hand\nopen\nwait 1m").Play(ctx, st, control)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "s.txt:4: wait: ") || time.Since(began) > 55*time.Second {
		t.Errorf("it gave %v after %v", err, time.Since(began))
	}
}

func TestAConnectionThatNobodyAwaitsIsServedAsUsual(t *testing.T) {
	st := &Stage{Rec: recording.New(nil, recording.Limits{})}
	st.setup = Setup{ByHand: true}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	setup, opened, served := st.Arrive("stranger", tap.New(near), st.Rec.Connect(recording.Info{}, wire.Server))
	opened(&quiet{})
	served()
	if setup != (Setup{}) || len(st.all()) > 0 {
		t.Errorf("its server behaves like %+v, and the play has %d parties", setup, len(st.all()))
	}
}
