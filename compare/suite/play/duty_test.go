package play

import (
	"strings"
	"testing"

	"wslab/compare/suite/cases"
	"wslab/compare/suite/spec"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// breaks says which rule of a sender the judge breaks in c, "" for none.
func breaks(c *spec.Case) string {
	judge := c.Judges.Peer()
	if c.Glued && judge == wire.Client {
		return "a client waits for the response"
	}
	if len(c.Opening.Writes) > 0 || c.Opening.Fin {
		if rule := breaksOpening(c, judge); rule != "" {
			return rule
		}
	}
	of := wire.Context{Sender: judge, RSV1: c.Deflate != nil}
	var text wire.UTF8
	var op wire.Opcode
	compressed := false
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			b := f.Append(nil, judge, func() [4]byte { return [4]byte{} })
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
func breaksOpening(c *spec.Case, judge wire.Role) string {
	talk := &dissect.Conversation{}
	key := c.Opening.UsedKey()
	if judge == wire.Server {
		asked := strings.NewReplacer("{path}", "/", "{host}", "test", "{key}", key).Replace(spec.Request)
		talk.Bytes(wire.Client, []byte(asked), false)
	}
	half := strings.Join(writes(c, judge, "test", "/", key, wire.Head{}), "")
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
	for _, c := range cases.All() {
		if strings.HasPrefix(c.ID, "sizes") {
			continue
		}
		rule := breaks(c)
		if rule == "" {
			continue
		}
		n++
		if c.Keyword == spec.Must && !c.Duty.OnReceipt {
			t.Errorf("%s: the judge breaks %s, and the MUST of the case is not about what is received: %s", c, rule, c.Duty)
		}
	}
	if n < 300 {
		t.Errorf("the judge breaks a rule in only %d cases", n)
	}
}
