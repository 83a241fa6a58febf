package wire

import "testing"

func TestAnOriginIsTheServersOwnByHostAndPort(t *testing.T) {
	for _, o := range []struct {
		origins   []string
		authority string
		want      bool
	}{
		{nil, "example.com", true},
		{[]string{"http://example.com"}, "example.com", true},
		{[]string{"https://example.com"}, "example.com", true},
		{[]string{"HTTPS://EXAMPLE.com"}, "example.COM", true},
		{[]string{"http://example.com:8080"}, "example.com:8080", true},
		{[]string{"http://[::1]:8080"}, "[::1]:8080", true},

		// A default port equals none, on either side.
		{[]string{"https://example.com"}, "example.com:443", true},
		{[]string{"http://example.com"}, "example.com:80", true},
		{[]string{"https://example.com:443"}, "example.com", true},
		{[]string{"http://example.com:80"}, "example.com", true},
		{[]string{"http://[::1]"}, "[::1]:80", true},
		{[]string{"https://example.com"}, "example.com:80", false},
		{[]string{"http://example.com"}, "example.com:443", false},
		{[]string{"http://example.com:"}, "example.com:080", true},

		// Somebody else's.
		{[]string{"http://example.com"}, "example.org", false},
		{[]string{"http://example.com:8080"}, "example.com", false},
		{[]string{"http://example.com"}, "example.com:8080", false},

		// What RFC 6454 §7.1 does not allow is no origin, and null is none either.
		{[]string{"null"}, "null", false},
		{[]string{""}, "", false},
		{[]string{"example.com"}, "example.com", false},
		{[]string{"://example.com"}, "example.com", false},
		{[]string{"1http://example.com"}, "example.com", false},
		{[]string{"http://user@example.com"}, "example.com", false},
		{[]string{"http://example.com/"}, "example.com", false},
		{[]string{"http://example.com?x"}, "example.com", false},
		{[]string{"http://example.com#x"}, "example.com", false},
		{[]string{"http://example.com http://example.com"}, "example.com", false},
		{[]string{"http://example.com", "http://example.com"}, "example.com", false},
		{[]string{"http://"}, "", false},
		{[]string{"http://:80"}, ":80", false},
		{[]string{"http://a b"}, "a b", false},
	} {
		if got := SameOrigin(o.origins, o.authority); got != o.want {
			t.Errorf("Origin %q at %q: %t", o.origins, o.authority, got)
		}
	}
}

func TestTheAuthorityIsThatOfTheTargetBeforeHost(t *testing.T) {
	for target, want := range map[string]string{
		"/chat":                    "server.example.com",
		"//other/chat":             "server.example.com",
		"http://other:8080/chat":   "other:8080",
		"https://other":            "other",
		"http:///chat":             "server.example.com",
		"no target at all":         "server.example.com",
		"http://user@other/secret": "other",
	} {
		if got := aRequest(func(h *Head) { h.Target = target }).Authority(); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}
