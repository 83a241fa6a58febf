package dissect

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"wslab/reference/wire"
)

// Exchange decodes one exchange of plain HTTP/1.1: a request and its response (RFC 9112).
// The zero value is ready. One goroutine at a time may call it.
//
// Each byte of the exchange is in one Part. An Exchange knows where the request and the
// response end, so it does not need to know what the server's code does.
type Exchange struct {
	halves   [2]half
	method   string // of the request
	endBytes []byte // of the last chunk of the response, with its trailer
	endSize  int
	over     bool
	parts    []Part
}

// PartKind says which part of an exchange a Part is.
type PartKind string

// The parts of an exchange.
const (
	PartRequest  PartKind = "request"  // start line and header fields of the request
	PartResponse PartKind = "response" // start line and header fields of the response
	PartBody     PartKind = "body"     // one chunk, or the bytes of one read or write
	PartEnd      PartKind = "end"      // the last chunk of the response, or no bytes
)

// Part is a part of an exchange.
type Part struct {
	What  PartKind
	From  wire.Role
	Size  int    // bytes on the wire
	Bytes []byte // the first KeepPayload of them

	// Of a request or response.
	Line  string // start line, without CR LF
	Head  wire.Head
	Lines []HeaderLine

	// Of a body: the data without the framing of chunks.
	Data     []byte // the first KeepPayload bytes
	DataSize int

	Cut bool // TCP ended before the part was complete; with PartEnd, before the exchange was complete
}

// MaxHTTPHead limits how many bytes of start line and header fields an Exchange reads.
// Bytes after them count as a body.
const MaxHTTPHead = 64 << 10

// framing says how to read the next bytes of a half.
type framing uint8

const (
	inHead     framing = iota
	inLength           // a body with Content-Length
	inChunk            // a chunk: its size line, data and CR LF
	inTrailer          // the lines after the last chunk
	untilClose         // a body that ends with TCP
	complete
)

// half is the state of one sender's bytes.
type half struct {
	framing framing
	partial []byte // a head, a size line or a line of the trailer that is not complete
	left    uint64 // bytes of the body or of the chunk that have not arrived, CR LF included
	chunk   Part   // the chunk that is not complete
}

// Bytes decodes the next bytes that from sent. It returns the parts that they completed,
// and how many of the bytes belong to the exchange. The parts are valid until the next
// call, their bytes until b changes.
func (x *Exchange) Bytes(from wire.Role, b []byte) (parts []Part, n int) {
	x.parts = x.parts[:0]
	h := &x.halves[from]
	for n < len(b) && h.framing != complete {
		n += x.read(h, from, b[n:])
	}
	x.finish(false)
	return x.parts, n
}

// Over reports whether the exchange is complete.
func (x *Exchange) Over() bool { return x.over }

// End says that from has ended TCP. It returns the parts that are not complete. A body
// that ends with TCP is complete if the server has ended TCP.
func (x *Exchange) End(from wire.Role) []Part {
	x.parts = x.parts[:0]
	if x.over {
		return nil
	}
	for role := range x.halves {
		h := &x.halves[role]
		from := wire.Role(role)
		switch {
		case h.framing == inHead && len(h.partial) > 0:
			p := x.head(from, h.partial)
			p.Cut = true
			x.parts = append(x.parts, p)
		case h.framing == inChunk && h.chunk.Size > 0:
			h.chunk.Cut = true
			x.parts = append(x.parts, h.chunk)
		case h.framing == inTrailer:
			x.last(from, h.partial)
		}
		h.partial, h.chunk = nil, Part{}
	}
	if server := &x.halves[wire.Server]; server.framing == untilClose && from == wire.Server {
		server.framing = complete
	}
	x.finish(true)
	return x.parts
}

// finish appends the end of the exchange if both halves are complete, or if TCP has ended.
func (x *Exchange) finish(ended bool) {
	whole := x.halves[wire.Client].framing == complete && x.halves[wire.Server].framing == complete
	if x.over || !whole && !ended {
		return
	}
	x.over = true
	x.parts = append(x.parts, Part{What: PartEnd, From: wire.Server, Size: x.endSize, Bytes: x.endBytes, Cut: !whole})
}

