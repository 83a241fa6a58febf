// Package bugs has the game with the faults of the naive server. Each fault is a card. A
// learner sends bytes to the server, and a fault whose effect is in the recording opens
// its card.
//
//	cards.go    the cards: areas, hints, and how each fault arises
//	attacks.go  inputs that a page offers
//	session.go  what each connection of the naive server did, from a recording
//	find.go     the faults whose effects are in a recording
//	rules.go    the evidence that each fault needs, in the handshake and the frames
//	messages.go the same for messages and fragments
//	mend.go     the mends of the faults, as diffs
//
// Find uses only the recording. It does not know which button a learner pressed.
package bugs
