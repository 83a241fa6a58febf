// Package recording keeps the events of the connections under study in one order: the
// bytes that the tap saw, the frames and messages in them, and the calls of each end's
// code. Every view of a connection (the page, the text log, the outputs of compare) is
// made from a Recording alone.
//
// # How an event comes to be
//
// Bytes become units, and units become events:
//
//  1. The tap calls Connection.Bytes with bytes that an end has sent (bytes.go). It
//     appends a Bytes event.
//  2. A dissect.Conversation finds the units in them: handshakes and frames. For each,
//     Connection.handshake or Connection.frame asks the concerns which call or report
//     caused it (concern.go), and appends an event whose Body is the decoded unit. A
//     Message event follows the last frame of a message.
//  3. Recording.add gives the event its number and keeps it (recording.go). Bytes
//     returns the numbers to the tap, which can hold units by them (valve.go).
//
// Most reads are one whole frame. whole.go decodes such a frame only when a reader asks
// for its events.
//
// # Files
//
//	event.go            the event kinds and their JSON
//	step.go             the event kind for steps of a scenario
//	recording.go        the ordered, bounded list, for many readers
//	list.go, pool.go    its memory, and a bound for several Recordings
//	connection.go       one tapped connection
//	bytes.go, whole.go  bytes in, events out
//	valve.go            held, released and dropped units
//	unsent.go           bytes that were not sent or not read
//	tcp.go, state.go    FIN, RST and Close; CONNECTING to CLOSED
//	stack.go            the calls that lead to a Read or Write of the socket
//	call.go, report.go  calls of the endpoint's code; reports of the client
//	concern*.go         which event is about which; pairing.go and writes.go help
//	plain.go            TCP connections without WebSocket
//	http.go             exchanges of plain HTTP
//	text.go, steps.go   events as text, and as the transcript of a scenario
//
// # Frames that were not transmitted
//
// A frame event is a frame that was transmitted, that the line dropped, or that the valve
// holds. Bytes that an end wrote and its socket refused are an unsent event. Bytes that
// arrived and were not read are an unread event. Neither counts as a frame, belongs to a
// message or changes a state. If only a part of a frame was sent or read, there are two
// events: one for the frame, which is cut off, and one for the rest.
//
// # Which event is about which
//
// Events name each other, so that a view does not guess. Of two events that belong
// together, the later names the earlier:
//
//   - A call says what it does (Verb). Its return names the event that it is about
//     (Call.Of): open names the request. Read names the frame that ended the message,
//     or that made it fail. Write names the first frame that it sent. Close names its
//     Close frame or the end of TCP. Call.Of is 0 if there is no such event.
//   - A report of the client names the event that it is about (Script.Of), or says that
//     this event is still to come (Script.Awaits).
//   - Any other event names the call or report that caused it (Event.By), and an
//     earlier report of its arrival (Event.Told).
//
// Concurrent writes are distinguished by opcode and payload, which the endpoint gives
// when it enters the call (Writes). If two calls write the same, the frame names neither
// call, and the return of each call names one of the frames. Reads and reports of a page
// are matched by order: the k-th names the k-th message that arrived. Messages that the
// valve or a silent line dropped do not count. Reports of a raw client are matched by the
// bytes that it counts.
//
// # Promises
//
// The times of this program's own clock never go back from event to event. Only an event
// that a page reports can be earlier than the event before it, by the delay of the
// report.
//
// A Recording is bounded in events and in bytes. When it is full, it discards the oldest
// events, and After tells its caller how many. All methods may be called concurrently,
// and do not wait for readers.
package recording
