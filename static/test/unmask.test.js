import assert from "node:assert/strict";
import { test } from "node:test";
import { Rows } from "../rows.js";
import { toUnmask } from "../unmask.js";
import { Tape } from "./events.js";

/** The tab on two servers at once, and a raw client that comes last. */
function three() {
  const t = new Tape();
  const frames = {};
  for (const [conn, endpoint] of [[1, "reference"], [2, "gorilla"]]) {
    t.script(0, `${endpoint}-1`, "new WebSocket");
    t.open(conn, endpoint);
    t.script(conn, `${endpoint}-1`, "onopen");
    frames[endpoint] = t.frame(conn, "client", "Hello").seq;
    frames[`${endpoint} echo`] = t.frame(conn, "server", "Hello").seq;
  }
  t.frame(2, "client", "", { opcode: 9 });
  t.open(3, "reference", "scenario-reference-1");
  frames.raw = t.frame(3, "client", "Hello").seq;
  const rows = new Rows();
  rows.append(t.events);
  return { rows, frames };
}

const seqOf = (row) => row?.event.seq ?? 0;

test("of two servers, the frame is unmasked that is selected, or whose echo is", () => {
  const { rows, frames } = three();
  for (const endpoint of ["reference", "gorilla"]) {
    assert.equal(seqOf(toUnmask(rows, frames[endpoint], Infinity, null)), frames[endpoint]);
    assert.equal(seqOf(toUnmask(rows, frames[`${endpoint} echo`], Infinity, null)), frames[endpoint]);
  }
});

test("a raw client's frame is not the learner's own", () => {
  const { rows, frames } = three();
  for (const seq of [frames.raw, 0]) assert.equal(seqOf(toUnmask(rows, seq, Infinity, null)), frames.gorilla);
});

test("what is shown stays while something else is looked at, in its own session", () => {
  const { rows, frames } = three();
  const shown = rows.bySeq.get(frames.reference);
  assert.equal(toUnmask(rows, frames.raw, Infinity, shown), shown);
  assert.equal(seqOf(toUnmask(rows, frames["gorilla echo"], Infinity, shown)), frames.gorilla);
  const again = three();
  assert.equal(seqOf(toUnmask(again.rows, frames.raw, Infinity, shown)), frames.gorilla);
});

test("before the cursor there is what was sent by then", () => {
  const { rows, frames } = three();
  assert.equal(seqOf(toUnmask(rows, 0, frames.gorilla - 1, null)), frames.reference);
  assert.equal(toUnmask(rows, frames.gorilla, frames.reference - 1, null), null);
});
