package suite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"wslab/reference/wire"
)

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
	Head headCheck
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
	asClient Duty

	// also judges what no list of messages can say. It is asked when the
	// behaviour is right otherwise.
	also func(saw []seen) finding
}

// DefaultDeadline is the Deadline of a case that says nothing else.
const DefaultDeadline = 2 * time.Second

// Outcome is a legal reaction: what is seen, in order, and how it ends.
type Outcome struct {
	Verdict Verdict // Pass, Note or Warning
	Why     string  // what is not strict about it, or worth knowing
	Sees    []Expect
	InOrder bool // Pongs must stand between the messages just so; else each kind has its own order
	End     End
}

// Expect is one message or control frame that is to come.
type Expect struct {
	Opcode  wire.Opcode // Text, Binary, Pong
	Payload Payload
	// Optional says that it may be left out, as a Pong may when a later Ping is
	// answered (RFC 6455 §5.5.3).
	Optional bool
}

// How says in which way a connection ends.
type How uint8

// The ways.
const (
	// ByJudge: when all is seen the judge sends Close 1000; the target answers.
	ByJudge How = iota
	// Answers: a step sent a Close frame, which the target answers.
	Answers
	// Fails: the target Fails the WebSocket Connection (RFC 6455 §7.1.7).
	Fails
	// Drops: a step ended TCP, and the target is to end its side, with or
	// without a Close frame.
	Drops
	// Refuses: there is no WebSocket: the server answers with one of Statuses, or
	// the client leaves without a frame.
	Refuses
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

// mirror returns c with the roles swapped.
func (c *Case) mirror() *Case {
	m := *c
	m.ID += mirrored
	m.Judges = c.Judges.Peer()
	if c.asClient != (Duty{}) {
		m.Keyword, m.Duty, m.Lax = Must, c.asClient, ""
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

// AtMost returns how long c takes when nothing comes that it waits for, the way to
// the connection and the closing handshake not counted.
func (c *Case) AtMost() time.Duration {
	if c.Deadline == 0 && c.Judges == wire.Client && c.Outcomes[0].End.How == Refuses {
		// Some clients read for three seconds after a response that opens no WebSocket.
		return 3 * DefaultDeadline
	}
	return cmp.Or(c.Deadline, DefaultDeadline)
}

// MarshalJSON gives what there is to know of c before it runs.
func (c *Case) MarshalJSON() ([]byte, error) {
	rules := c.Rules
	if rules == nil {
		rules = []string{}
	}
	return json.Marshal(struct {
		ID          string   `json:"id"`
		Title       string   `json:"title"`
		Requirement string   `json:"requirement"`
		Keyword     string   `json:"keyword"`
		Section     string   `json:"section"`
		RFC         int      `json:"rfc"`
		Rules       []string `json:"rules"`
		Judges      string   `json:"judges"`
		Binds       string   `json:"binds,omitempty"` // where the MUST is, and whom it binds
		Must        string   `json:"must,omitempty"`  // what the MUST says
	}{c.ID, c.Title, c.Requirement, c.Keyword, c.Section, c.RFC, rules, c.Judges.String(), c.Binds(), c.Duty.Says})
}

// Group returns what stands before the slash of c's ID.
func (c *Case) Group() string {
	group, _, _ := strings.Cut(c.ID, "/")
	return group
}

// String gives c's ID and title.
func (c *Case) String() string { return c.ID + " " + c.Title }

// String describes what is expected: `TEXT "Hello"`.
func (e Expect) String() string {
	s := describe(e.Opcode, e.Payload.prefix(keepShown), e.Payload.Len())
	if e.Optional {
		s = "perhaps " + s
	}
	return s
}

// String says how the connection is to end.
func (e End) String() string {
	codes := make([]string, len(e.Codes))
	for i, c := range e.Codes {
		codes[i] = codeText(c)
	}
	frame := "CLOSE"
	if len(codes) > 0 {
		frame += " " + strings.Join(codes, " or ")
	}
	switch e.How {
	case Fails:
		if e.Early {
			return frame + " at once, then the end of TCP"
		}
		return frame + ", then the end of TCP"
	case Drops:
		return "the end of TCP"
	case Refuses:
		if len(e.Statuses) == 0 {
			return "a refusal"
		}
		return "a refusal with status " + strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Statuses), " ", " or "), "[]")
	case ByJudge:
		return "CLOSE 1000 in answer to the judge's, then the end of TCP"
	}
	return frame + " in answer, then the end of TCP"
}

// String lists all that is to be seen.
func (o Outcome) String() string {
	parts := make([]string, len(o.Sees))
	for i, e := range o.Sees {
		parts[i] = e.String()
	}
	parts = shortened(parts)
	return strings.Join(append(parts, o.End.String()), "; ")
}

// shortened returns list with what comes several times in a row told once, and
// with no more than the first keepListed of what is left.
func shortened(list []string) []string {
	var short []string
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n] == list[i] {
			n++
		}
		if len(short) == keepListed && len(list)-i > 1 {
			return append(short, fmt.Sprintf("%d more", len(list)-i))
		}
		text := list[i]
		if n > 1 {
			text = fmt.Sprintf("%d times %s", n, text)
		}
		short = append(short, text)
		i += n
	}
	return short
}
