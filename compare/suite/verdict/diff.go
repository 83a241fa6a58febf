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

// Alignment compares several endpoints in the same case. A step has the k-th thing of one
// kind and direction in each connection, even if it is in different places.
type Alignment struct {
	Case      string        `json:"case"`
	Endpoints []string      `json:"endpoints"`
	Steps     []AlignedStep `json:"steps"`
	// First is the index of the first step in which the endpoints differ, -1 if they
	// do not.
	First int `json:"first"`
	// Amounts is the worst verdict of an endpoint if the endpoints differ: Note if all
	// are allowed, Fail if one breaks a MUST. If they do not differ, Amounts is Pass.
	// Words is Amounts in words, with the names of the endpoints.
	Amounts spec.Verdict `json:"amounts"`
	Words   string       `json:"words"`
	// Partial says that events are missing. Only the verdicts were compared, and Steps is
	// empty.
	Partial bool `json:"partial,omitempty"`

	verdicts []string // of each endpoint: behavior and closing
}

// AlignedStep is one thing that was sent in the connection of at least one endpoint.
type AlignedStep struct {
	From  string `json:"from"`  // the end that sent it, "client" or "server"
	Kind  string `json:"kind"`  // request, response, message, close, ping, pong, tcp
	Cells []*Did `json:"cells"` // of each endpoint; nil: not sent
	// Differs has the differences in words; empty for none.
	Differs []string `json:"differs"`

	k int // its number among the steps of its kind, from 1
}

// Did is the cell of one endpoint.
type Did struct {
	Seq  uint64 `json:"seq"` // seq of its event
	Text string `json:"text"`

	event recording.Event
}

// Align compares reports of c and finds the first difference. It ignores keys and
// addresses, which differ in every run. It ignores close reasons and the fields of plain
// HTTP, which an endpoint is free to choose. It compares the fields of the opening
// handshake only if c is about them.
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
			// The judge sends less only if a target ended the connection before.
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

// take puts the events of one endpoint into the steps.
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
		// Look after the last step first: if the endpoints do the same, this is fast.
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

// kindOf returns the kind of e. It returns "" if e is not compared. How the judge closes
// TCP is not compared, because the target does not cause it.
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

// differs returns in words how the endpoints differ in step i.
func (a *Alignment) differs(i int, reports []Report, handshake bool) []string {
	told := []string{}
	s := a.Steps[i]
	first := slices.IndexFunc(s.Cells, func(d *Did) bool { return d != nil })
	missing := false
	for n, d := range s.Cells {
		switch {
		case len(reports[n].Events) == 0: // no connection
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
	// If some endpoints did not send it, the action of each endpoint says more.
	parts := make([]string, 0, len(s.Cells))
	for n := range s.Cells {
		if len(reports[n].Events) > 0 {
			parts = append(parts, a.Endpoints[n]+": "+a.instead(i, n))
		}
	}
	return append([]string{strings.Join(parts, "; ")}, told...)
}

// instead returns the text of the action of endpoint n in step i. If there is none, it
// returns that of the next action.
func (a *Alignment) instead(i, n int) string {
	for _, s := range a.Steps[i:] {
		if s.From == a.Steps[i].From && s.Cells[n] != nil {
			return s.Cells[n].Text
		}
	}
	return "nothing"
}

// Did returns the action of endpoint n at the first difference, "nothing" if there is
// none.
func (a Alignment) Did(n int) string {
	if a.First < 0 {
		return "nothing"
	}
	return a.instead(a.First, n)
}

// parted returns in words how x differs from y. x is of the endpoint called a, y of b.
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
			// All other differences follow from this one.
			differ("responded with status", f.Head.Status, g.Head.Status)
			return told
		}
		if handshake && (f.From == wire.Client || f.Head.Status == 101) {
			fieldsDiffer(f.Head, g.Head, differ)
		}
	case *recording.TCP:
		differ("ended TCP with", strings.ToUpper(f.What), strings.ToUpper(y.event.Body.(*recording.TCP).What))
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
	differ("sent the FIN bit", bit[h.Fin], bit[i.Fin])
	differ("sent RSV1", bit[h.RSV1], bit[i.RSV1])
	differ("sent RSV2", bit[h.RSV2], bit[i.RSV2])
	differ("sent RSV3", bit[h.RSV3], bit[i.RSV3])
	differ("sent MASK", bit[h.Masked], bit[i.Masked])
	if h.Length == i.Length {
		differ("wrote the length in", fmt.Sprintf("%d bits", h.Form), fmt.Sprintf("%d bits", i.Form))
	}
}

// fieldsDiffer compares the fields of the opening handshake.
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

// brief returns e in a few words.
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

// amounts returns Alignment.Amounts and Words for reports that differ. A Warning means
// that the endpoint breaks a SHOULD, or is lax in a case of a MAY.
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
	tell(silent, "did not answer in time", "did not answer in time")
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
		return spec.Note, "both are allowed"
	}
	return spec.Note, "all are allowed"
}
