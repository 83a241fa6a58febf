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

// Bounds of a scenario, which may be a learner's.
const (
	MaxText     = 8 << 10 // of one that is not a file of the course
	maxCommands = 100
	maxWait     = 2 * time.Minute // that a command asks for
	maxRepeat   = 4 << 20
	maxCrowd    = 32
	maxParts    = 64
)

// verb is a command's words and what follows them.
type verb struct {
	words string
	who   Who
	args  func(c *Command, rest string) error
}

// verbs are all commands. Of two that both fit the longer is meant.
var verbs = []verb{
	{"open", ByClient, openArgs},
	{"send text", ByClient, words},
	{"send binary", ByClient, data},
	{"send repeat", ByClient, count("how many bytes to send", 1, maxRepeat)},
	{"send fragments", ByClient, parts},
	{"ping", ByClient, words},
	{"pong", ByClient, words},
	{"close", ByClient, code},
	{"bytes", ByClient, data},
	{"read", ByClient, read},
	{"expect", ByClient, expect},
	{"reading off", ByClient, nothing},
	{"reading on", ByClient, nothing},
	{"tcp close", ByClient, nothing},
	{"tcp half", ByClient, nothing},
	{"tcp reset", ByClient, nothing},
	{"leave", ByClient, nothing},
	{"patience", ByClient, duration},
	{"crowd", ByClient, count("how many more clients come", 1, maxCrowd)},

	{"server read", ByServer, nothing},
	{"server send text", ByServer, words},
	{"server send binary", ByServer, data},
	{"server send fragments", ByServer, parts},
	{"server ping", ByServer, words},
	{"server pong", ByServer, words},
	{"server close", ByServer, code},
	{"server says close", ByServer, code},
	{"server hangs up", ByServer, code},
	{"server bytes", ByServer, data},
	{"server tcp read", ByServer, nothing},
	{"server tcp write", ByServer, data},
	{"server tcp close", ByServer, nothing},
	{"server tcp half", ByServer, nothing},
	{"server tcp reset", ByServer, nothing},
	{"server kill", ByServer, nothing},
	{"server shutdown", ByServer, nothing},

	{"wire hold", ByWire, nothing},
	{"wire run", ByWire, nothing},
	{"wire release", ByWire, nothing},
	{"wire drop", ByWire, nothing},
	{"wire silent", ByWire, nothing},
	{"wire delay", ByWire, duration},
	{"wire split", ByWire, count("how many bytes a TCP write has at most", 1, 1<<16)},

	{"wait server", ByNobody, nothing},
	{"wait pong", ByNobody, nothing},
	{"wait", ByNobody, duration},
	{"note", ByNobody, nothing},
}

// byHand are the server's commands that only a server by hand obeys: the code
// that echoes is in the library's read.
var byHand = []string{"server read", "server tcp read"}

// settings stand before open.
var settings = map[string]func(*parser, string) error{
	"field":  (*parser).field,
	"remove": (*parser).remove,
	"server": (*parser).server,
	"client": (*parser).client,
}

// Parse reads a scenario. Its error joins all there are; each says
// "file:line: what".
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
		p.fail(fmt.Errorf("there are %d commands, and a scenario may have %d", n, maxCommands))
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return p.s, nil
}

// ParseLearner is Parse for a text that somebody typed, bounded by MaxText.
func ParseLearner(name, text string) (*Scenario, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%s:1: the scenario has %d bytes, and may have %d", name, len(text), MaxText)
	}
	return Parse(name+".txt", text)
}

type parser struct {
	s        *Scenario
	at       int      // the line
	comments []string // right above it
	opening  Opening
	given    map[string]bool // names of fields that stood in a field line
	opened   bool
	errs     []error
}

func (p *parser) fail(err error) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d: %w", p.s.File, p.at, err))
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
			p.fail(errors.New("a transcript stands below a command"))
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
	first, rest := cutWord(line)
	if setting := settings[first]; setting != nil && (!p.opened || first == "field" || first == "remove" || first == "client") {
		if p.opened {
			p.fail(fmt.Errorf("%q must stand before open", first))
			return
		}
		if first != "server" || isSetting(rest) {
			if err := setting(p, rest); err != nil {
				p.fail(err)
			}
			return
		}
	}
	p.command(line, said)
}

