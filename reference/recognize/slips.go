package recognize

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

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

// step is one step of the computation of Sec-WebSocket-Accept, in order.
type step int

const (
	stepKey    step = iota // the text of the key
	stepJoin               // the key and the GUID
	stepText               // the bytes of that text
	stepHash               // the hash of these bytes
	stepDigest             // the bytes of the hash, as the program keeps them
	stepWrite              // the value of the field
)

// usual is each step without a slip.
var usual = [...]func(string) string{
	stepKey:    func(s string) string { return s },
	stepJoin:   func(key string) string { return key + wire.GUID },
	stepText:   func(s string) string { return s },
	stepHash:   func(s string) string { sum := sha1.Sum([]byte(s)); return string(sum[:]) },
	stepDigest: func(s string) string { return s },
	stepWrite:  standard,
}

func standard(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A Slip is a mistake in one step of the computation of Sec-WebSocket-Accept.
type Slip struct {
	Code  string // for programs; several slips may share one
	words string // for people: "the server left out the GUID"
	step  step
	does  func(string) string // the step with the slip
	alone bool                // is not combined with another slip, because that would take long
}

// Value returns the Sec-WebSocket-Accept that a server with this slip alone sends for key.
func (s Slip) Value(key string) string { return made(key, []Slip{s}) }

// Slips returns all slips, those in an earlier step first.
func Slips() []Slip { return slips }

var slips = slices.Concat(keySlips(), joinSlips(), textSlips(), hashSlips(), digestSlips(), writeSlips())

func keySlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepKey, does: does}
	}
	after := func(end string) func(string) string { return func(key string) string { return key + end } }
	return []Slip{
		slip("key-decoded-before-hash", "the server decoded the key from base64 before hashing it", decoded),
		slip("key-hashed-with-crlf", "the server hashed the key with the CR LF after it", after("\r\n")),
		slip("key-hashed-with-cr", "the server hashed the key with the CR after it", after("\r")),
		slip("key-hashed-with-lf", "the server hashed the key with a LF after it", after("\n")),
		slip("key-hashed-with-space", "the server hashed the key with the space before it", func(key string) string { return " " + key }),
		slip("key-hashed-with-space", "the server hashed the key with a space after it", after(" ")),
		slip("key-hashed-with-name", "the server hashed the whole line of the key, with the name of the field", func(key string) string { return "Sec-WebSocket-Key: " + key }),
		slip("key-hashed-with-nul", "the server hashed the key with the NUL at the end of its string", after("\x00")),
		slip("key-without-padding", "the server removed the = signs from the key", func(key string) string { return strings.TrimRight(key, "=") }),
		slip("key-without-padding", "the server lost the last = of the key", func(key string) string { return strings.TrimSuffix(key, "=") }),
		slip("key-in-other-case", "the server hashed the key in lower case", strings.ToLower),
		slip("key-in-other-case", "the server hashed the key in capitals", strings.ToUpper),
		slip("key-quoted", "the server hashed the key in quotation marks", func(key string) string { return `"` + key + `"` }),
		slip("key-cut", "the server hashed only the first 16 characters of the key", func(key string) string { return key[:min(16, len(key))] }),
		slip("key-cut", "the server lost the first character of the key", func(key string) string { return key[min(1, len(key)):] }),
		slip("key-as-url", "the server read + in the key as a space, as in the query of a URL", func(key string) string { return strings.ReplaceAll(key, "+", " ") }),
		slip("key-as-url", "the server hashed the key with its + / = written as in a URL", func(key string) string {
			return strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(key)
		}),
		slip("key-decoded-before-hash", "the server decoded the key and hashed it in hex", func(key string) string { return hex.EncodeToString([]byte(decoded(key))) }),
	}
}

// decoded returns the bytes that key encodes in base64.
func decoded(key string) string {
	b, _ := base64.StdEncoding.DecodeString(key) // of another text, the bytes before the error
	return string(b)
}

func joinSlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepJoin, does: does}
	}
	with := func(guid string) func(string) string { return func(key string) string { return key + guid } }
	plain := strings.ReplaceAll(wire.GUID, "-", "")
	raw, _ := hex.DecodeString(plain) // the GUID is a constant
	little := slices.Clone(raw)       // as a GUID lies in the memory of Windows: three numbers, then bytes
	slices.Reverse(little[:4])
	slices.Reverse(little[4:6])
	slices.Reverse(little[6:8])
	all := []Slip{
		slip("guid-left-out", "the server left out the GUID", with("")),
		slip("guid-before-key", "the server put the GUID before the key", func(key string) string { return wire.GUID + key }),
		slip("key-left-out", "the server hashed the GUID without the key", func(string) string { return wire.GUID }),
		slip("guid-lower-case", "the GUID is in lower case", with(strings.ToLower(wire.GUID))),
		slip("guid-without-dashes", "the GUID has no dashes", with(plain)),
		slip("guid-without-dashes", "the GUID has no dashes and is in lower case", with(strings.ToLower(plain))),
		slip("guid-as-bytes", "the GUID is hashed as 16 bytes, not as its 36 characters", with(string(raw))),
		slip("guid-as-bytes", "the GUID is hashed as 16 bytes with its first numbers in little-endian order", with(string(little))),
		slip("guid-in-braces", "the GUID is in braces", with("{"+wire.GUID+"}")),
		slip("guid-quoted", "the GUID is in quotation marks", with(`"`+wire.GUID+`"`)),
		slip("guid-with-more", "a space is after the GUID", with(wire.GUID+" ")),
		slip("guid-with-more", "a CR LF is after the GUID", with(wire.GUID+"\r\n")),
		slip("guid-with-more", "a LF is after the GUID", with(wire.GUID+"\n")),
		slip("guid-with-more", "the server hashed the NUL at the end of the GUID's string", with(wire.GUID+"\x00")),
		slip("guid-cut", "the last character of the GUID is missing", with(wire.GUID[:len(wire.GUID)-1])),
		slip("guid-cut", "the first character of the GUID is missing", with(wire.GUID[1:])),
	}
	for _, guid := range misprints {
		all = append(all, slip("guid-misprint", "the GUID is a known misprint: "+guid, with(guid)))
	}
	for _, between := range []struct{ text, name string }{{":", "a colon"}, {"-", "a dash"}, {"+", "a plus sign"}, {",", "a comma"}} {
		all = append(all, slip("joined-with-more", "the server put "+between.name+" between the key and the GUID", func(key string) string { return key + between.text + wire.GUID }))
	}
	return all
}

func textSlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepText, does: does}
	}
	all := []Slip{
		slip("hashed-as-utf-16", "the server hashed the text as UTF-16, little-endian", func(s string) string { return wide(s, binary.LittleEndian) }),
		slip("hashed-as-utf-16", "the server hashed the text as UTF-16, big-endian", func(s string) string { return wide(s, binary.BigEndian) }),
		slip("hashed-as-base64", "the server encoded the text in base64 before hashing it", standard),
		slip("hashed-in-other-case", "the server hashed the key and the GUID in lower case", strings.ToLower),
	}
	for _, size := range []int{62, 63, 64, 65, 80, 100, 125, 126, 127, 128, 150, 200, 255, 256, 500, 512, 1000, 1024, 2048, 4096} {
		buffer := slip("hashed-whole-buffer", fmt.Sprintf("the server hashed its whole buffer of %d bytes, with the zeros after the text", size), func(s string) string {
			return s + strings.Repeat("\x00", max(0, size-len(s)))
		})
		buffer.alone = true
		all = append(all, buffer)
	}
	return all
}

// wide returns s as UTF-16 in the given order.
func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func hashSlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepHash, does: does}
	}
	return []Slip{
		slip("hash-left-out", "the server did not hash anything: the value decodes to the text itself", func(s string) string { return s }),
		slip("hash-other", "the hash is SHA-256", func(s string) string { sum := sha256.Sum256([]byte(s)); return string(sum[:]) }),
		slip("hash-other", "the hash is MD5", func(s string) string { sum := md5.Sum([]byte(s)); return string(sum[:]) }),
		slip("hash-other", "the hash is SHA-512", func(s string) string { sum := sha512.Sum512([]byte(s)); return string(sum[:]) }),
		slip("hash-other", "the hash is SHA-224", func(s string) string { sum := sha256.Sum224([]byte(s)); return string(sum[:]) }),
		slip("hash-other", "the hash is SHA-384", func(s string) string { sum := sha512.Sum384([]byte(s)); return string(sum[:]) }),
		slip("hash-twice", "the server hashed the hash again", func(s string) string { return usual[stepHash](usual[stepHash](s)) }),
		slip("hash-twice", "the server hashed the hash again, in hex", func(s string) string { return usual[stepHash](hex.EncodeToString([]byte(usual[stepHash](s)))) }),
	}
}

func digestSlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepDigest, does: does}
	}
	return []Slip{
		slip("hash-hex-before-base64", "the server wrote the hash in hex before encoding it in base64", func(s string) string { return hex.EncodeToString([]byte(s)) }),
		slip("hash-hex-before-base64", "the server wrote the hash in hex before encoding it in base64", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }),
		slip("hash-cut-at-zero", "the server cut the hash at its first zero byte, as a string of C", func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before }),
		slip("hash-as-text", "the server treated the hash as Latin-1 and wrote it in UTF-8", latin1),
		slip("hash-as-text", "the server treated the hash as UTF-8, and replaced invalid bytes with U+FFFD", func(s string) string { return string([]rune(s)) }),
		slip("hash-as-text", "the server treated the hash as ASCII, and replaced other bytes with a question mark", func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= 0x80 {
					return '?'
				}
				return r
			}, latin1(s))
		}),
		slip("hash-as-text", "the server wrote the hash as UTF-16, little-endian", func(s string) string { return wide(latin1(s), binary.LittleEndian) }),
		slip("hash-as-text", "the server wrote the hash as UTF-16, big-endian", func(s string) string { return wide(latin1(s), binary.BigEndian) }),
		slip("hash-words-swapped", "the five words of the hash are in little-endian order", func(s string) string { return groups(s, 4) }),
		slip("hash-words-swapped", "the bytes of the hash are in reverse order", func(s string) string { return groups(s, len(s)) }),
		slip("hash-cut", "the hash has only its first 16 bytes", func(s string) string { return s[:min(16, len(s))] }),
		slip("hash-cut", "the last byte of the hash is missing", func(s string) string { return s[:max(0, len(s)-1)] }),
		slip("hash-with-more", "a zero byte is after the hash", func(s string) string { return s + "\x00" }),
		slip("hash-with-more", "a LF is after the hash", func(s string) string { return s + "\n" }),
	}
}

// latin1 returns s in UTF-8 if each byte of s is a character of Latin-1.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// groups returns s with the bytes of every group of size bytes reversed.
func groups(s string, size int) string {
	b := []byte(s)
	for group := range slices.Chunk(b, max(1, size)) {
		slices.Reverse(group)
	}
	return string(b)
}

func writeSlips() []Slip {
	slip := func(code, words string, does func(string) string) Slip {
		return Slip{Code: code, words: words, step: stepWrite, does: does}
	}
	numbers := func(between string, signed bool) func(string) string {
		return func(s string) string {
			var out []string
			for i := range len(s) {
				n := int(s[i])
				if signed {
					n = int(int8(s[i]))
				}
				out = append(out, fmt.Sprint(n))
			}
			return strings.Join(out, between)
		}
	}
	return []Slip{
		slip("hash-in-hex", "the hash is in hex, not base64", func(s string) string { return hex.EncodeToString([]byte(s)) }),
		slip("hash-in-hex", "the hash is in hex, not base64", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }),
		slip("hash-in-numbers", "the hash is a list of numbers, not base64", numbers(",", false)),
		slip("hash-in-numbers", "the hash is a list of numbers, not base64", numbers(", ", false)),
		slip("hash-in-numbers", "the hash is a list of numbers, not base64", numbers(" ", false)),
		slip("hash-in-numbers", "the hash is a list of signed numbers, not base64", numbers(", ", true)),
		slip("accept-other-base64", "the base64 has another alphabet or no padding", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }),
		slip("accept-other-base64", "the base64 has another alphabet or no padding", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }),
		slip("accept-other-base64", "the base64 has another alphabet or no padding", func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }),
		slip("accept-in-other-case", "the value is in lower case", func(s string) string { return strings.ToLower(standard(s)) }),
		slip("accept-in-other-case", "the value is in capitals", func(s string) string { return strings.ToUpper(standard(s)) }),
		slip("accept-encoded-twice", "the value is encoded in base64 twice", func(s string) string { return standard(standard(s)) }),
		slip("accept-quoted", "the value is in quotation marks", func(s string) string { return `"` + standard(s) + `"` }),
		slip("accept-quoted", "the value is a byte string of Python", func(s string) string { return `b'` + standard(s) + `'` }),
		slip("accept-cut", "the first character of the value is missing", func(s string) string { return standard(s)[min(1, len(standard(s))):] }),
		slip("accept-with-more", "a line end, written out, is after the value", func(s string) string { return standard(s) + `\r\n` }),
		slip("accept-with-more", "an = more is after the value", func(s string) string { return standard(s) + "=" }),
		slip("accept-with-more", "the name of the field is before the value", func(s string) string { return "Sec-WebSocket-Accept: " + standard(s) }),
		slip("accept-is-input", "the server sent the text itself, neither hashed nor encoded", func(s string) string { return s }),
	}
}
