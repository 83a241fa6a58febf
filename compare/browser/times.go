package browser

import (
	"fmt"
	"time"
)

// atOnce bounds the delay that scheduling alone can cause.
const (
	atOnce      = 700 * time.Millisecond
	atOnceClass = "at once"
)

// class returns d in words that are the same in every run: "at once", "about 2 s",
// "about 60 s".
func class(d time.Duration) string {
	unit := time.Second
	if d >= 10*time.Second {
		unit = 10 * time.Second
	}
	if d < atOnce {
		return atOnceClass
	}
	return fmt.Sprintf("about %d s", max(1, d.Round(unit)/time.Second))
}
