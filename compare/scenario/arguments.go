package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// An argument is the rest of a line after the words of a verb. The errors of parse
// continue those words: "read needs …".
type argument struct {
	usage   string // as a person writes it: "CODE REASON"
	example string
	parse   func(c *Command, rest string) error
}

// The arguments of all verbs.
var (
	nothing  = argument{"", "", parseNothing}
	request  = argument{"METHOD PROTO", "", parseRequest}
	text     = argument{"WORDS", "Hello", parseText}
	data     = argument{"HEX", "81 00", parseData}
	parts    = argument{`"A" "B"`, `"He" "llo"`, parseParts}
	two      = argument{`"A" "B"`, `"first" "second"`, parseTwo}
	pieces   = argument{"N M", "10 4", parsePieces}
	code     = argument{"CODE REASON", "1000 bye", parseCode}
	frames   = argument{"N|eof", "1", parseFrames}
	expected = argument{"text|binary|ping|pong|close|eof|reset …", "text Hello", parseExpected}
	duration = argument{"DURATION", "10ms", parseDuration}
)

// count parses a number. Errors call the number what.
func count(what string, least, most int) argument {
	return argument{"N", strconv.Itoa(least), func(c *Command, rest string) error {
		n, err := strconv.Atoi(rest)
		if err != nil || n < least || n > most {
			return fmt.Errorf("needs %s from %d to %d", what, least, most)
		}
		c.Count = n
		return nil
	}}
}

func parseNothing(_ *Command, rest string) error {
	if rest != "" {
		return fmt.Errorf("needs no argument, but has %q", clip(rest))
	}
	return nil
}

func parseRequest(c *Command, rest string) error {
	switch said := strings.Fields(rest); len(said) {
	case 0:
	case 2:
		c.Opening.Method, c.Opening.Proto = said[0], said[1]
	default:
		return errors.New("needs no argument, or a method and a protocol such as GET HTTP/1.0")
	}
	return nil
}

// parseText reads the rest of the line. The text is as written, or in quotes as in Go,
// where \x writes any byte.
func parseText(c *Command, rest string) error {
	text, err := unquote(rest)
	c.Bytes = []byte(text)
	return err
}

func unquote(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	plain, err := strconv.Unquote(text)
	if err != nil {
		return "", fmt.Errorf(`needs words, or one text in quotes with \" and \x as in Go, but has %s`, clip(text))
	}
	return plain, nil
}

func parseData(c *Command, rest string) error {
	b, err := ParseHex(rest)
	if err != nil {
		return fmt.Errorf("needs bytes in hex: %w", err)
	}
	c.Bytes = b
	return nil
}

// parseParts reads texts in quotes.
func parseParts(c *Command, rest string) error {
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil || quoted[0] != '"' {
			return fmt.Errorf(`needs texts in quotes such as "a" "b", but has %s`, clip(rest))
		}
		text, _ := strconv.Unquote(quoted)
		c.Parts = append(c.Parts, []byte(text))
		rest = rest[len(quoted):]
	}
	if n := len(c.Parts); n == 0 || n > maxParts {
		return fmt.Errorf("needs 1 to %d texts in quotes", maxParts)
	}
	return nil
}

func parseTwo(c *Command, rest string) error {
	if err := parseParts(c, rest); err != nil || len(c.Parts) != 2 {
		return errors.New(`needs two texts in quotes such as "a" "b"`)
	}
	return nil
}

// parsePieces reads the size of a message and the size of its parts.
func parsePieces(c *Command, rest string) error {
	said := strings.Fields(rest)
	if len(said) == 0 || len(said) > 2 {
		return errors.New("needs a number of bytes, and perhaps a second number: how many in each write")
	}
	size, err := strconv.Atoi(said[0])
	if err != nil || size < 1 || size > maxRepeat {
		return fmt.Errorf("needs a number of bytes from 1 to %d", maxRepeat)
	}
	each := size
	if len(said) == 2 {
		if each, err = strconv.Atoi(said[1]); err != nil || each < 1 || (size+each-1)/each > maxPieces {
			return fmt.Errorf("needs a second number that makes at most %d parts", maxPieces)
		}
	}
	for all := bytes.Repeat([]byte("a"), size); len(all) > 0; {
		n := min(each, len(all))
		c.Parts = append(c.Parts, all[:n:n])
		all = all[n:]
	}
	return nil
}

func parseFrames(c *Command, rest string) error {
	if rest == "eof" {
		return nil
	}
	return count("eof, or a number of frames", 1, 1000).parse(c, rest)
}

func parseDuration(c *Command, rest string) error {
	d, err := durationOf(rest)
	if err != nil {
		return fmt.Errorf("needs a duration: %w", err)
	}
	c.For = d
	return nil
}

func durationOf(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxWait {
		return 0, fmt.Errorf("%q is not a duration of at most %v, such as 200ms or 1.5s", clip(s), maxWait)
	}
	return d, nil
}

// parseCode reads the code and the reason of a Close frame, valid or not. Without a
// code, the body is empty.
func parseCode(c *Command, rest string) error {
	if rest == "" {
		return nil
	}
	number, reason := cutWord(rest)
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return fmt.Errorf("needs no argument, or a close code from 0 to 65535 and a reason, but has %q", clip(number))
	}
	if c.Reason, err = unquote(reason); err != nil {
		return err
	}
	c.Code, c.Coded = wire.CloseCode(n), true
	return nil
}

func parseExpected(c *Command, rest string) error {
	kind, rest := cutWord(rest)
	c.Want = Want{Kind: kind, Any: rest == ""}
	var args func(*Command, string) error
	switch kind {
	case "text", "ping", "pong":
		args = parseText
	case "binary":
		args = parseData
	case "close":
		args = parseCode
	case "eof", "reset":
		args = parseNothing
	default:
		return errors.New("needs text, binary, ping, pong, close, eof or reset")
	}
	if err := args(c, rest); err != nil {
		return fmt.Errorf("%s %w", kind, err)
	}
	if len(c.Bytes) > dissect.KeepMessage {
		return fmt.Errorf("%s needs at most %d bytes: the recording keeps no more of a message", kind, dissect.KeepMessage)
	}
	c.Want.Payload = c.Bytes
	if kind == "close" {
		c.Want.Payload = c.CloseBody()
	}
	return nil
}
