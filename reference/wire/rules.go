package wire

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Rule is one requirement of RFC 6455, or of an extension's RFC, whose violation the
// peer can see on the wire.
type Rule struct {
	Code      string    `json:"code"`                // stable name, "5.1/mask-missing": the section and a word
	RFC       int       `json:"rfc,omitempty"`       // 0 for 6455
	Section   string    `json:"section"`             // section of the RFC, "5.1"
	CloseCode CloseCode `json:"closeCode,omitempty"` // code to fail the connection with; 0 before it is open
	Status    int       `json:"status,omitempty"`    // HTTP status that refuses the handshake; 0 elsewhere
	Sentence  string    `json:"sentence"`            // what is required, in our words
}

// The rules of the frame and of the message (RFC 6455 §5, §7, §8). The receiver chooses
// the maximum size of a message (§10.4).
var (
	RuleRSV1            = frameRule("5.2/rsv1", ProtocolError, "RSV1 must be 0 unless an extension that gives it a meaning was negotiated.")
	RuleRSV2            = frameRule("5.2/rsv2", ProtocolError, "RSV2 must be 0 unless an extension that gives it a meaning was negotiated.")
	RuleRSV3            = frameRule("5.2/rsv3", ProtocolError, "RSV3 must be 0 unless an extension that gives it a meaning was negotiated.")
	RuleOpcode          = frameRule("5.2/opcode-reserved", ProtocolError, "The opcodes 3–7 and B–F are reserved. The receiver of one must fail the connection.")
	RuleLengthMinimal   = frameRule("5.2/length-minimal", ProtocolError, "The length must use the shortest of the three forms that can hold it.")
	RuleLengthTopBit    = frameRule("5.2/length-top-bit", ProtocolError, "The most significant bit of a 64-bit length must be 0.")
	RuleMaskMissing     = frameRule("5.1/mask-missing", ProtocolError, "A client must mask every frame that it sends.")
	RuleMaskForbidden   = frameRule("5.1/mask-forbidden", ProtocolError, "A server must not mask any frame that it sends.")
	RuleControlLength   = frameRule("5.5/control-length", ProtocolError, "A control frame must have a payload of at most 125 bytes.")
	RuleControlFragment = frameRule("5.5/control-fragmented", ProtocolError, "A control frame must not be fragmented: FIN must be 1.")
	RuleStray           = frameRule("5.4/continuation-stray", ProtocolError, "A continuation frame must continue a message that is not finished.")
	RuleInterleaved     = frameRule("5.4/message-interleaved", ProtocolError, "A new message must not begin before the last one is finished.")
	RuleAfterClose      = frameRule("5.5.1/frame-after-close", ProtocolError, "After a Close frame an endpoint must not send any more data frames.")
	RuleCloseBody       = frameRule("5.5.1/body-one-byte", ProtocolError, "The body of a Close frame must be empty or begin with a two-byte status code.")
	RuleCloseCode       = frameRule("7.4/close-code", ProtocolError, "The code in a Close frame must be a defined one that may be sent, or 3000–4999.")
	RuleCloseReason     = frameRule("5.5.1/reason-utf8", InvalidPayload, "The reason in a Close frame must be valid UTF-8.")
	RuleTextUTF8        = frameRule("8.1/text-utf8", InvalidPayload, "The payload of a text message must be valid UTF-8.")
	RuleMessageSize     = frameRule("10.4/message-size", MessageTooBig, "A message must not exceed the receiver's size limit.")
)

