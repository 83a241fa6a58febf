package endpoint

import (
	"context"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"wslab/reference"
)

// shakeTimeout bounds a client's opening handshake.
const shakeTimeout = 10 * time.Second

// referenceClient is Endpoint.Echo of package reference.
func referenceClient(nc net.Conn, url string) error {
	conn, err := reference.Dial(context.Background(), url, &reference.DialOptions{
		NetDial: func(context.Context, string, string) (net.Conn, error) { return nc, nil },
		Timeout: shakeTimeout,
		Options: reference.Options{MaxMessage: MaxMessage, IdleTimeout: IdleTimeout, HoldFlush: -1},
	})
	if err != nil {
		nc.Close()
		return err
	}
	defer conn.CloseNow()
	for {
		op, p, err := conn.ReadMessage()
		if err == nil {
			err = conn.WriteMessage(op, p)
		}
		if err != nil {
			return nil
		}
	}
}

// gorillaClient is Endpoint.Echo of gorilla/websocket.
func gorillaClient(nc net.Conn, url string) error {
	dialer := websocket.Dialer{HandshakeTimeout: shakeTimeout, NetDial: func(string, string) (net.Conn, error) { return nc, nil }}
	conn, _, err := dialer.Dial(url, nil)
	if err != nil {
		nc.Close()
		return err
	}
	defer conn.Close()
	conn.SetReadLimit(MaxMessage)
	for {
		conn.SetReadDeadline(time.Now().Add(IdleTimeout))
		op, p, err := conn.ReadMessage()
		if err == nil {
			conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			err = conn.WriteMessage(op, p)
		}
		if err != nil {
			return nil
		}
	}
}
