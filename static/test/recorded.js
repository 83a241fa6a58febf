/**
 * What must be true of the rows of any recording: checked of real ones, which a
 * Go test of labserver/internal/web makes and gives here.
 */

import assert from "node:assert/strict";
import { Pairs, PlayPairs, byEndpoint } from "../align.js";
import { explain } from "../differences.js";
import { line } from "../format.js";
import { Rows } from "../rows.js";

/** @param {object[]} events */
export function rowsOf(events) {
  const rows = new Rows();
  rows.append(events);
  return rows;
}

/**
 * Throws where time goes back, or an effect is above its cause.
 * @param {Rows} rows
 * @param {object[]} events
 */
export function ordered(rows, events) {
  const of = new Map(events.map((e) => [e.seq, e]));
  const tell = (row) => `row ${row.index}, event ${row.event.seq}: ${line(row.event)}`;
  const place = new Map(); // of an event: the place of the row that shows it
  for (const row of rows.list) {
    for (const e of [row.event, row.js, ...row.calls.flatMap((c) => [c.enter, c.ret])]) if (e && !place.has(e.seq)) place.set(e.seq, row.index);
  }
  const above = (cause, effect, why) => {
    if (!place.has(cause) || !place.has(effect)) return;
    assert.ok(place.get(cause) <= place.get(effect), `${why}: ${tell(rows.list[place.get(cause)])} is below ${tell(rows.list[place.get(effect)])}`);
  };
  let at = 0;
  let seq = 0;
  for (const row of rows.list) {
    assert.ok(row.at >= at, `time goes back at ${tell(row)}: ${row.at} after ${at}`);
    assert.ok(row.seq >= seq, `the place goes back at ${tell(row)}`);
    [at, seq] = [row.at, row.seq];
    const { event: e } = row;
    // Only what a client reports may be a little late.
    if (!e.script) assert.equal(row.at, e.at, `${tell(row)} has a time that is not its own`);
  }
  // The bytes on the wire are in the order in which it was recorded, and no row of
  // a sender is below the end of its direction.
  const wire = new Map();
  const over = new Map();
  for (const row of rows.list) {
    const { event: e, conn } = row;
    if (!conn.id || e.script || e.call) continue;
    assert.ok(e.seq > (wire.get(conn.id) || 0), `${tell(row)} is below something later`);
    wire.set(conn.id, e.seq);
    const side = `${conn.id} ${e.from}`;
    if (e.frame && !e.frame.short) assert.ok(!over.has(side), `${tell(row)} is below ${over.get(side)}`);
    if (e.tcp && ["fin", "rst", "closed"].includes(e.tcp.what)) over.set(side, tell(row));
  }
  const told = (e) => e.script?.what.startsWith("on") || e.script?.what === "read";
  for (const e of events) {
    const about = e.script?.of || e.call?.of;
    if (about && of.has(about)) {
      // A read and a report of the frame are below it; a write is above it.
      const caused = told(e) || e.call?.verb === "read";
      if (caused) above(about, e.seq, "it is reported");
      else above(e.seq, about, "it causes");
      const row = rows.bySeq.get(about);
      const shown = e.script ? row.js === e : row.calls.some((c) => c.enter === e || c.ret === e);
      assert.ok(shown || place.has(e.seq), `event ${e.seq}, ${line(e)}, has no row`);
    }
    if (e.by) above(e.by, e.seq, "it causes");
  }
  // A call that ends TCP is not below that end.
  const entered = new Map();
  for (const e of events) {
    if (e.call?.verb !== "close") continue;
    if (e.call.phase === "enter") entered.set(e.call.id, e);
    const begin = entered.get(e.call.id);
    const end = e.call.phase === "return" && begin && events.find((c) => c.conn === e.conn && c.from === e.from && ["fin", "rst", "closed"].includes(c.tcp?.what) && c.seq > begin.seq && c.seq < e.seq);
    if (end) above(begin.seq, end.seq, "it ends TCP");
  }
  // The actions of a client before the server's end of TCP are above that end.
  for (const e of events) {
    if (!e.script || told(e) || !place.has(e.seq)) continue;
    const closed = events.find((c) => c.conn === e.conn && c.tcp?.what === "closed" && c.seq > e.seq && c.at > e.at);
    if (closed) above(e.seq, closed.seq, "it came before");
  }
  // No effect of a step is above its heading, or below the next one's.
  for (const play of rows.plays.byId.values()) {
    for (const mark of play.marks) {
      const heading = mark.event && place.get(mark.event.seq);
      if (heading === null || heading === undefined) continue;
      for (const row of rows.list) {
        if (row.conn.client !== play.token || row.event.step) continue;
        if (row.event.seq > mark.begin && row.seq <= mark.end) assert.ok(row.index > heading, `${tell(row)} is above its step`);
        if (row.seq < mark.begin) assert.ok(row.index < heading, `${tell(row)} is below a later step`);
      }
    }
  }
}

