package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

// judgeWith runs judge and returns its status and what it wrote.
func judgeWith(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = judge(ctx, args, &out, &err)
	return status, out.String(), err.String()
}

// running returns the URL of the endpoint called name, served as the judge does.
func running(t *testing.T, name string) string {
	t.Helper()
	e, err := endpoint.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	target, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return "ws://" + target.Host + "/any/path?query"
}

func TestAServerIsJudgedByItsURL(t *testing.T) {
	status, stdout, stderr := judgeWith(t.Context(), "-server", running(t, "reference"), "5.5.2", "-strict")
	if status != allWell || stderr != "" || !strings.Contains(stdout, "13 cases against ws://") || !strings.Contains(stdout, "5.5.2  13✔") {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
	status, stdout, _ = judgeWith(t.Context(), "-server", running(t, "gorilla"), "8.1/bad-lone-80")
	if status != somethingFailed || !strings.Contains(stdout, "× fail    8.1/bad-lone-80  Malformed: a continuation byte alone, 80\n") || !strings.Contains(stdout, "(RFC 6455 §8.1)") {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

func TestWhatIsMerelyNonStrictFailsOnlyWhereThatIsAskedFor(t *testing.T) {
	if status, stdout, _ := judgeWith(t.Context(), "-endpoint", "gorilla", "5.5.1/body-of-1"); status != allWell || !strings.Contains(stdout, "≈ warning 5.5.1/body-of-1") {
		t.Errorf("status %d\n%s", status, stdout)
	}
	if status, stdout, _ := judgeWith(t.Context(), "-endpoint", "gorilla", "-strict", "5.5.1/body-of-1"); status != somethingFailed {
		t.Errorf("with -strict: status %d\n%s", status, stdout)
	}
}

func TestAWeekendServersFailuresAreForgivenOnlyWhereNobodyNamesIt(t *testing.T) {
	status, stdout, stderr := judgeWith(t.Context(), "-out", t.TempDir(), "5.1/wrong-mask-in-text", "5.5.1/close-first")
	if status != allWell || stderr != "" || !strings.Contains(stdout, "naive") {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
	if status, stdout, _ := judgeWith(t.Context(), "-endpoint", "naive", "5.1/wrong-mask-in-text"); status != somethingFailed {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

func TestOfFewCasesTheFirstDifferenceIsToldAndOfManyTheirNumber(t *testing.T) {
	dir := t.TempDir()
	_, out, _ := judgeWith(t.Context(), "-endpoint", "reference,gorilla", "-json", filepath.Join(dir, "j"), "5.2/length-16-for-0")
	for _, want := range []string{"First difference: gorilla is laxer than it could be.", "  reference  CLOSE 1002 ", "  gorilla    TEXT (empty)"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "j")); err != nil || !strings.Contains(string(b), `"gorilla": "TEXT (empty)`) {
		t.Errorf("written is %s, %v", b, err)
	}
	_, out, _ = judgeWith(t.Context(), "-endpoint", "reference,gorilla", "5.2/binary-of-2", "5.2/binary-of-124", "5.2/binary-of-125", "5.2/binary-of-126", "5.2/binary-of-127", "5.2/binary-of-128", "5.2/binary-of-129", "5.2/binary-of-255", "5.2/binary-of-256", "5.2/binary-of-257", "5.2/binary-of-32767", "5.2/binary-of-32768", "5.2/binary-of-65533", "5.2/binary-of-65534", "5.2/binary-of-65535", "5.2/binary-of-65536", "5.2/binary-of-65537", "5.2/binary-of-65536-in-writes-of-997", "5.2/texts-of-0-to-299", "5.2/length-16-for-0")
	if want := "reference and gorilla did the same in 19 of 20 cases; of the others in 1 one breaks a SHOULD or is lax."; !strings.Contains(out, want) {
		t.Errorf("%q is not in\n%s", want, out)
	}
	if _, out, _ = judgeWith(t.Context(), "-endpoint", "reference", "5.2/length-16-for-0"); strings.Contains(out, "part") {
		t.Errorf("there is only one endpoint, but the output lists differences:\n%s", out)
	}
}

func TestWhatCannotBeginIsToldBeforeAnythingIsPlayed(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none", "j")
	for _, args := range [][]string{
		{"-endpoint", "reference,reference", "5.1"},
		{"-endpoint", "reference", "-workers", "-1", "5.1"},
		{"-endpoint", "reference", "-workers", "0", "5.1"},
		{"-endpoint", "reference", "-patience", "0", "5.1"},
		{"-out", outputsDir}, // this folder is not the top of the module
		{"-endpoint", "reference", "-patience", "-1", "5.1"},
		{"-endpoint", "reference", "-json", nowhere, "5.1"},
		{"-client", "-html", nowhere},
		{"-client", "-wait", "-1s"},
	} {
		if status, out, says := judgeWith(t.Context(), args...); status != nothingJudged || out != "" || strings.Count(says, "\n") != 1 {
			t.Errorf("%v: status %d\n%s%s", args, status, out, says)
		}
	}
}

func TestWhatCannotBeJudgedIsToldInASentence(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer page.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	at := strings.TrimPrefix(page.URL, "http://")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-server", "ws://" + nobody.Addr().String()}, "cannot be judged. The connection was refused, so no server listens there."},
		{[]string{"-server", "ws://" + at}, `cannot be judged. No WebSocket was opened: it responded "HTTP/1.1 200 OK".`},
		{[]string{"-server", "ws://" + at + "/moved"}, `a redirect to "/elsewhere". The judge does not follow redirects.`},
		{[]string{"-server", "wss" + strings.TrimPrefix(secure.URL, "https")}, "Its certificate is not trusted: "},
		{[]string{"-server", "wss" + strings.TrimPrefix(secure.URL, "https"), "-insecure"}, `it responded "HTTP/1.1 404 Not Found"`},
		{[]string{"-server", "wss://" + at}, "It does not speak TLS on this port."},
		{[]string{"-server", "http://localhost/"}, `-server "http://localhost/" cannot be used: the URL does not begin with ws:// or wss://. Write it like ws://localhost:9000/path`},
		{[]string{"-server", "localhost:9000"}, `the URL does not begin with ws:// or wss://`},
		{[]string{"-server", "ws://localhost/#top"}, "the URL has a fragment, which a WebSocket URL must not have (RFC 6455 §3)"},
		{[]string{"-server", "ws://user:secret@localhost/"}, `compare: -server "ws://localhost/" cannot be used: the URL has a user name`},
		{[]string{"-server", "ws://user:secret%@localhost/"}, `"localhost/" cannot be used: the URL cannot be parsed`},
		{[]string{"-server", "ws://localhost/", "-client"}, "exclude each other"},
		{[]string{"-endpoint", "nobody"}, `there is no endpoint "nobody"; there are`},
		{[]string{"-client", "-listen", "nowhere:at:all"}, "nothing can listen on nowhere:at:all"},
		{[]string{"-endpoint", "reference", "5.2", "no such case"}, `no case fits "no such case"`},
		{[]string{"-x"}, "For the flags: go run ./compare judge -h"},
	} {
		status, stdout, stderr := judgeWith(t.Context(), c.args...)
		if status != nothingJudged || !strings.Contains(stderr, c.want) || strings.Contains(stderr+stdout, "secret") {
			t.Errorf("%q: status %d, %s%s\nwant %s", c.args, status, stderr, stdout, c.want)
		}
	}
}

func TestWhatWasNotJudgedIsToldInOneLineForEachReason(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:10]
	reports := []suite.Report{{Case: cases[0], Endpoint: "mortal", Caret: -1}}
	for _, c := range cases[1:] {
		reports = append(reports, suite.NotPlayed(c, "mortal", "the process died in 4.1/method-and-version"))
	}
	reports[0].Died = true
	var out bytes.Buffer
	shown := newTerminal(&out, 1)
	shown.died([]string{"mortal", "other"}, reports)
	shown.notJudged([]string{"mortal", "other"}, reports)
	want := fmt.Sprintf("× mortal: the process died in 1 case: %s\n", cases[0].ID) + fmt.Sprintf("? mortal: 9 cases not judged: %s and 3 more\n  The process died in 4.1/method-and-version.\n", strings.Join([]string{cases[1].ID, cases[2].ID, cases[3].ID, cases[4].ID, cases[5].ID, cases[6].ID}, ", "))
	if out.String() != want {
		t.Errorf("it says\n%s\nwant\n%s", &out, want)
	}
}

func TestNoAnswerAndNotJudgedFailARunAndAreNoFailuresOfJUnit(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:3]
	silent := suite.Report{Case: cases[1], Endpoint: "odd", Verdict: suite.NoAnswer, Closing: suite.NoAnswer, Reason: "No answer within 6s. The judge was waiting for a Pong.", Caret: -1}
	out := suite.NotPlayed(cases[2], "odd", "the process died")
	well := suite.Report{Case: cases[0], Endpoint: "odd", Caret: -1}
	dir := t.TempDir()
	j := judging{junit: filepath.Join(dir, "x"), html: filepath.Join(dir, "h"), json: filepath.Join(dir, "j")}
	for _, c := range []struct {
		reports []suite.Report
		want    int
	}{
		{[]suite.Report{well}, allWell},
		{[]suite.Report{well, silent}, somethingFailed},
		{[]suite.Report{well, out}, somethingFailed},
		{[]suite.Report{out}, nothingJudged},
		{[]suite.Report{well, silent, out}, somethingFailed},
	} {
		var text, errs bytes.Buffer
		if status := j.finish("", cases, []string{"odd"}, c.reports, newTerminal(&text, 3), &errs); status != c.want || errs.Len() > 0 {
			t.Errorf("%d reports: status %d, want %d\n%s%s", len(c.reports), status, c.want, &errs, &text)
		}
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var x junitSuites
	if err := xml.Unmarshal([]byte(read("x")), &x); err != nil || x.Suites[0].Failures != 0 || x.Suites[0].Errors != 1 || x.Suites[0].Skipped != 1 ||
		x.Suites[0].Cases[1].Error == nil || x.Suites[0].Cases[2].Skipped == nil {
		t.Errorf("%v: %+v", err, x)
	}
	for name, wants := range map[string][]string{"h": {"no answer in time", "not judged"}, "j": {`"verdict": "no-answer"`, `"verdict": "not-judged"`}} {
		for _, want := range wants {
			if !strings.Contains(read(name), want) {
				t.Errorf("%s has no %q", name, want)
			}
		}
	}
}

func TestARunThatIsInterruptedSaysHowFarItCame(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status, _, stderr := judgeWith(ctx, "-endpoint", "reference", "5.1"); status != nothingJudged || !strings.Contains(stderr, "interrupted before anything was judged") {
		t.Errorf("status %d, %s", status, stderr)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	e, err := endpoint.Find("reference")
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if connections.Add(1) == 8 { // the first ones look whether there is a server and how fast it is
			cancel()
		}
		e.Serve(w, r, nil, func(endpoint.Server) {})
	}))
	defer server.Close()
	status, stdout, stderr := judgeWith(ctx, "-server", "ws"+strings.TrimPrefix(server.URL, "http"), "-workers", "1", "5.5.2")
	want := regexp.MustCompile(`(?s)\n5\.5\.2  [1-9]\d*✔ .*\nInterrupted: [1-9]\d* of 13 cases were judged; not judged: 5\.5\.2/`)
	if status != somethingFailed || stderr != "" || !want.MatchString(stdout) {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
}

func TestAClientThatStaysAwayIsWaitedForOnlySoLong(t *testing.T) {
	status, text := judgingClient(t, []string{"-wait", "1s", "5.5.2/empty-ping", "5.6/text-binary-text", "5.6/empty-text-and-binary"}, func(addr string) {
		echoOnce(t, addr)
		echoOnce(t, addr)
	})
	const want = "\nThe client did not connect again for 1s: 2 of 3 cases were judged; not judged: 5.6/empty-text-and-binary-client.\n"
	if status != somethingFailed || !strings.Contains(text, want) || !strings.Contains(text, "all    2✔      2✔") {
		t.Errorf("status %d, %s", status, text)
	}
}

func TestAClientIsJudgedAsItConnects(t *testing.T) {
	status, text := judgingClient(t, []string{"5.5.2/empty-ping", "5.6/text-binary-text"}, func(addr string) {
		echoOnce(t, addr)
		echoOnce(t, addr)
	})
	if status != allWell || !strings.Contains(text, " 2 times") || !strings.Contains(text, "does not connect again for 10s") || !strings.Contains(text, "all    2✔      2✔") {
		t.Errorf("status %d, %s", status, text)
	}
}

func TestAResponseThatHasFrozenABrowserIsSentOnlyWhenItsCaseIsNamedAlone(t *testing.T) {
	const offer = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
	ask := func(addr string) bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return false
		}
		defer c.Close()
		_, _ = io.WriteString(c, offer)
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		return strings.Contains(string(b[:n]), "client_max_window_bits")
	}
	_, text := judgingClient(t, []string{"7692-7.1/fail-client-max-window-bits-08", "5.6/text-binary-text"}, func(addr string) {
		for range 2 {
			if ask(addr) {
				t.Error("it is sent beside another case")
			}
		}
	})
	if !strings.Contains(text, suite.Withheld+" To send it, name the case alone.") {
		t.Errorf("it is not told:\n%s", text)
	}
	judgingClient(t, []string{"7692-7.1/fail-client-max-window-bits-08"}, func(addr string) {
		if !ask(addr) {
			t.Error("it is not sent alone")
		}
	})
}

