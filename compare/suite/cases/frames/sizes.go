package frames

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Sizes has large messages and many messages (RFC 6455 §5.2, §5.4). The RFC does not set
// a limit. An endpoint may have a limit of its own and fail the connection with 1009
// (§10.4). The verdict is then a note.
func Sizes() []*Case {
	s := Section{Name: "sizes", In: "5.2"}
	for _, op := range []wire.Opcode{wire.Text, wire.Binary} {
		payload := TextOf
		if op == wire.Binary {
			payload = BinaryOf
		}
		add := func(name, title, section string, size int, sees []Frame, steps ...Step) {
			s.Add(Case{
				Name: name, Title: title, Section: section, Keyword: Must, Duty: DutyParses, Requirement: "A receiver must read large messages and many messages, or fail the connection because they exceed its limit (§10.4).",
				Steps: steps, Outcomes: WithLimit(sees), Deadline: 10 * time.Second, Heavy: size > 1<<20,
			})
		}
		for _, n := range []int{256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			add(fmt.Sprintf("%s-of-%s", kind(op), sizeName(n)), fmt.Sprintf("A %s message of %s in one frame", op, bytesText(n)), "5.2", n,
				[]Frame{Of(op, payload(n))}, Send(Of(op, payload(n))))
		}
		for _, n := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} {
			add(fmt.Sprintf("%s-4-mib-fragments-of-%s", kind(op), sizeName(n)), fmt.Sprintf("A %s message of 4 MiB in fragments of %s", op, bytesText(n)), "5.4", 4<<20,
				[]Frame{Of(op, payload(4<<20))}, Step{Frames: []Frame{Of(op, payload(4<<20))}, Fragment: n})
		}
		for _, n := range []int{64, 256, 1 << 10, 4 << 10} {
			add(fmt.Sprintf("%s-1-mib-writes-of-%s", kind(op), sizeName(n)), fmt.Sprintf("A %s message of 1 MiB in TCP writes of %s", op, bytesText(n)), "5.2", 1<<20,
				[]Frame{Of(op, payload(1<<20))}, Send(Of(op, payload(1<<20))).InPieces(n))
		}
		for _, n := range []int{0, 16, 64, 256, 1 << 10, 4 << 10, 16 << 10} {
			frames, echoes := make([]Frame, 1000), make([]Frame, 1000)
			for i := range frames {
				frames[i], echoes[i] = Of(op, payload(n)), Of(op, payload(n))
			}
			add(fmt.Sprintf("1000-%s-messages-of-%s", kind(op), sizeName(n)), fmt.Sprintf("A thousand %s messages of %s", op, bytesText(n)), "5.6", 1000*n, echoes, Send(frames...))
		}
	}
	s.Add(Case{
		Name: "text-65536-in-fragments-of-1300", Title: "A text message in fragments of 1,300 bytes, 65,536 bytes in total", Section: "5.4", Keyword: Must, Duty: DutyFragments, Requirement: "A receiver must read large messages and many messages, or fail the connection because they exceed its limit (§10.4).",
		Steps: []Step{{Frames: []Frame{Of(wire.Text, TextOf(65536))}, Fragment: 1300}}, Outcomes: Answers(Of(wire.Text, TextOf(65536))),
	})
	return s.Cases
}

// sizeName returns n as the names of cases write it: "4-mib", "64".
func sizeName(n int) string {
	name, _, _ := strings.Cut(bytesText(n), " byte")
	return strings.ToLower(strings.ReplaceAll(name, " ", "-"))
}

// bytesText returns n with its unit.
func bytesText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return Counted(n)
}
