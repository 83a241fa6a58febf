// Package tap records a connection under study and can hold it. It sits between an
// endpoint and TCP: below the endpoint and above TLS, so that it sees every endpoint
// alike. It reports each byte, FIN, RST and Close to a Recorder. It is also a valve:
// while the wire is held, all bytes that reach the valve wait until they are released.
//
// Only bytes that were transmitted are recorded as transmitted. Bytes that the kernel
// accepts are recorded at the moment it accepts them. Bytes that it refuses are reported
// with the error of that Write (Unsent). Bytes that had arrived and were not read when
// the endpoint closed are reported as Unread. A Recorder receives bytes in the order of
// the wire: an answer never comes before the bytes that it answers.
//
// # A held wire, as the endpoint sees it
//
// The endpoint needs no change and does not see the valve. A held wire behaves like a
// very slow wire, so holding it does not change how a connection ends:
//
//   - Read waits until a unit is released.
//   - Write returns at once, as it does when the kernel's send buffer has room. The
//     valve holds the bytes. When it holds about 1 MiB, Write blocks.
//   - Close and CloseWrite return at once, as close(2) and shutdown(2) do. Bytes that
//     the endpoint wrote before are still delivered, and its FIN after them. Until then
//     the tap keeps the socket open. It closes the socket when the last held unit is
//     released or dropped, when the peer resets the connection, or on Abort.
//   - Bytes that the peer sent before its FIN stay readable: the endpoint's Read
//     returns them when they are released, and io.EOF after them.
//   - Reset sends RST at once and drops the held units, as TCP does.
//   - Deadlines, and every wait measured by the connection's Clock, stop: no bytes
//     can arrive, so no time is lost.
//
// A call of the endpoint is recorded at the time of the call. If its FIN is held, the
// recording says so, and it says when the FIN leaves.
//
// # Files
//
//	recorder.go  the Recorder, and its units
//	conn.go      Conn: its fields, Attach, and errors of the socket
//	visit.go     Visitor: single exchanges of HTTP on a Conn that has no Recorder
//	read.go      Read, and the pump that reads ahead while the valve is shut
//	write.go     Write, and the push that writes released bytes
//	close.go     Close, Reset, CloseWrite, Abort, and the socket after Close
//	deadline.go  deadlines and waits
//	valve.go     hold, release, drop, run
//	queue.go     the bytes at the valve, one queue for each direction
//	clock.go     a clock that stops while the wire is held
//	stack.go     who calls Read and Write; small reads
//	line.go      a line that is silent or slow, or that cuts writes
//	socket_*.go  system calls: write, and look at unread bytes
//	status.go    where the bytes are, and what the endpoint is doing
//	rst.go       waits for the RST that answers a write after FIN
//	listener.go  taps every connection of a listener
//
// Follow bytes from the client by these names: Conn.Read reads the socket, arrived
// records them with Recorder.Bytes, which returns the units, and enqueue holds the units
// until ReleaseOldest or Run lets readQueued return them.
//
// Package tap does not know WebSocket. The Recorder says where a unit (a handshake or a
// frame) ends, because it reads the bytes anyway.
package tap
