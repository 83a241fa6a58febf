package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// The ways to deliver the events of a server to a page.
const (
	WayPoll   = "poll"   // the page asks at intervals
	WayLong   = "long"   // the page asks, and the server answers when it has an event
	WayEvents = "events" // Server-Sent Events
	WaySocket = "socket" // WebSocket
)

// AllWays are the ways in the order in which a page shows them.
var AllWays = []string{WayPoll, WayLong, WayEvents, WaySocket}

// Limits of the ways.
const (
	maxWays      = 8                // runs that a session keeps
	startWithin  = 20 * time.Second // a run that is not started in this time is over
	maxDelivered = 100              // events of a run
)

// WaysOrder says which events a source has, and how a page receives them.
type WaysOrder struct {
	Rate  float64 `json:"rate"`  // events in a second
	Count int     `json:"count"` // events
	Poll  int     `json:"poll"`  // ms between two requests of the page
	Wait  int     `json:"wait"`  // ms that the server keeps a request waiting with WayLong
	Up    int     `json:"up"`    // messages that the page sends in each way
}

func (o WaysOrder) check() error {
	for _, v := range []struct {
		what, unit  string
		value       float64
		least, most float64
	}{
		{"rate", "events per second", o.Rate, 0.2, 20},
		{"count", "events", float64(o.Count), 1, maxDelivered},
		{"poll", "ms between two requests", float64(o.Poll), 50, 60_000},
		{"wait", "ms of waiting", float64(o.Wait), 100, 25_000},
		{"up", "messages of the page", float64(o.Up), 0, 20},
	} {
		if !(v.value >= v.least && v.value <= v.most) { // NaN too
			return &CommandError{fmt.Sprintf("%q is %v %s, which is out of range.", v.what, v.value, v.unit), fmt.Sprintf("Use %v to %v.", v.least, v.most)}
		}
	}
	return nil
}

// Tick is one event of a source.
type Tick struct {
	N  int   `json:"n"`
	At int64 `json:"at"` // µs of the session's clock
}

// Text returns what every way delivers for t.
func (t Tick) Text() []byte { return fmt.Appendf(nil, `{"n":%d,"at":%d}`, t.N, t.At) }

// WayCount counts what one way costs, at the tap.
type WayCount struct {
	Way         string `json:"way"`
	Requests    int    `json:"requests"`
	Connections int    `json:"connections"` // TCP connections
	Up          int    `json:"up"`          // bytes of the client
	Down        int    `json:"down"`        // bytes of the server
	UpHeaders   int    `json:"upHeaders"`   // bytes of Up that are not data: heads of HTTP, framing of chunks, headers of frames, control frames
	DownHeaders int    `json:"downHeaders"`
	Events      int    `json:"events"`   // delivered
	Messages    int    `json:"messages"` // received from the page

	conns map[int]bool
}

// Ways is a run: a source of events, and the four ways in which a page receives them. Its
// methods may be called concurrently.
type Ways struct {
	Run    int
	Client string // name of its WebSocket client
	WaysOrder

	s     *Session
	begin func()          // starts the source, once
	began context.Context // ends when the source starts
	stop  context.CancelFunc

	mu      sync.Mutex // holders take no other lock
	started bool
	over    bool
	ticks   []Tick
	changed chan struct{} // closed by the next event, or by the end
	counts  []*WayCount
}

// NewWays makes a run. Its source begins with Start.
func (s *Session) NewWays(o WaysOrder) (*Ways, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if s.ctx.Err() != nil {
		return nil, errEnded
	}
	if len(s.ways) == maxWays {
		i := slices.IndexFunc(s.ways, (*Ways).Over)
		if i < 0 {
			return nil, &CommandError{fmt.Sprintf("%d runs of this session have not ended.", maxWays), "Stop one of them, or wait until it has ended."}
		}
		delete(s.hands, s.ways[i].Client)
		s.ways = slices.Delete(s.ways, i, i+1)
	}
	s.waysRuns++
	w := &Ways{Run: s.waysRuns, Client: fmt.Sprintf("ways-%d", s.waysRuns), WaysOrder: o, s: s, changed: make(chan struct{})}
	for _, way := range AllWays {
		w.counts = append(w.counts, &WayCount{Way: way, conns: map[int]bool{}})
	}
	w.began, w.begin = context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(s.ctx)
	w.stop = stop
	s.ways = append(s.ways, w)
	s.hands[w.Client] = &hand{recorder: w.recorder, read: w.read, act: w.send}
	s.work.Go(func() { w.tick(ctx) })
	return w, nil
}

// WaysOf returns the run with that number.
func (s *Session) WaysOf(run string) (*Ways, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	n, err := strconv.Atoi(run)
	i := slices.IndexFunc(s.ways, func(w *Ways) bool { return w.Run == n })
	if err != nil || i < 0 {
		return nil, &CommandError{"This session has no run " + cut(run, 40) + " of the four ways.", "Start another run."}
	}
	return s.ways[i], nil
}

