package main

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestTheLessonOnListenersIsDoneByKeyboardAlone does the runs of lesson 10 with Tab, Enter
// and numbers, and solves its exercise.
func TestTheLessonOnListenersIsDoneByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/10-listeners")
	press := func(run string) (block string) {
		block = `document.querySelector("ws-doors[data-run=` + run + `]")`
		p.tabTo("the button of the run "+run, `at.matches("ws-doors[data-run=`+run+`] button[type=submit]")`)
		p.press(kb.Enter)
		return block
	}
	says := func(block string) string { return block + `.querySelector("output").textContent` }

	both := press("whole")
	p.until("both servers have responded", says(both)+`.includes("net/http: 101, and the echo arrived")`)
	p.until("each server has one read", both+`.querySelectorAll(".reads li").length == 2`)
	p.tabTo("the response of the listener", `at.matches("ws-doors[data-run=whole] .door [data-seq]")`)
	p.press(kb.Enter)
	p.until("its bytes are shown", `/101 Switching/.test(document.querySelector("ws-inspector").textContent)`)

	// A prediction, then the run that answers it.
	p.tabTo("the first choice", `at.name == "10-cut"`)
	p.press(kb.ArrowDown)
	p.tabTo("the button that locks it in", `at.matches("#predict-10-cut .lock")`)
	p.press(kb.Enter)
	cut := press("cut")
	p.until("each server has two reads", cut+`.querySelectorAll(".reads li").length == 4`)
	p.until("the prediction is right", `document.querySelector("#predict-10-cut .verdict.won")`)

	// A number that is not possible is refused in words.
	p.tabTo("the number of the next run", `at.matches("ws-doors[data-run=cut-at] input")`)
	p.press("999" + kb.Enter) // Tab has selected the old number
	at := `document.querySelector("ws-doors[data-run=cut-at]")`
	p.until("the refusal is said", says(at)+`.startsWith("× The request has 158 bytes")`)

	page := press("page")
	p.until("both have responded", says(page)+`.includes("426") && `+says(page)+`.includes("200")`)
	two := press("http2")
	p.until("four requests are shown", two+`.querySelectorAll(".exchanges > li").length == 4`)
	memory := press("memory")
	p.until("three servers are measured", memory+`.querySelectorAll("tbody tr").length == 3`)

	naive := `document.querySelector("ws-doors[data-run=naive]")`
	p.tabTo("the size", `at.matches("ws-doors[data-run=naive] input")`)
	for _, size := range []string{"1500", "1025", "1024"} {
		eval[any](p, naive+`.querySelector("input").select()`)
		p.press(size + kb.Enter)
		p.until(size+" bytes are tried", `[...`+naive+`.querySelectorAll("tbody tr")].some(r => r.cells[0].textContent.replace(/\D/g, "") == "`+size+`") && !/Running/.test(`+says(naive)+`)`)
	}
	p.until("it is solved", says(naive)+`.startsWith("✔ Solved: 1,025 bytes")`)
	p.blameless()
}
