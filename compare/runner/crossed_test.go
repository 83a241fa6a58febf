//go:build unix

package runner

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/lessons"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// watched is a socket that keeps all that its kernel received: what was read of
// it, and what lay in it unread when it was closed.
type watched struct {
	*net.TCPConn
	mu   sync.Mutex
	got  []byte
	sent uint64 // bytes that its kernel took to be sent, as it says itself when it is closed
	over bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.TCPConn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, p[:n]...)
	return n, err
}

// Writes lets the tap write to the socket itself.
func (w *watched) Writes([]byte) {}

func (w *watched) Close() error {
	raw, err := w.SyscallConn()
	if err != nil {
		return err
	}
	_ = raw.Control(func(fd uintptr) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.over {
			return
		}
		w.over = true
		left := make([]byte, 8<<20)
		if n, _, err := syscall.Recvfrom(int(fd), left, syscall.MSG_PEEK|syscall.MSG_DONTWAIT); err == nil {
			w.got = append(w.got, left[:n]...)
		}
		w.sent = kernelSent(fd)
	})
	return w.TCPConn.Close()
}

// peers are the sockets of one play, by the client's address.
type peers struct {
	mu   sync.Mutex
	ends map[string]*[2]*watched
}

func (p *peers) below(end wire.Role, c net.Conn) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr := c.RemoteAddr().String()
	if end == wire.Client {
		addr = c.LocalAddr().String()
	}
	if p.ends[addr] == nil {
		p.ends[addr] = &[2]*watched{}
	}
	w := &watched{TCPConn: c.(*net.TCPConn)}
	p.ends[addr][end] = w
	return w
}

// crossed is what a recording says that one end has sent.
type crossed struct {
	bytes  []byte // where whole, all of them
	size   int
	whole  bool
	frames []string
	lost   int // bytes that a wire lost, or that waited when it was closed
}

// said returns what the recording of conn says of each end.
func said(events []recording.Event, conn int) (ends [2]*crossed) {
	ends = [2]*crossed{{whole: true}, {whole: true}}
	gone := map[uint64]bool{} // frames that did not cross the wire
	for _, e := range events {
		if h, ok := e.Body.(*recording.Held); ok && (h.State == "dropped" || h.State == "unsent") {
			gone[h.Of] = true
		}
	}
	for _, e := range events {
		if e.Conn != conn {
			continue
		}
		c := ends[wire.Client]
		if e.From == wire.Server.String() {
			c = ends[wire.Server]
		}
		add := func(size int, head []byte) {
			c.size += size
			c.bytes = append(c.bytes, head...)
			c.whole = c.whole && size == len(head)
		}
		switch b := e.Body.(type) {
		case *recording.Bytes:
			add(b.Size, b.Head)
		case *recording.Unread:
			add(b.Size, b.Head)
			if b.Frame != nil {
				c.frames = append(c.frames, frameOf(b.Frame))
			}
		case *dissect.Frame:
			if gone[e.Seq] {
				c.lost += int(b.Came())
			} else {
				c.frames = append(c.frames, frameOf(b))
			}
		case *dissect.Handshake:
			if gone[e.Seq] {
				c.lost += len(b.Bytes())
			}
		}
	}
	return ends
}

// frameOf names f by what is known of a cut one, too.
func frameOf(f *dissect.Frame) string { return fmt.Sprintf("%s at %d", f.Header.Opcode, f.Offset) }

// framesIn returns the frames that end sent, read from the bytes that the other
// end's kernel has.
func framesIn(got [2][]byte, end wire.Role) (frames []string) {
	talk := &dissect.Conversation{}
	note := func(f *dissect.Frame) {
		if f != nil && f.From == end {
			frames = append(frames, frameOf(f))
		}
	}
	for _, from := range []wire.Role{wire.Client, wire.Server} {
		for _, it := range slices.Clone(talk.Bytes(from, got[from], true)) {
			note(it.Frame)
		}
	}
	note(talk.End(end, dissect.NotThere))
	return frames
}

// TestEveryFrameThatIsRecordedCrossedAndEveryFrameThatCrossedIsRecorded plays
// every scenario at every endpoint that it is for, and holds the recording to what
// the kernels at both ends have: the bytes and frames that they received, and the
// bytes that the server's took to be sent.
func TestEveryFrameThatIsRecordedCrossedAndEveryFrameThatCrossedIsRecorded(t *testing.T) {
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil || len(all) < 40 {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	naive, err := endpoint.Find("naive")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		ends := endpoint.All()
		if s.Plain() {
			ends = append(ends, naive)
		}
		for _, e := range ends {
			t.Run(s.Name+" "+e.Name, func(t *testing.T) {
				t.Parallel()
				p := &peers{ends: map[string]*[2]*watched{}}
				events, err := run(t.Context(), s, e, p.below)
				if err != nil {
					t.Fatal(err)
				}
				checked := 0
				for _, ev := range events {
					tcp, ok := ev.Body.(*recording.TCP)
					if !ok || tcp.Info == nil {
						continue
					}
					checked++
					p.check(t, events, ev.Conn, tcp.Info.Remote)
				}
				if checked == 0 {
					t.Error("no connection is recorded")
				}
			})
		}
	}
}

// check holds what is recorded of conn to what the sockets have.
func (p *peers) check(t *testing.T, events []recording.Event, conn int, addr string) {
	t.Helper()
	p.mu.Lock()
	pair := *p.ends[addr]
	p.mu.Unlock()
	ends := said(events, conn)
	clientClosed := false
	for i := range pair {
		pair[i].mu.Lock()
		defer pair[i].mu.Unlock()
	}
	got := [2][]byte{wire.Client: pair[wire.Server].got, wire.Server: pair[wire.Client].got}
	for _, from := range []wire.Role{wire.Client, wire.Server} {
		c, arrived := ends[from], got[from]
		lost := c.lost
		if from == wire.Client {
			lost = 0 // the tap lost it, which is after the server's kernel
		}
		excess := c.size - lost - len(arrived)
		if from == wire.Server && excess > 0 && pair[wire.Client].over {
			// The server's kernel takes bytes for a client that has closed TCP, until it
			// learns of that. What it took is counted below.
			clientClosed = true
		}
		if excess != 0 && !clientClosed {
			t.Errorf("%d bytes of the %s are recorded (and %d lost), and %d arrived", c.size, from, lost, len(arrived))
		}
		if c.whole && c.lost == 0 && !bytes.HasPrefix(c.bytes, arrived) {
			t.Errorf("the %s is recorded to have sent\n% x\nand what arrived is\n% x", from, c.bytes, arrived)
		}
		if frames := framesIn(got, from); excess == 0 && lost == 0 && !slices.Equal(frames, c.frames) && !(from == wire.Client && c.lost > 0) {
			t.Errorf("of the %s %q are recorded, and %q arrived", from, c.frames, frames)
		} else if len(frames) > len(c.frames) && c.lost == 0 {
			t.Errorf("of the %s %d frames are recorded, and %d arrived", from, len(c.frames), len(frames))
		}
	}
	server := ends[wire.Server]
	// If the line is silent, the socket is closed later, or never.
	if sent := pair[wire.Server].sent; kernelCounts && pair[wire.Server].over && uint64(server.size-server.lost) != sent {
		t.Errorf("%d bytes of the server are recorded as sent, and its kernel took %d", server.size-server.lost, sent)
	}
}
