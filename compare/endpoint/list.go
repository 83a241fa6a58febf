package endpoint

import (
	"fmt"
	"slices"
	"strings"
)

// The names of the implementations under study.
const (
	Reference = "reference"
	Gorilla   = "gorilla"
	Naive     = "naive"
)

// list returns all implementations, the reference first.
func list() []Endpoint {
	return []Endpoint{
		{Name: Reference, perform: performReference, judged: judgeReference, Echo: referenceClient},
		{Name: Gorilla, perform: performGorilla, judged: judgeGorilla, Echo: gorillaClient},
		{Name: Naive, Serve: serveNaive, judged: judgeNaive, Faulty: true},
	}
}

// Named returns every implementation under study, the reference first.
func Named() []Endpoint {
	all := list()
	for i, e := range all {
		if e.perform != nil {
			all[i].Serve = e.perform.serve
		}
	}
	return all
}

// All returns the implementations that keep to the protocol, the reference first.
func All() []Endpoint {
	return slices.DeleteFunc(Named(), func(e Endpoint) bool { return e.Faulty })
}

// Clients returns the implementations that have a client, the reference first.
func Clients() []Endpoint {
	return slices.DeleteFunc(Named(), func(e Endpoint) bool { return e.Echo == nil })
}

// Names returns the names of all.
func Names(all []Endpoint) []string {
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return names
}

// Find returns the endpoint called name: one of Named, or "broken/MISTAKE". The error
// lists all names.
func Find(name string) (Endpoint, error) {
	all := Named()
	for _, m := range Mistakes {
		all = append(all, Endpoint{Name: "broken/" + m.Name, Serve: m.serve, Faulty: true})
	}
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
	}
	return Endpoint{}, fmt.Errorf("there is no endpoint %.40q; there are %s", name, strings.Join(Names(all), " "))
}
