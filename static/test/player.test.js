import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab } from "../lab.js";
import { Acts, Tape, ignored } from "./events.js";

globalThis.document = { hidden: false };
globalThis.requestAnimationFrame = () => 0;

test("a fresh session counts its plays from 1 again, and their orders are carried out like the first ones", () => {
  const { session: recording, player } = new Lab();
  const done = [];
  player.later = (s) => done.push(s.order.do);
  let closed = 0;
  const { events } = ignored();
  for (const session of ["first", "second"]) {
    recording.id = session;
    player.take([]);
    player.orders.expect("play-1");
    player.take(events);
    player.sockets.set("play-1", { ws: { close: () => closed++ }, frame: null, settled: Promise.resolve() });
  }
  assert.deepEqual(done, ["open", "close", "open", "close"]);
  assert.equal(closed, 1, "the WebSocket of the session that was left is closed");
});

test("an order of a session that was left is neither carried out nor called done in the next", async () => {
  const { session, player } = new Lab();
  const told = [];
  player.order = async (play, { step }) => told.push(step);
  let open;
  const opened = new Promise((done) => (open = done));
  const done = [];
  player.does = async (s) => {
    done.push(s.order.do);
    await opened;
  };
  session.id = "first";
  player.take([]);
  player.orders.expect("play-1");
  player.take(ignored().events);
  await Promise.resolve();
  session.id = "second";
  player.take([]);
  open();
  await new Promise(setImmediate);
  assert.deepEqual([done, told], [["open"], []]);
});

/** A player whose play, of a raw client, was reported so far, and what was ordered of the server. */
function running(events, pause = -1) {
  const lab = new Lab();
  const { player, session } = lab;
  const orders = [];
  player.order = async (play, body) => void orders.push(body.do);
  session.id = "first";
  player.take([]);
  const begun = { play: "1", token: "play-1", plan: {}, text: "", failed: "", told: pause === 0 ? "step" : "run" };
  player.begun.set("1", begun);
  player.current = "1";
  const come = (batch) => (session.history.append(batch), session.rows.append(batch), player.take(batch));
  come(events);
  return { lab, player, begun, orders, come };
}

test("Space pauses a play that runs, and runs one that waits or is to pause", async () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "send text a", "patience 90s", "close"], { as: "raw" });
  const tell = (...phases) => phases.map(([phase, index]) => acts.tell(phase, index));
  const { lab, player, begun, orders, come } = running(tell(["begin", 0], ["end", 0], ["begin", 1]));
  assert.ok(player.obeys(begun, "run"));
  await player.toggle();
  assert.deepEqual(orders, ["pause"]);
  assert.ok(player.obeys(begun, "pause") && !player.obeys(begun, "run"));
  assert.match(lab.session.notice.text, /^The step “send text a” is running. It pauses after this step/);
  await player.toggle(); // runs on after all
  await player.toggle();
  assert.deepEqual(orders, ["pause", "run", "pause"]);
  come(tell(["end", 1], ["ready", 2]));
  assert.ok(!player.obeys(begun, "pause"), "it has come");
  assert.match(lab.session.notice.text, /^Paused/);
  await player.step();
  come(tell(["begin", 2]));
  assert.ok(!player.obeys(begun, "run"), "a step is no run");
  await player.toggle();
  await player.toggle();
  assert.deepEqual(orders, ["pause", "run", "pause", "step", "run", "pause"]);
  come(tell(["end", 2], ["ready", 3]));
  await player.toggle();
  come(tell(["begin", 3]));
  await player.toggle();
  assert.match(lab.session.notice.text, /It ends with this step, which is the last/);
  come([...tell(["end", 3]), acts.over()]);
  assert.match(lab.session.notice.text, /over/);
  orders.length = 0;
  await player.toggle();
  assert.deepEqual(orders, [], "nothing is ordered of a play that is over");
});

test("a pause leaves the view where it stands, and what was recorded can be stepped over", async () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "send text a", "close"], { as: "raw" });
  const { lab, player, orders, come } = running([acts.tell("begin", 0), acts.tell("end", 0), acts.tell("begin", 1)]);
  player.back();
  const { at: cursor } = lab.cursor;
  assert.notEqual(cursor, Infinity);
  await player.toggle();
  come([acts.tell("end", 1), acts.tell("ready", 2)]);
  assert.equal(lab.cursor.at, cursor);
  await player.step();
  assert.deepEqual(orders, ["pause"]);
  await player.step();
  assert.deepEqual(orders, ["pause", "step"]);
});
