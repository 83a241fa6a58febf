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
  assert.deepEqual(told(pairsOf(t)), ["reference closed with 1002, gorilla 1007", "reference gave the close reason “MASK is 0”, gorilla nothing"]);
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

test("two refusals are compared by their status; the rest is plain HTTP", () => {
  const close = { name: "Connection", value: "close" };
  const { told } = answers([426, [close, { name: "Upgrade", value: "websocket" }, { name: "Sec-WebSocket-Version", value: "13" }]], [400, [{ name: "Content-Type", value: "text/plain" }]]);
  assert.deepEqual(told(), ["reference answered with status 426, gorilla 400"]);
});

test("who broke a rule is said only of those that did", () => {
  const t = two();
  t.frame(1, "server", "a");
  t.frame(2, "server", "a");
  assert.deepEqual(told(pairsOf(t)), []);
  t.events.at(-1).frame.violations = [{ code: "5.1/mask-set" }];
  assert.deepEqual(told(pairsOf(t)), ["gorilla broke 5.1/mask-set"]);
  const other = two();
  other.frame(1, "client", "a", { violations: [{ code: "5.1/mask-missing" }] });
  other.frame(2, "client", "a");
  assert.deepEqual(told(pairsOf(other)), ["what was sent to reference broke 5.1/mask-missing"]);
});

test("equal rows are never marked, and neither is what follows from the first difference", () => {
  // The frame breaks a rule: one side fails the connection, the other echoes it, and is closed by its client.
  const t = two();
  for (const conn of [1, 2]) t.frame(conn, "client", "a", { violations: [{ code: "5.2/length-minimal" }] });
  const fails = t.frame(1, "server", "", { opcode: 8, close: { code: 1002, name: "", reason: "" } });
  t.tcp(1, "server", "fin");
  const echo = t.frame(2, "server", "a");
  for (const conn of [1, 2]) t.frame(conn, "client", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  t.frame(2, "server", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  t.tcp(2, "server", "closed");
  t.tcp(1, "server", "closed");
  const pairs = pairsOf(t);
  const marked = pairs.list.filter((p) => pairs.differences(p, Infinity).length);
  assert.deepEqual(marked.map((p) => [p.left?.event, p.right?.event]), [[fails, echo]]);
  assert.deepEqual(told(pairs), ["reference: CLOSE FIN · 1002; gorilla: TEXT FIN · 1 byte · “a”"]);
  assert.equal(pairs.first(Infinity).event, fails);
  assert.equal(pairs.first(fails.seq), null);
});

test("what differs again after both have answered alike is told again", () => {
  const t = two();
  const answers = (a, b) => {
    for (const conn of [1, 2]) t.frame(conn, "client", "", { opcode: 9 });
    t.frame(1, "server", a, { opcode: 10 });
    t.frame(2, "server", b, { opcode: 10 });
  };
  answers("a", "b");
  answers("c", "d"); // may follow from the first
  answers("e", "e");
  answers("f", "g");
  assert.deepEqual(told(pairsOf(t)), ["reference sent the payload 61, gorilla 62", "reference sent the payload 66, gorilla 67"]);
});

test("each side keeps its order, whatever the other does", () => {
  const t = two();
  // Long-length-form of lesson 2: one is over before the other has answered.
  for (const conn of [1, 2]) t.frame(conn, "client", "Hello");
  t.frame(1, "server", "", { opcode: 8, close: { code: 1002, name: "", reason: "" } });
  t.tcp(1, "server", "fin");
  t.tcp(1, "server", "closed");
  const echo = t.frame(2, "server", "Hello");
  const end = t.tcp(2, "server", "closed");
  const pairs = pairsOf(t);
  for (const side of ["left", "right"]) {
    const column = pairs.list.map((p) => p[side]?.event.seq).filter((seq) => seq);
    assert.deepEqual(column, [...column].sort((a, b) => a - b));
  }
  assert.ok(pairs.bySeq.get(echo.seq).index < pairs.bySeq.get(end.seq).index);
});

test("a frame that a client could not finish is no difference, the end of TCP is", () => {
  const t = two();
  t.frame(1, "client", "Hello");
  const cut = t.frame(2, "client", "Hel");
  cut.frame.short = 2;
  t.tcp(1, "server", "rst");
  t.tcp(2, "server", "closed");
  assert.deepEqual(told(pairsOf(t)), ["reference closed TCP with RST, gorilla FIN"]);
});

test("a hundred thousand rows side by side stay cheap", () => {
  const t = two();
  for (let i = 0; i < 25_000; i++) {
    for (const conn of [1, 2]) {
      t.frame(conn, "client", "x");
      t.frame(conn, "server", "x");
    }
  }
  const rows = new Rows();
  let work = 0;
  const pairs = new (class extends Pairs {
    lay() {
      super.lay();
      work += this.list.length - this.set;
    }
  })();
  for (let i = 0; i < t.events.length; i += 200) {
    rows.append(t.events.slice(i, i + 200));
    pairs.sync(rows);
  }
  assert.equal(pairs.list.filter((p) => p.left && p.right).length, 50_003);
  assert.ok(work < 5 * rows.list.length, `${work} pairs were set for ${rows.list.length} rows`);
});

test("names of header fields in another case are the same field", () => {
  const t = new Tape();
  t.open(1, "reference");
  t.open(2, "gorilla");
  t.response(1, 101, [{ name: "Upgrade", value: "websocket" }]);
  t.response(2, 101, [{ name: "upgrade", value: "websocket" }]);
  assert.deepEqual(told(pairsOf(t)), []);
});

test("silence is a difference only once the other side went on or is over", () => {
  const t = two();
  t.frame(1, "client", "a");
  t.frame(2, "client", "a");
  t.frame(1, "server", "a");
  assert.deepEqual(told(pairsOf(t)), []);
  t.tcp(2, "server", "closed");
  assert.equal(told(pairsOf(t)).filter((d) => d.startsWith("reference: TEXT FIN · 1 byte") && d.includes("gorilla: TCP closed")).length, 1);
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

test("the round sets two connections side by side, later ones apart", () => {
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
