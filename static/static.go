// Package static holds the page: its modules, elements and style sheets, as
// they are served. There is no build step, so a browser's developer tools show
// the files as they are here. The comment at the head of app.js lists the
// modules and the way from a field of a frame to the element that draws it.
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
//  2. Add its line to modules in app.js, and to parts where another element is
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
