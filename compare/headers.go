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

	"wslab/compare/headers"
)

// makeHeaderMaps is the command "headers": it sends each of the 65,536 pairs of
// octets with which a frame can begin to every endpoint and writes what came of
// them to OUT/headers/ENDPOINT-ROLE.txt.
func makeHeaderMaps(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("compare headers", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("out", filepath.Join("compare", "outputs"), "`folder` to write to")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stdout, "usage: go run ./compare headers [-out folder]")
			flags.SetOutput(stdout)
			flags.PrintDefaults()
			return allWell
		}
		return complain(stderr, fmt.Errorf("%w; go run ./compare headers -h shows how", err))
	}
	if flags.NArg() > 0 {
		return complain(stderr, fmt.Errorf("unexpected argument %q; go run ./compare headers -h shows how", flags.Arg(0)))
	}
	dirHeaders := filepath.Join(*dir, "headers")
	if err := os.MkdirAll(dirHeaders, 0o755); err != nil {
		return complain(stderr, err)
	}
	for _, t := range headers.Targets() {
		sheet, err := headers.Ask(ctx, t)
		if err != nil {
			return complain(stderr, err)
		}
		var text bytes.Buffer
		if err := headers.WriteText(&text, t, sheet); err != nil {
			return complain(stderr, err)
		}
		file := filepath.Join(dirHeaders, t.String()+".txt")
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
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
