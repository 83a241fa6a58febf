package mistakes

import (
	"cmp"
	"slices"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/verdict"
	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// DiagnoseAll names the mistakes of endpoints, each with the cases that show it. One
// report can show a mistake by itself. Other mistakes need several reports: if an
// endpoint treats one TCP read as one frame, it passes the cases with whole frames and
// fails the cases in which TCP cuts a frame. DiagnoseAll weighs the cases for and against
// such a mistake. If one mistake explains all cases of another mistake and more,
// DiagnoseAll names only the first.
//
// The order is that of the endpoints, and then of Mistakes.
func DiagnoseAll(reports []verdict.Report) []Diagnosis {
	// A case that was not judged does not show or contradict a mistake.
	reports = slices.DeleteFunc(slices.Clone(reports), func(r verdict.Report) bool { return r.Verdict == spec.NotJudged })
	list := []Diagnosis{}
	var endpoints []string
	for _, r := range reports {
		if !slices.Contains(endpoints, r.Endpoint) {
			endpoints = append(endpoints, r.Endpoint)
		}
	}
	for _, name := range endpoints {
		var own []*verdict.Report
		for i := range reports {
			if reports[i].Endpoint == name {
				own = append(own, &reports[i])
			}
		}
		e := &evidence{shown: map[string][]string{}, against: map[string][]string{}}
		e.single(own)
		e.accepts(own)
		e.modelled(own)
		e.constant(own)
		for _, p := range patterns {
			p.look(own, e)
		}
		e.accepting(own)
		e.failing(own)
		e.bare(own)
		e.checking(own)
		for _, m := range mistakes {
			if ids := e.shown[m.Code]; len(ids) > 0 {
				against, weighed := e.against[m.Code]
				list = append(list, Diagnosis{Endpoint: name, Mistake: m, Cases: inOrder(own, ids), Against: inOrder(own, against), Weighed: weighed})
			}
		}
	}
	return list
}

// evidence is what the reports of one endpoint say for and against each mistake.
type evidence struct {
	shown map[string][]string // the IDs of the cases that show it
	// against has the IDs of the passed cases that an endpoint with the mistake fails. If
	// they were not looked for, the mistake is not in the map.
	against map[string][]string
	models  []model // of the shown mistakes that a model explains
}

func (e *evidence) add(mistake string, ids ...string) {
	e.shown[mistake] = added(e.shown[mistake], ids)
}

// added returns list with those of ids that it does not have.
func added(list, ids []string) []string {
	for _, id := range ids {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// inOrder returns ids in the order of reports.
func inOrder(reports []*verdict.Report, ids []string) []string {
	var list []string
	for _, r := range reports {
		if slices.Contains(ids, r.Case.ID) {
			list = append(list, r.Case.ID)
		}
	}
	return list
}

// single adds the mistakes that a report shows by itself. It leaves out those that a
// model explains: modelled compares these with the other reports.
func (e *evidence) single(reports []*verdict.Report) {
	for _, r := range reports {
		if r.Mistake != "" && len(r.Trace.Models) == 0 {
			e.add(r.Mistake, r.Case.ID)
		}
	}
}

// accepts moves the reports of a slip in Sec-WebSocket-Accept to another slip that other
// reports show, if that slip gives the same values. One key alone may not tell them apart.
func (e *evidence) accepts(reports []*verdict.Report) {
	for _, a := range acceptMistakes {
		for _, b := range acceptMistakes {
			if a.Code == b.Code || len(e.shown[a.Code]) == 0 || len(e.shown[b.Code]) == 0 {
				continue
			}
			other := slices.ContainsFunc(reports, func(r *verdict.Report) bool {
				return slices.Contains(e.shown[a.Code], r.Case.ID) && !recognize.Gives(b.Code, r.Handshake.Accept.Key, r.Handshake.Accept.Got)
			})
			if !other {
				e.add(b.Code, e.shown[a.Code]...)
				delete(e.shown, a.Code)
			}
		}
	}
}

// leastFor is how many cases must show a mistake for each case against it.
const leastFor = 10

// modelled adds the mistakes that a model explains, if the evidence for them outweighs the
// evidence against them.
func (e *evidence) modelled(reports []*verdict.Report) {
	shown, against := map[string][]string{}, map[string][]string{}
	of := map[string][]model{}
	for i, m := range models {
		var ids []string
		for _, r := range reports {
			if slices.Contains(r.Trace.Models, i) {
				ids = append(ids, r.Case.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		contradictions, other := m.weigh(reports)
		if leastFor*len(contradictions) <= len(ids) && other-len(ids) <= 8*len(ids) {
			shown[m.mistake] = added(shown[m.mistake], ids)
			against[m.mistake] = added(against[m.mistake], contradictions)
			of[m.mistake] = append(of[m.mistake], m)
		}
	}
	// Leave out a mistake if another mistake explains the same cases.
	within := func(a, b string) bool {
		return !slices.ContainsFunc(shown[a], func(id string) bool { return !slices.Contains(shown[b], id) })
	}
	for a, ids := range shown {
		alone := true
		for b := range shown {
			alone = alone && (a == b || !within(a, b))
		}
		if alone {
			e.add(a, ids...)
			e.against[a] = against[a]
			e.models = append(e.models, of[a]...)
		}
	}
}

// weigh returns the cases against m, and the number of failed cases that an endpoint with
// m's mistake fails. A case is against m if such an endpoint fails it, and the behavior of
// this endpoint passed. A note is not against m, and how the connection ended does not
// count.
func (m model) weigh(reports []*verdict.Report) (against []string, other int) {
	for _, r := range reports {
		switch {
		case !m.fails(r):
		case unmet(r):
			other++
		case !m.anew && r.Verdict == spec.Pass: // otherwise the answer depends on how TCP divided the bytes
			against = append(against, r.Case.ID)
		}
	}
	return against, other
}

// fails reports whether an endpoint with m's mistake fails the case of r, and the
// endpoint of r got far enough to show it.
func (m model) fails(r *verdict.Report) bool {
	if r.Case.Deflate != nil || r.Case.Outcomes[0].End.How != spec.JudgeCloses || r.Case.Glued || r.NoWebSocket() {
		return false
	}
	b, writes, ok := stream(r.Case)
	return ok && len(b) > 0 && !answeredAs(r.Case, m.answers(b, writes))
}

// explained reports whether the mistake of a model explains that the case of r failed.
func (e *evidence) explained(r *verdict.Report) bool {
	return slices.ContainsFunc(e.models, func(m model) bool { return m.fails(r) })
}

// constant adds accept-constant if Sec-WebSocket-Accept is the same for different keys.
func (e *evidence) constant(reports []*verdict.Report) {
	type pair struct{ key, id string }
	keys := map[string][]pair{} // by accept value
	for _, r := range reports {
		if h := r.Handshake; h != nil && r.Case.Opening.Writes == nil && h.Accept != nil && h.Accept.Got != "" && h.Accept.Got != wire.Accept("") {
			keys[h.Accept.Got] = append(keys[h.Accept.Got], pair{h.Accept.Key, r.Case.ID})
		}
	}
	for _, pairs := range keys {
		for _, p := range pairs {
			if p.key != pairs[0].key && p.key != "" && pairs[0].key != "" {
				e.add("accept-constant", pairs[0].id, p.id)
			}
		}
	}
}

// accepting adds the mistakes of an endpoint that answers an invalid Close frame as if
// that frame were valid. If the endpoint also fails connections with the close code of
// its answer, that code is not evidence.
func (e *evidence) accepting(reports []*verdict.Report) {
	fails := func(code wire.CloseCode) bool {
		return slices.ContainsFunc(reports, func(r *verdict.Report) bool {
			return r.Trace.Closed && r.Trace.Code == code && r.Trace.Accepted == "" && alwaysFails(r.Case) &&
				len(r.Case.Rules) > 0 && !r.Case.SendsClose()
		})
	}
	for _, r := range reports {
		if r.Trace.Accepted != "" && !fails(r.Trace.Code) {
			e.add(r.Trace.Accepted, r.Case.ID)
		}
	}
}

// alwaysFails reports whether the connection must fail in every outcome of c.
func alwaysFails(c *spec.Case) bool {
	return !slices.ContainsFunc(c.Outcomes, func(o spec.Outcome) bool { return o.End.How != spec.TargetFails })
}

// failing adds fails-without-close if the endpoint never sends a Close frame when it
// fails the connection. A case is not evidence if the endpoint may also answer a Close
// frame in it.
func (e *evidence) failing(reports []*verdict.Report) {
	var ids []string
	for _, r := range reports {
		if r.Case.Outcomes[0].End.How != spec.TargetFails || slices.ContainsFunc(r.Case.Outcomes, func(o spec.Outcome) bool { return o.End.How == spec.TargetAnswers }) {
			continue
		}
		if r.Trace.Closed {
			return
		}
		if r.Trace.NoClose {
			ids = append(ids, r.Case.ID)
		}
	}
	if len(ids) > 1 {
		e.add("fails-without-close", ids...)
	}
}

// checking looks for the evidence against the mistakes of an endpoint that does not check
// a rule: the cases in which it failed the connection for the same rule.
func (e *evidence) checking(reports []*verdict.Report) {
	for _, r := range reports {
		code := Unchecked(r.Case.Rules)
		if code == "" || e.shown[code] == nil {
			continue
		}
		e.against[code] = added(e.against[code], nil)
		if r.Verdict == spec.Pass && (alwaysFails(r.Case) || r.Case.Refused()) && !slices.Contains(e.shown[code], r.Case.ID) {
			e.against[code] = append(e.against[code], r.Case.ID)
		}
	}
}

// bare adds mask-left-out-in-control-frames if a client masks only its other frames.
func (e *evidence) bare(reports []*verdict.Report) {
	if e.shown["client-does-not-mask"] != nil || e.shown["mask-bit-missing"] != nil {
		return
	}
	if slices.ContainsFunc(reports, func(r *verdict.Report) bool { return r.Trace.Masked }) {
		for _, r := range reports {
			if r.Trace.BareControl {
				e.add("mask-left-out-in-control-frames", r.Case.ID)
			}
		}
	}
}

// pattern is a mistake that several cases show together: the endpoint fails the cases in
// wrong and passes those in right. A case is named by its ID, without the suffix -client,
// or by a pattern of IDs.
type pattern struct {
	mistake string
	clients bool // the pattern is for clients
	request bool // the mistake is in reading the request, so a received frame contradicts it
	wrong   []string
	and     [][]string // the endpoint must fail most cases of each list, too
	right   [][]string // one case of each list must have run, and the endpoint must pass most
	need    int        // how many wrong cases the endpoint must fail; 0 means two
	most    bool       // the endpoint may pass some wrong cases: TCP may join what the judge divided
	how     func(*verdict.Report) bool
	never   func(*verdict.Report) bool // the pattern does not hold if never is true for any report
}

// look adds p's mistake if the reports show it.
func (p pattern) look(reports []*verdict.Report, e *evidence) {
	how := p.how
	if how == nil {
		how = wrongly
	}
	var ids, against []string
	for _, r := range p.named(reports, p.wrong) {
		switch {
		case e.explained(r):
		case how(r) && !p.hidden(r):
			ids = append(ids, r.Case.ID)
		default:
			against = append(against, r.Case.ID)
		}
	}
	for _, r := range p.named(reports, slices.Concat(p.and...)) {
		if how(r) && !p.hidden(r) && !e.explained(r) {
			ids = append(ids, r.Case.ID)
		}
	}
	if passed := len(against); len(ids) < cmp.Or(p.need, 2) || passed > 0 && !p.most || 2*passed > len(ids) {
		return
	}
	for i, list := range append(slices.Clone(p.and), p.right...) {
		good, bad := 0, 0
		for _, r := range p.named(reports, list) {
			if r.Verdict >= spec.NoAnswer {
				bad++
			} else {
				good++
			}
		}
		if i < len(p.and) {
			good, bad = bad, good
		}
		if good == 0 || bad > good/4 {
			return
		}
	}
	if p.never != nil && slices.ContainsFunc(reports, p.never) {
		return
	}
	e.add(p.mistake, ids...)
	e.against[p.mistake] = added(e.against[p.mistake], against)
}

// hidden reports whether r cannot show p: the endpoint sent a flood, or it sent a frame
// and p is about the request.
func (p pattern) hidden(r *verdict.Report) bool {
	return r.Trace.Flooded || p.request && r.Trace.Framed
}

// named returns the reports whose cases are in ids.
func (p pattern) named(reports []*verdict.Report, ids []string) []*verdict.Report {
	var list []*verdict.Report
	for _, r := range reports {
		c := r.Case
		fits := func(id string) bool { return c.Fits(id) || c.Fits(id+spec.Mirrored) }
		if (c.Judges == wire.Client) == p.clients && slices.ContainsFunc(ids, fits) {
			list = append(list, r)
		}
	}
	return list
}

func wrongly(r *verdict.Report) bool { return r.Verdict >= spec.NoAnswer && !r.Unreachable }

func opened(r *verdict.Report) bool {
	h := r.Handshake
	return h != nil && h.Head.Status == 101 && r.Verdict >= spec.Warning
}

func refused(r *verdict.Report) bool { return r.NoWebSocket() && !r.Unreachable }

func nothing(r *verdict.Report) bool { return unnamed(r) && r.Trace.Quiet }

// answered is wrongly, but only for a client that echoed a message.
func answered(r *verdict.Report) bool { return wrongly(r) && r.Trace.Came > 0 }

// unmet is like wrongly, but also true for a warning.
func unmet(r *verdict.Report) bool { return r.Verdict >= spec.Warning && !r.Unreachable }

func unnamed(r *verdict.Report) bool { return wrongly(r) && r.Mistake == "" }

func hungUp(r *verdict.Report) bool { return r.Trace.Quiet && r.Trace.Ended && r.Closing == spec.Fail }

func openTCP(r *verdict.Report) bool {
	return r.Trace.Quiet && !r.Trace.Ended && !r.NoWebSocket() && r.Closing >= spec.NoAnswer
}

func hasClosed(r *verdict.Report) bool {
	return r.Trace.Closed && r.Verdict < spec.NoAnswer && r.Case.Outcomes[0].End.How != spec.TargetFails
}

func hasPong(r *verdict.Report) bool { return r.Trace.Pongs > 0 }

func with1007(r *verdict.Report) bool { return wrongly(r) && r.Trace.Code == wire.InvalidPayload }

// The cases that patterns compare with.
var (
	leastRequest = []string{"4.2.1/least-request"}
	leastClient  = []string{"4.1/method-and-version", "4.1/upgrade-and-connection"}
	leastFrame   = []string{"5.2/text-of-1", "5.2/text-of-2", "5.7/text-in-one-frame"}

	cutPayloads = []string{
		"tcp/text-cut-before-last", "tcp/2-byte-character-cut-at-1",
		"tcp/3-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-2",
	}
	cutHeaders = []string{
		"tcp/text-cut-at-1", "tcp/text-cut-at-2", "tcp/text-cut-at-3",
		"tcp/text-cut-at-4", "tcp/text-cut-at-5", "tcp/byte-by-byte-empty-text",
	}
	// A frame header from a server has no masking key. A cut after byte 2 is between two
	// fields, so a client that reads each field by itself passes it.
	cutBareHeaders = []string{"tcp/text-cut-at-1", "tcp/text-16-bit-cut-at-1", "tcp/text-16-bit-cut-at-3"}
	together       = []string{"tcp/two-texts-one-write", "tcp/100-texts-one-write", "5.6/ten-texts-one-write", "tcp/three-texts-one-empty-one-write"}
)

var patterns = append([]pattern{
	{mistake: "request-read-once", request: true, wrong: []string{"4.2.1/cut-*", "4.2.1/line-by-line", "4.2.1/byte-by-byte", "4.2.1/pieces-of-7-bytes"},
		need: 3, most: true, right: [][]string{leastRequest}},
	{mistake: "request-buffer-small", request: true, wrong: []string{"4.2.1/cookie-of-4096-bytes", "4.2.1/long-value-first", "4.2.1/value-of-8000-bytes"},
		how: func(r *verdict.Report) bool { return refused(r) || unmet(r) }, right: [][]string{leastRequest, {"4.2.1/unknown-field"}}},
	{mistake: "glued-frame-lost", clients: true, wrong: []string{"4.1/frame-with-response", "4.1/three-frames-with-response", "4.1/frame-of-10000-bytes-with-response"},
		most: true, how: nothing, right: [][]string{leastClient}},
	{mistake: "header-names-by-case", request: true, wrong: []string{"4.2.1/names-in-lower-case", "4.2.1/names-in-capitals"}, how: unnamed, right: [][]string{leastRequest}},
	{mistake: "header-split-at-every-colon", request: true, wrong: []string{"4.2.1/value-that-looks-like-a-field"}, need: 1, how: unmet, right: [][]string{leastRequest, {"4.2.1/unknown-field"}}},
	{mistake: "header-split-at-colon-space", request: true, wrong: []string{"4.2.1/no-space-after-colons", "4.2.1/tabs-after-colons"}, right: [][]string{leastRequest}},
	{mistake: "header-value-not-trimmed", request: true, wrong: []string{"4.2.1/white-space-after-values"}, need: 1, right: [][]string{leastRequest, {"4.2.1/unknown-field"}}},
	{mistake: "connection-not-a-list", request: true, wrong: []string{"4.2.1/connection-keep-alive-upgrade", "4.2.1/connection-upgrade-keep-alive"}, right: [][]string{leastRequest}},
	{mistake: "connection-by-case", request: true, wrong: []string{"4.2.1/connection-lower-case", "4.2.1/connection-capitals"}, right: [][]string{leastRequest}},
	{mistake: "upgrade-by-case", request: true, wrong: []string{"4.2.1/upgrade-mixed-case", "4.2.1/upgrade-capitals"}, right: [][]string{leastRequest}},
	{mistake: "token-as-substring", wrong: []string{"4.2.1/upgrade-websockets", "4.2.1/upgrade-notwebsocket"}, how: opened, right: [][]string{leastRequest, {"4.2.1/upgrade-h2c"}}},
	{mistake: "token-as-substring", wrong: []string{"4.2.1/connection-upgraded", "4.2.1/connection-no-upgrade"}, how: opened, right: [][]string{leastRequest, {"4.2.1/connection-keep-alive"}}},
	{mistake: "upgrade-not-checked", wrong: []string{"4.2.1/no-upgrade", "4.2.1/upgrade-h2c"}, how: opened, right: [][]string{leastRequest}},
	{mistake: "connection-not-checked", wrong: []string{"4.2.1/no-connection", "4.2.1/connection-keep-alive"}, how: opened, right: [][]string{leastRequest}},
	{mistake: "version-not-checked", wrong: []string{"4.4/version-0", "4.4/version-12", "4.4/version-14", "4.4/version-25*"}, how: opened, right: [][]string{leastRequest}},

	{mistake: "accept-not-checked", clients: true, wrong: []string{"4.1/accept-is-key", "4.1/accept-without-guid", "4.1/accept-for-example-key"}, how: answered, right: [][]string{leastClient}},
	{mistake: "status-not-checked", clients: true, wrong: []string{"4.1/status-200", "4.1/status-403", "4.1/status-500"}, how: answered, right: [][]string{leastClient}},
	{mistake: "answer-read-once", clients: true, wrong: []string{"4.1/cut-*", "4.1/byte-by-byte", "4.1/pieces-of-7-bytes"},
		need: 3, most: true, right: [][]string{leastClient}},
}, forBoth(
	pattern{mistake: "second-frame-lost", wrong: together, how: func(r *verdict.Report) bool { return wrongly(r) && !r.Trace.Faulty }, right: [][]string{leastFrame, cutPayloads, cutHeaders}},
	pattern{mistake: "length-125-refused", wrong: []string{"5.2/text-of-125"}, need: 1, how: nothing, right: [][]string{{"5.2/text-of-124"}}},
	pattern{mistake: "length-125-refused", wrong: []string{"5.2/text-of-125"}, need: 1,
		how: func(r *verdict.Report) bool { return unnamed(r) && r.Trace.Came == 0 && r.Trace.Closed }, right: [][]string{{"5.2/text-of-124"}}},
	pattern{mistake: "length-64-not-supported", wrong: []string{"5.2/text-of-65536", "5.2/text-of-65537"},
		how: func(r *verdict.Report) bool {
			return nothing(r) || unnamed(r) && r.Trace.Came == 0 && r.Trace.Closed && r.Trace.Code != wire.MessageTooBig
		}, right: [][]string{leastFrame, {"5.2/text-of-65535"}}},
	pattern{mistake: "empty-final-fragment-loses-message", wrong: []string{"5.4/last-of-3-empty-one-write", "5.4/last-of-3-empty-own-writes"}, how: nothing,
		right: [][]string{{"5.4/two-fragments-one-write"}, {"5.4/second-of-3-empty-one-write"}}},
	pattern{mistake: "ping-not-answered", wrong: []string{"5.5.2/empty-ping", "5.5.2/ping-of-1", "5.5.2/ping-of-5", "5.7/ping-and-pong"}, how: nothing,
		right: [][]string{leastFrame}, never: hasPong},
	pattern{mistake: "pong-answered", wrong: []string{"5.5.3/pong-of-1", "5.5.3/pong-of-124", "5.5.3/pong-of-125", "5.5.3/pong-not-utf-8", "5.5.3/pong-then-text"},
		how: func(r *verdict.Report) bool { return r.Trace.PongBack }},
	pattern{mistake: "utf8-checked-per-fragment", wrong: []string{"8.1/greek-cut-everywhere", "8.1/greek-in-fragments-of-1"}, how: with1007,
		right: [][]string{{"8.1/greek"}, {"5.4/two-fragments-one-write"}}},
	pattern{mistake: "utf8-checked-per-read", wrong: []string{"tcp/2-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-2"},
		most: true, how: with1007, right: [][]string{leastFrame, {"tcp/text-cut-before-last"}}},
	pattern{mistake: "close-not-answered", wrong: []string{"5.5.1/close-first", "7.1/close-only", "7.4/code-1000", "7.4/code-1001"}, how: hungUp, never: hasClosed},
	pattern{mistake: "close-ignored", wrong: []string{"5.5.1/close-first", "7.1/close-only", "7.4/code-1000", "7.4/code-1001"},
		how: func(r *verdict.Report) bool { return openTCP(r) && r.Trace.Came == 0 }, right: [][]string{leastFrame}, never: hasClosed},
)...)

// forBoth returns ps for servers and for clients. It adds the patterns about frames that
// TCP cuts, which are different for each role: the frame headers differ in size.
func forBoth(ps ...pattern) []pattern {
	var list []pattern
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		headers := cutHeaders
		if role == wire.Client {
			headers = cutBareHeaders
		}
		for _, p := range append([]pattern{
			{mistake: "one-read-one-frame", wrong: cutPayloads, most: true, and: [][]string{headers, together}, right: [][]string{leastFrame}},
			{mistake: "read-not-full", wrong: cutPayloads, most: true, and: [][]string{headers}, right: [][]string{leastFrame, together}},
			{mistake: "payload-read-once", wrong: cutPayloads, most: true, and: [][]string{{"tcp/text-cut-before-last"}}, right: [][]string{leastFrame, headers, together}},
			{mistake: "header-read-once", wrong: headers, and: [][]string{{"tcp/text-cut-at-1"}}, most: true, right: [][]string{leastFrame, cutPayloads, together}},
		}, ps...) {
			p.clients = role == wire.Client
			list = append(list, p)
		}
	}
	return list
}
