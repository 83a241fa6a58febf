package compare

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

// These tests drive /compare in a real Chromium.

func TestTheMatrixIsFilledFilteredAndOpenedByKeyboardAlone(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare")

	// 1. Fewer cases, and these are judged.
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.1/")
	p.Until("the filter leaves one section", `[...document.querySelectorAll(".line[data-id]")].every(l => l.hidden == !l.dataset.id.startsWith("5.1/"))`)
	browsertest.Eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.TabTo("the button that judges", `at.dataset.judge == "own"`)
	p.Press(kb.Enter)
	p.Until("the focus is on what stops it, or begins it again", `document.activeElement.matches("[data-stop=own], [data-judge=own]")`)
	p.Until("each of them is judged at each server", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => ["reference", "gorilla", "naive"].every(n => /[✔≈×i∅?]/.test(l.querySelector('[data-column="'+n+'"]').textContent)))`)
	for column, want := range map[string]string{"reference": "✔", "naive": "×"} {
		if got := browsertest.Eval[string](p, browsertest.Cell("5.1/wrong-mask-in-text", column)); !strings.Contains(got, want) {
			t.Errorf("5.1/wrong-mask-in-text at %s reads %q, want %s", column, got, want)
		}
	}

	// 2. Of these, the ones that fail.
	p.TabTo("the verdicts", `at.name == "verdict"`)
	p.Press("×")
	p.Until("the failing ones are left", `document.querySelector("[name=verdict]").value == "fail" && [...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => l.textContent.includes("×"))`)

	// 3. One of them, down to its first wrong bit.
	p.TabTo("the first row", `at.matches(".line[data-id]")`)
	p.Press(kb.ArrowDown)
	p.Press(kb.ArrowUp)
	id := browsertest.Eval[string](p, `document.activeElement.dataset.id`)
	p.Press(kb.Enter)
	p.Until("the case is open, with the failing one's bytes and a caret", `[...document.querySelectorAll("ws-bench .result.fail pre")].some(pre => /\^\^/.test(pre.textContent))`)
	p.Until("the address names it", `location.hash == `+browsertest.QuoteJS("#"+id))
	p.Until("the three are aligned and their first difference is marked", `document.querySelectorAll(".aligned th").length == 3 && document.querySelector(".aligned tr.first") && /breaks? a MUST/.test(document.querySelector(".parted").textContent)`)
	p.Until("the timeline has the wire", browsertest.WireRows+` > 0`)
	p.Until("bits are shown", `document.querySelectorAll("ws-bits [role=gridcell] button").length >= 16`)
	p.TabTo("a step of the comparison", `at.matches(".aligned button")`)
	p.Press(kb.Enter)
	p.Until("the request that was pressed is selected", `/GET/.test(document.querySelector("ws-lab .title").textContent)`)

	// 4. And back.
	p.Press(kb.Escape)
	p.Until("the bench is closed and the focus is on the row", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == `+browsertest.QuoteJS(id))
	if hash := browsertest.Eval[string](p, `location.hash`); hash != "#cases" {
		t.Errorf("the address is still %q", hash)
	}
	p.Blameless()
}

func TestACaseOpensByItsAddress(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare#5.1/wrong-mask-in-binary")
	p.Until("its reports have come", `document.querySelectorAll("ws-bench .result").length == 3`)
	p.Until("its row has them as well", browsertest.Cell("5.1/wrong-mask-in-binary", "reference")+`.includes("✔")`)
	p.Click("ws-bench", "Next case")
	p.Until("the next one is open", `location.hash == "#5.1/wrong-mask-in-empty-text" && document.querySelectorAll("ws-bench .result").length == 3`)
	p.Blameless()
}

func TestAnOldNumberInALinkLeadsToItsSection(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare#5.1/7c")
	p.Until("its section is shown, and the page says why", `document.querySelector("ws-compare [name=section]").value == "5.1" && /Cases have names now/.test(document.querySelector("ws-compare .notice").textContent) && location.hash == "#cases"`)
	if n := browsertest.Eval[int](p, `[...document.querySelectorAll(".line[data-id]:not([hidden])")].filter(l => l.dataset.id.startsWith("5.1/")).length`); n != 13 {
		t.Errorf("%d cases of the section are shown", n)
	}
	p.Blameless()
}

func TestWhatSeemsToBeWrongIsToldWhenARunHasEnded(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare")
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.4/")
	p.Click("ws-compare", "Judge reference, gorilla, naive by these")
	p.Until("naive's mistakes are counted", `/wrong with naive [1-9][0-9]* mistakes, of [1-9][0-9]+ cases judged$/.test(document.querySelector("details.wrong:not([open]) summary")?.textContent)`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll("details.wrong").length`); n != 1 {
		t.Errorf("%d of three have mistakes", n)
	}
	browsertest.Eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.TabTo("the summary", `at.matches(".wrong summary")`)
	p.Press(kb.Enter)
	p.Until("the page names the first mistake", `/^You dropped the first fragment.*Usually:.*first-fragment-dropped, RFC 6455 §5.4; shown by 5.4\/[a-z0-9-]+, .* more$/s.test(document.querySelector(".wrong li")?.innerText)`)
	p.TabTo("what is left out", `at.matches(".wrong li .more")`)
	p.Press(kb.Enter)
	p.Until("all cases are named, and the focus is on the first that was not", `!document.querySelector(".wrong li:first-child .more") && [...document.querySelectorAll(".wrong li:first-child a[href^='#']")].indexOf(document.activeElement) == 6`)
	id := browsertest.Eval[string](p, `document.activeElement.textContent`)
	p.Press(kb.Enter)
	p.Until("that case is open", `location.hash == `+browsertest.QuoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3`)
	p.Press(kb.Escape)
	p.Until("the focus is back in the summary", `document.querySelector("ws-bench").hidden && document.activeElement.matches(".wrong a") && document.activeElement.textContent == `+browsertest.QuoteJS(id))
	p.Click("ws-compare", "Judge reference, gorilla, naive by these")
	p.Until("it is gone while they are judged anew", `!document.querySelector("details.wrong")`)
	p.Until("and told anew", `document.querySelector("details.wrong:not([open])")`)
	p.Blameless()
}

