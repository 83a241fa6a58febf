package suite

import (
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"

	"wslab/reference/wire"
)

// These are the headChecks that cases name.

// startsAs: an answer's first line is of HTTP/1.1, with a status of three digits
// and a space behind it.
func startsAs(a answer) finding {
	const shape = "HTTP/1.1 101 "
	switch {
	case strings.HasPrefix(a.head.Line, shape):
		return finding{}
	case a.head.Line == strings.TrimSpace(shape):
		return found(Warning, "its status line has no space behind the status (RFC 9112 §4)")
	}
	return found(Fail, "its first line is %.60q, and %q is due", a.head.Line, shape)
}

// hasOnly: the field called name is there once, with this value in any case.
func hasOnly(name, value string) headCheck {
	return func(a answer) finding {
		switch vs := a.head.Head.Values(name); {
		case len(vs) == 1 && vs[0] == value:
			return finding{}
		case len(vs) == 1 && strings.EqualFold(vs[0], value):
			return found(Note, "its %s is %q, in a case of its own", name, vs[0])
		default:
			return found(Warning, "its %s is %q, and %q alone is due", name, vs, value)
		}
	}
}

// atMostOnce: the field called name is not repeated.
func atMostOnce(name string) headCheck {
	return func(a answer) finding {
		if n := len(a.head.Head.Values(name)); n > 1 {
			return found(Fail, "it sends %s %d times", name, n)
		}
		return finding{}
	}
}

// without: none of these fields is there.
func without(verdict Verdict, names ...string) headCheck {
	return func(a answer) finding {
		for _, name := range names {
			if vs := a.head.Head.Values(name); len(vs) > 0 {
				return found(verdict, "it sends %s: %s", name, strings.Join(vs, ", "))
			}
		}
		return finding{}
	}
}

// keepsGrammar: each header line is a name, a colon and a value.
func keepsGrammar(a answer) finding {
	for _, l := range a.head.Lines {
		switch {
		case !wire.IsToken(l.Name):
			return found(Fail, "the name of a header field is %q", l.Name)
		case strings.ContainsFunc(l.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
			return found(Fail, "the value of %s has a control character", l.Name)
		}
	}
	return finding{}
}

// endsLines: each line ends in CR LF.
func endsLines(a answer) finding {
	if text := string(a.head.Bytes()); strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		return found(Fail, "a line ends in LF alone")
	}
	return finding{}
}

// namesVersion: a refusal says which versions there are.
func namesVersion(a answer) finding {
	switch {
	case a.head.Head.Status == 101, a.head.Head.HasToken("Sec-WebSocket-Version", "13"):
		return finding{}
	case len(a.head.Head.Values("Sec-WebSocket-Version")) > 0:
		return found(Fail, "its Sec-WebSocket-Version does not name 13")
	}
	return found(Fail, "its refusal does not say in Sec-WebSocket-Version which versions it speaks")
}

// hasEnd: it can be told where a refusal's content ends.
func hasEnd(a answer) finding {
	if a.head.Head.Status == 101 || len(a.head.Head.Values("Content-Length")) == 1 || len(a.head.Head.Values("Transfer-Encoding")) == 1 || a.head.Head.HasToken("Connection", "close") {
		return finding{}
	}
	return found(Warning, "its refusal has neither Content-Length nor Transfer-Encoding nor Connection: close, so only the end of TCP ends it")
}

// allOf is all of checks: the gravest counts.
func allOf(checks ...headCheck) headCheck {
	return func(a answer) (worst finding) {
		for _, check := range checks {
			if f := check(a); f.verdict > worst.verdict {
				worst = f
			}
		}
		return worst
	}
}

// hasPort: Host names the host and the port of the connection. The port may be
// left out if it is the default one.
func hasPort(a answer) finding {
	hosts := a.head.Head.Values("Host")
	if len(hosts) != 1 || hosts[0] == "" {
		return found(Fail, "its Host is %q", hosts)
	}
	name, port, hasPort := hosts[0], "", false
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, port, hasPort = name[:i], name[i+1:], true
	}
	switch {
	case strings.Contains(name, ":") && !strings.HasPrefix(name, "["):
		f := found(Fail, "its Host is %q, and an IPv6 address is in brackets there (RFC 3986 §3.2.2)", hosts[0])
		if net.ParseIP(name) != nil || net.ParseIP(hosts[0]) != nil {
			return f.shows("host-without-brackets")
		}
		return f
	case name == "" || strings.ContainsAny(hosts[0], "/?#@ ") || strings.ContainsFunc(port, func(c rune) bool { return c < '0' || c > '9' }):
		return found(Fail, "its Host is %q, which is not a host with a port", hosts[0])
	case hasPort && port == a.port, port == "" && (a.port == "80" || a.port == "443"):
		return finding{}
	case port == "":
		return found(Fail, "its Host is %q, without the port %s to which it has connected", hosts[0], a.port).shows("host-without-port")
	}
	return found(Warning, "its Host is %q, and it has connected to the port %s, unless there is something between", hosts[0], a.port)
}

