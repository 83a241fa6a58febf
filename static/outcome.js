/**
 * The measured end of a connection: the events that the page received and when,
 * and the results of the server's next read and next two writes.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {{name: string, type: string, text: string, done: boolean}} Came of a call: no type when it succeeded
 * @typedef {{start: number|null, after: number|null, code: number|null, reason: string, clean: boolean|null,
 *   error: boolean, read: Came|null, writes: Came[]}} Outcome start: when closing began; after: how long onclose took; in microseconds
 * @typedef {"after"|"code"|"clean"|"read"|"writes"} Column
 */

/**
 * Ranges of the time until onclose: the name and the beginning in seconds. A range
 * ends where the next begins. Three browser engines measured 0.001, 2.0, 5.1 to
 * 5.7, 20 and 60 s.
 * @type {[string, number][]}
 */
export const ranges = [["0", 0], ["2", 0.5], ["5", 3.5], ["20", 10], ["60", 40]];

/** @type {[string, string][]} each range in words */
const times = ranges.map(([name, from], i) => [name, i === 0 ? `under ${ranges[1][1]} s` : i + 1 < ranges.length ? `${from} to ${ranges[i + 1][1]} s` : `${from} s or longer`]);

/** @type {Record<Column, {head: string, choices: [string, string][]}>} */
export const columns = {
  after: { head: "onclose after", choices: [...times, ["never", "not at all"]] },
  code: { head: "code", choices: [["1000", "1000"], ["1001", "1001"], ["1002", "1002"], ["1005", "1005"], ["1006", "1006"], ["other", "another code"], ["none", "none"]] },
  clean: { head: "wasClean", choices: [["true", "true"], ["false", "false"], ["none", "no close event"]] },
  read: { head: "the server’s next read", choices: [["eof", "EOF"], ["closed", "fails: the socket is closed"], ["reset", "fails: reset by the peer"], ["data", "returns data"], ["waits", "keeps waiting"]] },
  writes: { head: "its next two writes", choices: [["++", "both succeed"], ["+-", "the first succeeds, the second fails"], ["--", "both fail"], ["other", "another result"], ["0", "no writes"]] },
};

const apart = 5000; // microseconds by which two clocks may differ

/**
 * @param {LabEvent[]} events of the connection and of its client's JavaScript, in order
 * @param {number} cursor
 * @returns {Outcome}
 */
export function measure(events, cursor) {
  /** @type {Outcome} */
  const out = { start: null, after: null, code: null, reason: "", clean: null, error: false, read: null, writes: [] };
  const seen = events.filter((e) => e.seq <= cursor);
  const closes = seen.filter((e) => e.frame?.header.opcode === 8 || e.script?.what === "close" || e.script?.what === "leave");
  const ends = closes.length ? closes : seen.filter((e) => e.tcp && e.tcp.what !== "open");
  if (ends.length) out.start = Math.min(...ends.map((e) => e.at));
  const told = seen.find((e) => e.script?.what === "onclose");
  if (told && told.script) {
    out.code = told.script.code ?? null;
    out.reason = told.script.reason || "";
    out.clean = told.script.wasClean ?? false;
    // Count the time from the last event at the browser, so that a learner's pause
    // between two steps does not count.
    const causes = seen.filter((e) => e.script?.what === "close" || (e.from === "server" && (e.frame?.header.opcode === 8 || (e.tcp && e.tcp.what !== "open"))));
    const since = Math.max(...causes.map((e) => e.at).filter((at) => at <= told.at + apart));
    out.after = since > -Infinity ? Math.max(0, told.at - since) : out.start === null ? null : Math.max(0, told.at - out.start);
  }
  out.error = seen.some((e) => e.script?.what === "onerror");
  if (out.start === null) return out;
  /** @type {Map<number, {enter: LabEvent, ret: LabEvent|null}>} */
  const calls = new Map();
  for (const e of seen) {
    if (!e.call) continue;
    const c = calls.get(e.call.id);
    if (c) c.ret = e;
    else if (e.call.phase === "enter") calls.set(e.call.id, { enter: e, ret: null });
  }
  const { start } = out;
  const late = [...calls.values()].filter((c) => !c.ret || c.ret.at >= start);
  const reads = pick(late.filter((c) => c.enter.call?.verb === "read"));
  const failed = reads.filter((c) => c.ret?.call?.error);
  out.read = came(failed[reads[0]?.enter.call?.socket ? 0 : failed.length - 1] || reads[reads.length - 1]);
  const writes = late.filter((c) => c.enter.at >= start && c.enter.call?.verb === "write");
  out.writes = pick(writes).slice(0, 2).flatMap((c) => came(c) || []);
  return out;
}

/**
 * The calls on the TCP connection itself. If there are none, all calls.
 * @param {{enter: LabEvent, ret: LabEvent|null}[]} calls
 */
function pick(calls) {
  const bare = calls.filter((c) => c.enter.call?.socket);
  return bare.length ? bare : calls;
}

/** @param {{enter: LabEvent, ret: LabEvent|null}|undefined} c @returns {Came|null} */
function came(c) {
  if (!c || !c.enter.call) return null;
  const ret = c.ret?.call;
  return { name: c.enter.call.name, type: ret?.error?.type || "", text: ret?.error?.text || ret?.result || "", done: !!ret };
}

/**
 * The measured value as one of the choices of a prediction; "" until it is known.
 * @param {Column} column
 * @param {Outcome} o
 * @param {boolean} over whether the run is over
 */
export function verdict(column, o, over) {
  switch (column) {
    case "after": {
      if (o.after === null) return over ? "never" : "";
      const s = o.after / 1e6;
      return ranges[ranges.filter(([, from]) => from <= s).length - 1][0];
    }
    case "code":
      return o.code === null ? (over ? "none" : "") : chosen(column, String(o.code));
    case "clean":
      return o.clean === null ? (over ? "none" : "") : String(o.clean);
    case "read":
      if (!o.read) return "";
      if (!o.read.done) return over ? "waits" : "";
      if (!o.read.type) return "data";
      return /EOF/.test(o.read.text) ? "eof" : /reset/.test(o.read.text) ? "reset" : /closed/.test(o.read.text) ? "closed" : "data";
    case "writes":
      if (o.writes.length < 2 && !over) return "";
      return chosen(column, o.writes.map((w) => (w.type ? "-" : "+")).join("") || "0");
  }
}

/** The choice of a column for a value. Every value has a choice. @param {Column} column @param {string} value */
const chosen = (column, value) => (columns[column].choices.some(([v]) => v === value) ? value : "other");
