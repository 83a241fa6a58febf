package wire

import (
	"fmt"
	"testing"
)

func TestAKeyIsBase64OfExactly16Bytes(t *testing.T) {
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==":     true,
		"AAAAAAAAAAAAAAAAAAAAAA==":     true,
		"":                             false,
		"dGhlIHNhbXBsZSBub25jZQ":       false, // no padding
		"AQIDBAUGBwgJCgsMDQ4PEC==":     true,  // the example of RFC 6455 §4.1, with bits set that carry nothing
		"dGhlIHNhbXBsZSBub25jZQ==\r\n": false,
		"dGhlIHNhbXBsZSBub25j":         false, // 15 bytes
		"dGhlIHNhbXBsZSBub25jZSE=":     false, // 17 bytes
		"dGhlIHNhbXBsZS-ub25jZQ==":     false, // the alphabet of URLs
	} {
		if ValidKey(key) != want {
			t.Errorf("ValidKey(%q) is %t", key, !want)
		}
	}
}

func ExampleAccept() {
	fmt.Println(Accept("dGhlIHNhbXBsZSBub25jZQ=="))
	// Output: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
}
