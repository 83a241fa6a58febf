package scenario

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// HexError says where a text is not hex.
type HexError struct {
	At   int // index of the byte of the text
	What string
}

func (e *HexError) Error() string { return fmt.Sprintf("character %d: %s", e.At+1, e.What) }

// ParseHex reads bytes as two hex digits each. It skips white
// space, commas, colons and 0x between them. An error is a *HexError.
func ParseHex(s string) ([]byte, error) {
	var out []byte
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(separators, c) >= 0:
			i++
		case c == '0' && i+1 < len(s) && s[i+1]|0x20 == 'x':
			i += 2
		case !isHex(c):
			return nil, noHex(s, i)
		case i+1 == len(s) || strings.IndexByte(separators, s[i+1]) >= 0:
			return nil, &HexError{i, fmt.Sprintf("%q is alone: a byte has two hex digits", string(c))}
		case !isHex(s[i+1]):
			return nil, noHex(s, i+1)
		default:
			out = append(out, digit(c)<<4|digit(s[i+1]))
			i += 2
		}
	}
	return out, nil
}

// separators may be between two bytes.
const separators = " \t\r\n,:"

// noHex says that the character of s at i is not a hex digit.
func noHex(s string, i int) *HexError {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return &HexError{i, fmt.Sprintf("%q is not a hex digit", r)}
}

// digit returns the value of a hex digit.
func digit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
