package scenario

import (
	"net"
	"runtime"
	"sync"
	"testing"

	"wslab/reference/wire"
)

// An RST that arrives while a read and a write are under way is reported to one of
// them, and the kernel chooses. The log must not depend on its choice.
func TestAResetDuringAWriteIsLoggedAlikeWhicheverCallMeetsIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says in which state a connection is")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 20 {
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var ends []string
		c, err := NewRaw(near, DefaultOpening(), "/", "host", func(what, text string, size int) {
			mu.Lock()
			defer mu.Unlock()
			if size < 0 {
				ends = append(ends, what+" "+text)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() { written <- c.Frame(wire.Text, make([]byte, 16<<20)) }() // more than the buffers of both kernels hold
		s := &server{Conn: far, t: t}
		s.hearsRequest()
		s.says(answer101)
		s.hears("\x81\xff\x00\x00\x00\x00\x01\x00\x00\x00")
		far.Close() // most of the frame is unread, so the kernel sends RST
		if err := <-written; err == nil {
			t.Fatal("the write succeeded, so this tests nothing")
		}
		<-c.done
		mu.Lock()
		if len(ends) != 1 || ends[0] != "read connection reset by peer" {
			t.Errorf("the log says %q", ends)
		}
		mu.Unlock()
		c.Close()
	}
}
