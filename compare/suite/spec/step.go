package spec

import (
	"time"

	"wslab/reference/wire"
)

// Step is one thing that the judge does.
type Step struct {
	Do     Do
	Frames []Frame // with DoSend
	Bytes  []byte  // with DoSend: raw bytes after Frames
	// Cuts are the offsets in bytes at which a new TCP write begins, ascending. A
	// negative offset counts from the end. Without Cuts and Each, the step is one TCP
	// write.
	Cuts []int
	Each int // if not 0, the bytes of each TCP write
	Keep int // if not 0, send only the first Keep bytes
	Skip int // leave out the first Skip bytes: an earlier step sent them
	// InPayload says that Keep and Skip count from the first byte of the first frame's
	// payload. The offset of that byte depends on the judge's role.
	InPayload bool
	// Fragment, if not 0, splits the only frame into fragments of this many bytes.
	Fragment int
	Gap      time.Duration // between two TCP writes

	N    int           // with DoAwait: the number of messages and control frames since the start
	Time time.Duration // of DoPatience and DoPause; with DoAwait, the longest wait
}

// Do is what a Step does.
type Do uint8

// The things a judge can do.
const (
	DoSend     Do = iota // send frames and bytes
	DoAwait              // wait for N messages and control frames, or the end of the input
	DoPatience           // wait until the target fails the connection, at most for Time
	DoPause              // wait for Time, even if the target acts
	DoFin                // close the judge's sending side of TCP
	DoReset              // reset TCP
)

// Send returns a step that sends frames in one TCP write.
func Send(frames ...Frame) Step { return Step{Frames: frames} }

// Raw returns a step that sends b as it is.
func Raw(b ...byte) Step { return Step{Bytes: b} }

// Await returns a step that waits until the target has sent n messages and control
// frames since the start.
func Await(n int) Step { return Step{Do: DoAwait, N: n} }

// AwaitFor is Await with d as the longest wait.
func AwaitFor(n int, d time.Duration) Step {
	return Step{Do: DoAwait, N: n, Time: d}
}

// Patience returns a step that gives the target time d to fail the connection.
func Patience(d time.Duration) Step { return Step{Do: DoPatience, Time: d} }

// Pause returns a step that waits for d.
func Pause(d time.Duration) Step { return Step{Do: DoPause, Time: d} }

// Fin returns a step that closes the judge's side of TCP.
func Fin() Step { return Step{Do: DoFin} }

// Reset returns a step that resets TCP.
func Reset() Step { return Step{Do: DoReset} }

// Alone returns a step for each of frames, so that each frame has its own TCP write.
func Alone(frames ...Frame) []Step {
	steps := make([]Step, len(frames))
	for i, f := range frames {
		steps[i] = Send(f)
	}
	return steps
}

// CutAt returns s with a new TCP write at each of these offsets.
func (s Step) CutAt(at ...int) Step { s.Cuts = at; return s }

// InPieces returns s in TCP writes of n bytes.
func (s Step) InPieces(n int) Step { s.Each = n; return s }

// First returns a step that sends only the first n bytes of s.
func (s Step) First(n int) Step { s.Keep = n; return s }

// UpTo returns a step that sends the frame header and the first n bytes of the payload.
func (s Step) UpTo(n int) Step { s.InPayload, s.Keep = true, n; return s }

// After returns a step that sends the rest of the payload after its first n bytes.
func (s Step) After(n int) Step { s.InPayload, s.Skip = true, n; return s }

// WithGap returns s with a pause between its TCP writes.
func (s Step) WithGap(d time.Duration) Step { s.Gap = d; return s }

// Writes returns an upper bound of the number of TCP writes of s.
func (s Step) Writes() int {
	if s.Each == 0 {
		return len(s.Cuts) + 1
	}
	size := len(s.Bytes)
	for _, f := range s.Frames {
		size += f.Payload.Len() + wire.MaxHeaderSize
	}
	return size/s.Each + 1
}

// Chunks returns the bytes that role sends in s, one slice for each TCP write. It takes
// masking keys from next.
func (s Step) Chunks(role wire.Role, next func() [4]byte) [][]byte {
	frames := s.Frames
	if s.Fragment > 0 {
		frames = Split(frames[0].Opcode, frames[0].Payload.Bytes(), s.Fragment)
	}
	size := len(s.Bytes)
	for _, f := range frames {
		size += f.Payload.Len() + wire.MaxHeaderSize
	}
	all := make([]byte, 0, size)
	for _, f := range frames {
		all = f.Append(all, role, next)
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

// Between is the time between two TCP writes that must arrive separately. Slowly is the
// Deadline of cases with many such writes. It is long because on a busy computer a sleep
// takes longer.
const (
	Between = 2 * time.Millisecond
	Slowly  = 5 * time.Second
)

// Split returns payload as a message in fragments of size bytes.
func Split(op wire.Opcode, payload []byte, size int) []Frame {
	var frames []Frame
	for {
		n := min(size, len(payload))
		frames = append(frames, Frame{Opcode: op, Payload: Payload{Data: payload[:n]}})
		if payload, op = payload[n:], wire.Continuation; len(payload) == 0 {
			frames[len(frames)-1].Fin = true
			return frames
		}
	}
}
