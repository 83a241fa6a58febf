import assert from "node:assert/strict";
import { test } from "node:test";
import { Selection, frameHash, fromHash, toHash } from "../selection.js";

test("focus previews, a pin stays", () => {
  const s = new Selection();
  s.select(5, true);
  s.pin(8);
  s.preview = 3;
  assert.equal(s.shown, 3);
  s.preview = null;
  assert.equal(s.shown, 8);
});

test("the pinned bit stays from frame to frame; preview and step into do not", () => {
  const s = new Selection();
  s.select(5, true);
  s.pin(8);
  s.into = 2;
  s.preview = 1;
  s.select(6, false);
  assert.deepEqual([s.bit, s.into, s.preview], [8, null, null]);
});

test("Escape undoes the innermost thing first", () => {
  const s = new Selection();
  s.select(5, true);
  s.into = 2;
  s.preview = 1;
  assert.ok(s.escape());
  assert.equal(s.preview, null);
  assert.ok(s.escape());
  assert.equal(s.into, null);
  assert.ok(s.escape());
  assert.equal(s.chosen, false);
  assert.ok(!s.escape());
});

test("an address is read back as it was written", () => {
  assert.deepEqual(fromHash(toHash({ seq: 12, bit: 8 })), { seq: 12, bit: 8, frame: "", from: "client" });
  assert.deepEqual(fromHash(frameHash("8105", "server", 9)), { seq: 0, bit: 9, frame: "8105", from: "server" });
});

test("a heading's address is none of ours", () => {
  assert.equal(fromHash("#why-it-matters"), null);
  assert.equal(fromHash(""), null);
  assert.equal(fromHash("#e=x&b=-4"), null);
});

test("what an action led to stays until it is released, and is no choice of a person's", () => {
  const s = new Selection();
  assert.ok(s.free);
  s.lead(7);
  assert.deepEqual([s.seq, s.chosen, s.free], [7, false, false]);
  s.select(8, true);
  assert.deepEqual([s.chosen, s.led, s.free], [true, false, false]);
  s.lead(9);
  assert.ok(s.escape());
  assert.ok(s.free);
  assert.equal(s.escape(), false);
});
