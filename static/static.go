// Package static holds the page: its modules, elements and style sheets, as
// they are served. There is no build step, so a browser's developer tools show these files
// unchanged.
//
// # From a field to the screen
//
// Names lead to the code. The MASK bit takes four files:
//
//	reference/dissect/field.go      names the field MASK of a frame
//	labserver/internal/web/api.go   serves the fields of an event as JSON
//	static/inspector.js             asks for them, and holds the selected bit
//	static/elements/bits.js         draws the bits; elements/inspector.js gives it the fields
//
// # Modules without a document
//
//	lab.js                        puts the parts of the lab together:
//	  session.js                    stream, API and recording of one session
//	  inspector.js                  the selected frame, field and bit
//	  cursor.js                     the reader's place: following, stepping
//	  sockets.js                    the page's WebSockets and their reports
//	  actions.js                    buttons and forms
//	  player.js                     plays (runs of scenarios)
//	history.js, rows.js           the events, and the timeline's rows
//	connection.js, shown.js       one connection; the text of a row at a cursor
//	align.js                      two sides in pairs: beside.js pairs, differences.js compares
//	play.js, ends.js, outcome.js  one play, its connection from both ends, how it ended
//	doors.js                      two ways to a WebSocket server, side by side
//	ways.js, race.js, chat.js     costs of the four ways; one run of them; two chats
//	tally.js, heartbeat.js        counts of endings; when each end notices a silence
//	act.js, forms.js              one action and its result; the input of forms
//	parts.js                      the wait between the parts of a write
//	predict.js, unmask.js         answers to predictions; the frame to unmask
//	bugs.js                       the game with the naive server: reactions and score
//	builder.js                    a frame from its fields, and back
//	bits.js, machine.js           a frame as bits; the reference's state machine
//	stack.js, walk.js             the calls at each byte; a walk through the bytes
//	sources.js                    source listings, each requested once
//	format.js, hex.js, status.js  words, hex, and the panel's sentences
//	compare.js, judging.js        the matrix of cases, and its runs
//	headermap.js                  the frame header map
//	api.js, store.js              requests, storage
//	selection.js, keys.js, tail.js  the selection and addresses, keys, scrolling
//
// elements has the custom elements and the helpers that draw them. css has one
// layer a file, in the order of wslab.css. app.js loads what a page needs.
//
// types.d.ts mirrors the JSON of package compare/recording, and elements.d.ts
// names the elements, both for the type checker: tsc -p static. The tests of the
// modules are in test: node --test static/test/*.test.js. Each element is also
// rendered alone in a browser by TestElementsRenderAlone of labserver.
//
// # Adding an element
//
//  1. Write elements/NAME.js with one class that extends LabElement. It imports
//     helpers and modules without DOM, and names the parts of the lab that it
//     needs: LabElement<"session" | "cursor">.
//  2. Add its tag, ws-NAME, to tags in app.js, and to parts where another element is
//     made of it. Add it to elements.d.ts if JavaScript makes or finds it.
//  3. Render it alone in test/alone.js, with a small fake of what it needs.
//
// TestElementsAreListed and test/imports.test.js fail, and say which, when a
// step is forgotten.
package static

import "embed"

// Files holds the files that are served.
//
//go:embed css elements/*.js icon.svg *.js
var Files embed.FS
