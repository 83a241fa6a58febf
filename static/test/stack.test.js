import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, place } from "../predict.js";
import { Rows } from "../rows.js";
import { isOwn, pieceAt, pieces, sizeOf, trace } from "../stack.js";
import { Walk, crossing, groups, known, lineAt, nest, placeOf, range, smallest, together } from "../walk.js";
import { Tape } from "./events.js";

const gorilla = "github.com/gorilla/websocket";

/** Calls as the tap sees them, innermost first: "read:371 advanceFrame:809". */
const calls = (text, library = gorilla) =>
  text.split(" ").map((c, depth) => {
    const [func, line] = c.split(":");
    const outside = func.includes("/");
    return { func: outside ? func.slice(func.indexOf("/") + 1) : func, package: outside ? func.slice(0, func.indexOf("/")) : library, file: outside ? "other.go" : "conn.go", line: Number(line), depth };
  });

const header = calls("bufio/fill:113 bufio/Peek:144 read:371 advanceFrame:809 NextReader:1009 ReadMessage:1093");
const length = calls("bufio/fill:113 bufio/Peek:144 read:371 advanceFrame:883 NextReader:1009 ReadMessage:1093");
const payload = calls("bufio/Read:239 messageReader.Read:1050 ReadMessage:1097");
const write = calls("write:392 flushFrame:621 WriteMessage:770");

/** A request of 10 bytes and a frame of 11, of which each Read returns one byte, and the echo in two Writes. */
function sipped(endpoint = "gorilla", of = [header, length, payload, write]) {
  const t = new Tape();
  t.open(1, endpoint);
  const request = t.request(1);
  request.handshake.size = 10;
  t.add("stack", 1, "client", { op: "read", at: 0, size: 10, calls: calls("net/http/serve:1:") });
  for (let i = 0; i < 11; i++) t.add("stack", 1, "client", { op: "read", at: 10 + i, size: 1, calls: of[i < 2 ? 0 : i < 6 ? 1 : 2] });
  const frame = t.frame(1, "client", "Hello");
  frame.frame.offset = 10;
  t.add("stack", 1, "server", { op: "write", at: 0, size: 2, calls: of[3] });
  t.add("stack", 1, "server", { op: "write", at: 2, size: 5, calls: of[3] });
  const echo = t.frame(1, "server", "Hello");
  const rows = new Rows();
  rows.append(t.events);
  const { stacks } = rows.conns.get(1);
  return { t, rows, stacks, request, frame, echo, side: { endpoint, stacks, events: [request, frame, echo] } };
}

test("each byte of a frame has the Read that returned it, and none of another stream", () => {
  const { stacks, request, frame, echo, rows } = sipped();
  assert.equal(rows.list.filter((r) => r.event.stack).length, 0, "a stack has no row of its own");
  const list = pieces(stacks, frame);
  assert.equal(list.length, sizeOf(frame));
  assert.deepEqual(list.map((p) => [p.first, p.last]), Array.from({ length: 11 }, (_, i) => [i, i]));
  assert.equal(pieceAt(list, 6).calls, payload);
  assert.deepEqual(pieces(stacks, request).map((p) => [p.first, p.last, p.op]), [[0, 9, "read"]]);
  assert.deepEqual(pieces(stacks, echo).map((p) => [p.first, p.last, p.op]), [[0, 1, "write"], [2, 6, "write"]]);
});

test("a Read that returns the bytes of two units belongs to both, and each knows how many were another's", () => {
  const { frame } = sipped();
  const second = { ...frame, seq: 99, frame: { ...frame.frame, offset: 21 } };
  const stacks = [{ seq: 1, from: "client", kind: "stack", stack: { op: "read", at: 10, size: 22, calls: header } }];
  assert.deepEqual(pieces(stacks, frame).map((p) => [p.first, p.last, p.whole]), [[0, 10, 22]]);
  assert.deepEqual(pieces(stacks, second).map((p) => [p.first, p.last, p.whole]), [[0, 10, 22]]);
  const text = crossing(pieces(stacks, frame)[0], 4);
  assert.match(text, /One Read returned bytes 0–10, and 11 bytes of another unit at once\. A buffer keeps them/);
  assert.match(crossing(undefined, 4), /no call stack/);
});

test("a refusal has the calls that gave it to net/http", () => {
  const t = new Tape();
  t.open(1, "gorilla");
  const response = t.response(1, 403);
  const refuse = { from: "server", stack: { op: "respond", at: 0, size: 0, status: 403, calls: calls("returnError:85 Upgrade:153") } };
  const sent = { from: "server", stack: { op: "write", at: 0, size: 129, calls: calls("net/finishRequest:1") } };
  const [piece, ...more] = pieces([sent, refuse], response);
  assert.deepEqual([piece.op, piece.last, more.length], ["respond", 128, 0]);
  assert.match(crossing(piece, 0), /net\/http sent the bytes after/);
  assert.equal(pieces([sent], t.response(1, 404))[0].op, "write");
});

test("bytes in a row for which the same line waits are one group", () => {
  const { stacks, frame } = sipped();
  assert.deepEqual(
    groups(pieces(stacks, frame)).map((g) => [range(g.first, g.last), g.count, placeOf(g.calls, "gorilla")]),
    [["bytes 0–1", 2, "read, conn.go line 371, called by advanceFrame, conn.go line 809"], ["bytes 2–5", 4, "read, conn.go line 371, called by advanceFrame, conn.go line 883"], ["bytes 6–10", 5, "messageReader.Read, conn.go line 1050, called by ReadMessage, conn.go line 1097"]],
  );
});

