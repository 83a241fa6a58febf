// Compare plays the scenarios of the lessons against the reference, against
// gorilla/websocket and, where it can keep up, against the weekend server, says
// where they differ, and writes what happened to
// compare/outputs/SCENARIO/ENDPOINT.txt, so that two of them can be diffed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"wslab/compare/endpoint"
)

func main() {
	endpoint.BeServer()
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

// command is one thing that compare can do. It returns the exit status: 1 for
// failures, 2 when nothing could begin.
type command struct {
	name, does string
	run        func(ctx context.Context, args []string, stdout io.Writer) (int, error)
}

var commands = []command{
	{"run", "play scenarios: all, or those named", runScenarios},
}

// run is main with its surroundings passed in.
func run(ctx context.Context, args []string, stdout io.Writer) (int, error) {
	if len(args) == 0 {
		return runScenarios(ctx, nil, stdout)
	}
	if slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		fmt.Fprint(stdout, "usage: go run ./compare [command]\n\nWithout a command all scenarios are played. The commands:\n")
		for _, c := range commands {
			fmt.Fprintf(stdout, "  %-8s %s; go run ./compare %s -h shows how\n", c.name, c.does, c.name)
		}
		return 0, nil
	}
	var names []string
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout)
		}
		names = append(names, c.name)
	}
	return 2, fmt.Errorf("there is no command %q; there are %s. To play one scenario: go run ./compare run NAME", args[0], strings.Join(names, ", "))
}
