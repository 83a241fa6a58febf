package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/labserver/internal/browsertest"
	"wslab/reference"
	"wslab/reference/wire"
)

// BenchmarkFrameToRow measures how long it takes from the last byte of a frame at the
// server to the rendering of its row in the page. Both clocks are of one computer.
func BenchmarkFrameToRow(b *testing.B) {
	p := browsertest.OpenTab(b, browsertest.StartLab(b), 1440, 900)
	p.GoTo("/lessons/02-frames")
	p.Click("ws-lab", "Connect")
	p.Until("a connection is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	var times []float64
	for b.Loop() {
		times = append(times, browsertest.Eval[[]float64](p, `new Promise(done => {
			const seen = [], started = performance.now();
			const rows = () => `+browsertest.RowCount+`;
			const send = () => {
				const before = rows(), at = performance.now();
				document.querySelector("article [data-do*=send]").click();
				const look = () => rows() > before ? (seen.push(performance.now() - at), seen.length < 20 ? setTimeout(send, 30) : done(seen)) : performance.now() - started > 20000 ? done(seen) : requestAnimationFrame(look);
				requestAnimationFrame(look);
			};
			send();
		})`)...)
	}
	if len(times) == 0 {
		b.Fatal("no row was ever seen")
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ms/row(median)")
	b.ReportMetric(times[len(times)*9/10], "ms/row(p90)")
}

// BenchmarkFirstVisit reports what a browser that has never been here receives
// when it opens a lesson.
func BenchmarkFirstVisit(b *testing.B) {
	base := browsertest.StartLab(b)
	most := 0.0
	for b.Loop() {
		for _, lesson := range []string{"01-handshake", "02-frames", "03-masking"} {
			p := browsertest.OpenTab(b, base, 1440, 900)
			p.GoTo("/lessons/" + lesson)
			p.Until("the lab is there", `!!document.querySelector("ws-lab .bar button")`)
			most = max(most, p.Received())
			p.Blameless()
		}
	}
	b.ReportMetric(most/1000, "kB/visit(most)")
}

// BenchmarkScroll scrolls a timeline of a hundred thousand events, recorded
// from a real connection, from end to end and reports the page's slowest frame
// of rendering. A frame that takes 50 ms or more is a long one.
func BenchmarkScroll(b *testing.B) {
	base := browsertest.StartLab(b)
	session := flood(b, base, recording.DefaultLimits.Events)
	p := browsertest.OpenTab(b, base, 1440, 900)
	p.GoTo("/lab?watch=" + session)
	p.Until("the recording has begun to come", browsertest.RowCount+` > 10000`)
	p.Calm(browsertest.RowCount)
	var worst, long float64
	for b.Loop() {
		got := browsertest.Eval[map[string]float64](p, `new Promise(done => {
			const scroller = document.querySelector("ws-timeline .scroll");
			let long = 0, worst = 0, last = performance.now(), n = 0;
			const watch = new PerformanceObserver(list => { long += list.getEntries().length; });
			watch.observe({type: "long-animation-frame"});
			const frame = now => {
				if (n > 3) worst = Math.max(worst, now - last); // what was under way before does not count
				last = now;
				if (n++ < 240) {
					// Slowly like a wheel, then in leaps like a dragged thumb.
					scroller.scrollTop = n < 120 ? n * 100 : (n - 120) / 120 * scroller.scrollHeight;
					requestAnimationFrame(frame);
				} else {
					watch.disconnect();
					done({worst, long});
				}
			};
			requestAnimationFrame(frame);
		})`)
		worst, long = max(worst, got["worst"]), long+got["long"]
	}
	b.ReportMetric(browsertest.Eval[float64](p, browsertest.RowCount), "rows")
	b.ReportMetric(worst, "ms/frame(worst)")
	b.ReportMetric(long, "long-frames")
}

// flood echoes messages from outside until about n events are recorded, and
// returns the session that they are in.
func flood(tb testing.TB, base string, n int) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := reference.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/ws/reference", nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.CloseNow() })
	const eventsAnEcho = 8 // at least
	for i := range n / eventsAnEcho {
		if err := conn.WriteMessage(wire.Text, fmt.Appendf(nil, "message %d", i)); err != nil {
			tb.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); err != nil {
			tb.Fatal(err)
		}
	}
	answer, err := http.Get(base + "/api/connections")
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct {
		Connections []struct{ Session string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || len(list.Connections) != 1 {
		tb.Fatalf("the list of connections is %v, %v", list, err)
	}
	return list.Connections[0].Session
}
