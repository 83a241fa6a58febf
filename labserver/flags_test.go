package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wslab/labserver/internal/program"
)

// taken listens on address with a free port, or skips where that can't be, and
// returns the port.
func taken(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil && strings.HasPrefix(address, "[::1]") {
		t.Skip(err) // a machine without IPv6
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// mistakes are command lines that cannot work, and what is said of them.
func mistakes(t *testing.T) map[string]struct {
	args []string
	says string
} {
	port4, port6 := taken(t, "127.0.0.1:0"), taken(t, "[::1]:0")
	return map[string]struct {
		args []string
		says string
	}{
		"a flag that there is not":       {[]string{"-prot", "80"}, "-prot"},
		"a value that is not a bool":     {[]string{"-open=perhaps"}, "perhaps"},
		"a flag without its value":       {[]string{"-addr"}, "-addr"},
		"an argument":                    {[]string{"-open=false", "serve"}, `"serve"`},
		"an address that is none":        {[]string{"-addr", "garbage"}, `"garbage"`},
		"a port alone":                   {[]string{"-addr", "8080"}, `"8080"`},
		"a port that is none":            {[]string{"-addr", "127.0.0.1:99999"}, "99999"},
		"a port by a name that is none":  {[]string{"-addr", "127.0.0.1:nosuchport"}, "nosuchport"},
		"an address of the network":      {[]string{"-addr", "192.168.0.7:0"}, "-host"},
		"every address":                  {[]string{"-addr", ":0"}, "-host"},
		"every address of IPv6":          {[]string{"-addr", "[::]:0"}, "-host"},
		"a name":                         {[]string{"-addr", "lab.example:0"}, "-host"},
		"an address that is not ours":    {[]string{"-addr", "203.0.113.7:0", "-host", "lab.example"}, "203.0.113.7"},
		"a -host of white space":         {[]string{"-addr", "0.0.0.0:0", "-host", " , "}, "-host"},
		"a -host with a port":            {[]string{"-host", "lab.example:8080"}, "lab.example:8080"},
		"a -host that ends a header":     {[]string{"-host", "lab.example;script-src"}, "lab.example;script-src"},
		"too little memory":              {[]string{"-memory", "1"}, "-memory 1"},
		"more memory than there can be":  {[]string{"-memory", "9223372036854775807"}, "-memory"},
		"a port that is taken":           {[]string{"-addr", "127.0.0.1:" + port4}, "using 127.0.0.1:" + port4},
		"a port that is taken by name":   {[]string{"-addr", "localhost:" + port4}, "using localhost:" + port4},
		"a port that is taken in IPv6":   {[]string{"-addr", "127.0.0.1:" + port6}, "using [::1]:" + port6},
		"an IPv6 port that is taken":     {[]string{"-addr", "[::1]:" + port6}, "using [::1]:" + port6},
		"-dev outside of the repository": {[]string{"-addr", "127.0.0.1:0", "-dev"}, "lessons"},
	}
}

func TestACommandLineThatCannotWorkEndsWithOneClearLine(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, c := range mistakes(t) {
		var stdout, stderr bytes.Buffer
		err := program.Run(ctx, append([]string{"-open=false"}, c.args...), &stdout, &stderr)
		if err == nil {
			t.Errorf("%s: %q works", name, c.args)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, "\n") || len(text) > 200 {
			t.Errorf("%s: %q ends with %q", name, c.args, text)
		}
		if stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%s: %q prints %q and %q", name, c.args, &stdout, &stderr)
		}
	}
}

func TestTheProgramEndsWithStatus2AndOneClearLine(t *testing.T) {
	file := build(t)
	dir := t.TempDir()
	for name, c := range mistakes(t) {
		cmd := exec.Command(file, c.args...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: %q ends with %v", name, c.args, err)
		}
		if text := stderr.String(); !strings.HasPrefix(text, "wslab: ") || strings.Count(text, "\n") != 1 || !strings.Contains(text, c.says) || stdout.Len() > 0 {
			t.Errorf("%s: %q prints %q and %q", name, c.args, &stdout, text)
		}
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	cmd := exec.Command(build(t), "-h")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("-h ends with %v", err)
	}
	for _, flag := range []string{"usage: go run ./labserver", "-addr", "-open", "-dev", "-host"} {
		if !strings.Contains(string(out), flag) {
			t.Errorf("-h does not tell of %s: %s", flag, out)
		}
	}
}

// TestREADMEHasEveryFlag compares the table of flags in README.md with those of -h.
func TestREADMEHasEveryFlag(t *testing.T) {
	var help bytes.Buffer
	if err := program.Run(t.Context(), []string{"-h"}, io.Discard, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	names := func(pattern, text string) (all []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	has, told := names(`(?m)^  -([a-z-]+)`, help.String()), names("(?m)^\\| `-([a-z-]+)", readme(t))
	if len(has) == 0 || !slices.Equal(has, told) {
		t.Errorf("the flags are %q, and README.md has %q", has, told)
	}
}
