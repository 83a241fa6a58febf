package dissect

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// Handshake is one half of the opening handshake as it was on the wire (RFC 6455 §4).
type Handshake struct {
	From       wire.Role
	Line       string // start line, without CR LF
	Head       wire.Head
	Lines      []HeaderLine
	Accept     *Accept // only of a response, if the request had a key
	Body       string  // of a refusal: the first bytes of its text, as far as they arrived with the head
	Violations []wire.Violation

	bytes []byte
}

// HeaderLine is one header field with its position.
type HeaderLine struct {
	wire.Field
	Offset, Size int    // bytes of the line within the handshake, CR LF included
	Meaning      string // what the field is for; empty if WebSocket does not use it
	Section      string // the section of RFC 6455 that Meaning is from
}

// Bytes returns the handshake as on the wire, with its empty line. The slice must not be
// changed.
func (h *Handshake) Bytes() []byte { return h.bytes }

// Accept shows, step by step, how the Sec-WebSocket-Accept is computed (RFC 6455
// §4.2.2).
type Accept struct {
	Key      string `json:"key"`
	GUID     string `json:"guid"`
	Joined   string `json:"joined"`
	SHA1     string `json:"sha1"`
	Expected string `json:"expected"`
	Got      string `json:"got"`
	Mistake  string `json:"mistake"` // the server's mistake, if known; see Mistake

	MistakeCode string `json:"-"` // the code of Mistake
}

// parseHandshake parses as many lines of b as it can. request is the request that a
// response answers, or nil if there was none.
func parseHandshake(b []byte, from wire.Role, request *Handshake) *Handshake {
	h := &Handshake{From: from, bytes: b}
	bare := h.readHead(b)
	if from == wire.Client {
		h.Violations = append(wire.CheckRequest(h.Head), bare...)
		return h
	}
	var asked wire.Head
	if request != nil {
		asked = request.Head
	}
	h.Violations = append(wire.CheckResponse(asked, h.Head), bare...)
	if h.refuses() {
		for i := range h.Lines {
			h.Lines[i].refused()
		}
		if request != nil && len(request.Violations) > 0 {
			h.Violations = nil // RFC 6455 §4.2.1 asks the server to refuse such a request
		}
	}
	if key := asked.Key(); key != "" && h.Head.Status == 101 {
		h.Accept = workAccept(key, strings.Join(h.Head.Values("Sec-WebSocket-Accept"), ", "))
	}
	return h
}

// readHead reads the start line and the header fields in b. It returns the violations of
// lines without a colon.
func (h *Handshake) readHead(b []byte) (bare []wire.Violation) {
	offset := 0
	for i, line := range strings.SplitAfter(string(b), "\n") {
		text := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		switch {
		case i == 0:
			h.Line = text
			h.readStartLine(text)
		case text != "":
			name, value, ok := strings.Cut(text, ":")
			if !ok && wire.IsToken(name) { // otherwise the mistake is in the name, and is reported with the mistakes in other names
				bare = append(bare, wire.RuleHeaderGrammar.Broken("The header line "+strconv.Quote(text)+" has no colon."))
			}
			f := wire.Field{Name: name, Value: strings.Trim(value, " \t")}
			meaning := headerMeanings[strings.ToLower(name)]
			h.Head.Fields = append(h.Head.Fields, f)
			h.Lines = append(h.Lines, HeaderLine{Field: f, Offset: offset, Size: len(line), Meaning: meaning.text, Section: meaning.section})
		}
		offset += len(line)
	}
	return bare
}

// refuses reports whether h refuses the WebSocket.
func (h *Handshake) refuses() bool {
	return h.From == wire.Server && h.Head.Status != 101 && h.Head.Status/100 != 1
}

// refused sets the meaning of l in a refusal, if l has another meaning in an accepted
// handshake.
func (l *HeaderLine) refused() {
	switch strings.ToLower(l.Name) {
	case "connection":
		l.Meaning, l.Section = "Plain HTTP: whether the TCP connection stays open after the response.", "4.2.2"
	case "upgrade":
		l.Meaning, l.Section = "The protocol that the server supports on this URL.", "4.2.2"
	case "sec-websocket-version":
		l.Meaning, l.Section = "The version of the protocol that the server supports.", "4.4"
	}
}

func (h *Handshake) readStartLine(line string) {
	first, rest, _ := strings.Cut(line, " ")
	second, third, _ := strings.Cut(rest, " ")
	if h.From == wire.Client {
		h.Head.Method, h.Head.Target, h.Head.Proto = first, second, third
		return
	}
	h.Head.Proto = first
	h.Head.Status, _ = strconv.Atoi(second)
}

