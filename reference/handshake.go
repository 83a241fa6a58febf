package reference

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wslab/reference/uri"
	"wslab/reference/wire"
)

// maxHead is the maximum size of the HTTP head of a handshake in bytes.
const maxHead = 16 << 10

// upgrade is a field of the request and of the refusal 426.
var upgrade = [...]wire.Field{{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"}}

// An Agreement is what an opening handshake settled.
type Agreement struct {
	Head        wire.Head // the peer's: the request for a server, the response for a client
	Subprotocol string    // "" for none
	Codec       Codec     // nil without an extension
}

// Answer is the server's half of the opening handshake without a network (RFC 6455
// §4.2.2). It judges a client's request, a head with its empty line, by the fields of
// s, and returns what to send: the response that accepts or refuses the request. If it
// refuses, the error is a *HandshakeError. A Machine goes on from the Agreement. Bytes
// after the head are for that Machine.
func (s *Server) Answer(request []byte) (response []byte, agreed Agreement, err error) {
	response, agreed, refused := s.answerFrom(bufio.NewReader(bytes.NewReader(request)))
	if refused != nil {
		err = refused
	}
	return response, agreed, err
}

// answerFrom is Answer for a request that it reads from r. If the request does not end,
// there is no response.
func (s *Server) answerFrom(r *bufio.Reader) (response []byte, agreed Agreement, refused *HandshakeError) {
	agreed.Head, refused = readRequest(r)
	if refused == nil {
		response, agreed, refused = s.answer(agreed.Head)
	}
	if refused != nil && refused.Status != 0 {
		response = refused.response()
	}
	return response, agreed, refused
}

// answer judges a client's request and writes the response that accepts it (RFC 6455
// §4.2.2). Of the subprotocols that both ends know, the one that comes first in
// s.Subprotocols is chosen. Refused says why the request must not be accepted.
func (s *Server) answer(request wire.Head) (response []byte, agreed Agreement, refused *HandshakeError) {
	agreed.Head = request
	if major, _, ok := http.ParseHTTPVersion(request.Proto); ok && major != 1 { // RFC 9110 §15.6.6
		return nil, agreed, &HandshakeError{Status: http.StatusHTTPVersionNotSupported, Head: request,
			Err: fmt.Errorf("the request uses %s, but this server only supports WebSocket over HTTP/1.1", request.Proto)}
	}
	//lesson:begin upgrade-checks
	violations := wire.CheckRequest(request)
	origins, authority := request.Values("Origin"), request.Authority()
	switch {
	case s.CheckOrigin != nil && !s.CheckOrigin(request):
		violations = append(violations, broken(wire.RuleOrigin, "CheckOrigin refuses the Origin %q.", strings.Join(origins, ", ")))
	case s.CheckOrigin == nil && !uri.SameOrigin(origins, authority):
		violations = append(violations, broken(wire.RuleOrigin, "The Origin is %q, but the server is %q.", strings.Join(origins, ", "), authority))
	}
	if violations != nil {
		return nil, agreed, &HandshakeError{Status: violations[0].Status, Head: request, Violations: violations}
	}
	//lesson:end

	var fields []wire.Field
	//lesson:begin upgrade-response
	offered := request.Tokens("Sec-WebSocket-Protocol")
	if i := slices.IndexFunc(s.Subprotocols, func(p string) bool { return slices.Contains(offered, p) }); i >= 0 {
		agreed.Subprotocol = s.Subprotocols[i]
		fields = append(fields, wire.Field{Name: "Sec-WebSocket-Protocol", Value: agreed.Subprotocol})
	}
	if s.Options.Extension != nil {
		var item string
		if item, agreed.Codec = s.Options.Extension.Accept(request); agreed.Codec != nil {
			fields = append(fields, wire.Field{Name: "Sec-WebSocket-Extensions", Value: item})
		}
	}
	if s.ResponseHeader != nil {
		more, err := extraFields(s.ResponseHeader(request))
		if err != nil {
			return nil, agreed, &HandshakeError{Status: http.StatusInternalServerError, Head: request, Err: err}
		}
		fields = append(fields, more...)
	}
	response = wire.AppendSwitchingProtocols(nil, request.Key(), fields...)
	//lesson:end
	return response, agreed, nil
}

// refusal returns the header fields and the body of the response that refuses a
// handshake: the fields that its status needs (RFC 9110 §15.5.6, §15.5.22; RFC 6455
// §4.2.2), and every broken rule.
func refusal(e *HandshakeError) (fields []wire.Field, body string) {
	switch e.Status {
	case http.StatusMethodNotAllowed:
		fields = []wire.Field{{Name: "Allow", Value: "GET"}}
	case http.StatusUpgradeRequired:
		fields = append(upgrade[:], wire.Field{Name: "Sec-WebSocket-Version", Value: "13"})
	}
	fields = append(fields,
		wire.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		wire.Field{Name: "X-Content-Type-Options", Value: "nosniff"}) // the text quotes bytes from the client

	body = "This is a WebSocket endpoint, and the request does not open a connection:\n\n"
	if e.Err != nil {
		body += "- " + e.Err.Error() + "\n"
	}
	if len(e.Violations) > 0 {
		body += "- " + sentences(e.Violations, "\n- ") + "\n"
	}
	return fields, body
}

// response returns the whole response that refuses a handshake as e says. The server
// closes the connection after it.
func (e *HandshakeError) response() []byte {
	fields, body := refusal(e)
	if e.Status != http.StatusUpgradeRequired {
		fields = append(fields, wire.Field{Name: "Connection", Value: "close"})
	}
	fields = append(fields, wire.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	head := wire.AppendHead(nil, fmt.Sprintf("HTTP/1.1 %d %s", e.Status, http.StatusText(e.Status)), fields...)
	return append(head, body...)
}

// Request is the first part of the client's half of the opening handshake without a
// network (RFC 6455 §4.1): it returns the request for a URL with the scheme ws or wss.
func (o *DialOptions) Request(rawURL string) ([]byte, error) {
	u, err := uri.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	request, err := o.request(u)
	return appendRequest(request), err
}

// Agree is the second part of the client's half: it judges the server's response to
// request, which Request returned. The error is a *HandshakeError. A Machine goes on from
// the Agreement. Bytes after the head are for that Machine.
func (o *DialOptions) Agree(request, response []byte) (agreed Agreement, err error) {
	asked, refused := readRequest(bufio.NewReader(bytes.NewReader(request)))
	if refused != nil {
		return agreed, refused
	}
	agreed, _, err = o.agree(asked, bufio.NewReader(bytes.NewReader(response)))
	return agreed, err
}

// request returns a client's handshake (RFC 6455 §4.1).
func (o *DialOptions) request(u uri.URL) (wire.Head, error) {
	var key [wire.KeySize]byte
	_, _ = rand.Read(key[:]) // crypto/rand never fails
	if o.Key != nil {
		key = o.Key()
	}
	request := wire.Head{Method: "GET", Target: u.Target, Proto: "HTTP/1.1", Fields: []wire.Field{
		{Name: "Host", Value: u.Host}, upgrade[0], upgrade[1],
		{Name: "Sec-WebSocket-Key", Value: base64.StdEncoding.EncodeToString(key[:])},
		{Name: "Sec-WebSocket-Version", Value: "13"},
	}}
	for i, s := range o.Subprotocols {
		if !wire.IsToken(s) || slices.Contains(o.Subprotocols[:i], s) {
			return request, fmt.Errorf("the subprotocol %q is offered twice or is not a token", s)
		}
	}
	if len(o.Subprotocols) > 0 {
		request.Fields = append(request.Fields, wire.Field{Name: "Sec-WebSocket-Protocol", Value: strings.Join(o.Subprotocols, ", ")})
	}
	if o.Options.Extension != nil {
		request.Fields = append(request.Fields, wire.Field{Name: "Sec-WebSocket-Extensions", Value: o.Options.Extension.Offer()})
	}
	more, err := extraFields(o.Header)
	request.Fields = append(request.Fields, more...)
	return request, err
}

// appendRequest returns a request as it is sent.
func appendRequest(h wire.Head) []byte {
	return wire.AppendHead(nil, h.Method+" "+h.Target+" "+h.Proto, h.Fields...)
}

// agree checks the response to request that it reads from r. head has the bytes read.
func (o *DialOptions) agree(request wire.Head, r *bufio.Reader) (agreed Agreement, head []byte, err error) {
	head, response, err := readAnswer(r)
	var violations []wire.Violation
	if err == nil {
		violations = wire.CheckResponse(request, response)
	}
	if err == nil && violations == nil && o.Options.Extension != nil {
		agreed.Codec, violations = o.Options.Extension.Agree(request, response)
	}
	if err != nil || violations != nil {
		return agreed, head, &HandshakeError{Status: response.Status, Violations: violations, Head: response, Err: err}
	}
	agreed.Head, agreed.Subprotocol = response, strings.Join(response.Values("Sec-WebSocket-Protocol"), "")
	return agreed, head, nil
}

// ownFields are the fields that the handshake writes, or must not have: the body of a
// GET would hide frames.
var ownFields = []string{"host", "upgrade", "connection", "content-length", "transfer-encoding"}

// extraFields returns the header fields that a caller adds to a handshake. A field that
// would end its line, or that the handshake itself writes, is an error.
func extraFields(extra http.Header) ([]wire.Field, error) {
	fields := sortedFields(extra)
	for _, f := range fields {
		switch {
		case !wire.IsToken(f.Name) || !isFieldValue(f.Value):
			return nil, fmt.Errorf("%q: %q is not a header field", f.Name, f.Value)
		case strings.HasPrefix(strings.ToLower(f.Name), "sec-websocket-") || slices.Contains(ownFields, strings.ToLower(f.Name)):
			return nil, fmt.Errorf("the handshake sets %s itself", f.Name)
		}
	}
	return fields, nil
}

// sortedFields returns h as fields ordered by name. A map has no order, but handshakes
// are easier to compare in a fixed order.
func sortedFields(h http.Header) []wire.Field {
	var fields []wire.Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fields = append(fields, wire.Field{Name: name, Value: value})
		}
	}
	return fields
}

var errLongHead = fmt.Errorf("the HTTP head of the handshake exceeds %d bytes", maxHead)

// readHead reads an HTTP head from r, up to and including its empty line. Lines may end
// in LF alone (RFC 9112 §2.2); in the result, all do. The result includes an empty line
// before the head.
func readHead(r *bufio.Reader) (head []byte, err error) {
	for len(head) <= maxHead {
		line, cut, err := r.ReadLine() // cut: the line is longer than r's buffer
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return head, err
		}
		head = append(head, line...)
		if !cut {
			head = append(head, '\n')
		}
		if bytes.HasSuffix(head, []byte("\n\n")) {
			return head, nil
		}
	}
	return head, errLongHead
}

