package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section74 is RFC 6455 §7.4: the codes of Close frames.
func Section74() []*Case {
	s := Section{Name: "7.4", In: "7.4"}
	for _, code := range []wire.CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3001, 3999, 4000, 4001, 4999} {
		for _, reason := range []string{"", "a reason"} {
			s.Add(Case{
				Name: codeName(code, reason), Title: fmt.Sprintf("The code %d%s", code, with(reason)), Section: sectionOf(code), Keyword: Must, Duty: DutyAnswers,
				Requirement: "An endpoint answers a Close frame with a code that may be sent, usually with the same code.",
				Steps:       []Step{Send(Close(code, reason))}, Outcomes: Closes(code),
			})
		}
	}
	for _, code := range []wire.CloseCode{1012, 1013, 1014} {
		s.Add(Case{
			Name: codeName(code, ""), Title: fmt.Sprintf("The code %d, registered after the RFC", code), Section: "7.4.2", Keyword: Should,
			Requirement: "A code in the registry may be sent. An endpoint that is older than the code may fail the connection.",
			Steps:       []Step{Send(Close(code, ""))},
			Outcomes: []Outcome{
				{End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}},
				{Verdict: Note, Why: "it does not know this code, which was registered after the RFC", End: End{How: TargetAnswers, Codes: []wire.CloseCode{wire.ProtocolError}, Exact: true}},
				{End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}}},
				{Verdict: Note, Why: "it does not know this code, which was registered after the RFC", End: End{How: TargetFails}},
			},
		})
	}
	for _, code := range []wire.CloseCode{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1999, 2000, 2999} {
		for _, reason := range []string{"", "a reason"} {
			c := Case{
				Name: codeName(code, reason), Title: fmt.Sprintf("The code %d%s, %s", code, with(reason), standing(code)), Section: sectionOf(code), Keyword: Should,
				Rules:       []string{wire.RuleCloseCode.Code},
				Requirement: "Codes up to 999 are not used, and 1004 and those from 1016 to 2999 are reserved for later definitions. What a receiver does with them no MUST says.",
				Steps:       []Step{Send(Close(code, reason))},
				Outcomes: FailsOr(Outcome{Verdict: Warning, Why: "it sends back a code that is not defined, and did not look whether it is",
					End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}}),
			}
			if code.IsLocal() {
				c.Keyword, c.Duty, c.Outcomes = Must, DutyLocalCodes.WhenReceived(), Fails(wire.ProtocolError)
				c.Requirement = "1005, 1006 and 1015 are never in a Close frame, so an endpoint must not send one back either."
			}
			s.Add(c)
		}
	}
	for _, code := range []wire.CloseCode{5000, 32768, 65535} {
		s.Add(Case{
			Name: codeName(code, ""), Title: fmt.Sprintf("The code %d, above all ranges", code), Section: "7.4.2", Keyword: May, Rules: []string{wire.RuleCloseCode.Code},
			Requirement: "The ranges of codes end with 4999. What a receiver does with others no MUST says.",
			Steps:       []Step{Send(Close(code, ""))},
			Outcomes: FailsOr(
				Outcome{Verdict: Note, Why: "it sends back a code that is in none of the ranges", End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}},
				Outcome{Verdict: Note, Why: "it answers a code that is in none of the ranges with one of its own",
					End: End{How: TargetAnswers, Codes: []wire.CloseCode{wire.NormalClosure, wire.GoingAway, wire.NoStatusReceived}, Exact: true}}),
		})
	}
	return s.Cases
}

// standing says why code is not to be sent.
func standing(code wire.CloseCode) string {
	switch {
	case code < 1000:
		return "which is not used"
	case code.IsLocal():
		return "which must not be sent"
	}
	return "which is not defined"
}

// codeName names a case: "code-1000-with-reason".
func codeName(code wire.CloseCode, reason string) string {
	name := fmt.Sprintf("code-%d", code)
	if reason != "" {
		name += "-with-reason"
	}
	return name
}

// with says that there is a reason.
func with(reason string) string {
	if reason == "" {
		return ""
	}
	return " with a reason"
}

// sectionOf returns where the RFC speaks of code.
func sectionOf(code wire.CloseCode) string {
	if code >= 1000 && code <= 1015 {
		return "7.4.1"
	}
	return "7.4.2"
}
