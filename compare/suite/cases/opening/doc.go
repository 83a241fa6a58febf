// Package opening has the cases about the opening handshake: RFC 6455 §4, §9.1 and
// §11.3, and the rules of the WHATWG for browsers. checks.go checks one half of
// the handshake. The words are those of package spec, imported with a dot so that a
// case reads as text in that language.
package opening
