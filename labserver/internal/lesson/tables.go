package lesson

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"

	"wslab/reference/wire"
)

// meanings has the meaning of each opcode.
var meanings = map[wire.Opcode]string{
	wire.Continuation: "the next fragment of the message",
	wire.Text:         "a message, or its first fragment, in UTF-8",
	wire.Binary:       "a message, or its first fragment, of any bytes",
	wire.Close:        "this endpoint sends no more data; may carry a code and a reason",
	wire.Ping:         "asks for a Pong with the same payload",
	wire.Pong:         "answers a Ping, or is sent without one",
}

// opcodes draws all 16 opcodes, the reserved ones as ranges.
func opcodes(*compiler, blockText) string {
	var b strings.Builder
	b.WriteString("<table class=\"opcodes\">\n<thead><tr><th scope=\"col\">opcode</th><th scope=\"col\">bits</th><th scope=\"col\">name</th><th scope=\"col\">kind</th><th scope=\"col\">meaning</th></tr></thead>\n<tbody>\n")
	for o := wire.Opcode(0); o <= 0xF; o++ {
		end := o
		for end < 0xF && o.IsReserved() && (end + 1).IsReserved() && (end+1).IsControl() == o.IsControl() {
			end++
		}
		number, bits := fmt.Sprintf("0x%X", uint8(o)), fmt.Sprintf("%04b", uint8(o))
		name, meaning := o.String(), meanings[o]
		kind := "data"
		if o.IsControl() {
			kind = "control"
		}
		if o.IsReserved() {
			number = fmt.Sprintf("0x%X–0x%X", uint8(o), uint8(end))
			bits = fmt.Sprintf("%04b–%04b", uint8(o), uint8(end))
			name, meaning = "reserved", "none yet; the receiver fails the connection"
		}
		fmt.Fprintf(&b, "<tr><td><code class=\"f-head\">%s</code></td><td><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td></tr>\n", number, bits, name, kind, meaning)
		o = end
	}
	b.WriteString("</tbody>\n</table>\n")
	return b.String()
}

// sayings has the meaning of each close code, and who sends it. Package wire has the names,
// and which codes may be in a frame.
var sayings = map[wire.CloseCode][2]string{
	wire.NormalClosure:       {"the purpose of the connection is fulfilled", "both"},
	wire.GoingAway:           {"the server shuts down, or the user leaves the page", "both"},
	wire.ProtocolError:       {"the peer broke a rule of the protocol", "both"},
	wire.UnsupportedData:     {"data of a type that the receiver does not accept, for instance binary instead of text", "both"},
	1004:                     {"reserved; it has no meaning yet", "neither"},
	wire.NoStatusReceived:    {"reported to an application: the Close frame had no code", "neither"},
	wire.AbnormalClosure:     {"reported to an application: no Close frame was received", "neither"},
	wire.InvalidPayload:      {"data that does not match its type, for instance text that is not UTF-8", "both"},
	wire.PolicyViolation:     {"the message violates the receiver's policy; also if no other code fits", "both"},
	wire.MessageTooBig:       {"the message is larger than the receiver accepts", "both"},
	wire.MandatoryExtension:  {"the server did not agree to an extension that the client needs", "the client"},
	wire.InternalServerError: {"an unexpected condition prevented the request", "the server"},
	wire.ServiceRestart:      {"the server restarts; connect again after a random delay", "the server"},
	wire.TryAgainLater:       {"the server is overloaded; connect again later", "the server"},
	wire.BadGateway:          {"a gateway received an invalid response from its server", "the server"},
	wire.TLSHandshake:        {"reported to an application: the TLS handshake failed", "neither"},
}

// ranges has the codes without their own row, and for each range the code to try.
var ranges = []struct {
	from, to, try wire.CloseCode
	name, saying  string
	who           string
}{
	{0, 999, 999, "not used", "below the range of the protocol", "neither"},
	{1016, 2999, 2999, "reserved", "reserved for later versions and extensions", "neither yet"},
	{3000, 3999, 3000, "", "for libraries and frameworks, registered with IANA", "both"},
	{4000, 4999, 4000, "", "private use, by agreement of client and server", "both"},
	{5000, 65535, 5000, "not used", "above the range of the protocol", "neither"},
}

// codes draws all close codes. The page adds the results of trying them.
func codes(*compiler, blockText) string {
	var b strings.Builder
	b.WriteString("<ws-codes>\n<div class=\"wide\"><table class=\"codes\">\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\">name</th><th scope=\"col\">meaning</th><th scope=\"col\">sent by</th><th scope=\"col\">allowed in a frame</th></tr></thead>\n<tbody>\n")
	row := func(number string, try wire.CloseCode, name, saying, who string) {
		wireCell := "<span class=\"bad\">× no</span>"
		if try.MayBeSent() {
			wireCell = "✔ yes"
		}
		fmt.Fprintf(&b, "<tr data-code=\"%d\"><th scope=\"row\"><code class=\"f-code\">%s</code></th><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", try, number, html.EscapeString(name), html.EscapeString(saying), who, wireCell)
	}
	for _, r := range ranges {
		if r.from > 1015 {
			continue
		}
		row(fmt.Sprintf("%d–%d", r.from, r.to), r.try, r.name, r.saying, r.who)
	}
	for code := wire.NormalClosure; code <= wire.TLSHandshake; code++ {
		row(strconv.Itoa(int(code)), code, cmp.Or(code.Name(), "reserved"), sayings[code][0], sayings[code][1])
	}
	for _, r := range ranges {
		if r.from < 1016 {
			continue
		}
		row(fmt.Sprintf("%d–%d", r.from, r.to), r.try, cmp.Or(r.name, r.try.Name()), r.saying, r.who)
	}
	b.WriteString("</tbody>\n</table></div>\n</ws-codes>\n")
	return b.String()
}
