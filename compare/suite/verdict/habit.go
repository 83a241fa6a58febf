package verdict

import (
	"cmp"
	"slices"

	"wslab/compare/suite/spec"
)

// leastHabit is the number of cases that make the same behavior a habit.
const leastHabit = 5

// A Habit is a finding about one endpoint that is the same in many cases.
type Habit struct {
	Endpoint string       `json:"endpoint"`
	Verdict  spec.Verdict `json:"verdict"`
	Says     string       `json:"says"`
	Cases    []string     `json:"cases"` // their IDs, in the order of the reports
}

// Habits returns the findings that are the same in leastHabit cases or more. The worst
// verdict is first, then the most frequent finding.
func Habits(reports []Report) []Habit {
	type what struct {
		endpoint string
		verdict  spec.Verdict
		says     string
	}
	at := map[what]int{}
	var all []Habit
	note := func(r Report, v spec.Verdict, says string) {
		if v == spec.Pass || says == "" || r.Unreachable {
			return
		}
		key := what{r.Endpoint, v, says}
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, Habit{Endpoint: r.Endpoint, Verdict: v, Says: says})
		}
		all[i].Cases = append(all[i].Cases, r.Case.ID)
	}
	for _, r := range reports {
		if r.Verdict != spec.Pass && r.Reason != r.ClosingReason {
			note(r, r.Verdict, r.Reason)
		}
		note(r, r.Closing, r.ClosingReason)
	}
	all = slices.DeleteFunc(all, func(h Habit) bool { return len(h.Cases) < leastHabit })
	slices.SortStableFunc(all, func(a, b Habit) int {
		return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), cmp.Compare(len(b.Cases), len(a.Cases)))
	})
	return all
}