// The rules of the opening handshake's request, which the server checks (RFC 6455
// §4.2.1). The server chooses which Origins it refuses (§4.2.2, §10.2).
var (
	RuleMethod        = handshakeRule("4.2.1/method", 405, "The method must be GET.")
	RuleHTTPVersion   = handshakeRule("4.2.1/http-version", 400, "The HTTP version must be 1.1 or higher.")
	RuleTarget        = handshakeRule("4.2.1/target", 400, "The target must be a resource name, or an http or https URL without a user name. It must be visible ASCII without a fragment, and its path must be percent-encoded.")
	RuleBody          = handshakeRule("4.2.1/body", 400, "The request must not announce a body, because frames follow it.")
	RuleHost          = handshakeRule("4.2.1/host", 400, "There must be one Host header field, with a host and optionally a port.")
	RuleUpgrade       = handshakeRule("4.2.1/upgrade", 426, "Upgrade must contain the value websocket, in any case.")
	RuleConnection    = handshakeRule("4.2.1/connection", 400, "Connection must include the token Upgrade, in any case.")
	RuleKeyMissing    = handshakeRule("4.2.1/key-missing", 400, "There must be a Sec-WebSocket-Key.")
	RuleKeyRepeated   = handshakeRule("11.3.1/key-repeated", 400, "Sec-WebSocket-Key must not appear more than once.")
	RuleKeyLength     = handshakeRule("4.2.1/key-length", 400, "Sec-WebSocket-Key must be base64 of exactly 16 bytes.")
	RuleVersion       = handshakeRule("4.2.1/version", 426, "Sec-WebSocket-Version must be 13. A server that refuses another version names 13 in its response.")
	RuleHeaderGrammar = handshakeRule("4.2.1/header-grammar", 400, "Every header line must be a field name of token characters, a colon and a value.")
	RuleSubprotocols  = handshakeRule("4.2.1/subprotocol-grammar", 400, "Sec-WebSocket-Protocol must be a list of tokens.")
	RuleOrigin        = handshakeRule("4.2.2/origin", 403, "A server may refuse a connection that a page of another origin opens.")
)

// The rule of the opening handshake for the client after its request (RFC 6455 §4.1). A
// server need not refuse a client that breaks it.
var RuleEarlyData = handshakeRule("4.1/early-data", 0, "After its request, a client must wait for the server's response before it sends anything else.")

// The rules of the handshake's response, which the client checks (RFC 6455 §4.1).
var (
	RuleStatus          = handshakeRule("4.1/status", 0, "Only the status 101 opens a connection. A response with any other status is plain HTTP.")
	RuleRespUpgrade     = handshakeRule("4.1/response-upgrade", 0, "The response must have Upgrade: websocket, in any case.")
	RuleRespConnection  = handshakeRule("4.1/response-connection", 0, "The response must have the token Upgrade in Connection.")
	RuleAcceptMissing   = handshakeRule("4.1/accept-missing", 0, "The response must have one Sec-WebSocket-Accept.")
	RuleAcceptWrong     = handshakeRule("4.1/accept-wrong", 0, "Sec-WebSocket-Accept must be the base64 of the SHA-1 hash of the key followed by the GUID.")
	RuleRespExtension   = handshakeRule("4.1/extension-not-offered", 0, "The server must not choose an extension that the client did not offer.")
	RuleRespSubprotocol = handshakeRule("4.1/subprotocol-not-offered", 0, "The server must not choose a subprotocol that the client did not offer.")
)

// RuleExtensionGrammar is the rule of all extensions (RFC 6455 §9.1). Each extension has
// more rules, in its own file.
var RuleExtensionGrammar = handshakeRule("9.1/extension-grammar", 400, "Sec-WebSocket-Extensions must be a list of tokens. Parameters must be tokens, too.")

// Rules lists every rule of this package: those of RFC 6455 in the order of their
// declaration, then those of extensions.
var Rules []Rule

func init() { slices.SortStableFunc(Rules, func(a, b Rule) int { return a.RFC - b.RFC }) }

func frameRule(code string, cc CloseCode, sentence string) Rule {
	return declare(Rule{Code: code, CloseCode: cc, Sentence: sentence})
}

func handshakeRule(code string, status int, sentence string) Rule {
	return declare(Rule{Code: code, Status: status, Sentence: sentence})
}

func extensionRule(rfc int, code string, cc CloseCode, sentence string) Rule {
	return declare(Rule{Code: fmt.Sprintf("%d-%s", rfc, code), RFC: rfc, CloseCode: cc, Sentence: sentence})
}

// declare completes r and adds it to Rules.
func declare(r Rule) Rule {
	r.Section, _, _ = strings.Cut(strings.TrimPrefix(r.Code, fmt.Sprint(r.RFC, "-")), "/")
	Rules = append(Rules, r)
	return r
}

// A Violation is a broken Rule. Sentence says what was seen and what is required; Code is
// for programs and tests.
type Violation struct{ Rule }

// Error makes a Violation an error: its sentence, RFC and section.
func (v Violation) Error() string {
	return fmt.Sprintf("%s (RFC %d §%s)", v.Sentence, cmp.Or(v.RFC, 6455), v.Section)
}

