import assert from "node:assert/strict";
import { test } from "node:test";
import { Score, column, eventsOf, lineOf, order, reaction, reactionWords, reactions, rowOf, scenarioOf } from "../bugs.js";
import { History } from "../history.js";
import { Rows } from "../rows.js";
import { Acts, Tape } from "./events.js";

/** The events of a connection: the handshake, the client's bytes, and the server's answers. */
function talk({ status = 101, wrote = "", answers = [], end = "", stopped = "" }) {
  const t = new Tape();
  t.open(1, "naive");
  t.add("bytes", 1, "client", { size: 300, hex: "" });
  t.request(1);
  if (status) t.response(1, status);
  if (wrote) t.add("bytes", 1, "client", { size: wrote.length / 2, hex: wrote });
  for (const text of answers) t.frame(1, "server", text);
  if (end) t.tcp(1, "server", end);
  if (stopped) t.back(1, t.enter(1, "naive.Serve"), "naive.Serve", "nil", { type: "*naive.Stopped", text: stopped });
  return t.events;
}
const react = (naive, reference) => reaction(column(talk(naive)), column(talk(reference)));

test("a column has the response, the frames, the close code, the end and the calls of a server", () => {
  const t = new Tape();
  t.open(1, "gorilla");
  t.add("bytes", 1, "client", { size: 300, hex: "" });
  t.request(1);
  t.response(1);
  t.add("bytes", 1, "client", { size: 11, hex: "" });
  t.back(1, t.enter(1, "ReadMessage"), "ReadMessage", "text, 5 bytes");
  t.enter(1, "ReadMessage");
  t.frame(1, "server", "Hello");
  t.frame(1, "server", "\u0003", { opcode: 8, close: { code: 1002, name: "protocol error", reason: "" } });
  t.tcp(1, "server", "closed");
  t.tcp(1, "client", "fin");
  const c = column(t.events);
  assert.deepEqual(c.answers.map((a) => a.status), [101, 0, 0]);
  assert.deepEqual(c.answers.map((a) => a.line), ["101 Switching Protocols", "TEXT FIN · 5 bytes · “Hello”", "CLOSE FIN · 1002"]);
  assert.equal(c.code, 1002);
  assert.equal(c.end, "TCP closed by the server");
  assert.deepEqual(c.calls, ["ReadMessage() → text, 5", "ReadMessage() …"]);
  assert.equal(c.wrote, 11);
  assert.equal(c.stopped, "");
});

test("the cage's reason is not one of the calls", () => {
  const c = column(talk({ wrote: "81", end: "closed", stopped: "naive: here it panics" }));
  assert.equal(c.stopped, "naive: here it panics");
  assert.deepEqual(c.calls, []);
});

test("the reaction of the naive server is exactly one of the choices", () => {
  assert.equal(react({ wrote: "81", answers: ["Hello"] }, { wrote: "81", answers: ["Hello"] }), "same");
  assert.equal(react({ wrote: "81", answers: ["Hello"], end: "closed" }, { wrote: "81", answers: ["Hello"] }), "same", "the answer counts, not the end");
  assert.equal(react({ wrote: "81", answers: [""] }, { wrote: "81", answers: ["Hello"] }), "other");
  assert.equal(react({ wrote: "81", answers: ["Hello", "Hello"] }, { wrote: "81", answers: ["Hello"] }), "other");
  assert.equal(react({ wrote: "81" }, { wrote: "81", answers: ["Hello"] }), "silent");
  assert.equal(react({ wrote: "81" }, { wrote: "81" }), "silent");
  assert.equal(react({ wrote: "81", end: "closed" }, { wrote: "81" }), "ended");
  assert.equal(react({ wrote: "81", stopped: "naive: too much" }, { wrote: "81" }), "ended");
  // The server sends frames to a client that sent none.
  assert.equal(react({ answers: ["", ""], end: "closed" }, { end: "closed" }), "other");
  assert.equal(react({ end: "closed" }, { answers: ["Hello"] }), "ended");
  // Without bytes after the request, the response is the answer.
  assert.equal(react({}, {}), "same");
  assert.equal(react({ status: 400, end: "closed" }, {}), "other");
  assert.equal(react({ status: 400, end: "closed" }, { status: 400, end: "closed" }), "same");
  assert.equal(react({ status: 0 }, {}), "silent");
  assert.equal(react({ status: 0, end: "closed" }, {}), "ended");
  for (const [value] of reactions) assert.match(reactionWords(value), /^The naive server sent /);
  assert.equal(order[0], "naive");
});