func TestALostRunIsToldByWhatHasBecomeOfIt(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare")
	p.Click("ws-compare", "Judge reference, gorilla, naive")
	notice := `document.querySelector("ws-compare .notice").textContent`
	p.Until("it runs", `document.querySelector("[data-stop=own]")`)
	// In one go: the stream itself goes on, and its own events would come between.
	said := browsertest.Eval[[]string](p, `(() => {
		window.source = document.querySelector("ws-compare").judging.running.get("own").lines.source;
		source.onerror(new Event("error"));
		const away = `+notice+`;
		source.onopen(new Event("open"));
		const back = `+notice+`;
		source.close();
		source.onerror(new Event("error"));
		return [away, back];
	})()`)
	if !strings.HasPrefix(said[0], "The lab server does not answer. Start it again") || said[1] != "" {
		t.Errorf("while nobody answers the page says %q, and then %q", said[0], said[1])
	}
	p.Until("the page says that the run is gone", `/^The lab server restarted, and this run ended with it/.test(`+notice+`) && !document.querySelector("[data-stop=own]")`)
}

func TestTheBenchIsLeftAsItWasEnteredOnANarrowPage(t *testing.T) {
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 390, 844)
	p.GoTo("/compare")
	p.Until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.1/")
	p.TabTo("the first row", `at.matches(".line[data-id]")`)
	// Not by Enter: the driver sends it in two events, of which the second would
	// press what the first has given the focus to.
	press := func() { browsertest.Eval[any](p, `document.activeElement.click(), null`) }
	press()
	p.Until("its case is open, and has the focus", `document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches("ws-bench .about > .shut")`)
	p.TabTo("the next case", `at.matches(".case .next")`)
	for _, id := range []string{"5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-empty-text"} {
		press()
		p.Until("the next is open, and the button has the focus", `location.hash == `+browsertest.QuoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches(".case .next")`)
	}
	p.Until("the recording is followed", `document.querySelector("ws-bench ws-timeline [role=row]")`)

	// What lies under it is out of reach.
	for range 40 {
		if p.Press(kb.Tab); browsertest.Eval[bool](p, `!!document.activeElement.closest(".judged, header.site")`) {
			t.Fatal("Tab leads to what cannot be seen")
		}
	}

	// The log has a button to close it, too.
	p.Click("ws-bench", "Show log")
	p.Until("the log is there", `document.querySelector("ws-bench ws-log")`)
	p.Click("ws-bench ws-log", "Hide log")
	p.Until("the log alone is gone", `!document.querySelector("ws-log") && !document.querySelector("ws-bench").hidden`)

	p.Click("ws-bench .about", "Close details")
	p.Until("the focus is on the row of the case that was seen last", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == "5.1/wrong-mask-in-empty-text"`)
	if browsertest.Eval[bool](p, `!!document.querySelector("ws-bench").lab.session.stream.source`) {
		t.Error("the recording is still followed")
	}
	p.Blameless()
}

func TestAHeaderOfTheMapIsSentByKeyboardAlone(t *testing.T) {
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/compare#headers/gorilla-server/fresh/8104")
	p.TabTo("the map", `at.matches(".map")`)
	p.Press(kb.ArrowDown)
	p.Until("the address follows", `location.hash == "#headers/gorilla-server/fresh/8105"`)
	p.Until("the legend has a row for each outcome", `document.querySelectorAll("ul.legend li").length > 3 && getComputedStyle(document.querySelector("ul.legend")).display == "block"`)
	p.Until("the header is told in words", `/not masked, length 5/.test(document.querySelector(".readout").textContent)`)
	p.Press(kb.Enter)
	p.Until("what came back is shown", `/CLOSE.*1002/s.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
	p.Blameless()
}

func TestGoingBackToCompareResumesTheRun(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenCompare(t, "/compare")
	p.Click("ws-compare", "Judge reference, gorilla, naive")
	counts := `[...document.querySelectorAll(".names .tally")].slice(0, 3).map(t => (t.textContent.match(/[\d,]+/g) || []).reduce((n, m) => n + Number(m.replace(",", "")), 0))`
	total := counts + `.reduce((n, m) => n + m, 0)`
	p.Until("some are judged", total+` > 20 && document.querySelector("[data-stop=own]")`)
	before := 0
	browsertest.Eval[any](p, `addEventListener("pagehide", () => window.left = `+total+`), null`)
	p.GoBack(func() {})
	before = browsertest.Eval[int](p, `window.left`)
	p.Until("more is judged than when the page was left", fmt.Sprintf("%s > %d", total, before))
	// Every report is taken once.
	twice := browsertest.Eval[[]string](p, `(({matrix, running}) => [...(running.get("own")?.told || [])].filter(([name, n]) => n != matrix.reports.get(name).size).map(String))(document.querySelector("ws-compare").judging)`)
	if len(twice) > 0 {
		t.Errorf("reports were taken more than once: %v", twice)
	}
	browsertest.Eval[any](p, `document.querySelector("[data-stop=own]")?.click(), null`)
	p.Until("the run can be stopped, or is over", `document.querySelector("[data-judge=own]")`)
	p.Blameless()
}
