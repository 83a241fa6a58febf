package headers

import (
	"bytes"
	"fmt"

	"wslab/reference/wire"
)

// An Outcome is what an endpoint made of a header.
type Outcome uint8

// The outcomes.
const (
	Waits      Outcome = iota // nothing came back, not even the Pong for the Ping behind it
	Taken                     // nothing came back, and the Ping behind it was answered
	Echoed                    // the message, as it was sent
	Ponged                    // a Pong with the same payload
	Closed                    // a Close that answers the one sent
	Protocol                  // Close 1002
	Invalid                   // Close 1007
	TooBig                    // Close 1009
	OtherClose                // Close with another code
	Cut                       // TCP closed without a Close frame
	Reset                     // the same with bytes unread, of which TCP makes a reset
	SomeAnswer                // a frame that is no right answer
	outcomeKinds
)

// words are the outcomes in one word, as a map's text has them, and in full.
var words = [outcomeKinds][2]string{
	Waits:      {"waits", "nothing comes back, not even the Pong for a Ping sent behind it"},
	Taken:      {"taken", "taken in silence; a Ping sent behind it is answered"},
	Echoed:     {"echo", "the message is echoed"},
	Ponged:     {"pong", "answered with a Pong"},
	Closed:     {"closed", "answered with a Close, as a Close is to be"},
	Protocol:   {"1002", "Close 1002, protocol error"},
	Invalid:    {"1007", "Close 1007, invalid payload"},
	TooBig:     {"1009", "Close 1009, message too big"},
	OtherClose: {"close", "Close with another code, or none"},
	Cut:        {"cut", "TCP is closed without a Close frame"},
	Reset:      {"reset", "TCP is closed without a Close frame and with bytes unread, so a reset is sent"},
	SomeAnswer: {"answer", "answered with a frame that does not answer it"},
}

// String returns one word.
func (o Outcome) String() string {
	if o < outcomeKinds {
		return words[o][0]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Sentence says what o is.
func (o Outcome) Sentence() string {
	if o < outcomeKinds {
		return words[o][1]
	}
	return o.String()
}

// Outcomes lists all, in their order.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomeKinds)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// A Mark says whether an Outcome is what RFC 6455 asks for.
type Mark uint8

// The marks.
const (
	Right    Mark = iota // as a MUST or SHOULD has it
	Tolerant             // the connection is failed as it must be, but not by the Close that §7.1.7 says it SHOULD
	Wrong                // a MUST is broken
)

// String returns the mark's glyph.
func (m Mark) String() string { return [...]string{"✔", "≈", "×"}[m] }

// Judge returns whether o is right for h, sent by sender in c.
func (h Header) Judge(o Outcome, sender wire.Role, c Context) Mark {
	if h.Broken(sender, c) != nil {
		switch o {
		case Protocol:
			return Right
		case Invalid, TooBig, OtherClose, Cut, Reset:
			return Tolerant
		}
		return Wrong // it had to be failed
	}
	f := h.frame()
	want := Taken
	switch {
	case f.Opcode == wire.Close:
		want = Closed
	case f.Opcode == wire.Ping:
		want = Ponged
	case f.Opcode.IsData() && f.Fin:
		want = Echoed
	}
	if o == want {
		return Right
	}
	return Wrong
}

// seen is what an endpoint was seen to do: the bytes that it wrote until it
// waited behind the header, and from there until it waited behind the Ping.
type seen struct {
	first, second []byte
	closed        bool // it closed TCP before its peer did
	unread        bool // and had not read all
}

// outcome tells what s amounts to, for h sent in c.
func (s seen) outcome(h Header, c Context) Outcome {
	sent := h.frame()
	first, ok := frames(s.first)
	second, ok2 := frames(s.second)
	for _, f := range append(first, second...) {
		if f.header.Opcode != wire.Close {
			continue
		}
		code, hasCode := wire.NoStatusReceived, len(f.payload) >= 2
		if hasCode {
			code = wire.CloseCode(f.payload[0])<<8 | wire.CloseCode(f.payload[1])
		}
		asked := sent.Opcode == wire.Close && (sent.Length == 0 && !hasCode || sent.Length > 0 && code == wire.NormalClosure)
		switch {
		case asked:
			return Closed
		case code == wire.ProtocolError:
			return Protocol
		case code == wire.InvalidPayload:
			return Invalid
		case code == wire.MessageTooBig:
			return TooBig
		}
		return OtherClose
	}
	if !ok || !ok2 {
		return SomeAnswer
	}
	if len(first) > 0 {
		return answered(first, sent, c)
	}
	pong := len(second) == 1 && second[0].header.Opcode == wire.Pong && string(second[0].payload) == probe
	switch {
	case pong:
		return Taken
	case len(second) > 0:
		return SomeAnswer
	case s.closed && s.unread:
		return Reset
	case s.closed:
		return Cut
	}
	return Waits
}

// answered tells whether got answers the frame sent as an echo or a Pong does.
func answered(got []answer, sent wire.Header, c Context) Outcome {
	want := payload(sent)
	if len(got) == 1 && got[0].header.Opcode == wire.Pong && bytes.Equal(got[0].payload, want) {
		return Ponged
	}
	var message []byte
	for i, f := range got {
		first := i == 0
		if first != (f.header.Opcode == wire.Text || f.header.Opcode == wire.Binary) || !first && f.header.Opcode != wire.Continuation || f.header.Fin != (i == len(got)-1) {
			return SomeAnswer
		}
		message = append(message, f.payload...)
	}
	if c == Fragmented && bytes.Equal(message, append([]byte(begun), want...)) || bytes.Equal(message, want) {
		return Echoed
	}
	return SomeAnswer
}

// answer is a frame that an endpoint sent, unmasked.
type answer struct {
	header  wire.Header
	payload []byte
}

// frames reads b as frames and reports whether nothing is left over.
func frames(b []byte) (all []answer, whole bool) {
	for len(b) > 0 {
		f, ok := wire.ParseHeader(b)
		if !ok || uint64(len(b)-f.Size()) < f.Length {
			return all, false
		}
		end := f.Size() + int(f.Length)
		p := bytes.Clone(b[f.Size():end])
		if f.Masked {
			wire.Mask(f.Key, 0, p)
		}
		all = append(all, answer{f, p})
		b = b[end:]
	}
	return all, true
}
