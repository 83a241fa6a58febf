package wire

import (
	"net/netip"
	"net/url"
	"strings"
)

// IsTarget reports whether s can be the target of a handshake's request (RFC 6455
// §4.2.1): a path, or a whole http or https URL without a user name (RFC 9110
// §4.2.4). It is visible ASCII without a fragment. In the path a % begins a
// percent-encoded byte. In the query it may be anything, as browsers send it.
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

// Authority returns the host and port that a request is for. Those of a target
// that is a whole URL count in place of Host (RFC 9112 §3.2.2).
func (h Head) Authority() string {
	if u, err := url.ParseRequestURI(h.Target); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.Join(h.Values("Host"), ", ")
}

// nameChars are the characters of a host's name: unreserved, sub-delims, and the
// % of a percent-encoded byte (RFC 3986 §3.2.2).
const nameChars = "!$%&'()*+,;=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// IsHost reports whether s is a host with or without a port, as Host has it (RFC
// 9110 §7.2, RFC 3986 §3.2.2): a name, an IPv4 address, or an IPv6 address in
// brackets and without a zone.
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

// cutPort parts a host from its port. The colons in an IPv6 address are not one's.
func cutPort(s string) (host, port string) {
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// SameOrigin reports whether origins, the values of Origin, are none, as from a
// client that is not a browser, or one whose host and port are those of authority.
// A value that is null, or that RFC 6454 §7.1 does not allow, names no origin, and
// a list of several names no single one.
//
// A port that is left out is the scheme's own. The request does not say whether it
// came over TLS, so the scheme of the origin counts for both.
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

// knownPort returns port, or the scheme's own where it is empty.
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
