package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are well-formed and ill-formed in every way that matters: overlong,
// surrogates, above U+10FFFF, cut, stray continuation bytes.
var texts = []string{
	"", "a", "Hello", "Grüße", "κόσμε", "日本語", "🙂", "\x00", "\x7f",
	"\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff",
	"\x80", "\xbf", "a\x80", "\xc0\x80", "\xc1\xbf", "\xc3\x28", "\xe0\x80\x80", "\xe0\x9f\xbf",
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80", "\xff", "\xfe", "\xc3", "\xe6\x97", "\xf0\x9f\x99", "κόσμε\xed\xa0\x80edited",
	"\xe6\x97a", "\xf0\x9f\x99\x82\x82", "\xf8\x88\x80\x80\x80",
}

// firstBad returns the index of the first byte of s that makes it invalid UTF-8, or
// len(s). It tries every prefix with unicode/utf8, and every way to complete it.
func firstBad(s string) int {
	for n := 1; n <= len(s); n++ {
		if !completable(s[:n]) {
			return n - 1
		}
	}
	return len(s)
}

// completable reports whether up to three bytes can make s well-formed.
func completable(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	for _, tail := range []string{"\x80", "\x90", "\xa0", "\xbf", "\x80\x80", "\x90\x80", "\xa0\x80", "\xbf\x80", "\x80\x80\x80", "\x90\x80\x80"} {
		if utf8.ValidString(s + tail) {
			return true
		}
	}
	return false
}

func TestTextIsJudgedAlikeHoweverItIsCut(t *testing.T) {
	for _, s := range texts {
		want := firstBad(s)
		for first := range len(s) + 1 {
			for second := first; second <= len(s); second++ {
				var u UTF8
				at := 0
				for _, piece := range []string{s[:first], s[first:second], s[second:]} {
					n := u.Check([]byte(piece))
					at += n
					if n < len(piece) {
						break
					}
				}
				if at != want {
					t.Fatalf("%q cut at %d and %d: the first wrong byte is %d, want %d", s, first, second, at, want)
				}
				if at == len(s) && u.Complete() != utf8.ValidString(s) {
					t.Fatalf("%q cut at %d and %d: Complete is %t", s, first, second, u.Complete())
				}
			}
		}
	}
}

// FuzzUTF8 holds UTF8 against unicode/utf8, for a text cut anywhere.
func FuzzUTF8(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s), uint(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint) {
		cut %= uint(len(b) + 1)
		var u UTF8
		at := u.Check(b[:cut])
		if at == int(cut) {
			at += u.Check(b[cut:])
		}
		if valid := at == len(b) && u.Complete(); valid != utf8.Valid(b) {
			t.Fatalf("%q cut at %d: well-formed is %t", b, cut, valid)
		}
		if at < len(b) && (completable(string(b[:at+1])) || !completable(string(b[:at]))) {
			t.Fatalf("%q cut at %d: byte %d is not the first wrong one", b, cut, at)
		}
	})
}

func BenchmarkUTF8(b *testing.B) {
	for _, text := range []struct{ name, text string }{{"ascii", "Hello, world. "}, {"mixed", "Grüße, 日本語. "}} {
		p := []byte(strings.Repeat(text.text, 5000))
		b.Run(text.name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				var u UTF8
				if u.Check(p) < len(p) {
					b.Fatal("the text is refused")
				}
			}
		})
	}
}
