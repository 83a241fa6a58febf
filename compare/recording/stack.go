package recording

import (
	"encoding/json"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"

	"wslab/compare/tap"
	"wslab/reference/wire"
)

// StackOp says what a Stack event is about.
type StackOp string

// The operations.
const (
	StackRead    StackOp = "read"    // a Read of the socket returned the bytes
	StackWrite   StackOp = "write"   // a Write to the socket of the bytes begins
	StackRespond StackOp = "respond" // a handler gives net/http a response that is not sent yet
	StackPanic   StackOp = "panic"   // a call of the endpoint panics
	StackFull    StackOp = "full"    // the connection has maxStacks stacks of reads, or of other operations: more are only counted
)

// Stack has the calls that led to a Read or Write of the socket of one end. From of its
// Event is the sender of the bytes. A read follows the events of its bytes. A
// write comes before them.
type Stack struct {
	Op      StackOp
	At      int64 // offset of the first byte in the stream of From
	Size    int   // bytes
	Status  int   // of a response, with respond
	Skipped int   // with full: how many stacks were left out so far

	Calls []StackCall // innermost first; if nil, JSON and text make them from pcs
	pcs   []uintptr
}

// StackCall is one call of a Stack.
type StackCall struct {
	Func    string `json:"func"`    // "(*Conn).advanceFrame"
	Package string `json:"package"` // "github.com/gorilla/websocket"
	File    string `json:"file"`    // "conn.go"
	Line    int    `json:"line"`
	Depth   int    `json:"depth"` // 0 for the outermost call of the Stack
}

// maxStacks bounds the Stack events of a connection: those of reads, and all others. A
// long message that is read in small pieces has many reads, but few writes.
const maxStacks = 2000

// Stack records who called a Read or Write of the tapped end: see tap.Conn.Callers.
func (c *Connection) Stack(d tap.Direction, at int64, n int, calls []uintptr) {
	c.stack(c.side, d, at, n, calls)
}

// PeerStack is Stack for the other end, if that end is in this program and has a tap of
// its own.
func (c *Connection) PeerStack(d tap.Direction, at int64, n int, calls []uintptr) {
	c.stack(c.side.Peer(), d, at, n, calls)
}

func (c *Connection) stack(side wire.Role, d tap.Direction, at int64, n int, calls []uintptr) {
	if d == tap.In {
		c.addStack(side.Peer().String(), &Stack{Op: StackRead, At: at, Size: n}, calls)
	} else {
		c.addStack(side.String(), &Stack{Op: StackWrite, At: at, Size: n}, calls)
	}
}

// Respond records that the handler gives net/http a response with this status. net/http
// sends its bytes later. A method of the ResponseWriter must call Respond.
func (c *Connection) Respond(status int) {
	c.ownStack(&Stack{Op: StackRespond, Status: status})
}

// Panicked records the calls that led to a panic. The deferred function that recovers must
// call it.
func (c *Connection) Panicked() { c.ownStack(&Stack{Op: StackPanic}) }

// ownStack records the stack of the caller's caller.
func (c *Connection) ownStack(s *Stack) {
	if c == nil {
		return
	}
	var calls [64]uintptr
	n := runtime.Callers(4, calls[:]) // begin with the caller of the caller of Respond or Panicked
	c.addStack(c.side.String(), s, calls[:n])
}

func (c *Connection) addStack(from string, s *Stack, calls []uintptr) {
	at := c.r.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stacked {
		return
	}
	count := &c.stacks[0]
	if s.Op != StackRead {
		count = &c.stacks[1]
	}
	if *count >= maxStacks {
		c.skipped++
		return
	}
	*count++
	if !slices.Equal(c.calls, calls) { // bytes of one loop have equal stacks
		c.calls = slices.Clone(calls)
	}
	s.pcs = c.calls
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.append(at, c.ID, from, s)
	if *count == maxStacks {
		c.r.append(at, c.ID, c.side.String(), &Stack{Op: StackFull})
	}
}

// Stacks sets whether stacks are recorded. When it ends, the recording says how many
// stacks were left out, if any.
func (c *Connection) Stacks(on bool) {
	at := c.r.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.stacked == on {
		return
	}
	if c.skipped > 0 {
		c.r.append(at, c.ID, c.side.String(), &Stack{Op: StackFull, Skipped: c.skipped})
	}
	c.stacked, c.stacks, c.skipped = on, [2]int{}, 0
}

