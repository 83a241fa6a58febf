// Package spec has the words that a case is written in, and no case.
//
//	case.go      Case, Verdict, Outcome, Expect, End
//	payload.go   Payload; frame.go, frames.go: Frame and the words for frames
//	step.go      Step and the words for steps
//	outcomes.go  the words for outcomes
//	opening.go   Opening and the words for halves of the opening handshake
//	deflate.go   what a case needs of permessage-deflate
//	duty.go      Duty; duties.go: the MUSTs that cases rest on
//	came.go      Half, Message, Finding: what came, as a check of a case sees it
//	group.go     Section: gives the cases of one section their IDs
//	list.go      ForRole, Match: choose among cases
package spec
