package bugs

import (
	"fmt"
	"slices"
	"strings"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// connection is what one connection of the naive server did, from its events.
type connection struct {
	id     int
	opened uint64 // seq of the TCP connection

	request, response *half
	stream            []byte // bytes of the client, from the first byte of the request on
	frames            []frame
	answers           []frame   // frames that the server sent
	messages          []message // messages that the server sent
	refused           []uint64  // seqs of bytes that the server's socket refused

	calls  []*call
	left   uint64 // seq of the client's FIN, reset or Close frame; 0 while it is there
	fin    uint64 // seq of the client's FIN
	closed uint64 // seq of the end of TCP by the server
	served *call  // the end of the server's code; nil while it runs
	heard  uint64 // seq of the last report of the client that it read bytes or the end of the stream
	reset  bool   // the client reset TCP
}

// half is the request or the response.
type half struct {
	seq uint64
	*dissect.Handshake
}

// frame is a frame. begin is the position of its first byte in the stream of its sender.
type frame struct {
	seq   uint64
	begin int
	*dissect.Frame
}

// end is the position after the last byte that arrived.
func (f frame) end() int { return f.begin + int(f.Came()) }

// whole reports whether all bytes of f arrived.
func (f frame) whole() bool { return f.Short == 0 }

// breaks reports whether f breaks one of rules.
func (f frame) breaks(rules ...wire.Rule) bool {
	return slices.ContainsFunc(f.Violations, func(v wire.Violation) bool {
		return slices.ContainsFunc(rules, func(r wire.Rule) bool { return r.Code == v.Code })
	})
}

// message is a message that the server sent.
type message struct {
	seq uint64
	*recording.Message
}

// call is a call of the server's code.
type call struct {
	id           uint64
	enter, leave uint64 // seqs; leave is 0 while the call runs
	name, args   string
	result       string
	err          *recording.GoError
}

// count returns the number of bytes in the arguments or the result of a call: "5 bytes".
func count(s string) int {
	n := 0
	fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(s, "up to "), "[]byte, "), "%d", &n)
	return n
}

// asked returns how many bytes a Read asked for, or a make or Write has.
func (c *call) asked() int { return count(c.args) }

// got returns how many bytes a Read returned.
func (c *call) got() int { return count(c.result) }

// over reports whether c has returned without an error.
func (c *call) over() bool { return c.leave != 0 && c.err == nil }

// add adds one event.
func (c *connection) add(e recording.Event) {
	fromClient := e.From == wire.Client.String()
	switch b := e.Body.(type) {
	case *recording.TCP:
		switch {
		case fromClient && (b.What == "fin" || b.What == "rst"):
			c.left = first(c.left, e.Seq)
			if b.What == "fin" {
				c.fin = first(c.fin, e.Seq)
			} else {
				c.reset = true
			}
		case !fromClient && b.What == "closed":
			c.closed = first(c.closed, e.Seq)
		}
	case *recording.Bytes:
		if fromClient {
			c.stream = append(c.stream, b.Head...)
			c.stream = append(c.stream, make([]byte, b.Size-len(b.Head))...) // bytes that the recording does not keep
		}
	case *dissect.Handshake:
		if fromClient && c.request == nil {
			c.request = &half{e.Seq, b}
		} else if !fromClient && c.response == nil {
			c.response = &half{e.Seq, b}
		}
	case *dissect.Frame:
		f := frame{e.Seq, int(b.Offset), b}
		if !fromClient {
			c.answers = append(c.answers, f)
			return
		}
		c.frames = append(c.frames, f)
		if b.Header.Opcode == wire.Close {
			c.left = first(c.left, e.Seq)
		}
	case *recording.Message:
		if !fromClient {
			c.messages = append(c.messages, message{e.Seq, b})
		}
	case *recording.Unsent:
		if !fromClient {
			c.refused = append(c.refused, e.Seq)
		}
	case *recording.Script:
		if b.What == "read" {
			c.heard = e.Seq
		}
	case *recording.Call:
		if fromClient {
			return
		}
		if b.Phase == "enter" {
			c.calls = append(c.calls, &call{id: b.ID, enter: e.Seq, name: b.Name, args: b.Args})
			return
		}
		for _, k := range slices.Backward(c.calls) {
			if k.id == b.ID {
				k.leave, k.result, k.err = e.Seq, b.Result, b.Err
				if k.name == endpoint.NaiveServe {
					c.served = k
				}
				break
			}
		}
	}
}

