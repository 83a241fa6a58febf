// Package tap stands on a connection under study, between an endpoint and TCP:
// below the endpoint and above TLS, so that every endpoint is seen alike. It
// tells a Recorder each octet, FIN, RST and Close that passes, and it is a
// valve: with hold on, what reaches it waits until it is released.
//
// The endpoint needs no help and knows nothing of it. While octets wait, its
// Read sees nothing yet or its Write blocks, so the errors it meets later are
// the real ones; its deadlines hold all the same.
//
//	conn.go      Conn: what an endpoint reads, writes and closes
//	valve.go     hold, step, drop, run
//	line.go      a line that is silent, slow, or cuts what is written
//	status.go    how far the octets and the endpoint are
//	rst.go       gives the RST that answers a write behind FIN its time
//	listener.go  taps every connection of a listener
//
// Tap knows no WebSocket. Where a unit (a handshake or a frame) ends is told by
// the Recorder, which reads the octets anyway.
package tap
