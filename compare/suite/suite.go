package suite

import (
	"context"

	"wslab/compare/recording"
)

// stillThere is the least that is asked of an endpoint.
var stillThere = &Case{ID: "alive", Steps: []Step{send(text("Hello"))}, Outcomes: answers(texts("Hello"))}

// Run plays c, which judges servers, on a connection of its own to t, and judges
// what came. What passes is recorded in rec, tapped at the judge's end; nil
// records it for the Report alone. Run returns when the connection is closed.
func (c *Case) Run(ctx context.Context, t Target, rec *recording.Recording) Report {
	r := reportOf(c, t.Name, PlayServer(ctx, c, t, rec))
	if r.Verdict != Fail && c.resets() {
		// The judge cannot see how the target takes a reset, but that it lives.
		again := t
		again.Silent, again.Stalls = false, false
		r.unless(Probe(ctx, again))
	}
	return r
}

// RunClient plays c, which judges clients, on the next connection that t accepts,
// and judges what came.
func (c *Case) RunClient(ctx context.Context, t ClientTarget, rec *recording.Recording) Report {
	return reportOf(c, t.Name, PlayClient(ctx, c, t, rec))
}

// Probe plays the least that is asked of a server, one message that it echoes, to
// see whether there is anything to judge.
func Probe(ctx context.Context, t Target) Report { return stillThere.Run(ctx, t, nil) }

// reportOf returns the report of c with the mistake that it shows.
func reportOf(c *Case, endpoint string, came *Transcript) Report {
	r := Judge(c, endpoint, came)
	Name(&r, came)
	return r
}
