package lesson

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"wslab/compare/endpoint"
)

// doorRuns are the runs of a doors block.
var doorRuns = append(slices.Clone(endpoint.DoorRuns), "http2", "memory")

// sized are the runs that begin with a number.
var sized = []string{endpoint.DoorCutAt, endpoint.DoorLong, endpoint.DoorSize, endpoint.DoorNaive}

// doors draws a run of raw clients on a bare listener and on net/http. start is the number
// of bytes with which the run begins.
func (c *compiler) doors(text blockText) string {
	e, line := text.keys, text.line
	if _, ok := e["run"]; !ok {
		c.problem(line, "a doors block needs a run. Add a line run: %s", doorRuns[0])
		return ""
	}
	run := c.oneOf(e, "run", doorRuns[0], doorRuns)
	start, ok := e["start"]
	switch n, err := strconv.Atoi(start.value); {
	case ok && !contains(sized, run):
		c.problem(start.line, "the run %s does not begin with a number. Remove the line", run)
	case contains(sized, run) && (err != nil || n < 1):
		c.problem(cmp.Or(start.line, line), "start is %q. Write a number of bytes", start.value)
	}
	return fmt.Sprintf("<ws-doors data-run=\"%s\" data-start=\"%s\"></ws-doors>\n", run, start.value)
}
