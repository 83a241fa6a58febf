// Package recording keeps what happened on the connections under study, in one
// order: what the tap saw, what the dissector made of it, what each end's code
// called and was told. Every view of a connection (the page, the text log, the
// outputs of compare) is made from a Recording and from nothing else.
//
//	event.go       what an Event says, and its JSON, written here once
//	step.go        the steps of a play
//	recording.go   the ordered, bounded list and those who follow it
//	list.go        the list itself
//	connection.go  one tapped connection: octets in, events out
//	text.go        the list as text
//	steps.go       the same, parted by the steps of a play
//
// A frame event is a frame that crossed, was dropped on the wire, or waits at the
// valve. What an end wrote and its socket refused is an unsent event, and what
// arrived and was not read is an unread event: neither counts as a frame anywhere,
// belongs to a message or changes a state. Of a frame that was written or read in
// part there are both, the cut-off frame and an event for the rest.
//
// A Recording is bounded in events and in octets kept. When it is full the
// oldest events go, and who asks for them is told how many: nothing is lost in
// silence. All methods may be called concurrently; none waits for a reader.
package recording
