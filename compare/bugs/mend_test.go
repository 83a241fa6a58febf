package bugs

import (
	"strings"
	"testing"
)

func TestEveryFaultHasAMend(t *testing.T) {
	for _, c := range Cards() {
		changed := false
		for _, l := range Mend(c.Number) {
			changed = changed || l.Op != " "
			t.Logf("%d %s %s", c.Number, l.Op, l.Text)
			if strings.Contains(l.Text, "lesson:") || strings.Contains(l.Text, "Fault ") {
				t.Errorf("the mend of fault %d shows a marker: %s", c.Number, l.Text)
			}
		}
		if !changed {
			t.Errorf("the mend of fault %d changes no line", c.Number)
		}
	}
}
