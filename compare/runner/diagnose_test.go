package runner_test

import (
	"slices"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

// named returns the codes of what seems to be wrong.
func named(reports []suite.Report) []string {
	var codes []string
	for _, d := range suite.DiagnoseAll(reports) {
		codes = append(codes, d.Mistake.Code)
	}
	return codes
}

func TestFaultsOfTheWeekendServerAreNamed(t *testing.T) {
	e, err := endpoint.Find("naive")
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	// Those that it does not leave unanswered: they take no time.
	cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), "4.2.1/?", "4.2.1/4?", "4.2.1/5?", "4.2.1/60", "4.2.1/10?", "5.4/?", "5.4/1?", "5.2/119", "5.2/139", "5.6/2", "5.5.1/1", "7.1/1")
	if err != nil {
		t.Fatal(err)
	}
	codes := named(runner.Judge(t.Context(), cases, []suite.Target{runner.TargetOf("naive", addr)}, 0, nil))
	want := []string{
		"key-name-by-case", "header-names-by-case", "connection-not-a-list", "connection-by-case", "upgrade-by-case", "method-not-checked",
		"first-fragment-dropped", "empty-fragment-ends-message", "close-not-answered", "binary-sent-as-text",
	}
	if !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
}
