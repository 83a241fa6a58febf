package wire

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"wslab/reference/uri"
)

// Field is one header field of a handshake as it was received. Repeated names
// are separate Fields, in order.
type Field struct{ Name, Value string }

// Head is one half of the opening handshake (RFC 6455 §1.3): a request or a
// response with its header fields, as far as they could be read.
type Head struct {
	Method string // request only
	Target string // request only: the resource name, "/chat"
	Proto  string // "HTTP/1.1"
	Status int    // response only
	Fields []Field
}

// AppendHead appends a start line, fields and the empty line to dst.
func AppendHead(dst []byte, start string, fields ...Field) []byte {
	dst = append(dst, start+"\r\n"...)
	for _, f := range fields {
		dst = append(dst, f.Name+": "+f.Value+"\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// Values returns the value of every field called name, in any case, without
// the white space around it.
func (h Head) Values(name string) []string {
	var vs []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			vs = append(vs, strings.Trim(f.Value, " \t"))
		}
	}
	return vs
}

// Tokens returns the items of the comma-separated lists in all fields called
// name, as if they were one list (RFC 9110 §5.3).
func (h Head) Tokens(name string) []string {
	var ts []string
	for t := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if t = strings.Trim(t, " \t"); t != "" {
			ts = append(ts, t)
		}
	}
	return ts
}

// HasToken reports whether token is in the list called name, in any case.
func (h Head) HasToken(name, token string) bool {
	return slices.ContainsFunc(h.Tokens(name), func(t string) bool { return strings.EqualFold(t, token) })
}

// Key returns the Sec-WebSocket-Key, empty where there is none.
func (h Head) Key() string {
	return append(h.Values("Sec-WebSocket-Key"), "")[0]
}

// Authority returns the host and port that a request is for. Those of a target
// that is a whole URL count in place of Host (RFC 9112 §3.2.2).
func (h Head) Authority() string {
	if u, err := url.ParseRequestURI(h.Target); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.Join(h.Values("Host"), ", ")
}

// CheckRequest returns every rule of RFC 6455 §4.2.1 and §9.1 that a client's
// handshake breaks. The Status of the first is the one to refuse with.
func CheckRequest(h Head) []Violation {
	var vs violations
	//lesson:begin check-method
	vs.when(h.Method != "GET", &RuleMethod, "The method is %q.", h.Method)
	vs.when(!atLeastHTTP11(h.Proto), &RuleHTTPVersion, "The version is %q.", h.Proto)
	//lesson:end
	vs.when(!uri.IsTarget(h.Target), &RuleTarget, "The target is %.60q.", h.Target)
	switch {
	case len(h.Values("Transfer-Encoding")) > 0:
		vs.broke(&RuleBody, "%s.", found(h, "Transfer-Encoding"))
	case slices.ContainsFunc(h.Values("Content-Length"), func(n string) bool { return n != "0" }):
		vs.broke(&RuleBody, "%s.", found(h, "Content-Length"))
	}
	for _, f := range h.Fields {
		vs.when(!IsToken(f.Name), &RuleHeaderGrammar, "The header line %q has no field name of token characters.", f.Name)
	}
	hosts := h.Values("Host")
	vs.when(len(hosts) != 1, &RuleHost, "There are %d Host fields.", len(hosts))
	vs.when(len(hosts) == 1 && !uri.IsHost(hosts[0]), &RuleHost, "Host is %.60q.", strings.Join(hosts, ""))
	//lesson:begin check-upgrade
	vs.when(!h.HasToken("Upgrade", "websocket"), &RuleUpgrade, "%s.", found(h, "Upgrade"))
	vs.when(!h.HasToken("Connection", "Upgrade"), &RuleConnection, "%s.", found(h, "Connection"))
	//lesson:end
	//lesson:begin check-key
	switch keys := h.Values("Sec-WebSocket-Key"); {
	case len(keys) == 0:
		vs.broke(&RuleKeyMissing, "Sec-WebSocket-Key is missing.")
	case len(keys) > 1:
		vs.broke(&RuleKeyRepeated, "Sec-WebSocket-Key appears %d times.", len(keys))
	case !ValidKey(keys[0]):
		vs.broke(&RuleKeyLength, "Sec-WebSocket-Key is %q.", keys[0])
	}
	//lesson:end
	//lesson:begin check-version
	vs.when(!slices.Equal(h.Values("Sec-WebSocket-Version"), []string{"13"}), &RuleVersion, "%s.", found(h, "Sec-WebSocket-Version"))
	//lesson:end
	for _, p := range h.Tokens("Sec-WebSocket-Protocol") {
		vs.when(!IsToken(p), &RuleSubprotocols, "The item %q is no token.", p)
	}
	return append(vs, CheckExtensions(h)...)
}

