package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/uri"
	"wslab/reference/wire"
)

const judgeUsage = `usage: go run ./compare judge [flag …] [CASE …]

Runs the cases and says which rules of RFC 6455 a server or client breaks. Without
-server, -client and -endpoint it judges the implementations of this module and
writes the results to compare/outputs. It fails if the reference fails, or if the
reference and gorilla differ without a known reason.

CASE is an ID (5.5/ping-of-126), a pattern (5.*), a section (5.5), MUST, SHOULD,
MAY, a rule (5.2/rsv1) or a word of a title. To see all: go run ./compare list

If a case runs out of time, it runs once more, alone. If it runs out of time again,
its result is "no answer". One passed case of each section also runs once more,
alone. To find a fault that other cases show only when they run alone: -workers 1
To mend a server one mistake at a time: -first

Exit status: 0 all is well, 1 something failed, gave no answer or was not judged,
2 nothing could be judged, or the results could not be written. A case that a slow
server did not finish in time, although it still sent bytes, counts as not judged.
Under go run, every failure is 1: use go build.

`

// The statuses that judge ends with.
const (
	allWell = iota
	somethingFailed
	nothingJudged
)

// judging holds the flags of judge.
type judging struct {
	server, listen, endpoints string
	client, strict, insecure  bool
	all, first                bool
	json, junit, html, out    string
	workers, patience         int
	wait                      time.Duration
	patterns                  []string
}

// judge runs cases against the targets that args name, and returns the exit status.
func judge(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var j judging
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	flags.StringVar(&j.server, "server", "", "judge the server at this `URL`, ws://… or wss://…, which must echo text and binary messages")
	flags.BoolVar(&j.client, "client", false, "listen, and judge the client that connects, which must echo and connect again after each connection")
	flags.StringVar(&j.listen, "listen", "127.0.0.1:9001", "with -client: the `address` to listen on")
	flags.DurationVar(&j.wait, "wait", 10*time.Second, "with -client: how long to wait for each connection after the first; 0 waits forever")
	flags.StringVar(&j.endpoints, "endpoint", "", "judge these endpoints of this module, by `name`: "+strings.Join(endpoint.Names(endpoint.Named()), ","))
	flags.BoolVar(&j.insecure, "insecure", false, "judge a server even if its certificate cannot be checked")
	flags.BoolVar(&j.strict, "strict", false, "fail for warnings as well")
	flags.BoolVar(&j.all, "all", false, "list every case that did not pass, not only the first ones of a section")
	flags.BoolVar(&j.first, "first", false, "stop after the section with the first mistake, and say what to do next")
	flags.IntVar(&j.workers, "workers", runner.Workers, "how many cases run at once")
	flags.IntVar(&j.patience, "patience", 1, "wait this many `times` as long for everything, for a slow computer or network")
	flags.StringVar(&j.json, "json", "", "write all reports to this `file`, as JSON")
	flags.StringVar(&j.junit, "junit", "", "write all reports to this `file`, as JUnit XML")
	flags.StringVar(&j.html, "html", "", "write all reports to this `file`, as an HTML page")
	flags.StringVar(&j.out, "out", outputsDir, "the `folder` for the results of the implementations of this module")
	patterns, status, done := parse(flags, judgeUsage, args, stdout, stderr)
	if done {
		return status
	}
	j.patterns = patterns
	if j.client && (j.server != "" || j.endpoints != "") || j.server != "" && j.endpoints != "" {
		return complain(stderr, errors.New("-server, -client and -endpoint exclude each other"))
	}
	if j.workers < 1 || j.patience < 1 {
		return complain(stderr, errors.New("-workers and -patience must be 1 or more"))
	}
	if j.first && (j.client || j.server == "" && (j.endpoints == "" || strings.Contains(j.endpoints, ","))) {
		return complain(stderr, errors.New("-first needs -server, or -endpoint with one name"))
	}
	if j.first && j.json+j.junit+j.html != "" {
		return complain(stderr, errors.New("-first writes no file: leave out -json, -junit and -html"))
	}
	if j.wait < 0 {
		return complain(stderr, errors.New("-wait must be a duration such as 10s, or 0"))
	}
	role := wire.Server
	if j.client {
		role = wire.Client
		j.patterns = mirrored(j.patterns)
	}
	cases, err := suite.Match(suite.ForRole(suite.All(), role), j.patterns...)
	if err != nil {
		return complain(stderr, err)
	}
	// Report a file that cannot be written before the run, not after it.
	for _, name := range []string{j.json, j.junit, j.html} {
		if name == "" {
			continue
		}
		if err := canReplace(name); err != nil {
			return complain(stderr, fmt.Errorf("the results cannot be written: %w", err))
		}
	}
	if !j.client && j.server == "" && j.endpoints == "" && len(j.patterns) == 0 {
		if err := writtenTo(j.out); err != nil {
			return complain(stderr, err)
		}
	}
	t := newTerminal(stdout, len(cases))
	switch {
	case j.client:
		return j.judgeClient(ctx, cases, t, stderr)
	case j.server != "":
		target, err := serverTarget(j.server, j.insecure)
		if err != nil {
			return complain(stderr, err)
		}
		if j.insecure && target.TLS {
			fmt.Fprintln(stderr, "compare: -insecure: the certificate was not checked, so this could be anyone's server.")
		}
		return j.judgeServers(ctx, cases, []suite.Target{target}, t, stderr)
	}
	return j.judgeEndpoints(ctx, cases, t, stderr)
}

