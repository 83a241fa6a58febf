package wire

import (
	"crypto/sha1"
	"encoding/base64"
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

// AppendSwitchingProtocols appends the response that accepts the handshake of a client
// with this Sec-WebSocket-Key: its head, with more fields at the end (RFC 6455 §4.2.2).
func AppendSwitchingProtocols(dst []byte, key string, more ...Field) []byte {
	fields := []Field{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", Accept(key)}}
	return AppendHead(dst, "HTTP/1.1 101 Switching Protocols", append(fields, more...)...)
}

// Values returns the value of every field called name, in upper or lower case, without
// surrounding white space.
func (h Head) Values(name string) []string {
	var vs []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			vs = append(vs, strings.Trim(f.Value, " \t"))
		}
	}
	return vs
}

// Tokens returns the items of the comma-separated lists in all fields called name, as if
// they were one list (RFC 9110 §5.3).
func (h Head) Tokens(name string) []string {
	var ts []string
	for t := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if t = strings.Trim(t, " \t"); t != "" {
			ts = append(ts, t)
		}
	}
	return ts
}

// HasToken reports whether token is in the list called name, in upper or lower case.
func (h Head) HasToken(name, token string) bool {
	return slices.ContainsFunc(h.Tokens(name), func(t string) bool { return strings.EqualFold(t, token) })
}

// Key returns the Sec-WebSocket-Key, "" if there is none.
func (h Head) Key() string {
	return append(h.Values("Sec-WebSocket-Key"), "")[0]
}

// Authority returns the host and port of the request. If the target is a whole URL, they
// are from that URL, not from Host (RFC 9112 §3.2.2).
func (h Head) Authority() string {
	if u, err := url.ParseRequestURI(h.Target); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.Join(h.Values("Host"), ", ")
}

// GUID is the string of RFC 6455 §1.3. A server that does not know WebSocket will not
// use it by accident.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// KeySize is the size of a decoded Sec-WebSocket-Key in bytes (RFC 6455 §4.1).
const KeySize = 16

// Accept returns the Sec-WebSocket-Accept for key, which is the Sec-WebSocket-Key as
// received, not decoded (RFC 6455 §4.2.2).
func Accept(key string) string {
	//lesson:begin accept
	return Hash(key + GUID)
	//lesson:end
}

// Hash returns the SHA-1 hash of s in base64.
func Hash(s string) string {
	//lesson:begin hash
	sum := sha1.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
	//lesson:end
}

// ValidKey reports whether key is base64 of exactly KeySize bytes. The unused bits at
// the end need not be 0: the example key in RFC 6455 §4.1 ends in 1s, and RFC 4648 §3.5
// leaves this to the decoder.
func ValidKey(key string) bool {
	//lesson:begin validkey
	b, err := base64.StdEncoding.DecodeString(key) // the decoder ignores line ends, so check the length
	return err == nil && len(b) == KeySize && len(key) == base64.StdEncoding.EncodedLen(KeySize)
	//lesson:end
}

// CheckRequest returns every rule of RFC 6455 §4.2.1 and §9.1 that a client's handshake
// breaks. The server refuses with the Status of the first.
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
		vs.when(!IsToken(f.Name), &RuleHeaderGrammar, "The name of the header field %q is not a token.", f.Name)
	}
	hosts := h.Values("Host")
	vs.when(len(hosts) != 1, &RuleHost, "There are %d Host fields.", len(hosts))
	vs.when(len(hosts) == 1 && !uri.IsHost(hosts[0]), &RuleHost, "Host is %.60q.", strings.Join(hosts, ""))
	//lesson:begin check-upgrade
	vs.when(!h.HasToken("Upgrade", "websocket"), &RuleUpgrade, "%s.", found(h, "Upgrade"))
	vs.when(!h.HasToken("Connection", "Upgrade"), &RuleConnection, "%s.", found(h, "Connection"))
	//lesson:end
	//lesson:begin check-key
	keys := h.Values("Sec-WebSocket-Key")
	vs.when(len(keys) == 0, &RuleKeyMissing, "Sec-WebSocket-Key is missing.")
	vs.when(len(keys) > 1, &RuleKeyRepeated, "Sec-WebSocket-Key appears %d times.", len(keys))
	vs.when(len(keys) == 1 && !ValidKey(h.Key()), &RuleKeyLength, "Sec-WebSocket-Key is %q.", h.Key())
	//lesson:end
	//lesson:begin check-version
	vs.when(!slices.Equal(h.Values("Sec-WebSocket-Version"), []string{"13"}), &RuleVersion, "%s.", found(h, "Sec-WebSocket-Version"))
	//lesson:end
	for _, p := range h.Tokens("Sec-WebSocket-Protocol") {
		vs.when(!IsToken(p), &RuleSubprotocols, "The item %q is not a token.", p)
	}
	return append(vs, CheckExtensions(h)...)
}

// CheckResponse returns every rule of RFC 6455 §4.1 and §9.1, and of RFC 7692 §7.1, that
// a server's response to request breaks.
func CheckResponse(request, h Head) []Violation {
	var vs violations
	if h.Status != 101 {
		vs.broke(&RuleStatus, "The status is %d.", h.Status)
		return vs // a plain HTTP response, so the other rules do not apply
	}
	upgrades := len(h.Tokens("Upgrade")) == 1 && h.HasToken("Upgrade", "websocket")
	vs.when(!upgrades, &RuleRespUpgrade, "%s.", found(h, "Upgrade"))
	vs.when(!h.HasToken("Connection", "Upgrade"), &RuleRespConnection, "%s.", found(h, "Connection"))
	//lesson:begin check-accept
	want := Accept(request.Key())
	got := h.Values("Sec-WebSocket-Accept")
	vs.when(len(got) != 1, &RuleAcceptMissing, "Sec-WebSocket-Accept appears %d times.", len(got))
	vs.when(len(got) == 1 && got[0] != want, &RuleAcceptWrong, "Sec-WebSocket-Accept is %s, but should be %s.", strings.Join(got, ""), want)
	//lesson:end
	answers, _ := ParseExtensions(h)
	for _, e := range answers {
		vs.when(!request.HasExtension(e.Name), &RuleRespExtension, "The server chose the extension %q.", e.Name)
	}
	vs = append(vs, CheckExtensions(h)...)
	_, _, unfit := CheckDeflateResponse(request, h)
	vs = append(vs, unfit...)
	chosen := strings.Join(h.Values("Sec-WebSocket-Protocol"), ", ")
	// Subprotocols have their own registry (§1.9), and upper and lower case differ.
	offered := len(h.Values("Sec-WebSocket-Protocol")) == 0 || slices.Contains(request.Tokens("Sec-WebSocket-Protocol"), chosen)
	vs.when(!offered, &RuleRespSubprotocol, "The server chose the subprotocol %q.", chosen)
	return vs
}

// found describes the values of the fields called name.
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

// IsToken reports whether s is a token of RFC 9110 §5.6.2. A field name is one.
func IsToken(s string) bool { return s != "" && strings.Trim(s, tokenChars) == "" }
