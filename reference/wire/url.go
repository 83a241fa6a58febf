package wire

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URL is a WebSocket URL (RFC 6455 §3).
type URL struct {
	TLS    bool   // its scheme is wss
	Name   string // of the host, or its IP address without a zone: what a certificate is for
	Host   string // for the header field: with the port only where it is not the scheme's
	Addr   string // to dial: host and port
	Target string // of the request
}

// schemePorts are the ports that a URL means without one.
var schemePorts = map[string]string{"ws": "80", "wss": "443"}

// ParseURL reads a URL with the scheme ws or wss. Its errors do not contain the
// URL, which may hold a password.
func ParseURL(s string) (URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return URL{}, errors.New("the URL cannot be parsed")
	case schemePorts[u.Scheme] == "":
		return URL{}, errors.New("the URL does not begin with ws:// or wss://")
	case u.Hostname() == "":
		return URL{}, errors.New("the URL has no host")
	case u.User != nil:
		return URL{}, errors.New("the URL has a user name, which a WebSocket URL must not have (RFC 6455 §3)")
	case strings.Contains(s, "#"):
		return URL{}, errors.New("the URL has a fragment, which a WebSocket URL must not have (RFC 6455 §3)")
	case !IsTarget(u.RequestURI()):
		return URL{}, errors.New("the URL has a character that must be percent-encoded")
	case !IsHost(hostField(u)):
		return URL{}, errors.New("the host is not valid in a Host header field; write a name beyond ASCII in its ASCII form, xn--…")
	default:
		port := cmp.Or(u.Port(), schemePorts[u.Scheme])
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return URL{}, errors.New("the port is not a number from 1 to 65535")
		}
		addr := net.JoinHostPort(u.Hostname(), strconv.FormatUint(n, 10))
		return URL{u.Scheme == "wss", withoutZone(u.Hostname()), hostField(u), addr, u.RequestURI()}, nil
	}
}

// hostField returns the Host for u: no zone, which means something on this
// computer alone (RFC 6874 §4).
func hostField(u *url.URL) string {
	host := strings.TrimSuffix(u.Host, ":") // a port may be empty
	host = strings.TrimSuffix(host, ":"+schemePorts[u.Scheme])
	if address, port, ok := strings.Cut(host, "]"); ok {
		host = withoutZone(address) + "]" + port
	}
	return host
}

// withoutZone returns an IPv6 address without its zone.
func withoutZone(address string) string {
	if strings.Contains(address, ":") {
		address, _, _ = strings.Cut(address, "%")
	}
	return address
}

// WithoutUser returns a URL without user name and password, to be shown. Where it
// cannot be parsed, everything before the last @ may be part of them.
func WithoutUser(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return s[strings.LastIndex(s, "@")+1:]
	}
	if u.User != nil {
		u.User = nil
		return u.String()
	}
	return s
}
