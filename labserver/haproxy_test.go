package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// behindProxy is the number of sessions in the test.
const behindProxy = 24

// readme returns the text of this folder's README.md.
func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// replaceOne replaces the one match of pattern in text, which must be there.
func replaceOne(t *testing.T, text, pattern, by string) string {
	t.Helper()
	r := regexp.MustCompile(pattern)
	if n := len(r.FindAllString(text, -1)); n != 1 {
		t.Fatalf("%q occurs %d times in the configuration of haproxy in README.md", pattern, n)
	}
	return r.ReplaceAllLiteralString(text, by)
}

// startHaproxy runs haproxy in front of servers with the configuration in README.md, and
// returns its address. If haproxy is not installed, it skips the test. In CI that is a
// failure, because .ci/run installs haproxy.
func startHaproxy(t *testing.T, servers ...string) string {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("haproxy is not installed")
		}
		t.Skip("haproxy is not installed; apt-get install haproxy")
	}
	_, config, ok := strings.Cut(readme(t), "```haproxy\n")
	config, _, closed := strings.Cut(config, "```")
	if !ok || !closed {
		t.Fatal("README.md has no block ```haproxy")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config = replaceOne(t, config, `bind :80\b`, "bind fd@3") // the first of ExtraFiles
	for i, server := range servers {
		config = replaceOne(t, config, fmt.Sprintf(`127\.0\.0\.1:808%d\b`, i+1), server)
	}
	name := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(name, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command(program, "-db", "-f", name)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() || strings.Contains(out.String(), "[WARNING]") {
			t.Errorf("haproxy says: %s", out.String())
		}
	})
	return l.Addr().String()
}

// TestSessionsStayWithTheirLabServerBehindHaproxy has two lab servers behind haproxy. Every
// request of a session, a run or a tested server must reach the lab server that has it. The
// other one would answer 404 or 409.
func TestSessionsStayWithTheirLabServerBehindHaproxy(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var labs []*started
	for range 2 {
		labs = append(labs, launch(t, t.TempDir(), "-addr", "127.0.0.1:0", "-host", "lab.example"))
	}
	addr := startHaproxy(t, labs[0].addr, labs[1].addr)
	// lab.example leads to haproxy, and to a lab server directly where at says so.
	transport := func(at string) *http.Transport {
		return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", at)
		}}
	}
	through := transport(addr)
	const home = "http://lab.example"
	l := &learner{ctx: ctx, client: &http.Client{Transport: through}}
	post := func(path string, v any) map[string]any {
		t.Helper()
		answer, err := l.post(home+path, v)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	open := func(path string) *websocket.Conn {
		t.Helper()
		dialer := websocket.Dialer{HandshakeTimeout: patience, NetDialContext: through.DialContext}
		conn, response, err := dialer.DialContext(ctx, "ws://lab.example"+path, http.Header{"Origin": {home}})
		if err != nil {
			t.Fatalf("%s: %v %v", path, err, response)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(patience))
		return conn
	}
	follow := func(path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, "GET", home+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := l.client.Do(r)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v", path, response, err)
		}
		defer response.Body.Close()
		var seen strings.Builder
		b := make([]byte, 32<<10)
		for {
			n, err := response.Body.Read(b)
			seen.Write(b[:n])
			switch {
			case strings.Contains(seen.String(), `"frame"`), strings.Contains(seen.String(), `"over":true`):
				return seen.String()
			case err != nil:
				t.Fatalf("the stream %s ended with %v after %s", path, err, seen.String())
			}
		}
	}

	// All requests of a session reach the same lab server.
	var of [2]int
	var ids []string
	for range behindProxy {
		id := post("/api/sessions", nil)["session"].(string)
		ids = append(ids, id)
		conn := open("/ws/reference?client=c&session=" + id)
		if err := conn.WriteMessage(websocket.TextMessage, []byte("Hello")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := conn.ReadMessage(); err != nil || string(b) != "Hello" {
			t.Fatalf("the echo is %q, %v", b, err)
		}
		at := "/api/sessions/" + id
		post(at+"/valve", map[string]any{"do": "run"})
		post(at+"/server", map[string]any{"client": "c", "do": "ping", "text": "x"})
		post(at+"/raw", map[string]any{"client": "raw", "do": "open", "endpoint": "gorilla"})
		play := post(at+"/plays", map[string]any{"text": classroomPlay, "endpoint": "reference", "as": "raw", "pause": 1})["play"]
		post(fmt.Sprint(at, "/plays/", play), map[string]any{"do": "run"})
		follow(at + "/events")
		status, _, err := getBy(l.client, home+"/lab?watch="+id)
		if err != nil || status != http.StatusOK {
			t.Errorf("/lab?watch= is answered with %d, %v", status, err)
		}
		has := 0
		for i, lab := range labs {
			direct := transport(lab.addr)
			if status, _, err := getBy(&http.Client{Transport: direct}, home+at); err == nil && status == http.StatusOK {
				has, of[i] = has+1, of[i]+1
			}
		}
		if has != 1 {
			t.Errorf("%d lab servers have the session %s", has, id)
		}
	}
	t.Logf("of %d sessions, one lab server has %d and the other %d", behindProxy, of[0], of[1])
	if of[0] == 0 || of[1] == 0 {
		t.Error("one lab server has no session") // by chance once in 2^23 runs
	}

	// No list has the ID of another session.
	for i, id := range ids[:4] {
		_, body, err := getBy(l.client, home+"/api/connections?session="+id)
		if err != nil || !strings.Contains(body, id) {
			t.Errorf("the list of a session's own connections is %s, %v", body, err)
		}
		if slices.ContainsFunc(append(ids[:i:i], ids[i+1:]...), func(other string) bool { return strings.Contains(body, other) }) {
			t.Error("it has the ID of another session")
		}
	}

	// A run, the learner's server, and a client that is judged.
	for range 6 {
		run := post("/api/judge", map[string]any{"endpoints": []string{"reference"}, "cases": []string{"5.1"}})["judge"].(string)
		follow("/api/judge/" + run + "/events")
		server := post("/api/judge/server", map[string]any{"address": "ws://127.0.0.1:9/"})["server"].(string)
		if up := post("/api/judge/reach?server="+server, nil)["up"]; up != false {
			t.Errorf("up is %v", up)
		}
		run = post("/api/judge?server="+server, map[string]any{"cases": []string{"5.1"}})["judge"].(string)
		if got := follow("/api/judge/" + run + "/events"); !strings.Contains(got, `"away":true`) {
			t.Errorf("a run of a server that is not there says %s", got)
		}
		answer := post("/api/judge/client", map[string]any{"cases": []string{"5.1"}})
		open(answer["url"].(string) + "/1").Close()
		post("/api/judge/"+answer["judge"].(string)+"/stop", map[string]any{})
	}
	open("/ws/gorilla") // a program that names no session
}

// getBy requests url with client.
func getBy(client *http.Client, url string) (status int, body string, err error) {
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(response.Body)
	return response.StatusCode, b.String(), err
}
