package tap

import "net"

// Listener taps every connection that it accepts.
type Listener struct{ net.Listener }

// Accept returns a detached *Conn.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return New(c), nil
}