// Broken returns a Violation of r. seen, a sentence or "", comes before the requirement.
func (r Rule) Broken(seen string) Violation {
	r.Sentence = strings.TrimPrefix(seen+" "+r.Sentence, " ")
	return Violation{r}
}

// Context is what Check needs to know besides the header: the sender of the frame, and
// what it has sent and negotiated before.
type Context struct {
	Sender Role

	// An extension in use gives the bit a meaning on the first frame of a message (RFC
	// 6455 §5.2).
	RSV1, RSV2, RSV3 bool

	Fragmented bool // the sender's last message is not finished
	CloseSent  bool // the sender has sent a Close frame
}

// violations collects violations.
type violations []Violation

// broke adds a violation of r.
func (vs *violations) broke(r *Rule, format string, args ...any) {
	*vs = append(*vs, r.Broken(fmt.Sprintf(format, args...)))
}

// when adds a violation of r if it is broken.
func (vs *violations) when(broken bool, r *Rule, format string, args ...any) {
	if broken {
		vs.broke(r, format, args...)
	}
}

// frame is when, for a rule of the frame. It replaces words in braces in seen by values
// of h. It costs nothing for a valid frame, and is small enough for the compiler to
// inline it in Check.
func (vs *violations) frame(broken bool, r *Rule, h *Header, seen string) {
	if broken {
		vs.frameBroke(r, h, seen)
	}
}

// frameBroke is not inlined. Check runs for every frame and has a dozen calls of it. If
// they were inlined, the stack of each idle connection would be twice as large
// (BenchmarkIdle).
//
//go:noinline
func (vs *violations) frameBroke(r *Rule, h *Header, seen string) {
	fill := strings.NewReplacer("{opcode}", h.Opcode.String(), "{code}", fmt.Sprintf("0x%X", uint8(h.Opcode)),
		"{length}", fmt.Sprint(h.Length), "{form}", fmt.Sprint(h.Form), "{shortest}", fmt.Sprint(FormFor(h.Length)))
	*vs = append(*vs, r.Broken(fill.Replace(seen)))
}

// Check returns every rule that h breaks in c, not only the first, so a header with
// three errors gives three violations. It returns nil for a valid header.
func Check(h Header, c Context) []Violation {
	var vs violations
	first := h.Opcode == Text || h.Opcode == Binary // frame of a message

	//lesson:begin check-rsv
	vs.frame(h.RSV1 && !(c.RSV1 && first), &RuleRSV1, &h, "RSV1 is 1.")
	vs.frame(h.RSV2 && !(c.RSV2 && first), &RuleRSV2, &h, "RSV2 is 1.")
	vs.frame(h.RSV3 && !(c.RSV3 && first), &RuleRSV3, &h, "RSV3 is 1.")
	//lesson:end
	//lesson:begin check-opcode
	vs.frame(h.Opcode.IsReserved(), &RuleOpcode, &h, "The opcode is {code}.")
	//lesson:end

	//lesson:begin check-mask
	vs.frame(c.Sender == Client && !h.Masked, &RuleMaskMissing, &h, "MASK is 0 in a frame from a client.")
	vs.frame(c.Sender == Server && h.Masked, &RuleMaskForbidden, &h, "MASK is 1 in a frame from a server.")
	//lesson:end

	//lesson:begin check-length
	vs.frame(h.Form != FormFor(h.Length), &RuleLengthMinimal, &h, "The length {length} uses {form} bits, but {shortest} bits can hold it.")
	vs.frame(h.Length>>63 != 0, &RuleLengthTopBit, &h, "The top bit of the 64-bit length is 1.")
	//lesson:end

	//lesson:begin check-control
	vs.frame(h.Opcode.IsControl() && h.Length > MaxControlPayload, &RuleControlLength, &h, "A {opcode} frame announces {length} bytes.")
	vs.frame(h.Opcode.IsControl() && !h.Fin, &RuleControlFragment, &h, "FIN is 0 in a {opcode} frame.")
	//lesson:end

	//lesson:begin check-fragment
	vs.frame(h.Opcode == Continuation && !c.Fragmented, &RuleStray, &h, "A continuation frame arrived, but no message is in progress.")
	vs.frame(first && c.Fragmented, &RuleInterleaved, &h, "A {opcode} frame arrived where a continuation frame was expected.")
	//lesson:end

	vs.frame(c.CloseSent && h.Opcode.IsData(), &RuleAfterClose, &h, "A {opcode} frame arrived after a Close frame.")
	return vs
}
