package lesson

import (
	"strings"
	"testing"
)

func TestAStackBlockHasTheMessageOfItsKeys(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"", `{"send":130,"reads":1,"find":0}`},
		{"send: 5\nreads: 2", `{"send":5,"reads":2,"find":0}`},
		{"send: 65536\nreads: 0\nfind: 2", `{"send":65536,"reads":0,"find":2}`},
	} {
		html, err := drawn(t, "stack\n"+c.keys)
		if err != nil || !strings.Contains(html, "<ws-stack data-stack='"+c.want+"'>") {
			t.Errorf("%q is drawn as %s, %v; want %s", c.keys, html, err, c.want)
		}
	}
}

func TestAStackBlockNamesANumberThatItCannotUse(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"send: many", `send is "many". Write a whole number from 0 to 1000`},
		{"send: 1001", `send is "1001". Write a whole number from 0 to 1000`},
		{"send: 65537\nreads: 0", `send is "65537". Write a whole number from 0 to 65536`},
		{"reads: -1", `reads is "-1". Write a whole number from 0 to 1000`},
		{"find: 5", `find is "5". Write a whole number from 0 to 4`},
		{"sends: 5", `sends`},
	} {
		if _, err := drawn(t, "stack\n"+c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %s", c.keys, err, c.want)
		}
	}
}
