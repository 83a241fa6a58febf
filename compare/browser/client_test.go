package browser

import (
	"testing"

	"wslab/compare/recording"
)

func TestAPageIsHeardAboutTheEndOnce(t *testing.T) {
	c := NewClient(nil, nil, func() error { return nil })
	for range 3 * maxTold {
		c.Told(recording.Script{What: "onmessage", Text: "a"})
	}
	for range 3 * maxTold { // whatever the page is
		c.Told(recording.Script{What: "onclose", Text: "b"})
	}
	if n := len(c.told); n != maxTold+1 || c.told[n-1].What != "onclose" || !c.Progress().Ended {
		t.Errorf("%d things wait, the last %+v", n, c.told[n-1])
	}
}