// readRequest reads the head of a client's handshake. The error has the status of the
// refusal, or 0 if the head did not end.
func readRequest(r *bufio.Reader) (request wire.Head, refused *HandshakeError) {
	head, err := readHead(r)
	switch {
	case errors.Is(err, errLongHead):
		return request, &HandshakeError{Status: http.StatusRequestHeaderFieldsTooLarge, Err: err}
	case err != nil:
		return request, &HandshakeError{Err: fmt.Errorf("read the request: %w", err)}
	}
	if request, err = parseRequest(head); err != nil {
		return request, &HandshakeError{Status: http.StatusBadRequest, Head: request, Err: err}
	}
	return request, nil
}

// parseRequest parses the head of a client's handshake, as readHead returned it.
// CheckRequest judges the result. One empty line in front is ignored (RFC 9112 §2.2).
func parseRequest(head []byte) (wire.Head, error) {
	line, fields, _ := strings.Cut(strings.TrimPrefix(string(head), "\n"), "\n")
	parts := strings.Split(line, " ")
	if len(parts) != 3 || !wire.IsToken(parts[0]) || !strings.HasPrefix(parts[2], "HTTP/") || !isFieldValue(parts[2]) {
		return wire.Head{}, fmt.Errorf("the request does not begin with a method, a target and HTTP/1.1: %.60q", line)
	}
	list, err := parseFields(fields)
	return wire.Head{Method: parts[0], Target: parts[1], Proto: parts[2], Fields: list}, err
}

