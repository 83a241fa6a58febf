package sse

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source has numbered messages, some of which are ready at once.
type source struct {
	last, atOnce int
	more         chan struct{}
}

// from returns the function next of Follow, for a follower that has the messages up to n.
func (s *source) from(n int) func() ([]Message, bool, <-chan struct{}) {
	return func() (ready []Message, last bool, more <-chan struct{}) {
		for range s.atOnce {
			if n++; n <= s.last {
				ready = append(ready, Message{ID: uint64(n), Data: []byte(strconv.Itoa(n))})
			}
		}
		n = min(n, s.last)
		return ready, n == s.last, s.more
	}
}

// client is a ResponseWriter that keeps what was flushed.
type client struct {
	written strings.Builder
	flushed string
	header  http.Header
	until   time.Time
	stuck   bool // takes no byte
}

func (c *client) Header() http.Header { return c.header }
func (c *client) WriteHeader(int)     {}
func (c *client) Flush()              { c.flushed = c.written.String() }

func (c *client) SetWriteDeadline(t time.Time) error {
	c.until = t
	return nil
}

func (c *client) Write(p []byte) (int, error) {
	if c.stuck {
		time.Sleep(time.Until(c.until)) // of the bubble's clock
		return 0, os.ErrDeadlineExceeded
	}
	return c.written.Write(p)
}

func TestAFollowerResumesByLastEventIDWithoutLossOrRepetition(t *testing.T) {
	const total = 1000
	always := make(chan struct{})
	close(always)
	s := &source{last: total, atOnce: 7, more: always}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := Position(r)
		if err != nil {
			t.Error(err)
		}
		Follow(w, r, nil, s.from(int(n)))
	}))
	defer server.Close()
	seen := 0
	for streams := 1; seen < total; streams++ {
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if seen > 0 {
			r.Header.Set("Last-Event-ID", strconv.Itoa(seen))
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type is %q", got)
		}
		b := make([]byte, 37*streams) // it leaves in the middle of a message
		n, err := io.ReadFull(response.Body, b)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		leave()
		response.Body.Close()
		whole := string(b[:n])
		whole = whole[:strings.LastIndex(whole, "\n\n")+1]
		for event := range strings.SplitSeq(whole, "\n\n") {
			id, data, ok := strings.Cut(strings.TrimSuffix(event, "\n"), "\ndata: ")
			if !ok {
				continue // a comment
			}
			if seen++; id != "id: "+data || data != strconv.Itoa(seen) {
				t.Fatalf("after message %d came %q", seen-1, event)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestTheMessagesOfEachCallAreFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &client{header: http.Header{}}
		s := &source{last: 3, atOnce: 1, more: make(chan struct{})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Follow(c, httptest.NewRequest("GET", "/", nil), nil, s.from(0))
		}()
		want := ": wslab\n\n"
		for n := 1; n <= 3; n++ {
			synctest.Wait()
			if want += "id: " + strconv.Itoa(n) + "\ndata: " + strconv.Itoa(n) + "\n\n"; c.flushed != want {
				t.Errorf("after %d messages, %q was flushed", n, c.flushed)
			}
			if n < 3 {
				s.more <- struct{}{}
			}
		}
		<-ended
	})
}

func TestAFollowerThatTakesNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		Follow(&client{header: http.Header{}, stuck: true}, httptest.NewRequest("GET", "/", nil), nil, (&source{last: 1}).from(0))
		if d := time.Since(began); d != writeTimeout {
			t.Errorf("it was left after %v", d)
		}
	})
}

func TestAQuietStreamShowsThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		c := &client{header: http.Header{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Follow(c, httptest.NewRequest("GET", "/", nil).WithContext(ctx), nil, (&source{last: 1}).from(0))
		}()
		time.Sleep(keepAlive)
		synctest.Wait()
		if want := ": wslab\n\n: still here\n\n"; c.flushed != want {
			t.Errorf("%q was flushed", c.flushed)
		}
		leave()
		<-ended
	})
}

func TestAnEventHasItsName(t *testing.T) {
	got := string(format([]Message{{Event: "end", Data: []byte("{}")}, {ID: 7, Data: []byte("x")}}))
	if want := "event: end\ndata: {}\n\nid: 7\ndata: x\n\n"; got != want {
		t.Errorf("it is %q", got)
	}
}

func TestPositionTakesLastEventIDBeforeTheQuery(t *testing.T) {
	for _, c := range []struct {
		header, query string
		want          uint64
		ok            bool
	}{
		{"", "", 0, true},
		{"12", "", 12, true},
		{"", "?after=7", 7, true},
		{"12", "?after=7", 12, true},
		{"", "?after=-1", 0, false},
		{"x", "", 0, false},
		{"99999999999999999999", "", 0, false},
	} {
		r := httptest.NewRequest("GET", "/"+c.query, nil)
		if c.header != "" {
			r.Header.Set("Last-Event-ID", c.header)
		}
		got, err := Position(r)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Last-Event-ID %q, query %q: got %d, %v", c.header, c.query, got, err)
		}
	}
}
