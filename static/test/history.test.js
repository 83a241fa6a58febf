import assert from "node:assert/strict";
import { test } from "node:test";
import { History, upTo } from "../history.js";
import { echo } from "./events.js";

test("an event that a resumed stream repeats is taken once", () => {
  const h = new History();
  const { events } = echo();
  assert.equal(h.append(events.slice(0, 5)).length, 5);
  assert.deepEqual(h.append(events.slice(3, 7)).map((e) => e.seq), [6, 7]);
  assert.equal(h.append(events.slice(0, 7)).length, 0);
  assert.equal(h.last, 7);
});

test("an event that one batch holds twice is taken once", () => {
  const h = new History();
  const { events } = echo();
  assert.equal(h.append([events[0], events[0], events[1]]).length, 2);
});

test("an event is found by its seq, across a hole", () => {
  const h = new History();
  const { events } = echo();
  h.append([events[0], events[1], events[8]]);
  assert.equal(h.get(9), events[8]);
  assert.equal(h.get(5), undefined);
  assert.equal(h.count(5), 2);
  assert.equal(upTo(h.events, 0), 0);
});

test("what was dropped is added up", () => {
  const h = new History();
  h.append([{ seq: 1, at: 0, conn: 0, from: "server", kind: "dropped", dropped: { count: 42 } }]);
  h.append([{ seq: 2, at: 0, conn: 0, from: "server", kind: "dropped", dropped: { count: 8 } }]);
  assert.equal(h.lost, 50);
});

test("the cursor is live until it stands behind the newest event", () => {
  const h = new History();
  h.append(echo().events);
  assert.ok(h.live);
  h.cursor = 3;
  assert.ok(!h.live);
});
