// Package uri parses the addresses of WebSockets: URLs with the schemes ws and wss (RFC
// 6455 §3), hosts and ports (RFC 3986 §3.2.2), targets of requests (RFC 9112 §3.2) and
// origins (RFC 6454 §7.1).
package uri

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// URL is a WebSocket URL (RFC 6455 §3).
type URL struct {
	TLS    bool   // the scheme is wss
	Name   string // name of the host, or its IP address without a zone, for its certificate
	Host   string // value of the header field Host, with the port unless it is the default
	Addr   string // to dial: host and port
	Target string // request target
}

// schemePorts are the default ports.
var schemePorts = map[string]string{"ws": "80", "wss": "443"}

// Parse reads a URL with the scheme ws or wss. Its errors do not contain the
// URL, which may hold a password.
func Parse(s string) (URL, error) {
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

// hostField returns the Host for u, without a zone, because a zone has a meaning only on
// this computer (RFC 6874 §4).
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

// WithoutUser returns a URL without user name and password, for display. If the URL
// cannot be parsed, everything before the last @ may belong to them.
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

// IsTarget reports whether s can be the target of a handshake's request (RFC 6455
// §4.2.1): a path, or a whole http or https URL without a user name (RFC 9110 §4.2.4).
// It must be visible ASCII without a fragment. In the path, a % must begin a
// percent-encoded byte. In the query it need not, because browsers do not encode it
// there.
func IsTarget(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7F || r == '#' }) {
		return false
	}
	u, err := url.ParseRequestURI(s)
	if err != nil || s[0] == '/' {
		return err == nil
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && IsHost(u.Host)
}

// nameChars are the characters of a host's name: unreserved, sub-delims, and the
// % of a percent-encoded byte (RFC 3986 §3.2.2).
const nameChars = "!$%&'()*+,;=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// IsHost reports whether s can be the value of Host (RFC 9110 §7.2, RFC 3986 §3.2.2): a
// name, an IPv4 address, or an IPv6 address in brackets without a zone, with or without
// a port.
func IsHost(s string) bool {
	host, port := cutPort(s)
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		a, err := netip.ParseAddr(literal)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	_, err := url.PathUnescape(host)
	return err == nil && host != "" && strings.Trim(host, nameChars) == ""
}

// cutPort splits a host and its port. The colons inside an IPv6 address are not before a
// port.
func cutPort(s string) (host, port string) {
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// SameOrigin reports whether the request comes from a page of authority: origins, the
// values of Origin, has one value, with the same host and port. It also returns true
// without an Origin, because then the client is not a browser. It returns false for null,
// for a value that RFC 6454 §7.1 does not allow, and for several origins.
//
// A missing port means the default of the origin's scheme. The request does not say
// whether it used TLS, so the origin's scheme decides for both.
func SameOrigin(origins []string, authority string) bool {
	if len(origins) == 0 {
		return true
	}
	scheme, origin, ok := strings.Cut(origins[0], "://")
	if !ok || len(origins) > 1 || !isScheme(scheme) || !IsHost(origin) || !IsHost(authority) {
		return false
	}
	scheme = strings.ToLower(scheme)
	host, port := cutPort(origin)
	ownHost, ownPort := cutPort(authority)
	return strings.EqualFold(host, ownHost) && knownPort(port, scheme) == knownPort(ownPort, scheme)
}

// knownPort returns port, or the default of scheme if port is empty.
func knownPort(port, scheme string) string {
	if port == "" {
		return map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return strings.TrimLeft(port, "0")
}

// isScheme reports whether s is the scheme of a URL (RFC 3986 §3.1).
func isScheme(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return s != "" && strings.Contains(letters, s[:1]) && strings.Trim(s, letters+"0123456789+-.") == ""
}
