package suite

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestEveryMUSTNamesItsSentenceAndWhomItBinds(t *testing.T) {
	parties := []Party{TheServer, TheClient, TheEndpoint, TheSender, TheReceiver, TheBrowser}
	for _, c := range All() {
		d := c.Duty
		switch {
		case c.Keyword != Must && d != (Duty{}):
			t.Errorf("%s is a %s and names a MUST: %s", c.ID, c.Keyword, d)
		case c.Keyword != Must:
		case d.Section == "" || d.Paragraph == "" || !slices.Contains(parties, d.Binds) || !strings.HasSuffix(d.Says, "."):
			t.Errorf("%s has the duty %+v", c, d)
		case d.Binds == TheServer && c.Judges != wire.Server, d.Binds == TheClient && c.Judges != wire.Client:
			t.Errorf("%s judges a %s, and its MUST binds the %s", c, c.Judges, d.Binds)
		case c.Lax != "":
			t.Errorf("%s has a MUST, and a reason why none speaks of it", c)
		}
	}
}

func TestOnlyAMUSTCanBeFailed(t *testing.T) {
	for _, c := range All() {
		r := &judging{Report{Case: c, Verdict: Fail, Closing: Fail, Reason: "It did something.", Caret: -1}, &Transcript{}}
		c.conclude(r)
		if failed := r.Worst() == Fail; failed != (c.Keyword == Must) {
			t.Errorf("%s is a %s, and an endpoint that breaks it gets %s", c, c.Keyword, r.Worst())
		}
	}
}

// A peer that answers everything with the wrong thing is wrong in each case of a
// MUST. What stands under MAY it cannot fail.
func TestNothingFailsACaseOfAMAY(t *testing.T) {
	var running, playing sync.WaitGroup
	few := make(chan struct{}, 16)
	for _, c := range All() {
		if c.Keyword != May || len(c.Opening.Writes) > 1 {
			continue
		}
		few <- struct{}{}
		playing.Go(func() {
			defer func() { <-few }()
			r := playMini(t.Context(), c, c.Judges, mini{does: func(m *mini) {
				m.send(wire.Binary, []byte("not this"))
				m.send(3, nil)
				m.leave()
			}}, &running)
			if r.Worst() == Fail {
				t.Errorf("%s: %s, closing %s: %s", c, r.Verdict, r.Closing, r.Reason)
			}
		})
	}
	playing.Wait()
	running.Wait()
}

// breaks says which rule of a sender the judge breaks in c, "" for none.
func (c *Case) breaks() string {
	judge := c.Judges.Peer()
	if c.Glued && judge == wire.Client {
		return "a client waits for the response"
	}
	if len(c.Opening.Writes) > 0 || c.Opening.Fin {
		if rule := c.breaksOpening(judge); rule != "" {
			return rule
		}
	}
	of := wire.Context{Sender: judge, RSV1: c.Deflate != nil}
	var text wire.UTF8
	var op wire.Opcode
	compressed := false
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			b := f.append(nil, judge, func() [4]byte { return [4]byte{} })
			h, _ := wire.ParseHeader(b)
			if vs := wire.Check(h, of); len(vs) > 0 {
				return vs[0].Code
			}
			p := f.Payload.Bytes()
			if h.Opcode == wire.Close {
				if _, vs := wire.ParseClosePayload(p); len(vs) > 0 {
					return vs[0].Code
				}
				of.CloseSent = true
			}
			if h.Opcode.IsControl() {
				continue
			}
			if h.Opcode != wire.Continuation {
				op, text, compressed = h.Opcode, wire.UTF8{}, h.RSV1
			}
			of.Fragmented = !h.Fin && s.Fragment == 0
			if op == wire.Text && !compressed && (text.Check(p) < len(p) || h.Fin && !text.Complete()) {
				return wire.RuleTextUTF8.Code
			}
		}
	}
	return ""
}

// breaksOpening is breaks for the judge's half of the opening handshake.
func (c *Case) breaksOpening(judge wire.Role) string {
	talk := &dissect.Conversation{}
	key := c.Opening.key()
	if judge == wire.Server {
		asked := strings.NewReplacer("{path}", "/", "{host}", "test", "{key}", key).Replace(request)
		talk.Bytes(wire.Client, []byte(asked), false)
	}
	half := strings.Join(c.writes(judge, "test", "/", key, wire.Head{}), "")
	for _, it := range talk.Bytes(judge, legible(half), false) {
		if h := it.Handshake; h != nil {
			if judge == wire.Server && h.Head.Status/100 == 1 && h.Head.Status != 101 {
				continue
			}
			if len(h.Violations) > 0 {
				return h.Violations[0].Code
			}
			return ""
		}
	}
	return "there is no whole " + map[wire.Role]string{wire.Client: "request", wire.Server: "response"}[judge]
}

func TestWhereTheJudgeBreaksARuleOnlyAMUSTOfTheReceiverCounts(t *testing.T) {
	n := 0
	for _, c := range All() {
		if strings.HasPrefix(c.ID, "sizes") {
			continue
		}
		rule := c.breaks()
		if rule == "" {
			continue
		}
		n++
		if c.Keyword == Must && !c.Duty.OnReceipt {
			t.Errorf("%s: the judge breaks %s, and the MUST of the case is not about what is received: %s", c, rule, c.Duty)
		}
	}
	if n < 300 {
		t.Errorf("the judge breaks a rule in only %d cases", n)
	}
}
