package recording_test

import (
	"io"
	"net"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// tiny is an endpoint that notes its own stack on the line of each Read and Write.
type tiny struct {
	conn  net.Conn
	notes [][]recording.StackCall
}

// here notes the calls that lead to its caller. It returns 0.
func (e *tiny) here() int {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var calls []recording.StackCall
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "testing.") {
			break
		}
		pkg, name, _ := strings.Cut(f.Function[strings.LastIndex(f.Function, "/")+1:], ".")
		calls = append(calls, recording.StackCall{Func: name, Package: f.Function[:strings.LastIndex(f.Function, "/")+1] + pkg, File: path.Base(f.File), Line: f.Line})
		if !more {
			break
		}
	}
	for i := range calls {
		calls[i].Depth = len(calls) - 1 - i
	}
	e.notes = append(e.notes, calls)
	return 0
}

func (e *tiny) serve(n int) {
	for range n {
		e.header()
	}
	func() {
		p := []byte("\x81\x02ok")
		e.conn.Write(p[e.here():])
	}()
}

// header is so short that the compiler inlines it.
func (e *tiny) header() { e.fill(make([]byte, 2)) }

func (e *tiny) fill(p []byte) {
	io.ReadFull(reader{e}, p)
}

// reader is called from the standard library.
type reader struct{ *tiny }

func (r reader) Read(p []byte) (int, error) { return r.conn.Read(p[r.here():]) }

// stacksOf returns the Stack events of rec with their senders.
func stacksOf(rec *recording.Recording) (all []*recording.Stack, from []string) {
	events, _ := rec.After(0, 1_000_000)
	for _, e := range events {
		if s, ok := e.Body.(*recording.Stack); ok {
			all, from = append(all, s), append(from, e.From)
		}
	}
	return all, from
}

// piped returns both ends of a pipe, of which the second is the tapped server's.
func piped(t *testing.T, rec *recording.Recording) (client net.Conn, server *tap.Conn, c *recording.Connection) {
	client, near := net.Pipe()
	server = tap.New(near)
	c = rec.Connect(recording.Info{}, wire.Server)
	server.Attach(c, false)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server, c
}

func TestTheCallsOfAStackAreThoseThatTheEndpointSeesItself(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	client, server, c := piped(t, rec)
	c.Stacks(true)
	server.Callers(c.Stack)
	server.Sip(1)
	go func() {
		client.Write([]byte("ab"))
		client.Write([]byte("cd"))
		io.Copy(io.Discard, client)
	}()
	e := &tiny{conn: server}
	e.serve(2)
	stacks, from := stacksOf(rec)
	if len(stacks) != 5 || len(e.notes) != 5 {
		t.Fatalf("there are %d stacks, and the endpoint has noted %d", len(stacks), len(e.notes))
	}
	for i, s := range stacks {
		want := recording.Stack{Op: recording.StackRead, At: int64(i), Size: 1}
		sender := "client"
		if i == 4 {
			want, sender = recording.Stack{Op: recording.StackWrite, At: 0, Size: 4}, "server"
		}
		if s.Op != want.Op || s.At != want.At || s.Size != want.Size || from[i] != sender {
			t.Errorf("stack %d is a %s of %d bytes at %d, sent by the %s", i, s.Op, s.Size, s.At, from[i])
		}
		if got := s.List(); !slices.Equal(got, e.notes[i]) {
			t.Errorf("stack %d is\n%v, and the endpoint saw\n%v", i, got, e.notes[i])
		}
	}
	// The notes themselves are worth something only if they have these calls.
	for _, name := range []string{"reader.Read", "ReadFull", "(*tiny).fill", "(*tiny).header", "(*tiny).serve"} {
		if !slices.ContainsFunc(e.notes[0], func(c recording.StackCall) bool { return c.Func == name }) {
			t.Errorf("%s is not among %v", name, e.notes[0])
		}
	}
}

func TestStacksAreBoundedAndTheRestIsCounted(t *testing.T) {
	rec := recording.New(nil, recording.Limits{})
	_, _, c := piped(t, rec)
	c.Stack(tap.In, 0, 1, nil) // recording is off
	c.Stacks(true)
	const more = 7
	limit := 0
	for range 10_000 {
		c.Stack(tap.In, 0, 1, []uintptr{1})
		if all, _ := stacksOf(rec); all[len(all)-1].Op == recording.StackFull {
			limit = len(all) - 1
			break
		}
	}
	if limit < 1000 {
		t.Fatalf("the limit is %d stacks", limit)
	}
	for range more {
		c.Stack(tap.In, 0, 1, []uintptr{1})
	}
	c.Stack(tap.Out, 0, 1, []uintptr{1})
	if all, _ := stacksOf(rec); all[len(all)-1].Op != recording.StackWrite {
		t.Error("many reads leave no room for the stack of a write")
	}
	c.Stacks(false)
	c.Stacks(false)
	all, _ := stacksOf(rec)
	if n := len(all); n != limit+3 || all[n-1].Op != recording.StackFull || all[n-1].Skipped != more || all[n-2].Skipped != 0 {
		t.Errorf("of %d stacks, %d are recorded; the last is %+v", limit+more, n, all[n-1])
	}
	c.Stacks(true)
	c.Stack(tap.Out, 9, 1, []uintptr{1})
	c.Gone()
	if all, _ = stacksOf(rec); all[len(all)-1].At != 9 {
		t.Errorf("after the switch was on again, the last stack is %+v", all[len(all)-1])
	}
}

func TestAnEndedConnectionSaysHowManyStacksAreMissing(t *testing.T) {
	rec := recording.New(nil, recording.Limits{Events: 1_000_000})
	_, _, c := piped(t, rec)
	c.Stacks(true)
	const all = 3000
	for range all {
		c.Stack(tap.In, 0, 1, []uintptr{1})
	}
	c.Gone()
	stacks, _ := stacksOf(rec)
	last := stacks[len(stacks)-1]
	if kept := len(stacks) - 2; last.Op != recording.StackFull || last.Skipped+kept != all {
		t.Errorf("%d stacks are kept, and %+v counts the rest of %d", kept, last, all)
	}
}
