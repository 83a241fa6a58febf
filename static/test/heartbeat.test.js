import assert from "node:assert/strict";
import { test } from "node:test";
import { course, measured, scenario, wrong } from "../heartbeat.js";
import { Tape } from "./events.js";

test("the first ping after the silence is lost, and its pong missed a timeout later", () => {
  const c = course({ interval: 500, timeout: 200, silence: 1200, proxy: 0 });
  assert.deepEqual(c.beats.map((b) => [b.at, b.end]), [[500, "answered"], [1000, "answered"], [1500, "lost"]]);
  assert.equal(c.server, 1700);
  assert.equal(c.browser, null);
});

test("a silence at the moment of a ping takes that ping", () => {
  assert.equal(course({ interval: 500, timeout: 200, silence: 1000, proxy: 0 }).server, 1200);
});

test("a proxy cuts what is idle before the first ping, and leaves alone what is pinged often enough", () => {
  const idle = course({ interval: 500, timeout: 200, silence: 0, proxy: 300 });
  assert.deepEqual([idle.cut, idle.server, idle.browser, idle.beats.length], [300, 300, 300, 0]);
  assert.equal(course({ interval: 500, timeout: 200, silence: 0, proxy: 600 }).server, null);
});

test("the scenario says the same", () => {
  const text = scenario({ interval: 500, timeout: 200, silence: 1200, proxy: 0 }, "raw");
  assert.match(text, /^# .+\nserver pings every 500ms within 200ms\nclient answers\nopen\nwait 1200ms\n# .+\nwire silent\nwait \d+ms\n$/);
  assert.doesNotMatch(scenario({ interval: 500, timeout: 200, silence: 1200, proxy: 0 }, "browser"), /client answers/);
  assert.match(scenario({ interval: 500, timeout: 200, silence: 0, proxy: 300 }, "raw"), /wait 300ms\n#.+\ntcp close/);
});

test("values that cannot be run are refused in words", () => {
  assert.equal(wrong({ interval: 500, timeout: 200, silence: 0, proxy: 0 }), "");
  assert.match(wrong({ interval: NaN, timeout: 200, silence: 0, proxy: 0 }), /interval is a number/);
  assert.match(wrong({ interval: 50, timeout: 50, silence: 60_000, proxy: 0 }), /more than 100 Pings/);
});

test("what was measured is told in the same terms", () => {
  const t = new Tape();
  t.open(1, "reference", "play-1");
  t.request(1);
  const open = t.response(1);
  t.frame(1, "server", "1", { opcode: 9 });
  t.frame(1, "client", "1", { opcode: 10 });
  const lost = t.frame(1, "server", "2", { opcode: 9 });
  t.held(1, lost, "dropped");
  const beat = t.enter(1, "heartbeat", "Ping 2");
  t.back(1, beat, "heartbeat", "", { type: "*errors.errorString", text: "no Pong came in time" });
  t.tcp(1, "server", "closed");
  const m = measured(t.events, true);
  assert.deepEqual(m.beats.map((b) => b.end), ["answered", "lost"]);
  assert.equal(m.server, (t.events.at(-2).at - open.at) / 1000);
  assert.equal(m.browser, null);
});
