import assert from "node:assert/strict";
import { test } from "node:test";
import { lab } from "../lab.js";
import { Player } from "../player.js";
import { ignored } from "./events.js";

globalThis.document = { hidden: false };

test("a fresh session counts its plays from 1 again, and their orders are carried out like the first ones", () => {
  const player = new Player();
  const done = [];
  player.later = (s) => done.push(s.order.do);
  let closed = 0;
  const { events } = ignored();
  for (const session of ["first", "second"]) {
    lab.session = session;
    player.take([]);
    player.orders.expect("play-1");
    player.take(events);
    player.sockets.set("play-1", { ws: { close: () => closed++ }, frame: null, settled: Promise.resolve() });
  }
  assert.deepEqual(done, ["open", "close", "open", "close"]);
  assert.equal(closed, 1, "the WebSocket of the session that was left is closed");
});

test("an order of a session that was left is neither carried out nor called done in the next", async () => {
  const player = new Player();
  const told = [];
  player.order = async (play, { step }) => told.push(step);
  let open;
  const opened = new Promise((done) => (open = done));
  const done = [];
  player.does = async (s) => {
    done.push(s.order.do);
    await opened;
  };
  lab.session = "first";
  player.take([]);
  player.orders.expect("play-1");
  player.take(ignored().events);
  await Promise.resolve();
  lab.session = "second";
  player.take([]);
  open();
  await new Promise(setImmediate);
  assert.deepEqual([done, told], [["open"], []]);
});
