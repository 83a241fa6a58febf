package bugs

import (
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

const request = "GET /ws/naive HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// record has the naive server serve a client that sends chunks and leaves, and returns the
// recording.
func record(chunks ...[]byte) []recording.Event {
	client, server := net.Pipe()
	rec := recording.New(nil, recording.Limits{})
	conn := tap.New(server)
	c := rec.Connect(recording.Info{Endpoint: endpoint.Naive, Client: "fuzz"}, wire.Server)
	conn.Attach(c, false)
	var work sync.WaitGroup
	work.Go(func() { io.Copy(io.Discard, client) })
	work.Go(func() {
		defer client.Close()
		for _, b := range chunks {
			if _, err := client.Write(b); err != nil {
				return
			}
		}
	})
	verbs := map[string]recording.Verb{"Read": recording.VerbRead, "Write": recording.VerbWrite, "Close": recording.VerbClose}
	err := naive.Serve(conn, naive.Options{Limits: naive.Limits{Memory: 1 << 20}, Call: func(name, args string, written []byte) func(string, error) {
		verb, ok := verbs[name]
		if !ok {
			verb = recording.VerbOther
		}
		return c.Enter(recording.Doing{Verb: verb, Name: name, Args: args, Socket: true, Writes: recording.Writes{Bytes: written}}).Return
	}})
	work.Wait()
	result := "nil"
	var stopped *naive.Stopped
	if errors.As(err, &stopped) {
		result = string(stopped.Bound)
	}
	c.Enter(recording.Doing{Verb: recording.VerbOther, Name: endpoint.NaiveServe}).Return(result, err)
	events, _ := rec.After(0, 1<<20)
	return events
}

// seen is what a second reader finds in the bytes of the client, and in the calls.
type seen struct {
	request                                          *dissect.Handshake
	frames                                           []*dissect.Frame
	answers                                          []*dissect.Frame
	short, refused, failedWrite, closed, eof, panics bool
	status                                           int
}

// look reads the client's bytes again, at once, without the recording's frames.
func look(sent []byte, events []recording.Event) *seen {
	s := &seen{}
	var talk dissect.Conversation
	head, frames, _ := strings.Cut(string(sent), "\r\n\r\n")
	items := slices.Clone(talk.Bytes(wire.Client, []byte(head+"\r\n\r\n"), true))
	talk.Bytes(wire.Server, []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"), true) // else each frame breaks the rule that the client must wait
	for _, it := range append(items, talk.Bytes(wire.Client, []byte(frames), true)...) {
		switch {
		case it.Handshake != nil:
			s.request = it.Handshake
		case it.Frame != nil:
			s.frames = append(s.frames, it.Frame)
		}
	}
	if f := talk.End(wire.Client, dissect.NeverSent); f != nil {
		s.frames = append(s.frames, f)
	}
	asked := 0
	for _, e := range events {
		switch b := e.Body.(type) {
		case *recording.Call:
			switch {
			case b.Phase == "enter" && b.Name == "Read":
				asked = count(b.Args)
			case b.Phase == "enter":
			case b.Name == "Read" && b.Err == nil && count(b.Result) < asked:
				s.short = true
			case b.Name == "Read" && b.Err != nil:
				s.eof = true
			case b.Name == "make" && b.Err != nil:
				s.refused = true
			case b.Name == "Write" && b.Err != nil:
				s.failedWrite = true
			case b.Name == "Close":
				s.closed = true
			case b.Name == endpoint.NaiveServe:
				s.panics = b.Result == string(naive.Panic)
			}
		case *dissect.Frame:
			if e.From == "server" {
				s.answers = append(s.answers, b)
			}
		case *dissect.Handshake:
			if e.From == "server" {
				s.status = b.Head.Status
			}
		}
	}
	return s
}

// has reports whether the client sent a frame for which is reports true.
func (s *seen) has(is func(*dissect.Frame) bool) bool { return slices.ContainsFunc(s.frames, is) }

// recheck has, for each fault that bytes alone can show, a condition that must hold if its
// card opens. All other cards must stay closed.
var recheck = map[int]func(s *seen) bool{
	1:  func(s *seen) bool { return s.request != nil && s.short },
	2:  func(s *seen) bool { return len(s.frames) > 0 && s.status == 101 },
	3:  func(s *seen) bool { return s.panics && s.status == 0 },
	4:  func(s *seen) bool { return strings.Count(string(s.request.Bytes()), ":") > len(s.request.Lines) },
	5:  func(s *seen) bool { return s.status != 0 },
	6:  func(s *seen) bool { return s.status == 400 && s.request.Head.HasToken("Upgrade", "websocket") },
	7:  func(s *seen) bool { return s.status == 400 && s.request.Head.HasToken("Connection", "upgrade") },
	8:  func(s *seen) bool { return s.status == 101 && len(s.request.Violations) > 0 },
	9:  func(s *seen) bool { return s.status == 101 && len(s.request.Head.Values("Origin")) > 0 },
	10: func(s *seen) bool { return s.status == 101 && len(s.request.Head.Values("Origin")) > 0 },
	11: func(s *seen) bool { return s.short },
	12: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.RSV1 || f.Header.RSV2 || f.Header.RSV3 })
	},
	13: func(s *seen) bool { return s.has(func(f *dissect.Frame) bool { return !f.Header.Masked }) },
	14: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Form == wire.Length16 })
	},
	16: func(s *seen) bool {
		return s.refused && s.has(func(f *dissect.Frame) bool { return f.Header.Length > 1<<20 })
	},
	17: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Form == wire.Length64 })
	},
	18: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool {
			return f.Header.Opcode.IsControl() && (!f.Header.Fin || f.Header.Length > 125)
		})
	},
	19: func(s *seen) bool {
		return s.closed && s.has(func(f *dissect.Frame) bool { return f.Header.Opcode == wire.Close && len(f.Violations) == 0 })
	},
	20: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Opcode == wire.Ping }) &&
			!slices.ContainsFunc(s.answers, func(f *dissect.Frame) bool { return f.Header.Opcode == wire.Pong })
	},
	21: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Opcode != wire.Text && f.Header.Opcode != wire.Binary })
	},
	22: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Opcode == wire.Continuation })
	},
	23: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool {
			return slices.ContainsFunc(f.Violations, func(v wire.Violation) bool { return v.Code == wire.RuleTextUTF8.Code })
		})
	},
	24: func(s *seen) bool { return s.has(func(f *dissect.Frame) bool { return !f.Header.Fin }) },
	25: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return !f.Header.Fin && f.Header.Length == 0 })
	},
	26: func(s *seen) bool { return len(s.frames) > 1 },
	27: func(s *seen) bool {
		return s.has(func(f *dissect.Frame) bool { return f.Header.Opcode == wire.Binary })
	},
	28: func(s *seen) bool { return s.has(func(f *dissect.Frame) bool { return f.Header.Length > 0 }) },
	31: func(s *seen) bool { return s.failedWrite },
}