test("the second client of a run belongs to its column", () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "crowd 1"], { client: "play-1", endpoint: "reference", as: "raw" });
  acts.tell("begin", 0);
  for (const [conn, client] of [[1, "play-1"], [2, "play-1-crowd-1"], [3, "play-10"]]) {
    t.open(conn, "reference", client);
    t.request(conn);
    t.response(conn);
  }
  acts.tell("end", 0);
  acts.tell("begin", 1);
  acts.tell("end", 1);
  t.tcp(1, "server", "closed"); // the end of the run is not the server's reaction
  acts.over();
  const session = { history: new History(), rows: new Rows() };
  session.rows.append(session.history.append(t.events));
  const c = column(eventsOf(session, session.rows.plays.byToken.get("play-1")));
  assert.deepEqual(c.answers.map((a) => a.conn), [1, 2]);
  assert.equal(c.end, "");
});

test("built bytes become a scenario with a write for each part", () => {
  const text = scenarioOf({ parts: ["81", "8500"], fields: [["Origin", "http://example.com"], ["Upgrade", null]], leaves: true });
  assert.deepEqual(text.split("\n").filter((l) => l && !l.startsWith("#")), ["field Origin: http://example.com", "remove Upgrade", "open", "bytes 81", "bytes 8500", "tcp close"]);
  const lines = text.split("\n");
  for (const [i, l] of lines.entries()) if (l.startsWith("bytes")) assert.match(lines[i - 1], /^# /, "without a comment between them, two lines leave in one write");
  assert.deepEqual(scenarioOf({ parts: [], fields: [], leaves: false }).split("\n"), ["# Your bytes", "", "open"]);
});

test("the score keeps what was found, and survives anything in the browser's storage", () => {
  const score = new Score(undefined);
  const seen = [{ number: 11, conn: 3, events: [20, 24], said: "It read 1 byte." }];
  assert.deepEqual(score.add(seen, "a", 0).map((f) => f.number), [11]);
  assert.deepEqual(score.add(seen, "a", 0), [], "a fault is found once");
  assert.deepEqual(score.add([{ ...seen[0], said: "Again." }], "b", 0), [], "and its evidence is of the newest session");
  assert.equal(score.found.get(11)?.said, "Again.");
  score.add(seen, "a", 0);
  score.predict(true);
  score.predict(false);
  const again = new Score(JSON.parse(JSON.stringify(score.kept)));
  assert.equal(again.found.get(11)?.session, "a");
  assert.equal(again.words(34, 12), "1 of 34 faults found. Exercise: 11 more to find. 1 of 2 predictions were right.");
  assert.equal(again.words(34, 1), "1 of 34 faults found. Exercise done: 1 fault. 1 of 2 predictions were right.");
  assert.equal(new Score(null).words(34, 0), "0 of 34 faults found.");
  for (const bad of [null, 7, "x", [], { found: "x" }, { found: [null, 1, {}, { number: 1 }], right: "x", predicted: -1 }, { right: 9, predicted: 2 }]) {
    const s = new Score(bad);
    assert.equal(s.found.size, 0);
    assert.ok(s.right <= s.predicted && s.predicted >= 0);
  }
});

test("after a reset, an effect that was recorded before opens no card", () => {
  const score = new Score(null);
  const seen = [{ number: 11, conn: 3, events: [20, 24], said: "" }];
  assert.deepEqual(score.add(seen, "a", 24), []);
  assert.deepEqual(score.add([{ ...seen[0], events: [20, 40] }], "a", 24).length, 1);
});

test("the line of a call has its arguments and its result, from either of its events", () => {
  const t = new Tape();
  t.open(1, "naive");
  const frame = t.frame(1, "server", "Hello");
  const id = t.enter(1, "make", "[]byte, 126");
  const back = t.back(1, id, "make", "126 bytes");
  const alone = t.enter(1, "Read", "up to 4 bytes");
  const history = new History();
  history.append(t.events);
  assert.equal(lineOf(history, back), "make([]byte, 126) → 126");
  assert.equal(lineOf(history, history.get(back.seq - 1)), "make([]byte, 126) → 126");
  assert.match(lineOf(history, t.events[t.events.length - 1]), /Read\(.*\) …/);
  assert.equal(lineOf(history, frame), "❰ TEXT FIN · 5 bytes · “Hello”");
  assert.ok(alone);
});

test("a link leads to the row of an event, of its call, or of what came before", () => {
  const t = new Tape();
  t.open(1, "naive");
  t.request(1);
  t.response(1);
  const frame = t.frame(1, "client", "Hello");
  const call = t.enter(1, "make", "[]byte, 5");
  const back = t.back(1, call, "make", "5 bytes");
  const bytes = t.add("bytes", 1, "client", { size: 5, hex: "" });
  const rows = new Rows();
  rows.append(t.events);
  assert.equal(rowOf(rows, frame.seq, 1)?.event, frame);
  assert.ok(rowOf(rows, back.seq, 1)?.calls.some((c) => c.ret === back));
  assert.ok((rowOf(rows, bytes.seq, 1)?.seq || 0) >= frame.seq);
  assert.equal(rowOf(rows, 1, 9), rows.bySeq.get(1));
  assert.equal(rowOf(rows, 999, 9), null);
});
