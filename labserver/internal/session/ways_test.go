package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// inBubble runs do with a session in a bubble of testing/synctest.
func inBubble(t *testing.T, do func(t *testing.T, s *Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSession("s", false, nil, recording.NewPool(DefaultMemory, func() {}), new(atomic.Int64))
		defer s.close(t.Context(), "the test ends")
		do(t, s)
	})
}

func TestASourceTicksAtItsRateAndEndsAfterItsEvents(t *testing.T) {
	for _, o := range []WaysOrder{
		{Rate: 0.2, Count: 1, Poll: 50, Wait: 100},
		{Rate: 0.2, Count: 100, Poll: 60000, Wait: 25000, Up: 20},
		{Rate: 20, Count: 1, Poll: 50, Wait: 100},
		{Rate: 20, Count: 100, Poll: 50, Wait: 100},
		{Rate: 3, Count: 7, Poll: 50, Wait: 100}, // a rate whose interval is not a whole number of µs
	} {
		inBubble(t, func(t *testing.T, s *Session) {
			w, err := s.NewWays(o)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if ticks, over, _ := w.After(0); len(ticks) > 0 || over {
				t.Errorf("before the start there are %d events", len(ticks))
			}
			began := s.Rec.Now()
			if err := w.Do("start"); err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= o.Count; n++ {
				_, over, changed := w.After(n - 1)
				for ticks, _, _ := w.After(n - 1); len(ticks) == 0 && !over; ticks, over, changed = w.After(n - 1) {
					<-changed
				}
				ticks, _, _ := w.After(n - 1)
				due := began + time.Duration(float64(n)/o.Rate*float64(time.Second))
				if len(ticks) != 1 || ticks[0].N != n || ticks[0].At != due.Microseconds() {
					t.Fatalf("event %d is %+v, want it at %v", n, ticks, due)
				}
			}
			synctest.Wait()
			if ticks, over, _ := w.After(0); len(ticks) != o.Count || !over {
				t.Errorf("at the end there are %d events, over is %v", len(ticks), over)
			}
			if err := w.Do("start"); err == nil {
				t.Error("a run that is over can be started")
			}
		})
	}
}

func TestASourceEndsWithoutItsLastEvent(t *testing.T) {
	for name, end := range map[string]func(s *Session, w *Ways){
		"by stop":            func(_ *Session, w *Ways) { w.Do("start"); time.Sleep(150 * time.Millisecond); w.Do("stop") },
		"by stop, unstarted": func(_ *Session, w *Ways) { w.Do("stop") },
		"with its session": func(s *Session, w *Ways) {
			w.Do("start")
			time.Sleep(150 * time.Millisecond)
			s.close(context.Background(), "the session has ended")
		},
		"with its session, unstarted": func(s *Session, w *Ways) { s.close(context.Background(), "the session has ended") },
		"without a start":             func(*Session, *Ways) { time.Sleep(startWithin) },
	} {
		inBubble(t, func(t *testing.T, s *Session) {
			w, err := s.NewWays(WaysOrder{Rate: 10, Count: 100, Poll: 50, Wait: 100})
			if err != nil {
				t.Fatal(err)
			}
			_, _, changed := w.After(0)
			end(s, w)
			synctest.Wait()
			ticks, over, _ := w.After(0)
			if want := strings.HasSuffix(name, "session") || name == "by stop"; !over || want != (len(ticks) == 1) {
				t.Errorf("%s: %d events, over is %v", name, len(ticks), over)
			}
			<-changed
			if n := len(w.State().Ticks); n != len(ticks) {
				t.Errorf("%s: the state has %d events", name, n)
			}
		})
	}
}

