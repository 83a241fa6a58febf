// Package recording keeps what happened on the connections under study, in one
// order: what the tap saw, what the dissector made of it, what each end's code
// called and was told. Every view of a connection (the page, the text log, the
// outputs of compare) is made from a Recording and from nothing else.
//
//	event.go       what an Event says, and its JSON, written here once
//	step.go        the steps of a play
//	recording.go   the ordered, bounded list and those who follow it
//	list.go        the list itself
//	connection.go  one tapped connection: bytes in, events out
//	concern.go     which event is about which
//	text.go        the list as text
//	steps.go       the same, parted by the steps of a play
//
// A frame event is a frame that crossed, was dropped on the wire, or waits at the
// valve. What an end wrote and its socket refused is an unsent event, and what
// arrived and was not read is an unread event: neither counts as a frame anywhere,
// belongs to a message or changes a state. Of a frame that was written or read in
// part there are both, the cut-off frame and an event for the rest.
//
// Events name each other, so that no view has to guess. Of two that belong
// together the one that is recorded later names the other:
//
//   - A call says what it does (Verb), and its return what it is about (Call.Of):
//     open the request, read the frame that ended the message it returned or that it
//     failed of, write the first frame that it sent, close its Close frame or the end
//     of TCP. It is 0 where there is no such event.
//   - A report of the client's end says what it is about (Script.Of), or that this is
//     still to come (Script.Awaits).
//   - Any other event says because of which call or report it happened (Event.By),
//     and which report told of its arrival before it was recorded (Event.Told).
//
// Concurrent writes are told apart by opcode and payload, which the endpoint gives
// when it enters the call (Writes). Where two are alike, the frame names neither, and
// each return names one of the frames. Reads and reports of a page go by their order:
// the k-th returns, or tells of, the k-th message that arrived; what the valve dropped
// or a silent line lost has no turn. Reports of a raw client go by the bytes that it
// counts.
//
// Times of this program's own clock never go back from event to event. Only what a
// page reports may be earlier than the event before it, by as long as the report took.
//
// A Recording is bounded in events and in bytes kept. When it is full the
// oldest events go, and who asks for them is told how many: nothing is lost in
// silence. All methods may be called concurrently; none waits for a reader.
package recording
