// Package verdict judges: Judge makes a Report from a case and its transcript. It
// needs no network.
//
//	verdict.go    Judge, and the judgement of frames and of the closing
//	judgehead.go  the judgement of the opening handshake
//	connect.go    why there was no connection
//	point.go      the first wrong bit
//	report.go     Report; text.go: a report as text that can be filed as it is
//	habit.go      what one endpoint does in many cases, told once
//	diff.go       several endpoints in one case: where they first differ
package verdict