// read reads bytes of h from b and returns their number.
func (x *Exchange) read(h *half, from wire.Role, b []byte) int {
	switch h.framing {
	case inHead:
		return x.readHead(h, from, b)
	case inLength:
		n := int(min(h.left, uint64(len(b))))
		x.parts = append(x.parts, body(from, b[:n], b[:n]))
		if h.left -= uint64(n); h.left == 0 {
			h.framing = complete
		}
		return n
	case inChunk:
		return x.readChunk(h, from, b)
	case inTrailer:
		return x.readTrailer(h, from, b)
	}
	x.parts = append(x.parts, body(from, b, b))
	return len(b)
}

// body returns a part of a body with the bytes b, which carry data.
func body(from wire.Role, b, data []byte) Part {
	return Part{What: PartBody, From: from, Size: len(b), Bytes: first(b), Data: first(data), DataSize: len(data)}
}

func first(b []byte) []byte { return b[:min(len(b), KeepPayload)] }

// readHead reads the start line and the header fields.
func (x *Exchange) readHead(h *half, from wire.Role, b []byte) int {
	before := len(h.partial)
	h.partial = append(h.partial, b[:min(len(b), MaxHTTPHead-before)]...)
	size := headSize(h.partial, max(0, before-2))
	if size == 0 {
		if len(h.partial) < MaxHTTPHead {
			return len(b)
		}
		p := x.head(from, h.partial)
		p.Cut = true
		x.parts = append(x.parts, p)
		h.partial, h.framing = nil, untilClose
		return MaxHTTPHead - before
	}
	p := x.head(from, h.partial[:size:size])
	x.parts = append(x.parts, p)
	h.partial = nil
	h.framing, h.left = x.bodyOf(p)
	return size - before
}

// head returns the part with the start line and the header fields in b.
func (x *Exchange) head(from wire.Role, b []byte) Part {
	h := Handshake{From: from}
	h.readHead(b)
	for i := range h.Lines {
		h.Lines[i].Meaning, h.Lines[i].Section = plainMeanings[strings.ToLower(h.Lines[i].Name)], ""
	}
	p := Part{What: PartRequest, From: from, Size: len(b), Bytes: first(b), Line: h.Line, Head: h.Head, Lines: h.Lines}
	if from == wire.Server {
		p.What = PartResponse
	} else {
		x.method = h.Head.Method
	}
	return p
}

