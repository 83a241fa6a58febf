package bugs

import (
	"wslab/reference/naive"
)

// Card is one fault of the naive server as a card of the game. A page shows only Number
// and Hints until a learner has found the fault.
type Card struct {
	naive.Fault
	Area    string
	Hints   [2]string // the first is vague, the second nearly names the input
	Mistake string    // code of the mistake that the judge names; empty if it names none
	Comes   string    // in which well-known way the fault arises
}

// Areas are the areas of the cards, in the order of a page.
var Areas = []string{"handshake", "lengths", "masking", "fragments", "control", "close", "robustness"}

// Cards returns all cards, by number.
func Cards() []Card {
	cards := make([]Card, len(naive.Faults))
	for i, f := range naive.Faults {
		cards[i] = game[i]
		cards[i].Fault = f
	}
	return cards
}

// game has the cards of naive.Faults, in the same order.
var game = []Card{
	{Area: "handshake", Hints: [2]string{
		"How many bytes may a request have, and how many reads does the server need?",
		"Send a request with more than 1,024 bytes. A long Cookie before Upgrade is enough.",
	}, Mistake: "request-read-once",
		Comes: "The author tests with one browser on the same computer. Its request has about 500 bytes, so one read returns all of it."},
	{Area: "handshake", Hints: [2]string{
		"A request ends with an empty line. What may follow it in the same TCP segment?",
		"Send a frame in the same write as the request.",
	}, Mistake: "",
		Comes: "The buffer of the request is a local variable. The bytes after the empty line are lost with it."},
	{Area: "handshake", Hints: [2]string{
		"Which part of the request does the server use without a check that it is there?",
		"Let the first TCP segment end after GET, before the space.",
	}, Mistake: "",
		Comes: "split(\" \")[1] is short, and every request in a test has three words in its first line."},
	{Area: "handshake", Hints: [2]string{
		"Which characters may the value of a header field contain?",
		"Send Upgrade: websocket:13.",
	}, Mistake: "",
		Comes: "split(\":\") returns a list, and the author uses its second item. Most values have no colon, so it works."},
	{Area: "handshake", Hints: [2]string{
		"Do upper and lower case matter in the name of a header field?",
		"Send upgrade: websocket with a small u.",
	}, Mistake: "header-names-by-case",
		Comes: "The header fields are in a map with the name as it was sent. Browsers write Upgrade, but some libraries and proxies write upgrade."},
	{Area: "handshake", Hints: [2]string{
		"Is WebSocket the same value as websocket?",
		"Send Upgrade: WebSocket.",
	}, Mistake: "upgrade-by-case",
		Comes: "The author copies the value from the example in the RFC and compares it with ==."},
	{Area: "handshake", Hints: [2]string{
		"Which browser sends two words in Connection?",
		"Send Connection: keep-alive, Upgrade.",
	}, Mistake: "connection-not-a-list",
		Comes: "Chromium sends only Upgrade, and the author has no Firefox. Later a proxy sends upgrade in lower case."},
	{Area: "handshake", Hints: [2]string{
		"Which parts of the request must a server check?",
		"Send a POST, or leave out Sec-WebSocket-Key.",
	}, Mistake: "method-not-checked",
		Comes: "The code needs only the key, so it reads only the key. A map returns an empty text for a missing name."},
	{Area: "handshake", Hints: [2]string{
		"Who may open a connection from a browser?",
		"Send a request with the origin of another site, such as origin: http://evil.example.",
	}, Mistake: "",
		Comes: "Requests of a page to another site need permission (CORS), but WebSocket connections do not. Many authors expect that the browser checks them, too."},
	{Area: "handshake", Hints: [2]string{
		"Compare all header fields of the response with those of another server.",
		"Send Origin: null, as a page from a file does. Read the response.",
	}, Mistake: "",
		Comes: "The tutorial, or the tutorial that it copied, was written for a draft of 2010. The new fields were added, and the old ones stayed."},
	{Area: "robustness", Hints: [2]string{
		"What does TCP promise about the bytes of one write?",
		"Send the first byte of a frame alone, and the other bytes a moment later.",
	}, Mistake: "read-not-full",
		Comes: "Between two programs on one computer, a read nearly always returns a whole frame. On a real network it does not."},
	{Area: "robustness", Hints: [2]string{
		"The first byte of a frame has more than FIN and an opcode.",
		"Send a text with RSV1 set.",
	}, Mistake: "rsv-not-checked",
		Comes: "The code reads FIN with & 0x80 and the opcode with & 0x0f. The three bits between them do not appear in it."},
	{Area: "masking", Hints: [2]string{
		"Every frame of a client is masked. Really every frame?",
		"Send a text without a masking key.",
	}, Mistake: "",
		Comes: "Browsers always mask, so the code reads four bytes of a masking key without looking at the MASK bit."},
	{Area: "lengths", Hints: [2]string{
		"Which lengths do seven bits hold, and what do the other values mean?",
		"Send a text of 126 bytes.",
	}, Mistake: "length-126-taken-for-length",
		Comes: "Test messages are short. The author reads about 126 and 127 in the RFC, and writes only the case that looks harder."},
	{Area: "robustness", Hints: [2]string{
		"What does the server do after its client has sent its last byte?",
		"Send a TCP FIN, but continue to read.",
	}, Mistake: "",
		Comes: "n, _ := conn.Read(b) compiles, and it works as long as the client is there."},
	{Area: "lengths", Hints: [2]string{
		"When does the server know that the payload will really arrive?",
		"Send only a frame header with a 64-bit length of 2⁴⁰.",
	}, Mistake: "",
		Comes: "make([]byte, length) before the read is the natural order in Go, and in a test the length is honest."},
	{Area: "lengths", Hints: [2]string{
		"Which lengths does the 64-bit form hold?",
		"Send a text of 200 bytes with its length in the 64-bit form.",
	}, Mistake: "",
		Comes: "The code has two variables, length and size, and uses the wrong one. No test sends 65,536 bytes."},
	{Area: "control", Hints: [2]string{
		"Which Pings does the RFC not allow?",
		"Send a Ping with FIN 0.",
	}, Mistake: "control-fragment-not-checked",
		Comes: "One function reads every frame. The rules for control frames are in another section of the RFC."},
	{Area: "close", Hints: [2]string{
		"How does a connection end that both sides call clean?",
		"Send a Close frame with 1000.",
	}, Mistake: "close-not-answered",
		Comes: "case 0x8: conn.Close() looks right. The browser reports 1006, but the page ignores the close code."},
	{Area: "control", Hints: [2]string{
		"A client wants to know whether the server is alive.",
		"Send a Ping.",
	}, Mistake: "ping-not-answered",
		Comes: "JavaScript cannot send a Ping, so a test in a browser never does."},
	{Area: "robustness", Hints: [2]string{
		"Which of the 16 opcodes have a meaning?",
		"Send a frame with opcode 3.",
	}, Mistake: "opcode-not-checked",
		Comes: "The switch handles the control frames. Everything else falls through to the code for messages."},
	{Area: "fragments", Hints: [2]string{
		"Which bytes belong to a message in three frames?",
		"Send a text in the fragments Hel, lo and !.",
	}, Mistake: "first-fragment-dropped",
		Comes: "A function that reads the rest of a message begins with an empty buffer. Browsers hardly ever send fragments, so this never shows."},
	{Area: "robustness", Hints: [2]string{
		"Which bytes may a text contain?",
		"Send a text with the bytes c3 28.",
	}, Mistake: "utf8-not-checked",
		Comes: "A string in Go may hold any bytes, so nothing fails. A browser always sends valid UTF-8."},
	{Area: "control", Hints: [2]string{
		"Which frames may be between two fragments of a message?",
		"Send a text in two fragments, with a Ping between them.",
	}, Mistake: "interleaved-not-checked",
		Comes: "The loop over the fragments reads a frame and appends its payload. It never looks at the opcode."},
	{Area: "fragments", Hints: [2]string{
		"When does a message end?",
		"Send a text in three fragments. The one in the middle is empty.",
	}, Mistake: "empty-fragment-ends-message",
		Comes: "An empty payload looks like the end of the data, as it is with many other functions that read."},
	{Area: "fragments", Hints: [2]string{
		"How many fragments may a message have?",
		"Send a message of more than a hundred fragments.",
	}, Mistake: "",
		Comes: "Recursion makes a short and elegant function, and the author's messages have two fragments."},
	{Area: "robustness", Hints: [2]string{
		"Which kinds of message does the server echo?",
		"Send a binary message. Compare the opcodes.",
	}, Mistake: "binary-sent-as-text",
		Comes: "The tutorial echoes a text, so 0x81 is written in the code. Binary messages come later, and the line stays."},
	{Area: "lengths", Hints: [2]string{
		"Try lengths at the borders of the three forms, but in the answers.",
		"Send a text of exactly 125 bytes.",
	}, Mistake: "length-125-refused",
		Comes: "Less than 125, more than 125: a comparison that forgets one value is a common mistake. No test has exactly that length."},
	{Area: "robustness", Hints: [2]string{
		"What happens if two goroutines send at the same time?",
		"Slow the wire down, and let the server send two messages at once.",
	}, Mistake: "",
		Comes: "A header and a payload in two writes are easy to read. While only the echo writes, they cannot be mixed."},
	{Area: "close", Hints: [2]string{
		"How does the server end a connection?",
		"Let the server close the connection.",
	}, Mistake: "",
		Comes: "conn.Close() ends the connection in every other protocol that the author knows."},
	{Area: "robustness", Hints: [2]string{
		"Does the server notice that its client no longer receives its messages?",
		"Hold the wire, send three texts, and reset TCP. Then release the texts.",
	}, Mistake: "",
		Comes: "A write to a socket nearly never fails in a test, so its error is left out."},
	{Area: "robustness", Hints: [2]string{
		"Does the server also work with two clients?",
		"Keep one connection open, and open a second one.",
	}, Mistake: "",
		Comes: "The tutorial forgets the word go before the call in its accept loop. With one browser tab it works."},
	{Area: "close", Hints: [2]string{
		"What may the server send after the end of the connection?",
		"Send a Close frame with a body of one byte. Then let the server send a message.",
	}, Mistake: "",
		Comes: "A chat server writes to every client in its list. It forgets to remove a client whose connection it has closed."},
	{Area: "robustness", Hints: [2]string{
		"How many times can the server close a connection?",
		"Send a Close frame with a body of one byte. Then let the server close the connection, too.",
	}, Mistake: "",
		Comes: "The author has seen one error, of one type, and writes that type into the code. v, ok := err.(T) would not panic."},
}
