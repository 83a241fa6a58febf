/**
 * The game of lesson 9: an input for three servers, their reactions beside each
 * other, and the cards of the faults that were found.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").FoundBug & {session: string}} Found
 *
 * @typedef {object} Column the reaction of one server
 * @property {{seq: number, conn: number, line: string, status: number, hex: string}[]} answers the responses and the frames of the server; status of a response, hex of a frame
 * @property {number|null} code of its Close frame; null without a Close frame
 * @property {string} end how the server ended the connection, "" while it is open
 * @property {string} stopped why the cage stopped the server, "" if it did not
 * @property {string[]} calls of the Go code
 * @property {number} wrote bytes that the client wrote after its request
 *
 * @typedef {"same"|"other"|"silent"|"ended"} Reaction
 */

import { callLine, count, frameLine, handshakeParts, line, tcpLine } from "./format.js";

/** The servers that receive an input, in the order of their columns. */
export const order = ["naive", "reference", "gorilla"];

/** The choices of a prediction. @type {[Reaction, string][]} */
export const reactions = [
  ["same", "It sends the same answer as the reference"],
  ["other", "It sends a different answer"],
  ["silent", "It sends no answer, and the connection stays open"],
  ["ended", "It sends no answer, and it ends the connection"],
];

/**
 * The scenario that sends bytes that a person built. A comment divides two parts, so
 * each part leaves in a write of its own.
 * @param {{parts: string[], fields: [string, string|null][], leaves: boolean}} built parts in hex; fields to change in the request; leaves: whether the client closes TCP at the end
 */
export function scenarioOf({ parts, fields, leaves }) {
  const settings = fields.map(([name, value]) => (value === null ? `remove ${name}` : `field ${name}: ${value}`));
  const writes = parts.map((part, i) => `# ${parts.length > 1 ? `Part ${i + 1} of ${parts.length}.` : "The bytes that you built."}\nbytes ${part}`);
  return ["# Your bytes", "", ...settings, "open", ...writes, ...(leaves ? ["# The client closes TCP, without a Close frame.", "tcp close"] : [])].join("\n");
}

/**
 * The reaction of a server, from the events of its connections.
 * @param {LabEvent[]} events
 * @returns {Column}
 */
export function column(events) {
  /** @type {Column} */
  const out = { answers: [], code: null, end: "", stopped: "", calls: [], wrote: 0 };
  /** @type {Map<number, import("./types.js").Call>} */
  const open = new Map();
  for (const e of events) {
    const { frame, handshake, tcp, call } = e;
    if (e.from === "server" && (frame || handshake)) {
      if (frame?.close) out.code ??= frame.close.code;
      out.answers.push({ seq: e.seq, conn: e.conn, status: handshake?.status || 0, line: frame ? frameLine(frame) : handshake ? answerLine(handshake) : "", hex: frame ? frame.hex : "" });
    } else if (e.from === "client" && e.kind === "bytes") out.wrote += e.bytes?.size || 0;
    else if (e.from === "client" && handshake) out.wrote -= handshake.size;
    else if (e.from === "server" && tcp && tcp.what !== "open") out.end ||= tcpLine({ ...tcp, backlog: undefined }, "server");
    else if (call?.phase === "enter") open.set(call.id, call);
    else if (call) {
      const enter = open.get(call.id) || call;
      open.delete(call.id);
      if (call.name === "naive.Serve") out.stopped = call.error?.text || "";
      else out.calls.push(callLine(enter, call));
    }
  }
  for (const call of open.values()) out.calls.push(callLine(call));
  out.wrote = Math.max(0, out.wrote);
  return out;
}

/** @param {import("./types.js").Handshake} h */
function answerLine(h) {
  const { line, bad } = handshakeParts(h);
  return line + bad.map((code) => ` × ${code}`).join("");
}

/**
 * How the naive server reacted, compared with the reference. If the handshake was not
 * all, a response with status 101 is not the answer.
 * @param {Column} naive
 * @param {Column} reference
 * @returns {Reaction}
 */