// command reads a line that is something to do.
func (p *parser) command(line, said string) {
	v, rest, err := findVerb(line)
	if err != nil {
		p.fail(err)
		return
	}
	c := Command{Line: p.at, End: p.at, Text: line, Say: said, Who: v.who, Verb: v.words, Code: wire.NoStatusReceived}
	if err := v.args(&c, rest); err != nil {
		p.opened = p.opened || v.words == "open" // one mistake is told once
		p.fail(fmt.Errorf("%s %w", v.words, err))
		return
	}
	switch {
	case c.Verb == "open" && p.opened:
		p.fail(errors.New("open stands twice"))
		return
	case c.Verb == "open":
		p.opened = true
		opening := p.opening
		if c.Opening.Method != "" {
			opening.Method, opening.Proto = c.Opening.Method, c.Opening.Proto
		}
		c.Opening = opening
	case !p.opened:
		p.fail(fmt.Errorf("%s needs an open before it", c.Verb))
	case slices.Contains(byHand, c.Verb) && !p.s.Setup.ByHand:
		p.fail(fmt.Errorf("%s needs the setting server by hand: the code that echoes reads by itself", c.Verb))
	case c.Verb == "server kill" && !p.s.Setup.Process:
		p.fail(errors.New("server kill needs the setting server in a process"))
	case c.Who == ByServer && c.Verb != "server kill" && p.s.Setup.Process:
		p.fail(fmt.Errorf("%s does not reach a server in a process of its own, which only echoes until it is killed", c.Verb))
	}
	if n := len(p.s.Commands); c.Verb == "bytes" && said == "" && n > 0 && p.s.Commands[n-1].Verb == "bytes" && p.s.Commands[n-1].End == p.at-1 {
		// Lines that follow each other leave in one write, so that how TCP cuts them
		// is the same in every run.
		last := &p.s.Commands[n-1]
		last.Bytes = append(last.Bytes, c.Bytes...)
		last.Text += "\n" + c.Text
		last.End = p.at
		return
	}
	p.s.Commands = append(p.s.Commands, c)
}

// findVerb returns the longest verb that line begins with.
func findVerb(line string) (found verb, rest string, err error) {
	said := strings.Fields(line)
	best := 0
	for _, v := range verbs {
		w := strings.Fields(v.words)
		if len(w) > best && len(said) >= len(w) && slices.Equal(said[:len(w)], w) {
			found, best = v, len(w)
		}
	}
	if best > 0 {
		rest = line
		for range best {
			_, rest = cutWord(rest)
		}
		return found, rest, nil
	}
	var near []string // those that begin with the same word
	for _, v := range verbs {
		if w := strings.Fields(v.words); w[0] == said[0] {
			near = append(near, v.words)
		}
	}
	if near != nil {
		return verb{}, "", fmt.Errorf("there is no command %q; there are %s", clip(line), strings.Join(near, ", "))
	}
	return verb{}, "", fmt.Errorf("there is no command %q; there are %s", clip(said[0]), strings.Join(firstWords(), ", "))
}

// cutWord parts a line into its first word and what follows the space after it.
func cutWord(line string) (word, rest string) {
	if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
		return line[:i], strings.TrimLeftFunc(line[i:], unicode.IsSpace)
	}
	return line, ""
}

// firstWords returns how commands and settings begin.
func firstWords() []string {
	all := []string{"field", "remove"}
	for _, v := range verbs {
		if w, _, _ := strings.Cut(v.words, " "); !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// clip shortens what is quoted in an error.
func clip(s string) string { return recording.Clip(s, 40) }

// field gives the request a header field. Once it takes the place of the usual
// one, twice it stands there twice.
func (p *parser) field(rest string) error {
	name, value, ok := strings.Cut(rest, ":")
	if !ok {
		return errors.New("a field is written NAME: VALUE")
	}
	p.s.overrides = true
	f := wire.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	if key := strings.ToLower(f.Name); p.given[key] {
		p.opening.Fields = append(p.opening.Fields, f)
	} else {
		p.given[key] = true
		p.opening.Set(f.Name, f.Value)
	}
	return nil
}

func (p *parser) remove(rest string) error {
	p.s.overrides = true
	if !p.opening.Remove(rest) {
		return fmt.Errorf("there is no field %q to remove", rest)
	}
	return nil
}

func (p *parser) client(rest string) error {
	if rest != "answers" {
		return errors.New("of the client there is one setting: client answers")
	}
	p.s.Answers = true
	return nil
}

// isSetting reports whether rest, after the word server, is a setting.
func isSetting(rest string) bool {
	switch strings.Join(strings.Fields(rest), " ") {
	case "by hand", "ignores close", "keeps tcp", "in a process":
		return true
	}
	return strings.HasPrefix(strings.TrimSpace(rest), "pings")
}

func (p *parser) server(rest string) error {
	said := strings.Fields(rest)
	switch strings.Join(said, " ") {
	case "by hand":
		p.s.Setup.ByHand = true
	case "ignores close":
		p.s.Setup.IgnoreClose = true
	case "keeps tcp":
		p.s.Setup.KeepTCP = true
	case "in a process":
		if p.s.Setup != (Setup{}) {
			return errors.New("a server in a process has no other settings: it echoes")
		}
		p.s.Setup.Process = true
		return nil
	default:
		if len(said) != 5 || said[1] != "every" || said[3] != "within" {
			return errors.New("server pings is followed by every DURATION within DURATION")
		}
		every, err := parseDuration(said[2])
		if err != nil {
			return err
		}
		within, err := parseDuration(said[4])
		if err != nil {
			return err
		}
		if within > every {
			return fmt.Errorf("a Pong must be waited for no longer than until the next Ping: %s is more than %s", said[4], said[2])
		}
		p.s.Setup.PingEvery, p.s.Setup.PongWithin = every, within
	}
	switch setup := p.s.Setup; {
	case setup.Process:
		return errors.New("a server in a process has no other settings: it echoes")
	case setup.ByHand && setup.PingEvery > 0:
		return errors.New("a server by hand sends no Pings by itself")
	}
	return nil
}
