package runner_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/compare/tcptest"
	"wslab/reference/naive"
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
	// Those that it does not leave unanswered: they take no time.
	cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), "4.2.1/method-*", "4.2.1/least-request", "4.2.1/host-of-another-server", "4.2.1/host-in-capitals-last", "4.2.1/upgrade-mixed-case", "4.2.1/upgrade-capitals", "4.2.1/upgrade-websocket-then-h2c", "4.2.1/upgrade-h2c-then-websocket", "4.2.1/upgrade-h2c-websocket-without-space", "4.2.1/two-upgrade-fields-websocket-second", "4.2.1/two-upgrade-fields-websocket-first", "4.2.1/no-upgrade", "4.2.1/empty-upgrade", "4.2.1/upgrade-h2c", "4.2.1/upgrade-websockets", "4.2.1/upgrade-notwebsocket", "4.2.1/upgrade-web-space-socket", "4.2.1/upgrade-list-without-comma", "4.2.1/upgrade-websocket-slash-13", "4.2.1/connection-lower-case", "4.2.1/connection-capitals", "4.2.1/connection-keep-alive-upgrade", "4.2.1/connection-upgrade-keep-alive", "4.2.1/names-*", "4.2.1/unknown-*", "4.2.1/fields-in-opposite-order", "4.2.1/field-without-value", "4.2.1/accept-in-request", "5.4/first-*", "5.4/two-binary-*", "5.4/two-fragments-*", "5.4/last-*", "5.4/all-3-*", "5.4/second-*", "5.4/all-in-last-fragment-one-write", "5.2/text-of-1", "5.2/binary-of-1", "5.6/empty-text-and-binary", "5.5.1/close-first", "7.1/close-only")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	synctest.Test(t, func(t *testing.T) {
		l := tcptest.Listen()
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_ = naive.Serve(c, naive.Options{Limits: naive.Limits{Memory: endpoint.JudgedMessage, Wait: endpoint.IdleTimeout, Total: endpoint.IdleTimeout}})
				}()
			}
		}()
		codes = named(runner.Judge(t.Context(), cases, []suite.Target{inMemory("naive", l)}, 0, nil))
	})
	want := []string{
		"key-name-by-case", "header-names-by-case", "connection-not-a-list", "connection-by-case", "upgrade-by-case", "method-not-checked",
		"first-fragment-dropped", "empty-fragment-ends-message", "close-not-answered", "binary-sent-as-text",
	}
	if !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
}