// mirrored adds the ID of the mirrored case to the ID of a case for servers. So a user
// who tests a client can write 5.5/ping-of-126 for 5.5/ping-of-126-client.
func mirrored(patterns []string) []string {
	list := slices.Clone(patterns)
	for _, c := range suite.ForRole(suite.All(), wire.Client) {
		for i, p := range list {
			if c.ID == p+"-client" {
				list[i] = c.ID
			}
		}
	}
	return list
}

// serverTarget makes a target of a URL.
func serverTarget(raw string, insecure bool) (suite.Target, error) {
	u, err := uri.Parse(raw)
	if err != nil {
		return suite.Target{}, fmt.Errorf("-server %q cannot be used: %w. Write it like ws://localhost:9000/path", uri.WithoutUser(raw), err)
	}
	t := suite.Target{Name: raw, Host: u.Host, Path: u.Target, TLS: u.TLS}
	plain := &net.Dialer{Timeout: 5 * time.Second}
	t.Dial = func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", u.Addr) }
	if t.TLS {
		t.Dial = suite.OverTLS(t.Dial, &tls.Config{ServerName: u.Name, NextProtos: []string{"http/1.1"}, InsecureSkipVerify: insecure})
	}
	return t, nil
}

// judgeServers judges targets, after checking that each is a WebSocket server.
func (j judging) judgeServers(ctx context.Context, cases []*suite.Case, targets []suite.Target, t *terminal, stderr io.Writer) int {
	for i := range targets {
		targets[i].Patience = j.patience
		r, target, answer := runner.Probe(ctx, targets[i])
		targets[i] = target
		switch {
		case ctx.Err() != nil:
			return complain(stderr, errNothing)
		case r.NoWebSocket():
			hint := ""
			if target.TLS && strings.HasPrefix(r.Reason, suite.Untrusted) {
				hint = " To judge it anyway, add -insecure."
			}
			return complain(stderr, fmt.Errorf("%s cannot be judged. %s%s", target.Name, r.Reason, hint))
		case r.Verdict > suite.Warning:
			t.note(fmt.Sprintf("%s does not echo a text message. Most cases need that. %s", target.Name, r.Reason))
		case answer > 0:
			t.note(fmt.Sprintf("%s needs about %s for an answer, so more cases run at once. It may not finish large messages in time.", target.Name, answer.Round(10*time.Millisecond)))
		}
	}
	t.begin(runner.Names(targets), runner.Bound(cases, targets, j.workers))
	if j.first {
		reports, _ := j.upToFirst(cases, func(some []*suite.Case) ([]suite.Report, error) {
			return runner.Judge(ctx, some, targets, j.workers, t.progress), ctx.Err()
		})
		if ctx.Err() != nil {
			return complain(stderr, errors.New("interrupted before a mistake was found"))
		}
		again := "go run ./compare judge -endpoint " + j.endpoints
		if j.server != "" {
			again = "go run ./compare judge -server " + j.server
		}
		return j.toDo(cases, reports, again, t)
	}
	reports := runner.Judge(ctx, cases, targets, j.workers, t.progress)
	return j.finish(interrupted(ctx), cases, runner.Names(targets), reports, t, stderr)
}

// errNothing is the error of an interrupt before the first result.
var errNothing = errors.New("interrupted before anything was judged")

// interruption is the reason after Ctrl-C.
const interruption = "Interrupted"

// interrupted returns interruption if ctx has ended, else "".
func interrupted(ctx context.Context) string {
	if ctx.Err() != nil {
		return interruption
	}
	return ""
}

// judgeEndpoints judges endpoints of this module. Each runs in this process.
func (j judging) judgeEndpoints(ctx context.Context, cases []*suite.Case, t *terminal, stderr io.Writer) int {
	list := j.endpoints
	if list == "" {
		list = strings.Join(endpoint.Names(endpoint.Named()), ",")
	}
	var targets []suite.Target
	for _, name := range strings.Split(list, ",") {
		e, err := endpoint.Find(strings.TrimSpace(name))
		if err != nil {
			return complain(stderr, err)
		}
		if slices.Contains(runner.Names(targets), e.Name) {
			return complain(stderr, fmt.Errorf("-endpoint names %s twice", e.Name))
		}
		target, stop, err := runner.Serve(e)
		if err != nil {
			return complain(stderr, err)
		}
		defer stop()
		target.Patience = j.patience
		targets = append(targets, target)
	}
	if j.endpoints != "" {
		return j.judgeServers(ctx, cases, targets, t, stderr)
	}
	// The expected results of these three are known.
	t.begin(runner.Names(targets), runner.Bound(cases, targets, j.workers))
	reports := runner.Judge(ctx, cases, targets, j.workers, t.progress)
	expected := expectations{cases: cases, reports: reports}
	status := j.finish(interrupted(ctx), cases, runner.Names(targets), reports, t, stderr, expected.endpoints()...)
	if ctx.Err() != nil {
		return status
	}
	if n := expected.undecided(); n > 0 {
		// These results may be wrong, so do not compare or store them.
		t.note(fmt.Sprintf("× %s of the reference or gorilla had no result. This computer may be too busy. The files in %s are unchanged.", plural(n, "case"), j.out))
		return max(status, somethingFailed)
	}
	for _, line := range expected.differences() {
		t.note(line)
		status = max(status, somethingFailed)
	}
	t.conclusion(reports, status == allWell)
	if len(j.patterns) == 0 {
		if err := writeOutputs(j.out, reports); err != nil {
			return complain(stderr, err)
		}
		t.note("Written to " + filepath.Join(j.out, "suite-*.txt"))
	}
	return status
}

