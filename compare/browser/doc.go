// Package browser has a real browser play the client of a scenario: it starts a
// Chromium or Firefox without a window on a page of its own, tells the page by a
// stream of orders what to do with its WebSockets, and is told what JavaScript
// did and was told.
//
//	client.go   Client: one play's side of a browser, wherever its page is
//	page.go     the page: orders out, reports in; page/ holds its files
//	run.go      a scenario played, and what came of it as text
//	process.go  the browser's process and its profile
//	normal.go   what is drawn at random, and times.go how long things took, in a
//	            form that can be compared
//
// A browser decides by itself how it closes a connection and how long it waits.
// So what is recorded here is measured and not promised: another version may do
// otherwise.
package browser
