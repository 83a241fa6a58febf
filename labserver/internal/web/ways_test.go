package web

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	gorilla "github.com/gorilla/websocket"

	"wslab/compare/recording"
	"wslab/labserver/internal/session"
)

// passed is a TCP connection that went through a proxy.
type passed struct {
	mu       sync.Mutex
	up, down bytes.Buffer
}

// bytesOf returns the bytes of both directions so far.
func (p *passed) bytesOf() (up, down []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.up.Bytes()), bytes.Clone(p.down.Bytes())
}

// proxy passes TCP on to a lab server and keeps all bytes. It is the second count of
// these tests, so it must not use the tap or package dissect.
type proxy struct {
	address string
	mu      sync.Mutex
	conns   []*passed
}

func (s *site) proxy() *proxy {
	s.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.ok(err)
	p := &proxy{address: l.Addr().String()}
	var open []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", s.address)
			if err != nil {
				client.Close()
				continue
			}
			c := &passed{}
			p.mu.Lock()
			p.conns = append(p.conns, c)
			open = append(open, client, server)
			p.mu.Unlock()
			pass := func(to, from net.Conn, kept *bytes.Buffer) {
				b := make([]byte, 32<<10)
				for {
					n, err := from.Read(b)
					c.mu.Lock()
					kept.Write(b[:n])
					c.mu.Unlock()
					if n > 0 {
						if _, failed := to.Write(b[:n]); failed != nil {
							err = failed
						}
					}
					if err != nil {
						to.(*net.TCPConn).CloseWrite()
						return
					}
				}
			}
			running.Go(func() { pass(server, client, &c.up) })
			running.Go(func() { pass(client, server, &c.down) })
		}
	})
	s.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for _, c := range open {
			c.Close()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

// counted reads from all, and knows how much of it is read.
type counted struct {
	*bufio.Reader
	left *bytes.Reader
	size int
}

func newCounted(b []byte) *counted {
	left := bytes.NewReader(b)
	return &counted{bufio.NewReader(left), left, len(b)}
}

// at returns how many bytes are read.
func (c *counted) at() int { return c.size - c.left.Len() - c.Buffered() }

// count counts the ways of run by net/http.
func (p *proxy) count(t testing.TB, base, socket string) map[string]session.WayCount {
	t.Helper()
	counts := map[string]session.WayCount{}
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, conn := range conns {
		up, down := conn.bytesOf()
		requests, responses := newCounted(up), newCounted(down)
		used := map[string]bool{}
		for {
			upAt, downAt := requests.at(), responses.at()
			r, err := http.ReadRequest(requests.Reader)
			if err != nil {
				break
			}
			if strings.HasPrefix(r.RequestURI, socket) {
				c := counts[session.WaySocket]
				c.Requests++
				c.Connections++
				c.Up += len(up)
				c.Down += len(down)
				counts[session.WaySocket] = c
				break
			}
			sent, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Errorf("the request %s: %v", r.RequestURI, err)
			}
			response, err := http.ReadResponse(responses.Reader, r)
			if err != nil {
				t.Errorf("the response to %s: %v", r.RequestURI, err)
				break
			}
			got, err := io.Copy(io.Discard, response.Body)
			if err != nil {
				t.Errorf("the response to %s: %v", r.RequestURI, err)
			}
			way, ours := strings.CutPrefix(r.RequestURI, base)
			way, _, _ = strings.Cut(way, "?")
			if !ours {
				continue
			}
			c := counts[way]
			c.Requests++
			if !used[way] {
				c.Connections++
			}
			used[way] = true
			c.Up += requests.at() - upAt
			c.Down += responses.at() - downAt
			c.UpHeaders += requests.at() - upAt - int(sent)
			c.DownHeaders += responses.at() - downAt - int(got)
			counts[way] = c
		}
	}
	return counts
}