// hasKey: the key is one that a random choice would give.
func hasKey(a answer) finding {
	key := a.head.Head.Key()
	b, err := base64.StdEncoding.DecodeString(key)
	switch {
	case err != nil || len(b) != wire.KeySize:
		return found(Fail, "its key is %q", key)
	case len(slices.Compact(slices.Sorted(slices.Values(b)))) < 4:
		return found(Fail, "its key is %q, which has almost no two bytes that differ", key)
	case slices.Contains([]string{SampleKey, "AQIDBAUGBwgJCgsMDQ4PEC==", "AQIDBAUGBwgJCgsMDQ4PEA==", "x3JJHMbDL1EzLkh9GBhXDw=="}, key):
		return found(Fail, "its key is %q, which is printed in RFC 6455 or in many tutorials", key).shows("key-constant")
	case base64.StdEncoding.EncodeToString(b) != key:
		return found(Note, "its key %q ends in bits that are not 0, as that of the RFC's own example does", key)
	}
	return finding{}
}

// hasOwnKey: the key was in none of the connections before.
func hasOwnKey(a answer) finding {
	switch {
	case slices.Contains(a.known, a.head.Head.Key()):
		return found(Fail, "its key %s has been in a connection before", a.head.Head.Key()).shows("key-constant")
	case len(a.known) == 0:
		return found(Note, "there was no connection before that the key could be compared with")
	}
	return finding{}
}

// hasOrigin: where there is an Origin, it is one, and written as one.
func hasOrigin(a answer) finding {
	origins := a.head.Head.Values("Origin")
	switch {
	case len(origins) == 0 || len(origins) == 1 && origins[0] == "null":
		return finding{}
	case len(origins) > 1:
		return found(Fail, "it sends %d Origins", len(origins))
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return found(Warning, "its Origin is %q, and a scheme, a host and perhaps a port are due (RFC 6454 §6.2)", origins[0])
	}
	return finding{}
}

// hasSubprotocols: what is offered are tokens, each once.
func hasSubprotocols(a answer) finding {
	list := a.head.Head.Tokens("Sec-WebSocket-Protocol")
	if len(list) == 0 && len(a.head.Head.Values("Sec-WebSocket-Protocol")) > 0 {
		return found(Fail, "it sends Sec-WebSocket-Protocol and offers none")
	}
	for i, p := range list {
		switch {
		case !wire.IsToken(p):
			return found(Fail, "it offers the subprotocol %q, which is no token", p)
		case slices.Contains(list[:i], p):
			return found(Fail, "it offers the subprotocol %q twice", p)
		}
	}
	return finding{}
}

// hasExtensions: what is offered keeps the grammar and the RFC of the extension.
func hasExtensions(a answer) finding {
	list, ok := wire.ParseExtensions(a.head.Head)
	if !ok || len(list) == 0 && len(a.head.Head.Values("Sec-WebSocket-Extensions")) > 0 {
		return found(Fail, "its Sec-WebSocket-Extensions breaks the grammar")
	}
	for _, e := range list {
		if strings.HasPrefix(strings.ToLower(e.Name), "x-") {
			return found(Warning, "it offers the extension %q, which is not registered", e.Name)
		}
	}
	return finding{}
}

// waits: nothing comes before the answer.
func waits(a answer) finding {
	if a.early {
		return found(Fail, "it sends something before its handshake is answered")
	}
	return finding{}
}

// asksRight: no rule of the request is broken. Without it the WebSocket would not
// have been opened.
func asksRight(a answer) finding {
	if vs := a.head.Violations; len(vs) > 0 {
		return found(Fail, "%s", vs[0].Error())
	}
	return finding{}
}