// first returns a, or b if a is 0.
func first(a, b uint64) uint64 {
	if a != 0 {
		return a
	}
	return b
}

// named returns the calls called name.
func (c *connection) named(name string) (calls []*call) {
	for _, k := range c.calls {
		if k.name == name {
			calls = append(calls, k)
		}
	}
	return calls
}

// status returns the status of the response, or 0.
func (c *connection) status() int {
	if c.response == nil {
		return 0
	}
	return c.response.Head.Status
}

// stopped returns the bound of the cage that ended the server, or "".
func (c *connection) stopped() string {
	if c.served == nil || c.served.err == nil {
		return ""
	}
	return c.served.result
}

// read is one frame as the server read it: its own idea of a frame, which may begin
// inside a frame of the client.
type read struct {
	begin          int // position of its first byte in the client's stream
	head, ext, key *call
	make           *call
	payload        *call
	next           *call // the first Read after it, for the next frame
	log            *call // the server delivers a message that ends here
	wrote          bool  // the server wrote after the log, before next
	length         int   // bytes of the payload that it tries to read
	size           int   // bytes of the payload that it allocated
	took           int   // bytes that its reads returned
}

// reads splits the calls of the server into the frames that it believes to read. ok is
// false if the server has not answered the handshake.
func (c *connection) reads() (all []*read) {
	at := -1 // position of the next byte that the server reads
	var r *read
	for _, k := range c.calls {
		switch k.name {
		case "Read":
			begin := at
			if k.over() {
				at += k.got()
			}
			switch {
			case at < 0 || begin < 0: // the request
				at = max(k.got(), 0)
			case r == nil || r.done():
				if r != nil {
					r.next = k
				}
				r = &read{begin: begin, head: k}
				all = append(all, r)
			case r.key == nil && r.ext == nil && k.asked() == 8:
				r.ext = k
			case r.key == nil:
				r.key = k
			default:
				r.payload = k
			}
			if r != nil && k.over() {
				r.took += k.got()
			}
		case "make":
			if r != nil && r.key != nil && r.make == nil {
				r.make, r.size, r.length = k, k.asked(), k.asked()
				if r.ext != nil {
					r.length = 127
				}
			}
		case "log":
			if r != nil && strings.HasPrefix(k.args, "received ") {
				r.log = k
			}
		case "Write":
			if r != nil && r.log != nil && r.next == nil {
				r.wrote = true
			}
		}
	}
	return all
}

// byteOf returns byte i of the buffer of the Read k, which began at position begin of the
// stream. A byte that the Read did not fill is 0.
func (c *connection) byteOf(k *call, begin, i int) byte {
	if !k.over() || i >= k.got() || begin+i >= len(c.stream) {
		return 0
	}
	return c.stream[begin+i]
}

// done reports whether the server has made all the reads of r.
func (r *read) done() bool {
	return r.make != nil && (r.length == 0 || r.payload != nil) || r.log != nil
}

// over reports whether all the reads of r returned without an error.
func (r *read) over() bool {
	for _, k := range []*call{r.head, r.ext, r.key, r.make, r.payload} {
		if k != nil && !k.over() {
			return false
		}
	}
	return r.done()
}

// short returns a Read of r that returned fewer bytes than it asked for, or nil.
func (r *read) short() *call {
	for _, k := range []*call{r.head, r.ext, r.key, r.payload} {
		if k != nil && k.over() && k.got() < k.asked() {
			return k
		}
	}
	return nil
}

// delivered returns the number of bytes of the message that ends with r.
func (r *read) delivered() int {
	i := strings.LastIndex(r.log.args, ", ")
	return count(r.log.args[i+2:])
}
