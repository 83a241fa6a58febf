package tap

import (
	"runtime"
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
