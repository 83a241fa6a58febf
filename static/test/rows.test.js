import assert from "node:assert/strict";
import { test } from "node:test";
import { Pairs } from "../align.js";
import { Rows, View, goAt, heldAt, jsAt, jsTime, lane, whose } from "../rows.js";
import { Acts, Tape, echo } from "./events.js";

/** What a person sees of the rows at a cursor. */
function picture(rows, cursor, mode = "all") {
  const view = new View(mode);
  view.sync(rows);
  return view.list.slice(0, view.count(cursor)).map((r) => [r.event.kind, jsAt(r, cursor), goAt(r, cursor).text, heldAt(r, cursor)].join("|"));
}

/** @param {object[]} events @param {number} [size] of a batch */
function rowsOf(events, size = events.length) {
  const rows = new Rows();
  for (let i = 0; i < events.length; i += size) rows.append(events.slice(i, i + size));
  return rows;
}

test("JavaScript and Go stand on the row of the frame that they caused or got", () => {
  assert.deepEqual(picture(rowsOf(echo().events), Infinity), [
    "tcp|||",
    "handshake|new WebSocket(…)|Upgrade() → a *Conn|",
    "handshake|onopen||",
    "frame|send(“Hello”)|ReadMessage() → text, 5|",
    "frame|onmessage “Hello”|WriteMessage(text, 5) → nil|",
    "frame|close(1000)|ReadMessage() → close 1000|",
    "tcp|||",
    "script|onclose 1000||",
  ]);
});

test("the rows are the same however the stream cuts its batches", () => {
  const { events } = echo();
  const whole = picture(rowsOf(events), Infinity);
  for (const size of [1, 2, 3, 7]) assert.deepEqual(picture(rowsOf(events, size), Infinity), whole);
});

test("back and forth any number of times gives the same picture", () => {
  const { events } = echo();
  const rows = rowsOf(events);
  const seen = events.map((e) => picture(rows, e.seq));
  for (let round = 0; round < 3; round++) {
    for (let i = events.length - 1; i >= 0; i--) assert.deepEqual(picture(rows, events[i].seq), seen[i]);
    for (let i = 0; i < events.length; i++) assert.deepEqual(picture(rows, events[i].seq), seen[i]);
  }
});

test("what shows at a cursor does not change when more events come", () => {
  const t = echo();
  const rows = new Rows();
  rows.append(t.events);
  const before = t.events.map((e) => picture(rows, e.seq));
  t.open(2, "gorilla");
  t.request(2);
  t.frame(2, "client", "more");
  rows.append(t.events.slice(-3));
  assert.deepEqual(t.events.slice(0, before.length).map((e) => picture(rows, e.seq)), before);
});

test("rows are in order of their place, and only appended", () => {
  const rows = rowsOf(echo().events, 1);
  for (let i = 1; i < rows.list.length; i++) assert.ok(rows.list[i].seq >= rows.list[i - 1].seq);
});

test("the k-th send stands on the k-th client message, fragments and control frames between them", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.frame(1, "client", "one", { fin: false });
  t.frame(1, "client", "", { opcode: 10 });
  t.frame(1, "client", "!", { opcode: 0 });
  t.frame(1, "client", "two");
  t.script(1, "reference-1", "send", { text: "one!", size: 4 });
  t.script(1, "reference-1", "send", { text: "two", size: 3 });
  assert.deepEqual(picture(rowsOf(t.events), Infinity).map((r) => r.split("|")[1]), ["", "send(“one!”)", "", "", "send(“two”)"]);
});

test("a read that returned a message stands on the message's last frame", () => {
  const t = new Tape();
  t.open(1, "reference");
  const read = t.enter(1, "ReadMessage");
  t.frame(1, "client", "one", { fin: false });
  t.frame(1, "client", "!", { opcode: 0 });
  t.back(1, read, "ReadMessage", "text, 4 octets");
  assert.deepEqual(picture(rowsOf(t.events), Infinity).map((r) => r.split("|")[2]), ["", "", "ReadMessage() → text, 4"]);
});

test("a held frame shows the read that waits for it, and no reaction before it has crossed", () => {
  const t = new Tape();
  t.open(1, "reference");
  const read = t.enter(1, "ReadMessage");
  const up = t.frame(1, "client", "Hello");
  t.held(1, up, "waiting");
  const waiting = t.events.length;
  t.held(1, up, "released");
  t.back(1, read, "ReadMessage", "text, 5 octets");
  const down = t.frame(1, "server", "Hello");
  t.held(1, down, "waiting");
  const held = t.events.length;
  t.held(1, down, "released");
  t.script(1, "reference-1", "onmessage", { text: "Hello", size: 5 });
  const rows = rowsOf(t.events);
  assert.equal(picture(rows, waiting)[1], "frame||ReadMessage() … waiting|waiting");
  assert.equal(picture(rows, held)[2], "frame|||waiting");
  assert.equal(picture(rows, Infinity)[2], "frame|onmessage “Hello”||released");
  assert.equal(rows.conn(1).held.length, 0);
});

