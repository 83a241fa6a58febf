package opening

import (
	"strings"
	"testing"

	. "wslab/compare/suite/spec"
)

func TestAHandshakeIsChangedOnlyWhereItIsMeantToBe(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"
	for _, each := range []struct{ what, got, want string }{
		{"a field replaced", Set(head, "x", "X: 2", "X: 3"), "GET / HTTP/1.1\r\nHost: a\r\nX: 2\r\nX: 3\r\n\r\n"},
		{"a field removed", Set(head, "Host"), "GET / HTTP/1.1\r\nX: 1\r\n\r\n"},
		{"a field added", Plus(head, "Y: 2"), "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n"},
		{"another first line", StartLine(head, "POST / HTTP/1.1"), "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"},
		{"names in capitals", Renamed(head, strings.ToUpper), "GET / HTTP/1.1\r\nHOST: a\r\nX: 1\r\n\r\n"},
		{"the opposite order", Backwards(head), "GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n"},
		{"white space after values", spacesAfter(head), "GET / HTTP/1.1\r\nHost: a \t\r\nX: 1 \t\r\n\r\n"},
	} {
		if each.got != each.want {
			t.Errorf("%s: %q, want %q", each.what, each.got, each.want)
		}
	}
}
