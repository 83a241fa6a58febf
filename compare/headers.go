package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"wslab/compare/headers"
)

// makeHeaderMaps is the command "headers". It sends each of the 65,536 pairs of bytes
// that can begin a frame to every endpoint. It writes the results to
// OUT/headers/ENDPOINT-ROLE.txt.
func makeHeaderMaps(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("headers", flag.ContinueOnError)
	dir := flags.String("out", outputsDir, "`folder` to write to")
	others, status, done := parse(flags, "usage: go run ./compare headers [-out folder]\n", args, stdout, stderr)
	if done {
		return status
	}
	if len(others) > 0 {
		return complain(stderr, fmt.Errorf("unexpected argument %q. For the flags: go run ./compare headers -h", others[0]))
	}
	dirHeaders := filepath.Join(*dir, "headers")
	if err := writtenTo(*dir); err != nil {
		return complain(stderr, err)
	}
	if err := os.MkdirAll(dirHeaders, 0o755); err != nil {
		return complain(stderr, err)
	}
	for _, t := range headers.Targets() {
		sheet, err := headers.Ask(ctx, t)
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: the map of %s and those after it were not written", t)
		}
		if err != nil {
			return complain(stderr, err)
		}
		var text bytes.Buffer
		if err := headers.WriteText(&text, t, sheet); err != nil {
			return complain(stderr, err)
		}
		file := filepath.Join(dirHeaders, t.String()+".txt")
		if err := replaceBytes(file, text.Bytes()); err != nil {
			return complain(stderr, err)
		}
		var marks [3]int
		for _, c := range headers.Contexts {
			for n, o := range sheet[c] {
				marks[headers.At(n).Judge(o, t.Sender(), c)]++
			}
		}
		fmt.Fprintf(stdout, "%-18s %v %6d   %v %5d   %v %6d   %s\n", t, headers.Right, marks[0], headers.Tolerant, marks[1], headers.Wrong, marks[2], file)
	}
	return allWell
}
