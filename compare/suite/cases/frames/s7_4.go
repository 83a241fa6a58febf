package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section74 is RFC 6455 §7.4: close codes.
func Section74() []*Case {
	s := Section{Name: "7.4", In: "7.4"}
	for _, code := range []wire.CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3001, 3999, 4000, 4001, 4999} {
		for _, reason := range []string{"", "a reason"} {
			s.Add(Case{
				Name: codeName(code, reason), Title: fmt.Sprintf("Close code %d%s", code, with(reason)), Section: sectionOf(code), Keyword: Must, Duty: DutyAnswers,
				Requirement: "This close code is allowed. An endpoint must answer the Close frame, usually with the same code (§5.5.1).",
				Steps:       []Step{Send(Close(code, reason))}, Outcomes: Closes(code),
			})
		}
	}
	for _, code := range []wire.CloseCode{1012, 1013, 1014} {
		s.Add(Case{
			Name: codeName(code, ""), Title: fmt.Sprintf("Close code %d, registered after the RFC", code), Section: "7.4.2", Keyword: Should,
			Requirement: "A sender may use a close code that was registered after the RFC. An endpoint that is older than the code may fail the connection.",
			Steps:       []Step{Send(Close(code, ""))},
			Outcomes: []Outcome{
				{End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}},
				{Verdict: Note, Why: "it does not know this close code, which was registered after the RFC", End: End{How: TargetAnswers, Codes: []wire.CloseCode{wire.ProtocolError}, Exact: true}},
				{End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}}},
				{Verdict: Note, Why: "it does not know this close code, which was registered after the RFC", End: End{How: TargetFails}},
			},
		})
	}
	for _, code := range []wire.CloseCode{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1999, 2000, 2999} {
		for _, reason := range []string{"", "a reason"} {
			c := Case{
				Name: codeName(code, reason), Title: fmt.Sprintf("Close code %d%s, %s", code, with(reason), standing(code)), Section: sectionOf(code), Keyword: Should,
				Rules:       []string{wire.RuleCloseCode.Code},
				Requirement: "The codes 0 to 999 are not used. The codes 1004 and 1016 to 2999 are reserved for later definitions. No MUST tells a receiver how to handle them.",
				Steps:       []Step{Send(Close(code, reason))},
				Outcomes: FailsOr(Outcome{Verdict: Warning, Why: "it sends back a code that is not defined, and did not check it",
					End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}}),
			}
			if code.IsLocal() {
				c.Keyword, c.Duty, c.Outcomes = Must, DutyLocalCodes.WhenReceived(), Fails(wire.ProtocolError)
				c.Requirement = "An endpoint must not send 1005, 1006 or 1015 in a Close frame, so it must not send one of them back."
			}
			s.Add(c)
		}
	}
	for _, code := range []wire.CloseCode{5000, 32768, 65535} {
		s.Add(Case{
			Name: codeName(code, ""), Title: fmt.Sprintf("Close code %d, above all ranges", code), Section: "7.4.2", Keyword: May, Rules: []string{wire.RuleCloseCode.Code},
			Requirement: "The ranges of close codes end with 4999. No MUST tells a receiver how to handle a higher code.",
			Steps:       []Step{Send(Close(code, ""))},
			Outcomes: FailsOr(
				Outcome{Verdict: Note, Why: "it sends back a code above all ranges", End: End{How: TargetAnswers, Codes: []wire.CloseCode{code}, Exact: true}},
				Outcome{Verdict: Note, Why: "it answers a code above all ranges with another code",
					End: End{How: TargetAnswers, Codes: []wire.CloseCode{wire.NormalClosure, wire.GoingAway, wire.NoStatusReceived}, Exact: true}}),
		})
	}
	return s.Cases
}

// standing says why a sender must not use code.
func standing(code wire.CloseCode) string {
	switch {
	case code < 1000:
		return "which is not used"
	case code.IsLocal():
		return "which must not be sent"
	}
	return "which is not defined"
}

// codeName returns the name of a case: "code-1000-with-reason".
func codeName(code wire.CloseCode, reason string) string {
	name := fmt.Sprintf("code-%d", code)
	if reason != "" {
		name += "-with-reason"
	}
	return name
}

// with returns the words for a reason.
func with(reason string) string {
	if reason == "" {
		return ""
	}
	return " with a reason"
}

// sectionOf returns the section of RFC 6455 about code.
func sectionOf(code wire.CloseCode) string {
	if code >= 1000 && code <= 1015 {
		return "7.4.1"
	}
	return "7.4.2"
}
