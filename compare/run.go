package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"wslab/compare/browser"
	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/lessons"
)

// Where the outputs and the scenarios are, from the top of the repository.
var (
	outputsDir   = filepath.Join("compare", "outputs")
	scenariosDir = filepath.Join("lessons", "scenarios")
)

// atOnce is how many scenarios play side by side: most of their time they wait.
const atOnce = 8

// runScenarios is go run ./compare run: it plays scenarios against endpoints,
// writes what happened to a file for each, and says where they differ. It returns
// the exit status: 1 when a scenario could not be played to its end, 2 when
// nothing could begin.
func runScenarios(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	dir := flags.String("out", outputsDir, "`folder` to write to")
	names := flags.String("endpoint", "", "play against these `endpoints` alone, with commas between: "+strings.Join(endpoint.Names(endpoint.Named()), ", "))
	path := flags.String("browser", "", "have the browser at `path`, a Chromium or Firefox, play the client")
	update := flags.Bool("update", false, "write the transcripts in "+scenariosDir+" anew, too")
	named, status, done := parse(flags, "usage: go run ./compare run [flag …] [SCENARIO …]\n", args, stdout, stderr)
	if done {
		return status
	}
	chosen, err := chooseScenarios(named)
	if err != nil {
		return complain(stderr, err)
	}
	client := raw
	if *path != "" {
		if *update {
			return complain(stderr, errors.New("the transcripts are those of the raw client: leave out -update or -browser"))
		}
		b, err := browser.Start(ctx, *path)
		if err != nil {
			return complain(stderr, err)
		}
		defer b.Close()
		client = inBrowser(b)
		if chosen = client.able(chosen, stdout); len(chosen) == 0 {
			return complain(stderr, errors.New("nothing is left to play"))
		}
	}
	var endpoints []endpoint.Endpoint // none: those that can
	for name := range strings.SplitSeq(*names, ",") {
		if name == "" {
			continue
		}
		e, err := endpoint.Find(name)
		if err != nil {
			return complain(stderr, err)
		}
		endpoints = append(endpoints, e)
	}
	if err := writtenTo(*dir); err != nil {
		return complain(stderr, err)
	}
	if *update {
		if err := writtenTo(scenariosDir); err != nil {
			return complain(stderr, err)
		}
	}
	results := playAll(ctx, client, chosen, endpoints)
	confirm(ctx, client, chosen, results, *dir)
	example, played := "", 0
	for i, rs := range results {
		if rs == nil {
			continue
		}
		played++
		s := chosen[i]
		if err := writeResults(client, s, rs, *dir, *update); err != nil {
			return complain(stderr, err)
		}
		fmt.Fprint(stdout, summary(s, rs))
		for _, r := range rs {
			if r.err != nil || r.unsure {
				status = somethingFailed
			}
		}
		if example == "" && len(rs) > 1 {
			example = fmt.Sprintf("To see where two of them differ:\n  diff %s %s\n",
				filepath.Join(*dir, s.Name, client.file(rs[0])), filepath.Join(*dir, s.Name, client.file(rs[1])))
		}
	}
	if played == 0 {
		return complain(stderr, errors.New("interrupted before any scenario was played to its end"))
	}
	fmt.Fprintf(stdout, "\nWritten to %s. %s", *dir, example)
	if example == "" {
		fmt.Fprintln(stdout)
	}
	if ctx.Err() != nil {
		fmt.Fprintf(stdout, "Interrupted: %d of %s were played; the outputs of those that were not are as they were.\n", played, plural(len(chosen), "scenario"))
		return somethingFailed
	}
	return status
}

