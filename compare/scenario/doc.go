// Package scenario runs scripted conversations with a WebSocket server. A text
// file says, step by step, what the client does, what the server's code does, and
// what happens to the wire between them. A run does exactly that, right or wrong,
// and records it.
//
//	verbs.go      the table of all commands, and the Actor that a server's command addresses
//	settings.go   the table of the lines before open
//	arguments.go  what follows the words of a command; hex.go: bytes in hex
//	scenario.go   a Scenario and its settings
//	command.go    one Command of it: who acts, and what a page is asked for it
//	parse.go      the text format; opening.go: the client's handshake
//	usage.go      both tables, for a person who writes scenarios
//	plan.go       a scenario as a page shows it
//	transcript.go what each command did, kept below it in the file
//	play.go       runs a scenario, step by step
//	orders.go     gives the server's code and the wire their commands
//	stage.go      what a run acts on: clients, connections, the server's code
//	changes.go    a lock whose holder can tell others that something has changed
//	settle.go     when the effect of a command is over
//	raw.go        a TCP connection whose client follows no rule by itself
//	scripted.go   the Client that acts on a Raw
//
// Nothing is random: the handshake's key and every masking key are the sample values of
// RFC 6455 unless a scenario says otherwise. No result depends on a race: a command is
// finished once both ends have processed everything that it caused. That keeps every
// event under the command that caused it, in every run.
//
// # One step of a scenario
//
// To see what runs for a line such as "server ping Hello", read in this order:
//
//  1. verbs.go: the row with these words. Its function asks an Actor for Control.
//  2. play.go: Play runs each step, and do chooses who carries it out.
//  3. orders.go: order has the server's Actor do it, in the background.
//  4. ../endpoint/reference.go (or gorilla.go): Control calls the library.
//
// Play then calls settle, which says when the step is over.
//
// # Add a command for servers
//
//  1. Write its row in the table in verbs.go: words, args, who: ByServer, says,
//     and in server the call of an Actor's method.
//  2. If its call may wait for the client, set waits. If it needs a server by
//     hand or in a process of its own, set needs. If every server can do it, even
//     one that only echoes, set plain.
//  3. Only if no method of Actor does it: add one to Actor in verbs.go, and write
//     it twice in ../endpoint/actor.go: for socket, which all libraries share, and
//     for plainActor, which can only echo. It must record its call with Enter.
//  4. go test ./compare -run README -update writes its line in compare/README.md.
//
// If a step is missing, one of these tests says which: TestEveryCommandIsAWholeRow
// here, TestEveryServerCommandIsACallOfEachLibrary in ../runner, and
// TestTheREADMEListsEveryCommand in compare.
package scenario
