package scenario

import (
	"fmt"
	"strings"

	"wslab/reference/wire"
)

// Opening is the client's handshake request. The raw client writes it unchanged.
type Opening struct {
	Method string
	Proto  string
	Fields []wire.Field // Host is added as the first field, unless it is in Fields or was removed
	noHost bool

	// Cut, if not 0, is the number of bytes in the first of two TCP writes of the request.
	Cut int
	// Then has bytes that leave in the same write as the end of the request.
	Then []byte
}

// DefaultOpening returns a request that RFC 6455 §4.1 allows.
func DefaultOpening() Opening {
	return Opening{Method: "GET", Proto: "HTTP/1.1", Fields: []wire.Field{
		{Name: "Upgrade", Value: "websocket"},
		{Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: SampleKey},
		{Name: "Sec-WebSocket-Version", Value: "13"},
	}}
}

// Set gives the header field called name another value, or adds it.
func (o *Opening) Set(name, value string) {
	o.Fields = append([]wire.Field(nil), o.Fields...)
	for i, f := range o.Fields {
		if strings.EqualFold(f.Name, name) {
			o.Fields[i] = wire.Field{Name: name, Value: value}
			return
		}
	}
	o.Fields = append(o.Fields, wire.Field{Name: name, Value: value})
}

// Remove removes all header fields called name, and reports whether there were any.
func (o *Opening) Remove(name string) bool {
	if strings.EqualFold(name, "Host") {
		o.noHost = true
		return true
	}
	var kept []wire.Field
	for _, f := range o.Fields {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	found := len(kept) < len(o.Fields)
	o.Fields = kept
	return found
}

// Request returns the request for target on host, as it is sent.
func (o Opening) Request(target, host string) []byte {
	b := fmt.Appendf(nil, "%s %s %s\r\n", o.Method, target, o.Proto)
	if !o.noHost && len((wire.Head{Fields: o.Fields}).Values("Host")) == 0 {
		b = fmt.Appendf(b, "Host: %s\r\n", host)
	}
	for _, f := range o.Fields {
		b = fmt.Appendf(b, "%s: %s\r\n", f.Name, f.Value)
	}
	b = append(b, "\r\n"...)
	return append(b, o.Then...)
}
