import assert from "node:assert/strict";
import { test } from "node:test";
import { Pairs } from "../align.js";
import { Rows, View } from "../rows.js";
import { goAt, heldAt, jsAt, jsTime } from "../shown.js";
import { line } from "../format.js";
import { lane, whose } from "../connection.js";
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

test("a read that returned a message stands on the message's last frame", () => {
  const t = new Tape();
  t.open(1, "reference");
  const read = t.enter(1, "ReadMessage");
  t.frame(1, "client", "one", { fin: false });
  t.frame(1, "client", "!", { opcode: 0 });
  t.back(1, read, "ReadMessage", "text, 4 bytes");
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
  t.back(1, read, "ReadMessage", "text, 5 bytes");
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

test("what is reported before the frame that names it stands on that frame's row", () => {
  const t = new Tape();
  t.open(1, "reference");
  const send = t.script(1, "reference-1", "send", { text: "one", size: 3 });
  const frame = t.frame(1, "client", "one");
  assert.deepEqual([send.script.awaits, frame.by], [true, send.seq]);
  assert.deepEqual(picture(rowsOf(t.events), Infinity).slice(1), ["frame|send(“one”)||"]);
});

test("a write that several calls may have made stands on its frame once its call is back", () => {
  const t = new Tape();
  t.open(1, "reference");
  const call = t.add("call", 1, "server", { id: 1, name: "WriteMessage", verb: "write", phase: "enter", args: "text, 1 byte" });
  const frame = t.frame(1, "server", "a");
  assert.equal(frame.by, undefined);
  const before = t.events.length;
  t.add("call", 1, "server", { id: 1, name: "WriteMessage", verb: "write", phase: "return", result: "nil", of: frame.seq });
  const rows = rowsOf(t.events);
  assert.deepEqual(picture(rows, Infinity).slice(1), ["frame||WriteMessage(text, 1) → nil|"]);
  assert.deepEqual(picture(rows, before).slice(1), ["frame||WriteMessage(text, 1) …|"]);
  assert.ok(call.seq < frame.seq);
});

test("two calls that are about one frame both stand on its row, in their order", () => {
  const t = new Tape();
  t.open(1, "naive");
  const call = (id, name, phase, more) => t.add("call", 1, "server", { id, name, verb: "write", phase, ...more });
  call(1, "send", "enter");
  const inner = call(2, "Write", "enter");
  const frame = t.add("frame", 1, "server", t.frame(2, "server", "a").frame, { by: inner.seq });
  call(2, "Write", "return", { of: frame.seq, result: "nil" });
  call(1, "send", "return", { of: frame.seq, result: "nil" });
  assert.equal(goAt(rowsOf(t.events).bySeq.get(frame.seq), Infinity).text, "send() → nil; Write() → nil");
});

test("what a raw client wrote and completes nothing has a row where it arrives", () => {
  const t = new Tape();
  t.open(1, "reference", "raw-reference-1");
  const one = t.script(1, "raw-reference-1", "write", { size: 2, awaits: true });
  t.add("bytes", 1, "client", { size: 2, hex: "8185" }, { by: one.seq });
  const two = t.script(1, "raw-reference-1", "write", { size: 9, awaits: true });
  const frame = t.add("frame", 1, "client", t.frame(2, "client", "Hello").frame, { by: two.seq });
  const rows = rowsOf(t.events);
  assert.deepEqual(rows.list.filter((r) => r.conn.id === 1).map((r) => [jsAt(r, Infinity), r.event === frame]), [["", false], ["write 2 bytes", false], ["write 9 bytes", true]]);
});

test("a call that closes TCP stands on the row of that end, and none of its effects above it", () => {
  const t = new Tape();
  t.open(1, "reference");
  const call = t.add("call", 1, "server", { id: 1, name: "Close", verb: "close", phase: "enter" });
  const closed = t.add("tcp", 1, "server", { what: "closed" }, { by: call.seq });
  t.add("call", 1, "server", { id: 1, name: "Close", verb: "close", phase: "return", of: closed.seq, result: "nil" });
  assert.deepEqual(picture(rowsOf(t.events), Infinity), ["tcp|||", "tcp||Close() → nil|"]);
});

test("time never goes back, though a tab reports late", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.frame(2, "server", "a");
  Object.assign(t.script(1, "reference-1", "onerror"), { at: 1500 });
  const rows = rowsOf(t.events);
  for (let i = 1; i < rows.list.length; i++) assert.ok(rows.list[i].at >= rows.list[i - 1].at);
});

test("a send that never reached the wire has a row of its own before the connection is over", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.script(1, "reference-1", "send", { text: "lost", size: 4 });
  t.tcp(1, "server", "closed");
  assert.deepEqual(picture(rowsOf(t.events), Infinity), ["tcp|||", "script|send(“lost”)||", "tcp|||"]);
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

test("the client's end is named for what it is", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "reference", "raw-reference-2");
  t.open(3, "gorilla", "");
  t.open(4, "gorilla", "curl", { as: "outside" });
  const rows = rowsOf(t.events);
  const conns = [1, 2, 3, 4].map((id) => rows.conn(id));
  assert.deepEqual(conns.map((c) => whose(c, false)), ["your page", "raw client", "client (outside)", "client (outside)"]);
  assert.equal(whose(conns[0], true), "the other page");
  assert.equal(lane([], false), "your page");
  assert.equal(lane([conns[2]], true), "client (outside)");
  assert.equal(lane(conns.slice(0, 2), false), "your page, others");
  assert.equal(lane(conns, false), "client");
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
  assert.equal(whose(rows.conn(2), false), "your page");
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

test("each part of plain HTTP has a row, which both columns share side by side", () => {
  const t = new Tape();
  const open = t.add("tcp", 4, "client", { what: "open", endpoint: "http", client: "", as: "tab", path: "/api/sessions/x/ways/1/poll" });
  const part = (from, more) => t.add("http", 4, from, { exchange: 1, way: "poll", run: 1, hex: "", ...more });
  part("client", { what: "request", line: "GET /api/sessions/k3jx/ways/1/poll?after=7 HTTP/1.1", size: 556 });
  part("server", { what: "response", line: "HTTP/1.1 200 OK", status: 200, size: 133 });
  part("server", { what: "body", size: 23, data: 23, text: '[{"n":8,"at":1}]' });
  part("server", { what: "end", size: 0, total: { up: 556, down: 156, pieces: 1 } });
  const rows = new Rows();
  rows.append(t.events);
  const list = rows.list.map((r) => line(r.event));
  assert.deepEqual(list.slice(1), ["❱ polling: GET …/ways/1/poll?after=7 · 556 bytes", "❰ polling: 200 OK · 133 bytes", "❰ polling: body “[{\"n\":8,\"at\":1}]” · 23 bytes", "❰ polling: end of the response · 0 bytes"]);
  assert.ok(rows.conns.get(open.conn).plain, "it is no WebSocket, so it has no state");
  const pairs = new Pairs();
  pairs.sync(rows);
  assert.deepEqual(pairs.list.map((p) => [!!p.left, !!p.right]), Array(5).fill([true, false]));
  assert.deepEqual(pairs.list.flatMap((p) => pairs.differences(p, Infinity)), []);
});

test("on raw TCP the bytes have a row, and the client's own calls are in its lane", () => {
  const t = new Tape();
  t.add("tcp", 5, "client", { what: "open", endpoint: "tcp", client: "chat-1-tcp", as: "raw" });
  t.add("call", 5, "client", { id: 1, name: "net.Conn.Write", verb: "write", phase: "enter", args: '5 bytes: "Hello"' });
  t.add("call", 5, "client", { id: 1, name: "net.Conn.Write", verb: "write", phase: "return", result: "5 bytes" });
  t.add("bytes", 5, "client", { size: 5, hex: "48656c6c6f" });
  t.add("call", 5, "server", { id: 2, name: "net.Conn.Read", verb: "read", phase: "enter" });
  t.add("call", 5, "server", { id: 2, name: "net.Conn.Read", verb: "read", phase: "return", result: '5 bytes: "Hello"' });
  const rows = new Rows();
  rows.append(t.events);
  const shown = rows.list.map((r) => [jsAt(r, Infinity), r.event.bytes ? line(r.event) : "", goAt(r, Infinity).text]);
  assert.deepEqual(shown.slice(1), [["net.Conn.Write(5: \"Hello\") → 5", "", ""], ["", "❱ 5 bytes 48 65 6c 6c 6f", ""], ["", "", 'net.Conn.Read() → 5: "Hello"']]);
});
