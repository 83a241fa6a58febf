package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// parse reads the arguments of the command that flags is named after. Flags may be
// before, between and after the other arguments, which parse returns. It shows usage if
// the user asks for it, and reports mistakes. In both cases the command ends: done is
// true and status is the exit status.
//
// Package flag stops at the first argument that is not a flag, so parse calls it in a
// loop. pflag does not stop there, but it reads -server as seven flags of one letter.
func parse(flags *flag.FlagSet, usage string, args []string, stdout, stderr io.Writer) (others []string, status int, done bool) {
	flags.SetOutput(io.Discard) // errors are shown below, in one line
	for left := args; ; left = flags.Args()[1:] {
		err := flags.Parse(left)
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprint(stdout, usage)
			flags.SetOutput(stdout)
			flags.PrintDefaults()
			return nil, allWell, true
		case err != nil:
			return nil, complain(stderr, fmt.Errorf("%w. For the flags: go run ./compare %s -h", err, flags.Name())), true
		case flags.NArg() == 0:
			return others, allWell, false
		}
		others = append(others, flags.Arg(0))
	}
}
