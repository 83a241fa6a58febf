import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, Stream } from "../api.js";

/** A stream on sources that the test opens, feeds and breaks. */
function rig(status = 200) {
  const r = { urls: [], sources: [], statuses: [], batches: [], timers: [], last: 0, status };
  r.stream = new Stream("ID", () => r.last, (b) => r.batches.push(b), (s) => r.statuses.push(s), {
    open: (url) => {
      const source = { closed: false, close: () => (source.closed = true) };
      r.urls.push(url);
      r.sources.push(source);
      return source;
    },
    probe: async () => r.status,
    later: (fn, ms) => r.timers.push({ fn, ms }),
  });
  r.turn = () => new Promise((done) => setImmediate(done));
  return r;
}

test("a stream that breaks resumes after the last event seen", async () => {
  const r = rig();
  r.stream.open();
  r.sources[0].onopen();
  r.sources[0].onmessage({ data: '[{"seq":1}]' });
  r.last = 7;
  r.sources[0].onerror();
  await r.turn();
  assert.ok(r.sources[0].closed);
  r.timers[0].fn();
  assert.deepEqual(r.urls, ["/api/sessions/ID/events?after=0", "/api/sessions/ID/events?after=7"]);
  assert.deepEqual(r.batches, [[{ seq: 1 }]]);
});

test("a server that is gone is told, and asked again ever more slowly", async () => {
  const r = rig(0);
  r.stream.open();
  for (let i = 0; i < 6; i++) {
    r.sources[i].onerror();
    await r.turn();
    r.timers[i].fn();
  }
  assert.ok(r.statuses.includes("gone"));
  assert.ok(r.timers[0].ms < r.timers[3].ms);
  assert.ok(r.timers.every((t) => t.ms <= 4000));
});

test("a server that is shutting down is gone, not the session lost", async () => {
  const r = rig(503);
  r.stream.open();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.statuses.at(-1), "gone");
  assert.equal(r.timers.length, 1);
});

test("a session that the server does not know is lost, and not asked for again", async () => {
  const r = rig(404);
  r.stream.open();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.statuses.at(-1), "lost");
  assert.equal(r.timers.length, 0);
});

test("a hidden tab gives its stream back and takes it again when shown", () => {
  const r = rig();
  r.stream.open();
  r.stream.setHidden(true);
  assert.ok(r.sources[0].closed);
  assert.equal(r.statuses.at(-1), "paused");
  r.last = 3;
  r.stream.setHidden(false);
  assert.equal(r.urls.at(-1), "/api/sessions/ID/events?after=3");
});

test("a closed stream stays closed", async () => {
  const r = rig();
  r.stream.open();
  r.stream.close();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.timers.length, 0);
  r.stream.open();
  assert.equal(r.urls.length, 1);
});

test("a refusal is read with its remedy", () => {
  assert.equal(new ApiError(400, { error: "no such thing.", fix: "Name another" }).words, "no such thing. Name another");
  assert.equal(new ApiError(500, {}).words, "the server answered with status 500");
});
