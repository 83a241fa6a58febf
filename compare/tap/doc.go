// Package tap stands on a connection under study, between an endpoint and TCP:
// below the endpoint and above TLS, so that every endpoint is seen alike. It
// tells a Recorder each byte, FIN, RST and Close that passes, and it is a
// valve: with hold on, what reaches it waits until it is released.
//
// Only what crossed is recorded as crossed. The bytes that the kernel took are
// recorded in the moment it takes them; those that it refused are reported with
// the error of that Write (Unsent), and those that had arrived and were not read
// when the endpoint closed are reported as that (Unread). A Recorder hears of bytes
// in the order in which they crossed: no answer comes before what it answers.
//
// # What an endpoint meets while the wire is held
//
// The endpoint needs no help and knows nothing of the valve. A held wire is like a
// very slow one, so holding it does not change how a connection ends:
//
//   - Read sees nothing until a unit is released.
//   - Write returns at once, as it does where the kernel's send buffer has room. The
//     bytes wait here instead of there. When about 1 MiB waits, Write blocks.
//   - Close and CloseWrite return at once, as close(2) and shutdown(2) do. What the
//     endpoint wrote before is still delivered, and its FIN after that. The tap keeps
//     the socket open meanwhile. It closes the socket when the last held unit was
//     released or dropped, when the peer has reset the connection, or on Abort.
//   - What the peer sent before its FIN stays readable: the endpoint's Read returns
//     it when it is released, and io.EOF after that.
//   - Reset sends RST at once and drops what waits, as TCP does.
//   - Deadlines, and all that is measured by the connection's Clock, stand still:
//     nothing can arrive, so no time is lost.
//
// The recording has the endpoint's call at the time of the call. A FIN that has to
// wait is recorded then too, as waiting, and as released when it leaves.
//
// # Files
//
//	conn.go      Conn: what an endpoint reads, writes and closes
//	valve.go     hold, step, drop, run, and the socket after Close
//	clock.go     a clock that stands still while the wire is held
//	line.go      a line that is silent, slow, or cuts what is written
//	socket_*.go  writes to a socket and looks at what it has received
//	status.go    how far the bytes and the endpoint are
//	rst.go       gives the RST that answers a write behind FIN its time
//	listener.go  taps every connection of a listener
//
// Tap knows no WebSocket. Where a unit (a handshake or a frame) ends is told by
// the Recorder, which reads the bytes anyway.
package tap