// Do starts or stops the source.
func (w *Ways) Do(do string) error {
	switch do {
	case "start":
		if w.Over() {
			return &CommandError{fmt.Sprintf("Run %d is over.", w.Run), "Start another run."}
		}
		w.begin()
	case "stop":
		w.stop()
	default:
		return &CommandError{fmt.Sprintf("%.40q is not a command to a run.", do), `Use "start" or "stop".`}
	}
	return nil
}

// tick is the source.
func (w *Ways) tick(ctx context.Context) {
	defer func() {
		w.stop()
		w.begin() // frees its context
		w.change(func() { w.over = true })
	}()
	unstarted := time.NewTimer(startWithin)
	defer unstarted.Stop()
	select {
	case <-w.began.Done():
	case <-unstarted.C:
		return
	case <-ctx.Done():
		return
	}
	w.change(func() { w.started = true })
	begin := time.Now()
	next := time.NewTimer(0)
	defer next.Stop()
	<-next.C
	for n := 1; n <= w.Count; n++ {
		// Absolute times, so that a late event does not delay those after it.
		next.Reset(time.Until(begin.Add(time.Duration(float64(n) / w.Rate * float64(time.Second)))))
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		at := w.s.Rec.Now().Microseconds()
		w.change(func() { w.ticks = append(w.ticks, Tick{n, at}) })
	}
}

// change calls do, and wakes those who wait for a change.
func (w *Ways) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

// After returns the events after number n, and whether the source is over. changed is
// closed when the answer would be another.
func (w *Ways) After(n int) (ticks []Tick, over bool, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(max(n, 0), len(w.ticks))
	return w.ticks[n:len(w.ticks):len(w.ticks)], w.over, w.changed
}

// Over reports whether the source is over.
func (w *Ways) Over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// Count changes the count of one way.
func (w *Ways) count(way string, do func(*WayCount)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(w.counts[slices.Index(AllWays, way)])
}

// Delivered counts n events that were given to way.
func (w *Ways) Delivered(way string, n int) { w.count(way, func(c *WayCount) { c.Events += n }) }

// Received counts a message of the page.
func (w *Ways) Received(way string) { w.count(way, func(c *WayCount) { c.Messages++ }) }

// WaysState is a run as a page sees it.
type WaysState struct {
	Run int `json:"run"`
	WaysOrder
	Started bool       `json:"started"`
	Over    bool       `json:"over"`
	Ticks   []Tick     `json:"ticks"`
	Ways    []WayCount `json:"ways"`
}

// State returns w as it is now.
func (w *Ways) State() WaysState {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := WaysState{Run: w.Run, WaysOrder: w.WaysOrder, Started: w.started, Over: w.over, Ticks: append([]Tick{}, w.ticks...)}
	for _, c := range w.counts {
		public := *c
		public.conns = nil
		state.Ways = append(state.Ways, public)
	}
	return state
}

// part counts a part of an exchange of HTTP on the connection conn.
func (w *Ways) part(way string, conn int, h *recording.HTTP) {
	w.count(way, func(c *WayCount) {
		if h.What == dissect.PartRequest {
			c.Requests++
			c.connected(conn)
		}
		c.add(h.From, h.Size, h.Framing())
	})
}

func (c *WayCount) connected(conn int) {
	c.conns[conn] = true
	c.Connections = len(c.conns)
}

// add counts size bytes of from, of which headers are not data.
func (c *WayCount) add(from wire.Role, size, headers int) {
	if from == wire.Client {
		c.Up, c.UpHeaders = c.Up+size, c.UpHeaders+headers
	} else {
		c.Down, c.DownHeaders = c.Down+size, c.DownHeaders+headers
	}
}

// recorder returns o, which also counts the bytes of the socket. A held frame counts when
// it reaches the valve.
func (w *Ways) recorder(o observer) tap.Recorder {
	return &countingObserver{observer: o, w: w}
}

type countingObserver struct {
	observer
	w    *Ways
	talk dissect.Conversation // one goroutine at a time calls Bytes
}

func (o *countingObserver) Bytes(d tap.Direction, b []byte) []tap.Unit {
	from := wire.Client
	if d == tap.Out {
		from = wire.Server
	}
	payload, requests := 0, 0
	for _, item := range o.talk.Bytes(from, b, false) {
		switch {
		case item.Frame != nil && item.Frame.Header.Opcode.IsData():
			payload += int(item.Frame.Header.Length)
		case item.Handshake != nil && from == wire.Client:
			requests++
		}
	}
	o.w.count(WaySocket, func(c *WayCount) {
		c.Requests += requests
		c.connected(o.Connection.ID)
		c.add(from, len(b), len(b)-payload)
	})
	return o.observer.Bytes(d, b)
}

// send sends each event by the socket. It returns after the last.
func (w *Ways) send(ctx context.Context, a scenario.Actor) {
	for sent := 0; ctx.Err() == nil; {
		ticks, over, changed := w.After(sent)
		for _, t := range ticks {
			if a.Send(wire.Text, t.Text()) != nil {
				return
			}
			w.Delivered(WaySocket, 1)
		}
		if sent += len(ticks); len(ticks) > 0 {
			continue
		}
		if over {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// read reads the messages of the page by the socket.
func (w *Ways) read(a scenario.Actor, _ *tap.Conn) {
	for a.Read(0) == nil {
		w.Received(WaySocket)
	}
}
