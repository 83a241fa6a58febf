package dissect

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"wslab/reference/wire"
)

// MisprintedGUID is the misprint of the GUID that stands in the most public code.
const MisprintedGUID = "258EAFA5-E914-47DA-95CA-5AB0DC85B11B"

// misprints are those of public code.
var misprints = []string{
	MisprintedGUID,
	"258EAFA5-E914-47DA-95CA-5AB5DC11D65B",
	"258EAFA5-E914-47DA-95CA-5AB5DC11D65A",
	"258EAFA5-E914-47DA-95CA-5AB5DC11D685",
}

// Mistake names what was done instead when got is not the Sec-WebSocket-Accept
// for key, by doing each known mistake and comparing: code is for programs, words
// are for people. Both are empty when got is right; code is, too, when no known
// mistake gives it, and words say so.
func Mistake(key, got string) (code, words string) {
	if got == wire.Accept(key) {
		return "", ""
	}
	if got == "" {
		return "", "there is no Sec-WebSocket-Accept"
	}
	for _, guid := range misprints {
		if got == wire.Hash(key+guid) {
			return "guid-misprint", "the GUID is a known misprint, " + guid
		}
	}
	sum := sha1.Sum([]byte(key + wire.GUID))
	digits := hex.EncodeToString(sum[:])
	decoded, _ := base64.StdEncoding.DecodeString(key)
	switch got {
	case wire.Hash(key + strings.ToLower(wire.GUID)):
		return "guid-lower-case", "the GUID is in lower case"
	case wire.Hash(string(decoded) + wire.GUID):
		return "key-decoded-before-hash", "the key was base64-decoded before hashing"
	case wire.Hash(key + "\r\n" + wire.GUID):
		return "key-hashed-with-crlf", "the key was hashed with its CR LF"
	case wire.Hash(key):
		return "guid-left-out", "the GUID was left out"
	case wire.Hash(wire.GUID + key):
		return "guid-before-key", "the GUID was put before the key"
	case base64.StdEncoding.EncodeToString([]byte(digits)), base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(digits))):
		return "hash-hex-before-base64", "the hash was written in hex before base64"
	case digits:
		return "hash-in-hex", "the hash is in hex, not base64"
	case base64.URLEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:]), base64.RawStdEncoding.EncodeToString(sum[:]):
		return "accept-other-base64", "the base64 has another alphabet or no padding"
	case key:
		return "accept-is-key", "the key was sent back as it was"
	}
	return "", "no known mistake gives this value"
}
