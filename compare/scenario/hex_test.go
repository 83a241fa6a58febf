package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHexIsReadHoweverItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"8105":                      "\x81\x05",
		" 81\t05\r\n48,65 ":         "\x81\x05He",
		"0x81, 0X05 0xFf":           "\x81\x05\xff",
		"0x8105":                    "\x81\x05",
		"00 01":                     "\x00\x01",
		"0x":                        "",
		strings.Repeat("ab ", 1000): strings.Repeat("\xab", 1000),
	} {
		if got, err := ParseHex(text); err != nil || string(got) != want {
			t.Errorf("%q gives % x, %v", text, got, err)
		}
	}
}

func TestWhatIsNotHexIsToldWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		what string
	}{
		{"8", 0, `"8" is alone: a byte has two hex digits`},
		{"81 5", 3, `"5" is alone: a byte has two hex digits`},
		{"81 5 66", 3, `"5" is alone: a byte has two hex digits`},
		{"81 g5", 3, `'g' is not a hex digit`},
		{"81 €", 3, `'€' is not a hex digit`},
		{"10x5", 2, `'x' is not a hex digit`},
		{"0x8", 2, `"8" is alone: a byte has two hex digits`},
		{"81;05", 2, `';' is not a hex digit`},
	} {
		b, err := ParseHex(c.text)
		var he *HexError
		if !errors.As(err, &he) || he.At != c.at || he.What != c.what || b != nil {
			t.Errorf("%q gives %x, %v, want character %d: %s", c.text, b, err, c.at+1, c.what)
		}
	}
}

// FuzzParseHex holds for any text: what is read comes out the same when it is
// written again, and an error names a place within the text.
func FuzzParseHex(f *testing.F) {
	for _, s := range []string{"", "81 05", "0x81,0x05", "8", "zz", "€", "0x", "0 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseHex(s)
		if err == nil {
			if again, err := ParseHex(fmt.Sprintf("% x", b)); err != nil || string(again) != string(b) {
				t.Fatalf("%q gives % x, which gives % x, %v", s, b, again, err)
			}
			return
		}
		var he *HexError
		if !errors.As(err, &he) || he.At < 0 || he.At >= len(s) || !utf8.ValidString(he.What) {
			t.Fatalf("%q gives %v", s, err)
		}
		// What is before it is right, but for the first digit of the byte that it is
		// the second of.
		before, err := ParseHex(s[:he.At])
		var half *HexError
		if err != nil && !(errors.As(err, &half) && half.At == he.At-1) {
			t.Fatalf("%q is said to go wrong at %d, and what is before it gives % x, %v", s, he.At, before, err)
		}
	})
}
