package headers

import (
	"bytes"
	"fmt"

	"wslab/compare/stream"
	"wslab/reference/wire"
)

// An Outcome is how an endpoint treated a header.
type Outcome uint8

// The outcomes.
const (
	Waits      Outcome = iota // no answer, not even a Pong for the Ping after the frame
	Taken                     // no answer to the frame, and a Pong for the Ping after it
	Echoed                    // the message, as it was sent
	Ponged                    // a Pong with the same payload
	Closed                    // the answering Close frame
	Protocol                  // Close 1002
	Invalid                   // Close 1007
	TooBig                    // Close 1009
	OtherClose                // Close with another code
	Cut                       // TCP closed without a Close frame
	Reset                     // TCP closed without a Close frame and with unread bytes, so that TCP sends a reset
	SomeAnswer                // a frame that is not a valid answer
	outcomeKinds
)

// words has each outcome in one word, for the text of a map, and in a sentence.
var words = [outcomeKinds][2]string{
	Waits:      {"waits", "the endpoint does not answer, not even a Ping sent after the frame"},
	Taken:      {"taken", "the endpoint does not answer the frame, and answers a Ping sent after it"},
	Echoed:     {"echo", "the endpoint echoes the message"},
	Ponged:     {"pong", "the endpoint answers with a Pong"},
	Closed:     {"closed", "the endpoint answers the Close frame with a Close frame"},
	Protocol:   {"1002", "the endpoint sends Close 1002, protocol error"},
	Invalid:    {"1007", "the endpoint sends Close 1007, invalid payload"},
	TooBig:     {"1009", "the endpoint sends Close 1009, message too big"},
	OtherClose: {"close", "the endpoint sends Close with another code, or with none"},
	Cut:        {"cut", "the endpoint closes TCP without a Close frame"},
	Reset:      {"reset", "the endpoint closes TCP without a Close frame and with unread bytes, so its kernel sends a reset"},
	SomeAnswer: {"answer", "the endpoint sends a frame that is not a valid answer"},
}

// String returns the word for o.
func (o Outcome) String() string {
	if o < outcomeKinds {
		return words[o][0]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Sentence describes o.
func (o Outcome) Sentence() string {
	if o < outcomeKinds {
		return words[o][1]
	}
	return o.String()
}

// Outcomes returns all outcomes in their order.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomeKinds)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// A Mark says whether an Outcome conforms to RFC 6455.
type Mark uint8

// The marks.
const (
	Right    Mark = iota // follows each MUST and SHOULD
	Tolerant             // fails the connection, but without the Close frame that it SHOULD send (§7.1.7)
	Wrong                // breaks a MUST
)

// String returns the sign of the mark.
func (m Mark) String() string { return [...]string{"✔", "≈", "×"}[m] }

// Judge returns the mark of o for h, which sender sends in c.
func (h Header) Judge(o Outcome, sender wire.Role, c Context) Mark {
	if h.Broken(sender, c) != nil {
		switch o {
		case Protocol:
			return Right
		case Invalid, TooBig, OtherClose, Cut, Reset:
			return Tolerant
		}
		return Wrong // the endpoint must fail the connection
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

// seen has the actions of an endpoint.
type seen struct {
	first  []byte // the bytes that it wrote until it waited for data after the frame
	second []byte // the bytes that it wrote after that, until it waited for data after the Ping
	closed bool   // it closed TCP before its peer did
	unread bool   // it left bytes unread when it closed TCP
}

// outcome returns the outcome of s for h, which was sent in c.
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

// answered returns Echoed or Ponged if got answers the frame sent. Otherwise it returns
// SomeAnswer.
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

// frames reads b as frames and reports whether no bytes are left over.
func frames(b []byte) (all []answer, whole bool) {
	var r stream.Reader
	var list answers
	r.Read(b, &list)
	_, inside := r.Inside()
	if inside { // an unfinished frame is not an answer
		list = list[:len(list)-1]
	}
	return list, !inside && len(r.Head()) == 0
}

// answers collects the frames that stream.Reader finds.
type answers []answer

func (l *answers) Begin(h wire.Header, _, _ []byte) bool {
	*l = append(*l, answer{header: h, payload: []byte{}})
	return true
}

func (l *answers) Payload(h wire.Header, at uint64, b []byte) bool {
	last := &(*l)[len(*l)-1]
	had := len(last.payload)
	last.payload = append(last.payload, b...)
	if h.Masked {
		wire.Mask(h.Key, int(at%4), last.payload[had:])
	}
	return true
}

func (l *answers) End(wire.Header) bool { return true }
