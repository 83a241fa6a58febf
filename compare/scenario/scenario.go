package scenario

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"wslab/reference/wire"
)

// Scenario is a parsed script.
type Scenario struct {
	Name     string // file name without its extension
	Title    string // its first comment
	Text     string // the file
	Commands []Command
}

// Command is one line of a Scenario.
type Command struct {
	Line int
	Verb string // open, octets, send, close, read
	// What the verb needs of these:
	Opening Opening
	Octets  []byte // octets: to send as they are
	Text    string // send: the message; close: the reason
	Code    wire.CloseCode
	Frames  int // read: how many more frames; 0 means until the server closes TCP
}

// Load parses every *.txt of dir in fsys, ordered by name. Its error joins all
// errors of all files.
func Load(fsys fs.FS, dir string) ([]*Scenario, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var all []*Scenario
	var errs []error
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s, err := Parse(file, string(text))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// Find returns the scenario called name, or an error that lists those there are.
func Find(all []*Scenario, name string) (*Scenario, error) {
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(names, ", "))
}

// Parse reads a scenario. An error says "file:line: what".
func Parse(file, text string) (*Scenario, error) {
	s := &Scenario{Name: strings.TrimSuffix(path.Base(file), path.Ext(file)), Text: text}
	opening := DefaultOpening()
	var errs []error
	opened, given := false, map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			if s.Title == "" {
				s.Title = strings.TrimSpace(comment)
			}
			continue
		}
		if line == "" {
			continue
		}
		fail := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s:%d: %s", file, i+1, fmt.Sprintf(format, args...)))
		}
		verb, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		c := Command{Line: i + 1, Verb: verb}
		switch verb {
		case "field", "remove":
			if opened {
				fail("%q changes the request, so it must stand before open", verb)
				continue
			}
			name, value, ok := strings.Cut(rest, ":")
			if verb == "field" && !ok {
				fail("a field is written NAME: VALUE")
				continue
			}
			if verb == "field" {
				// Once it takes the place of the usual one, twice it stands there twice.
				f := wire.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
				if key := strings.ToLower(f.Name); given[key] {
					opening.Fields = append(opening.Fields, f)
				} else {
					given[key] = true
					opening.Set(f.Name, f.Value)
				}
			} else if !opening.Remove(rest) {
				fail("there is no field %q to remove", rest)
			}
			continue
		case "open":
			if opened {
				fail("open stands twice")
				continue
			}
			opened = true
			if words := strings.Fields(rest); len(words) == 2 {
				opening.Method, opening.Proto = words[0], words[1]
			} else if len(words) != 0 {
				fail("open takes nothing, or METHOD PROTO")
			}
			c.Opening = opening
		case "octets":
			b, err := ParseHex(rest)
			if err != nil {
				fail("%v", err)
				continue
			}
			c.Octets = b
			if n := len(s.Commands); n > 0 && s.Commands[n-1].Verb == "octets" {
				// Lines that follow each other leave in one write, so that how TCP cuts
				// them is the same in every run.
				s.Commands[n-1].Octets = append(s.Commands[n-1].Octets, b...)
				continue
			}
		case "send":
			kind, words, _ := strings.Cut(rest, " ")
			if kind != "text" {
				fail("send is followed by text and the words to send; anything else is sent with octets")
				continue
			}
			c.Text = words
		case "close":
			code, reason, _ := strings.Cut(rest, " ")
			n, err := strconv.ParseUint(code, 10, 16)
			if err != nil {
				fail("close is followed by a code and a reason, not %q", code)
				continue
			}
			c.Code, c.Text = wire.CloseCode(n), strings.TrimSpace(reason)
		case "read":
			if rest != "eof" {
				n, err := strconv.Atoi(rest)
				if err != nil || n < 1 || n > 1000 {
					fail("read is followed by eof or by how many frames to wait for, 1 to 1000")
					continue
				}
				c.Frames = n
			}
		default:
			fail("there is no command %q; there are field, remove, open, octets, send, close and read", verb)
			continue
		}
		if !opened {
			fail("%s needs an open before it", verb)
		}
		s.Commands = append(s.Commands, c)
	}
	if s.Title == "" {
		errs = append(errs, fmt.Errorf("%s:1: the first comment must say what the scenario shows", file))
	}
	if !opened {
		errs = append(errs, fmt.Errorf("%s:1: there is no open", file))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// HexError says where a text is not hex.
type HexError struct {
	At   int // index of the octet of the text
	What string
}

func (e *HexError) Error() string { return fmt.Sprintf("character %d: %s", e.At+1, e.What) }

// ParseHex reads octets as two hex digits each. White space, commas, colons and 0x
// between them do not matter. An error is a *HexError.
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
			return nil, &HexError{i, fmt.Sprintf("%q stands alone; an octet has two hex digits", string(c))}
		case !isHex(s[i+1]):
			return nil, noHex(s, i+1)
		default:
			b, _ := hex.DecodeString(s[i : i+2])
			out = append(out, b...)
			i += 2
		}
	}
	return out, nil
}

// separators may stand between octets.
const separators = " \t\r\n,:"

// noHex says that the character of s at i is no hex digit.
func noHex(s string, i int) *HexError {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return &HexError{i, fmt.Sprintf("%q is no hex digit", r)}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