export function reaction(naive, reference) {
  const more = [naive, reference].some((c) => c.wrote || c.answers.some((a) => a.hex));
  /** @param {Column} c */
  const said = (c) => c.answers.filter((a) => !more || a.status !== 101).map((a) => a.hex || a.status);
  if (!said(naive).length) return naive.end || naive.stopped ? "ended" : "silent";
  return said(naive).join() === said(reference).join() ? "same" : "other";
}

/** The reaction in a sentence. @param {Reaction} is */
export const reactionWords = (is) => {
  const [, words = ""] = reactions.find(([value]) => value === is) || [];
  return words.replace("It sends", "The naive server sent").replace("stays", "stayed").replace("it ends", "it ended");
};

/** The score of a learner, as the browser keeps it. */
export class Score {
  /** @type {Map<number, Found>} */
  found = new Map();
  right = 0; // predictions
  predicted = 0;

  /** @param {any} kept what the browser kept, in any form */
  constructor(kept) {
    const list = Array.isArray(kept?.found) ? kept.found : [];
    for (const f of list) {
      if (typeof f?.number === "number" && typeof f.said === "string" && Array.isArray(f.events)) this.found.set(f.number, f);
    }
    for (const name of /** @type {const} */ (["right", "predicted"])) if (kept?.[name] >= 0) this[name] = Math.floor(kept[name]);
    this.right = Math.min(this.right, this.predicted);
  }

  /** What the browser keeps. */
  get kept() {
    return { found: [...this.found.values()], right: this.right, predicted: this.predicted };
  }

  /**
   * Adds the faults of a recording, and returns the ones that are new. Evidence of an
   * earlier session, whose recording is gone, is replaced.
   * @param {import("./types.js").FoundBug[]} seen
   * @param {string} session
   * @param {number} after the effect must be later than this event
   */
  add(seen, session, after) {
    const now = seen.filter((s) => this.found.get(s.number)?.session !== session && s.events.some((seq) => seq > after));
    const fresh = now.filter((s) => !this.found.has(s.number));
    for (const s of now) this.found.set(s.number, { ...s, session });
    return fresh;
  }

  /** @param {boolean} right */
  predict(right) {
    this.predicted++;
    if (right) this.right++;
  }

  /** The score in words. @param {number} of all faults @param {number} goal of the exercise; 0 for none */
  words(of, goal) {
    const n = this.found.size;
    const exercise = !goal ? "" : n >= goal ? ` Exercise done: ${count(goal, "fault")}.` : ` Exercise: ${goal - n} more to find.`;
    const predictions = this.predicted ? ` ${this.right} of ${count(this.predicted, "prediction")} ${this.predicted === 1 ? "was" : "were"} right.` : "";
    return `${n} of ${of} faults found.${exercise}${predictions}`;
  }
}

/**
 * The events of a run's clients: its own, and the crowd that it may have opened.
 * @param {import("./session.js").Session} session
 * @param {import("./play.js").Play} play
 */
export function eventsOf({ history, rows }, play) {
  const of = new Set([...rows.conns.values()].filter((c) => c.client === play.token || c.client.startsWith(`${play.token}-crowd-`)).map((c) => c.id));
  return history.events.slice(history.count(play.seq - 1)).filter((e) => of.has(e.conn) && e.seq <= (play.over === Infinity ? Infinity : play.settled));
}

/**
 * The line of an event. A call has its arguments and its result in one line.
 * @param {import("./history.js").History} history
 * @param {LabEvent} e
 */
export function lineOf(history, e) {
  const { call } = e;
  if (!call) return line(e);
  const other = history.events.find((o) => o.conn === e.conn && o.call?.id === call.id && o !== e)?.call;
  return call.phase === "enter" ? callLine(call, other) : callLine(other || call, call);
}

/**
 * The row that shows an event: its own, the row of its call, or the row before it on
 * the same connection.
 * @param {import("./rows.js").Rows} rows
 * @param {number} seq
 * @param {number} conn
 */
export function rowOf(rows, seq, conn) {
  const own = rows.bySeq.get(seq);
  if (own) return own;
  const mine = rows.list.filter((row) => row.conn.id === conn);
  const called = mine.find((row) => row.calls.some((c) => c.enter.seq === seq || c.ret?.seq === seq));
  return called || mine.filter((row) => row.event.seq <= seq).pop() || null;
}
