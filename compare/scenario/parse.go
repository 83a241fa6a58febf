package scenario

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// Limits of a scenario, because a learner may have written it.
const (
	MaxText     = 8 << 10 // of a learner's text, in bytes
	maxCommands = 100
	maxWait     = 2 * time.Minute // of one command
	maxRepeat   = 4 << 20
	maxCrowd    = 32
	maxParts    = 64
	maxPieces   = 256
	maxLimit    = 64 << 20 // of a message, in bytes
	maxCut      = 4096     // bytes of a request before its cut
)

// Parse reads a scenario. Its error joins one *LineError for each mistake.
func Parse(file, text string) (*Scenario, error) {
	p := &parser{
		s:       &Scenario{Name: strings.TrimSuffix(path.Base(file), path.Ext(file)), File: file, Text: text},
		opening: DefaultOpening(), given: map[string]bool{},
	}
	for i, line := range strings.Split(text, "\n") {
		p.at = i + 1
		p.line(strings.TrimSpace(line))
	}
	p.at = 1
	if p.s.Title == "" {
		p.fail(errors.New("the first comment must say what the scenario shows"))
	}
	if !p.opened {
		p.fail(errors.New("there is no open"))
	}
	if n := len(p.s.Commands); n > maxCommands {
		p.at = p.s.Commands[maxCommands].Line
		p.fail(fmt.Errorf("there are %d commands; the limit is %d", n, maxCommands))
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return p.s, nil
}

// ParseLearner is Parse for the text of a learner, of at most MaxText bytes.
func ParseLearner(name, text string) (*Scenario, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%s:1: the scenario has %d bytes; the limit is %d", name, len(text), MaxText)
	}
	return Parse(name+".txt", text)
}

// A LineError is one mistake in the text of a scenario.
type LineError struct {
	File string
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

type parser struct {
	s        *Scenario
	at       int      // the line
	comments []string // comment lines directly above the line
	opening  Opening
	given    map[string]bool // names of fields that had a field line
	opened   bool
	errs     []error
}

func (p *parser) fail(err error) {
	p.errs = append(p.errs, &LineError{p.s.File, p.at, err})
}

// line reads one line.
func (p *parser) line(line string) {
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		comment = strings.TrimSpace(comment)
		if p.s.Title == "" {
			p.s.Title = comment
			return
		}
		p.comments = append(p.comments, comment)
		return
	}
	if transcript, ok := strings.CutPrefix(line, "|"); ok {
		if n := len(p.s.Commands); n > 0 {
			c := &p.s.Commands[n-1]
			c.Transcript = append(c.Transcript, strings.TrimPrefix(transcript, " "))
		} else {
			p.fail(errors.New("a transcript must follow a command"))
		}
		return
	}
	said := strings.Join(p.comments, " ")
	p.comments = nil
	if line == "" {
		if p.s.About == "" && len(p.s.Commands) == 0 {
			p.s.About = said
		}
		return
	}
	if i, rest := longest(line, len(settings), func(i int) string { return settings[i].words }); i >= 0 {
		if err := p.setting(settings[i], rest); err != nil {
			p.fail(err)
		}
		return
	}
	p.command(line, said)
}

// setting reads a line with a setting.
func (p *parser) setting(s setting, rest string) error {
	if p.opened {
		return fmt.Errorf("%q must come before open", s.words)
	}
	if s.usage == "" {
		if err := parseNothing(nil, rest); err != nil {
			return fmt.Errorf("%s %w", s.words, err)
		}
	}
	return s.set(p, rest)
}

// command reads a line with a command.
func (p *parser) command(line, said string) {
	v, rest, err := findVerb(line)
	if err != nil {
		p.fail(err)
		return
	}
	c := Command{Line: p.at, End: p.at, Text: line, Say: said, Who: v.who, Verb: v.words, Code: wire.NoStatusReceived, verb: v}
	if err := v.args.parse(&c, rest); err != nil {
		p.opened = p.opened || v.awaits == AwaitsOpening // report one mistake once
		p.fail(fmt.Errorf("%s %w", v.words, err))
		return
	}
	switch {
	case v.awaits == AwaitsOpening && p.opened:
		p.fail(errors.New("there is a second open"))
		return
	case v.awaits == AwaitsOpening:
		p.opened = true
		opening := p.opening
		if c.Opening.Method != "" {
			opening.Method, opening.Proto = c.Opening.Method, c.Opening.Proto
		}
		c.Opening = opening
	case !p.opened:
		p.fail(fmt.Errorf("%s needs an open before it", c.Verb))
	default:
		if err := v.fits(p.s.Setup); err != nil {
			p.fail(err)
		}
	}
	if n := len(p.s.Commands); v.joins && said == "" && n > 0 && p.s.Commands[n-1].verb == v && p.s.Commands[n-1].End == p.at-1 {
		// Successive lines of bytes leave in one write, so TCP cuts them in the same way
		// in every run.
		last := &p.s.Commands[n-1]
		last.Bytes = append(last.Bytes, c.Bytes...)
		last.Text += "\n" + c.Text
		last.End = p.at
		return
	}
	p.s.Commands = append(p.s.Commands, c)
}

// findVerb returns the longest verb that line begins with.
func findVerb(line string) (found *verb, rest string, err error) {
	if i, rest := longest(line, len(verbs), func(i int) string { return verbs[i].words }); i >= 0 {
		return verbs[i], rest, nil
	}
	for old, words := range renamed {
		if i, rest := longest(line, 1, func(int) string { return old }); i >= 0 {
			return nil, "", fmt.Errorf("%s is now called %s. Write: %s", old, words, clip(joined(words, rest)))
		}
	}
	first, _ := cutWord(line)
	var near []string // the verbs that begin with the same word
	for _, words := range allWords() {
		if w, _ := cutWord(words); w == first {
			near = append(near, words)
		}
	}
	if near != nil {
		return nil, "", fmt.Errorf("there is no command %q; there are %s", clip(line), strings.Join(near, ", "))
	}
	return nil, "", fmt.Errorf("there is no command %q; there are %s", clip(first), strings.Join(firstWords(), ", "))
}

// longest returns the index of the longest of n phrases that line begins with, or -1.
// White space divides words. rest is the text after the phrase.
func longest(line string, n int, phrase func(int) string) (found int, rest string) {
	said := strings.Fields(line)
	found, best := -1, 0
	for i := range n {
		if w := strings.Fields(phrase(i)); len(w) > best && len(said) >= len(w) && slices.Equal(said[:len(w)], w) {
			found, best = i, len(w)
		}
	}
	for range best {
		_, line = cutWord(line)
	}
	return found, line
}

// cutWord splits a line into its first word and the rest after the space.
func cutWord(line string) (word, rest string) {
	if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
		return line[:i], strings.TrimLeftFunc(line[i:], unicode.IsSpace)
	}
	return line, ""
}

// allWords returns the words of all settings and commands.
func allWords() (all []string) {
	for _, s := range settings {
		all = append(all, s.words)
	}
	for _, v := range verbs {
		all = append(all, v.words)
	}
	return all
}

// firstWords returns how commands and settings begin.
func firstWords() (all []string) {
	for _, words := range allWords() {
		if w, _ := cutWord(words); !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// clip shortens a quotation in an error.
func clip(s string) string { return recording.Clip(s, 40) }
