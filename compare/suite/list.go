package suite

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"wslab/reference/wire"
)

// sections are the files of cases, in the order of the list. Each returns its
// cases for servers, and cases that only clients can be judged by.
var sections = []func() []*Case{
	section41, section421, section422, section44,
	section51, section52, section53, section54, section55, section551, section552, section553, section56, section57,
	section71, section74, section81, section91, section113,
	sectionTCP, sizes, section7692Negotiation, section7692Data, browsers,
}

// All returns every case, those for servers first, in an order that is the same
// in every run. The slice is the caller's, the cases are not.
func All() []*Case { return slices.Clone(all()) }

var all = sync.OnceValue(func() []*Case {
	var servers, clients []*Case
	for _, section := range sections {
		for _, c := range section() {
			switch {
			case c.Judges == wire.Client:
				clients = append(clients, c)
			case c.OneSided:
				servers = append(servers, c)
			default:
				servers, clients = append(servers, c), append(clients, c.mirror())
			}
		}
	}
	return append(servers, clients...)
})

// ForRole returns those of cases that judge role.
func ForRole(cases []*Case, role wire.Role) []*Case {
	var chosen []*Case
	for _, c := range cases {
		if c.Judges == role {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// Match returns those of cases that any of patterns chooses, in their own order;
// all of them where there is no pattern. A pattern is an ID ("5.5/3"), an ID
// with * and ? ("5.*", "5.5/1?"), a section ("5.5") with what is below it, a
// keyword ("MUST"), a role ("server"), a rule ("5.2/rsv1"), or a word of the
// title in any case. A pattern that chooses nothing is an error.
func Match(cases []*Case, patterns ...string) ([]*Case, error) {
	if len(patterns) == 0 {
		return slices.Clone(cases), nil
	}
	chosen := make([]bool, len(cases))
	byID := make(map[string]int, len(cases))
	for i, c := range cases {
		byID[c.ID] = i
	}
	for _, p := range patterns {
		if i, ok := byID[p]; ok { // a page names hundreds
			chosen[i] = true
			continue
		}
		found := false
		// What names a case names no other by a word in its title.
		for _, fits := range []func(*Case, string) bool{(*Case).named, (*Case).about} {
			for i, c := range cases {
				if fits(c, p) {
					chosen[i], found = true, true
				}
			}
			if found {
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("no case fits %.40q: a pattern is an ID (5.5/3), one with * or ? (5.*), a section (5.5), MUST, SHOULD, MAY, server, client, a rule (5.2/rsv1) or a word of a title", p)
		}
	}
	var list []*Case
	for i, c := range cases {
		if chosen[i] {
			list = append(list, c)
		}
	}
	return list, nil
}

// Expand returns the IDs that a run of them stands for: "5.2/7–9" is 5.2/7, 5.2/8
// and 5.2/9, and "5.2/7c" itself.
func Expand(run string) ([]string, error) {
	group, numbers, ok := strings.Cut(run, "/")
	if !ok {
		return nil, fmt.Errorf("%q is no run of cases, which looks like 5.2/7–9", run)
	}
	first, last, long := strings.Cut(numbers, "–")
	if !long {
		return []string{run}, nil
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from > to {
		return nil, fmt.Errorf("%q is no run of cases, which looks like 5.2/7–9", run)
	}
	var ids []string
	for n := from; n <= to; n++ {
		ids = append(ids, fmt.Sprintf("%s/%d", group, n))
	}
	return ids, nil
}

// named reports whether p is c's ID or section, or a pattern of them.
func (c *Case) named(p string) bool {
	if c.ID == p || c.Keyword == p || c.Judges.String() == p || slices.Contains(c.Rules, p) {
		return true
	}
	group := c.Group()
	if group == p || c.Section == p || strings.HasPrefix(group, p+".") || strings.HasPrefix(group, p+"-") {
		return true
	}
	if !strings.ContainsAny(p, "*?") {
		return false
	}
	// A * of ours crosses the slash: "5.*" is all of section 5.
	ok, err := path.Match(strings.ReplaceAll(p, "/", "\x00"), strings.ReplaceAll(c.ID, "/", "\x00"))
	return ok && err == nil
}

// about reports whether p is in c's title.
func (c *Case) about(p string) bool {
	return p != "" && strings.Contains(strings.ToLower(c.Title), strings.ToLower(p))
}

// A group numbers the cases of one section.
type group struct {
	name    string // before the slash
	section string // of the RFC
	rfc     int    // 0 is 6455
	cases   []*Case
}

// add appends a case for servers, which is mirrored for clients unless it is
// OneSided, with the next number, and with the group's section where it has none
// of its own.
func (g *group) add(c Case) {
	c.Judges = wire.Server
	g.append(c)
}

// addForClients appends a case that only clients can be judged by.
func (g *group) addForClients(c Case) {
	c.Judges, c.OneSided = wire.Client, true
	g.append(c)
}

func (g *group) append(c Case) {
	c.ID = fmt.Sprintf("%s/%d", g.name, len(g.cases)+1)
	if c.Section == "" {
		c.Section = g.section
	}
	if c.RFC = cmp.Or(c.RFC, g.rfc); c.RFC == 0 {
		c.RFC = 6455
	}
	g.cases = append(g.cases, &c)
}
