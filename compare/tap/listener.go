package tap

import "net"

// Listener taps every connection that it accepts.
type Listener struct {
	net.Listener

	// Early, if not nil, is called for each Read before Attach. While it returns true,
	// the connection keeps the stacks of these Reads: see Conn.Callers.
	Early func() bool
}

// Accept returns a detached *Conn.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tapped := New(c)
	if l.Early != nil {
		tapped.keepStacks(l.Early)
	}
	return tapped, nil
}
