// Package mistakes names what implementers get wrong: of one report (Name), and of
// many together (DiagnoseAll).
//
//	mistakes.go   the names, each with what to do instead
//	diagnose.go   which mistake one report shows; evidence.go: of a frame that is
//	              broken or cut; models.go: what an endpoint with one mistake sends
//	diagnoses.go  what several reports show together
package mistakes
