// Compare judges and compares WebSocket endpoints. Without a command it plays
// every scenario and every case against the reference, gorilla/websocket and
// the weekend server; its commands do parts of that, or judge another server or
// client.
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
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C does not wait for what the first has ended
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// untilInterrupted returns a context that ends with Ctrl-C, and with the signal by
// which other programs end this one.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// A command does one thing that compare can do, and returns the exit status: 0
// when all is well, 1 for failures, 2 when nothing could begin or the results could
// not be written.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) int

var commands = []struct {
	name, does string
	run        command
}{
	{"run", "play scenarios: all, or those named", runScenarios},
	{"judge", "judge servers or a client by cases: all, or those that patterns name", judge},
	{"list", "list cases and scenarios, a line each", list},
	{"headers", "send every two bytes that a frame can begin with to every endpoint", makeHeaderMaps},
}

// run is main with its surroundings passed in. What cannot be told gives status 2,
// whatever the command found.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &telling{Writer: stdout}
	status := runCommand(ctx, args, out, stderr)
	if out.err != nil {
		return complain(stderr, fmt.Errorf("not all that was found could be shown: %w", out.err))
	}
	return status
}

func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		// Both are always done: what one finds does not excuse the other.
		played := runScenarios(ctx, nil, stdout, stderr)
		if ctx.Err() != nil {
			return played
		}
		fmt.Fprintln(stdout)
		return max(played, judge(ctx, nil, stdout, stderr))
	}
	if slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		fmt.Fprint(stdout, "usage: go run ./compare [command]\n\nWithout a command all scenarios are played and all cases judged. The commands:\n")
		for _, c := range commands {
			fmt.Fprintf(stdout, "  %-8s %s; go run ./compare %s -h shows how\n", c.name, c.does, c.name)
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
	return complain(stderr, fmt.Errorf("there is no command %q; there are %s. To play one scenario: go run ./compare run NAME", args[0], strings.Join(names, ", ")))
}

// complain tells why nothing could begin.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "compare:", err)
	return nothingJudged
}
