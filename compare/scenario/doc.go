// Package scenario plays scripted conversations with a WebSocket server: a text
// file says, step by step, what the client does, what the server's code does and
// what becomes of the wire between them, and a play does just that, right or
// wrong, and records it.
//
//	scenario.go   a Scenario and its settings
//	command.go    one Command of it: who acts, and what a page is asked for it
//	parse.go      the text format; arguments.go, hex.go: what follows a verb
//	plan.go       what it does as a page shows it
//	transcript.go what came of each command, kept below it in the file
//	play.go       a scenario played, step by step
//	orders.go     what the server's code and the wire are told
//	stage.go      what a play acts on: clients, connections, the server's code
//	changes.go    a lock whose holder can tell others that something has changed
//	settle.go     when the effect of a command is over
//	raw.go        a TCP connection whose client follows no rule by itself
//	scripted.go   the Client that acts on a Raw; opening.go: its handshake
//
// Nothing is random: the handshake's key and every masking key are the sample
// values of RFC 6455 unless a scenario says otherwise. And nothing is a race:
// a command ends when both ends have taken in all that it caused, so every event
// belongs to one command, the same in every run.
package scenario
