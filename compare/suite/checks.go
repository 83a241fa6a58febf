package suite

import (
	"fmt"
	"strings"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// These are the headChecks that cases name.

// startsAs: an answer's first line is of HTTP/1.1, with a status of three digits
// and a space behind it.
func startsAs(h *dissect.Handshake) (Verdict, string) {
	const shape = "HTTP/1.1 101 "
	switch {
	case strings.HasPrefix(h.Line, shape):
		return Pass, ""
	case h.Line == strings.TrimSpace(shape):
		return NonStrict, "its status line has no space behind the status (RFC 9112 §4)"
	}
	return Fail, fmt.Sprintf("its first line is %.60q, and %q is due", h.Line, shape)
}

// hasOnly: the field called name is there once, with this value in any case.
func hasOnly(name, value string) headCheck {
	return func(h *dissect.Handshake) (Verdict, string) {
		switch vs := h.Head.Values(name); {
		case len(vs) == 1 && vs[0] == value:
			return Pass, ""
		case len(vs) == 1 && strings.EqualFold(vs[0], value):
			return Info, fmt.Sprintf("its %s is %q, in a case of its own", name, vs[0])
		default:
			return NonStrict, fmt.Sprintf("its %s is %q, and %q alone is due", name, vs, value)
		}
	}
}

// atMostOnce: the field called name is not repeated.
func atMostOnce(name string) headCheck {
	return func(h *dissect.Handshake) (Verdict, string) {
		if n := len(h.Head.Values(name)); n > 1 {
			return Fail, fmt.Sprintf("it sends %s %d times", name, n)
		}
		return Pass, ""
	}
}

// without: none of these fields is there.
func without(verdict Verdict, names ...string) headCheck {
	return func(h *dissect.Handshake) (Verdict, string) {
		for _, name := range names {
			if vs := h.Head.Values(name); len(vs) > 0 {
				return verdict, fmt.Sprintf("it sends %s: %s", name, strings.Join(vs, ", "))
			}
		}
		return Pass, ""
	}
}

// keepsGrammar: each header line is a name, a colon and a value.
func keepsGrammar(h *dissect.Handshake) (Verdict, string) {
	for _, l := range h.Lines {
		switch {
		case !wire.IsToken(l.Name):
			return Fail, fmt.Sprintf("the name of a header field is %q", l.Name)
		case strings.ContainsFunc(l.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
			return Fail, fmt.Sprintf("the value of %s has a control character", l.Name)
		}
	}
	return Pass, ""
}

// endsLines: each line ends in CR LF.
func endsLines(h *dissect.Handshake) (Verdict, string) {
	if text := string(h.Octets()); strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		return Fail, "a line ends in LF alone"
	}
	return Pass, ""
}

// namesVersion: a refusal says which versions there are.
func namesVersion(h *dissect.Handshake) (Verdict, string) {
	switch {
	case h.Head.HasToken("Sec-WebSocket-Version", "13"):
		return Pass, ""
	case len(h.Head.Values("Sec-WebSocket-Version")) > 0:
		return Fail, "its Sec-WebSocket-Version does not name 13"
	}
	return Fail, "its refusal does not say in Sec-WebSocket-Version which versions it speaks"
}

// hasEnd: it can be told where a refusal's content ends.
func hasEnd(h *dissect.Handshake) (Verdict, string) {
	if h.Head.Status == 101 || len(h.Head.Values("Content-Length")) == 1 || len(h.Head.Values("Transfer-Encoding")) == 1 || h.Head.HasToken("Connection", "close") {
		return Pass, ""
	}
	return NonStrict, "its refusal has neither Content-Length nor Transfer-Encoding nor Connection: close, so only the end of TCP ends it"
}

// allOf is all of checks: the gravest counts.
func allOf(checks ...headCheck) headCheck {
	return func(h *dissect.Handshake) (worst Verdict, why string) {
		for _, check := range checks {
			if v, text := check(h); v.graver(worst) {
				worst, why = v, text
			}
		}
		return worst, why
	}
}
