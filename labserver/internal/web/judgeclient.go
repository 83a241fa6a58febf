package web

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite"
)

// clientRun is one run of cases against the client whose connections come by
// j.conns. Each connection has the number of its case, from 1 on, so that the page
// knows which case a socket of its is for. One goroutine uses it.
type clientRun struct {
	j      *judging
	cases  []*suite.Case
	target suite.ClientTarget
	tells  bool                 // the page says what JavaScript was told
	rec    *recording.Recording // of the one case that is recorded; nil: none is

	state   []progress // of each case
	again   bool       // the cases that ran out of time are played once more, one at a time
	reports []suite.Report
	waiting []*begun // connections whose turn has not come, maxWaiting at most
	running int
	alone   bool // what runs must have no other beside it
	results chan played
}

// progress says what has become of a case.
type progress uint8

const (
	due progress = iota
	runs
	isOver
)

// played is what a case has come to.
type played struct {
	i int
	r suite.Report
}

// scriptWait is how long a report waits for what the page has to say of it.
const scriptWait = 5 * time.Second

// play plays the cases and tells j of each report. A heavy one is played alone: a
// page has one thread for all its WebSockets, and while that echoes megabytes,
// what else it is asked would seem to be ignored. A case that ran out of time is
// played once more at the end, alone, before it is told: what a neighbor did to
// the client is not held against it.
func (c *clientRun) play() ending {
	c.state = make([]progress, len(c.cases))
	c.reports = make([]suite.Report, len(c.cases))
	c.results = make(chan played)
	left := len(c.cases)
	var late []int // cases that ran out of time, and are not told yet
	idle := time.NewTimer(clientWait)
	defer idle.Stop()
	why := ""
	for left > 0 && why == "" {
		select {
		case conn := <-c.j.conns:
			c.waiting = append(c.waiting, conn)
		case p := <-c.results:
			c.running--
			c.alone = false
			c.state[p.i] = isOver
			c.reports[p.i] = p.r
			left--
			if p.r.Lacks() != "" && !c.again && len(c.cases) > 1 {
				late = append(late, p.i)
			} else {
				c.j.report(p.r)
			}
			if left == 0 && len(late) > 0 && !c.again {
				c.again = true
				c.target.Patience = 2
				slices.Sort(late)
				numbers := make([]int, len(late))
				for n, i := range late {
					c.state[i], numbers[n] = due, i+1
				}
				left = len(late)
				c.j.forget(numbers)
				c.j.tell(map[string]any{"repeat": numbers})
			}
			if c.again {
				late = slices.DeleteFunc(late, func(i int) bool { return c.state[i] == isOver })
			}
		case <-idle.C:
			if c.running == 0 {
				why = fmt.Sprintf("No further connection has come for %v.", clientWait)
			}
		case <-c.j.ctx.Done():
			why = whyEnded(c.j.ctx)
		}
		c.begin()
		idle.Reset(clientWait)
	}
	for _, conn := range c.waiting {
		c.j.waiting.Add(-1)
		conn.Close()
	}
	for ; c.running > 0; c.running-- {
		p := <-c.results
		if c.j.ctx.Err() == nil {
			c.reports[p.i] = p.r
			c.j.report(p.r)
			late = slices.DeleteFunc(late, func(i int) bool { return i == p.i })
		}
	}
	for _, i := range late { // they were to be played once more, and were not
		c.j.report(c.reports[i])
	}
	reports := slices.DeleteFunc(c.reports, func(r suite.Report) bool { return r.Case == nil })
	end := ending{Mistakes: suite.DiagnoseAll(reports), Habits: suite.Habits(reports), Error: why}
	if c.rec != nil && len(reports) == 1 {
		aligned := suite.Align(c.cases[0], reports)
		end.Aligned, end.Text, end.Crossed = &aligned, reports[0].Letter(), reports[0].Transcript()
	}
	return end
}

// begin begins the cases of those connections whose turn has come.
func (c *clientRun) begin() {
	for len(c.waiting) > 0 && !c.alone && (c.running == 0 || !c.again) {
		i := c.caseOf(c.waiting[0].number)
		if i >= 0 && c.cases[i].Heavy && c.running > 0 {
			return
		}
		conn := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.j.waiting.Add(-1)
		if i < 0 {
			conn.Close()
			continue
		}
		c.state[i] = runs
		c.running++
		c.alone = c.cases[i].Heavy
		target := c.target
		target.Accept = func(context.Context) (net.Conn, error) { return conn, nil }
		target.Elsewhere = func(net.Conn) (string, <-chan net.Conn, func(), error) { return c.j.lead(conn.number) }
		go func() {
			r := suite.RunClient(c.j.ctx, c.cases[i], target, c.rec)
			if c.tells {
				r.Script = c.j.script(conn.number)
			}
			c.note(r)
			c.results <- played{i, r}
		}()
	}
}

// note adds what JavaScript was told to the recording, beside the wire.
func (c *clientRun) note(r suite.Report) {
	if c.rec == nil {
		return
	}
	for _, s := range r.Script {
		c.rec.Append(len(c.rec.Connections()), "client", &s)
	}
}