// bodyOf returns how the bytes after p are framed (RFC 9112 §6.3), and the length if p
// states one.
func (x *Exchange) bodyOf(p Part) (framing, uint64) {
	response := p.From == wire.Server
	status := p.Head.Status
	switch {
	case response && status/100 == 1 && status != 101:
		return inHead, 0 // the final response follows
	case response && (status == 101 || status == 204 || status == 304 || x.method == "HEAD"):
		return complete, 0
	}
	if codings := p.Head.Tokens("Transfer-Encoding"); len(codings) > 0 {
		if strings.EqualFold(codings[len(codings)-1], "chunked") {
			return inChunk, 0
		}
		return untilClose, 0
	}
	lengths := p.Head.Tokens("Content-Length")
	if len(lengths) == 0 {
		if response {
			return untilClose, 0
		}
		return complete, 0
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	for _, other := range lengths[1:] {
		if other != lengths[0] {
			return untilClose, 0
		}
	}
	switch {
	case err != nil:
		return untilClose, 0
	case n == 0:
		return complete, 0
	}
	return inLength, n
}

const (
	maxChunkLine = 4096     // limits the size line of a chunk, with its extensions
	maxTrailer   = 16 << 10 // limits the lines after the last chunk
)

// readChunk reads bytes of a chunk (RFC 9112 §7.1).
func (x *Exchange) readChunk(h *half, from wire.Role, b []byte) int {
	if h.left == 0 { // the size line
		before := len(h.partial)
		end := bytes.IndexByte(b, '\n') + 1
		h.partial = append(h.partial, b[:min(cmp.Or(end, len(b)), maxChunkLine-before)]...)
		n := len(h.partial) - before
		whole := h.partial[len(h.partial)-1] == '\n'
		if !whole && len(h.partial) < maxChunkLine {
			h.chunk = body(from, h.partial, nil)
			return n
		}
		line := h.partial
		h.partial = nil
		digits, _, _ := strings.Cut(strings.TrimSpace(string(line)), ";")
		size, err := strconv.ParseUint(strings.TrimRight(digits, " \t"), 16, 62)
		switch {
		case !whole || err != nil:
			x.parts = append(x.parts, body(from, line, nil))
			h.framing, h.chunk = untilClose, Part{}
		case size == 0:
			h.framing, h.partial, h.chunk = inTrailer, line, Part{}
		default:
			h.chunk = body(from, line, nil)
			h.left = size + 2
		}
		return n
	}
	n := int(min(h.left, uint64(len(b))))
	data := b[:min(n, int(max(h.left, 2)-2))]
	c := &h.chunk
	c.Size += n
	c.Bytes = append(c.Bytes[:len(c.Bytes):len(c.Bytes)], b[:min(n, KeepPayload-len(c.Bytes))]...)
	c.DataSize += len(data)
	c.Data = append(c.Data[:len(c.Data):len(c.Data)], data[:min(len(data), KeepPayload-len(c.Data))]...)
	if h.left -= uint64(n); h.left == 0 {
		x.parts = append(x.parts, *c)
		*c = Part{}
	}
	return n
}

// readTrailer reads the lines after the last chunk (RFC 9112 §7.1.2). partial begins with
// the size line of that chunk.
func (x *Exchange) readTrailer(h *half, from wire.Role, b []byte) int {
	before := len(h.partial)
	h.partial = append(h.partial, b[:min(len(b), maxTrailer-before)]...)
	size := headSize(h.partial, max(0, before-2))
	if size == 0 && len(h.partial) < maxTrailer {
		return len(h.partial) - before
	}
	size = cmp.Or(size, len(h.partial))
	end := h.partial[:size]
	h.partial, h.framing = nil, complete
	x.last(from, end)
	return size - before
}

// last adds the last chunk of from. That of the response belongs to the end of the
// exchange.
func (x *Exchange) last(from wire.Role, b []byte) {
	if from == wire.Server {
		x.endBytes, x.endSize = first(b), len(b)
	} else {
		x.parts = append(x.parts, body(from, b, nil))
	}
}

// plainMeanings says what each header field of plain HTTP is for, by its name in lower
// case.
var plainMeanings = map[string]string{
	"host":              "The server that the client wants to reach.",
	"connection":        "Whether the TCP connection stays open after the response.",
	"accept":            "The kinds of content that the client can use. An EventSource asks for text/event-stream.",
	"accept-encoding":   "The compressions that the client can undo.",
	"accept-language":   "The languages that the user prefers.",
	"cache-control":     "Whether a cache may answer, or may store the response.",
	"pragma":            "The older form of Cache-Control.",
	"content-length":    "The number of bytes of the body. They begin after the empty line.",
	"content-type":      "The kind of content in the body.",
	"transfer-encoding": "How the body is framed. Chunked means that each piece begins with its size, so the server can send pieces when it has them.",
	"date":              "When the server made the response.",
	"cookie":            "What the server asked this browser to send with each request.",
	"last-event-id":     "The last event that this browser received. The server continues after it.",
	"origin":            "The origin of the page whose script makes the request.",
	"referer":           "The page that makes the request.",
	"user-agent":        "The program that sends the request.",
	"dnt":               "The user does not want to be tracked.",
	"sec-gpc":           "The user does not want personal data to be sold or shared.",
	"priority":          "How urgent the response is for the browser.",
	"sec-fetch-site":    "Whether the request comes from a page of the same site. Only the browser can set it.",
	"sec-fetch-mode":    "How the page makes the request. Only the browser can set it.",
	"sec-fetch-dest":    "What the response is for. Only the browser can set it.",
	"sec-ch-ua":         "The brand and version of the browser.",
	"sec-ch-ua-mobile":  "Whether the browser is on a mobile device.",

	"sec-ch-ua-platform":     "The operating system of the browser.",
	"x-content-type-options": "The browser must not guess another kind of content.",
}
