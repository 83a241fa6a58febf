package endpoint

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

func TestAClientWaitsForNoServerForEver(t *testing.T) {
	for _, client := range Clients() {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far) // and answers nothing
			began := time.Now()
			if err := client.Echo(near, "ws://here/"); err == nil || time.Since(began) > IdleTimeout {
				t.Errorf("%s: without an answer, Echo gives %v after %v", client.Name, err, time.Since(began))
			}
			far.Close()
		})
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			go func() {
				r := bufio.NewReader(far)
				ask, err := http.ReadRequest(r)
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprintf(far, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
					wire.Accept(ask.Header.Get("Sec-WebSocket-Key")))
				io.Copy(io.Discard, r) // and sends nothing
			}()
			began := time.Now()
			if err := client.Echo(near, "ws://here/"); err != nil || time.Since(began) > 2*IdleTimeout {
				t.Errorf("%s: without a message, Echo gives %v after %v", client.Name, err, time.Since(began))
			}
			far.Close()
		})
	}
}
