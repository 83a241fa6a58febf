package suite

import (
	"context"

	"wslab/compare/recording"
	"wslab/compare/suite/mistakes"
	"wslab/compare/suite/play"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/suite/verdict"
	"wslab/reference/wire"
)

// stillThere is the least that is asked of an endpoint.
var stillThere = &Case{ID: "alive", Judges: wire.Server, Steps: []Step{spec.Send(spec.Text("Hello"))}, Outcomes: spec.Answers(spec.Text("Hello"))}

// Run plays c, which judges servers, on a connection of its own to t, and judges
// what came. What passes is recorded in rec, tapped at the judge's end; nil
// records it for the Report alone. Run returns when the connection is closed.
func Run(ctx context.Context, c *Case, t Target, rec *recording.Recording) Report {
	r := reportOf(c, t.Name, play.PlayServer(ctx, c, t, rec))
	if r.Verdict != Fail && c.Resets() {
		// The judge cannot see how the target takes a reset, but that it lives.
		again := t
		again.Silent, again.Stalls = false, false
		r.Unless(Probe(ctx, again))
	}
	return r
}

// RunClient plays c, which judges clients, on the next connection that t accepts,
// and judges what came.
func RunClient(ctx context.Context, c *Case, t ClientTarget, rec *recording.Recording) Report {
	return reportOf(c, t.Name, play.PlayClient(ctx, c, t, rec))
}

// Probe plays the least that is asked of a server, one message that it echoes, to
// see whether there is anything to judge.
func Probe(ctx context.Context, t Target) Report { return Run(ctx, stillThere, t, nil) }

// reportOf returns the report of c with the mistake that it shows.
func reportOf(c *Case, endpoint string, came *transcript.Transcript) Report {
	r := verdict.Judge(c, endpoint, came)
	mistakes.Name(&r, came)
	return r
}
