//go:build !unix

package tap

import "net"

// socket is only used on Unix: see socket_unix.go.
type socket struct{}

func newSocket(net.Conn) *socket                 { return nil }
func (*socket) write(*Conn, *writing, int) error { return nil }
func (*socket) unread() (b []byte, size int)     { return nil, 0 }
