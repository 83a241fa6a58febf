package verdict

import (
	"fmt"
	"slices"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// judgeEnd compares how the connection ended with e. It returns the verdict and the
// reason.
func judgeEnd(e spec.End, r *judging, s transcript.State) (spec.Verdict, string) {
	codes := e.Codes
	if e.How == spec.JudgeCloses {
		codes = []wire.CloseCode{wire.NormalClosure}
	}
	verdict, why := spec.Pass, ""
	worse := func(v spec.Verdict, text string, args ...any) {
		if v > verdict {
			verdict, why = v, fmt.Sprintf(text, args...)
		}
	}
	switch {
	case e.How == spec.TargetRefuses && r.Closed != nil:
		worse(spec.Warning, "it sent a Close frame, although no WebSocket was open")
	case e.How == spec.TargetRefuses:
	case r.Closed == nil && e.How == spec.TargetFails:
		worse(spec.Warning, "it failed the connection without a Close frame (RFC 6455 §7.1.7: it should send one)")
	case r.Closed == nil && e.How == spec.TargetDrops:
	case r.Closed == nil && r.Over != nil && !transcript.IsTimeout(r.Over):
		r.lacks = lacksClose
		worse(spec.Fail, "%s without an answering Close frame (RFC 6455 §5.5.1)", transcript.EndText(r.Over))
	case r.Closed == nil:
		r.lacks = lacksClose
		worse(spec.NoAnswer, "no answer within %s: it did not answer the Close frame (RFC 6455 §5.5.1)", r.Deadline)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.Close.Code) && e.How != spec.TargetFails && isPlain(r.Closed.Close.Code):
		worse(spec.Note, "it answers with %s and not with the code that it received, which is usual but not required (RFC 6455 §5.5.1)", r.Closed)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.Close.Code):
		r.point(*r.Closed, 0, codeBit(*r.Closed, codes[0]))
		worse(spec.Warning, "its Close frame has the code %s, where %s was expected", spec.CodeText(r.Closed.Close.Code), spec.CodeText(codes[0]))
	}
	switch {
	case e.NoTCP:
	case s.Timeout && r.Case.Judges == wire.Client:
		r.lacks = lacksEnd
		worse(spec.Warning, "it left TCP open for some time after the closing handshake. A client may choose when it closes TCP (RFC 6455 §5.5.1)")
	case s.Timeout:
		if r.lacks == "" {
			r.lacks = lacksEnd
		}
		worse(spec.NoAnswer, "no answer within %s: it left TCP open after the closing handshake (RFC 6455 §5.5.1)", s.Waited)
	case r.Over != nil && tap.IsReset(r.Over) && e.How != spec.TargetFails && e.How != spec.TargetDrops && e.How != spec.TargetRefuses && !s.Trailing:
		worse(spec.Warning, "it reset TCP after the closing handshake, where it should close it (RFC 6455 §7.1.1)")
	}
	return verdict, why
}