test("a dropped frame stays, marked", () => {
  const t = new Tape();
  t.open(1, "reference");
  const up = t.frame(1, "client", "Hello");
  t.held(1, up, "waiting");
  t.held(1, up, "dropped");
  assert.equal(picture(rowsOf(t.events), Infinity)[1], "frame|||dropped");
});

test("what is dropped is returned to nobody: the next message is", () => {
  const t = new Tape();
  t.open(1, "reference");
  const lost = t.frame(1, "client", "lost");
  t.held(1, lost, "waiting");
  t.held(1, lost, "dropped");
  const read = t.enter(1, "ReadMessage");
  t.frame(1, "client", "next");
  t.back(1, read, "ReadMessage", "text, 4 octets");
  const down = t.frame(1, "server", "lost");
  t.held(1, down, "waiting");
  t.held(1, down, "dropped");
  t.frame(1, "server", "next");
  t.script(1, "reference-1", "onmessage", { text: "next", size: 4 });
  const seen = picture(rowsOf(t.events), Infinity);
  assert.deepEqual(seen.slice(1), ["frame|||dropped", "frame||ReadMessage() → text, 4|", "frame|||dropped", "frame|onmessage “next”||"]);
});

test("a send that never reached the wire has a row of its own once the connection is over", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.script(1, "reference-1", "send", { text: "lost", size: 4 });
  t.tcp(1, "server", "closed");
  assert.deepEqual(picture(rowsOf(t.events), Infinity), ["tcp|||", "tcp|||", "script|send(“lost”)||"]);
});

test("a WebSocket that no connection came of still tells what JavaScript was told", () => {
  const t = new Tape();
  t.script(0, "reference-1", "new WebSocket");
  t.script(0, "reference-1", "onerror");
  t.script(0, "reference-1", "onclose", { code: 1006, wasClean: false, reason: "" });
  const rows = rowsOf(t.events);
  assert.deepEqual(picture(rows, Infinity).map((r) => r.split("|")[1]), ["new WebSocket(…)", "onerror", "onclose 1006, not clean"]);
  assert.deepEqual(picture(rows, 2), []);
});

test("a Close that answers the server's is not put down to close()", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.frame(1, "server", "", { opcode: 8 });
  t.frame(1, "client", "", { opcode: 8 });
  t.script(1, "reference-1", "close", { code: 1000 });
  assert.deepEqual(picture(rowsOf(t.events), Infinity), ["tcp|||", "frame|||", "frame|||", "script|close(1000)||"]);
});

test("close() stands on its Close frame however late it is reported", () => {
  for (const ended of [false, true]) {
    const t = new Tape();
    t.open(1, "reference");
    const close = t.frame(1, "client", "", { opcode: 8 });
    t.frame(1, "server", "", { opcode: 8 });
    if (ended) t.tcp(1, "server", "closed");
    t.script(1, "reference-1", "close", { code: 1000 });
    t.script(1, "reference-1", "onclose", { code: 1000, wasClean: true, reason: "" });
    for (const size of [1, t.events.length]) {
      const rows = rowsOf(t.events, size);
      const all = picture(rows, Infinity).map((r) => r.split("|")[1]);
      assert.deepEqual(all, ["", "close(1000)", "", ...(ended ? [""] : []), "onclose 1000"]);
      // Step by step, close() never comes after what it caused.
      assert.deepEqual(picture(rows, close.seq).map((r) => r.split("|")[1]), ["", "close(1000)"]);
    }
  }
});

test("the client's end is named for what it is", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "reference", "raw-reference-2");
  t.open(3, "gorilla", "");
  t.open(4, "gorilla", "curl");
  const rows = rowsOf(t.events);
  const conns = [1, 2, 3, 4].map((id) => rows.conn(id));
  assert.deepEqual(conns.map((c) => whose(c, false)), ["your tab", "raw client", "client (outside)", "client"]);
  assert.equal(whose(conns[0], true), "the other tab");
  assert.equal(lane([], false), "your tab");
  assert.equal(lane([conns[2]], true), "client (outside)");
  assert.equal(lane(conns.slice(0, 2), false), "your tab, others");
  assert.equal(lane(conns, false), "client");
});

