package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"wslab/compare/scenario"
	"wslab/compare/suite"
	"wslab/lessons"
)

// list writes a line for each case that fits the patterns in args. Without patterns
// it lists all cases and all scenarios.
func list(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("list", flag.ContinueOnError)
	patterns, status, done := parse(flags, "usage: go run ./compare list [CASE …]\n\nLists the cases that fit. Without CASE it lists all cases and all scenarios.\n", args, stdout, stderr)
	if done {
		return status
	}
	cases, err := suite.Match(suite.All(), patterns...)
	if err != nil {
		return complain(stderr, err)
	}
	width := 0
	for _, c := range cases {
		width = max(width, len(c.ID))
	}
	for _, c := range cases {
		fmt.Fprintf(stdout, "%-*s %-6s %-6s %s\n", width, c.ID, c.Judges, c.Keyword, c.Title)
	}
	if len(patterns) > 0 {
		return allWell
	}
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil {
		return complain(stderr, err)
	}
	fmt.Fprintln(stdout, "\nScenarios")
	for _, s := range all {
		fmt.Fprintf(stdout, "%-26s %s\n", s.Name, s.Title)
	}
	return allWell
}
