package wire

import (
	"crypto/sha1"
	"encoding/base64"
)

// GUID is the string of RFC 6455 §1.3 that no server would echo by accident.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// KeySize is the bytes of a Sec-WebSocket-Key once base64 is decoded
// (RFC 6455 §4.1).
const KeySize = 16

// Accept returns the Sec-WebSocket-Accept that answers key, the text of
// Sec-WebSocket-Key as it stood in the request, not decoded (RFC 6455 §4.2.2).
func Accept(key string) string {
	//lesson:begin accept
	return Hash(key + GUID)
	//lesson:end
}

// AppendSwitchingProtocols appends the response that accepts the handshake of a client
// with this Sec-WebSocket-Key: its head, with more fields at the end (RFC 6455 §4.2.2).
func AppendSwitchingProtocols(dst []byte, key string, more ...Field) []byte {
	fields := []Field{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", Accept(key)}}
	return AppendHead(dst, "HTTP/1.1 101 Switching Protocols", append(fields, more...)...)
}

// Hash returns base64 of the SHA-1 of s, the step that Accept is made of.
func Hash(s string) string {
	//lesson:begin hash
	sum := sha1.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
	//lesson:end
}

// ValidKey reports whether key is base64 of exactly KeySize bytes. The bits
// that base64 has over at the end need not be 0: the key that RFC 6455 §4.1
// gives as an example ends in 1s, and RFC 4648 §3.5 leaves it to the decoder.
func ValidKey(key string) bool {
	//lesson:begin validkey
	b, err := base64.StdEncoding.DecodeString(key) // it skips line ends, hence the length
	return err == nil && len(b) == KeySize && len(key) == base64.StdEncoding.EncodedLen(KeySize)
	//lesson:end
}
