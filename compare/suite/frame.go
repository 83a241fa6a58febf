package suite

import (
	"bytes"
	"slices"
	"time"

	"wslab/reference/wire"
)

// Payload is what a frame or message carries: Data as they are, or, where
// Size is not 0, Data over and over until there are Size of them. So a case
// with 16 MiB takes no memory until it runs. Packed ones are sent compressed, on
// their own.
type Payload struct {
	Data   []byte
	Size   int
	Packed bool
}

// Len returns how many bytes p has, before they are compressed.
func (p Payload) Len() int {
	if p.Size > 0 {
		return p.Size
	}
	return len(p.Data)
}

// Bytes returns the bytes of p as they are sent; they must not be changed.
func (p Payload) Bytes() []byte {
	b := p.Data
	if p.Size > 0 {
		b = p.prefix(p.Size)
	}
	if p.Packed {
		return packAlone(b)
	}
	return b
}

// prefix returns the first bytes of p, n at most.
func (p Payload) prefix(n int) []byte {
	n = min(n, p.Len())
	if p.Size == 0 {
		return p.Data[:n]
	}
	b := make([]byte, 0, n+len(p.Data))
	b = append(b, p.Data...)
	for len(b) < n {
		b = append(b, b[:min(len(b), n-len(b))]...)
	}
	return b[:n]
}

// equal reports whether b is p.
func (p Payload) equal(b []byte) bool {
	if len(b) != p.Len() || p.Size == 0 {
		return bytes.Equal(b, p.Data)
	}
	for len(b) > 0 {
		n := min(len(b), len(p.Data))
		if !bytes.Equal(b[:n], p.Data[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// The patterns that fill large payloads. Their lengths are primes, so that a
// block that is lost, doubled or masked from the wrong position is seen.
var (
	textPattern   = []byte("The quick brown fox jumps over a lazy dog, 0123456789 times!\n")
	binaryPattern = func() []byte {
		b := make([]byte, 251)
		for i := range b {
			b[i] = byte(i*7 + 3)
		}
		return b
	}()
)

// textOf and binaryOf return payloads of n bytes.
func textOf(n int) Payload   { return sized(textPattern, n) }
func binaryOf(n int) Payload { return sized(binaryPattern, n) }

func sized(pattern []byte, n int) Payload {
	if n <= len(pattern) {
		return Payload{Data: pattern[:n]}
	}
	return Payload{Data: pattern, Size: n}
}

// Masking is what a Frame says of its mask.
type Masking uint8

// The maskings.
const (
	ByRole Masking = iota // as the judge's role demands
	Never
	Always
)

// Frame is a frame that the judge sends, legal or not. The zero value is a
// continuation frame with FIN 0 and no payload.
type Frame struct {
	Fin     bool
	RSV     uint8 // RSV1, RSV2 and RSV3 as bits 4, 2, 1
	Opcode  wire.Opcode
	Payload Payload

	Form    wire.LengthForm // 0: the shortest
	Claims  uint64          // the length in the header, where it is not that of Payload
	Lies    bool            // Claims counts
	Masking Masking
	Key     *[4]byte // nil: the next one of the case's seed
}

// The words for frames: one with FIN 1 and a payload.
func text(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Text, Payload: Payload{Data: []byte(s)}}
}
func binary(b ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Binary, Payload: Payload{Data: b}}
}
func cont(s string) Frame { return Frame{Fin: true, Payload: Payload{Data: []byte(s)}} }
func ping(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Ping, Payload: Payload{Data: []byte(s)}}
}
func pong(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Pong, Payload: Payload{Data: []byte(s)}}
}
func closing(body ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Close, Payload: Payload{Data: body}}
}
func of(op wire.Opcode, p Payload) Frame { return Frame{Fin: true, Opcode: op, Payload: p} }

// closeWith returns a Close frame with code and reason, legal or not.
func closeWith(code wire.CloseCode, reason string) Frame {
	return closing(append([]byte{byte(code >> 8), byte(code)}, reason...)...)
}

// more returns f with FIN 0.
func (f Frame) more() Frame { f.Fin = false; return f }

// rsv returns f with these reserved bits, RSV1 being 4.
func (f Frame) rsv(bits uint8) Frame { f.RSV = bits; return f }

// opcode returns f with another opcode.
func (f Frame) opcode(op wire.Opcode) Frame { f.Opcode = op; return f }

// form returns f with its length written in form.
func (f Frame) form(form wire.LengthForm) Frame { f.Form = form; return f }

// claims returns f with the length n in its header, whatever its payload.
func (f Frame) claims(n uint64) Frame { f.Claims, f.Lies = n, true; return f }

// key returns f with this masking key.
func (f Frame) key(key ...byte) Frame { k := [4]byte(key); f.Key = &k; return f }

