package web

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/labserver/internal/session"
)

// tab plays the client of plays as a browser's page would, until the stream
// ends.
type tab struct {
	s    *site
	sess *session.Session
	st   *stream
	ws   *peer
}

// next reads up to the next order of play, false when the play is over first.
func (p *tab) next(play string) (step int, order *recording.Order, ok bool) {
	p.s.Helper()
	for {
		if !p.st.lines.Scan() {
			return 0, nil, false
		}
		data, has := strings.CutPrefix(p.st.lines.Text(), "data: [")
		if !has {
			continue
		}
		var events []struct{ Step *recording.Step }
		p.s.ok(json.Unmarshal([]byte("["+data), &events))
		for _, e := range events {
			switch {
			case e.Step == nil || e.Step.Play != play:
			case e.Step.Phase == recording.PlayOver:
				return 0, nil, false
			case e.Step.Order != nil:
				return e.Step.Index, e.Step.Order, true
			}
		}
	}
}

// tell reports an event of JavaScript.
func (p *tab) tell(client, what string, more map[string]any) {
	p.s.Helper()
	report := map[string]any{"client": client, "what": what}
	for k, v := range more {
		report[k] = v
	}
	p.s.post("/api/sessions/"+p.sess.ID+"/script", []any{report})
}

// done says that step has been performed.
func (p *tab) done(play string, step int, failure string) {
	p.s.Helper()
	p.s.post("/api/sessions/"+p.sess.ID+"/plays/"+play+"/done", map[string]any{"step": step, "error": failure})
}

// open performs the order to open.
func (p *tab) open(play, client, endpoint string) {
	p.s.Helper()
	step, order, ok := p.next(play)
	if !ok || order.Do != "open" {
		p.s.Fatalf("the first order is %+v, %t", order, ok)
	}
	p.ws = p.s.dial()
	p.ws.say(p.s.request("/ws/" + endpoint + "?client=" + client + "&session=" + p.sess.ID))
	p.tell(client, "new WebSocket", nil)
	p.done(play, step, "")
	if response, body := p.ws.response(); response.StatusCode != 101 {
		p.s.Fatalf("the handshake is answered with %d %s", response.StatusCode, body)
	}
	p.tell(client, "onopen", nil)
}

func TestAPageIsTheClientOfAPlay(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		s.unharmed(func() {
			sess := s.session()
			st := s.follow(sess.ID, nil)
			defer st.body.Close()
			p := &tab{s: s, sess: sess, st: st}
			play, client := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": name, "as": "browser"})
			p.open(play, client, name)
			step, order, _ := p.next(play)
			if step != 1 || order.Do != "send" || order.Text != "Hello" {
				t.Fatalf("step %d orders %+v", step, order)
			}
			p.ws.say(frame(0x81, "Hello"))
			p.tell(client, "send", nil)
			p.done(play, step, "")
			p.done(play, step, "") // twice
			if _, payload, err := p.ws.read(); payload != "Hello" {
				t.Errorf("the echo is %q, %v", payload, err)
			}
			p.tell(client, "onmessage", map[string]any{"text": "Hello"})
			step, order, _ = p.next(play)
			if step != 2 || order.Do != "close" || *order.Code != 1000 || order.Reason != "bye" {
				t.Fatalf("step %d orders %+v", step, order)
			}
			p.ws.say(frame(0x88, "\x03\xe8bye"))
			p.done(play, step, "")
			p.ws.ended()
			p.ws.Close()
			p.tell(client, "onclose", map[string]any{"code": 1000, "wasClean": true})
			if _, order, ok := p.next(play); ok {
				t.Errorf("there is one more order: %+v", order)
			}
			if why := s.over(sess, play); why != "" {
				t.Errorf("it ends with %q", why)
			}
			if got := phases(sess, play); len(got) != 2*4+1 {
				t.Errorf("it tells %v", got)
			}
		})
	}
}

func TestWhatJavaScriptThrowsEndsThePlay(t *testing.T) {
	s := start(t)
	sess := s.session()
	st := s.follow(sess.ID, nil)
	defer st.body.Close()
	p := &tab{s: s, sess: sess, st: st}
	play, client := s.begin(sess, map[string]any{"text": "# x\nopen\nclose 1006\n", "endpoint": "gorilla", "as": "browser"})
	p.open(play, client, "gorilla")
	step, _, _ := p.next(play)
	p.done(play, step, "InvalidAccessError: 1006 is not a code for close()")
	if why := s.over(sess, play); !strings.Contains(why, "InvalidAccessError") {
		t.Errorf("it ends with %q", why)
	}
}

func TestATabThatClosesInTheMiddleEndsItsPlay(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		sess := s.session()
		st := s.follow(sess.ID, nil)
		p := &tab{s: s, sess: sess, st: st}
		play, client := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": "reference", "as": "browser"})
		p.open(play, client, "reference")
		if _, _, ok := p.next(play); !ok {
			t.Fatal("there is no second order")
		}
		st.body.Close()
		p.ws.Close()
		began := time.Now()
		why := s.over(sess, play)
		if d := time.Since(began); !strings.Contains(why, "tab") || d > patience {
			t.Errorf("it ends after %v with %q", d, why)
		}
		if got := phases(sess, play); !slices.Contains(got, "0 end") || !slices.Contains(got, "1 begin") {
			t.Errorf("what happened is not kept: %v", got)
		}
	})
}

func TestASecondTabDoesNotDisturbAPlay(t *testing.T) {
	s := start(t)
	sess := s.session()
	st := s.follow(sess.ID, nil)
	defer st.body.Close()
	p := &tab{s: s, sess: sess, st: st}
	play, client := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": "reference", "as": "browser"})
	p.open(play, client, "reference")
	second := s.dial()
	second.say(s.request("/ws/reference?client=" + client + "&session=" + sess.ID))
	if response, body := second.response(); response.StatusCode != 503 || !strings.Contains(body, "already connected") {
		t.Errorf("a second socket of the play is answered with %d %s", response.StatusCode, body)
	}
	wrong, other := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": "reference", "as": "browser"})
	third := s.dial()
	third.say(s.request("/ws/gorilla?client=" + other + "&session=" + sess.ID))
	if response, body := third.response(); response.StatusCode != 503 || !strings.Contains(body, "reference") {
		t.Errorf("a socket to another endpoint than the play's is answered with %d %s", response.StatusCode, body)
	}
	s.order(sess, wrong, "stop", 0)
	s.order(sess, play, "stop", 0)
	s.over(sess, play)
}
