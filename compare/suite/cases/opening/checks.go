package opening

import (
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// startsAs: an answer's first line is of HTTP/1.1, with a status of three digits
// and a space behind it.
func startsAs(a Half) Finding {
	const shape = "HTTP/1.1 101 "
	switch {
	case strings.HasPrefix(a.Head.Line, shape):
		return Finding{}
	case a.Head.Line == strings.TrimSpace(shape):
		return Found(Warning, "its status line has no space behind the status (RFC 9112 §4)")
	}
	return Found(Fail, "its first line is %.60q, and %q is due", a.Head.Line, shape)
}

// hasOnly: the field called name is there once, with this value in any case.
func hasOnly(name, value string) HeadCheck {
	return func(a Half) Finding {
		switch vs := a.Head.Head.Values(name); {
		case len(vs) == 1 && vs[0] == value:
			return Finding{}
		case len(vs) == 1 && strings.EqualFold(vs[0], value):
			return Found(Note, "its %s is %q, in a case of its own", name, vs[0])
		default:
			return Found(Warning, "its %s is %q, and %q alone is due", name, vs, value)
		}
	}
}

// without: none of these fields is there.
func without(verdict Verdict, names ...string) HeadCheck {
	return func(a Half) Finding {
		for _, name := range names {
			if vs := a.Head.Head.Values(name); len(vs) > 0 {
				return Found(verdict, "it sends %s: %s", name, strings.Join(vs, ", "))
			}
		}
		return Finding{}
	}
}

// keepsGrammar: each header line is a name, a colon and a value.
func keepsGrammar(a Half) Finding {
	for _, l := range a.Head.Lines {
		switch {
		case !wire.IsToken(l.Name):
			return Found(Fail, "the name of a header field is %q", l.Name)
		case strings.ContainsFunc(l.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
			return Found(Fail, "the value of %s has a control character", l.Name)
		}
	}
	return Finding{}
}

// endsLines: each line ends in CR LF.
func endsLines(a Half) Finding {
	if text := string(a.Head.Bytes()); strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		return Found(Fail, "a line ends in LF alone")
	}
	return Finding{}
}

// namesVersion: a refusal says which versions there are.
func namesVersion(a Half) Finding {
	switch {
	case a.Head.Head.Status == 101, a.Head.Head.HasToken("Sec-WebSocket-Version", "13"):
		return Finding{}
	case len(a.Head.Head.Values("Sec-WebSocket-Version")) > 0:
		return Found(Fail, "its Sec-WebSocket-Version does not name 13")
	}
	return Found(Fail, "its refusal does not say in Sec-WebSocket-Version which versions it speaks")
}

// hasEnd: it can be told where a refusal's content ends.
func hasEnd(a Half) Finding {
	if a.Head.Head.Status == 101 || len(a.Head.Head.Values("Content-Length")) == 1 || len(a.Head.Head.Values("Transfer-Encoding")) == 1 || a.Head.Head.HasToken("Connection", "close") {
		return Finding{}
	}
	return Found(Warning, "its refusal has neither Content-Length nor Transfer-Encoding nor Connection: close, so only the end of TCP ends it")
}

// allOf is all of checks: the gravest counts.
func allOf(checks ...HeadCheck) HeadCheck {
	return func(a Half) (worst Finding) {
		for _, check := range checks {
			if f := check(a); f.Verdict > worst.Verdict {
				worst = f
			}
		}
		return worst
	}
}

// hasPort: Host names the host and the port of the connection. The port may be
// left out if it is the default one.
func hasPort(a Half) Finding {
	hosts := a.Head.Head.Values("Host")
	if len(hosts) != 1 || hosts[0] == "" {
		return Found(Fail, "its Host is %q", hosts)
	}
	name, port, hasPort := hosts[0], "", false
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, port, hasPort = name[:i], name[i+1:], true
	}
	switch {
	case strings.Contains(name, ":") && !strings.HasPrefix(name, "["):
		f := Found(Fail, "its Host is %q, and an IPv6 address is in brackets there (RFC 3986 §3.2.2)", hosts[0])
		if net.ParseIP(name) != nil || net.ParseIP(hosts[0]) != nil {
			return f.Showing("host-without-brackets")
		}
		return f
	case name == "" || strings.ContainsAny(hosts[0], "/?#@ ") || strings.ContainsFunc(port, func(c rune) bool { return c < '0' || c > '9' }):
		return Found(Fail, "its Host is %q, which is not a host with a port", hosts[0])
	case hasPort && port == a.Port, port == "" && (a.Port == "80" || a.Port == "443"):
		return Finding{}
	case port == "":
		return Found(Fail, "its Host is %q, without the port %s to which it has connected", hosts[0], a.Port).Showing("host-without-port")
	}
	return Found(Warning, "its Host is %q, and it has connected to the port %s, unless there is something between", hosts[0], a.Port)
}

