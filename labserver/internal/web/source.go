package web

import (
	"net/http"
	"strconv"
	"strings"

	"wslab/labserver/internal/lesson"
)

func (s *Server) source(r *http.Request, _ nothing) (any, error) {
	site := r.URL.Query().Get("site")
	listing, err := s.Sites.Listing(site)
	if err != nil {
		return nil, missing(strings.TrimSuffix(err.Error(), ".")+".", "Choose a field of a frame. It names its site.")
	}
	answer := struct {
		Site      string          `json:"site"`
		Reference lesson.Listing  `json:"reference"`
		Gorilla   *lesson.Listing `json:"gorilla"`
	}{Site: site, Reference: listing}
	if g, ok := lesson.GorillaListing(s.Gorilla, site); ok {
		answer.Gorilla = &g
	}
	return answer, nil
}

// sourceLine returns the function of one call of a stack event.
func (s *Server) sourceLine(r *http.Request, _ nothing) (any, error) {
	q := r.URL.Query()
	number, err := strconv.Atoi(q.Get("line"))
	if err != nil || number < 1 {
		return nil, invalid("line="+clipped(q.Get("line"), 40)+" is not the number of a line.", "Send package, func, file and line of a call in a stack event.")
	}
	c := lesson.Call{Package: q.Get("package"), Func: clipped(q.Get("func"), 200), File: q.Get("file"), Line: number}
	listing, ok := lesson.LineListing(s.Sites, lesson.Libraries{Gorilla: s.Gorilla, Std: s.Std}, c)
	if !ok {
		return nil, missing("The lab does not show line "+strconv.Itoa(number)+" of "+clipped(c.File, 80)+" in package "+clipped(c.Package, 80)+".",
			"The lab shows functions of the reference, of the naive server, of gorilla, and of bufio, io, net, net/http and net/textproto.")
	}
	return listing, nil
}
