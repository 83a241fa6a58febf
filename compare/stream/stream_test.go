package stream

import (
	"fmt"
	"testing"

	"wslab/reference/wire"
)

// list takes down what a Reader finds.
type list struct {
	found string
	stop  string
}

func (l *list) note(s string) bool { l.found += s + " "; return l.stop != s }
func (l *list) Begin(h wire.Header, head, _ []byte) bool {
	return l.note(fmt.Sprintf("%x", head))
}
func (l *list) Payload(_ wire.Header, at uint64, b []byte) bool {
	for i, c := range b {
		l.found += fmt.Sprintf("%d:%c ", at+uint64(i), c)
	}
	return true
}
func (l *list) End(wire.Header) bool { return l.note("end") }

func TestFramesAreTheSameHoweverTheyArrive(t *testing.T) {
	// A text, a frame with all reserved bits and a reserved opcode, an empty one, and
	// half a header.
	in := []byte("\x81\x02Hi\xfb\x81\x01\x02\x03\x04x\x89\x00\x82")
	const want = "8102 0:H 1:i end fb8101020304 0:x end 8900 end "
	for size := 1; size <= len(in); size++ {
		var r Reader
		l := &list{}
		for from := 0; from < len(in); from += size {
			if !r.Read(in[from:min(from+size, len(in))], l) {
				t.Fatalf("in pieces of %d it stops", size)
			}
		}
		if _, inside := r.Inside(); l.found != want || inside || string(r.Head()) != "\x82" {
			t.Errorf("in pieces of %d: %q, inside %t, head %q", size, l.found, inside, r.Head())
		}
	}
	var r Reader
	l := &list{stop: "fb8101020304"}
	if r.Read(in, l) || l.found != "8102 0:H 1:i end fb8101020304 " {
		t.Errorf("a Sink that stops gets %q", l.found)
	}
	if h, inside := r.Inside(); !inside || h.Length != 1 {
		t.Errorf("it is inside %v, %t", h, inside)
	}
}
