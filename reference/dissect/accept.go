package dissect

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"wslab/reference/wire"
)

// MisprintedGUID is the most frequent misprint of the GUID in public code.
const MisprintedGUID = "258EAFA5-E914-47DA-95CA-5AB0DC85B11B"

// misprints are the misprints of the GUID in public code.
var misprints = []string{
	MisprintedGUID,
	"258EAFA5-E914-47DA-95CA-5AB5DC11D65B",
	"258EAFA5-E914-47DA-95CA-5AB5DC11D65A",
	"258EAFA5-E914-47DA-95CA-5AB5DC11D685",
}

// Mistake names the mistake by which a server computed got as the Sec-WebSocket-Accept
// for key. It tries each known mistake and compares the result. code is for programs,
// words are for people. Both are empty if got is right. If no known mistake gives got,
// code is empty and words say so.
func Mistake(key, got string) (code, words string) {
	if got == wire.Accept(key) {
		return "", ""
	}
	if got == "" {
		return "", "there is no Sec-WebSocket-Accept"
	}
	for _, guid := range misprints {
		if got == wire.Hash(key+guid) {
			return "guid-misprint", "the GUID is a known misprint: " + guid
		}
	}
	sum := sha1.Sum([]byte(key + wire.GUID))
	digits := hex.EncodeToString(sum[:])
	decoded, _ := base64.StdEncoding.DecodeString(key)
	switch got {
	case wire.Hash(key + strings.ToLower(wire.GUID)):
		return "guid-lower-case", "the GUID is in lower case"
	case wire.Hash(string(decoded) + wire.GUID):
		return "key-decoded-before-hash", "the server decoded the key from base64 before hashing it"
	case wire.Hash(key + "\r\n" + wire.GUID):
		return "key-hashed-with-crlf", "the server hashed the key with the CR LF after it"
	case wire.Hash(key):
		return "guid-left-out", "the server left out the GUID"
	case wire.Hash(wire.GUID + key):
		return "guid-before-key", "the server put the GUID before the key"
	case base64.StdEncoding.EncodeToString([]byte(digits)), base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(digits))):
		return "hash-hex-before-base64", "the server wrote the hash in hex before encoding it in base64"
	case digits:
		return "hash-in-hex", "the hash is in hex, not base64"
	case base64.URLEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:]), base64.RawStdEncoding.EncodeToString(sum[:]):
		return "accept-other-base64", "the base64 has another alphabet or no padding"
	case key:
		return "accept-is-key", "the server sent the key back unchanged"
	}
	return "", "no known mistake gives this value"
}