// hasKey: the key is one that a random choice would give.
func hasKey(a Half) Finding {
	key := a.Head.Head.Key()
	b, err := base64.StdEncoding.DecodeString(key)
	switch {
	case err != nil || len(b) != wire.KeySize:
		return Found(Fail, "its key is %q", key)
	case len(slices.Compact(slices.Sorted(slices.Values(b)))) < 4:
		return Found(Fail, "its key is %q, which has almost no two bytes that differ", key)
	case slices.Contains([]string{SampleKey, "AQIDBAUGBwgJCgsMDQ4PEC==", "AQIDBAUGBwgJCgsMDQ4PEA==", "x3JJHMbDL1EzLkh9GBhXDw=="}, key):
		return Found(Fail, "its key is %q, which is printed in RFC 6455 or in many tutorials", key).Showing("key-constant")
	case base64.StdEncoding.EncodeToString(b) != key:
		return Found(Note, "its key %q ends in bits that are not 0, as that of the RFC's own example does", key)
	}
	return Finding{}
}

// hasOwnKey: the key was in none of the connections before.
func hasOwnKey(a Half) Finding {
	switch {
	case slices.Contains(a.Known, a.Head.Head.Key()):
		return Found(Fail, "its key %s has been in a connection before", a.Head.Head.Key()).Showing("key-constant")
	case len(a.Known) == 0:
		return Found(Note, "there was no connection before that the key could be compared with")
	}
	return Finding{}
}

// hasOrigin: where there is an Origin, it is one, and written as one.
func hasOrigin(a Half) Finding {
	origins := a.Head.Head.Values("Origin")
	switch {
	case len(origins) == 0 || len(origins) == 1 && origins[0] == "null":
		return Finding{}
	case len(origins) > 1:
		return Found(Fail, "it sends %d Origins", len(origins))
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Found(Warning, "its Origin is %q, and a scheme, a host and perhaps a port are due (RFC 6454 §6.2)", origins[0])
	}
	return Finding{}
}

// hasSubprotocols: what is offered are tokens, each once.
func hasSubprotocols(a Half) Finding {
	list := a.Head.Head.Tokens("Sec-WebSocket-Protocol")
	if len(list) == 0 && len(a.Head.Head.Values("Sec-WebSocket-Protocol")) > 0 {
		return Found(Fail, "it sends Sec-WebSocket-Protocol and offers none")
	}
	for i, p := range list {
		switch {
		case !wire.IsToken(p):
			return Found(Fail, "it offers the subprotocol %q, which is no token", p)
		case slices.Contains(list[:i], p):
			return Found(Fail, "it offers the subprotocol %q twice", p)
		}
	}
	return Finding{}
}

// hasExtensions: what is offered keeps the grammar and the RFC of the extension.
func hasExtensions(a Half) Finding {
	list, ok := wire.ParseExtensions(a.Head.Head)
	if !ok || len(list) == 0 && len(a.Head.Head.Values("Sec-WebSocket-Extensions")) > 0 {
		return Found(Fail, "its Sec-WebSocket-Extensions breaks the grammar")
	}
	for _, e := range list {
		if strings.HasPrefix(strings.ToLower(e.Name), "x-") {
			return Found(Warning, "it offers the extension %q, which is not registered", e.Name)
		}
	}
	return Finding{}
}

// waits: nothing comes before the answer.
func waits(a Half) Finding {
	if a.Early {
		return Found(Fail, "it sends something before its handshake is answered")
	}
	return Finding{}
}

// asksRight: no rule of the request is broken. Without it the WebSocket would not
// have been opened.
func asksRight(a Half) Finding {
	if vs := a.Head.Violations; len(vs) > 0 {
		return Found(Fail, "%s", vs[0].Error())
	}
	return Finding{}
}
