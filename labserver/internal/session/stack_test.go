package session

import (
	"math"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// long is a masked binary message of 130 bytes in hex.
var long = "82 fe 00 82 37 fa 21 3d " + strings.Repeat("37 fa 21 3d ", 32) + "37 fa"

func TestDump(t *testing.T) {
	for _, name := range []string{"reference", "gorilla", "naive"} {
		l := start(t)
		s := l.session()
		l.ok(s.Stack(true, nil))
		l.ok(s.Sip(1, nil))
		l.open(s, "a", name)
		l.send(s, "a", long)
		if name != "naive" {
			l.await(s, "echo", sends(wire.Server, strings.Repeat("\x00", 130)))
		}
		l.send(s, "a", bye)
		l.await(s, "closed", tcp("closed"))
		events, _ := s.Rec.After(0, math.MaxInt)
		var b strings.Builder
		n := 0
		for _, e := range events {
			if k, ok := e.Body.(*recording.Stack); ok && k.Op == recording.StackRead && k.At > 240 {
				if n++; n > 10 && n < 125 {
					continue
				}
			}
			recording.WriteText(&b, []recording.Event{e}, recording.TextOptions{Brief: false})
		}
		t.Log(b.String())
	}
}
