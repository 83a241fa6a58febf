import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Pairs } from "../align.js";
import { line } from "../format.js";
import { History } from "../history.js";
import { Rows, goAt, jsAt } from "../rows.js";

// Go writes this file, so that the two sides cannot drift apart.
const golden = new URL("../../compare/recording/testdata/events.json", import.meta.url);
const skip = existsSync(golden) ? false : "compare/recording/testdata/events.json is not there";

test("what Go records is what the page reads", { skip }, () => {
  const data = JSON.parse(readFileSync(golden, "utf8"));
  const events = Array.isArray(data) ? data : data.events;
  assert.ok(events.length > 0);
  const kinds = ["tcp", "octets", "handshake", "frame", "message", "call", "script", "state", "held", "dropped"];
  const history = new History();
  const rows = new Rows();
  for (const e of events) {
    assert.ok(kinds.includes(e.kind), `event ${e.seq} is of the unknown kind ${e.kind}`);
    assert.ok(e[e.kind], `event ${e.seq} has nothing under ${e.kind}`);
    assert.ok(Number.isInteger(e.seq) && Number.isInteger(e.at) && Number.isInteger(e.conn), `event ${e.seq} has no place`);
    if (!e.frame) continue;
    const { header, hex, size, gap = 0, tail = "" } = e.frame;
    assert.equal(hex.length / 2 + gap + tail.length / 2 + (e.frame.short || 0), size + (e.frame.short || 0), `event ${e.seq} does not add up`);
    assert.equal(typeof header.length, "string");
  }
  rows.append(history.append(events));
  const pairs = new Pairs();
  pairs.sync(rows);
  for (const row of rows.list) {
    for (const text of [line(row.event), jsAt(row, Infinity), goAt(row, Infinity).text]) assert.doesNotMatch(text, /undefined|NaN|\[object/);
  }
  for (const p of pairs.list) for (const d of pairs.differences(p, Infinity)) assert.doesNotMatch(d, /undefined|NaN|\[object/);
});
