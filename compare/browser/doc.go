// Package browser uses a real browser as the client of a scenario. It starts Chromium or
// Firefox without a window on a page of its own. The page receives orders as Server-Sent
// Events, makes the calls of WebSocket that they name, and reports each call and each
// event of JavaScript.
//
//	client.go   Client: the browser of one run, wherever its page is
//	page.go     the page: orders out, reports in; page/ has its files
//	run.go      runs a scenario and writes the result as text
//	process.go  the browser's process and its profile
//	normal.go   replaces random values, so that two runs can be compared
//	times.go    replaces times by classes, for the same reason
//
// A browser itself decides how it closes a connection and how long it waits. The results
// are measurements: another version may behave differently.
package browser
