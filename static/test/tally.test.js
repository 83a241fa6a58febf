import assert from "node:assert/strict";
import { test } from "node:test";
import { empty, ending, restored, total } from "../tally.js";
import { Tape } from "./events.js";

test("a run ends as its own page was told, and by nothing that another client was told", () => {
  for (const [what, ...told] of [
    ["clean", ["onclose", { wasClean: true }]],
    ["unclean", ["onclose", { wasClean: false }]],
    ["error", ["onerror", {}], ["onclose", { wasClean: false }]],
    ["none", ["onopen", {}]],
  ]) {
    const t = new Tape();
    t.script(0, "play-2", "onerror");
    t.script(0, "play-2", "onclose", { wasClean: what !== "clean" });
    for (const [name, more] of told) t.script(0, "play-1", name, more);
    assert.equal(ending(t.events, "play-1"), what);
  }
});

test("a tally that was kept is taken back only as far as it is one", () => {
  assert.deepEqual(restored(undefined), empty());
  assert.deepEqual(restored("8"), empty());
  assert.deepEqual(restored({ clean: 8, unclean: -1, error: "2", other: 3, none: 1.5 }), { ...empty(), clean: 8 });
  assert.equal(total(restored({ clean: 8, unclean: 3, error: 1 })), 12);
});
