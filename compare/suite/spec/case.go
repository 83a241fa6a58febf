package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"wslab/reference/wire"
)

// Elsewhere is the placeholder in an Opening for a second address of the judge. A
// WebSocket can be opened at that address.
const Elsewhere = "{elsewhere}"

// Verdict is the result of a case. It is about the endpoint's behavior, or about how the
// endpoint ended the connection.
type Verdict uint8

// The verdicts, the worst last. A Note is allowed, and worth knowing. A Warning breaks a
// SHOULD, or is laxer than necessary. NotJudged: the case could not be played. NoAnswer:
// the answer did not arrive in time, which alone breaks no rule.
const (
	Pass Verdict = iota
	Note
	Warning
	NotJudged
	NoAnswer
	Fail
)

var verdictNames = [...]string{"pass", "note", "warning", "not-judged", "no-answer", "fail"}

// String returns the name of v, which is also its JSON form.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Judged reports whether v is a result about the endpoint.
func (v Verdict) Judged() bool { return v != NotJudged }

// Glyph returns the sign for v: ✔ i ≈ ? ∅ ×.
func (v Verdict) Glyph() string {
	if int(v) < len(verdictNames) {
		return [...]string{"✔", "i", "≈", "?", "∅", "×"}[v]
	}
	return "?"
}

// Word returns v's name as a report writes it: "not judged" for NotJudged.
func (v Verdict) Word() string { return strings.ReplaceAll(v.String(), "-", " ") }

// MarshalJSON returns v's name as a JSON string.
func (v Verdict) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// UnmarshalJSON reads the name of a verdict. An unknown name is an error.
func (v *Verdict) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &name); err != nil {
		return err
	}
	i := slices.Index(verdictNames[:], name)
	if i < 0 {
		return fmt.Errorf("there is no verdict %q", name)
	}
	*v = Verdict(i)
	return nil
}

// The keywords of RFC 2119 that a requirement can have.
const (
	Must   = "MUST"
	Should = "SHOULD"
	May    = "MAY"
)

// Case is one test of an endpoint. It must not be changed.
type Case struct {
	ID          string // "5.5/ping-of-126": section, slash, Name; a mirrored case ends in -client
	Name        string // unique in its section, and never changed, because links and tables refer to it
	Title       string // one line
	Requirement string // in our own words
	Keyword     string // Must, Should, May
	Duty        Duty   // with Must: the sentence that a failing endpoint breaks
	Section     string // "5.5"
	RFC         int    // 6455 or 7692
	Rules       []string
	Judges      wire.Role // the role that is judged

	// Opening is the judge's half of the opening handshake. The zero value is a request
	// that every server accepts, or the right response to the client's request.
	Opening Opening
	// Head, when not nil, checks the target's half of the opening handshake.
	Head HeadCheck
	// Deflate, when not nil, says how permessage-deflate must be negotiated for the case.
	Deflate *Deflate
	// Glued sends the first step in the same TCP write as the end of the judge's half
	// of the opening handshake.
	Glued bool
	Steps []Step
	// Outcomes are the allowed reactions. The first one that fits gives the verdict.
	Outcomes []Outcome
	// Deadline is how long the judge waits after the last byte in either direction. 0
	// means DefaultDeadline.
	Deadline time.Duration
	// Heavy says that the case needs much memory, so that few such cases run at once.
	Heavy bool
	// OneSided says that the case makes no sense with the roles swapped.
	OneSided bool
	// Mute says that the judge does not answer the target's Close frame.
	Mute bool
	// Browser says that the requirement binds only browsers. Any other client may act
	// differently.
	Browser bool
	// Redirects says that the Opening contains Elsewhere, an address of the judge to
	// which the client must not connect.
	Redirects bool
	// Subprotocols are the subprotocols that a client must offer to be judged.
	Subprotocols []string
	// Waits is how long the judge, as a server, leaves TCP open after the closing
	// handshake. The case checks that the client waits for the judge to close TCP.
	Waits time.Duration

	// Lax is the reason of the warning for any reaction that is not in Outcomes. Only a
	// case with Should or May has it.
	Lax string
	// AsClient is the Duty of a client in the mirrored case, if it differs from Duty.
	AsClient Duty

	// Also, when not nil, checks what Outcomes cannot express. It is called only if an
	// outcome fits.
	Also func(saw []Message) Finding
}

// DefaultDeadline is the Deadline of a case that has none.
const DefaultDeadline = 2 * time.Second

// Outcome is an allowed reaction: the messages of the target, and how the target ends the
// connection.
type Outcome struct {
	Verdict Verdict // Pass, Note or Warning
	Why     string  // the reason of a Note or Warning, in which "it" is the target
	Sees    []Frame
	InOrder bool // control frames and messages must be in this order together
	End     End
}

