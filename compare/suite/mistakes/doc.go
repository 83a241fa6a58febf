// Package mistakes names the mistakes of implementers: in one report (Name), and in
// many reports together (DiagnoseAll).
//
//	mistakes.go   the names, each with the remedy
//	diagnose.go   the mistake that one report shows
//	evidence.go   the mistake that an invalid or incomplete frame shows
//	models.go     the messages that an endpoint with one mistake sends
//	diagnoses.go  the mistakes that several reports show together
package mistakes