// agree waits until the lab server's count of a run is that of p. The count of a socket
// has no headers, because net/http does not know frames: payload is what its client sent
// and received.
func (p *proxy) agree(s *site, sess *session.Session, made map[string]any, up, down int) {
	s.Helper()
	run := fmt.Sprint(made["run"])
	base := strings.TrimSuffix(made["poll"].(string), "poll")
	var want, got map[string]session.WayCount
	deadline := time.Now().Add(patience / 2)
	for {
		want = p.count(s, base, made["socket"].(string))
		c := want[session.WaySocket]
		c.UpHeaders, c.DownHeaders = c.Up-up, c.Down-down
		want[session.WaySocket] = c
		w, err := sess.WaysOf(run)
		s.ok(err)
		got = map[string]session.WayCount{}
		same := true
		for _, c := range w.State().Ways {
			public := session.WayCount{Requests: c.Requests, Connections: c.Connections, Up: c.Up, Down: c.Down, UpHeaders: c.UpHeaders, DownHeaders: c.DownHeaders}
			got[c.Way] = public
			same = same && fmt.Sprint(public) == fmt.Sprint(want[c.Way])
		}
		if same {
			break
		}
		if time.Now().After(deadline) {
			for way := range got {
				s.Errorf("%s: the tap counts %+v, the proxy %+v", way, got[way], want[way])
			}
			s.Logf("%s", text(sess))
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	for way, c := range want {
		if c.Requests == 0 || c.Down <= c.DownHeaders || c.Up == 0 {
			s.Errorf("%s is not used: %+v", way, c)
		}
		s.Logf("%-7s %+v", way, c)
	}
	// The recorded parts have the same bytes.
	sums := map[string][2]int{}
	whole := map[int]*[2]int{}
	events, _ := sess.Rec.After(0, math.MaxInt)
	for _, e := range events {
		h, ok := e.Body.(*recording.HTTP)
		if !ok || fmt.Sprint(h.Run) != run {
			continue
		}
		if whole[h.Exchange] == nil {
			whole[h.Exchange] = &[2]int{}
		}
		sum := sums[h.Way]
		sum[h.From] += h.Size
		sums[h.Way] = sum
		whole[h.Exchange][h.From] += h.Size
		if h.Total != nil && *whole[h.Exchange] != [2]int{h.Total.Up, h.Total.Down} {
			s.Errorf("exchange %d has parts of %v bytes, and the total %+v", h.Exchange, *whole[h.Exchange], *h.Total)
		}
	}
	for way, sum := range sums {
		if sum[0]+sum[1] != want[way].Up+want[way].Down {
			s.Errorf("%s: the recorded parts have %v bytes, the proxy %+v", way, sum, want[way])
		}
	}
}

// ways makes a run.
func (s *site) ways(sess *session.Session, o session.WaysOrder) map[string]any {
	s.Helper()
	return s.post("/api/sessions/"+sess.ID+"/ways", o)
}

func (s *site) startWays(sess *session.Session, made map[string]any) {
	s.Helper()
	s.post(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]), map[string]string{"do": "start"})
}

// receive receives the events of a run in all four ways by a Go client, and sends
// messages, through the server at address. It returns the payload of the socket.
func (s *site) receive(address string, made map[string]any, o session.WaysOrder) (up, down int) {
	s.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func(method, path, body string) (*http.Response, []byte) {
		r, err := http.NewRequestWithContext(s.ctx, method, "http://"+address+path, strings.NewReader(body))
		s.ok(err)
		response, err := client.Do(r)
		s.ok(err)
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		s.ok(err)
		return response, b
	}
	say := func(way string, n int) { // a message after event n
		if n > o.Up {
			return
		}
		if response, b := ask("POST", made[way].(string), fmt.Sprintf("message %d", n)); response.StatusCode != 204 {
			s.Errorf("a message by %s is answered with %d %s", way, response.StatusCode, b)
		}
	}
	var running sync.WaitGroup
	for _, way := range []string{session.WayPoll, session.WayLong} {
		running.Go(func() {
			for got := 0; got < o.Count; {
				response, b := ask("GET", fmt.Sprintf("%s?after=%d", made[way], got), "")
				var ticks []session.Tick
				switch response.StatusCode {
				case 200:
					if err := json.Unmarshal(b, &ticks); err != nil || len(ticks) == 0 || ticks[0].N != got+1 {
						s.Errorf("after %d, %s gives %s", got, way, b)
						return
					}
				case 204:
				default:
					s.Errorf("%s is answered with %d %s", way, response.StatusCode, b)
					return
				}
				got += len(ticks)
				for _, tick := range ticks {
					say(way, tick.N)
				}
				if way == session.WayPoll {
					time.Sleep(time.Duration(o.Poll) * time.Millisecond)
				}
			}
		})
	}
	running.Go(func() {
		r, err := http.NewRequestWithContext(s.ctx, "GET", "http://"+address+made[session.WayEvents].(string), nil)
		s.ok(err)
		response, err := client.Do(r)
		s.ok(err)
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		got := 0
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var tick session.Tick
				s.ok(json.Unmarshal([]byte(data), &tick))
				if got++; tick.N != got {
					s.Errorf("event %d of the stream is %s", got, data)
				}
				say(session.WayEvents, got)
			}
		}
		if got != o.Count {
			s.Errorf("the stream has %d events", got)
		}
	})
	running.Go(func() {
		c, _, err := gorilla.DefaultDialer.DialContext(s.ctx, "ws://"+address+made[session.WaySocket].(string), nil)
		s.ok(err)
		defer c.Close()
		for got := 1; ; got++ {
			_, b, err := c.ReadMessage()
			if err != nil {
				if !gorilla.IsCloseError(err, 1000) || got != o.Count+1 {
					s.Errorf("the socket ends after %d events with %v", got-1, err)
				}
				return
			}
			down += len(b)
			if got <= o.Up {
				text := fmt.Appendf(nil, "message %d", got)
				s.ok(c.WriteMessage(gorilla.TextMessage, text))
				up += len(text)
			}
		}
	})
	running.Wait()
	return up, down
}