// parseResponse parses the head of a server's handshake, as readHead returned it.
func parseResponse(head []byte) (wire.Head, error) {
	line, fields, _ := strings.Cut(string(head), "\n")
	proto, rest, _ := strings.Cut(line, " ")
	digits, _, _ := strings.Cut(rest, " ")
	status, err := strconv.ParseUint(digits, 10, 16)
	major, minor, ok := http.ParseHTTPVersion(proto)
	if !ok || major != 1 || err != nil || len(digits) != 3 {
		return wire.Head{}, fmt.Errorf("the response does not begin with an HTTP/1.1 status line: %.60q", line)
	}
	list, err := parseFields(unfold.Replace(fields))
	if status == http.StatusSwitchingProtocols && minor == 0 {
		err = errors.New("the response uses HTTP/1.0, which cannot change the protocol (RFC 9110 §7.8)")
	}
	return wire.Head{Proto: proto, Status: int(status), Fields: list}, err
}

// unfold joins a header field that continues on the next line, an old form. A client
// must accept it, a server need not (RFC 9112 §5.2).
var unfold = strings.NewReplacer("\n ", " ", "\n\t", " ")

// parseFields parses the lines of a head after its first: on each line one header field,
// with a colon after its name. It refuses a field that continues on the next line (RFC
// 9112 §5.2).
func parseFields(lines string) ([]wire.Field, error) {
	var fields []wire.Field
	for line := range strings.SplitSeq(lines, "\n") {
		if line == "" {
			return fields, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !wire.IsToken(name) || !isFieldValue(value) {
			return fields, fmt.Errorf("the HTTP head has a line that is not a header field: %.60q", line)
		}
		fields = append(fields, wire.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return fields, errors.New("the HTTP head ends before its empty line")
}

// isFieldValue reports whether s can be the value of a header field: it has no control
// character except the tab (RFC 9110 §5.5).
func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F })
}