/**
 * Throws where a column of two leaves its order, a row is lost, or a mark is
 * at what is the same.
 * @param {Pairs} pairs
 * @param {Rows} rows
 */
export function aligned(pairs, rows) {
  const shown = rows.list.filter((r) => pairs.sides.of(r.conn) && (!pairs.plays || r.seq >= Math.min(pairs.plays.left.seq, pairs.plays.right.seq)));
  for (const side of ["left", "right"]) {
    const column = pairs.list.map((p) => p[side]).filter((r) => r);
    assert.deepEqual(column, shown.filter((r) => pairs.sides.of(r.conn).side === side), `the ${side} column is not its rows in their order`);
    for (let i = 1; i < column.length; i++) assert.ok(column[i].at >= column[i - 1].at);
  }
  let marks = 0;
  for (const p of pairs.list) {
    const told = pairs.differences(p, Infinity);
    assert.equal(told.length > 0, p.differs);
    if (!told.length) continue;
    marks++;
    const acts = [p.left, p.right].map((r) => r && pairs.acts.get(r)).filter((a) => a);
    assert.ok(acts.some((a) => !a.left || !a.right || explain(a.left, a.right, pairs.sides).length), `a mark at what is the same: ${told}`);
    if (p.left && p.right && pairs.acts.get(p.left) === pairs.acts.get(p.right)) assert.ok(explain(p.left, p.right, pairs.sides).length, `equal rows are marked: ${line(p.left.event)}`);
    for (const d of told) assert.doesNotMatch(d, /undefined|NaN|\[object/);
  }
  for (let i = 1; i < pairs.list.length; i++) assert.ok(pairs.list[i].seq >= pairs.list[i - 1].seq, "a cursor shows the pairs up to it");
  return marks;
}

/**
 * Both views of a recording, live and of its plays.
 * @param {object[]} events
 * @param {boolean} [handshake] whether fields of the opening handshake count
 */
export function check(events, handshake = true) {
  const rows = rowsOf(events);
  ordered(rows, events);
  const sides = { ...byEndpoint, handshake };
  const whole = new Pairs(sides);
  whole.sync(rows);
  aligned(whole, rows);
  // In whatever batches the events come, all looks the same in the end.
  const bit = new Rows();
  const live = new Pairs(sides);
  for (const e of events) {
    bit.append([e]);
    live.sync(bit);
  }
  const picture = (pairs) => pairs.list.map((p) => [p.left?.event.seq, p.right?.event.seq, p.differs]);
  if (events.length < 1000) assert.deepEqual(picture(live), picture(whole));
  const plays = [...rows.plays.byId.values()];
  if (plays.length === 2) {
    const two = new PlayPairs(plays[0], plays[1]);
    two.sync(rows);
    aligned(two, rows);
  }
  return { rows, pairs: whole };
}
