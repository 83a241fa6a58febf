package endpoint

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// noting is a connection that notes that it was read.
type noting struct {
	net.Conn
	read *atomic.Bool
}

func (c noting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Store(true)
	return n, err
}

// TestDeliveredWaitsUntilTheServerHasReadTheBytes lets the server begin to read when the
// client has begun to wait.
func TestDeliveredWaitsUntilTheServerHasReadTheBytes(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	var read atomic.Bool
	server := &keepingConn{Conn: noting{far, &read}}
	wait := Delivered(near)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { io.WriteString(near, "GET") })
	work.Go(func() { io.ReadFull(server, make([]byte, 3)) })
	wait(t.Context(), 3)
	if !read.Load() {
		t.Error("the server has not read the bytes")
	}
	deliveries.Lock()
	defer deliveries.Unlock()
	if len(deliveries.links) != 0 {
		t.Errorf("%d counts are left", len(deliveries.links))
	}
}

func TestDeliveredEndsWithItsContext(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	Delivered(near)(ctx, 3)
}

// TestEachRecordingHasANaiveServerOfItsOwn opens two connections at the same time in two
// recordings.
func TestEachRecordingHasANaiveServerOfItsOwn(t *testing.T) {
	first, second := lay(t, true, false), lay(t, true, false)
	close(first.begin)
	close(second.begin)
	for _, l := range []*lab{first, second} {
		l.write(t, naiveRequest)
		l.head(t)
	}
	for _, l := range []*lab{first, second} {
		l.write(t, naiveHello)
		if got := l.data(t, 7); got != naiveEcho {
			t.Error(got)
		}
		l.client.Close()
		<-l.served
	}
	programs.mu.Lock()
	left := len(programs.running)
	programs.mu.Unlock()
	if left != 0 {
		t.Errorf("%d servers are left", left)
	}
	first.shut()
	second.shut()
}
