// Package static holds the page: its modules, elements and style sheets, as
// they are served. There is no build step; what is here is what a browser
// gets, so every file can be read in its developer tools as it stands.
//
//	*.js        logic without DOM: the recording as it is held (history.js), its rows (rows.js), two
//	            sides aligned, and where they part (align.js), a frame's bits (bits.js), words (format.js), what
//	            forms hold (forms.js), predictions (predict.js), which frame is unmasked (unmask.js), selection and addresses (selection.js), keys (keys.js),
//	            the matrix of cases (compare.js), the header map (headermap.js), what an action caused and
//	            how it stands (act.js), what the panel says (status.js), a list read at its end (tail.js)
//	play.js     a play of a scenario, as its steps tell of it; ends.js: its connection seen from both ends;
//	            outcome.js: how that ended; tally.js: how many runs ended in which way; heartbeat.js: who notices a silence, and when
//	lab.js      the learner's session, over api.js (HTTP and the stream) and store.js (what is remembered);
//	            player.js: plays in it
//	elements/   custom elements, the glue between those and the document
//	css/        one layer a file, in the order of wslab.css
//	app.js      loads the elements that a page has
//	test/       tests of the modules: node --test static/test/*.test.js
//
// types.js mirrors the JSON of package compare/recording for the type checker:
// tsc -p static.
package static

import "embed"

// Files holds what is served. Tests, types.js and tsconfig.json are for
// whoever works on the page, so they are not in it.
//
//go:embed css elements icon.svg theme.js app.js
//go:embed act.js align.js api.js bits.js compare.js ends.js format.js forms.js headermap.js heartbeat.js history.js keys.js lab.js
//go:embed outcome.js play.js player.js predict.js rows.js selection.js status.js store.js tail.js tally.js unmask.js
var Files embed.FS
