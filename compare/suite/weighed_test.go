package suite

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"wslab/reference/wire"
)

// whole returns the reports of all cases for servers, except those with much data, at a
// mini endpoint.
func whole(t *testing.T, small mini) (reports []Report) {
	t.Helper()
	for _, c := range ForRole(All(), wire.Server) {
		size := 0
		for _, s := range c.Steps {
			for _, f := range s.Frames {
				size += f.Payload.Len()
			}
		}
		if size <= 1<<18 {
			reports = append(reports, Report{Case: c})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var playing sync.WaitGroup
		for i := range reports {
			playing.Go(func() { reports[i] = playMini(t.Context(), reports[i].Case, wire.Server, small) })
		}
		playing.Wait()
	})
	return reports
}

// A mistake spoils many cases. The others must not hide its name, and no other name may
// come from the spoiled ones.
func TestAMistakeIsNamedInAWholeRun(t *testing.T) {
	for makes, least := range map[string]int{
		"":                            0,
		"payload-still-masked":        100,
		"length-126-taken-for-length": 35,
		"pong-without-payload":        30,
		"pong-answered":               5,
		"length-little-endian":        15,
	} {
		t.Run(makes, func(t *testing.T) {
			t.Parallel()
			var names []string
			for _, d := range DiagnoseAll(whole(t, mini{makes: makes})) {
				names = append(names, d.Mistake.Code)
				if len(d.Cases) < least || !d.Weighed || len(d.Against) > 0 {
					t.Errorf("%s is shown by %d cases, weighed: %t, against: %q", d.Mistake.Code, len(d.Cases), d.Weighed, d.Against)
				}
			}
			if want := slices.DeleteFunc([]string{makes}, func(code string) bool { return code == "" }); !slices.Equal(names, want) {
				t.Errorf("it is named %q", names)
			}
		})
	}
}
