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

// The folders of the outputs and the scenarios, from the top of the repository.
var (
	outputsDir   = filepath.Join("compare", "outputs")
	scenariosDir = filepath.Join("lessons", "scenarios")
)

// atOnce is how many scenarios run at the same time. Scenarios mostly wait.
const atOnce = 8

// runScenarios is go run ./compare run. It runs scenarios against endpoints, writes a
// file for each, and says where they differ. It returns the exit status: 1 if a scenario
// failed, 2 if the command could not begin.
func runScenarios(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	dir := flags.String("out", outputsDir, "`folder` to write to")
	names := flags.String("endpoint", "", "run only against these `endpoints`, separated by commas: "+strings.Join(endpoint.Names(endpoint.Named()), ", "))
	path := flags.String("browser", "", "use the browser at `path`, a Chromium or Firefox, as the client")
	update := flags.Bool("update", false, "also write the transcripts in "+scenariosDir)
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
			return complain(stderr, errors.New("the transcripts are those of the raw client. Leave out -update or -browser"))
		}
		b, err := browser.Start(ctx, *path)
		if err != nil {
			return complain(stderr, err)
		}
		defer b.Close()
		client = inBrowser(b)
		if chosen = client.able(chosen, stdout); len(chosen) == 0 {
			return complain(stderr, errors.New("no scenario is left to run"))
		}
	}
	var endpoints []endpoint.Endpoint // without names, all endpoints that can play the scenario
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
		return complain(stderr, errors.New("interrupted before any scenario was finished"))
	}
	fmt.Fprintf(stdout, "\nWritten to %s. %s", *dir, example)
	if example == "" {
		fmt.Fprintln(stdout)
	}
	if ctx.Err() != nil {
		fmt.Fprintf(stdout, "Interrupted: %d of %s finished. The output files of the others are unchanged.\n", played, plural(len(chosen), "scenario"))
		return somethingFailed
	}
	return status
}

// chooseScenarios returns the scenarios called names, or all scenarios if there are no
// names.
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

// endpointsFor returns the endpoints for s if the user names none. They are those that
// keep to the protocol, and the naive server if it can do everything in s.
func endpointsFor(s *scenario.Scenario) []endpoint.Endpoint {
	if s.Plain() {
		return endpoint.Named()
	}
	return endpoint.All()
}

// result is one run of a scenario against one endpoint.
type result struct {
	endpoint string
	events   []recording.Event
	err      error
	// unsure is set if two runs differ from each other and from the stored file. The
	// second of them ran alone. Such a result is chance, and is not stored.
	unsure bool
}

// confirm runs scenarios again, alone, if they failed or differ from their file in dir.
// On a busy computer, the order of events can be different, or time can run out.
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
				continue // a test made the scenario
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

// playAll runs all against endpoints, several at the same time. It returns the results in
// the order of all. If ctx has cut a scenario short, its result is chance, and playAll
// returns nil for it.
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

// writeResults writes a file for each of rs below dir. With update, it also writes the
// transcripts of the reference into the scenario.
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

// summary describes in a few lines the bytes that each server sent. It also says whether
// all servers sent the same.
func summary(s *scenario.Scenario, rs []result) string {
	var text strings.Builder
	same := true
	for _, r := range rs {
		same = same && r.err == nil && !r.unsure && recording.Outcome(r.events) == recording.Outcome(rs[0].events)
	}
	if same && len(rs) > 1 {
		return fmt.Sprintf("✔  %-28s all the same: %s\n", s.Name, recording.Outcome(rs[0].events))
	}
	for i, r := range rs {
		glyph, name, said := "i", s.Name, recording.Outcome(r.events)
		if i > 0 {
			glyph, name = " ", ""
		}
		switch {
		case r.unsure:
			glyph, said = "?", "two runs differ, so its file is unchanged. This computer may be too busy"
		case r.err != nil:
			glyph, said = "×", r.err.Error()
		}
		fmt.Fprintf(&text, "%s  %-28s %-10s %s\n", glyph, name, r.endpoint+":", said)
	}
	return text.String()
}
