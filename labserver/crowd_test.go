package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// crowd is how many connections TestConnectionsThatAreDroppedLeaveNothing opens. For the
// figures of README.md it was 10000.
var crowd = flag.Int("crowd", 1000, "connections to open, speak to and drop")

const (
	atOnce   = 200              // connections of the crowd
	leftRSS  = 60 << 20         // resident memory that a crowd may leave
	leftTime = 60 * time.Second // after which only that may be left
	slow     = 1500             // openings that do not go on
)

// descriptors returns how many descriptors a process has open, 0 if this is not Linux.
func descriptors(pid int) int {
	names, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(names)
}

func TestConnectionsThatAreDroppedLeaveNothing(t *testing.T) {
	p := launch(t, t.TempDir(), "-addr", "127.0.0.1:0")
	pid := p.cmd.Process.Pid
	dial := func(n int) error {
		conn, _, err := websocket.DefaultDialer.Dial("ws://"+p.addr+[]string{"/ws/reference", "/ws/gorilla"}[n%2], nil)
		if err != nil {
			return err
		}
		defer conn.NetConn().Close() // without a Close frame
		conn.SetReadDeadline(time.Now().Add(patience))
		if err := conn.WriteMessage(websocket.TextMessage, []byte("Hello")); err != nil {
			return err
		}
		if _, b, err := conn.ReadMessage(); err != nil || string(b) != "Hello" {
			return fmt.Errorf("the echo is %q, %w", b, err)
		}
		return nil
	}
	if err := dial(0); err != nil {
		t.Fatal(err)
	}
	fds, rss := descriptors(pid), resident(pid, "VmRSS:")
	began := time.Now()
	var work sync.WaitGroup
	for w := range atOnce {
		work.Go(func() {
			for n := w; n < *crowd; n += atOnce {
				if err := dial(n); err != nil {
					t.Errorf("connection %d: %v", n, err)
					return
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d connections after %v", *crowd, time.Since(began).Round(time.Millisecond))
	var fdsNow, rssNow int
	for deadline := time.Now().Add(leftTime); ; time.Sleep(time.Second) {
		fdsNow, rssNow = descriptors(pid), resident(pid, "VmRSS:")
		if fdsNow <= fds && rssNow-rss <= leftRSS || time.Now().After(deadline) {
			break
		}
	}
	t.Logf("descriptors %d before and %d after; resident memory %d MiB before and %d MiB after", fds, fdsNow, rss>>20, rssNow>>20)
	if fdsNow > fds {
		t.Errorf("%d descriptors are left", fdsNow-fds)
	}
	if rssNow-rss > leftRSS {
		t.Errorf("%d MiB are left", (rssNow-rss)>>20)
	}
}

// TestSlowOpeningsDoNotKeepThePageWaiting has 1,500 clients that stop in the middle of their
// request. It prints the time that the page takes meanwhile. That time depends on the
// computer, so it is never a failure.
func TestSlowOpeningsDoNotKeepThePageWaiting(t *testing.T) {
	p := launch(t, t.TempDir(), "-addr", "127.0.0.1:0")
	for range slow {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /ws/reference HTTP/1.1\r\nHost: "+p.addr+"\r\nUpgr"); err != nil {
			t.Fatal(err)
		}
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var times []time.Duration
	for range 50 {
		began := time.Now()
		status, body, err := getBy(client, p.home)
		if err != nil || status != http.StatusOK || !strings.Contains(body, "</html>") {
			t.Fatalf("the page is answered with %d, %v", status, err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	t.Logf("with %d slow openings the page takes %v in the middle and %v at most; the lab server has %d descriptors",
		slow, times[len(times)/2], times[len(times)-1], descriptors(p.cmd.Process.Pid))
}
