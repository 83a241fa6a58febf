package browser

import (
	"fmt"
	"time"
)

// atOnce is the most that scheduling alone may make of what happens at once.
const (
	atOnce      = 700 * time.Millisecond
	atOnceClass = "at once"
)

// class says how long d is in words that are the same in every run: "at once",
// "about 2 s", "about 60 s".
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
