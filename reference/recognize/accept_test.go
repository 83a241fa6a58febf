package recognize

import (
	"strings"
	"testing"

	"wslab/reference/wire"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455 §1.3

// keys are keys whose hashes differ in what a slip could hide: the last three hashes begin
// with, contain and end with a zero byte, and one key contains +.
var keys = []string{sampleKey, "x3JJHMbDL1EzLkh9GBhXDw==", "gQmEAWE0jYUzDa5Z+0UfPg=="}

func TestTheSlipOfAWrongAcceptIsNamed(t *testing.T) {
	for _, c := range []struct{ got, code, words string }{
		// Values from public code and captures, and of other programs.
		{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", ""},
		{"84sZS124gGGfrmxVbxoRgsdwG7w=", "guid-misprint", "258EAFA5-E914-47DA-95CA-5AB0DC85B11B"},
		{"oTYf8w8uN9dmWLQsgPa0ssJjDCY=", "guid-misprint", "258EAFA5-E914-47DA-95CA-5AB5DC11D65B"},
		{"Q4sXzbfMsUjXc4AmHBjfdIPOGhg=", "guid-misprint", "258EAFA5-E914-47DA-95CA-5AB5DC11D65A"},
		{"xwR0HFqnokhQTQOQyhual8z1Tw8=", "guid-misprint", "258EAFA5-E914-47DA-95CA-5AB5DC11D685"},
		{"WJfwerbIozKsJXHxxI0JTO1SQgU=", "guid-lower-case", "lower case"},
		{"BXhwxM0SZasKmCD9S4BfpPmCnEw=", "key-decoded-before-hash", "from base64 before"},
		{"kex8Ji4w0ek1Mc3Dwcf4mOpf5b4=", "key-hashed-with-crlf", "CR LF"},
		{"hHLtf2V1k8aDQZfNjw3Ia1hCwt0=", "guid-left-out", "left out the GUID"},
		{"YjM3YTRmMmNjMDYyNGYxNjkwZjY0NjA2Y2YzODU5NDViMmJlYzRlYQ==", "hash-hex-before-base64", "hex"},
		{"b37a4f2cc0624f1690f64606cf385945b2bec4ea", "hash-in-hex", "not base64"},
		{"s3pPLMBiTxaQ9kYGzzhZRbK-xOo=", "accept-other-base64", "alphabet"},
		{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "accept-other-base64", "padding"},
		{wire.Hash(wire.GUID + sampleKey), "guid-before-key", "before the key"},
		{sampleKey, "accept-is-key", "unchanged"},
		{wire.Hash(wire.GUID), "key-left-out", "without the key"},
		{"", "", "there is no"},
		{"AAAA", "", "no known"},
		// Two slips at once: the key with its CR, and the GUID in lower case.
		{wire.Hash(sampleKey + "\r" + strings.ToLower(wire.GUID)), "key-hashed-with-cr", "lower case"},
		{wire.Hash(wire.GUID + "dGhlIHNhbXBsZSBub25jZQ"), "key-without-padding", "before the key"},
	} {
		if code, words := Mistake(sampleKey, c.got); code != c.code || !strings.Contains(words, c.words) || (words == "") != (c.words == "") {
			t.Errorf("%q is called %q, %q; want %q, %q", c.got, code, words, c.code, c.words)
		}
	}
}

// Every slip must be named as itself, for every key for which it changes the value.
func TestEverySlipIsNamedAsItself(t *testing.T) {
	for _, key := range keys {
		for _, s := range Slips() {
			got := s.Value(key)
			if got == wire.Accept(key) || got == "" {
				continue // this key hides the slip
			}
			code, words := Mistake(key, got)
			if code != s.Code {
				t.Errorf("%s: the slip %s (%s) gives %q, which is called %s: %s", key, s.Code, s.words, got, code, words)
			}
		}
	}
}

// A wrong value that no slip gives must not get a name.
func FuzzMistake(f *testing.F) {
	f.Add(sampleKey, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
	f.Add("", "")
	f.Add("====", "\x00")
	f.Fuzz(func(t *testing.T, key, got string) {
		code, words := Mistake(key, got)
		if (words == "") != (got == wire.Accept(key)) {
			t.Errorf("%q for %q: %q, %q", got, key, code, words)
		}
	})
}

func BenchmarkMistakeUnknown(b *testing.B) {
	for b.Loop() {
		Mistake(sampleKey, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	}
}
