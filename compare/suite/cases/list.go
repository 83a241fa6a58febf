package cases

import (
	"slices"
	"sync"

	"wslab/compare/suite/cases/deflate"
	"wslab/compare/suite/cases/frames"
	"wslab/compare/suite/cases/opening"
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// sections are the files of cases, in the order of the list. Each returns its cases for
// servers, and the cases that can only judge clients.
var sections = []func() []*Case{
	opening.Section41, opening.Section421, opening.Section422, opening.Section44,
	frames.Section51, frames.Section52, frames.Section53, frames.Section54, frames.Section55, frames.Section551, frames.Section552, frames.Section553, frames.Section56, frames.Section57,
	frames.Section71, frames.Section74, frames.Section81, opening.Section91, opening.Section113,
	frames.SectionTCP, frames.Sizes, deflate.Section7692Negotiation, deflate.Section7692Data, opening.Browsers,
}

// All returns every case, those for servers first. The order is the same in every run.
// The caller may change the slice, but not the cases.
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
				servers, clients = append(servers, c), append(clients, c.Mirror())
			}
		}
	}
	return append(servers, clients...)
})
