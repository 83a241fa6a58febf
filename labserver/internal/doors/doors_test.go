package doors

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/tap"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// testTime bounds every wait of these tests.
const testTime = time.Minute

// start returns Doors that close at the end of the test, with a second for the connections.
func start(t *testing.T) (*Doors, context.Context) {
	t.Helper()
	d := New(&http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: testTime})
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(func() {
		grace, end := context.WithTimeout(ctx, time.Second)
		defer end()
		d.Close(grace)
		cancel()
	})
	return d, ctx
}

func unrecorded(nc net.Conn) *endpoint.Door { return &endpoint.Door{Conn: tap.New(nc)} }

func TestCloseEndsConnectionsInEveryState(t *testing.T) {
	d, ctx := start(t)
	for _, name := range Names {
		for _, sent := range []string{"", "GET ", "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"} {
			nc, err := d.Dial(ctx, name, unrecorded)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(testTime))
			if _, err := io.WriteString(nc, sent); err != nil {
				t.Fatal(err)
			}
			if len(sent) > 10 { // the server has the connection
				if _, err := nc.Read(make([]byte, 12)); err != nil {
					t.Errorf("%s does not respond: %v", name, err)
				}
			}
		}
	}
	// Close follows, and TestMain looks for what it leaves.
}

func TestARefusedConnectionIsClosed(t *testing.T) {
	d, ctx := start(t)
	for _, name := range Names {
		nc, err := d.Dial(ctx, name, func(net.Conn) *endpoint.Door { return nil })
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(testTime))
		if n, err := nc.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: a read returns %d, %v; want EOF", name, n, err)
		}
		nc.Close()
	}
}

func TestClosedDoorsDoNotOpen(t *testing.T) {
	d, ctx := start(t)
	if _, err := d.Dial(ctx, "cellar", unrecorded); err == nil {
		t.Error("an unknown door was dialed")
	}
	d.Close(ctx)
	if _, err := d.Dial(ctx, endpoint.Listener, unrecorded); err == nil {
		t.Error("a closed door was dialed")
	}
	if _, err := d.HTTP2(ctx); err == nil {
		t.Error("a run of HTTP/2 began after Close")
	}
	if _, err := d.Memory(ctx); err == nil {
		t.Error("a measurement began after Close")
	}
}

func TestOneRunAtATime(t *testing.T) {
	d, ctx := start(t)
	_, done, err := d.begin(ctx, testTime)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Memory(over); !errors.Is(err, ErrBusy) {
		t.Errorf("during another run, Memory returns %v; want ErrBusy", err)
	}
	if _, err := d.HTTP2(over); !errors.Is(err, ErrBusy) {
		t.Errorf("during another run, HTTP2 returns %v; want ErrBusy", err)
	}
	done()
	if exchanges, err := d.HTTP2(ctx); err != nil || len(exchanges) != 4 {
		t.Errorf("after it, HTTP2 returns %d exchanges, %v; want 4", len(exchanges), err)
	}
}
