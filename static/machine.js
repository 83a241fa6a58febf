/** The state of the reference's Machine around a frame, from the Machine's own reports. */

import { count } from "./format.js";

/**
 * The state before and after a frame; null if it is not recorded.
 * @param {import("./history.js").History} history
 * @param {import("./rows.js").Row} row
 * @param {number} cursor
 */
export function around(history, row, cursor) {
  const { events } = history;
  const at = history.count(row.event.seq);
  if (row.conn.endpoint !== "reference" || !row.event.frame || !history.get(row.event.seq)) return { before: null, after: null };
  /** @param {number} i */
  const state = (i) => (events[i].conn === row.conn.id && events[i].state?.machine && events[i].state) || null;
  let before = null;
  for (let i = at - 2; i >= 0 && i > at - 400 && !before; i--) before = state(i);
  let after = null;
  for (let i = at; i < events.length && i < at + 60 && events[i].seq <= cursor && !after; i++) {
    const e = events[i];
    if (e.conn !== row.conn.id) continue;
    if (e.frame && e.from === row.event.from) break;
    // The reference reports only changes. If a call returns without a report, the state is the same.
    after = e.call?.phase === "return" ? before : state(i);
  }
  return { before, after };
}

/** A state in words. @param {import("./types.js").StateChange} s */
export function machineText(s) {
  const m = s.machine || {};
  const message = m.message ? `inside a ${m.message} message, ${count(m.fragments || 0, "fragment")}, ${count(m.bytes || 0, "byte")}` : "between messages";
  return `${s.state}, ${message}${m.closeReceived ? ", Close received" : ""}${m.closeSent ? ", Close sent" : ""}`;
}
