package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	learners      = 300
	framesOfEach  = 8
	looksAt       = 250 * time.Millisecond // how long a learner looks at a frame
	classroomTime = 2 * time.Minute        // bounds the whole, which takes some seconds
	classroomRSS  = 1 << 30
)

// classroomPlay is a scenario. Its run waits for the learner after the handshake.
const classroomPlay = "# Hello\nopen\nsend text Hello\nread 1\nclose 1000 bye\nread eof\n"

// heard is an event that a learner waits for.
type heard struct {
	From  string
	Frame *struct{ Text string }
	Step  *struct{ Phase, Error string }
}

// learner does what a page does.
type learner struct {
	ctx    context.Context
	client *http.Client
	base   string // of the session
	events chan heard
	times  []time.Duration // from the write of a frame to its event in the stream
}

// post sends v and returns the answer.
func (l *learner) post(url string, v any) (answer map[string]any, err error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(l.ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s is answered with %d %v (%v)", url, response.StatusCode, answer["error"], err)
	}
	return answer, nil
}

// follow reads the stream of events until it ends.
func (l *learner) follow(response *http.Response) {
	defer close(l.events)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: [")
		if !ok {
			continue
		}
		var events []heard
		if json.Unmarshal([]byte("["+data), &events) != nil {
			return
		}
		for _, e := range events {
			if e.Frame == nil && e.Step == nil {
				continue
			}
			select {
			case l.events <- e:
			case <-l.ctx.Done():
				return
			}
		}
	}
}

// until waits for an event.
func (l *learner) until(what string, is func(heard) bool) (heard, error) {
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				return e, fmt.Errorf("the stream has ended before %s", what)
			}
			if is(e) {
				return e, nil
			}
		case <-l.ctx.Done():
			return heard{}, fmt.Errorf("%s did not come in %v", what, classroomTime)
		}
	}
}

// attend opens all that a learner has open and calls seated. When begins is closed, it waits
// for late and then speaks.
func (l *learner) attend(home string, seated func(), begins <-chan struct{}, late time.Duration) error {
	answer, err := l.post(home+"/api/sessions", struct{}{})
	if err != nil {
		return err
	}
	id, _ := answer["session"].(string)
	l.base = home + "/api/sessions/" + id
	r, err := http.NewRequestWithContext(l.ctx, "GET", l.base+"/events", nil)
	if err != nil {
		return err
	}
	response, err := l.client.Do(r)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return fmt.Errorf("the stream is answered with %d", response.StatusCode)
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer response.Body.Close()
	reading.Go(func() { l.follow(response) })

	var conns []*websocket.Conn
	for _, name := range []string{"reference", "gorilla"} {
		dialer := websocket.Dialer{HandshakeTimeout: classroomTime}
		conn, _, err := dialer.DialContext(l.ctx, strings.Replace(home, "http", "ws", 1)+"/ws/"+name+"?client="+name+"&session="+id, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer conn.Close()
		deadline, _ := l.ctx.Deadline()
		conn.SetReadDeadline(deadline)
		conns = append(conns, conn)
	}
	answer, err = l.post(l.base+"/plays", map[string]any{"text": classroomPlay, "endpoint": "reference", "as": "raw", "pause": 1})
	if err != nil {
		return err
	}
	play := answer["play"]
	if _, err := l.until("the play that waits", func(e heard) bool { return e.Step != nil && e.Step.Phase == "ready" }); err != nil {
		return err
	}
	seated()
	select {
	case <-begins:
	case <-l.ctx.Done():
		return errors.New("not all were seated in time")
	}
	time.Sleep(late) // learners do not press at the same moment
	for n := range framesOfEach {
		conn := conns[n%2]
		text := fmt.Sprint("frame ", n)
		began := time.Now()
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return err
		}
		if _, err := l.until(text, func(e heard) bool { return e.From == "client" && e.Frame != nil && e.Frame.Text == text }); err != nil {
			return err
		}
		l.times = append(l.times, time.Since(began))
		if _, b, err := conn.ReadMessage(); err != nil || string(b) != text {
			return fmt.Errorf("the echo is %q, %v", b, err)
		}
		time.Sleep(looksAt)
	}
	if _, err := l.post(fmt.Sprint(l.base, "/plays/", play), map[string]any{"do": "run"}); err != nil {
		return err
	}
	end, err := l.until("the end of the play", func(e heard) bool { return e.Step != nil && e.Step.Phase == "over" })
	if err == nil && end.Step.Error != "" {
		err = fmt.Errorf("the play ended early: %s", end.Step.Error)
	}
	return err
}

// resident returns the resident memory of a process in bytes: now ("VmRSS:"), or its
// maximum ("VmHWM:"). It returns 0 if this is not Linux.
func resident(pid int, which string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == which {
			kib, _ := strconv.Atoi(f[1])
			return kib << 10
		}
	}
	return 0
}

// TestAClassroom has 300 learners at once in one lab server, each with a stream, two
// connections, and a run in progress. It prints the time from a frame to its event. That
// time depends on the computer, so it is never a failure.
func TestAClassroom(t *testing.T) {
	if testing.Short() {
		t.Skip("300 learners take some seconds, and -short was given")
	}
	p := launch(t, t.TempDir(), "-addr", "127.0.0.1:0")
	home := "http://" + p.addr
	ctx, cancel := context.WithTimeout(t.Context(), classroomTime)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	class := make([]*learner, learners)
	begins := make(chan struct{})
	var seated, work sync.WaitGroup
	seated.Add(learners)
	var mu sync.Mutex
	var failures []string
	began := time.Now()
	for i := range class {
		l := &learner{ctx: ctx, client: &http.Client{Transport: transport}, events: make(chan heard, 100)}
		class[i] = l
		work.Go(func() {
			sits := sync.OnceFunc(seated.Done)
			defer sits()
			if err := l.attend(home, sits, begins, looksAt*time.Duration(i)/learners); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, fmt.Sprintf("learner %d: %v", i, err))
			}
		})
	}
	seated.Wait()
	t.Logf("%d learners are ready after %v", learners, time.Since(began).Round(time.Millisecond))
	close(begins)
	work.Wait()
	if len(failures) > 0 {
		t.Errorf("%d learners were refused or failed, for instance: %s", len(failures), strings.Join(failures[:min(3, len(failures))], "; "))
	}
	var times []time.Duration
	for _, l := range class {
		times = append(times, l.times...)
	}
	slices.Sort(times)
	if len(times) == 0 {
		t.Fatal("no frame arrived")
	}
	rss := resident(p.cmd.Process.Pid, "VmHWM:")
	t.Logf("%d frames, to their events: median %v, 99th percentile %v; at most %d MiB resident; %d refused",
		len(times), times[len(times)/2], times[len(times)*99/100], rss>>20, len(failures))
	if rss > classroomRSS {
		t.Errorf("the lab server took %d MiB", rss>>20)
	}
	if _, err := p.interrupt(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.stderr)
	}
}