// chooseScenarios returns the scenarios called names, all where there are none.
func chooseScenarios(names []string) ([]*scenario.Scenario, error) {
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil || len(names) == 0 {
		return all, err
	}
	var chosen []*scenario.Scenario
	for _, name := range names {
		s, err := scenario.Find(all, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// endpointsFor returns against whom s is played where nobody says: those that
// keep to the protocol, and the naive one where it can do what s asks.
func endpointsFor(s *scenario.Scenario) []endpoint.Endpoint {
	if s.Plain() {
		return endpoint.Named()
	}
	return endpoint.All()
}

// result is one scenario played against one endpoint.
type result struct {
	endpoint string
	events   []recording.Event
	err      error
	// unsure says that two plays, the second of them alone, differ from each other
	// and from what is stored. Such a result is chance, and is not stored.
	unsure bool
}

// confirm plays every scenario again, alone, whose result failed or is not what is
// stored in dir. On a machine with much else to do events can come in another order,
// and time can run out.
func confirm(ctx context.Context, client player, all []*scenario.Scenario, results [][]result, dir string) {
	for i, rs := range results {
		for j, r := range rs {
			s := all[i]
			first, err := output(client, s, r)
			stored, missing := os.ReadFile(filepath.Join(dir, s.Name, client.file(r)))
			if err != nil || ctx.Err() != nil || r.err == nil && (missing != nil || bytes.Equal(first, stored)) {
				continue
			}
			e, err := endpoint.Find(r.endpoint)
			if err != nil {
				continue // it is one of a test
			}
			again := result{endpoint: r.endpoint}
			if again.events, again.err = client.run(ctx, s, e); ctx.Err() != nil {
				return
			}
			second, err := output(client, s, again)
			again.unsure = err != nil || !bytes.Equal(second, stored) && !bytes.Equal(second, first)
			rs[j] = again
		}
	}
}

// playAll has client play all against endpoints, several side by side, and returns what
// came of it in the order of all: nil for a scenario that ctx has cut short, for what
// came of that is chance.
func playAll(ctx context.Context, client player, all []*scenario.Scenario, endpoints []endpoint.Endpoint) [][]result {
	results := make([][]result, len(all))
	var work sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i, s := range all {
		them := endpoints
		if them == nil {
			them = endpointsFor(s)
		}
		results[i] = make([]result, len(them))
		for j, e := range them {
			turn <- struct{}{}
			work.Go(func() {
				defer func() { <-turn }()
				if ctx.Err() != nil {
					return
				}
				events, err := client.run(ctx, s, e)
				if err == nil || ctx.Err() == nil {
					results[i][j] = result{endpoint: e.Name, events: events, err: err}
				}
			})
		}
	}
	work.Wait()
	for i, rs := range results {
		if slices.ContainsFunc(rs, func(r result) bool { return r.endpoint == "" }) {
			results[i] = nil
		}
	}
	return results
}

// writeResults writes a file for each of rs below dir, and the transcripts of the
// reference back into the scenario where update is set.
func writeResults(client player, s *scenario.Scenario, rs []result, dir string, update bool) error {
	for _, r := range rs {
		if r.unsure {
			continue
		}
		text, err := output(client, s, r)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, s.Name, client.file(r))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := replaceBytes(file, text); err != nil {
			return err
		}
		if update && r.endpoint == endpoint.Reference {
			text := s.WithTranscripts(recording.Transcript(r.events))
			if err := replaceBytes(filepath.Join(scenariosDir, s.Name+".txt"), []byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// output is the file of r.
func output(client player, s *scenario.Scenario, r result) ([]byte, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n%s%s\n\n", s.Title, r.endpoint, client.called)
	err := client.write(&text, r.events)
	return text.Bytes(), err
}

// summary says in a line or a few what each server sent, and whether that was
// the same.
func summary(s *scenario.Scenario, rs []result) string {
	var text strings.Builder
	same := true
	for _, r := range rs {
		same = same && r.err == nil && !r.unsure && recording.Outcome(r.events) == recording.Outcome(rs[0].events)
	}
	if same && len(rs) > 1 {
		return fmt.Sprintf("✔  %-28s all alike: %s\n", s.Name, recording.Outcome(rs[0].events))
	}
	for i, r := range rs {
		glyph, name, said := "i", s.Name, recording.Outcome(r.events)
		if i > 0 {
			glyph, name = " ", ""
		}
		switch {
		case r.unsure:
			glyph, said = "?", "two plays differ, so its file is unchanged: this machine may be too busy"
		case r.err != nil:
			glyph, said = "×", r.err.Error()
		}
		fmt.Fprintf(&text, "%s  %-28s %-10s %s\n", glyph, name, r.endpoint+":", said)
	}
	return text.String()
}
