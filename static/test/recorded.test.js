import assert from "node:assert/strict";
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { check } from "./recorded.js";

test("in the golden recording no effect stands above its cause", () => {
  const { events } = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8"));
  check(events);
});

/** The first thing of each side that the server did and that differs. @param {import("../align.js").Pairs} pairs */
function firsts(pairs) {
  return ["left", "right"].flatMap((side) => {
    const row = pairs.list.map((p) => p[side]).find((r) => r?.event.from === "server" && pairs.acts.get(r) && pairs.acts.get(r).told?.length !== 0);
    return row ? [row.event.seq] : [];
  });
}

/**
 * Where a Go test has put recordings: files of lines, each
 * {name, events, first, handshake}: first are the seqs of the first step in which
 * compare/suite has the two part, none where they do the same, null where it
 * has no word; handshake says whether its fields count there.
 */
const folder = process.env.RECORDINGS;

for (const file of folder ? readdirSync(folder) : []) {
  test(`recordings of ${file}: no effect above its cause, no mark at what is the same, and they part where the judge says`, async () => {
    const wrong = [];
    let n = 0;
    for await (const text of createInterface({ input: createReadStream(join(folder, file)) })) {
      const { name, events, first, handshake } = JSON.parse(text);
      n++;
      try {
        const { pairs } = check(events, handshake);
        if (!first) continue;
        const row = pairs.first(Infinity);
        const pair = row && pairs.bySeq.get(row.event.seq);
        const seqs = pair ? [pair.left?.event.seq, pair.right?.event.seq] : [];
        if (!first.length) assert.deepEqual(seqs, [], "the judge says that they did the same");
        // Where the ends of two directions came in another order on one side, the first
        // step that differs may be the one of either side.
        else assert.ok(first.some((seq) => seqs.includes(seq) || firsts(pairs).includes(seq)), `the judge has them part at ${first}, the page at ${seqs}`);
      } catch (e) {
        wrong.push(`${name}: ${e.message}`);
      }
    }
    assert.ok(n > 0);
    assert.deepEqual(wrong, []);
  });
}