test("a raw client's write stands on its frame when it is that frame exactly", () => {
  const t = new Tape();
  t.open(1, "reference", "raw-reference-1");
  t.script(1, "raw-reference-1", "write", { size: 11 });
  t.frame(1, "client", "Hello");
  t.script(1, "raw-reference-1", "write", { size: 5 });
  t.frame(1, "client", "Hello");
  assert.deepEqual(picture(rowsOf(t.events), Infinity).map((r) => r.split("|")[1]), ["", "write 11 bytes", "write 5 bytes", ""]);
});

test("each mode has the rows of its connections, a broken server's beside either", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.open(3, "broken/wrong-accept", "broken-1");
  const rows = rowsOf(t.events);
  assert.equal(picture(rows, Infinity, "reference").length, 2);
  assert.equal(picture(rows, Infinity, "gorilla").length, 2);
  assert.equal(picture(rows, Infinity, "all").length, 3);
});

test("nothing is told before the frame that caused it, however the clocks are set", () => {
  const t = new Tape();
  t.open(1, "reference");
  const asked = t.frame(1, "client", "Hello");
  const echo = t.frame(1, "server", "Hello");
  const goodbye = t.frame(1, "server", "", { opcode: 8 });
  Object.assign(t.script(1, "reference-1", "send", { size: 5 }), { at: asked.at + 3000 });
  Object.assign(t.script(1, "reference-1", "onmessage", { size: 5 }), { at: echo.at - 3000 });
  Object.assign(t.script(1, "reference-1", "onclose", { code: 1000 }), { at: goodbye.at - 3000 });
  const rows = rowsOf(t.events);
  assert.equal(jsTime(rows.bySeq.get(asked.seq)), asked.at);
  assert.equal(jsTime(rows.bySeq.get(echo.seq)), echo.at);
  const last = rows.list[rows.list.length - 1];
  assert.equal(last.event.script.what, "onclose");
  assert.equal(last.at, goodbye.at);
});

test("the weekend server has a mode of its own, and no side beside the others", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "naive");
  new Acts(t, ["open"], { client: "play-1", endpoint: "naive", as: "raw" }).tell("begin", 0);
  const rows = rowsOf(t.events);
  assert.equal(picture(rows, Infinity, "reference").length, 1);
  assert.equal(picture(rows, Infinity, "gorilla").length, 0);
  assert.equal(picture(rows, Infinity, "naive").length, 2);
  assert.equal(picture(rows, Infinity, "all").length, 3);
  const pairs = new Pairs();
  pairs.sync(rows);
  assert.equal(pairs.list.length, 1);
  assert.equal(whose(rows.conn(2), false), "your tab");
});

test("the state of a tab's connection follows what its JavaScript was told", () => {
  const rows = rowsOf(echo().events);
  const conn = rows.conn(1);
  assert.equal(conn.stateAt("client", 2)?.state, "CONNECTING");
  assert.equal(conn.stateAt("client", 10)?.state, "OPEN");
  assert.equal(conn.stateAt("client", 19)?.state, "CLOSING");
  assert.equal(conn.stateAt("client", Infinity)?.state, "CLOSED");
});

test("a hundred thousand events become rows without comparing each with each", () => {
  const t = new Tape();
  t.open(1, "reference");
  for (let i = 0; i < 50000; i++) {
    t.frame(1, "client", "x");
    t.script(1, "reference-1", "send", { text: "x", size: 1 });
  }
  const before = process.cpuUsage();
  const rows = rowsOf(t.events, 200);
  assert.equal(rows.list.length, 50001);
  // CPU time, which other programs do not lengthen: it takes some 0.2 s, and 10^10 comparisons take more than 10.
  assert.ok(process.cpuUsage(before).user < 10e6);
  assert.ok(rows.list.every((r) => r.event.tcp || r.js));
});

test("what nobody reads when its step has settled has a row of its own, and its frame tells when it was sent", () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "close 1000", "server tcp read"]);
  acts.tell("begin", 0);
  t.open(1, "reference", "play-1");
  acts.tell("end", 0);
  acts.tell("begin", 1);
  const close = t.script(1, "play-1", "close", { code: 1000 });
  acts.tell("end", 1);
  acts.tell("begin", 2);
  t.frame(1, "client", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  const rows = rowsOf(t.events);
  assert.deepEqual(rows.list.map((r) => jsAt(r, Infinity)), ["", "", "", "close(1000)", "", ""]);
  assert.equal(rows.list.at(-1).sent, close);
});
