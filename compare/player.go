package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"wslab/compare/browser"
	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/scenario"
)

// player is the client of scenarios.
type player struct {
	suffix string // in the names of its files
	called string // in the text of its files, after the endpoint
	can    func(s *scenario.Scenario) bool
	run    func(ctx context.Context, s *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error)
	write  func(w io.Writer, events []recording.Event) error
}

// raw is the raw client.
var raw = player{
	can: func(*scenario.Scenario) bool { return true },
	run: runner.Run,
	write: func(w io.Writer, events []recording.Event) error {
		return recording.WriteText(w, events, recording.TextOptions{Stable: true})
	},
}

// inBrowser is the browser b.
func inBrowser(b *browser.Browser) player {
	version, _, _ := strings.Cut(b.Name, ".") // minor versions change every few weeks
	return player{
		suffix: "." + string(b.Kind), called: ", " + version,
		can: (*scenario.Scenario).Browser,
		run: b.Run, write: browser.WriteText,
	}
}

// able returns the scenarios that p can play, and lists the others.
func (p player) able(all []*scenario.Scenario, stdout io.Writer) (able []*scenario.Scenario) {
	var not []string
	for _, s := range all {
		if p.can(s) {
			able = append(able, s)
		} else {
			not = append(not, s.Name)
		}
	}
	if len(not) > 0 {
		fmt.Fprintf(stdout, "Left out, because JavaScript cannot do something that the client does: %s.\n", strings.Join(not, ", "))
	}
	return able
}

// file is the name of r's file.
func (p player) file(r result) string {
	return strings.ReplaceAll(r.endpoint, "/", "-") + p.suffix + ".txt"
}