// wrongMask returns f masked just as the judge's role must not do it.
func (f Frame) wrongMask() Frame { f.Masking = wrongMask; return f }

// wrongMask is the Masking that is the opposite of what the role demands.
const wrongMask Masking = 0xff

// append writes f, as sent by role, to the end of b. next gives masking keys.
func (f Frame) append(b []byte, role wire.Role, next func() [4]byte) []byte {
	p := f.Payload.Bytes()
	h := wire.Header{
		Fin: f.Fin, RSV1: f.RSV&4 != 0, RSV2: f.RSV&2 != 0, RSV3: f.RSV&1 != 0,
		Opcode: f.Opcode, Length: uint64(len(p)), Form: f.Form,
	}
	if f.Lies {
		h.Length = f.Claims
	}
	if h.Form == 0 {
		h.Form = wire.FormFor(h.Length)
	}
	switch f.Masking {
	case ByRole:
		h.Masked = role == wire.Client
	case Always:
		h.Masked = true
	case wrongMask:
		h.Masked = role != wire.Client
	}
	if h.Masked {
		if f.Key != nil {
			h.Key = *f.Key
		} else {
			h.Key = next()
		}
	}
	b = h.Append(b)
	start := len(b)
	b = append(b, p...)
	if h.Masked {
		wire.Mask(h.Key, 0, b[start:])
	}
	return b
}

// Step is one thing that the judge does.
type Step struct {
	Do     Do
	Frames []Frame // with Send: all of them in one run of bytes
	Bytes  []byte  // with Send: behind the frames, as they are
	// Cuts are the places at which the bytes are cut into TCP writes, ascending.
	// A negative one counts from the end.
	Cuts []int
	Each int // or every so many bytes
	Keep int // send only the first so many bytes of it, when not 0
	Skip int // leave so many of the first bytes out: an earlier step has sent them
	// InPayload says that Keep and Skip count from where the first frame's payload
	// begins, which depends on who the judge is.
	InPayload bool
	// Fragment makes a message in fragments of so many bytes of the one frame.
	Fragment int
	Gap      time.Duration // between two TCP writes

	N    int           // with Await: messages and control frames seen in all
	Time time.Duration // with Patience and Pause; with Await, how long at most
}

// Do is what a Step does.
type Do uint8

// The things a judge can do.
const (
	Send     Do = iota // frames and bytes
	Await              // until N messages and control frames were seen, or no more can come
	Patience           // until the target has failed the connection, but no longer than Time
	Pause              // for Time, whatever comes
	Fin                // close the judge's sending side of TCP
	Reset              // reset TCP
)

// The words for steps.
func send(frames ...Frame) Step { return Step{Frames: frames} }
func data(b ...byte) Step       { return Step{Bytes: b} }
func await(n int) Step          { return Step{Do: Await, N: n} }
func awaitFor(n int, d time.Duration) Step {
	return Step{Do: Await, N: n, Time: d}
}
func patience(d time.Duration) Step { return Step{Do: Patience, Time: d} }
func pause(d time.Duration) Step    { return Step{Do: Pause, Time: d} }
func fin() Step                     { return Step{Do: Fin} }
func reset() Step                   { return Step{Do: Reset} }

// each returns a step for each of frames, so that each is a TCP write.
func each(frames ...Frame) []Step {
	steps := make([]Step, len(frames))
	for i, f := range frames {
		steps[i] = send(f)
	}
	return steps
}

// cut returns s cut into TCP writes at these bytes.
func (s Step) cut(at ...int) Step { s.Cuts = at; return s }

// every returns s in TCP writes of n bytes.
func (s Step) every(n int) Step { s.Each = n; return s }

// first returns the first n bytes of s alone.
func (s Step) first(n int) Step { s.Keep = n; return s }

// upTo returns s up to byte n of its frame's payload, behind what stands there
// after it.
func (s Step) upTo(n int) Step   { s.InPayload, s.Keep = true, n; return s }
func (s Step) behind(n int) Step { s.InPayload, s.Skip = true, n; return s }

// gap returns s with a pause between its TCP writes.
func (s Step) gap(d time.Duration) Step { s.Gap = d; return s }

// writes returns about how many TCP writes s makes, no less.
func (s Step) writes() int {
	if s.Each == 0 {
		return len(s.Cuts) + 1
	}
	size := len(s.Bytes)
	for _, f := range s.Frames {
		size += f.Payload.Len() + wire.MaxHeaderSize
	}
	return size/s.Each + 1
}

