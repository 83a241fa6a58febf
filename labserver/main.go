// Labserver serves the lessons, the page and the WebSockets under study, and
// opens a browser that shows them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/program"
)

func main() {
	endpoint.BeServer() // a scenario that kills its server runs this program again as that server
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := program.Run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "wslab:", err)
		os.Exit(2)
	}
}
