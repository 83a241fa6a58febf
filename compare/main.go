// Compare tests and compares WebSocket implementations. Without a command it runs every
// scenario and every case against the reference, gorilla/websocket and the naive server.
// Each command runs one of these parts, or tests another server or client. README.md
// shows how to use it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"wslab/compare/endpoint"
)

func main() {
	endpoint.BeServer()
	ctx, stop := untilInterrupted(context.Background())
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// untilInterrupted returns a context that ends with Ctrl-C or SIGTERM.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// A command does one thing and returns the exit status. 0 means success, 1 means
// failures. 2 means that the command could not begin, or could not write the results.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) int

var commands = []struct {
	name, does string
	run        command
}{
	{"run", "run scenarios: all of them, or those named", runScenarios},
	{"judge", "judge servers or a client: with all cases, or with those that patterns name", judge},
	{"list", "list cases and scenarios, one per line", list},
	{"headers", "send every pair of bytes that can begin a frame to every implementation", makeHeaderMaps},
}

// run is main with its surroundings as arguments. If run cannot write the output, it
// returns 2 for any command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &telling{Writer: stdout}
	status := runCommand(ctx, args, out, stderr)
	if out.err != nil {
		return complain(stderr, fmt.Errorf("the output could not be written in full: %w", out.err))
	}
	return status
}

func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		// If the first fails, run the second, too.
		played := runScenarios(ctx, nil, stdout, stderr)
		if ctx.Err() != nil {
			return played
		}
		fmt.Fprintln(stdout)
		return max(played, judge(ctx, nil, stdout, stderr))
	}
	if slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		fmt.Fprint(stdout, "usage: go run ./compare [command]\n\nWithout a command, compare runs all scenarios and all cases. The commands:\n")
		for _, c := range commands {
			fmt.Fprintf(stdout, "  %-8s %s; for its flags: go run ./compare %s -h\n", c.name, c.does, c.name)
		}
		return 0
	}
	var names []string
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
		names = append(names, c.name)
	}
	return complain(stderr, fmt.Errorf("there is no command %q; there are %s. To run one scenario: go run ./compare run NAME", args[0], strings.Join(names, ", ")))
}

// complain reports why the command could not begin.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "compare:", err)
	return nothingJudged
}
