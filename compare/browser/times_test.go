package browser

import (
	"testing"
	"time"
)

func TestTimesAreToldInClasses(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:             "at once",
		0:                        "at once",
		699 * time.Millisecond:   "at once",
		700 * time.Millisecond:   "about 1 s",
		1999 * time.Millisecond:  "about 2 s",
		2400 * time.Millisecond:  "about 2 s",
		9700 * time.Millisecond:  "about 10 s",
		20100 * time.Millisecond: "about 20 s",
		59900 * time.Millisecond: "about 60 s",
		64 * time.Second:         "about 60 s",
		90 * time.Second:         "about 90 s",
	} {
		if got := class(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
