import assert from "node:assert/strict";
import { test } from "node:test";
import { code, counts, decode, differing, fields, fromHash, kinds, move, paint, table, toHash, verdict, words } from "../headermap.js";

const outcomes = ["waits", "taken", "echo", "pong", "closed", "1002", "1007", "1009", "close", "cut", "reset", "answer"].map((word) => ({ word, sentence: `${word}.` }));
const echo = 2;
const refused = 5;

/** A map on which of(n) tells [outcome, mark, set of rules]. @param {(n: number) => number[]} of */
function map(of, endpoint = "reference") {
  const columns = [0, 1, 2].map((i) => Uint8Array.from({ length: 65536 }, (_, n) => of(n)[i]));
  const base64 = columns.map((c) => Buffer.from(c).toString("base64"));
  return decode({
    endpoint, role: "server", runs: 65536, outcomes, rules: [[], ["5.1/mask-missing"], ["5.2/rsv1", "5.2/rsv2"]],
    contexts: [{ name: "fresh", outcomes: base64[0], marks: base64[1], broken: base64[2] }],
  });
}
const masked = (/** @type {number} */ n) => (n & 0x80) > 0;
const good = map((n) => (masked(n) ? [echo, 0, 0] : [refused, 0, 1]));
const lax = map(() => [echo, 2, 1], "naive");
const id = (/** @type {number} */ k) => kinds[k].id;

test("an outcome and whether it was right make a kind", () => {
  assert.equal(id(paint(good, "fresh")[0x8180]), "echo");
  assert.equal(id(paint(good, "fresh")[0x8100]), "p1002");
  assert.equal(id(paint(lax, "fresh")[0x8100]), "accepted");
  const legalRefused = map(() => [refused, 2, 0]);
  assert.equal(id(paint(legalRefused, "fresh")[0]), "refused");
  const legalWrong = map(() => [11, 2, 0]);
  assert.equal(id(paint(legalWrong, "fresh")[0]), "wrong");
  const cut = map(() => [9, 1, 1]);
  assert.equal(id(paint(cut, "fresh")[0]), "cut");
  const silent = map(() => [0, 2, 0]);
  assert.equal(id(paint(silent, "fresh")[0]), "waits");
});

test("kinds are counted, and only those that are there", () => {
  assert.deepEqual(counts(paint(good, "fresh")).map((c) => [id(c.kind), c.count]), [["echo", 32768], ["p1002", 32768]]);
});

test("two maps differ where the outcomes do", () => {
  const d = differing(good, lax, "fresh");
  assert.equal(d[0x8180], 0);
  assert.equal(d[0x8100], 1);
});

test("a header is told in words", () => {
  assert.equal(words(0x8185), "FIN, opcode 1 (text), masked, length 5");
  assert.equal(words(0x70fe), "no FIN, RSV1 RSV2 RSV3, opcode 0 (continuation), masked, length in 16 more bits (here 126)");
  assert.equal(words(0x8b7f), "FIN, opcode B (reserved), not masked, length in 64 more bits (here 65,536)");
  assert.deepEqual(fields(0x88ff), { bytes: "88 ff", fin: 1, rsv: 0, opcode: 8, name: "Close", masked: true, length: 127, form: 64 });
  assert.equal(code(0x0001), "0001");
});

test("a verdict has its glyph, sentence and the rules broken", () => {
  assert.deepEqual(verdict(lax, "fresh", 0x8100), { word: "echo", sentence: "echo.", rules: ["5.1/mask-missing"], glyph: "×", kind: kinds.findIndex((k) => k.id === "accepted") });
});

test("keys move within the picture and never out of it", () => {
  assert.equal(move(0x8185, "ArrowRight"), 0x8285);
  assert.equal(move(0x8185, "ArrowLeft"), 0x8085);
  assert.equal(move(0x8185, "ArrowUp"), 0x8184);
  assert.equal(move(0x8185, "ArrowDown"), 0x8186);
  assert.equal(move(0x8185, "PageUp"), 0x8175);
  assert.equal(move(0x81f5, "PageDown"), 0x81ff);
  assert.equal(move(0x8185, "Home"), 0x0085);
  assert.equal(move(0x8185, "End"), 0xff85);
  assert.equal(move(0x0000, "ArrowLeft"), 0);
  assert.equal(move(0x0000, "ArrowUp"), 0);
  assert.equal(move(0xffff, "ArrowRight"), 0xffff);
  assert.equal(move(0x8185, "x"), -1);
});

test("the table counts every header once, and joins what is treated alike", () => {
  const rows = table(paint(good, "fresh"));
  assert.equal(rows.length, 2); // RSV 000, and not
  assert.deepEqual(rows.map((r) => [r.fin, r.rsv, r.opcode]), [["0 or 1", "000", "any"], ["0 or 1", "not 000", "any"]]);
  const all = rows.flatMap((r) => r.cells.flat()).reduce((sum, c) => sum + c.count, 0);
  assert.equal(all, 65536);
  const one = table(paint(map((n) => (n >> 8 === 0x89 ? [3, 0, 0] : [refused, 0, 1])), "fresh"));
  assert.ok(one.some((r) => r.opcode === "Ping" && r.fin === "1" && r.cells[0][0].count === 126 && id(r.cells[0][0].kind) === "pong"));
});

test("every place has an address, and a wrong address leads somewhere", () => {
  const p = { endpoint: "gorilla", role: /** @type {const} */ ("client"), context: "fragmented", header: 0x0102, other: "reference" };
  assert.deepEqual(fromHash(toHash(p)), p);
  assert.equal(toHash({ ...p, other: "" }), "#headers/gorilla-client/fragmented/0102");
  assert.equal(fromHash("#5.5/ping-of-126"), null);
  assert.deepEqual(fromHash("#headers"), { endpoint: "reference", role: "server", context: "fresh", header: 0x8185, other: "" });
  assert.equal(fromHash("#headers/naive-client/fresh/0000")?.endpoint, "reference");
  assert.equal(fromHash("#headers/x-y/z/zzzz/naive")?.header, 0x8185);
});
