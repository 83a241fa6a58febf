package recording

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"sync"
	"unicode/utf8"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// HTTP is a part of an exchange of plain HTTP. Each byte of an exchange is in one part.
type HTTP struct {
	dissect.Part
	Exchange int    // 1, 2, 3, … over all connections of the Recording
	Way      string // what the request is for (see Begin)
	Run      int
	Total    *HTTPTotal // with the end
}

// HTTPTotal counts an exchange.
type HTTPTotal struct {
	Up     int `json:"up"`     // bytes of the client
	Down   int `json:"down"`   // bytes of the server
	Pieces int `json:"pieces"` // of the body of the response
}

// Framing returns how many bytes of h are not data of a body.
func (h *HTTP) Framing() int { return h.Size - h.DataSize }

// MarshalJSON writes h with its header fields, and its bytes as far as kept.
func (h *HTTP) MarshalJSON() ([]byte, error) {
	v := struct {
		What     dissect.PartKind `json:"what"`
		Exchange int              `json:"exchange"`
		Way      string           `json:"way"`
		Run      int              `json:"run,omitempty"`
		Line     string           `json:"line,omitempty"`
		Method   string           `json:"method,omitempty"`
		Status   int              `json:"status,omitempty"`
		Fields   []httpField      `json:"fields,omitempty"`
		Size     int              `json:"size"`
		Hex      string           `json:"hex"`
		Data     int              `json:"data,omitempty"`
		Text     string           `json:"text,omitempty"`
		Cut      bool             `json:"cut,omitempty"`
		Total    *HTTPTotal       `json:"total,omitempty"`
	}{
		What: h.What, Exchange: h.Exchange, Way: h.Way, Run: h.Run, Line: h.Line, Method: h.Head.Method, Status: h.Head.Status,
		Size: h.Size, Hex: hex.EncodeToString(h.Bytes), Data: h.DataSize, Cut: h.Cut, Total: h.Total,
	}
	for _, l := range h.Lines {
		v.Fields = append(v.Fields, httpField{l.Name, l.Value, l.Offset, l.Size, l.Meaning})
	}
	if utf8.Valid(h.Data) {
		v.Text = string(h.Data)
	}
	return json.Marshal(v)
}

type httpField struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Offset  int    `json:"offset"`
	Size    int    `json:"size"`
	Meaning string `json:"meaning,omitempty"`
}

// Exchanges records the exchanges of plain HTTP on one TCP connection, but only those for
// which the caller calls Begin. It is a tap.Visitor.
type Exchanges struct {
	plain *Plain

	mu       sync.Mutex
	exchange dissect.Exchange
	current  HTTP // Exchange, Way and Run of the parts; Exchange is 0 between exchanges
	total    HTTPTotal
	seen     func(*HTTP)
	left     bool // the client has ended TCP
}

// ConnectHTTP begins to record exchanges on a TCP connection. The caller must call Begin
// before the first.
func (r *Recording) ConnectHTTP(info Info) *Exchanges {
	return &Exchanges{plain: r.ConnectPlain(info)}
}

// ID returns the number of the connection.
func (e *Exchanges) ID() int { return e.plain.ID }

// Begin begins the next exchange. way and run say what it is for. seen, if not nil, is
// called with each part, and must not block.
func (e *Exchanges) Begin(way string, run int, seen func(*HTTP)) {
	r := e.plain.r
	r.mu.Lock()
	r.exchanges++
	n := r.exchanges
	r.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current.Exchange != 0 {
		e.add(e.exchange.End(wire.Client))
	}
	e.exchange, e.total, e.seen = dissect.Exchange{}, HTTPTotal{}, seen
	e.current = HTTP{Exchange: n, Way: way, Run: run}
}

// Bytes implements tap.Visitor.
func (e *Exchanges) Bytes(d tap.Direction, b []byte) (n int, over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	parts, n := e.exchange.Bytes(sender(d), b)
	e.add(parts)
	return n, e.exchange.Over()
}

// add records parts. e.mu is held.
func (e *Exchanges) add(parts []dissect.Part) {
	for _, part := range parts {
		h := e.current
		h.Part = part
		h.Bytes, h.Data = bytes.Clone(part.Bytes), bytes.Clone(part.Data)
		if part.From == wire.Client {
			e.total.Up += part.Size
		} else {
			e.total.Down += part.Size
		}
		switch part.What {
		case dissect.PartBody:
			if part.From == wire.Server {
				e.total.Pieces++
			}
		case dissect.PartEnd:
			total := e.total
			h.Total = &total
		}
		e.plain.add(part.From, &h)
		if e.seen != nil {
			e.seen(&h)
		}
		if part.What == dissect.PartEnd {
			e.current = HTTP{}
		}
	}
}

// Fin implements tap.Visitor.
func (e *Exchanges) Fin(d tap.Direction) {
	e.leaves()
	e.plain.Fin(d)
}

// Failed implements tap.Visitor.
func (e *Exchanges) Failed(d tap.Direction, err error) {
	e.leaves()
	e.plain.Failed(d, err)
}

func (e *Exchanges) leaves() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = true
}

// Closed implements tap.Visitor. An exchange in progress ends.
func (e *Exchanges) Closed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current.Exchange != 0 {
		by := wire.Server
		if e.left {
			by = wire.Client
		}
		e.add(e.exchange.End(by))
	}
	e.plain.Closed()
}
