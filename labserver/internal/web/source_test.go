package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/labserver/internal/lesson"
)

// withSources gives a lab server the source of gorilla and of the standard library.
func withSources(o *Options) {
	o.Gorilla = filepath.Dir(endpoint.GorillaSource())
	f := runtime.FuncForPC(reflect.ValueOf(strconv.Itoa).Pointer())
	file, _ := f.FileLine(f.Entry()) // SRC/strconv/itoa.go
	o.Std = filepath.Dir(filepath.Dir(file))
}

// lineOf returns the answer of /api/source/line for c.
func (s *site) lineOf(c recording.StackCall) (listing lesson.Listing, status int) {
	s.Helper()
	q := url.Values{"package": {c.Package}, "func": {c.Func}, "file": {c.File}, "line": {strconv.Itoa(c.Line)}}
	response, body := s.get("/api/source/line?" + q.Encode())
	s.ok(json.Unmarshal([]byte(body), &listing))
	return listing, response.StatusCode
}

func TestEveryCallOfAStackHasItsSource(t *testing.T) {
	s := start(t, withSources)
	sess := s.session()
	base := "/api/sessions/" + sess.ID
	s.post(base+"/valve", map[string]any{"do": "stack", "on": true})
	s.post(base+"/valve", map[string]any{"do": "sip", "bytes": 1})
	if _, body := s.get(base); !strings.Contains(body, `"stack":true`) || !strings.Contains(body, `"sip":1`) {
		t.Errorf("the session is %s", body)
	}
	seen := map[recording.StackCall]bool{}
	for _, name := range []string{"reference", "gorilla", "naive"} {
		p := s.websocket("/ws/" + name + "?client=" + name + "&session=" + sess.ID)
		p.say(frame(0x81, "Hello"))
		s.await(sess, name+" has echoed", func(e recording.Event) bool {
			st, ok := e.Body.(*recording.Stack)
			return ok && e.Conn == sess.Rec.ConnOf(name) && st.Op == recording.StackWrite && st.At > 0
		})
		p.Close()
	}
	events, _ := sess.Rec.After(0, 100_000)
	for _, e := range events {
		if st, ok := e.Body.(*recording.Stack); ok {
			for _, c := range st.List() {
				c.Depth = 0
				seen[c] = true
			}
		}
	}
	shown := map[string]int{}
	for c := range seen {
		l, status := s.lineOf(c)
		switch {
		case c.Package == "wslab/compare/endpoint":
			if status != 404 {
				t.Errorf("%+v is shown: the lab's own code is not part of an endpoint", c)
			}
		case status != 200 || len(l.Lines) == 0 || l.Hot != [2]int{c.Line, c.Line}:
			t.Errorf("%+v: status %d, %+v", c, status, l)
		default:
			shown[c.Package]++
		}
	}
	for _, pkg := range []string{"github.com/gorilla/websocket", "wslab/reference", "wslab/reference/naive", "bufio", "net/http", "net/textproto", "io"} {
		if shown[pkg] == 0 {
			t.Errorf("no call is in %s: %v", pkg, shown)
		}
	}
	_, log := s.get(base + "/log.txt")
	for _, want := range []string{"code of the server reads 1 byte at offset", "(*Conn).advanceFrame conn.go:809 (github.com/gorilla/websocket)"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
}

func TestWithoutTheSourceThePageReceivesALink(t *testing.T) {
	s := start(t, func(o *Options) { o.Gorilla = filepath.Join(t.TempDir(), "missing") })
	for _, c := range []recording.StackCall{
		{Package: "github.com/gorilla/websocket", Func: "(*Conn).read", File: "conn.go", Line: 371},
		{Package: "bufio", Func: "(*Reader).fill", File: "bufio.go", Line: 113},
	} {
		l, status := s.lineOf(c)
		if status != 200 || len(l.Lines) != 0 || !strings.HasSuffix(l.Link, fmt.Sprintf("/%s#L%d", c.File, c.Line)) {
			t.Errorf("%+v: status %d, %+v", c, status, l)
		}
	}
}
