package suite

import (
	"wslab/compare/suite/cases"
	"wslab/compare/suite/mistakes"
	"wslab/compare/suite/play"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/suite/verdict"
)

// The types of the packages below that other packages use.
type (
	Case    = spec.Case
	Step    = spec.Step
	Frame   = spec.Frame
	Payload = spec.Payload
	Outcome = spec.Outcome
	End     = spec.End
	Opening = spec.Opening
	Verdict = spec.Verdict

	Target       = play.Target
	ClientTarget = play.ClientTarget
	Keys         = play.Keys

	Crossing  = transcript.Crossing
	Report    = verdict.Report
	Habit     = verdict.Habit
	Alignment = verdict.Alignment

	Mistake   = mistakes.Mistake
	Diagnosis = mistakes.Diagnosis
)

// The verdicts, and the keywords of requirements.
const (
	Pass      = spec.Pass
	Note      = spec.Note
	Warning   = spec.Warning
	NotJudged = spec.NotJudged
	NoAnswer  = spec.NoAnswer
	Fail      = spec.Fail

	Must   = spec.Must
	Should = spec.Should
	May    = spec.May
)

// The constants that other packages use.
const (
	Seed            = spec.Seed
	DefaultDeadline = spec.DefaultDeadline
	Withheld        = transcript.Withheld
	Untrusted       = verdict.Untrusted
)

// All returns every case. See cases.All.
func All() []*Case { return cases.All() }

// ForRole returns the cases of list that judge role. See spec.ForRole.
var ForRole = spec.ForRole

// Match returns the cases of list that any of patterns chooses. See spec.Match.
var Match = spec.Match

// OverTLS returns a dialer that does the TLS handshake. See play.OverTLS.
var OverTLS = play.OverTLS

// NotPlayed returns the report of a case that was not played. See verdict.NotPlayed.
var NotPlayed = verdict.NotPlayed

// Align compares reports of one case. See verdict.Align.
var Align = verdict.Align

// Habits returns the findings that many cases have in common. See verdict.Habits.
var Habits = verdict.Habits

// DiagnoseAll names the mistakes that many reports show together. See mistakes.DiagnoseAll.
var DiagnoseAll = mistakes.DiagnoseAll

// MistakeOf returns the mistake with a code. See mistakes.MistakeOf.
var MistakeOf = mistakes.MistakeOf