// judgingClient has judge judge a client, calls client with the address, and
// returns judge's status and what it wrote.
func judgingClient(t *testing.T, args []string, client func(addr string)) (int, string) {
	t.Helper()
	// The port is known when the judge has said it.
	out, in := io.Pipe()
	defer out.Close()
	status := make(chan int, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	go func() {
		status <- judge(ctx, append([]string{"-client", "-listen", "127.0.0.1:0"}, args...), in, io.Discard)
		in.Close()
	}()
	b := make([]byte, 500)
	n, err := out.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	rest := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(out)
		rest <- string(all)
	}()
	_, after, _ := strings.Cut(string(b[:n]), "ws://")
	addr, _, ok := strings.Cut(after, "/")
	if !ok {
		t.Fatalf("it says %q", b[:n])
	}
	client(addr)
	got := <-status
	return got, string(b[:n]) + <-rest
}

func TestEveryCaseAndScenarioIsListed(t *testing.T) {
	var out, errs bytes.Buffer
	if status := list(t.Context(), nil, &out, &errs); status != allWell || errs.Len() > 0 {
		t.Fatalf("status %d, %s", status, &errs)
	}
	for _, want := range []string{fmt.Sprintf("\n%-49s server MUST   An empty Ping\n", "5.5.2/empty-ping"), "\n5.5.2/empty-ping-client ", "\nunmasked "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the list has no %q", want)
		}
	}
	out.Reset()
	if status := list(t.Context(), []string{"5.5.2/empty-ping"}, &out, &errs); status != allWell || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("status %d\n%s", status, &out)
	}
	if status := list(t.Context(), []string{"no such"}, &out, &errs); status != nothingJudged || errs.Len() == 0 {
		t.Errorf("status %d, %s", status, &errs)
	}
}

