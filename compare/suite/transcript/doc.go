// Package transcript has what came of a case that was played, and says which
// outcome it fits. The engine writes a Transcript; the judgement and the diagnosis
// read it.
//
//	transcript.go  Transcript, Fault, Part, State
//	fit.go         Fits, Best: what came against an outcome
//	lacks.go       what a target lacks for a case to be judged
//	messages.go    what the judge sent, and whether the target sent it back
//	exchange.go    the journal of both ends, in order; crossing.go: one entry of it
package transcript
