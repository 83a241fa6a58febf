package suite

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// closing returns a target that answers the first message with a Close frame.
func closing(code wire.CloseCode) Target {
	return webSocket(func(c net.Conn, in *bufio.Reader) {
		_, _, _ = readFrame(in)
		_, _ = c.Write(spec.Close(code, "").Append(nil, wire.Server, nil))
		untilEnd(c)
	})
}

func TestOnlyACodeForALimitSaysThatThereIsALimit(t *testing.T) {
	large := hello()
	large.Steps, large.Outcomes = []Step{spec.Send(spec.Of(wire.Text, spec.TextOf(8<<10)))}, spec.Answers(spec.Of(wire.Text, spec.TextOf(8<<10)))
	larger := *large
	larger.Outcomes = spec.WithLimit(large.Outcomes[0].Sees)
	// On the wire the message is small: 40 KiB are announced as the answer.
	inflated := hello()
	inflated.Outcomes = spec.Answers(spec.Of(wire.Binary, spec.BinaryOf(40<<10)))
	for _, c := range []struct {
		what string
		c    *Case
		code wire.CloseCode
		want Verdict
	}{
		{"a size of a limit", &larger, wire.MessageTooBig, Note},
		{"a size of a limit", &larger, wire.PolicyViolation, Note},
		{"a size of a limit", &larger, wire.InternalServerError, Note},
		{"a size of a limit", &larger, wire.ProtocolError, Fail},
		{"a size of a limit", &larger, wire.InvalidPayload, Fail},
		{"8 KiB", large, wire.MessageTooBig, Note},
		{"8 KiB", large, wire.InternalServerError, Note},
		{"8 KiB", large, wire.ProtocolError, Fail},
		{"8 KiB", large, wire.NormalClosure, Fail},
		{"40 KiB after decompression", inflated, wire.MessageTooBig, Note},
		{"5 bytes", hello(), wire.MessageTooBig, Fail},
	} {
		r := run(t, c.c, closing(c.code), nil)
		if r.Verdict != c.want || strings.Contains(r.Reason, "limit") != (c.want == Note) {
			t.Errorf("%s, Close %d: %s: %s", c.what, c.code, r.Verdict, r.Reason)
		}
	}
}

func TestTheMUSTInBracketsIsThatOfThePongWhereAPongIsWrong(t *testing.T) {
	// The Pong has another payload. The echo is right.
	wrong := answering(func(h wire.Header, p []byte) []byte {
		if h.Opcode == wire.Ping {
			return unmasked(wire.Pong, "another")
		}
		return unmasked(h.Opcode, string(p))
	})
	c := hello()
	c.Keyword, c.Duty = Must, spec.DutyFragments
	c.Steps, c.Outcomes = []Step{spec.Send(spec.Ping("ping"))}, spec.Answers(spec.Pong("ping"))
	if r := run(t, c, wrong, nil); r.Verdict != Fail || r.Source() != spec.DutyPong.String() {
		t.Errorf("%s: %s (%s)", r.Verdict, r.Reason, r.Source())
	}
}