// List returns the calls of s, innermost first.
func (s *Stack) List() []StackCall {
	if s.Calls != nil {
		return s.Calls
	}
	calls := []StackCall{}
	if len(s.pcs) == 0 {
		return calls
	}
	frames := runtime.CallersFrames(s.pcs) // inlined calls included
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		pkg, name := symbol(f.Function)
		if pkg == "runtime" && len(calls) == 0 {
			continue // runtime.gopanic
		}
		if pkg == "" || above(pkg, name) {
			break
		}
		calls = append(calls, StackCall{Func: name, Package: pkg, File: path.Base(f.File), Line: f.Line})
	}
	calls = calls[below(calls):]
	for i := range calls {
		calls[i].Depth = len(calls) - 1 - i
	}
	return calls
}

// symbol cuts the name of a function into its package and the rest.
func symbol(function string) (pkg, name string) {
	dot := strings.Index(function[strings.LastIndex(function, "/")+1:], ".")
	if dot < 0 {
		return "", function
	}
	dot += strings.LastIndex(function, "/") + 1
	pkg, name = function[:dot], function[dot+1:]
	if at := strings.LastIndex(name, ".(*"); at > 0 {
		name = name[at+1:] // a function literal in a method that is inlined into another function
	}
	if plain, err := url.PathUnescape(pkg); err == nil { // a dot in the last element is written %2e
		pkg = plain
	}
	return pkg, name
}

// The packages of the lab's own code that calls an endpoint, and of the endpoints.
const endpoints = "wslab/compare/endpoint"

var callers = []string{"wslab/labserver/", "wslab/compare/scenario", "wslab/compare/runner", "wslab/compare/suite", "runtime", "testing"}

// above reports whether a call is above the endpoint's handler: it belongs to the lab, to
// the router of net/http, or to the runtime.
func above(pkg, name string) bool {
	switch {
	case pkg == "net/http":
		return name == "HandlerFunc.ServeHTTP" || name == "serverHandler.ServeHTTP"
	case pkg == endpoints: // adapters between the lab and the handler of a library
		return strings.HasPrefix(name, "performance.serve") || strings.HasPrefix(name, "Endpoint.")
	}
	return slices.ContainsFunc(callers, func(c string) bool { return strings.HasPrefix(pkg, c) })
}

// below returns how many of the innermost calls are below the caller of net.Conn: methods
// of the tap, and of connections that an endpoint wraps around it.
func below(calls []StackCall) int {
	n := 0
	for n < len(calls) && calls[n].Package == endpoints {
		n++
	}
	if n == len(calls) {
		return 0 // the endpoint's code itself is the caller
	}
	return n
}

// MarshalJSON returns s with its calls.
func (s *Stack) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Op      StackOp     `json:"op"`
		At      int64       `json:"at"`
		Size    int         `json:"size"`
		Status  int         `json:"status,omitempty"`
		Skipped int         `json:"skipped,omitempty"`
		Calls   []StackCall `json:"calls"`
	}{s.Op, s.At, s.Size, s.Status, s.Skipped, s.List()})
}

// stack writes a Stack as a line, and its calls below it.
func (t *textWriter) stack(e Event, s *Stack) {
	if t.opt.Stable {
		return // the line numbers differ from release to release
	}
	switch s.Op {
	case StackFull:
		if s.Skipped == 0 {
			t.line(e, "·", "%d call stacks are recorded; more are only counted", maxStacks)
		} else {
			t.line(e, "·", "%d call stacks were not recorded", s.Skipped)
		}
		return
	case StackPanic:
		t.line(e, "·", "code of the %s panics:", e.From)
	case StackRespond:
		t.line(e, "·", "code of the %s gives net/http a response with status %d:", e.From, s.Status)
	case StackRead:
		t.line(e, "·", "code of the %s reads %s at offset %d:", other(e.From), ByteCount(s.Size), s.At)
	default:
		t.line(e, "·", "code of the %s writes %s at offset %d:", e.From, ByteCount(s.Size), s.At)
	}
	for _, c := range s.List() {
		t.detail("  %s %s:%d (%s)", c.Func, c.File, c.Line, c.Package)
	}
}