// checkFound fails if a card is open without its evidence.
func checkFound(t *testing.T, chunks ...[]byte) []Found {
	t.Helper()
	events := record(chunks...)
	found := Find(events)
	sent := slices.Concat(chunks...)
	s := look(sent, events)
	for _, f := range found {
		ok := recheck[f.Number]
		if ok == nil || !ok(s) || f.Said == "" || len(f.Events) == 0 || !slices.IsSorted(f.Events) || f.Events[len(f.Events)-1] > uint64(len(events)) {
			t.Errorf("%s opens %+v", hex.EncodeToString(sent), f)
		}
	}
	return found
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(request), []byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), []byte("\x89\x80\x37\xfa\x21\x3d"))
	f.Add([]byte(request), []byte("\x81\xfe\x00\x7e"), []byte("\x01\x80\x37\xfa\x21\x3d\x89\x81abcdx\x80\x80abcd"))
	f.Add([]byte("GET"), []byte(request), []byte("\x88\x80\x37\xfa\x21\x3d"))
	f.Add([]byte(request), []byte("\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00abcd"), []byte{})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		chunks := slices.DeleteFunc([][]byte{a, b, c}, func(b []byte) bool { return len(b) == 0 })
		checkFound(t, chunks...)
	})
}

// TestRandomFramesOpenOnlyCardsWithEvidence sends random frames, valid and not, whole and
// cut.
func TestRandomFramesOpenOnlyCardsWithEvidence(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 455))
	opened := map[int]int{}
	for range 3000 {
		chunks := [][]byte{[]byte(request)}
		for range 1 + random.IntN(5) {
			n := []int{0, 1, 5, 124, 125, 126, 200}[random.IntN(7)]
			h := wire.Header{Fin: random.IntN(4) > 0, RSV1: random.IntN(12) == 0, Opcode: []wire.Opcode{1, 1, 1, 2, 0, 8, 9, 10, 3}[random.IntN(9)],
				Masked: random.IntN(12) > 0, Key: [4]byte{1, 2, 3, byte(random.IntN(256))}, Length: uint64(n)}
			if random.IntN(20) == 0 {
				h.Form = wire.Length64
			}
			if random.IntN(40) == 0 {
				h.Length = 1 << 40
			}
			b := h.Append(nil)
			for range n {
				b = append(b, byte("abc\xc3"[random.IntN(4)]))
			}
			if random.IntN(8) == 0 {
				at := 1 + random.IntN(len(b)-1)
				chunks = append(chunks, b[:at])
				b = b[at:]
			}
			chunks = append(chunks, b)
		}
		for _, f := range checkFound(t, chunks...) {
			opened[f.Number]++
		}
	}
	for _, number := range []int{11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28} {
		if opened[number] == 0 {
			t.Errorf("no input opens card %d", number)
		}
	}
	t.Log(opened)
}
