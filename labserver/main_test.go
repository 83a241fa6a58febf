package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/program"
	"wslab/reference"
	"wslab/reference/dissect"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(scratch)
		os.Exit(status)
	}))
}

// patience bounds every wait of these tests.
const patience = time.Minute

// scratch is the folder of binary; empty while there is none.
var scratch string

// binary is the path of the lab server, built once.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if scratch, err = os.MkdirTemp("", "wslab"); err != nil {
		return "", err
	}
	file := filepath.Join(scratch, "labserver")
	if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

// build returns the path of the built lab server.
func build(tb testing.TB) string {
	tb.Helper()
	file, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

func TestEverySiteThatABitOrAFaultNamesIsInTheSource(t *testing.T) {
	resolved, err := lesson.Resolve(lesson.Sources)
	if err != nil {
		t.Fatal(err)
	}
	named := slices.Clone(dissect.Sites)
	for _, fault := range naive.Faults {
		named = append(named, fault.Site)
	}
	for _, site := range named {
		if l, err := resolved.Listing(site); err != nil || len(l.Lines) == 0 {
			t.Errorf("%s has %d lines: %v", site, len(l.Lines), err)
		}
	}
}

// started is a lab server that runs as a program of its own.
type started struct {
	tb     testing.TB
	cmd    *exec.Cmd
	home   string // http://127.0.0.1:PORT/
	addr   string // 127.0.0.1:PORT
	stderr *bytes.Buffer
	out    *bufio.Reader
}

// launch starts the built program in dir and reads its first line.
func launch(tb testing.TB, dir string, args ...string) *started {
	tb.Helper()
	p := &started{tb: tb, cmd: exec.Command(build(tb), append([]string{"-open=false"}, args...)...), stderr: &bytes.Buffer{}}
	p.cmd.Dir, p.cmd.Stderr = dir, p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	p.out = bufio.NewReader(stdout)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		tb.Fatalf("it ended without a line: %s", p.stderr)
	}
	p.home = strings.TrimSuffix(strings.TrimPrefix(line, "wslab: "), "\n")
	p.addr = strings.TrimSuffix(strings.TrimPrefix(p.home, "http://"), "/")
	return p
}

// interrupt sends SIGINT and returns how the program ended, and what it still
// printed.
func (p *started) interrupt() (rest string, err error) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.tb.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer overdue.Stop()
	b, _ := io.ReadAll(p.out)
	return string(b), p.cmd.Wait()
}

// get asks for url once, by a client that keeps nothing.
func get(url string) (int, string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), err
}

func TestPort0PrintsThePortAndEveryNameOfThisMachineAnswers(t *testing.T) {
	p := launch(t, t.TempDir(), "-addr", "127.0.0.1:0")
	m := regexp.MustCompile(`^http://127\.0\.0\.1:([1-9]\d*)/$`).FindStringSubmatch(p.home)
	if m == nil {
		t.Fatalf("it prints %q", p.home)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		status, body, err := get("http://" + host + ":" + m[1] + "/")
		if host == "[::1]" && errors.Is(err, syscall.EADDRNOTAVAIL) {
			continue // no IPv6 here
		}
		if status != 200 || !strings.Contains(body, "/lessons/01-handshake") {
			t.Errorf("%s answers %d, %v", host, status, err)
		}
	}
	if rest, err := p.interrupt(); err != nil || rest != "" || p.stderr.Len() > 0 {
		t.Errorf("SIGINT ends it with %v; it prints %q and %q", err, rest, p.stderr)
	}
}