func TestARunOutOfRangeIsRefusedInWords(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Session) {
		good := WaysOrder{Rate: 1, Count: 20, Poll: 1000, Wait: 1000}
		for what, change := range map[string]func(*WaysOrder){
			"rate 0":        func(o *WaysOrder) { o.Rate = 0 },
			"rate 0.19":     func(o *WaysOrder) { o.Rate = 0.19 },
			"rate 20.1":     func(o *WaysOrder) { o.Rate = 20.1 },
			"rate NaN":      func(o *WaysOrder) { o.Rate = math.NaN() },
			"rate infinite": func(o *WaysOrder) { o.Rate = math.Inf(1) },
			"count 0":       func(o *WaysOrder) { o.Count = 0 },
			"count 101":     func(o *WaysOrder) { o.Count = 101 },
			"poll 49":       func(o *WaysOrder) { o.Poll = 49 },
			"poll 60001":    func(o *WaysOrder) { o.Poll = 60001 },
			"wait 99":       func(o *WaysOrder) { o.Wait = 99 },
			"wait 25001":    func(o *WaysOrder) { o.Wait = 25001 },
			"up -1":         func(o *WaysOrder) { o.Up = -1 },
			"up 21":         func(o *WaysOrder) { o.Up = 21 },
		} {
			o := good
			change(&o)
			_, err := s.NewWays(o)
			var command *CommandError
			if name, _, _ := strings.Cut(what, " "); !errors.As(err, &command) || !strings.Contains(command.What, name) || command.Fix == "" {
				t.Errorf("%s gives %v", what, err)
			}
		}
		if _, err := s.NewWays(good); err != nil {
			t.Error(err)
		}
	})
}

func TestASessionKeepsSoManyRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Session) {
		o := WaysOrder{Rate: 20, Count: 1, Poll: 50, Wait: 100}
		var runs []*Ways
		for range maxWays {
			w, err := s.NewWays(o)
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, w)
		}
		var command *CommandError
		if _, err := s.NewWays(o); !errors.As(err, &command) {
			t.Fatalf("one run too many gives %v", err)
		}
		runs[3].Do("stop")
		synctest.Wait()
		w, err := s.NewWays(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.WaysOf(fmt.Sprint(runs[3].Run)); err == nil || s.hands[runs[3].Client] != nil {
			t.Error("the run that was over is still there")
		}
		if found, err := s.WaysOf(fmt.Sprint(w.Run)); err != nil || found != w || len(s.ways) != maxWays || len(s.hands) != maxWays {
			t.Errorf("the new run is not there: %v, %d runs, %d servers", err, len(s.ways), len(s.hands))
		}
		for _, name := range []string{"", "0", "-1", "x", "999999999999999999999"} {
			if _, err := s.WaysOf(name); !errors.As(err, &command) {
				t.Errorf("run %q gives %v", name, err)
			}
		}
		if err := w.Do("dance"); !errors.As(err, &command) {
			t.Errorf("a command that does not exist gives %v", err)
		}
	})
}

// calls returns what the calls of one end on a connection returned, by their names.
func calls(s *Session, conn int, from wire.Role, name string) (results []string) {
	events, _ := s.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if c, ok := e.Body.(*recording.Call); ok && e.Conn == conn && e.From == from.String() && c.Name == name && c.Phase == "return" {
			text := c.Result
			if c.Err != nil {
				text += " " + c.Err.Text
			}
			results = append(results, text)
		}
	}
	return results
}

// chats has s chat, and returns the numbers of the two connections.
func (l *lab) chats(s *Session, o ChatOrder) (tcp, socket int) {
	l.Helper()
	c, err := s.Chat(o, l.addr)
	l.ok(err)
	open := func(client string) func(recording.Event) bool {
		return func(e recording.Event) bool {
			b, ok := e.Body.(*recording.TCP)
			return ok && b.What == "open" && b.Info.Client == client && b.Info.As == recording.AsRaw
		}
	}
	closed := func(conn int) func(recording.Event) bool {
		return func(e recording.Event) bool {
			b, ok := e.Body.(*recording.TCP)
			return ok && b.What == "closed" && e.Conn == conn
		}
	}
	tcp = l.await(s, "the chat has a TCP connection", open(c.TCP)).Conn
	l.await(s, "the TCP connection is closed", closed(tcp))
	socket = l.await(s, "the chat has a WebSocket", open(c.Socket)).Conn
	l.await(s, "the WebSocket is closed", closed(socket))
	return tcp, socket
}