// chunks returns what s sends, one slice for each TCP write.
func (s Step) chunks(role wire.Role, next func() [4]byte) [][]byte {
	frames := s.Frames
	if s.Fragment > 0 {
		frames = split(frames[0].Opcode, frames[0].Payload.Bytes(), s.Fragment)
	}
	size := len(s.Bytes)
	for _, f := range frames {
		size += f.Payload.Len() + wire.MaxHeaderSize
	}
	all := make([]byte, 0, size)
	for _, f := range frames {
		all = f.append(all, role, next)
	}
	all = append(all, s.Bytes...)
	base := 0
	if h, ok := wire.ParseHeader(all); ok && s.InPayload {
		base = h.Size()
	}
	if s.Keep > 0 {
		all = all[:min(base+s.Keep, len(all))]
	}
	if s.Skip > 0 {
		all = all[min(base+s.Skip, len(all)):]
	}
	var chunks [][]byte
	if s.Each > 0 {
		for len(all) > s.Each {
			chunks, all = append(chunks, all[:s.Each]), all[s.Each:]
		}
		return append(chunks, all)
	}
	at := 0
	for _, c := range s.Cuts {
		if c < 0 {
			c += len(all)
		}
		if c > at && c < len(all) {
			chunks, at = append(chunks, all[at:c]), c
		}
	}
	return append(chunks, all[at:])
}

// The words for what is expected.
func texts(s string) Expect                 { return Expect{Opcode: wire.Text, Payload: Payload{Data: []byte(s)}} }
func binaries(b ...byte) Expect             { return Expect{Opcode: wire.Binary, Payload: Payload{Data: b}} }
func pongs(s string) Expect                 { return Expect{Opcode: wire.Pong, Payload: Payload{Data: []byte(s)}} }
func sees(op wire.Opcode, p Payload) Expect { return Expect{Opcode: op, Payload: p} }

// perhaps returns e as something that may be left out.
func (e Expect) perhaps() Expect { e.Optional = true; return e }

// The words for outcomes.

// answers: the target answers with these, and then the judge closes.
func answers(sees ...Expect) []Outcome { return []Outcome{{Sees: sees}} }

// coalescedWhy is why an endpoint may leave out Pongs.
const coalescedWhy = "it answered only some of the Pings, the last among them, as RFC 6455 §5.5.3 allows"

// coalesced returns sees with no Pong but the last needed, or nil where there is
// only one.
func coalesced(list []Expect) []Expect {
	some := slices.Clone(list)
	n := 0
	for i := len(some) - 1; i >= 0; i-- {
		if some[i].Opcode == wire.Pong {
			if n++; n > 1 {
				some[i] = some[i].perhaps()
			}
		}
	}
	if n < 2 {
		return nil
	}
	return some
}

// answersPings is answers for Pings that no answer was waited for between.
func answersPings(sees ...Expect) []Outcome {
	return append(answers(sees...), Outcome{Verdict: Note, Why: coalescedWhy, Sees: coalesced(sees)})
}

// fails: the target fails the connection with one of codes, and nothing else.
func fails(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: Fails, Codes: codes}}}
}

// failsOrTakes: the target fails the connection with code, or takes what no MUST
// of a receiver forbids and answers with these, which is warning.
func failsOrTakes(code wire.CloseCode, why string, sees ...Expect) []Outcome {
	return append(fails(code), Outcome{Verdict: Warning, Why: why, Sees: sees})
}

// closes: the target answers the Close frame of a step with one of codes.
func closes(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: Answers, Codes: codes}}}
}

// failsAfter: the target answers what came before with these, and then fails
// the connection. An endpoint that reads ahead may find the fault before it has
// answered. No message has to be answered, and who echoes is an application that
// cannot know what the endpoint has read meanwhile: to fail without its echoes is
// legal. A Pong should be sent as soon as is practical (RFC 6455 §5.5.2), so to
// fail without one is warning.
func failsAfter(code wire.CloseCode, sees ...Expect) []Outcome {
	end := End{How: Fails, Codes: []wire.CloseCode{code}}
	outcomes := []Outcome{{Sees: sees, End: end}}
	verdict, why := Note, "it failed the connection before the messages in front of the fault were echoed"
	for n := len(sees) - 1; n >= 0; n-- {
		if sees[n].Opcode == wire.Pong {
			verdict, why = Warning, "it failed the connection before it had answered a Ping that stood in front of the fault"
		}
		outcomes = append(outcomes, Outcome{Verdict: verdict, Sees: sees[:n], End: end, Why: why})
	}
	return outcomes
}

// failsFast: the target fails the connection at once, before the Patience step
// is over; doing so later is legal.
func failsFast(code wire.CloseCode, why string) []Outcome {
	end := End{How: Fails, Codes: []wire.CloseCode{code}}
	early := end
	early.Early = true
	return []Outcome{{End: early}, {Verdict: Note, Why: why, End: end}}
}
