import assert from "node:assert/strict";
import { test } from "node:test";
import { Pairs } from "../align.js";
import { Rows } from "../rows.js";
import { Tape } from "./events.js";

/** @param {Tape} t */
function pairsOf(t) {
  const rows = new Rows();
  rows.append(t.events);
  const pairs = new Pairs();
  pairs.sync(rows);
  return pairs;
}

/** Two connections side by side, open. */
function two() {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.request(1);
  t.request(2);
  t.response(1);
  t.response(2);
  return t;
}

/** @param {Pairs} pairs */
const told = (pairs, cursor = Infinity) => pairs.list.flatMap((p) => pairs.differences(p, cursor));

test("rows stand beside each other by what they answer, however the two interleave", () => {
  const t = two();
  t.frame(1, "client", "a");
  t.frame(1, "server", "a");
  t.frame(1, "client", "b");
  t.frame(2, "client", "a");
  t.frame(2, "server", "a");
  t.frame(2, "client", "b");
  const pairs = pairsOf(t);
  assert.equal(pairs.list.length, 6);
  assert.ok(pairs.list.every((p) => p.left && p.right));
  assert.deepEqual(told(pairs), []);
});

test("the masking key, the handshake's key and times are no difference", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.request(1, [{ name: "Sec-WebSocket-Key", value: "one", offset: 0, size: 0 }]);
  t.request(2, [{ name: "Sec-WebSocket-Key", value: "two", offset: 0, size: 0 }]);
  t.frame(1, "client", "a");
  const other = t.frame(2, "client", "a");
  other.frame.header.key = "00000000";
  assert.deepEqual(told(pairsOf(t)), []);
});

test("of two long payloads the part is told that begins with the first difference", () => {
  const t = two();
  t.frame(1, "server", `${"a".repeat(50)}b${"a".repeat(50)}`);
  t.frame(2, "server", "a".repeat(101));
  assert.deepEqual(told(pairsOf(t)), [`reference sent the payload …62${"61".repeat(31)}…, gorilla …${"61".repeat(32)}…`]);
  const same = two();
  for (const conn of [1, 2]) same.frame(conn, "server", "a".repeat(101));
  assert.deepEqual(told(pairsOf(same)), []);
});

test("two Close frames with different codes and reasons are told in words", () => {
  const t = two();
  t.frame(1, "server", "", { opcode: 8, close: { code: 1002, name: "protocol error", reason: "MASK is 0" } });
  t.frame(2, "server", "", { opcode: 8, close: { code: 1007, name: "", reason: "" } });
  assert.deepEqual(told(pairsOf(t)), ["reference closed with 1002, gorilla 1007", "reference gave the reason “MASK is 0”, gorilla nothing"]);
});

/** What two answers to the handshake differ in. */
function answers(first, second) {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.response(1, ...first);
  t.response(2, ...second);
  return { t, told: () => told(pairsOf(t)) };
}

test("another status is told, and not what follows from it", () => {
  const { told } = answers([400, [{ name: "Content-Type", value: "text/plain" }]], [101, [{ name: "upgrade", value: "websocket" }]]);
  assert.deepEqual(told(), ["reference answered with status 400, gorilla 101"]);
});

test("two refusals are compared by status and version; the rest is plain HTTP, in one line", () => {
  const close = { name: "Connection", value: "close" };
  const { told } = answers([426, [close, { name: "Upgrade", value: "websocket" }, { name: "Sec-WebSocket-Version", value: "13" }]], [400, [{ name: "Content-Type", value: "text/plain" }]]);
  assert.deepEqual(told(), ["reference answered with status 426, gorilla 400", "reference answered Sec-WebSocket-Version: 13, gorilla nothing", "fields of plain HTTP differ: Connection, Upgrade, Content-Type"]);
});

test("who broke a rule is said only of those that did", () => {
  const { t, told } = answers([400], [400]);
  assert.deepEqual(told(), []);
  t.events.at(-1).handshake.violations = [{ code: "4.2.2/status" }];
  assert.deepEqual(told(), ["gorilla broke 4.2.2/status"]);
  const other = two();
  other.frame(1, "client", "a", { violations: [{ code: "5.1/mask-missing" }] });
  other.frame(2, "client", "a");
  assert.deepEqual(pairsOf(other).list.flatMap((p) => pairsOf(other).differences(p, Infinity)), ["what was sent to reference broke 5.1/mask-missing"]);
});

test("names of header fields in another case are the same field", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.response(1, 101, [{ name: "Upgrade", value: "websocket" }]);
  t.response(2, 101, [{ name: "upgrade", value: "websocket" }]);
  // The two spellings are compared under each one's own.
  assert.ok(told(pairsOf(t)).length <= 2);
});

test("silence is a difference only once the other side went on or is over", () => {
  const t = two();
  t.frame(1, "client", "a");
  t.frame(2, "client", "a");
  t.frame(1, "server", "a");
  assert.deepEqual(told(pairsOf(t)), []);
  t.tcp(2, "server", "closed");
  assert.equal(told(pairsOf(t)).filter((d) => d.startsWith("only reference: TEXT FIN")).length, 1);
});

test("what the other side had after the cursor was no silence", () => {
  const t = two();
  const pairs = pairsOf(t);
  for (const e of t.events) assert.deepEqual(told(pairs, e.seq), [], `at ${e.seq}`);
});

test("a connection without a partner has no differences", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.frame(1, "client", "a");
  t.tcp(1, "server", "closed");
  assert.deepEqual(told(pairsOf(t)), []);
});

test("the number in the token sets two connections side by side, later ones apart", () => {
  const t = new Tape();
  t.open(1, "reference", "reference-1");
  t.open(2, "gorilla", "gorilla-1");
  t.open(3, "reference", "reference-2");
  t.open(4, "gorilla", "gorilla-2");
  const pairs = pairsOf(t);
  assert.deepEqual(pairs.list.map((p) => [p.left?.conn.id, p.right?.conn.id]), [[1, 2], [3, 4]]);
});

test("what shows at a cursor is the same going back and forth", () => {
  const t = two();
  t.frame(1, "client", "a");
  t.frame(2, "client", "b");
  const pairs = pairsOf(t);
  const before = t.events.map((e) => [pairs.count(e.seq), told(pairs, e.seq)]);
  const again = [...t.events].reverse().map((e) => [pairs.count(e.seq), told(pairs, e.seq)]).reverse();
  assert.deepEqual(again, before);
});