// workAccept computes the accept value for key and compares it with got.
func workAccept(key, got string) *Accept {
	joined := key + wire.GUID
	sum := sha1.Sum([]byte(joined))
	code, words := recognize.Mistake(key, got)
	return &Accept{
		Key: key, GUID: wire.GUID, Joined: joined, SHA1: hex.EncodeToString(sum[:]),
		Expected: wire.Accept(key), Got: got, Mistake: words, MistakeCode: code,
	}
}

// ruleBrokenBy returns the code of the first violation about the header field called
// name.
func (h *Handshake) ruleBrokenBy(name string) string {
	for _, v := range h.Violations {
		if strings.EqualFold(HeaderField(v.Code), name) {
			return v.Code
		}
	}
	return ""
}

// HeaderField returns the header field that the handshake rule called code is about. It
// returns "" if the rule is about no field, or about all.
func HeaderField(code string) string { return violationHeader[code] }

// violationHeader is the table of HeaderField.
var violationHeader = map[string]string{
	wire.RuleBody.Code:    "Content-Length",
	wire.RuleHost.Code:    "Host",
	wire.RuleUpgrade.Code: "Upgrade", wire.RuleRespUpgrade.Code: "Upgrade",
	wire.RuleConnection.Code: "Connection", wire.RuleRespConnection.Code: "Connection",
	wire.RuleKeyRepeated.Code: "Sec-WebSocket-Key", wire.RuleKeyLength.Code: "Sec-WebSocket-Key",
	wire.RuleVersion.Code:       "Sec-WebSocket-Version",
	wire.RuleAcceptMissing.Code: "Sec-WebSocket-Accept", wire.RuleAcceptWrong.Code: "Sec-WebSocket-Accept",
	wire.RuleRespExtension.Code: extensionsField, wire.RuleRespSubprotocol.Code: "Sec-WebSocket-Protocol",
	wire.RuleSubprotocols.Code:     "Sec-WebSocket-Protocol",
	wire.RuleExtensionGrammar.Code: extensionsField,
	wire.RuleDeflateRepeated.Code:  extensionsField, wire.RuleDeflateUnknown.Code: extensionsField, wire.RuleDeflateTwice.Code: extensionsField,
	wire.RuleDeflateServerFlag.Code: extensionsField, wire.RuleDeflateClientFlag.Code: extensionsField,
	wire.RuleDeflateServerBits.Code: extensionsField, wire.RuleDeflateServerMore.Code: extensionsField,
	wire.RuleDeflateClientBits.Code: extensionsField, wire.RuleDeflateClientMore.Code: extensionsField,
}

const extensionsField = "Sec-WebSocket-Extensions"

// headerMeanings says what each field of the handshake is for, by its name in lower
// case.
var headerMeanings = map[string]struct{ section, text string }{
	"host":                     {"4.1", "The server that the client wants to reach. A server with several names uses it to tell them apart."},
	"upgrade":                  {"4.1", "The protocol to change to on this TCP connection."},
	"connection":               {"4.1", "Says that Upgrade is for the next hop only, so a proxy must not forward it."},
	"origin":                   {"10.2", "The origin of the page whose script opens the connection. A server can refuse origins that it does not know."},
	"sec-websocket-key":        {"4.1", "16 random bytes in base64. The response must prove that the server read them, so the client rejects a cached or unrelated response."},
	"sec-websocket-version":    {"4.1", "The version of the protocol. RFC 6455 is 13."},
	"sec-websocket-extensions": {"9.1", "The extensions that the client offers, or those that the server chose."},
	"sec-websocket-protocol":   {"1.9", "The subprotocols that the client offers, or the one that the server chose."},
	"sec-websocket-accept":     {"4.2.2", "Proof that the server read the handshake key: the base64 of the SHA-1 hash of that key and a fixed GUID."},
	"user-agent":               {"4.1", "The program that sends the request. WebSocket does not use it."},
	"cookie":                   {"10.5", "The handshake carries cookies like any HTTP request, so the server can identify the user."},
	"authorization":            {"10.5", "Authentication works in the handshake as in any HTTP request."},
	"cache-control":            {"4.1", "Plain HTTP. WebSocket does not use it."},
	"pragma":                   {"4.1", "Plain HTTP. WebSocket does not use it."},
	"accept-encoding":          {"4.1", "Plain HTTP. It does not affect the compression of WebSocket messages."},
	"accept-language":          {"4.1", "Plain HTTP. WebSocket does not use it."},
}
