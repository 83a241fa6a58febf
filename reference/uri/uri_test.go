package uri

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

func TestAURLGivesAddressHostAndTarget(t *testing.T) {
	for url, want := range map[string]string{
		"ws://a":              "a:80 a /",
		"ws://a:80/x?y":       "a:80 a /x?y",
		"ws://a:8080/%20":     "a:8080 a:8080 /%20",
		"wss://a":             "a:443 a /",
		"wss://a:80?q":        "a:80 a:80 /?q",
		"ws://[::1]/":         "[::1]:80 [::1] /",
		"wss://[::1]:8443/":   "[::1]:8443 [::1]:8443 /",
		"WS://Host.example/ü": "Host.example:80 Host.example /%C3%BC",
		// A zone is for this machine (RFC 6874 §4).
		"ws://[fe80::1%25eth0]/x":    "[fe80::1%eth0]:80 [fe80::1] /x",
		"wss://[fe80::1%25eth0]:80/": "[fe80::1%eth0]:80 [fe80::1]:80 /",
		"ws://xn--bcher-kva.example": "xn--bcher-kva.example:80 xn--bcher-kva.example /",
	} {
		u, addr, err := Parse(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := addr + " " + HostField(u) + " " + u.RequestURI(); got != want {
			t.Errorf("%s gives %q, want %q", url, got, want)
		}
	}
}
