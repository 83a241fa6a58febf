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

// stillThere is the simplest case: a server echoes one message.
var stillThere = &Case{ID: "alive", Judges: wire.Server, Steps: []Step{spec.Send(spec.Text("Hello"))}, Outcomes: spec.Answers(spec.Text("Hello"))}

// Run plays c, a case for servers, on a new connection to t, and judges it. It records
// the connection at the judge's end in rec. If rec is nil, only the Report has the
// record. Run returns when the connection is closed.
func Run(ctx context.Context, c *Case, t Target, rec *recording.Recording) Report {
	r := reportOf(c, t.Name, play.PlayServer(ctx, c, t, rec))
	if r.Verdict != Fail && c.Resets() {
		// The judge cannot see the reaction to a reset. It can only check that the target
		// is still alive.
		again := t
		again.Silent, again.Stalls = false, false
		r.Unless(Probe(ctx, again))
	}
	return r
}

// RunClient plays c, a case for clients, on the next connection that t accepts, and
// judges it.
func RunClient(ctx context.Context, c *Case, t ClientTarget, rec *recording.Recording) Report {
	return reportOf(c, t.Name, play.PlayClient(ctx, c, t, rec))
}

// Probe plays the simplest case at a server: one message that the server echoes. The
// report shows whether the server can be judged.
func Probe(ctx context.Context, t Target) Report { return Run(ctx, stillThere, t, nil) }

// reportOf returns the report of c, with the mistake that it shows.
func reportOf(c *Case, endpoint string, came *transcript.Transcript) Report {
	r := verdict.Judge(c, endpoint, came)
	mistakes.Name(&r, came)
	return r
}
