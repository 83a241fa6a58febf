package endpoint

import (
	"testing"

	"wslab/compare/tap"
	"wslab/reference/wire"
)

// pinged is an Actor that looks at itself while it sends a Ping.
type pinged struct {
	Actor
	s      *socket
	rested bool
}

func (p *pinged) Control(wire.Opcode, []byte) error {
	p.rested = p.s.Rests(tap.Status{})
	return nil
}

func TestAServerIsNotAtRestUntilItsPingHasComeBack(t *testing.T) {
	a := &pinged{s: newSocket(nil)}
	told := 0
	a.s.Watch(func() {
		if told++; !a.s.Rests(tap.Status{}) {
			t.Error("it says that it may rest now, and does not")
		}
	})
	if err := a.s.pulse.ping(a, "1"); err != nil || a.rested || told != 1 {
		t.Errorf("%v; at rest during the Ping: %v; told %d times behind it", err, a.rested, told)
	}
}
