package mistakes

import (
	"slices"
	"testing"

	"wslab/compare/suite/cases"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

func TestPatternsAndModelsNameMistakesAndCasesThatThereAre(t *testing.T) {
	codes := map[string]bool{}
	for _, m := range mistakes {
		codes[m.Code] = true
	}
	for _, p := range patterns {
		if !codes[p.mistake] {
			t.Errorf("a pattern names %s, which is not a mistake", p.mistake)
		}
		role := wire.Server
		if p.clients {
			role = wire.Client
		}
		for _, id := range slices.Concat(append([][]string{p.wrong}, append(p.and, p.right...)...)...) {
			if !slices.ContainsFunc(spec.ForRole(cases.All(), role), func(c *spec.Case) bool { return c.Fits(id) || c.Fits(id+spec.Mirrored) }) {
				t.Errorf("%s: there is no case %s for a %s", p.mistake, id, role)
			}
		}
	}
	for rule, code := range unchecked {
		if !codes[code] {
			t.Errorf("%s for %s is not a mistake", code, rule)
		}
	}
	for _, m := range models {
		if !codes[m.mistake] {
			t.Errorf("%s of a model is not a mistake", m.mistake)
		}
	}
}
