// Package transcript has the record of one case that was played, and finds the outcome
// that it fits. Package play writes a Transcript; verdict and mistakes read it.
//
//	transcript.go  Transcript, Fault, Part, State, Trace
//	fit.go         Fits, Best: compare a transcript with an outcome
//	lacks.go       why a case cannot be judged at this target
//	messages.go    the judge's messages, and whether the target sent them back
//	exchange.go    Journal: the events of both ends, in order; crossing.go: one entry
//	opening.go, target.go: errors of the opening handshake and of TLS
package transcript
