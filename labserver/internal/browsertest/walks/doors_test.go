package walks

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

// TestTheLessonOnListenersIsDoneByKeyboardAlone does the runs of lesson 10 with Tab, Enter
// and numbers, and solves its exercise.
func TestTheLessonOnListenersIsDoneByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/10-listeners")
	press := func(run string) (block string) {
		block = `document.querySelector("ws-doors[data-run=` + run + `]")`
		p.TabTo("the button of the run "+run, `at.matches("ws-doors[data-run=`+run+`] button[type=submit]")`)
		p.Press(kb.Enter)
		return block
	}
	says := func(block string) string { return block + `.querySelector("output").textContent` }

	both := press("whole")
	p.Until("both servers have responded", says(both)+`.includes("net/http: 101, and the echo arrived")`)
	p.Until("each server has one read", both+`.querySelectorAll(".reads li").length == 2`)
	p.TabTo("the response of the listener", `at.matches("ws-doors[data-run=whole] .door [data-seq]")`)
	p.Press(kb.Enter)
	p.Until("its bytes are shown", `/101 Switching/.test(document.querySelector("ws-inspector").textContent)`)

	// A prediction, then the run that answers it.
	p.TabTo("the first choice", `at.name == "10-cut"`)
	p.Press(kb.ArrowDown)
	p.TabTo("the button that locks it in", `at.matches("#predict-10-cut .lock")`)
	p.Press(kb.Enter)
	cut := press("cut")
	p.Until("each server has two reads", cut+`.querySelectorAll(".reads li").length == 4`)
	p.Until("the prediction is right", `document.querySelector("#predict-10-cut .verdict.won")`)

	// A number that is not possible is refused in words.
	p.TabTo("the number of the next run", `at.matches("ws-doors[data-run=cut-at] input")`)
	p.Press("999" + kb.Enter) // Tab has selected the old number
	at := `document.querySelector("ws-doors[data-run=cut-at]")`
	p.Until("the refusal is said", says(at)+`.startsWith("× The request has 158 bytes")`)

	page := press("page")
	p.Until("both have responded", says(page)+`.includes("426") && `+says(page)+`.includes("200")`)
	two := press("http2")
	p.Until("four requests are shown", two+`.querySelectorAll(".exchanges > li").length == 4`)
	memory := press("memory")
	p.Until("three servers are measured", memory+`.querySelectorAll("tbody tr").length == 3`)

	naive := `document.querySelector("ws-doors[data-run=naive]")`
	p.TabTo("the size", `at.matches("ws-doors[data-run=naive] input")`)
	for _, size := range []string{"1500", "1025", "1024"} {
		browsertest.Eval[any](p, naive+`.querySelector("input").select()`)
		p.Press(size + kb.Enter)
		p.Until(size+" bytes are tried", `[...`+naive+`.querySelectorAll("tbody tr")].some(r => r.cells[0].textContent.replace(/\D/g, "") == "`+size+`") && !/Running/.test(`+says(naive)+`)`)
	}
	p.Until("it is solved", says(naive)+`.startsWith("✔ Solved: 1,025 bytes")`)
	p.Blameless()
}
