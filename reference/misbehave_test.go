package reference

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

func TestAnEndToldToIgnoreCloseSendsNoneAndOneToldToKeepTCPDoes(t *testing.T) {
	for _, m := range []Misbehave{{IgnoreClose: true, KeepTCP: true}, {KeepTCP: true}} {
		bothRoles(t, Options{Misbehave: m}, func(t *testing.T, c *Conn, peer net.Conn) {
			sendAll(peer, closeFrame(c.m.role.Peer(), wire.GoingAway, "bye"))
			answered := make(chan []byte)
			go func() {
				b, _ := io.ReadAll(peer)
				answered <- b
			}()
			start := time.Now()
			for range 2 { // a second call returns the same error
				_, _, err := c.ReadMessage()
				var ce *CloseError
				if !errors.As(err, &ce) || ce.Code != wire.GoingAway || ce.Err != nil {
					t.Errorf("%+v: ReadMessage gives %v", m, err)
				}
			}
			since(t, start, 0)
			if c.State() != Closing {
				t.Errorf("%+v: the state is %s", m, c.State())
			}
			if err := c.WriteMessage(wire.Text, nil); !errors.As(err, new(*CloseError)) {
				t.Errorf("%+v: WriteMessage gives %v", m, err)
			}
			synctest.Wait()
			select {
			case b := <-answered:
				t.Errorf("%+v: TCP was closed behind % x", m, b)
			default:
			}
			c.CloseNow()
			if b := <-answered; (len(b) == 0) != m.IgnoreClose {
				t.Errorf("%+v: it answered % x", m, b)
			}
		})
	}
}

func TestARawCloseIsTheOneCloseOfItsEnd(t *testing.T) {
	inMemory(t, wire.Server, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		said := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(peer)
			said <- b
		}()
		if err := c.WriteRawClose([]byte("\x88\x02\x03\xee")); err != nil || c.State() != Closing {
			t.Errorf("%v, and the state is %s", err, c.State())
		}
		sendAll(peer, closeFrame(wire.Client, wire.NormalClosure, ""))
		if _, _, err := c.ReadMessage(); !errors.As(err, new(*CloseError)) {
			t.Errorf("ReadMessage gives %v", err)
		}
		if b := <-said; string(b) != "\x88\x02\x03\xee" {
			t.Errorf("the peer was told % x", b)
		}
	})
}
