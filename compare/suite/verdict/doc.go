// Package verdict judges: Judge makes a Report from a case and its transcript. It does
// not use the network.
//
//	verdict.go    Judge: judges the frames
//	end.go        judges the closing
//	judgehead.go  judges the opening handshake
//	connect.go    why there was no connection
//	broken.go     the MUST that was broken
//	point.go      the first wrong bit
//	report.go     Report; text.go: a report as text, ready to send
//	habit.go      what one endpoint does in many cases, reported once
//	diff.go       Align: where several endpoints first differ in one case
package verdict
