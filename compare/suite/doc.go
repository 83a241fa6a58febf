// Package suite judges WebSocket endpoints: it plays conversations, valid and invalid,
// over real connections, and compares the reactions with RFC 6455. Other packages import
// suite, and none of the packages below it.
//
// Imports run in one direction, down this list:
//
//	suite       Run: play, then verdict, then mistakes
//	play        the engine: plays a case at a target, returns a transcript
//	mistakes    names the mistake that one report shows, or many together
//	verdict     Judge: makes a Report from a case and its transcript
//	transcript  the record of one case, and the outcome that it fits
//	cases       the cases: opening, frames, deflate, one file for each RFC section
//	spec        the types and functions with which a case is written
//
// A case is data. It says what the judge does (Steps), which reactions are allowed
// (Outcomes, the best first), and how the connection must end (End). A Frame is masked if
// the judge is a client, so the same case judges servers and, mirrored, clients.
//
// Only a case of a MUST can be failed. Its Duty has the place of the sentence and the
// party that the sentence binds. A MUST that binds a sender does not make a lax receiver
// wrong. The behavior and the closing have a verdict each.
//
// # Recipe: add a case
//
//  1. Open the file of its RFC section in cases, such as cases/frames/s5_5_2.go.
//  2. Write s.Add(Case{…}) where it fits in the reading order.
//  3. Name: lower-case words, unique in the section, never changed later.
//  4. Title, Requirement: one line each. The requirement is in our own words.
//  5. Keyword: Must with a Duty from spec/duties.go, or Should or May with Lax.
//  6. Steps: what the judge sends. Outcomes: each allowed reaction, the best first.
//  7. OneSided, if the case makes no sense with the roles swapped.
//  8. go test ./compare/suite/cases says which step was forgotten.
//  9. go run ./compare judge -endpoint reference,gorilla SECTION/NAME plays it.
//  10. go run ./compare adds its own line to compare/outputs.
//
// # Trail: the verdict of one case
//
// suite.go, Run: plays the case and judges it. play/run.go, run: makes the transcript.
// verdict/verdict.go, Judge: makes the report from case and transcript.
// transcript/fit.go, Best: finds the outcome that fits the transcript.
package suite
