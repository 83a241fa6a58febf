package runner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wslab/compare/suite"
)

// A Difference is something that the reference and gorilla do differently, and
// why that is so.
type Difference struct {
	Cases     []string // IDs, or runs of them: "5.2/159–160"
	Reference string   // what the reference does
	Gorilla   string   // what gorilla does
	Section   string   // of RFC 6455, which decides
	Reason    string
	BothLegal bool
}

// Differences are all that are known, between the reference and gorilla v1.5.3
// used as its documentation shows.
var Differences = []Difference{
	{
		Cases:     []string{"5.2/159–160", "5.2/162–163", "5.2/165–166", "5.2/168–169", "5.2/171–172", "5.2/174–175", "5.2/177–178", "5.2/180–185"},
		Reference: "fails the connection with 1002", Gorilla: "delivers the message", Section: "5.2",
		Reason: "The minimal number of octets must be used for the length; gorilla does not look which form a data frame has. Its control frames are held to 7 bits.",
	},
	{
		Cases:     []string{"5.2/186–191"},
		Reference: "fails the connection with 1002", Gorilla: "closes TCP without a Close frame", Section: "7.1.7",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.", BothLegal: true,
	},
	{
		Cases:     []string{"5.5.1/20–21"},
		Reference: "fails the connection with 1002", Gorilla: "answers with an empty Close frame", Section: "5.5.1",
		Reason: "Gorilla takes a body of one octet for none. The RFC forbids to send it and does not say what its receiver is to do.", BothLegal: true,
	},
	{
		Cases:     []string{"7.4/33"},
		Reference: "answers with 1014", Gorilla: "fails the connection with 1002", Section: "7.4.2",
		Reason: "1014 was registered after gorilla's list of codes was made.", BothLegal: true,
	},
	{
		Cases:     []string{"8.1/37–243"},
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is", Section: "8.1",
		Reason: "Whoever finds that text is not UTF-8 must fail the connection. Gorilla's documentation leaves it to the application to look, and the application of its example does not.",
	},
}

// expand returns the IDs that d is about.
func (d Difference) expand() ([]string, error) {
	var ids []string
	for _, c := range d.Cases {
		group, numbers, ok := strings.Cut(c, "/")
		first, last, run := strings.Cut(numbers, "–")
		if !run {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if !ok || err1 != nil || err2 != nil || from > to {
			return nil, fmt.Errorf("the known difference %q names no cases", c)
		}
		for n := from; n <= to; n++ {
			ids = append(ids, group+"/"+strconv.Itoa(n))
		}
	}
	return ids, nil
}

// CheckDifferences holds what reference and gorilla did in cases against
// Differences. It returns an error for each difference that is not explained
// there, and for each explanation of a case in which they do not differ.
func CheckDifferences(cases []*suite.Case, reports []suite.Report) []error {
	return checkDifferences(Differences, cases, reports)
}

func checkDifferences(table []Difference, cases []*suite.Case, reports []suite.Report) []error {
	type pair struct{ reference, gorilla *suite.Report }
	both := map[string]*pair{}
	for i := range reports {
		r := &reports[i]
		p := both[r.Case.ID]
		if p == nil {
			p = &pair{}
			both[r.Case.ID] = p
		}
		switch r.Endpoint {
		case "reference":
			p.reference = r
		case "gorilla":
			p.gorilla = r
		}
	}
	known := map[string]bool{}
	var errs []error
	for _, d := range table {
		ids, err := d.expand()
		if err != nil {
			errs = append(errs, err)
		}
		for _, id := range ids {
			if known[id] {
				errs = append(errs, fmt.Errorf("%s stands twice in the known differences", id))
			}
			known[id] = true
		}
	}
	for _, c := range cases {
		p := both[c.ID]
		if p == nil || p.reference == nil || p.gorilla == nil {
			continue
		}
		same := p.reference.Verdict == p.gorilla.Verdict && p.reference.Closing == p.gorilla.Closing
		switch {
		case same && known[c.ID]:
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla no longer differ; take it off the known differences", c.ID, c.Title))
		case !same && !known[c.ID]:
			errs = append(errs, fmt.Errorf("%s %s: reference and gorilla differ, and nobody has said why: reference %s/%s, gorilla %s/%s, %s",
				c.ID, c.Title, p.reference.Verdict, p.reference.Closing, p.gorilla.Verdict, p.gorilla.Closing, p.gorilla.Reason))
		}
	}
	all := suite.All()
	for id := range known {
		if !slices.ContainsFunc(all, func(c *suite.Case) bool { return c.ID == id }) {
			errs = append(errs, fmt.Errorf("the known difference %s is about a case that there is not", id))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
