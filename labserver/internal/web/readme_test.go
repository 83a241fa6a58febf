package web

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestREADMEHasEveryRoute compares the list of routes in README.md with the routes.
func TestREADMEHasEveryRoute(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var told, has []string
	for _, m := range regexp.MustCompile("(?m)^- `((?:GET |POST )?/[^` ]*)`: ").FindAllStringSubmatch(string(b), -1) {
		told = append(told, m[1])
	}
	for _, r := range new(Server).routes() {
		has = append(has, r.pattern)
	}
	for _, route := range has {
		if !slices.Contains(told, route) {
			t.Errorf("README.md does not have the route %s", route)
		}
	}
	for _, route := range told {
		if !slices.Contains(has, route) {
			t.Errorf("README.md has the route %s, which does not exist", route)
		}
	}
}
