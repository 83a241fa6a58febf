package wire

import (
	"slices"
	"strings"
)

// extensionsField is the header field for the extensions of both ends.
const extensionsField = "Sec-WebSocket-Extensions"

// An Extension is one item of Sec-WebSocket-Extensions: an offer of the client
// or the answer of the server.
type Extension struct {
	Name   string
	Params []Param
}

// A Param is a parameter of an Extension. A missing value differs from an empty value,
// which the grammar does not allow.
type Param struct {
	Name, Value string
	HasValue    bool
}

// String returns e as in the header field.
func (e Extension) String() string {
	s := e.Name
	for _, p := range e.Params {
		s += "; " + p.String()
	}
	return s
}

// String returns p as in the header field. A value is a token, so it needs no quotes.
func (p Param) String() string {
	if p.HasValue {
		return p.Name + "=" + p.Value
	}
	return p.Name
}

// ParseExtensions parses all fields called Sec-WebSocket-Extensions as one list, in
// order: several fields mean the same as one with commas (RFC 6455 §9.1). A value may be
// quoted. ok is false if the value does not follow the grammar.
func ParseExtensions(h Head) (list []Extension, ok bool) {
	for _, s := range h.Values(extensionsField) {
		for s = skipSpace(s); s != ""; {
			// A comma with nothing before it is an empty item, which a list may have.
			if s[0] == ',' {
				s = skipSpace(s[1:])
				continue
			}
			var e Extension
			if e.Name, s = cutToken(s); e.Name == "" {
				return nil, false
			}
			for s != "" && s[0] == ';' {
				var p Param
				if p, s, ok = cutParam(skipSpace(s[1:])); !ok {
					return nil, false
				}
				e.Params = append(e.Params, p)
			}
			if s != "" && s[0] != ',' {
				return nil, false
			}
			list = append(list, e)
		}
	}
	return list, true
}

// cutParam cuts name, name=token or name="token" off the front of s.
func cutParam(s string) (p Param, rest string, ok bool) {
	if p.Name, s = cutToken(s); p.Name == "" {
		return p, s, false
	}
	if s == "" || s[0] != '=' {
		return p, s, true
	}
	p.HasValue = true
	if s = skipSpace(s[1:]); s == "" || s[0] != '"' {
		p.Value, s = cutToken(s)
		return p, s, p.Value != ""
	}
	// The text between the quotes must be a token after unescaping. A token contains no
	// quote and no backslash, so the first quote ends the text.
	quoted, s, ok := strings.Cut(s[1:], `"`)
	p.Value = strings.ReplaceAll(quoted, `\`, "")
	ok = ok && IsToken(p.Value) && !strings.Contains(quoted, `\\`) && !strings.HasSuffix(quoted, `\`)
	return p, skipSpace(s), ok
}

// cutToken cuts a token and the space after it off the front of s.
func cutToken(s string) (token, rest string) {
	rest = strings.TrimLeft(s, tokenChars)
	return s[:len(s)-len(rest)], skipSpace(rest)
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t") }

// HasExtension reports whether the extension called name is in Sec-WebSocket-Extensions,
// with any parameters. If the value does not follow the grammar, it returns false.
func (h Head) HasExtension(name string) bool {
	list, _ := ParseExtensions(h)
	return slices.ContainsFunc(list, func(e Extension) bool { return strings.EqualFold(e.Name, name) })
}

// CheckExtensions returns a violation if Sec-WebSocket-Extensions cannot be parsed. The
// receiver, in either role, must fail the connection (RFC 6455 §9.1).
func CheckExtensions(h Head) []Violation {
	if _, ok := ParseExtensions(h); !ok {
		return []Violation{RuleExtensionGrammar.Broken(found(h, extensionsField) + ".")}
	}
	return nil
}
