package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
)

var update = flag.Bool("update", false, "write compare/outputs and the transcripts in lessons/scenarios anew")

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

func TestBadArgumentsAreToldClearly(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"unmasked"}, `there is no command "unmasked"; there are run`},
		{[]string{"run", "-x"}, "flag provided but not defined: -x. For the flags: go run ./compare run -h"},
		{[]string{"run", "-out"}, "flag needs an argument: -out. For the flags: go run ./compare run -h"},
		{[]string{"run", "unmasked", "-x"}, "flag provided but not defined: -x. For the flags: go run ./compare run -h"},
		{[]string{"list", "-bogus"}, "flag provided but not defined: -bogus. For the flags: go run ./compare list -h"},
		{[]string{"list", "5.5", "-bogus"}, "flag provided but not defined: -bogus. For the flags: go run ./compare list -h"},
		{[]string{"judge", "-bogus"}, "flag provided but not defined: -bogus. For the flags: go run ./compare judge -h"},
		{[]string{"headers", "-bogus"}, "flag provided but not defined: -bogus. For the flags: go run ./compare headers -h"},
		{[]string{"run", "no-such"}, `there is no scenario "no-such"; the folder lessons/scenarios has `},
		{[]string{"run", "unmasked", "no-such"}, `there is no scenario "no-such"; the folder lessons/scenarios has `},
		{[]string{"run", "-endpoint", "gorilla,gorrilla"}, `there is no endpoint "gorrilla"; there are reference gorilla naive`},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), c.args, &stdout, &stderr)
		if status != 2 || !strings.HasPrefix(stderr.String(), "compare: "+c.want) || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
			t.Errorf("%q gives status %d, %s, want 2, %s", c.args, status, &stderr, c.want)
		}
	}
}

func TestCtrlCAndATerminationEndARun(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		ctx, stop := untilInterrupted(t.Context())
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(signal); err != nil {
			t.Skip(err) // there are no signals on this system
		}
		<-ctx.Done()
		stop()
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"help"}, {"run", "-h"}, {"judge", "-h"}, {"list", "-h"}, {"headers", "-h"}} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), args, &stdout, &stderr); status != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "usage: go run ./compare") {
			t.Errorf("%q gives status %d:\n%s%s", args, status, &stdout, &stderr)
		}
	}
}
