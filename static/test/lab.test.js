import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.requestAnimationFrame ??= (fn) => setTimeout(fn, 0);
const { Lab } = await import("../lab.js");

/** Asks for a session of a server that answers so; no second try is made. */
async function refused(t, answer) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(globalThis, "fetch", answer);
  const l = new Lab();
  await l.session.fresh();
  return l;
}

test("a server that begins no session is there, and is quoted", async (t) => {
  const body = { error: "There are too many sessions at once.", fix: "Close some tabs of the lab." };
  const l = await refused(t, async () => new Response(JSON.stringify(body), { status: 409 }));
  assert.notEqual(l.session.status, "gone");
  assert.deepEqual(l.session.notice, { kind: "error", text: "There are too many sessions at once. Close some tabs of the lab." });
  await assert.rejects(l.actions.act({ do: "connect" }), /too many sessions/);
});

test("a server that does not answer, or is about to leave, is gone", async (t) => {
  const silent = await refused(t, async () => {
    throw new TypeError("fetch failed");
  });
  assert.equal(silent.session.status, "gone");
  t.mock.timers.reset();
  t.mock.restoreAll();
  const leaving = await refused(t, async () => new Response("{}", { status: 503 }));
  assert.equal(leaving.session.status, "gone");
});
