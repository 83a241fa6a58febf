package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"wslab/reference/wire"
)

// A setting is a line before open that says how one end behaves.
type setting struct {
	words string // the words at the start of the line
	usage string // the rest of the line, as a person writes it; may be empty
	says  string // what it does, for a person who writes scenarios
	set   func(p *parser, rest string) error
}

// settings is the table of all settings.
var settings = []setting{
	{"field", "NAME: VALUE", "sets this header field of the client's handshake; a second line adds a second field", (*parser).field},
	{"remove", "NAME", "removes this header field from the client's handshake", (*parser).remove},
	{"request cut", "N", "sends N bytes of the request first, and the rest once the server has read them", (*parser).cut},
	{"request then", "HEX", "sends these bytes in the same write as the request", (*parser).then},
	{"client answers", "", "the raw client answers Ping and Close, as a browser does", func(p *parser, _ string) error {
		p.s.Answers = true
		return nil
	}},
	{"server by hand", "", "the server does only what its commands say; without this it echoes every message", serverIs(func(s *Setup) { s.ByHand = true })},
	{"server ignores close", "", "the server does not answer a Close frame", serverIs(func(s *Setup) { s.IgnoreClose = true })},
	{"server keeps tcp", "", "the server leaves the TCP connection open after the closing handshake", serverIs(func(s *Setup) { s.KeepTCP = true })},
	{"server pings", "every DURATION within DURATION", "the server sends Pings, and closes TCP if a Pong is late", (*parser).pings},
	{"server limit", "N", "the server accepts messages of at most N bytes; without this, 1,048,576", (*parser).limit},
	{"server accepts origin", "ORIGIN", "the server's code refuses a handshake with another `Origin`", (*parser).origin},
	{"server in a process", "", "the server runs in a process of its own, which can be killed", serverIs(func(s *Setup) { s.Process = true })},
}

// serverIs changes how the server behaves.
func serverIs(change func(*Setup)) func(*parser, string) error {
	return func(p *parser, _ string) error {
		change(&p.s.Setup)
		return p.s.Setup.check()
	}
}

// check returns an error if two settings of s exclude each other.
func (s Setup) check() error {
	switch {
	case s.Process && s != (Setup{Process: true}):
		return errors.New("a server in a process has no other settings: it echoes")
	case s.ByHand && s.PingEvery > 0:
		return errors.New("a server by hand cannot send Pings by itself")
	}
	return nil
}

// field gives the request a header field. The first line for a name replaces the
// default field; each further line adds one.
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

func (p *parser) limit(rest string) error {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > maxLimit {
		return fmt.Errorf("server limit needs a number of bytes from 1 to %d", maxLimit)
	}
	p.s.Setup.Limit = n
	return p.s.Setup.check()
}

func (p *parser) origin(rest string) error {
	if rest == "" || len(strings.Fields(rest)) != 1 {
		return errors.New("server accepts origin needs an origin such as https://chat.example")
	}
	p.s.Setup.Origin = rest
	return p.s.Setup.check()
}

func (p *parser) cut(rest string) error {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > maxCut {
		return fmt.Errorf("request cut needs a number of bytes from 1 to %d", maxCut)
	}
	p.s.overrides = true
	p.opening.Cut = n
	return nil
}

func (p *parser) then(rest string) error {
	b, err := ParseHex(rest)
	if err != nil || len(b) == 0 {
		return fmt.Errorf("request then needs bytes in hex: %w", cmp.Or(err, errors.New("there are none")))
	}
	p.s.overrides = true
	p.opening.Then = b
	return nil
}

func (p *parser) pings(rest string) error {
	said := strings.Fields(rest)
	if len(said) != 4 || said[0] != "every" || said[2] != "within" {
		return errors.New("server pings needs every DURATION within DURATION")
	}
	every, err := durationOf(said[1])
	if err != nil {
		return err
	}
	within, err := durationOf(said[3])
	if err != nil {
		return err
	}
	if within > every {
		return fmt.Errorf("the time for a Pong, %s, is longer than the time between two Pings, %s", said[3], said[1])
	}
	p.s.Setup.PingEvery, p.s.Setup.PongWithin = every, within
	return p.s.Setup.check()
}
