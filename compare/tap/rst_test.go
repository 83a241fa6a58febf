package tap

import (
	"net"
	"runtime"
	"slices"
	"testing"
)

// The kernel reports a reset to one call only. If that is a Write, a Read in progress
// gets io.EOF, as after a FIN.
func TestAResetDuringReadAndWriteIsNeverRecordedAsFIN(t *testing.T) {
	for range 20 {
		client, server, rec := loopback(t, false)
		if server.socket == nil {
			t.Skip("the tap does not write to the socket itself here")
		}
		in := collect(server)
		out := write(server, string(make([]byte, 8<<20))) // more than the buffers of both kernels hold
		for server.Status().Out == 0 {
			runtime.Gosched()
		}
		client.SetLinger(0)
		client.Close()
		<-in.done
		<-out.done
		rec.mu.Lock()
		if len(rec.fins) != 0 || len(rec.failed) == 0 || !IsReset(rec.failed[0]) {
			t.Errorf("after a reset the FINs are %v, the failures %v", rec.fins, rec.failed)
		}
		rec.mu.Unlock()
		server.Abort()
	}
}

// lateReader returns from Read only when it may.
type lateReader struct {
	*net.TCPConn
	has, may chan struct{}
}

func (l *lateReader) Read(p []byte) (int, error) {
	n, err := l.TCPConn.Read(p)
	l.has <- struct{}{}
	<-l.may
	return n, err
}

// A Read has taken bytes from the kernel, and before the tap records them, a Write
// meets the RST that followed them.
func TestBytesThatArrivedBeforeAResetAreRecordedBeforeIt(t *testing.T) {
	client, server, rec := loopback(t, false)
	if server.socket == nil {
		t.Skip("the tap does not write to the socket itself here")
	}
	late := &lateReader{server.Conn.(*net.TCPConn), make(chan struct{}, 8), make(chan struct{})}
	server.Conn = late
	in := collect(server)
	if _, err := client.Write([]byte("a\n")); err != nil {
		t.Fatal(err)
	}
	<-late.has
	client.SetLinger(0)
	client.Close()
	for {
		if _, err := server.Write([]byte("b\n")); IsReset(err) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	close(late.may)
	<-in.done
	rec.mu.Lock()
	defer rec.mu.Unlock()
	read, failed := slices.Index(rec.order, `read "a\n"`), slices.Index(rec.order, "failed")
	if read < 0 || failed < read || len(rec.fins) != 0 {
		t.Errorf("recorded %q and the FINs %v", rec.order, rec.fins)
	}
}