// judgeClient listens, and judges a client that connects.
func (j judging) judgeClient(ctx context.Context, cases []*suite.Case, t *terminal, stderr io.Writer) int {
	l, err := net.Listen("tcp", j.listen)
	if err != nil {
		return complain(stderr, fmt.Errorf("-client: nothing can listen on %s: %w", j.listen, err))
	}
	defer l.Close()
	clients := runner.ClientsOf("client", l)
	clients.Patience = j.patience
	clients.Again = j.wait * time.Duration(max(1, j.patience))
	clients.Risky = len(cases) == 1 // the user named the case
	sooner := "Ctrl-C ends the run"
	if clients.Again > 0 {
		sooner += fmt.Sprintf(", and so does a client that does not connect again for %s", clients.Again)
	}
	t.note(fmt.Sprintf("Connect the client to ws://%s/ %d times, one connection for each case, and let it send back every message. %s; the report then covers the cases that ran.", l.Addr(), len(cases), sooner))
	t.begin([]string{"client"}, 0)
	reports, err := runner.JudgeClient(ctx, cases, clients, t.progress)
	cut := interrupted(ctx)
	switch {
	case cut != "" || err == nil:
	case errors.Is(err, runner.ErrGone):
		cut = fmt.Sprintf("The client did not connect again for %s", clients.Again)
	default:
		cut = fmt.Sprintf("No more connections could be accepted: %v", err)
	}
	return j.finish(cut, cases, []string{"client"}, reports, t, stderr)
}

// finish shows and writes the reports, and returns the status. cut is the reason why some
// reports are missing, or "". Failures of the targets in forgiven do not count.
func (j judging) finish(cut string, cases []*suite.Case, targets []string, reports []suite.Report, t *terminal, stderr io.Writer, forgiven ...string) int {
	t.end()
	if len(reports) == 0 {
		if cut != interruption {
			return complain(stderr, fmt.Errorf("nothing was judged: %s", cut))
		}
		return complain(stderr, errNothing)
	}
	status := allWell
	// A terminal shows the end, so the most important lines are last.
	t.brief = forgiven
	t.reasons(targets, reports, j.all)
	diagnoses := suite.DiagnoseAll(reports)
	t.matrix(targets, reports)
	t.note("")
	among := targets
	if len(cases) > runner.Few && len(forgiven) > 0 {
		// The naive server differs in nearly all cases. Its differences would hide all
		// others.
		among = slices.DeleteFunc(slices.Clone(targets), func(name string) bool { return name == endpoint.Naive })
	}
	aligned := align(among, reports)
	t.partings(aligned, len(cases) <= runner.Few)
	if cut != "" {
		t.note(cut + ": " + howFar(cases, targets, reports))
		status = somethingFailed // some cases were not judged
	}
	t.died(targets, reports)
	t.notJudged(targets, reports)
	t.withheld(reports)
	t.diagnoses(diagnoses)
	if len(forgiven) == 0 {
		t.result(targets, reports, diagnoses)
	}
	result := results{Seed: suite.Seed, Targets: targets, Cases: cases, Reports: reports, Habits: suite.Habits(reports), Partings: aligned, Diagnoses: diagnoses}
	for _, out := range []struct {
		file  string
		write func(io.Writer, results) error
	}{{j.json, writeJSON}, {j.junit, writeJUnit}, {j.html, writeHTML}} {
		if out.file == "" {
			continue
		}
		if err := replaceFile(out.file, func(w io.Writer) error { return out.write(w, result) }); err != nil {
			status = complain(stderr, err)
		}
	}
	judged := false
	for _, r := range reports {
		judged = judged || r.Verdict.Judged()
		if j.fails(r) && !slices.Contains(forgiven, r.Endpoint) {
			status = max(status, somethingFailed)
		}
	}
	if !judged {
		return nothingJudged
	}
	return status
}

// fails reports whether r counts as a failure. A report does not count if a slow endpoint
// was still working when the time was over.
func (j judging) fails(r suite.Report) bool {
	worst := r.Worst()
	if r.Slow() && worst == suite.NotJudged {
		return false
	}
	return worst > suite.Warning || j.strict && worst == suite.Warning
}
