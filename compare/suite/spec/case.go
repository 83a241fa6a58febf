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

// Elsewhere is the placeholder in an Opening for an address of the judge at which a
// WebSocket can be opened.
const Elsewhere = "{elsewhere}"

// Verdict is what is said of an endpoint's behaviour in a case, or of how it
// ended the connection.
type Verdict uint8

// The verdicts. Of two the later one counts. A Note is legal, and a choice that is
// worth knowing. A Warning breaks a SHOULD or is laxer than it could be.
// NotJudged says nothing of the endpoint: the case could not be played. NoAnswer
// says that nothing came in time, which breaks no rule by itself.
const (
	Pass Verdict = iota
	Note
	Warning
	NotJudged
	NoAnswer
	Fail
)

var verdictNames = [...]string{"pass", "note", "warning", "not-judged", "no-answer", "fail"}

// String returns the name that the JSON form has as well.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Judged reports whether v says something of an endpoint.
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

// MarshalJSON gives v's name.
func (v Verdict) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
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

// Case is one thing that is asked of an endpoint. It must not be changed.
type Case struct {
	ID          string // "5.5/ping-of-126": section, slash, Name; a mirrored case ends in -client
	Name        string // unique in its section, and never changed: links and tables refer to it
	Title       string // one line
	Requirement string // in our own words
	Keyword     string // Must, Should, May
	Duty        Duty   // with Must: the sentence that an endpoint must break to fail
	Section     string // "5.5"
	RFC         int    // 6455 or 7692
	Rules       []string
	Judges      wire.Role // who is judged

	// Opening is the judge's half of the opening handshake; the zero value is a
	// request that every server accepts, or the right answer to the client's.
	Opening Opening
	// Head, when not nil, judges the target's half of it by itself.
	Head HeadCheck
	// Deflate, when not nil, is what the case needs of permessage-deflate; without
	// it there is nothing to judge.
	Deflate *Deflate
	// Glued puts the bytes of the first step into the same TCP write as the end
	// of the judge's half of the opening handshake.
	Glued bool
	Steps []Step
	// Outcomes are the legal reactions. Of those that fit, the first is taken.
	Outcomes []Outcome
	// Deadline is how long the judge waits since a byte last moved, in either
	// direction; 0 is DefaultDeadline.
	Deadline time.Duration
	// Heavy says that much memory is needed: few such cases run at once.
	Heavy bool
	// OneSided says that the case makes no sense with the roles swapped.
	OneSided bool
	// Mute says that the judge does not answer the target's Close frame.
	Mute bool
	// Browser says that the requirement binds browsers alone. What another client
	// does is legal.
	Browser bool
	// Redirects says that the Opening has a place for an address of the judge's at
	// which the client must not be seen.
	Redirects bool
	// Subprotocols are what a client must offer; one that does not cannot be judged.
	Subprotocols []string
	// Waits is how long the judge, as a server, leaves TCP open after the closing
	// handshake, to see whether the client leaves its end to the server.
	Waits time.Duration

	// Lax is why any other reaction than the Outcomes is warning, where no MUST
	// speaks of the case.
	Lax string
	// asClient is the Duty of a client in the mirrored case, where it is another.
	AsClient Duty

	// also judges what no list of messages can say. It is asked when the
	// behaviour is right otherwise.
	Also func(saw []Message) Finding
}

// DefaultDeadline is the Deadline of a case that says nothing else.
const DefaultDeadline = 2 * time.Second

// Outcome is a legal reaction: what is seen, in order, and how it ends.
type Outcome struct {
	Verdict Verdict // Pass, Note or Warning
	Why     string  // what is not strict about it, or worth knowing
	Sees    []Frame
	InOrder bool // Pongs must stand between the messages just so; else each kind has its own order
	End     End
}

// How says in which way a connection ends.
type How uint8

// The ways.
const (
	// JudgeCloses: when all is seen the judge sends Close 1000; the target answers.
	JudgeCloses How = iota
	// TargetAnswers: a step sent a Close frame, which the target answers.
	TargetAnswers
	// TargetFails: the target Fails the WebSocket Connection (RFC 6455 §7.1.7).
	TargetFails
	// TargetDrops: a step ended TCP, and the target is to end its side, with or
	// without a Close frame.
	TargetDrops
	// TargetRefuses: there is no WebSocket: the server answers with one of Statuses, or
	// the client leaves without a frame.
	TargetRefuses
)

// End is how a connection must end.
type End struct {
	How   How
	Codes []wire.CloseCode // in the target's Close frame; others that may be sent are warning. nil: any
	// Exact says that the outcome is another one when the code is not among Codes.
	Exact bool
	// Early says that the target does so before the first step that stands behind
	// a Patience step is taken.
	Early    bool
	Statuses []int // with Refuses, for servers; nil: any of 400 and above
	// Silent says that, with Refuses, TCP may end without an answer.
	Silent bool
	// NoTCP leaves out of account when TCP is closed.
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
		// Each role has its own rule of the mask.
		switch rule {
		case wire.RuleMaskMissing.Code:
			m.Rules[i] = wire.RuleMaskForbidden.Code
		case wire.RuleMaskForbidden.Code:
			m.Rules[i] = wire.RuleMaskMissing.Code
		}
	}
	return &m
}

// Refused reports whether c asks first of all that no WebSocket is opened.
func (c *Case) Refused() bool { return c.Outcomes[0].End.How == TargetRefuses }

// AtMost returns how long c takes when nothing comes that it waits for, the way to
// the connection and the closing handshake not counted.
func (c *Case) AtMost() time.Duration {
	if c.Deadline == 0 && c.Judges == wire.Client && c.Outcomes[0].End.How == TargetRefuses {
		// Some clients read for three seconds after a response that opens no WebSocket.
		return 3 * DefaultDeadline
	}
	return cmp.Or(c.Deadline, DefaultDeadline)
}

// Handshakes reports whether c is about the fields of the opening handshake, so that
// it matters where endpoints answer with others.
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

// MayOpen reports whether an outcome of c is an open WebSocket.
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

// Seed is what the masking keys of all cases are made from, with their IDs.
const Seed = 6455

// MaskingKeys returns the source of the masking keys of c, the same in every run.
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
