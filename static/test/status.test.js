import assert from "node:assert/strict";
import { test } from "node:test";
import { banner, notice } from "../status.js";

const calm = { server: "there", watching: false, resumed: false, returned: false, events: 12, dropped: 0, said: null, held: { frames: 0, handshakes: 0 }, holding: false, second: false, playing: "", open: true };

test("while the lab server is away, one sentence says so and none says what to do without it", () => {
  const states = [{}, { holding: true, held: { frames: 2, handshakes: 0 } }, { playing: "→ goes on." }, { events: 0 }, { resumed: true }, { returned: true }, { said: { kind: "error", text: "Nothing is open." } }];
  for (const server of ["gone", "lost"]) {
    for (const more of states) {
      const p = { ...calm, ...more, server };
      assert.deepEqual(notice(p), { text: "", failed: false });
      assert.match(banner(p).text, server === "gone" ? /^The lab server does not answer\./ : /^The lab server restarted or dropped this session\./);
    }
  }
  assert.equal(banner({ ...calm, server: "lost" }).button, "Start new session");
  assert.equal(banner({ ...calm, server: "lost", watching: true }).button, "Open the free lab");
  assert.equal(banner({ ...calm, server: "gone" }).button, "");
});

test("the notice says how many are held, by their kind, and what releases them", () => {
  /** @param {number} frames @param {number} handshakes */
  const held = (frames, handshakes) => notice({ ...calm, holding: true, held: { frames, handshakes } }).text;
  assert.equal(held(1, 0), "1 frame is held. → releases the oldest one on each connection.");
  assert.equal(held(2, 0), "2 frames are held. → releases the oldest one on each connection.");
  assert.equal(held(0, 1), "1 handshake message is held. → releases the oldest one on each connection.");
  assert.equal(held(1, 1), "1 frame and 1 handshake message are held. → releases the oldest one on each connection.");
});

test("the notice asks for a connection where none is open", () => {
  assert.match(notice(calm).text, /is not held/);
  assert.equal(notice({ ...calm, open: false }).text, "No connection is open. Press Connect to open one.");
  assert.match(notice({ ...calm, open: false, watching: true }).text, /is not held/);
  assert.equal(notice({ ...calm, events: 0, open: false }).text, "Connect to see everything that is sent and received.");
});

test("what was refused comes before what to do, and is marked", () => {
  assert.deepEqual(notice({ ...calm, said: { kind: "error", text: "Nothing is open." } }), { text: "Nothing is open.", failed: true });
  assert.equal(banner(calm), null);
  assert.match(banner({ ...calm, resumed: true }).text, /^You reloaded this page, .*still here/);
  assert.equal(banner({ ...calm, resumed: true, events: 0 }), null);
  assert.match(banner({ ...calm, returned: true }).text, /^You left this page, /);
});