test("the calls outside the implementation are folded, and the outermost comes first", () => {
  const items = nest(header, "gorilla");
  assert.deepEqual(items.map((i) => [i.own, i.calls.map((c) => c.func)]), [[true, ["ReadMessage"]], [true, ["NextReader"]], [true, ["advanceFrame"]], [true, ["read"]], [false, ["Peek", "fill"]]]);
  assert.equal(trace(header, "gorilla"), "read < advanceFrame < NextReader < ReadMessage");
  assert.equal(trace(header, "naive"), "");
  assert.ok(isOwn({ package: "wslab/reference/wire" }, "reference") && !isOwn({ package: "wslab/references" }, "reference"));
});

test("a walk goes byte by byte through the units, and line by line", () => {
  const { side } = sipped();
  const walk = new Walk();
  assert.ok(walk.take([side]));
  assert.ok(!walk.take([side]), "nothing is new");
  assert.deepEqual([walk.units.length, walk.size(0), walk.size(1), walk.size(2)], [3, 10, 11, 7]);
  walk.to(1, 0);
  const reached = [];
  do reached.push(`${walk.at}:${walk.byte}`);
  while (walk.change(1));
  assert.deepEqual(reached, ["1:0", "1:2", "1:6", "2:0"]);
  walk.to(0, 8);
  assert.ok(walk.move(1) && walk.move(1));
  assert.deepEqual([walk.at, walk.byte], [1, 0]);
  assert.ok(walk.move(-1));
  assert.deepEqual([walk.at, walk.byte], [0, 9]);
  walk.to(0, 0);
  assert.ok(!walk.move(-1), "there is no byte before the first");
  walk.to(9, 99);
  assert.deepEqual([walk.at, walk.byte], [2, 6]);
  assert.ok(!walk.move(1), "there is no byte after the last");
});

test("there and back again, line by line, leads to the same bytes", () => {
  const { side } = sipped();
  const walk = new Walk();
  walk.take([side]);
  const there = [];
  do there.push([walk.at, walk.byte].join());
  while (walk.change(1));
  const back = [[walk.at, walk.byte].join()];
  while (walk.change(-1)) back.unshift([walk.at, walk.byte].join());
  assert.deepEqual(back, there);
});

test("of two servers, the k-th unit of each end is beside the k-th", () => {
  const one = sipped();
  const two = sipped("reference", [calls("fill:1", "wslab/reference"), calls("fill:1", "wslab/reference"), calls("fill:1", "wslab/reference"), calls("write:2", "wslab/reference")]);
  two.side.events.splice(2, 1); // its echo is not recorded yet
  const units = together([two.side, one.side]);
  assert.deepEqual(units.map((u) => u.events.map((e) => e?.kind || "")), [["handshake", "handshake"], ["frame", "frame"], ["", "frame"]]);
  const walk = new Walk();
  walk.take([one.side, two.side]);
  walk.to(2, 0);
  assert.deepEqual(walk.pieces(1), []);
});

test("what is known at a byte are the fields that end with it", () => {
  const fields = [["FIN", 0, 1], ["opcode", 1, 7], ["MASK", 8, 1], ["payload length", 9, 7], ["masking key", 16, 32], ["payload", 48, 40]].map(([name, bit, bits]) => ({ name, bit, bits }));
  assert.deepEqual(known(fields, 0).done.map((f) => f.name), ["FIN", "opcode"]);
  assert.equal(known(fields, 0).now, undefined);
  const key = known(fields, 3);
  assert.deepEqual([key.done.length, key.now.name, key.has], [4, "masking key", 2]);
  assert.equal(known(fields, 10).done.length, 6);
});

test("a byte of a handshake is shown in its line", () => {
  const text = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
  assert.deepEqual(lineAt(text, 0), { before: "", at: "G", after: "ET / HTTP/1.1\r" });
  assert.deepEqual(lineAt(text, 17), { before: "H", at: "o", after: "st: here\r" });
  assert.deepEqual(lineAt(text, 15), { before: "GET / HTTP/1.1\r", at: "\n", after: "" });
  assert.deepEqual(lineAt(text, 29), { before: "\r", at: "\n", after: "" });
});

test("a question about the calls is answered from the recording", () => {
  const { stacks, frame } = sipped();
  const context = { pieces: pieces(stacks, frame).length, stack: (n) => trace(pieceAt(pieces(stacks, frame), n).calls, "gorilla") };
  assert.equal(evaluate("stack.2", frame, context), "read < advanceFrame < NextReader < ReadMessage");
  assert.equal(evaluate("pieces", frame, context), 11);
  assert.equal(evaluate("stack.2", frame), undefined, "without a stack there is no answer");
  assert.equal(place(frame, "pieces"), "The number of Reads was");
});

test("the smallest message in two Writes is found when the one below it was sent, too", () => {
  const sent = (size, writes) => {
    const e = { seq: size, from: "server", kind: "frame", frame: { offset: 0, size: size + 4, header: { opcode: 2, length: String(size) } } };
    const cut = Math.ceil((size + 4) / writes);
    const stacks = Array.from({ length: writes }, (_, i) => ({ from: "server", stack: { op: "write", at: i * cut, size: cut, calls: write } }));
    return { endpoint: "gorilla", events: [e], stacks };
  };
  assert.deepEqual(smallest([], "gorilla", 2), { tried: 0, least: null, most: null, solved: false });
  assert.equal(smallest([sent(9000, 2), sent(100, 1)], "gorilla", 2).solved, false);
  assert.deepEqual(smallest([sent(4083, 2), sent(9000, 2), sent(4082, 1), sent(100, 1)], "gorilla", 2), { tried: 4, least: 4083, most: 4082, solved: true });
  assert.equal(smallest([sent(4083, 2), sent(4082, 1)], "reference", 2).tried, 0, "of another server nothing is known");
});
