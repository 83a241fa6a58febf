package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"time"
)

// Scenario is a parsed script.
type Scenario struct {
	Name     string // file name without its extension
	File     string // as errors name it
	Title    string // its first comment
	About    string // the comments between that and the first command
	Text     string // the file
	Setup    Setup
	Answers  bool // "client answers": the raw client answers Ping and Close as a browser does
	Commands []Command

	overrides bool // it changes the request, which a browser cannot do
}

// Setup says how the server's code behaves once the connection is open. Its
// zero value echoes every message.
type Setup struct {
	ByHand      bool          // it does only what the server commands say
	IgnoreClose bool          // it answers no Close frame
	KeepTCP     bool          // it leaves TCP open after the closing handshake
	PingEvery   time.Duration // it sends a Ping at this interval; 0: never
	PongWithin  time.Duration // it ends the connection if no Pong arrives in this time
	Limit       int           // of a message that it receives, in bytes; 0: the endpoint's own
	Origin      string        // the only Origin that its code accepts; empty: the library decides
	Process     bool          // it runs in a process of its own, which can be killed
}

// Browser reports whether a browser can be the client of s.
func (s *Scenario) Browser() bool {
	if s.overrides {
		return false
	}
	for i := range s.Commands {
		if !s.Commands[i].browser() {
			return false
		}
	}
	return true
}

// Plain reports whether any server can play s: its code only has to echo, to send
// text and to close.
func (s *Scenario) Plain() bool {
	if s.Setup != (Setup{}) {
		return false
	}
	for _, c := range s.Commands {
		if c.Who == ByServer && !c.verb.plain {
			return false
		}
	}
	return true
}

// Load parses every *.txt of dir in fsys, ordered by name. Its error joins the errors of
// all files, each a *LineError. Load still returns the scenarios without a mistake.
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
			errs = append(errs, &LineError{file, 1, err})
			continue
		}
		s, err := Parse(file, strings.ReplaceAll(string(text), "\r\n", "\n"))
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			errs = append(errs, joined.Unwrap()...)
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// Find returns the scenario called name, or an error with similar names.
func Find(all []*Scenario, name string) (*Scenario, error) {
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	slices.SortStableFunc(names, func(a, b string) int { return common(b, name) - common(a, name) })
	return nil, fmt.Errorf("there is no scenario %.40q; the folder lessons/scenarios has %d, such as %s", name, len(names), strings.Join(names[:min(len(names), 5)], ", "))
}

// common returns how many bytes a and b have in common at their beginnings.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
