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

// startsAs checks that the first line of a response is HTTP/1.1 101, with a space after
// the status.
func startsAs(a Half) Finding {
	const shape = "HTTP/1.1 101 "
	switch {
	case strings.HasPrefix(a.Head.Line, shape):
		return Finding{}
	case a.Head.Line == strings.TrimSpace(shape):
		return Found(Warning, "its status line does not have a space after the status (RFC 9112 §4)")
	}
	return Found(Fail, "its first line is %.60q; it must begin with %q", a.Head.Line, shape)
}

// hasOnly checks that the response has the field called name once, with this value in any
// case.
func hasOnly(name, value string) HeadCheck {
	return func(a Half) Finding {
		switch vs := a.Head.Head.Values(name); {
		case len(vs) == 1 && vs[0] == value:
			return Finding{}
		case len(vs) == 1 && strings.EqualFold(vs[0], value):
			return Found(Note, "its %s is %q, which differs in case from the RFC", name, vs[0])
		default:
			return Found(Warning, "its %s is %q; RFC 6455 §4.2.2 names the value %q alone", name, vs, value)
		}
	}
}

// without checks that the response has none of these fields.
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

// keepsGrammar checks that each header line is a name, a colon and a value.
func keepsGrammar(a Half) Finding {
	for _, l := range a.Head.Lines {
		switch {
		case !wire.IsToken(l.Name):
			return Found(Fail, "it sends the header field name %q, which is not a token", l.Name)
		case strings.ContainsFunc(l.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
			return Found(Fail, "it sends a control character in the value of %s", l.Name)
		}
	}
	return Finding{}
}

// endsLines checks that each line ends in CR LF.
func endsLines(a Half) Finding {
	if text := string(a.Head.Bytes()); strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		return Found(Fail, "it ends a line in LF alone, not in CR LF")
	}
	return Finding{}
}

// namesVersion checks that a refusal lists the versions that the server speaks.
func namesVersion(a Half) Finding {
	switch {
	case a.Head.Head.Status == 101, a.Head.Head.HasToken("Sec-WebSocket-Version", "13"):
		return Finding{}
	case len(a.Head.Head.Values("Sec-WebSocket-Version")) > 0:
		return Found(Fail, "the Sec-WebSocket-Version of its refusal does not list 13")
	}
	return Found(Fail, "its refusal does not list the versions that it speaks in Sec-WebSocket-Version")
}

// hasEnd checks that a refusal tells the client where its content ends.
func hasEnd(a Half) Finding {
	if a.Head.Head.Status == 101 || len(a.Head.Head.Values("Content-Length")) == 1 || len(a.Head.Head.Values("Transfer-Encoding")) == 1 || a.Head.Head.HasToken("Connection", "close") {
		return Finding{}
	}
	return Found(Warning, "its refusal does not have Content-Length, Transfer-Encoding or Connection: close, so it ends only when the server closes TCP")
}

// allOf makes all checks and returns the worst finding.
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

// hasPort checks that Host has the host and the port of the connection. A client may
// leave out the default port.
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
		f := Found(Fail, "its Host is %q; an IPv6 address must be in brackets (RFC 3986 §3.2.2)", hosts[0])
		if net.ParseIP(name) != nil || net.ParseIP(hosts[0]) != nil {
			return f.Showing("host-without-brackets")
		}
		return f
	case name == "" || strings.ContainsAny(hosts[0], "/?#@ ") || strings.ContainsFunc(port, func(c rune) bool { return c < '0' || c > '9' }):
		return Found(Fail, "its Host is %q, which is not a host with or without a port", hosts[0])
	case hasPort && port == a.Port, port == "" && (a.Port == "80" || a.Port == "443"):
		return Finding{}
	case port == "":
		return Found(Fail, "its Host is %q, without the port %s to which it connected", hosts[0], a.Port).Showing("host-without-port")
	}
	return Found(Warning, "its Host is %q, but it connected to port %s, unless a proxy is between the two", hosts[0], a.Port)
}

// hasKey checks that the key could be a random choice.
func hasKey(a Half) Finding {
	key := a.Head.Head.Key()
	b, err := base64.StdEncoding.DecodeString(key)
	switch {
	case err != nil || len(b) != wire.KeySize:
		return Found(Fail, "its key is %q, which is not base64 of 16 bytes", key)
	case len(slices.Compact(slices.Sorted(slices.Values(b)))) < 4:
		return Found(Fail, "its key is %q, in which almost all bytes are equal", key)
	case slices.Contains([]string{SampleKey, "AQIDBAUGBwgJCgsMDQ4PEC==", "AQIDBAUGBwgJCgsMDQ4PEA==", "x3JJHMbDL1EzLkh9GBhXDw=="}, key):
		return Found(Fail, "its key is %q, which is an example in RFC 6455 or in many tutorials", key).Showing("key-constant")
	case base64.StdEncoding.EncodeToString(b) != key:
		return Found(Note, "its key %q ends in unused bits that are not 0, as the example key of RFC 6455 §4.1 does", key)
	}
	return Finding{}
}

// hasOwnKey checks that no connection before had this key.
func hasOwnKey(a Half) Finding {
	switch {
	case slices.Contains(a.Known, a.Head.Head.Key()):
		return Found(Fail, "it sent the key %s in a connection before", a.Head.Head.Key()).Showing("key-constant")
	case len(a.Known) == 0:
		return Found(Note, "the judge had no connection before with which to compare the key")
	}
	return Finding{}
}

// hasOrigin checks that the request has at most one Origin, and that its form is valid.
func hasOrigin(a Half) Finding {
	origins := a.Head.Head.Values("Origin")
	switch {
	case len(origins) == 0 || len(origins) == 1 && origins[0] == "null":
		return Finding{}
	case len(origins) > 1:
		return Found(Fail, "it sends %d Origin fields", len(origins))
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Found(Warning, "its Origin is %q; it must be a scheme, a host and perhaps a port (RFC 6454 §6.2)", origins[0])
	}
	return Finding{}
}

// hasSubprotocols checks that the client offers different tokens.
func hasSubprotocols(a Half) Finding {
	list := a.Head.Head.Tokens("Sec-WebSocket-Protocol")
	if len(list) == 0 && len(a.Head.Head.Values("Sec-WebSocket-Protocol")) > 0 {
		return Found(Fail, "it sends a Sec-WebSocket-Protocol without a subprotocol")
	}
	for i, p := range list {
		switch {
		case !wire.IsToken(p):
			return Found(Fail, "it offers the subprotocol %q, which is not a token", p)
		case slices.Contains(list[:i], p):
			return Found(Fail, "it offers the subprotocol %q twice", p)
		}
	}
	return Finding{}
}

// hasExtensions checks that the offer follows the grammar and names registered
// extensions.
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

// waits checks that the client sends no bytes before the response.
func waits(a Half) Finding {
	if a.Early {
		return Found(Fail, "it sends bytes before it receives the response")
	}
	return Finding{}
}

// asksRight checks that the request breaks no rule.
func asksRight(a Half) Finding {
	if vs := a.Head.Violations; len(vs) > 0 {
		return Found(Fail, "%s", vs[0].Error())
	}
	return Finding{}
}
