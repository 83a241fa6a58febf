package uri

import (
	"fmt"
	"strings"
	"testing"
)

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

		// A value that RFC 6454 §7.1 does not allow is not an origin, and null is not one either.
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

func TestAURLGivesAddressHostAndTarget(t *testing.T) {
	for url, want := range map[string]string{
		"ws://a":              "false a a a:80 /",
		"ws://a:":             "false a a a:80 /",
		"ws://a:80/x?y":       "false a a a:80 /x?y",
		"ws://a:080/":         "false a a:080 a:80 /",
		"ws://a:8080/%20":     "false a a:8080 a:8080 /%20",
		"wss://a":             "true a a a:443 /",
		"wss://a:80?q":        "true a a:80 a:80 /?q",
		"ws://[::1]/":         "false ::1 [::1] [::1]:80 /",
		"wss://[::1]:8443/":   "true ::1 [::1]:8443 [::1]:8443 /",
		"WS://Host.example/ü": "false Host.example Host.example Host.example:80 /%C3%BC",
		// A zone is for this computer (RFC 6874 §4).
		"ws://[fe80::1%25eth0]/x":    "false fe80::1 [fe80::1] [fe80::1%eth0]:80 /x",
		"wss://[fe80::1%25eth0]:80/": "true fe80::1 [fe80::1]:80 [fe80::1%eth0]:80 /",
		"ws://xn--bcher-kva.example": "false xn--bcher-kva.example xn--bcher-kva.example xn--bcher-kva.example:80 /",
	} {
		u, err := Parse(url)
		got := fmt.Sprintf("%t %s %s %s %s", u.TLS, u.Name, u.Host, u.Addr, u.Target)
		if err != nil || got != want {
			t.Errorf("%s gives %s, %v, want %s", url, got, err, want)
		}
	}
}

func TestAnErrorOfAURLHasNoPassword(t *testing.T) {
	for url, want := range map[string]string{
		"http://localhost/":           "does not begin with ws:// or wss://",
		"localhost:9000":              "does not begin with ws:// or wss://",
		"ws:///x":                     "has no host",
		"ws://a/#top":                 "has a fragment",
		"ws://a/#":                    "has a fragment",
		"ws://user:secret@a/":         "has a user name",
		"ws://user:secret@a/#x":       "has a user name",
		"ws://user:secret%@a/":        "cannot be parsed",
		"ws://user:secret/more@a/":    "cannot be parsed",
		"ws://a b/":                   "cannot be parsed",
		"ws://a/?a b":                 "must be percent-encoded",
		"ws://bücher.example/":        "not valid in a Host header field",
		"ws://a:0/":                   "from 1 to 65535",
		"ws://a:65536/":               "from 1 to 65535",
		"wss://user:secret@a:99999/":  "has a user name",
		"ws://a:x/":                   "cannot be parsed",
		"user:secret@localhost:9000":  "does not begin with ws:// or wss://",
		"//user:secret@localhost:900": "does not begin with ws:// or wss://",
	} {
		_, err := Parse(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gives %v, want %s", url, err, want)
		}
		if shown := WithoutUser(url); strings.Contains(shown, "secret") {
			t.Errorf("%s is shown as %s", url, shown)
		}
	}
}