func TestCtrlCClosesEveryWebSocketWith1001(t *testing.T) {
	p := launch(t, t.TempDir(), "-addr", "localhost:0")
	type client struct {
		name string
		conn net.Conn
		r    *bufio.Reader
	}
	var clients []client
	for _, name := range []string{"reference", "gorilla", "reference", "gorilla"} {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /ws/%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", name, p.addr)
		r := bufio.NewReader(conn)
		response, err := http.ReadResponse(r, nil)
		if err != nil || response.StatusCode != 101 {
			t.Fatalf("%s: %v, %v", name, response, err)
		}
		clients = append(clients, client{name, conn, r})
	}
	// A page that follows, and a connection on which nothing was ever said, do not
	// keep the program.
	follow, err := http.Post(p.home+"api/sessions", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Session string }
	json.NewDecoder(follow.Body).Decode(&made)
	follow.Body.Close()
	stream, err := http.Get(p.home + "api/sessions/" + made.Session + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer stream.Body.Close()
	silent, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := p.interrupt()
		ended <- err
	}()
	for i, c := range clients {
		frame := make([]byte, 4)
		if _, err := io.ReadFull(c.r, frame); err != nil || frame[0] != 0x88 || !bytes.Equal(frame[2:], []byte{0x03, 0xe9}) {
			t.Errorf("client %d of %s reads %x, %v; want a Close frame with 1001", i, c.name, frame, err)
		}
		rest := make([]byte, int(frame[1])-2)
		io.ReadFull(c.r, rest)
		if i < 2 { // the others do not answer
			c.conn.Write([]byte{0x88, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x34, 0x13})
		}
		if b, err := io.ReadAll(c.r); len(b) > 0 {
			t.Errorf("after its Close frame, %s sends %x, %v", c.name, b, err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("the program ends with %v: %s", err, p.stderr)
	}
	if d := time.Since(began); d > patience {
		t.Errorf("it took %v", d)
	}
	if p.stderr.Len() > 0 {
		t.Errorf("it prints %q", p.stderr)
	}
}

func TestALessonWithAMistakeEndsTheStartWithFileAndLine(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"lessons", "static"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join("..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	lesson := filepath.Join(dir, "lessons", "02-frames.md")
	whole, err := os.ReadFile(lesson)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Count(whole, []byte("\n")) + 2
	broken := append(slices.Clone(whole), "\n```source wire.NoSuchThing\n```\n"...)
	if err := os.WriteFile(lesson, broken, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(build(t), "-dev", "-open=false", "-addr", "127.0.0.1:0")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("it ends with %v", err)
	}
	m := regexp.MustCompile(`^wslab: lessons/02-frames\.md:(\d+): .*NoSuchThing.*\n$`).FindSubmatch(out)
	if m == nil || string(m[1]) != fmt.Sprint(line) {
		t.Errorf("it says %q; the mistake is in line %d", out, line)
	}

	// Repaired, it starts, and a page shows the mistake of an edit made since.
	if err := os.WriteFile(lesson, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "-dev", "-addr", "127.0.0.1:0")
	if err := os.WriteFile(lesson, broken, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, body, err := get(p.home + "lessons/01-handshake"); status != 500 || !strings.Contains(body, "lessons/02-frames.md:") {
		t.Errorf("with -dev, a broken lesson is answered with %d %q, %v", status, body, err)
	}
	if err := os.WriteFile(lesson, whole, 0o644); err != nil {
		t.Fatal(err)
	}

	// What is played is what the page shows.
	text := "# A scenario that is being written\nopen\nsend text a\n"
	if err := os.WriteFile(filepath.Join(dir, "lessons", "scenarios", "long-length-form.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, body, err := get(p.home + "api/scenarios"); status != 200 || !strings.Contains(body, "A scenario that is being written") {
		t.Errorf("with -dev, an edited scenario is answered with %d %.200q, %v", status, body, err)
	}

	// A link that leads out of the folders is not followed.
	secret := filepath.Join(t.TempDir(), "secret.js")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "static", "out.js")); err != nil {
		t.Fatal(err)
	}
	if status, body, err := get(p.home + "static/out.js"); status == 200 || strings.Contains(body, "secret") || err != nil {
		t.Errorf("with -dev, a link that leads out of the folder is answered with %d %q, %v", status, body, err)
	}
	if _, err := p.interrupt(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestAWiderAddressWarnsAndStillServesItsOwnRawClients(t *testing.T) {
	p := launch(t, t.TempDir(), "-addr", "0.0.0.0:0", "-host", "lab.example,other.example")
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil || p.home != "http://lab.example:"+port+"/" {
		t.Fatalf("it prints %q", p.home)
	}
	base := "http://127.0.0.1:" + port
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(path, body string) map[string]any {
		t.Helper()
		response, err := client.Post(base+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != 200 {
			t.Fatalf("%s is answered with %d %v, %v", path, response.StatusCode, answer, err)
		}
		return answer
	}
	session := "/api/sessions/" + post("/api/sessions", "")["session"].(string)
	post(session+"/raw", `{"client":"raw-1","do":"open","endpoint":"gorilla"}`)
	response, err := client.Get(base + session + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for served := false; !served; {
		if !lines.Scan() {
			t.Fatal("the raw client was not served")
		}
		if strings.Contains(lines.Text(), "HTTP/1.1 403") {
			t.Fatal("the raw client was refused by the guard")
		}
		served = strings.Contains(lines.Text(), "HTTP/1.1 101")
	}
	if _, err := p.interrupt(); err != nil || !strings.Contains(p.stderr.String(), "warning") || strings.Count(p.stderr.String(), "\n") != 1 {
		t.Errorf("it ends with %v and prints %q", err, p.stderr)
	}
}

func TestRunEndsWithItsContextAndLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- program.Run(ctx, []string{"-addr", "127.0.0.1:0", "-open=false"}, w, io.Discard) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	home := strings.TrimSpace(strings.TrimPrefix(line, "wslab: "))
	conn, err := reference.Dial(ctx, "ws"+strings.TrimPrefix(home, "http")+"ws/gorilla", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var closed *reference.CloseError
	if _, _, err := conn.ReadMessage(); !errors.As(err, &closed) || closed.Code != wire.GoingAway {
		t.Errorf("the client reads %v", err)
	}
	conn.CloseNow()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// BenchmarkStart measures from the start of the built program to its answer to
// GET /. The goal is 100 ms.
func BenchmarkStart(b *testing.B) {
	build(b)
	dir := b.TempDir()
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		p := launch(b, dir, "-addr", "127.0.0.1:0")
		if status, _, err := get(p.home); status != 200 {
			b.Fatalf("it answers %d, %v", status, err)
		}
		times = append(times, time.Since(began))
		if _, err := p.interrupt(); err != nil {
			b.Error(err)
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/start(median)")
	b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "ms/start(most)")
}
