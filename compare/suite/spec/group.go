package spec

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"wslab/reference/wire"
)

// A Section gives the cases of one section their IDs.
type Section struct {
	Name  string // before the slash
	In    string // of the RFC
	RFC   int    // 0 is 6455
	Cases []*Case
}

// Add appends a case for servers. Unless it is OneSided, it is mirrored for clients.
// Its default Section is In. Add panics if the Name is not allowed.
func (g *Section) Add(c Case) {
	c.Judges = wire.Server
	g.append(c)
}

// AddForClients appends a case for clients only.
func (g *Section) AddForClients(c Case) {
	c.Judges, c.OneSided = wire.Client, true
	g.append(c)
}

func (g *Section) append(c Case) {
	if err := g.wrongName(&c); err != nil {
		panic(err)
	}
	c.ID = g.Name + "/" + c.Name
	if c.Section == "" {
		c.Section = g.In
	}
	if c.RFC = cmp.Or(c.RFC, g.RFC); c.RFC == 0 {
		c.RFC = 6455
	}
	g.Cases = append(g.Cases, &c)
}

// Mirrored is the end of the ID of a case that is mirrored for clients.
const Mirrored = "-client"

// longestName is the longest Name in bytes, Mirrored included.
const longestName = 40

// nameShape is the form of a Name. wrongName also requires a letter, so that a Name is
// not mistaken for an old number.
var nameShape = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)

// wrongName returns an error if the Name of c is not allowed in g.
func (g *Section) wrongName(c *Case) error {
	longest := longestName
	if !c.OneSided {
		longest -= len(Mirrored)
	}
	switch {
	case c.Name == "":
		return fmt.Errorf("section %s: the case %q has no Name", g.Name, c.Title)
	case !nameShape.MatchString(c.Name) || !strings.ContainsFunc(c.Name, unicode.IsLetter):
		return fmt.Errorf("section %s: the Name %q of the case %q is not lower-case words with - or . between", g.Name, c.Name, c.Title)
	case strings.HasSuffix(c.Name, Mirrored):
		return fmt.Errorf("section %s: the Name %q ends in %s, which is kept for mirrored cases", g.Name, c.Name, Mirrored)
	case len(c.Name) > longest:
		return fmt.Errorf("section %s: the Name %q has %d bytes, and %d are allowed", g.Name, c.Name, len(c.Name), longest)
	}
	for _, other := range g.Cases {
		if other.Name == c.Name {
			return fmt.Errorf("section %s: the cases %q and %q have the same Name %q", g.Name, other.Title, c.Title, c.Name)
		}
	}
	return nil
}
