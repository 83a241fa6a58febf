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

// clientRun is one run of test cases against a client, which connects once for each case.
// The address of a connection has the number of its case, from 1, so the page knows which
// case a socket is for. Only one goroutine uses a clientRun.
type clientRun struct {
	j      *judging
	cases  []*suite.Case
	target suite.ClientTarget
	tells  bool                 // the page reports the events of its sockets
	rec    *recording.Recording // recording of the only case; nil if no case is recorded

	state   []progress // of each case
	again   bool       // cases that timed out run a second time, one at a time
	reports []suite.Report
	waiting []*begun // connections that wait for their turn, at most maxWaiting
	running int
	alone   bool // the case in progress must run alone
	results chan played
}

// progress is the state of a case.
type progress uint8

const (
	due progress = iota
	runs
	isOver
)

// played is the result of a case.
type played struct {
	i int
	r suite.Report
}

// scriptWait is how long a report waits for the events of its socket.
const scriptWait = 5 * time.Second

// play runs the cases and adds each report to j. A heavy case runs alone: a page has one
// thread for all its WebSockets, so while the page echoes megabytes, it does not react to
// other cases. A case that timed out runs again at the end, alone, because another case
// may have delayed it.
func (c *clientRun) play() ending {
	c.state = make([]progress, len(c.cases))
	c.reports = make([]suite.Report, len(c.cases))
	c.results = make(chan played)
	left := len(c.cases)
	var late []int // cases that timed out and have no report yet
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
				why = fmt.Sprintf("The client opened no connection for %v.", clientWait)
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
	for _, i := range late { // the case did not run a second time
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

// begin starts the cases of the connections whose turn it is.
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

// note records the events of the page's socket.
func (c *clientRun) note(r suite.Report) {
	if c.rec == nil {
		return
	}
	for _, s := range r.Script {
		c.rec.Append(len(c.rec.Connections()), "client", &s)
	}
}

// caseOf returns the index of the case for the connection called number. A connection
// without a number gets the first case that has not run. For a case that has run, caseOf
// returns -1, so a client that reconnects does not use up another case.
func (c *clientRun) caseOf(number int) int {
	switch i := number - 1; {
	case i < 0:
		return slices.Index(c.state, due)
	case i < len(c.state) && c.state[i] == due:
		return i
	}
	return -1
}

// told holds the events that the page reports of a socket.
type told struct {
	events []recording.Script
	there  chan struct{} // closed when events is set
}

// of returns the entry for the socket called number. The caller holds j.mu.
func (j *judging) of(number int) *told {
	if j.scripts == nil {
		j.scripts = map[int]*told{}
	}
	if j.scripts[number] == nil {
		j.scripts[number] = &told{there: make(chan struct{})}
	}
	return j.scripts[number]
}

// forget drops the events of these sockets.
func (j *judging) forget(numbers []int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range numbers {
		delete(j.scripts, n)
	}
}

// script returns the events of the socket called number. It waits for them, at most for
// scriptWait.
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

// Limits of the report about one socket: its events, and the bytes of a text.
const (
	maxScript = 40
	maxReason = 200
)

// scriptAsk holds the events of one of the page's sockets.
type scriptAsk struct {
	Number int                `json:"number"`
	Events []recording.Script `json:"events"`
}

// judgeScript receives the events of one of the page's sockets.
func (s *Server) judgeScript(_ *http.Request, j *judging, ask scriptAsk) (any, error) {
	kinds := []string{"onopen", "onmessage", "onerror", "onclose", "threw"}
	for i := range ask.Events {
		e := &ask.Events[i]
		if !slices.Contains(kinds, e.What) || len(e.Reason) > maxReason || len(e.Text) > maxReason {
			return nil, invalid(fmt.Sprintf("%.40q is not an event of a WebSocket, or its text is too long.", e.What), fmt.Sprintf("Use onopen, onmessage, onerror, onclose or threw, and at most %d bytes of text.", maxReason))
		}
		e.Client = cmp.Or(e.Client, "page")
	}
	if j.conns == nil || ask.Number < 1 || ask.Number > len(suite.All()) || len(ask.Events) > maxScript {
		return nil, invalid("This run has no such socket, or the request has too many events.", fmt.Sprintf("Send the number of a socket of this run, and at most %d events.", maxScript))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.of(ask.Number); t.events == nil {
		t.events = append([]recording.Script{}, ask.Events...)
		close(t.there)
	}
	return nothing{}, nil
}

// lead opens an address for a redirect on the socket called number. A browser must not
// follow the redirect.
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

// judgeRedirected serves the targets of redirects.
func (s *Server) judgeRedirected(w http.ResponseWriter, r *http.Request) {
	j := s.judgings.get(r.PathValue("id"))
	var conns chan net.Conn
	if j != nil {
		j.mu.Lock()
		conns = j.led[r.PathValue("n")]
		j.mu.Unlock()
	}
	if conns == nil {
		http.Error(w, "404 No test case redirects to this address.", http.StatusNotFound)
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
	case <-time.After(scriptWait): // the case has ended
		conn.Close()
	}
}

// judgeSocket passes the connection of a client under test to its run, which answers the
// opening handshake, correctly or not. Each case has its own address, because a client
// may wait before it connects again to an address that refused it (RFC 6455 §7.2.3).
func (s *Server) judgeSocket(w http.ResponseWriter, r *http.Request) {
	j := s.judgings.get(r.PathValue("id"))
	if j == nil || j.conns == nil || j.ctx.Err() != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, "404 There is no run that tests a client at this address. It may have ended. Start another run.", http.StatusNotFound)
		return
	}
	if j.waiting.Add(1) > maxWaiting {
		j.waiting.Add(-1)
		w.Header().Set("Connection", "close")
		http.Error(w, fmt.Sprintf("503 This run has its limit of %d waiting connections. Open another connection after one of them has closed.", maxWaiting), http.StatusServiceUnavailable)
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
