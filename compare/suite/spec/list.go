package spec

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"wslab/reference/wire"
)

// ForRole returns the cases that judge role.
func ForRole(cases []*Case, role wire.Role) []*Case {
	var chosen []*Case
	for _, c := range cases {
		if c.Judges == role {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// Match returns the cases that any of patterns chooses, in their own order. Without a
// pattern, it returns all cases. A pattern is an ID ("5.5/ping-of-126"), an ID with * and
// ? ("5.*", "5.5/*-fin-0"), a section ("5.5") with its subsections, a keyword ("MUST"), a
// role ("server"), a rule ("5.2/rsv1"), or a word of the title in any case. A pattern
// that chooses no case is an error.
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
		if i, ok := byID[p]; ok { // fast: a page sends hundreds of IDs
			chosen[i] = true
			continue
		}
		found := false
		// A word of a title counts only if p is not a name.
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

// oldNumber is the form of an ID before cases had names: 5.5/3, 5.5/3c.
var oldNumber = regexp.MustCompile(`^([^/]+)/[0-9]+c?$`)

// numbered returns the section of p, if p is the old number of a case.
func numbered(cases []*Case, p string) (group string, ok bool) {
	m := oldNumber.FindStringSubmatch(p)
	if m == nil || !slices.ContainsFunc(cases, func(c *Case) bool { return c.Group() == m[1] }) {
		return "", false
	}
	return m[1], true
}

// named reports whether p is the ID, section, keyword, role or a rule of c, or a
// pattern of its ID.
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

// Fits reports whether p is c's ID, or a pattern of the ID with * and ?. A * also matches
// the slash: "5.*" fits all of section 5.
func (c *Case) Fits(p string) bool {
	ok, err := path.Match(strings.ReplaceAll(p, "/", "\x00"), strings.ReplaceAll(c.ID, "/", "\x00"))
	return c.ID == p || ok && err == nil
}

// about reports whether p is in c's title.
func (c *Case) about(p string) bool {
	return p != "" && strings.Contains(strings.ToLower(c.Title), strings.ToLower(p))
}