// How is a way in which a connection ends.
type How uint8

// The ways.
const (
	// JudgeCloses: after the last message the judge sends Close 1000, and the target
	// answers it.
	JudgeCloses How = iota
	// TargetAnswers: a step sent a Close frame, which the target answers.
	TargetAnswers
	// TargetFails: the target fails the connection (RFC 6455 §7.1.7).
	TargetFails
	// TargetDrops: a step closed the judge's side of TCP, and the target closes its
	// side, with or without a Close frame.
	TargetDrops
	// TargetRefuses: no WebSocket is opened. The server responds with one of Statuses,
	// or the client closes TCP without a frame.
	TargetRefuses
)

// End is how a connection must end.
type End struct {
	How   How
	Codes []wire.CloseCode // of the target's Close frame; another code is a warning. nil: any
	// Exact says that the outcome fits only with one of Codes.
	Exact bool
	// Never are codes with which the outcome does not fit.
	Never []wire.CloseCode
	// Early says that the target ends the connection before the Patience step ends.
	Early    bool
	Statuses []int // of TargetRefuses, for servers; nil: 400 and above
	// Silent says that a server may close TCP without a response (TargetRefuses).
	Silent bool
	// NoTCP says that the target may leave TCP open or close it.
	NoTCP bool
}

// Mirror returns c with the roles swapped.
func (c *Case) Mirror() *Case {
	m := *c
	m.ID += Mirrored
	m.Judges = c.Judges.Peer()
	if c.AsClient != (Duty{}) {
		m.Keyword, m.Duty, m.Lax = Must, c.AsClient, ""
	}
	m.Rules = slices.Clone(c.Rules)
	for i, rule := range m.Rules {
		// The rule about the mask differs with the role.
		switch rule {
		case wire.RuleMaskMissing.Code:
			m.Rules[i] = wire.RuleMaskForbidden.Code
		case wire.RuleMaskForbidden.Code:
			m.Rules[i] = wire.RuleMaskMissing.Code
		}
	}
	return &m
}

// Refused reports whether the best outcome of c is that no WebSocket is opened.
func (c *Case) Refused() bool { return c.Outcomes[0].End.How == TargetRefuses }

// AtMost returns how long the judge waits for the target in c, without the time to
// connect and to close.
func (c *Case) AtMost() time.Duration {
	if c.Deadline == 0 && c.Judges == wire.Client && c.Outcomes[0].End.How == TargetRefuses {
		// Some clients read for three seconds after a response that opens no WebSocket.
		return 3 * DefaultDeadline
	}
	return cmp.Or(c.Deadline, DefaultDeadline)
}

// Handshakes reports whether c is about the fields of the opening handshake. Different
// fields count as a difference only in such a case.
func (c *Case) Handshakes() bool {
	return slices.Contains([]string{"4", "9", "11", "7692-7"}, strings.SplitN(c.Group(), ".", 2)[0]) && c.Group() != "7692-7.2"
}

// Refusal returns the first outcome that is a refusal, or nil.
func (c *Case) Refusal() *Outcome {
	for i := range c.Outcomes {
		if c.Outcomes[i].End.How == TargetRefuses {
			return &c.Outcomes[i]
		}
	}
	return nil
}

// MayOpen reports whether a WebSocket may be opened in c.
func (c *Case) MayOpen() bool {
	for _, o := range c.Outcomes {
		if o.End.How != TargetRefuses {
			return true
		}
	}
	return false
}

// Allows reports whether a refusal may have this status.
func (e End) Allows(status int) bool {
	return slices.Contains(e.Statuses, status) || len(e.Statuses) == 0 && status >= 400
}

// Resets reports whether a step of c resets TCP.
func (c *Case) Resets() bool {
	for _, s := range c.Steps {
		if s.Do == DoReset {
			return true
		}
	}
	return false
}

// Seed and the ID of a case give its masking keys.
const Seed = 6455

// MaskingKeys returns a function that gives the masking keys of c, the same in every
// run.
func (c *Case) MaskingKeys() func() [4]byte {
	h := fnv.New64a()
	_, _ = io.WriteString(h, c.ID)
	rng := rand.New(rand.NewPCG(Seed, h.Sum64()))
	return func() [4]byte {
		k := rng.Uint32()
		return [4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)}
	}
}

// SendsClose reports whether a step of c sends a Close frame.
func (c *Case) SendsClose() bool {
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode == wire.Close {
				return true
			}
		}
	}
	return false
}
