package wire

import (
	"crypto/sha1"
	"encoding/base64"
)

// GUID is the string of RFC 6455 §1.3 that no server would echo by accident.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// KeySize is the octets of a Sec-WebSocket-Key once base64 is decoded
// (RFC 6455 §4.1).
const KeySize = 16

// Accept returns the Sec-WebSocket-Accept that answers key, the text of
// Sec-WebSocket-Key as it stood in the request, not decoded (RFC 6455 §4.2.2).
func Accept(key string) string {
	//lesson:begin accept
	sum := sha1.Sum([]byte(key + GUID))
	return base64.StdEncoding.EncodeToString(sum[:])
	//lesson:end
}

// ValidKey reports whether key is base64 of exactly KeySize octets.
func ValidKey(key string) bool {
	//lesson:begin validkey
	b, err := base64.StdEncoding.Strict().DecodeString(key)
	return err == nil && len(b) == KeySize
	//lesson:end
}
