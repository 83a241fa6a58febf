package suite

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

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
// all of them where there is no pattern. A pattern is an ID ("5.5/ping-of-126"),
// an ID with * and ? ("5.*", "5.5/*-fin-0"), a section ("5.5") with what is below it, a
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
			if group, ok := numbered(cases, p); ok {
				return nil, fmt.Errorf("cases have names now, and no numbers as in %.40q: go run ./compare list %s shows those of section %[2]s", p, group)
			}
			return nil, fmt.Errorf("no case fits %.60q: a pattern is an ID (5.5/ping-of-126), one with * or ? (5.*), a section (5.5), MUST, SHOULD, MAY, server, client, a rule (5.2/rsv1) or a word of a title", p)
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

// oldNumber is what the ID of a case was before cases had names: 5.5/3, 5.5/3c.
var oldNumber = regexp.MustCompile(`^([^/]+)/[0-9]+c?$`)

// numbered returns the group that p names with an old number of a case.
func numbered(cases []*Case, p string) (group string, ok bool) {
	m := oldNumber.FindStringSubmatch(p)
	if m == nil || !slices.ContainsFunc(cases, func(c *Case) bool { return c.Group() == m[1] }) {
		return "", false
	}
	return m[1], true
}

// named reports whether p is c's ID or section, or a pattern of them.
func (c *Case) named(p string) bool {
	if c.Keyword == p || c.Judges.String() == p || slices.Contains(c.Rules, p) {
		return true
	}
	group := c.Group()
	if group == p || c.Section == p || strings.HasPrefix(group, p+".") || strings.HasPrefix(group, p+"-") {
		return true
	}
	return c.Fits(p)
}

// Fits reports whether p is c's ID, or a pattern of it with * and ?. A * crosses
// the slash: "5.*" fits all of section 5.
func (c *Case) Fits(p string) bool {
	ok, err := path.Match(strings.ReplaceAll(p, "/", "\x00"), strings.ReplaceAll(c.ID, "/", "\x00"))
	return c.ID == p || ok && err == nil
}

// about reports whether p is in c's title.
func (c *Case) about(p string) bool {
	return p != "" && strings.Contains(strings.ToLower(c.Title), strings.ToLower(p))
}

// A group gives the cases of one section their IDs.
type group struct {
	name    string // before the slash
	section string // of the RFC
	rfc     int    // 0 is 6455
	cases   []*Case
}

// add appends a case for servers, which is mirrored for clients unless it is
// OneSided. It has the group's section where it has none of its own.
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
	if err := g.wrongName(&c); err != nil {
		panic(err)
	}
	c.ID = g.name + "/" + c.Name
	if c.Section == "" {
		c.Section = g.section
	}
	if c.RFC = cmp.Or(c.RFC, g.rfc); c.RFC == 0 {
		c.RFC = 6455
	}
	g.cases = append(g.cases, &c)
}

// mirrored ends the ID of a case that is mirrored for clients.
const mirrored = "-client"

// longestName is how many bytes a Name has at most. A Name that is mirrored leaves
// room for what that adds.
const longestName = 40

// nameShape is how a Name is written. It has a letter, so that it is no old number.
var nameShape = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)

// wrongName returns an error if c may not be added under its Name.
func (g *group) wrongName(c *Case) error {
	longest := longestName
	if !c.OneSided {
		longest -= len(mirrored)
	}
	switch {
	case c.Name == "":
		return fmt.Errorf("section %s: the case %q has no Name", g.name, c.Title)
	case !nameShape.MatchString(c.Name) || !strings.ContainsFunc(c.Name, unicode.IsLetter):
		return fmt.Errorf("section %s: the Name %q of the case %q is not lower-case words with - or . between", g.name, c.Name, c.Title)
	case strings.HasSuffix(c.Name, mirrored):
		return fmt.Errorf("section %s: the Name %q ends in %s, which is kept for mirrored cases", g.name, c.Name, mirrored)
	case len(c.Name) > longest:
		return fmt.Errorf("section %s: the Name %q has %d bytes, and %d are allowed", g.name, c.Name, len(c.Name), longest)
	}
	for _, other := range g.cases {
		if other.Name == c.Name {
			return fmt.Errorf("section %s: the cases %q and %q have the same Name %q", g.name, other.Title, c.Title, c.Name)
		}
	}
	return nil
}