func TestTCPLosesTheBordersOfMessagesAndWebSocketKeepsThem(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.grace = testTime
	s := l.session()
	messages := []string{"Hello", "How are you?", "Größe"}
	joined := strings.Join(messages, "")
	for _, split := range []int{0, 4} {
		conn, socket := l.chats(s, ChatOrder{Messages: messages, Split: split})
		if writes := calls(s, conn, wire.Client, "net.Conn.Write"); !slices.Equal(writes, []string{"5 bytes", "12 bytes", "7 bytes"}) {
			t.Errorf("the client's writes are %q", writes)
		}
		reads := calls(s, conn, wire.Server, "net.Conn.Read")
		want := []string{fmt.Sprintf("24 bytes: %q", joined), `0 bytes: "" EOF`}
		if split > 0 {
			want = nil
			for b := []byte(joined); len(b) > 0; b = b[split:] {
				want = append(want, fmt.Sprintf("4 bytes: %q", b[:split]))
			}
			want = append(want, `0 bytes: "" EOF`)
		}
		if !slices.Equal(reads, want) {
			t.Errorf("the server's reads are %q, want %q", reads, want)
		}
		var kinds []string
		var got []string
		frames := map[string]int{}
		events, _ := s.Rec.After(0, math.MaxInt)
		for i, e := range events {
			switch b := e.Body.(type) {
			case *recording.Message:
				if e.Conn == socket && e.From == "client" {
					got = append(got, string(b.Head))
				}
			case *dissect.Frame:
				if e.Conn == socket {
					frames[e.From]++
				}
			case *recording.Bytes:
				if e.Conn == socket && e.From == "client" && i > 0 && b.Head[0] == 0x81 && b.Size != 3*6+24+8 {
					t.Errorf("the server reads %d bytes of frames at once", b.Size)
				}
			}
			if e.Conn == conn && !slices.Contains(kinds, e.Kind()) {
				kinds = append(kinds, e.Kind())
			}
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, []string{"bytes", "call", "tcp"}) {
			t.Errorf("the recording of TCP has %q", kinds)
		}
		if !slices.Equal(got, messages) || frames["client"] != len(messages)+1 || frames["server"] != 1 {
			t.Errorf("WebSocket has the messages %q in the frames %v", got, frames)
		}
		l.until("each ReadMessage has returned", func() bool {
			return len(calls(s, socket, wire.Server, "ReadMessage")) == len(messages)+1
		})
	}
	l.until("nothing is left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.hands) == 0 && len(s.raws) == 0 && s.tasks == 0
	})
}

func TestAChatIsBounded(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for what, o := range map[string]ChatOrder{
		"no message":       {},
		"an empty message": {Messages: []string{"a", ""}},
		"a long message":   {Messages: []string{strings.Repeat("x", maxChatText+1)}},
		"many messages":    {Messages: slices.Repeat([]string{"x"}, maxChat+1)},
		"a negative split": {Messages: []string{"x"}, Split: -1},
		"a large split":    {Messages: []string{"x"}, Split: maxChatRead + 1},
	} {
		var command *CommandError
		if _, err := s.Chat(o, l.addr); !errors.As(err, &command) || command.Fix == "" {
			t.Errorf("%s gives %v", what, err)
		}
	}
	l.chats(s, ChatOrder{Messages: slices.Repeat([]string{strings.Repeat("x", maxChatText)}, maxChat), Split: 1})
	l.end()
	if _, err := s.Chat(ChatOrder{Messages: []string{"late"}}, l.addr); err == nil {
		t.Error("a session that has ended chats")
	}
}

func TestTheCountOfASocketIsThatOfItsBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Session) {
		w, err := s.NewWays(WaysOrder{Rate: 1, Count: 1, Poll: 50, Wait: 100})
		if err != nil {
			t.Fatal(err)
		}
		o := w.recorder(observer{s.Rec.Connect(recording.Info{}, wire.Server), s, &live{}})
		request := "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		response := "HTTP/1.1 101 Switching Protocols\r\n\r\n"
		for _, piece := range []struct {
			d     tap.Direction
			bytes string
		}{
			{tap.In, request[:20]}, {tap.In, request[20:]}, {tap.Out, response},
			{tap.Out, "\x81\x05He"}, {tap.Out, "llo\x89\x04ping"}, {tap.In, "\x81\x82\x00\x00\x00\x00Hi\x88\x82\x00\x00\x00\x00\x03\xe8"},
		} {
			o.Bytes(piece.d, []byte(piece.bytes))
		}
		got := w.State().Ways[3]
		want := WayCount{Way: WaySocket, Requests: 1, Connections: 1, Up: len(request) + 16, UpHeaders: len(request) + 14, Down: len(response) + 13, DownHeaders: len(response) + 8}
		got.conns = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the count is %+v, want %+v", got, want)
		}
	})
}