// caseOf returns the index of the case that the connection called number is for,
// which is the first that has not been played where it has no number. It returns
// -1 for none: a client that comes back to a case that is over takes no other's
// turn.
func (c *clientRun) caseOf(number int) int {
	switch i := number - 1; {
	case i < 0:
		return slices.Index(c.state, due)
	case i < len(c.state) && c.state[i] == due:
		return i
	}
	return -1
}

// told is what the page says that JavaScript was told of a socket.
type told struct {
	events []recording.Script
	there  chan struct{} // closed when events is there
}

// of returns what is known of the socket called number. j.mu is held.
func (j *judging) of(number int) *told {
	if j.scripts == nil {
		j.scripts = map[int]*told{}
	}
	if j.scripts[number] == nil {
		j.scripts[number] = &told{there: make(chan struct{})}
	}
	return j.scripts[number]
}

// forget forgets what JavaScript was told of these sockets.
func (j *judging) forget(numbers []int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range numbers {
		delete(j.scripts, n)
	}
}

// script returns what JavaScript was told of the socket called number, and waits
// a while for it.
func (j *judging) script(number int) []recording.Script {
	j.mu.Lock()
	t := j.of(number)
	j.mu.Unlock()
	wait := time.NewTimer(scriptWait)
	defer wait.Stop()
	select {
	case <-t.there:
		return t.events
	case <-wait.C:
	case <-j.ctx.Done():
	}
	return nil
}

// The most that a page may say of one socket.
const (
	maxScript = 40
	maxReason = 200
)

// scriptAsk are the events that the page's JavaScript got of a socket.
type scriptAsk struct {
	Number int                `json:"number"`
	Events []recording.Script `json:"events"`
}

// judgeScript takes what the page's JavaScript was told of a socket.
func (s *Server) judgeScript(_ *http.Request, j *judging, ask scriptAsk) (any, error) {
	kinds := []string{"onopen", "onmessage", "onerror", "onclose", "threw"}
	for i := range ask.Events {
		e := &ask.Events[i]
		if !slices.Contains(kinds, e.What) || len(e.Reason) > maxReason || len(e.Text) > maxReason {
			return nil, invalid(fmt.Sprintf("%.40q is not an event of a WebSocket, or is too long.", e.What), "The events are onopen, onmessage, onerror, onclose and threw.")
		}
		e.Client = cmp.Or(e.Client, "page")
	}
	if j.conns == nil || ask.Number < 1 || ask.Number > len(suite.All()) || len(ask.Events) > maxScript {
		return nil, invalid("This run does not ask for the events of that socket, or they are too many.", "")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.of(ask.Number); t.events == nil {
		t.events = append([]recording.Script{}, ask.Events...)
		close(t.there)
	}
	return nothing{}, nil
}

// lead opens an address for a redirect on the socket called number, at which the
// client must not be seen.
func (j *judging) lead(number int) (location string, asked <-chan net.Conn, stop func(), err error) {
	name := fmt.Sprint(number)
	conns := make(chan net.Conn)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.led == nil {
		j.led = map[string]chan net.Conn{}
	}
	j.led[name] = conns
	return "/ws/judge/" + j.ID + "/" + name + "/redirected", conns, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.led, name)
	}, nil
}

// judgeRedirected is where a redirect of the judge's leads.
func (s *Server) judgeRedirected(w http.ResponseWriter, r *http.Request) {
	j := s.judgings.get(r.PathValue("id"))
	var conns chan net.Conn
	if j != nil {
		j.mu.Lock()
		conns = j.led[r.PathValue("n")]
		j.mu.Unlock()
	}
	if conns == nil {
		http.Error(w, "404 No case leads here.", http.StatusNotFound)
		return
	}
	conn := takeOver(w, r)
	if conn == nil {
		return
	}
	select {
	case conns <- conn:
	case <-j.ctx.Done():
		conn.Close()
	case <-time.After(scriptWait): // the case is over
		conn.Close()
	}
}

// judgeSocket hands the connection of a client that is judged to its run, from
// its first byte on: the run answers the handshake, rightly or wrongly. Each has
// an address of its own, the run's with the number of its case: a client that
// was refused at one may leave it alone for a while (RFC 6455 §7.2.3).
func (s *Server) judgeSocket(w http.ResponseWriter, r *http.Request) {
	j := s.judgings.get(r.PathValue("id"))
	if j == nil || j.conns == nil || j.ctx.Err() != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, "404 There is no run of that name that judges a client, or it is over.", http.StatusNotFound)
		return
	}
	if j.waiting.Add(1) > maxWaiting {
		j.waiting.Add(-1)
		w.Header().Set("Connection", "close")
		http.Error(w, fmt.Sprintf("503 %d connections of this run wait for their turn, which is the most that may. Open another when one of them has ended.", maxWaiting), http.StatusServiceUnavailable)
		return
	}
	conn := takeOver(w, r)
	if conn == nil {
		j.waiting.Add(-1)
		return
	}
	conn.number, _ = strconv.Atoi(r.PathValue("n"))
	select {
	case j.conns <- conn:
	case <-j.ctx.Done():
		j.waiting.Add(-1)
		conn.Close()
	}
}
