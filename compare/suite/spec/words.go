package spec

import (
	"encoding/json"
	"fmt"
	"strings"
)

// MarshalJSON returns the description of c, without its steps.
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
		Binds       string   `json:"binds,omitempty"` // the place of the MUST, and the role that it binds
		Must        string   `json:"must,omitempty"`  // the MUST in our own words
	}{c.ID, c.Title, c.Requirement, c.Keyword, c.Section, c.RFC, rules, c.Judges.String(), c.Binds(), c.Duty.Says})
}

// Group returns the part of c's ID before the slash: its section.
func (c *Case) Group() string {
	group, _, _ := strings.Cut(c.ID, "/")
	return group
}

// String returns c's ID and title.
func (c *Case) String() string { return c.ID + " " + c.Title }

// String returns f as text: `TEXT "Hello"`.
func (f Frame) String() string {
	s := Describe(f.Opcode, f.Payload.Prefix(KeepShown), f.Payload.Len())
	if f.Optional {
		s = "perhaps " + s
	}
	return s
}

// String returns the expected end as text: "CLOSE 1002, then TCP closed".
func (e End) String() string {
	codes := make([]string, len(e.Codes))
	for i, c := range e.Codes {
		codes[i] = CodeText(c)
	}
	frame := "CLOSE"
	if len(codes) > 0 {
		frame += " " + strings.Join(codes, " or ")
	}
	switch e.How {
	case TargetFails:
		if e.Early {
			return frame + " at once, then TCP closed"
		}
		return frame + ", then TCP closed"
	case TargetDrops:
		return "TCP closed"
	case TargetRefuses:
		if len(e.Statuses) == 0 {
			return "a refusal"
		}
		return "a refusal with status " + strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Statuses), " ", " or "), "[]")
	case JudgeCloses:
		return "CLOSE 1000 in response to the judge's Close frame, then TCP closed"
	}
	return frame + " in response, then TCP closed"
}

// String lists the expected messages, and the end.
func (o Outcome) String() string {
	parts := make([]string, len(o.Sees))
	for i, e := range o.Sees {
		parts[i] = e.String()
	}
	parts = Shortened(parts)
	return strings.Join(append(parts, o.End.String()), "; ")
}

// Shortened returns list with equal neighbors joined ("3 times …"). It shows at most
// keepListed entries, and then the count of the others.
func Shortened(list []string) []string {
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
