// Package spec has the types and functions with which a case is written, and no case.
//
//	case.go      Case, Verdict, Outcome, End
//	step.go      Step: Send, Await, Fin, … (what the judge does)
//	frame.go     Frame; frames.go: Text, Ping, Close, …; payload.go: Payload
//	outcomes.go  Answers, Fails, Closes, … (the allowed reactions)
//	opening.go   Opening: the judge's half of the opening handshake
//	deflate.go   Deflate: the negotiation of permessage-deflate
//	duty.go      Duty; duties.go: each MUST, its place and the role that it binds
//	came.go      Half, Message, Finding: the input and the result of a check
//	group.go     Section: gives the cases of one section their IDs
//	list.go      ForRole, Match: choose cases
//	words.go     cases and outcomes as text; numbers.go: numbers as text
package spec