// CheckResponse returns every rule of RFC 6455 §4.1 and §9.1, and of RFC 7692
// §7.1, that a server's handshake breaks as the answer to request.
func CheckResponse(request, h Head) []Violation {
	var vs violations
	if h.Status != 101 {
		vs.broke(&RuleStatus, "The status is %d.", h.Status)
		return vs // the rest is not a handshake but plain HTTP
	}
	upgrades := len(h.Tokens("Upgrade")) == 1 && h.HasToken("Upgrade", "websocket")
	vs.when(!upgrades, &RuleRespUpgrade, "%s.", found(h, "Upgrade"))
	vs.when(!h.HasToken("Connection", "Upgrade"), &RuleRespConnection, "%s.", found(h, "Connection"))
	//lesson:begin check-accept
	want := Accept(request.Key())
	switch got := h.Values("Sec-WebSocket-Accept"); {
	case len(got) != 1:
		vs.broke(&RuleAcceptMissing, "Sec-WebSocket-Accept appears %d times.", len(got))
	case got[0] != want:
		vs.broke(&RuleAcceptWrong, "Sec-WebSocket-Accept is %s, and %s was due.", got[0], want)
	}
	//lesson:end
	answers, _ := ParseExtensions(h)
	for _, e := range answers {
		vs.when(!request.HasExtension(e.Name), &RuleRespExtension, "The server answers with the extension %q.", e.Name)
	}
	vs = append(vs, CheckExtensions(h)...)
	for _, check := range extensionChecks {
		vs = append(vs, check(request, h)...)
	}
	if ps := h.Values("Sec-WebSocket-Protocol"); len(ps) > 1 {
		vs.broke(&RuleRespSubprotocol, "The server answers with %d subprotocols where one can be agreed on.", len(ps))
	} else if len(ps) == 1 && !slices.Contains(request.Tokens("Sec-WebSocket-Protocol"), ps[0]) {
		// The names are strings of their own registry (§1.9), so case counts.
		vs.broke(&RuleRespSubprotocol, "The server answers with the subprotocol %q.", ps[0])
	}
	return vs
}

// found says in words what the fields called name hold.
func found(h Head, name string) string {
	vs := h.Values(name)
	if len(vs) == 0 {
		return name + " is missing"
	}
	return fmt.Sprintf("%s is %q", name, strings.Join(vs, ", "))
}

// atLeastHTTP11 reports whether proto is HTTP/1.1 or higher (RFC 6455 §4.2.1).
// The numbers have one digit each (RFC 9112 §2.3).
func atLeastHTTP11(proto string) bool {
	is, _ := path.Match("HTTP/[0-9].[0-9]", proto)
	return is && proto >= "HTTP/1.1"
}

// tokenChars are the characters of a token (RFC 9110 §5.6.2).
const tokenChars = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// IsToken reports whether s is a token of RFC 9110 §5.6.2, as a field name is.
func IsToken(s string) bool { return s != "" && strings.Trim(s, tokenChars) == "" }