func TestTheCountsOfTheFourWaysAreThoseOfAProxy(t *testing.T) {
	s := start(t)
	p := s.proxy()
	sess := s.session()
	for _, o := range []session.WaysOrder{
		{Rate: 20, Count: 1, Poll: 50, Wait: 1000},
		{Rate: 20, Count: 20, Poll: 120, Wait: 100, Up: 5},
		{Rate: 20, Count: 12, Poll: 60, Wait: 25000, Up: 1},
	} {
		made := s.ways(sess, o)
		s.startWays(sess, made)
		up, down := s.receive(p.address, made, o)
		p.agree(s, sess, made, up, down)
		state := s.waysState(sess, made)
		if !state.Over || len(state.Ticks) != o.Count {
			t.Errorf("the source has %d events, over=%v", len(state.Ticks), state.Over)
		}
		for _, c := range state.Ways {
			if c.Events != o.Count || c.Messages != o.Up {
				t.Errorf("%s: %d events and %d messages", c.Way, c.Events, c.Messages)
			}
		}
	}
}

func (s *site) waysState(sess *session.Session, made map[string]any) session.WaysState {
	s.Helper()
	_, body := s.get(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]))
	var state session.WaysState
	s.ok(json.Unmarshal([]byte(body), &state))
	return state
}

// browser starts Chromium with a tab, until leave or the end of the test.
func (s *site) browser() (ctx context.Context, leave func()) {
	s.Helper()
	path, err := exec.LookPath(cmp.Or(os.Getenv("WSLAB_CHROMIUM"), "chromium"))
	if err != nil && os.Getenv("CI") != "" {
		s.Fatal("no Chromium was found, and in CI the browser tests must run")
	} else if err != nil {
		s.Skip("no Chromium was found; install one, or name it with WSLAB_CHROMIUM")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-gpu", true))
	ctx, cancel := chromedp.NewExecAllocator(s.ctx, flags...)
	s.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	s.Cleanup(cancel)
	return ctx, cancel
}

// TestTheCountsHoldForABrowser has Chromium as the client. The browser uses the same TCP
// connections for its page, its API requests and the ways.
func TestTheCountsHoldForABrowser(t *testing.T) {
	s := start(t)
	ctx, _ := s.browser()
	p := s.proxy()
	sess := s.session()
	o := session.WaysOrder{Rate: 20, Count: 10, Poll: 80, Wait: 120, Up: 2}
	made := s.ways(sess, o)
	plan, err := json.Marshal(map[string]any{"made": made, "order": o, "steer": fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"])})
	s.ok(err)
	s.ok(chromedp.Do(ctx, chromedp.Navigate("http://"+p.address+"/rules")))
	got, err := chromedp.Run(ctx, chromedp.Evaluate[struct{ Poll, Long, Events, Socket, Up, Down int }](fmt.Sprintf(browserWays, plan), chromedp.EvalAwaitPromise))
	s.ok(err)
	if got.Poll != o.Count || got.Long != o.Count || got.Events != o.Count || got.Socket != o.Count {
		t.Errorf("the browser received %+v", got)
	}
	p.agree(s, sess, made, got.Up, got.Down)
	for _, c := range s.waysState(sess, made).Ways {
		if c.Events != o.Count || c.Messages != o.Up {
			t.Errorf("%s: %d events and %d messages", c.Way, c.Events, c.Messages)
		}
	}
	if log := text(sess); strings.Contains(log, "/rules") || !strings.Contains(log, "User-Agent: Mozilla") {
		t.Error("the recording does not have just the requests of the ways")
	}
}

// browserWays receives all events in a page. %s is its plan.
const browserWays = `(async () => {
	const { made, order, steer } = %s;
	const got = { Poll: 0, Long: 0, Events: 0, Socket: 0, Up: 0, Down: 0 };
	const say = (way, n) => n <= order.up && fetch(made[way], { method: "POST", body: "message " + n });
	const ask = async (way, name, pause) => {
		const said = [];
		while (got[name] < order.count) {
			const response = await fetch(made[way] + "?after=" + got[name]);
			if (response.status === 200) for (const { n } of await response.json()) {
				got[name]++;
				said.push(say(way, n));
			}
			await new Promise((next) => setTimeout(next, pause));
		}
		await Promise.all(said);
	};
	const stream = new Promise((done) => {
		const said = [];
		const source = new EventSource(made.events);
		source.onmessage = (e) => {
			said.push(say("events", JSON.parse(e.data).n));
			if (++got.Events === order.count) setTimeout(() => { source.close(); Promise.all(said).then(done); }, 100);
		};
		source.onerror = () => source.close();
	});
	const socket = new Promise((done) => {
		const ws = new WebSocket("ws://" + location.host + made.socket);
		ws.onmessage = (e) => {
			got.Socket++;
			got.Down += e.data.length;
			if (JSON.parse(e.data).n <= order.up) {
				const text = "message " + JSON.parse(e.data).n;
				ws.send(text);
				got.Up += text.length;
			}
		};
		ws.onclose = done;
	});
	await fetch(steer, { method: "POST", body: JSON.stringify({ do: "start" }) });
	await Promise.all([ask("poll", "Poll", order.poll), ask("long", "Long", 0), stream, socket]);
	return got;
})()`
