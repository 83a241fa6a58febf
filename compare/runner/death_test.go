package runner_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

func TestTheCaseInWhichTheProcessDiesIsFoundWhereItComesBack(t *testing.T) {
	t.Parallel()
	cases := some(t, "5.2/binary-of-32767", "5.2/binary-of-32768", "5.2/binary-of-65533", "5.2/binary-of-65534", "5.2/binary-of-65535", "5.2/binary-of-65536", "5.2/binary-of-65537", "5.2/binary-of-65536-in-writes-of-997", "5.2/texts-of-0-to-299", "5.2/length-16-for-0", "5.2/length-16-for-0-binary", "5.2/length-16-for-0-ping", "5.2/length-16-for-1", "5.2/length-16-for-1-binary", "5.2/length-16-for-1-ping", "5.2/length-16-for-5", "5.2/length-16-for-5-binary", "5.2/length-16-for-5-ping", "5.2/length-16-for-125", "5.2/length-16-for-125-binary", "5.2/length-16-for-125-ping", "5.2/length-64-for-0", "5.2/length-64-for-0-binary", "5.2/length-64-for-0-ping", "5.2/length-64-for-5", "5.2/length-64-for-5-binary", "5.2/length-64-for-5-ping", "5.2/length-64-for-125", "5.2/length-64-for-125-binary", "5.2/length-64-for-125-ping", "5.2/length-64-for-126", "5.2/length-64-for-126-binary", "5.2/length-64-for-1000", "5.2/length-64-for-1000-binary", "5.2/length-64-for-65535", "5.2/length-64-for-65535-binary", "5.2/top-bit-alone-text", "5.2/top-bit-alone-binary", "5.2/top-bit-and-65536-text", "5.2/top-bit-and-65536-binary", "5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*")
	f := &front{deadly: topBit, reborn: true}
	var reports []suite.Report
	synctest.Test(t, func(t *testing.T) {
		// One case at a time: otherwise two deadly cases can end in one death, and the judge
		// may treat one of them as a case that only lost its connection.
		reports = runner.Judge(t.Context(), cases, []suite.Target{f.start(t)}, 1, nil)
	})
	dies, blamed := 0, 0
	for _, r := range reports {
		switch {
		case r.Died && strings.HasPrefix(r.Reason, "The process died:") && r.Verdict == suite.Fail:
			blamed++
			if !sends(r.Case, topBit) {
				t.Errorf("%s is blamed, and does not send % x", r.Case, topBit)
			}
		case r.Worst() > suite.Note:
			t.Errorf("%s: %s: %s", r.Case, r.Worst(), r.Reason)
		}
	}
	for _, c := range cases {
		if sends(c, topBit) {
			dies++
		}
	}
	if len(reports) != len(cases) || dies == 0 || blamed != dies {
		t.Errorf("%d reports of %d cases, %d of %d deadly ones blamed", len(reports), len(cases), blamed, dies)
	}
}

// sends reports whether a frame of c begins so, masked as a client's is.
func sends(c *suite.Case, header []byte) bool {
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			h := wire.Header{Fin: f.Fin, Opcode: f.Opcode, Masked: f.Masking != spec.Never, Length: f.Claims, Form: f.Form}
			if f.Lies && h.Form == 0 {
				h.Form = wire.FormFor(f.Claims)
			}
			if f.Lies && bytes.HasPrefix(h.Append(nil), header) {
				return true
			}
		}
	}
	return false
}

func TestAProcessThatDiesAndDoesNotComeBackIsNamedAndTheRestIsNotJudged(t *testing.T) {
	t.Parallel()
	cases := some(t, "5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*", "5.2/length-16-for-0", "5.2/length-16-for-0-binary", "5.2/length-16-for-0-ping", "5.2/length-16-for-1", "5.2/length-16-for-1-binary", "5.2/length-16-for-1-ping", "5.2/length-16-for-5", "5.2/length-16-for-5-binary", "5.2/length-16-for-5-ping", "5.2/length-16-for-125", "5.2/length-16-for-125-binary", "5.2/length-16-for-125-ping", "5.2/length-64-for-0", "5.2/length-64-for-0-binary", "5.2/length-64-for-0-ping", "5.2/length-64-for-5", "5.2/length-64-for-5-binary", "5.2/length-64-for-5-ping", "5.2/length-64-for-125", "5.2/length-64-for-125-binary", "5.2/length-64-for-125-ping", "5.2/length-64-for-126", "5.2/length-64-for-126-binary", "5.2/length-64-for-1000", "5.2/length-64-for-1000-binary", "5.2/length-64-for-65535", "5.2/length-64-for-65535-binary", "5.2/top-bit-alone-text", "5.2/top-bit-alone-binary", "5.2/top-bit-and-65536-text", "5.2/top-bit-and-65536-binary", "5.4/*")
	f := &front{deadly: topBit}
	var reports []suite.Report
	synctest.Test(t, func(t *testing.T) {
		reports = runner.Judge(t.Context(), cases, []suite.Target{f.start(t)}, 4, nil)
	})
	named, out := "", 0
	for _, r := range reports {
		switch {
		case r.Worst() == suite.Fail || r.Worst() == suite.NoAnswer:
			t.Errorf("%s: %s: %s", r.Case, r.Verdict, r.Reason)
		case r.Verdict == suite.NotJudged:
			out++
			named = r.Reason
		}
	}
	const want = "The process died. Any of these cases may have killed it: "
	if len(reports) != len(cases) || out < 20 || !strings.HasPrefix(named, want) {
		t.Fatalf("%d reports of %d cases, %d not judged: %s", len(reports), len(cases), out, named)
	}
	if !slices.ContainsFunc(cases, func(c *suite.Case) bool { return sends(c, topBit) && strings.Contains(named, c.ID) }) {
		t.Errorf("the case that ended it is not in: %s", named)
	}
}
