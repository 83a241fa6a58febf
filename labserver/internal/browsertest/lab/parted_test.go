package lab

import (
	"fmt"
	"strings"
	"testing"

	"wslab/labserver/internal/browsertest"
)

// partedNow is the text of the row that is selected and marked and in view, or
// nothing.
const partedNow = `(() => {
	const row = document.querySelector("ws-timeline .row.selected.differs");
	const [box, list] = [row, document.querySelector("ws-timeline .scroll")].map(n => n?.getBoundingClientRect());
	return box && box.top >= list.top && box.bottom <= list.bottom + 1 ? row.textContent : "";
})()`

// TestAfterAPlayOnBothTheFirstDifferenceIsSelected plays a frame that breaks a rule on
// both servers: the reference fails the connection, and gorilla echoes it.
func TestAfterAPlayOnBothTheFirstDifferenceIsSelected(t *testing.T) {
	t.Parallel()
	base := browsertest.StartLab(t)
	for _, width := range []int{1440, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			p := browsertest.OpenTab(t, base, width, 900)
			p.GoTo("/lessons/02-frames")
			browsertest.Eval[bool](p, `!!(window.lab = document.querySelector("ws-lab").lab)`)
			for n := range 2 { // the second time among the rows of the first
				browsertest.Eval[bool](p, `(() => { [...document.querySelectorAll("ws-do button")].find(b => b.dataset.do?.includes("long-length-form")).click(); return true; })()`)
				p.Until("both plays are over", fmt.Sprintf(`lab.session.rows.plays.byId.size == %d && [...lab.session.rows.plays.byId.values()].every(p => p.over != Infinity)`, 2*n+2))
				p.Until("what is selected is of this time", fmt.Sprintf(`lab.session.rows.bySeq.get(lab.inspector.selection.seq)?.conn.round == %d`, n+1))
				p.Until("their first difference is selected and in view", partedNow)
				text := browsertest.Eval[string](p, partedNow)
				for _, part := range []string{"CLOSE", "TEXT", "≠"} {
					if !strings.Contains(text, part) {
						t.Errorf("the row selected is %q, without %s", text, part)
					}
				}
			}
			// One mark for each of the two times, each column in its order, and no time goes back.
			if n := browsertest.Eval[int](p, `lab.cursor.view.list.filter(p => lab.cursor.view.differences(p, Infinity).length).length`); n != 2 {
				t.Errorf("%d rows are marked, want one of each time", n)
			}
			wrong := browsertest.Eval[string](p, `["left", "right"].flatMap(side => {
				const rows = lab.cursor.view.list.map(p => p[side]).filter(r => r);
				return rows.filter((r, i) => i && (r.at < rows[i - 1].at || r.event.seq < rows[i - 1].event.seq)).map(r => side + " " + r.event.seq);
			}).join()`)
			if wrong != "" {
				t.Errorf("rows stand below later ones: %s", wrong)
			}
			if n := browsertest.Eval[int](p, `[...document.querySelectorAll("ws-timeline .t")].filter(t => t.textContent.includes("−")).length`); n != 0 {
				t.Errorf("%d times go back", n)
			}
			p.Blameless()
		})
	}
}
