package suite

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

func TestEveryMUSTNamesItsSentenceAndWhomItBinds(t *testing.T) {
	parties := []spec.Party{spec.TheServer, spec.TheClient, spec.TheEndpoint, spec.TheSender, spec.TheReceiver, spec.TheBrowser}
	for _, c := range All() {
		d := c.Duty
		switch {
		case c.Keyword != Must && d != (spec.Duty{}):
			t.Errorf("%s is a %s and names a MUST: %s", c.ID, c.Keyword, d)
		case c.Keyword != Must:
		case d.Section == "" || d.Paragraph == "" || !slices.Contains(parties, d.Binds) || !strings.HasSuffix(d.Says, "."):
			t.Errorf("%s has the duty %+v", c, d)
		case d.Binds == spec.TheServer && c.Judges != wire.Server, d.Binds == spec.TheClient && c.Judges != wire.Client:
			t.Errorf("%s judges a %s, and its MUST binds the %s", c, c.Judges, d.Binds)
		case c.Lax != "":
			t.Errorf("%s has a MUST, and a reason why none speaks of it", c)
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
