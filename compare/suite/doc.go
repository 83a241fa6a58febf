// Package suite judges WebSocket endpoints: it plays conversations, right and
// wrong, over real connections, and compares the answers with RFC 6455. It is the
// door to the packages below it; other packages import suite alone.
//
// Imports run in one direction:
//
//	spec        the words that a case is written in; what came, as a check sees it
//	cases       the cases: opening, frames, deflate, one file for each RFC section
//	transcript  what came of one case, and which outcome it fits
//	verdict     the judgement: a function of case and transcript; Report
//	mistakes    what implementers get wrong, by name: of one report, or of many
//	play        the engine: plays a case at a target, returns a transcript
//	suite       Run: play, then verdict, then mistakes
//
// A case is data. It says what the judge does (Steps), which reactions are legal
// (Outcomes, the best first), and how the connection must end (End). A frame has no
// role: one that says nothing about its mask is masked when the judge is a client,
// so the same case judges servers and, with the roles swapped, clients.
//
// Only a case of a MUST can be failed, and its Duty says where that sentence is and
// whom it binds. A MUST that binds a sender does not make a lax receiver wrong. The
// behavior and the closing are judged apart.
//
// # Recipe: add a case
//
//  1. Open the file of its RFC section in cases, such as cases/frames/s5_5_2.go.
//  2. Write s.Add(Case{…}) where it fits in the reading order.
//  3. Name: lower-case words, unique in the section, never changed later.
//  4. Title, Requirement: one line each. The requirement is in our own words.
//  5. Keyword: Must with a Duty from spec/duties.go, or Should or May with Lax.
//  6. Steps: what the judge sends. Outcomes: each legal reaction, the best first.
//  7. OneSided, if the case makes no sense with the roles swapped.
//  8. go test ./compare/suite/cases says which step was forgotten.
//  9. go run ./compare judge -endpoint reference,gorilla SECTION/NAME plays it.
//  10. go run ./compare adds its own line to compare/outputs.
//
// # Trail: the verdict of one case
//
// suite.go, Run: plays the case and judges it. play/run.go, run: makes the
// transcript. verdict/verdict.go, Judge: makes the report from case and transcript.
// transcript/fit.go, Best: finds the outcome that fits what came.
package suite
