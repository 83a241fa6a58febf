package runner_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

func TestAServerThatFloodsIsToldAfterTheThirdCase(t *testing.T) {
	// A pipe has no FIN.
	cases := slices.DeleteFunc(suite.ForRole(suite.All(), wire.Server), func(c *suite.Case) bool { return c.Opening.Fin })
	for what, frame := range map[string][]byte{"Pings": {0x89, 1, 'x'}, "texts": {0x81, 1, 'x'}} {
		t.Run(what, func(t *testing.T) {
			flood := bytes.Repeat(frame, 1000)
			var reports []suite.Report
			target := suite.Target{Name: "test", Dial: opening(func(c net.Conn, in *bufio.Reader) {
				go func() { _, _ = io.Copy(io.Discard, in) }()
				for {
					if _, err := c.Write(flood); err != nil {
						return
					}
				}
			})}
			synctest.Test(t, func(t *testing.T) {
				reports = runner.Judge(t.Context(), cases, []suite.Target{target}, 4, nil)
			})
			played, said := 0, map[string]int{}
			for _, r := range reports {
				switch {
				case strings.HasPrefix(r.Reason, "It sends without end once the WebSocket is open, as in "):
					said[r.Reason]++
				case !r.Case.Refused():
					played++
				}
			}
			if len(reports) != len(cases) || len(said) != 1 || played > 40 {
				t.Errorf("%d reports of %d cases; of those with a WebSocket %d were played; the rest: %v", len(reports), len(cases), played, said)
			}
		})
	}
}

func TestAServerThatFloodsCostsBoundedMemory(t *testing.T) {
	t.Parallel()
	cases := some(t, "5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*")
	for what, frame := range map[string][]byte{
		"messages":     append([]byte{0x81, 126, 0x40, 0}, bytes.Repeat([]byte("*"), 0x4000)...),
		"empty Pongs":  bytes.Repeat([]byte{0x8a, 0}, 8000),
		"Pings":        bytes.Repeat([]byte{0x89, 0}, 8000),
		"empty pieces": append([]byte{0x01, 0}, bytes.Repeat([]byte{0x00, 0}, 8000)...),
	} {
		f := &front{out: func(w io.Writer, b []byte) error {
			if _, err := w.Write(b); err != nil || !bytes.Contains(b, []byte(" 101 ")) {
				return err
			}
			piece := frame
			for {
				if _, err := w.Write(piece); err != nil {
					return err
				}
				if what == "empty pieces" {
					piece = frame[2:]
				}
			}
		}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var reports []suite.Report
		synctest.Test(t, func(t *testing.T) {
			reports = runner.Judge(t.Context(), cases, []suite.Target{f.start(t)}, 0, nil)
		})
		runtime.ReadMemStats(&after)
		for _, r := range reports {
			// The first message may already be a wrong answer; else nothing can be judged.
			if r.Verdict != suite.NotJudged && r.Verdict != suite.Fail || r.Lacks() != "" {
				t.Errorf("%s, %s: %s: %s", what, r.Case, r.Verdict, r.Reason)
			}
		}
		// Of what the heap takes from the system nothing goes back meanwhile.
		if more := int64(after.HeapSys) - int64(before.HeapSys); more > 768<<20 {
			t.Errorf("%s: the heap grew by %d MiB", what, more>>20)
		}
	}
}
