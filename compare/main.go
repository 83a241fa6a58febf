// Compare plays every scenario of the lessons against the reference and against
// gorilla/websocket, says where they differ, and writes what happened to
// compare/outputs/SCENARIO/ENDPOINT.txt, so that two of them can be diffed.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/scenario"
	"wslab/lessons"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "judge":
			os.Exit(judge(ctx, os.Args[2:], os.Stdout, os.Stderr))
		case "list":
			os.Exit(list(ctx, os.Args[2:], os.Stdout, os.Stderr))
		}
	}
	status, err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
	}
	os.Exit(status)
}

// run is main with its surroundings passed in. It returns the exit status: 1
// when a scenario could not be played to its end, 2 when nothing could begin.
func run(ctx context.Context, args []string, stdout io.Writer) (int, error) {
	if len(args) > 0 && args[0] == "headers" {
		return makeHeaderMaps(ctx, args[1:], stdout)
	}
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("out", filepath.Join("compare", "outputs"), "`folder` to write to")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stdout, "usage: go run ./compare [-out folder] [scenario …]")
			flags.SetOutput(stdout)
			flags.PrintDefaults()
			return 0, nil
		}
		return 2, fmt.Errorf("%w; go run ./compare -h shows how", err)
	}
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil {
		return 2, err
	}
	chosen := all
	if flags.NArg() > 0 {
		chosen = nil
		for _, name := range flags.Args() {
			s, err := scenario.Find(all, name)
			if err != nil {
				return 2, err
			}
			chosen = append(chosen, s)
		}
	}
	status, example := 0, chosen[0]
	for _, s := range chosen {
		same, err := compare(ctx, s, *dir, stdout)
		if err != nil {
			fmt.Fprintf(stdout, "×  %-26s %v\n", s.Name, err)
			status = 1
		} else if !same {
			example = s
		}
	}
	fmt.Fprintf(stdout, "\nWritten to %s. To see where two of them differ:\n  diff %s %s\n", *dir,
		filepath.Join(*dir, example.Name, "reference.txt"), filepath.Join(*dir, example.Name, "gorilla.txt"))
	return status, nil
}

// compare plays s against every endpoint, writes the outputs below dir and one
// line that tells what each server sent. It reports whether that was the same.
func compare(ctx context.Context, s *scenario.Scenario, dir string, stdout io.Writer) (same bool, err error) {
	var wires []string
	for _, e := range endpoint.All() {
		events, err := runner.Run(ctx, s, e)
		if err != nil {
			return false, err
		}
		var text bytes.Buffer
		fmt.Fprintf(&text, "%s\n%s\n\n", s.Title, e.Name)
		if err := recording.WriteText(&text, events, recording.TextOptions{Stable: true}); err != nil {
			return false, err
		}
		file := filepath.Join(dir, s.Name, e.Name+".txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return false, err
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			return false, err
		}
		wires = append(wires, recording.Outcome(events))
	}
	if wires[0] == wires[1] {
		fmt.Fprintf(stdout, "✔  %-26s both: %s\n", s.Name, wires[0])
		return true, nil
	}
	fmt.Fprintf(stdout, "i  %-26s reference: %s\n   %-26s gorilla:   %s\n", s.Name, wires[0], "", wires[1])
	return false, nil
}
