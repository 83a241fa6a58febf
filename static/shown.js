/**
 * The text of a row at a cursor: its state at the valve, the client's
 * JavaScript, the server's Go calls, and the heading of a step.
 *
 * @typedef {import("./rows.js").Row} Row
 */

import { upTo } from "./history.js";
import { callLine, scriptLine } from "./format.js";
import { by, said } from "./play.js";

/**
 * The time of a row's JavaScript. An event handler never runs before the row's
 * frame was sent. A call never runs after it.
 * @param {Row} row
 */
export function jsTime(row) {
  if (!row.js) return row.at;
  return row.js.script?.what.startsWith("on") ? Math.max(row.js.at, row.event.at) : Math.min(row.js.at, row.event.at);
}

/**
 * The state of a row at the valve: "" if it was never held.
 * @param {Row} row
 * @param {number} cursor
 */
export function heldAt(row, cursor) {
  const n = upTo(row.held, cursor);
  return n === 0 ? "" : row.held[n - 1].state;
}

/**
 * The heading of a step at the cursor: the command, and its explanation once its
 * effect is recorded.
 * @param {Row} row
 * @param {number} cursor
 */
export function stepAt(row, cursor) {
  const s = row.event.step;
  if (!s) return null;
  if (s.phase === "over") return { number: "", command: "the run ended early", say: s.error || "", doing: false, failed: true };
  const mark = row.mark;
  const ended = !!mark && by(mark.end, cursor);
  const failed = ended && !!mark.error;
  return { number: `${s.index + 1} of ${s.of}`, command: s.command || "", say: failed ? mark.error : mark ? said(mark, cursor) : "", doing: !ended, failed };
}

/**
 * The JavaScript of a row at the cursor. The event of a handler is visible after
 * its frame is released.
 * @param {Row} row
 * @param {number} cursor
 */
export function jsAt(row, cursor) {
  if (row.event.script) return scriptLine(row.event.script);
  // The client of the raw TCP chat is Go code, too.
  const own = row.calls.find((c) => c.enter.from === "client" && c.enter.seq <= cursor);
  if (own?.enter.call) return callLine(own.enter.call, own.ret && own.ret.seq <= cursor ? own.ret.call : undefined);
  if (!row.js || !row.js.script) return "";
  const told = row.js.script.what.startsWith("on");
  if (told && heldAt(row, cursor) === "waiting") return "";
  return scriptLine(row.js.script);
}

/**
 * The Go calls of a row at the cursor.
 * @param {Row} row
 * @param {number} cursor
 * @returns {{text: string, waiting: boolean, error: boolean}}
 */
export function goAt(row, cursor) {
  const held = row.event.from === "client" && heldAt(row, cursor) === "waiting";
  const shown = [];
  const calls = row.calls.filter((c) => c.enter.from === "server");
  for (const call of calls.length > 1 ? [...calls].sort((a, b) => a.enter.seq - b.enter.seq) : calls) {
    const ret = call.ret && call.ret.seq <= cursor ? call.ret.call : undefined;
    const entered = call.enter.seq <= cursor ? call.enter.call : ret;
    if (entered && (ret || !held)) shown.push({ text: callLine(entered, ret), waiting: !ret, error: !!(ret && ret.error) });
  }
  if (shown.length) return { text: shown.map((s) => s.text).join("; "), waiting: shown.some((s) => s.waiting), error: shown.some((s) => s.error) };
  const waits = held && row.conn.waiting(cursor)?.enter.call;
  if (waits) return { text: `${callLine(waits)} waiting`, waiting: true, error: false };
  return { text: "", waiting: false, error: false };
}

/** Whether a row can be dropped: only the oldest held row of a connection can. @param {Row} row */
export const canDrop = (row) => row.conn.held[0] === row && heldAt(row, Infinity) === "waiting";
