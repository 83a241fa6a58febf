package spec

import (
	"time"

	"wslab/reference/wire"
)

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
	DoSend     Do = iota // frames and bytes
	DoAwait              // until N messages and control frames were seen, or no more can come
	DoPatience           // until the target has failed the connection, but no longer than Time
	DoPause              // for Time, whatever comes
	DoFin                // close the judge's sending side of TCP
	DoReset              // reset TCP
)

// The words for steps.
func Send(frames ...Frame) Step { return Step{Frames: frames} }

func Raw(b ...byte) Step { return Step{Bytes: b} }

func Await(n int) Step { return Step{Do: DoAwait, N: n} }

func AwaitFor(n int, d time.Duration) Step {
	return Step{Do: DoAwait, N: n, Time: d}
}

func Patience(d time.Duration) Step { return Step{Do: DoPatience, Time: d} }

func Pause(d time.Duration) Step { return Step{Do: DoPause, Time: d} }

func Fin() Step { return Step{Do: DoFin} }

func Reset() Step { return Step{Do: DoReset} }

// Alone returns a step for each of frames, so that each is a TCP write.
func Alone(frames ...Frame) []Step {
	steps := make([]Step, len(frames))
	for i, f := range frames {
		steps[i] = Send(f)
	}
	return steps
}

// CutAt returns s cut into TCP writes at these bytes.
func (s Step) CutAt(at ...int) Step { s.Cuts = at; return s }

// InPieces returns s in TCP writes of n bytes.
func (s Step) InPieces(n int) Step { s.Each = n; return s }

// First returns the first n bytes of s alone.
func (s Step) First(n int) Step { s.Keep = n; return s }

// UpTo returns s up to byte n of its frame's payload, behind what stands there
// after it.
func (s Step) UpTo(n int) Step { s.InPayload, s.Keep = true, n; return s }

func (s Step) After(n int) Step { s.InPayload, s.Skip = true, n; return s }

// WithGap returns s with a pause between its TCP writes.
func (s Step) WithGap(d time.Duration) Step { s.Gap = d; return s }

// Writes returns about how many TCP writes s makes, no less.
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

// Chunks returns what s sends, one slice for each TCP write.
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

// between is the time between two TCP writes that are to arrive apart, and slowly
// the deadline of cases with many: a sleep can take long on a busy machine.
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
