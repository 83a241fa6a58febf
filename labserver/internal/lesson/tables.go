package lesson

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"

	"wslab/reference/wire"
)

// meanings says in a few words what each opcode is for.
var meanings = map[wire.Opcode]string{
	wire.Continuation: "the next fragment of the message that was begun",
	wire.Text:         "a message, or its first fragment, in UTF-8",
	wire.Binary:       "a message, or its first fragment, of any bytes",
	wire.Close:        "no more data from this side; may carry a code and a reason",
	wire.Ping:         "asks for a Pong with the same payload",
	wire.Pong:         "answers a Ping, or comes unasked",
}

// opcodes draws all sixteen values, those without a meaning in ranges.
func opcodes(*compiler, blockText) string {
	var b strings.Builder
	b.WriteString("<table class=\"opcodes\">\n<thead><tr><th scope=\"col\">opcode</th><th scope=\"col\">bits</th><th scope=\"col\">name</th><th scope=\"col\">kind</th><th scope=\"col\">what it says</th></tr></thead>\n<tbody>\n")
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
			name, meaning = "reserved", "nothing yet: whoever receives it fails the connection"
		}
		fmt.Fprintf(&b, "<tr><td><code class=\"f-head\">%s</code></td><td><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td></tr>\n", number, bits, name, kind, meaning)
		o = end
	}
	b.WriteString("</tbody>\n</table>\n")
	return b.String()
}

// sayings tell what a close code is for and who says it; the names and what
// may cross the wire are wire's own.
var sayings = map[wire.CloseCode][2]string{
	wire.NormalClosure:       {"done: what the connection was for is finished", "both"},
	wire.GoingAway:           {"a server shuts down, or a person leaves the page", "both"},
	wire.ProtocolError:       {"the peer broke a rule of the protocol", "both"},
	wire.UnsupportedData:     {"data of a kind that cannot be taken, as binary where text is due", "both"},
	1004:                     {"reserved; it has no meaning yet", "nobody"},
	wire.NoStatusReceived:    {"told to an application: the Close frame carried no code", "nobody"},
	wire.AbnormalClosure:     {"told to an application: there was no Close frame at all", "nobody"},
	wire.InvalidPayload:      {"data that is not what it says, as text that is no UTF-8", "both"},
	wire.PolicyViolation:     {"a message against the receiver's own rules; for when no other code fits", "both"},
	wire.MessageTooBig:       {"a message larger than the receiver takes", "both"},
	wire.MandatoryExtension:  {"the server did not agree to an extension that the client needs", "the client"},
	wire.InternalServerError: {"something unexpected kept it from doing what was asked", "the server"},
	wire.ServiceRestart:      {"the server restarts: come again after a random while", "the server"},
	wire.TryAgainLater:       {"the server is overloaded: come again later", "the server"},
	wire.BadGateway:          {"a gateway got a wrong answer from the server behind it", "the server"},
	wire.TLSHandshake:        {"told to an application: TLS failed, so there was no WebSocket", "nobody"},
}

// ranges are the codes that have no row of their own, and the one of each that
// is tried.
var ranges = []struct {
	from, to, try wire.CloseCode
	name, saying  string
	who           string
}{
	{0, 999, 999, "not used", "below the range of the protocol", "nobody"},
	{1016, 2999, 2999, "reserved", "kept for later versions and for extensions", "nobody yet"},
	{3000, 3999, 3000, "", "registered with IANA, for all to understand", "both"},
	{4000, 4999, 4000, "", "between two ends that agreed on them", "both"},
	{5000, 65535, 5000, "not used", "above the range of the protocol", "nobody"},
}

// codes draws all close codes. The page adds what comes of trying them.
func codes(*compiler, blockText) string {
	var b strings.Builder
	b.WriteString("<ws-codes>\n<div class=\"wide\"><table class=\"codes\">\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\">name</th><th scope=\"col\">what it says</th><th scope=\"col\">who says it</th><th scope=\"col\">on the wire</th></tr></thead>\n<tbody>\n")
	row := func(number string, try wire.CloseCode, name, saying, who string) {
		wireCell := "<span class=\"bad\">× never</span>"
		if try.MayBeSent() {
			wireCell = "✔"
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