// echoOnce is a client of one connection.
func echoOnce(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	key := "AQIDBAUGBwgJCgsMDQ4PEA=="
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+addr+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "+key+"\r\nSec-WebSocket-Version: 13\r\n\r\n")
	var got []byte
	b := make([]byte, 4096)
	for !bytes.Contains(got, []byte("\r\n\r\n")) {
		n, err := c.Read(b)
		if err != nil {
			t.Error(err)
			return
		}
		got = append(got, b[:n]...)
	}
	_, got, _ = bytes.Cut(got, []byte("\r\n\r\n"))
	for {
		for {
			h, ok := wire.ParseHeader(got)
			if !ok || len(got) < h.Size()+int(h.Length) {
				break
			}
			p := append([]byte(nil), got[h.Size():h.Size()+int(h.Length)]...)
			got = got[h.Size()+int(h.Length):]
			closing := h.Opcode == wire.Close
			if h.Opcode == wire.Ping {
				h.Opcode = wire.Pong
			}
			h.Masked, h.Key = true, [4]byte{1, 2, 3, byte(len(got))}
			wire.Mask(h.Key, 0, p)
			_, _ = c.Write(append(h.Append(nil), p...))
			if closing {
				return
			}
		}
		n, err := c.Read(b)
		if err != nil {
			return
		}
		got = append(got, b[:n]...)
	}
}
