package verdict

import (
	"fmt"
	"slices"
	"strings"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Alignment is what several endpoints made of the same case, side by side: the
// k-th of a kind in the same direction stands in one step, wherever each
// connection has it.
type Alignment struct {
	Case      string        `json:"case"`
	Endpoints []string      `json:"endpoints"`
	Steps     []AlignedStep `json:"steps"`
	// First is the index of the first step in which the endpoints part, -1 where
	// they do not.
	First int `json:"first"`
	// Amounts says what the difference amounts to: Note where all are legal,
	// Warning where a SHOULD is broken, NotJudged or NoAnswer where that is all that
	// can be said of an endpoint, Fail where a MUST is broken; Pass where there is
	// none. Words says so, and by whom.
	Amounts spec.Verdict `json:"amounts"`
	Words   string       `json:"words"`
	// Partial says that more crossed than was kept, so that only the verdicts were
	// compared; there are no steps then.
	Partial bool `json:"partial,omitempty"`

	verdicts []string // of each endpoint, behaviour and closing
}

// AlignedStep is one thing that crossed at some of the endpoints, or at all.
type AlignedStep struct {
	From  string `json:"from"` // the end that sent it, "client" or "server"
	Kind  string `json:"kind"` // request, response, message, close, ping, pong, tcp
	Cells []*Did `json:"cells"`
	// Differs tells in words what is not the same; empty where all is.
	Differs []string `json:"differs"`

	k int // the how manieth of its kind
}

// Did is what crossed at one endpoint.
type Did struct {
	Seq  uint64 `json:"seq"` // of its event
	Text string `json:"text"`

	event recording.Event
}

// Align sets reports of c beside each other and finds the first difference. What
// differs in every run, keys and addresses, is no difference, and neither are the
// reason of a Close frame and the fields of plain HTTP, which are anybody's to
// choose. Fields of the handshake count where the case is about them.
func Align(c *spec.Case, reports []Report) Alignment {
	a := Alignment{Case: c.ID, First: -1, Steps: []AlignedStep{}}
	judge := c.Judges.Peer().String()
	for _, r := range reports {
		a.Endpoints = append(a.Endpoints, r.Endpoint)
		a.verdicts = append(a.verdicts, r.Verdict.String()+" "+r.Closing.String())
		a.Partial = a.Partial || r.partial
	}
	if !a.Partial {
		for column, r := range reports {
			a.take(column, r.Events, judge)
		}
		about := c.Handshakes()
		for i := range a.Steps {
			a.Steps[i].Differs = a.differs(i, reports, about)
			// What the judge sent differs only because a target ended it before.
			if a.First < 0 && len(a.Steps[i].Differs) > 0 && a.Steps[i].From != judge {
				a.First = i
			}
		}
	}
	if !a.Same() {
		a.Amounts, a.Words = amounts(c, reports)
	} else {
		a.Words = "all did the same"
	}
	return a
}

// Same reports whether the endpoints did the same.
func (a Alignment) Same() bool {
	if a.Partial {
		return len(slices.Compact(slices.Sorted(slices.Values(a.verdicts)))) < 2
	}
	return a.First < 0
}

// take puts what crossed at an endpoint into the steps.
func (a *Alignment) take(column int, events []recording.Event, judge string) {
	counts := map[string]int{}
	last := -1
	for _, e := range events {
		kind := kindOf(e, judge)
		if kind == "" {
			continue
		}
		counts[e.From+kind]++
		k := counts[e.From+kind]
		is := func(s AlignedStep) bool { return s.k == k && s.Kind == kind && s.From == e.From }
		// Where they do the same it is the very next one; then the rest is not searched.
		at := -1
		if i := slices.IndexFunc(a.Steps[last+1:], is); i >= 0 {
			at = last + 1 + i
		} else if at = slices.IndexFunc(a.Steps, is); at < 0 {
			at = last + 1
			a.Steps = slices.Insert(a.Steps, at, AlignedStep{From: e.From, Kind: kind, Cells: make([]*Did, len(a.Endpoints)), Differs: []string{}, k: k})
		}
		a.Steps[at].Cells[column] = &Did{Seq: e.Seq, Text: brief(e), event: e}
		last = max(last, at)
	}
}

// kindOf returns what is counted of e, "" where it is not compared: how the judge
// itself hung up is none of the target's doing.
func kindOf(e recording.Event, judge string) string {
	switch b := e.Body.(type) {
	case *dissect.Frame:
		if b.Header.Opcode.IsControl() {
			return b.Header.Opcode.String()
		}
		return "message"
	case *dissect.Handshake:
		if b.From == wire.Client {
			return "request"
		}
		return "response"
	case *recording.TCP:
		if (b.What == "fin" || b.What == "rst") && e.From != judge {
			return "tcp"
		}
	}
	return ""
}

// differs tells how the endpoints differ in step i.
func (a *Alignment) differs(i int, reports []Report, handshake bool) []string {
	told := []string{}
	s := a.Steps[i]
	first := slices.IndexFunc(s.Cells, func(d *Did) bool { return d != nil })
	missing := false
	for n, d := range s.Cells {
		switch {
		case len(reports[n].Events) == 0: // there was no connection
		case d == nil:
			missing = true
		case n != first:
			for _, t := range parted(*s.Cells[first], *d, a.Endpoints[first], a.Endpoints[n], handshake) {
				if !slices.Contains(told, t) {
					told = append(told, t)
				}
			}
		}
	}
	if !missing {
		return told
	}
	// Some have nothing like it: what each did at this point says more.
	parts := make([]string, 0, len(s.Cells))
	for n := range s.Cells {
		if len(reports[n].Events) > 0 {
			parts = append(parts, a.Endpoints[n]+": "+a.instead(i, n))
		}
	}
	return append([]string{strings.Join(parts, "; ")}, told...)
}

// instead says what the endpoint n did in step i, or else next.
func (a *Alignment) instead(i, n int) string {
	for _, s := range a.Steps[i:] {
		if s.From == a.Steps[i].From && s.Cells[n] != nil {
			return s.Cells[n].Text
		}
	}
	return "nothing"
}

// Did says what the endpoint n did where they part, "nothing" where it did
// nothing more.
func (a Alignment) Did(n int) string {
	if a.First < 0 {
		return "nothing"
	}
	return a.instead(a.First, n)
}

// parted tells in words how x, of the endpoint called a, is not y, of b.
func parted(x, y Did, a, b string, handshake bool) []string {
	var told []string
	differ := func(what string, v, w any) {
		if v != w {
			told = append(told, fmt.Sprintf("%s %s %v, %s %v", a, what, v, b, w))
		}
	}
	switch f := x.event.Body.(type) {
	case *dissect.Frame:
		g := y.event.Body.(*dissect.Frame)
		frames(f, g, differ)
		if v, w := transcript.Broken(f.Violations), transcript.Broken(g.Violations); v != w {
			if v != "" {
				told = append(told, a+" broke "+v)
			}
			if w != "" {
				told = append(told, b+" broke "+w)
			}
		}
	case *dissect.Handshake:
		g := y.event.Body.(*dissect.Handshake)
		if f.Head.Status != g.Head.Status {
			// One opens and the other does not, or there are two refusals: what else
			// differs follows from that.
			differ("answered with status", f.Head.Status, g.Head.Status)
			return told
		}
		if handshake && (f.From == wire.Client || f.Head.Status == 101) {
			fieldsDiffer(f.Head, g.Head, differ)
		}
	case *recording.TCP:
		differ("ended TCP by", strings.ToUpper(f.What), strings.ToUpper(y.event.Body.(*recording.TCP).What))
	}
	return told
}

func frames(f, g *dissect.Frame, differ func(what string, v, w any)) {
	h, i := f.Header, g.Header
	bit := map[bool]int{true: 1}
	switch p, q := f.Payload(), g.Payload(); {
	case h.Opcode != i.Opcode:
		differ("sent", strings.ToUpper(h.Opcode.String()), strings.ToUpper(i.Opcode.String()))
	case f.Close != nil && g.Close != nil:
		differ("closed with", spec.CodeText(f.Close.Code), spec.CodeText(g.Close.Code))
	case h.Length != i.Length:
		differ("sent a payload of", spec.Counted(int(h.Length)), spec.Counted(int(i.Length)))
	case len(p) > 0 && len(q) > 0 && string(p) != string(q):
		at := 0
		for at < min(len(p), len(q))-1 && p[at] == q[at] {
			at++
		}
		differ(fmt.Sprintf("sent, in byte %d of the payload,", at), fmt.Sprintf("0x%02X", p[at]), fmt.Sprintf("0x%02X", q[at]))
	}
	differ("sent FIN", bit[h.Fin], bit[i.Fin])
	differ("sent RSV1", bit[h.RSV1], bit[i.RSV1])
	differ("sent RSV2", bit[h.RSV2], bit[i.RSV2])
	differ("sent RSV3", bit[h.RSV3], bit[i.RSV3])
	differ("sent MASK", bit[h.Masked], bit[i.Masked])
	if h.Length == i.Length {
		differ("wrote the length in", fmt.Sprintf("%d bits", h.Form), fmt.Sprintf("%d bits", i.Form))
	}
}

// fieldsDiffer compares what the opening handshake is made of.
func fieldsDiffer(h, i wire.Head, differ func(what string, v, w any)) {
	var names []string
	for _, f := range slices.Concat(h.Fields, i.Fields) {
		name := strings.ToLower(f.Name)
		matters := name == "upgrade" || name == "connection" || strings.HasPrefix(name, "sec-websocket-")
		if matters && name != "sec-websocket-key" && name != "sec-websocket-accept" && !slices.Contains(names, name) {
			names = append(names, name)
			v, w := strings.Join(h.Values(name), ", "), strings.Join(i.Values(name), ", ")
			if !strings.EqualFold(v, w) {
				differ("has "+f.Name+":", orNone(v), orNone(w))
			}
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// brief says in a few words what crossed.
func brief(e recording.Event) string {
	switch b := e.Body.(type) {
	case *dissect.Frame:
		return transcript.FrameBrief(b)
	case *dissect.Handshake:
		line := b.Line
		if b.From == wire.Server {
			_, line, _ = strings.Cut(line, " ")
		}
		return recording.Clip(line, 60) + transcript.Breaks(b.Violations)
	case *recording.TCP:
		return "TCP " + strings.ToUpper(b.What)
	}
	return e.Kind()
}

// amounts says what a difference amounts to, by the verdicts of those who differ.
// Only a MUST is failed, so what else is not strict breaks a SHOULD, or is lax where
// no MUST and no SHOULD speaks.
func amounts(c *spec.Case, reports []Report) (spec.Verdict, string) {
	var must, should, silent, out []string
	for _, r := range reports {
		worst := r.Worst()
		switch {
		case worst == spec.Fail:
			must = append(must, r.Endpoint)
		case worst == spec.NoAnswer:
			silent = append(silent, r.Endpoint)
		case worst == spec.NotJudged:
			out = append(out, r.Endpoint)
		case worst == spec.Warning:
			should = append(should, r.Endpoint)
		}
	}
	var parts []string
	tell := func(who []string, one, several string) {
		switch {
		case len(who) == 1:
			parts = append(parts, who[0]+" "+one)
		case len(who) > 1:
			parts = append(parts, strings.Join(who[:len(who)-1], ", ")+" and "+who[len(who)-1]+" "+several)
		}
	}
	tell(must, "breaks a MUST", "break a MUST")
	if c.Keyword == spec.May {
		for _, who := range should {
			parts = append(parts, who+" is laxer than it could be")
		}
	} else {
		tell(should, "breaks a SHOULD", "break a SHOULD")
	}
	tell(silent, "gives no answer in time", "give no answer in time")
	tell(out, "was not judged", "were not judged")
	words := strings.Join(parts, ", ")
	switch {
	case len(must) > 0:
		return spec.Fail, words
	case len(silent) > 0:
		return spec.NoAnswer, words
	case len(out) > 0:
		return spec.NotJudged, words
	case len(should) > 0:
		return spec.Warning, words
	case len(reports) == 2:
		return spec.Note, "both are legal"
	}
	return spec.Note, "all are legal"
}
