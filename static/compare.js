/**
 * The matrix of /compare without its document: cases down, endpoints across. A
 * row is one requirement; a case tests it at servers, and its mirror image, whose
 * ID ends in -client, at clients.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {"pass"|"warning"|"note"|"not-judged"|"no-answer"|"fail"} Verdict
 * @typedef {{id: string, title: string, requirement: string, keyword: string, section: string, rfc: number, rules: string[],
 *   judges: "server"|"client", binds?: string, must?: string, browser?: boolean, subprotocols?: string[], opening: string, sends: string[], legal: string[]}} CaseInfo
 * @typedef {{what: string, text?: string, size?: number, code?: number, reason?: string, wasClean?: boolean}} ScriptEvent an event that JavaScript received
 * @typedef {{case: string, endpoint: string, verdict: Verdict, closing: Verdict, reason: string, closingReason?: string, expected: string, got: string,
 *   bytes: string, skipped?: number, caret: number, rule: string, mistake: string, says?: string, withheld?: boolean, script?: ScriptEvent[], took: number}} Report
 * @typedef {{name: string, label: string, kind: "own"|"server"|"browser"}} Column
 * @typedef {{code: string, says: string, instead: string, section: string, usually: string}} Mistake
 * @typedef {{endpoint: string, mistake: Mistake, cases: string[]}} Diagnosis a mistake that an endpoint seems to make, and the cases that show it
 * @typedef {{endpoint: string, verdict: Verdict, says: string, cases: string[]}} Habit a result that an endpoint has in many cases
 * @typedef {{id: string, index: number, server: CaseInfo|null, client: CaseInfo|null}} Line
 * @typedef {{section: string, verdict: string, keyword: string, text: string}} Filter
 */

import { count } from "./format.js";
import { hex, bytes } from "./hex.js";
import { maskText } from "./bits.js";

/** @type {Verdict[]} from the lightest to the gravest */
const verdicts = ["pass", "note", "warning", "not-judged", "no-answer", "fail"];

/** @type {Record<Verdict, string>} */
export const glyphs = { pass: "✔", note: "i", warning: "≈", "not-judged": "?", "no-answer": "∅", fail: "×" };

/** The name of each verdict. @type {Record<Verdict, string>} */
export const words = { pass: "pass", note: "note", warning: "warning", "not-judged": "not judged", "no-answer": "no answer", fail: "fail" };

/** The meaning of each verdict. @type {Record<Verdict, string>} */
export const meanings = { pass: "", note: "allowed", warning: "breaks a SHOULD or is too tolerant", "not-judged": "no result is known", "no-answer": "in time", fail: "breaks a MUST" };

/** The name of the column of the browser that shows the page. */
export const browserName = "this browser";

/** The graver of a report's two verdicts. @param {Report} r @returns {Verdict} */
export const worst = (r) => verdicts[Math.max(verdicts.indexOf(r.verdict), verdicts.indexOf(r.closing))];

/** The sentence for the graver of a report's two verdicts. @param {Report} r */
export const because = (r) => (verdicts.indexOf(r.closing) > verdicts.indexOf(r.verdict) && r.closingReason) || r.reason;

/** An event that JavaScript received, in a line. @param {ScriptEvent} e */
export function scriptText(e) {
  const parts = [e.what];
  if (e.text) parts.push(e.text);
  if (e.size !== undefined) parts.push(count(e.size, "byte"));
  if (e.code !== undefined) parts.push(`code ${e.code}`);
  if (e.reason) parts.push(`reason “${e.reason}”`);
  if (e.wasClean !== undefined) parts.push(`wasClean ${e.wasClean}`);
  return parts.join(", ");
}

/** @type {Filter} */
export const everything = { section: "", verdict: "", keyword: "", text: "" };

/** The section of a case, which is the beginning of its ID: "5.5.2". @param {string} id */
export const sectionOf = (id) => id.slice(0, id.lastIndexOf("/"));

/** The name of a case in its section, which is the end of its ID. @param {string} id */
export const nameOf = (id) => id.slice(id.lastIndexOf("/") + 1);

/** The end of the ID of a mirrored case. */
const mirrored = /-client$/;

/** Whether an ID is that of a mirrored case. @param {string} id */
export const isMirrored = (id) => mirrored.test(id);

export class Matrix {
  /** @type {Line[]} */
  lines = [];
  /** @type {Map<string, Line>} by ID */
  byId = new Map();
  /** @type {Map<string, CaseInfo>} every case by its own ID */
  cases = new Map();
  /** @type {Column[]} */
  columns = [];
  /** @type {Map<string, Map<string, Report>>} reports by column, then by the line's ID */
  reports = new Map();
  /** @type {Map<string, {list: Diagnosis[], by: number}>} the probable mistakes of each column, and the number of cases in the column's last run */
  wrong = new Map();
  /** @type {Map<string, Habit[]>} by column */
  habits = new Map();

  /** @param {CaseInfo[]} cases in the order of the suite */
  take(cases) {
    for (const c of cases) {
      this.cases.set(c.id, c);
      const id = c.judges === "client" ? c.id.replace(mirrored, "") : c.id;
      let line = this.byId.get(id);
      if (!line) {
        line = { id, index: 0, server: null, client: null };
        this.byId.set(id, line);
        this.lines.push(line);
      }
      line[c.judges] = c;
    }
    // The suite ends with the cases that are only for clients. Here each is in its section.
    const order = this.sections;
    const place = new Map(this.lines.map((l, i) => [l, order.indexOf(sectionOf(l.id)) * this.lines.length + i]));
    this.lines.sort((a, b) => (place.get(a) || 0) - (place.get(b) || 0));
    this.lines.forEach((l, i) => (l.index = i));
  }

  /** @param {Line} line */
  about(line) {
    return /** @type {CaseInfo} */ (line.server || line.client);
  }

  /** The case that a column runs in a line, if there is one. @param {Line} line @param {Column} column */
  asked(line, column) {
    return column.kind === "browser" ? line.client : line.server;
  }

  /** The line of a case, by its ID or that of its mirror image. @param {string} id */
  line(id) {
    return this.byId.get(id) || (this.cases.has(id) ? this.byId.get(id.replace(mirrored, "")) : undefined);
  }

  /** The section that an old ID names, such as 5.2/7 or 5.2/7c; "" for any other. @param {string} id */
  numbered(id) {
    const section = /\/\d+c?$/.test(id) ? sectionOf(id) : "";
    return this.sections.includes(section) ? section : "";
  }

  /**
   * @param {Report} r
   * @returns {{line: Line, column: Column}|null} the cell that it changed
   */
  report(r) {
    const line = this.line(r.case);
    const column = this.columns.find((c) => c.name === r.endpoint);
    if (!line || !column) return null;
    let of = this.reports.get(column.name);
    if (!of) this.reports.set(column.name, (of = new Map()));
    of.set(line.id, r);
    return { line, column };
  }

  /** @param {Line} line @param {Column} column */
  of(line, column) {
    return this.reports.get(column.name)?.get(line.id) || null;
  }

  /**
   * Stores the mistakes that the end of a run names.
   * @param {Column} column
   * @param {Diagnosis[]} all of every column of the run
   * @param {number} by how many cases of the run have a report for the column
   */
  diagnose(column, all, by) {
    const list = all.filter((d) => d.endpoint === column.name);
    if (list.length) this.wrong.set(column.name, { list, by });
    else this.wrong.delete(column.name);
  }

  /** Stores the habits that the end of a run names. @param {Column} column @param {Habit[]} all */
  habit(column, all) {
    this.habits.set(
      column.name,
      all.filter((h) => h.endpoint === column.name),
    );
  }

  /** The cases that the page did not send to a column, because they have frozen a browser. @param {Column} column */
  withheld(column) {
    return [...(this.reports.get(column.name)?.values() || [])].filter((r) => r.withheld).map((r) => r.case);
  }

  /**
   * Drops the reports of a column, or of some of its lines. Also drops the column's
   * mistakes and habits, because they depend on all its reports.
   * @param {Column} column
   * @param {Line[]} [lines]
   */
  forget(column, lines) {
    this.wrong.delete(column.name);
    this.habits.delete(column.name);
    if (!lines) this.reports.delete(column.name);
    else for (const l of lines) this.reports.get(column.name)?.delete(l.id);
  }

  /** The sections of the cases, in the order of the suite. */
  get sections() {
    return [...new Set(this.lines.map((l) => sectionOf(l.id)))];
  }

  /**
   * The lines that a filter leaves.
   * @param {Filter} filter
   * @param {Line[]} [among]
   */
  filtered(filter, among = this.lines) {
    const text = filter.text.trim().toLowerCase();
    const number = /^\d[\d.]*(\/[\w.-]*)?$/.test(text); // a number matches only the beginning of an ID
    const named = this.line(text);
    return among.filter((line) => {
      const c = this.about(line);
      if (filter.section) {
        const section = sectionOf(line.id);
        if (section !== filter.section && !section.startsWith(`${filter.section}.`)) return false;
      }
      if (filter.keyword && c.keyword !== filter.keyword) return false;
      if (named) return line === named && (!filter.verdict || this.comesTo(line, filter.verdict));
      if (number && !line.id.startsWith(text)) return false;
      if (text && !number && ![line.id, c.title, c.requirement, ...c.rules].some((t) => t.toLowerCase().includes(text))) return false;
      return !filter.verdict || this.comesTo(line, filter.verdict);
    });
  }

  /** @param {Line} line @param {string} verdict one of verdicts, "none", "differs" or "differs:reference,gorilla" */
  comesTo(line, verdict) {
    const [what, among] = verdict.split(":");
    const got = this.columns.flatMap((c) => ((!among || among.split(",").includes(c.name)) && this.of(line, c)) || []);
    if (verdict === "none") return this.columns.some((c) => this.asked(line, c) && !this.of(line, c));
    if (what === "differs") return new Set(got.map((r) => `${r.verdict} ${r.closing}`)).size > 1;
    return got.some((r) => r.verdict === verdict || r.closing === verdict);
  }

  /**
   * The number of rows of a column with each verdict. Of behavior and closing, the
   * worse verdict counts.
   * @param {Column} column
   * @param {Line[]} [lines]
   */
  counts(column, lines = this.lines) {
    /** @type {Record<Verdict|"none"|"asked", number>} */
    const n = { pass: 0, note: 0, warning: 0, "not-judged": 0, "no-answer": 0, fail: 0, none: 0, asked: 0 };
    for (const line of lines) {
      if (!this.asked(line, column)) continue;
      n.asked++;
      const r = this.of(line, column);
      n[r ? worst(r) : "none"]++;
    }
    return n;
  }
}

/** Counts with their signs: "412 ✔ 3 ≈ 1 ×". @param {Record<string, number>} n */
export const tally = (n) => verdicts.flatMap((v) => (n[v] ? [`${n[v]}\u00a0${glyphs[v]}`] : [])).join(" ");

/** The same counts in words, for a screen reader: "412 pass, 3 warning". @param {Record<string, number>} n */
export const tallyWords = (n) => verdicts.flatMap((v) => (n[v] ? [`${n[v]} ${words[v]}`] : [])).join(", ");

/** A report in words, for a screen reader. @param {Report|null} r */
export const said = (r) => (r ? (r.closing === r.verdict ? words[r.verdict] : `${words[r.verdict]}, closing ${words[r.closing]}`) : "not run");

// ——— a socket of this browser ———

const toldMessages = 8; // how many messages are reported one by one

/**
 * Opens a socket, echoes its messages, and returns the events that JavaScript received when the
 * socket is closed.
 * @param {string} url
 * @param {string[]} [subprotocols] to offer
 * @returns {Promise<ScriptEvent[]>}
 */
export function echoOnce(url, subprotocols = []) {
  /** @type {ScriptEvent[]} */
  const events = [];
  let messages = 0;
  return new Promise((resolve) => {
    /** @type {WebSocket} */
    let ws;
    try {
      ws = new WebSocket(url, subprotocols);
    } catch (e) {
      return resolve([{ what: "threw", text: String(e).slice(0, 150) }]);
    }
    ws.binaryType = "arraybuffer";
    ws.onopen = () => events.push({ what: "onopen", ...(ws.protocol ? { text: `protocol “${ws.protocol.slice(0, 60)}”` } : {}) });
    ws.onmessage = (e) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(e.data);
      messages++;
      const size = typeof e.data === "string" ? new TextEncoder().encode(e.data).length : e.data.byteLength;
      if (messages <= toldMessages) events.push({ what: "onmessage", size });
    };
    ws.onerror = () => events.push({ what: "onerror" });
    ws.onclose = (e) => {
      if (messages > toldMessages) events.push({ what: "onmessage", text: `${count(messages - toldMessages, "more message")} before` });
      events.push({ what: "onclose", code: e.code, reason: e.reason, wasClean: e.wasClean });
      resolve(events);
    };
  });
}

// ——— addresses ———

/**
 * The case that the page's address names, "" for none.
 * @param {string} hash
 */
export function caseOf(hash) {
  const id = decodeURIComponent(hash.replace(/^#/, ""));
  return /^[\w.-]+\/[\w.-]+$/.test(id) && !id.startsWith("headers/") ? id : "";
}

/**
 * The whole URL for an address that a person typed. A port alone means a server on
 * this computer.
 * @param {string} text
 * @returns {{url: string}|{error: string}}
 */
export function serverAddress(text) {
  let at = text.trim();
  if (!at) return { error: "Write the address of your server, such as ws://localhost:9000/." };
  if (/^:?\d+(\/.*)?$/.test(at)) at = `localhost:${at.replace(/^:/, "")}`;
  at = at.replace(/^http(s?):\/\//i, "ws$1://");
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(at)) at = `ws://${at}`;
  try {
    const url = new URL(at);
    if (!/^wss?:$/.test(url.protocol)) return { error: `An address begins with ws:// or wss://. This one begins with ${url.protocol}//.` };
    if (url.hash) return { error: "A WebSocket address must not have a # part." };
    return { url: url.href };
  } catch {
    return { error: `“${text.trim()}” is not an address. Write it like ws://localhost:9000/.` };
  }
}

// ——— one report ———

const perRow = 16;

/**
 * The bytes of the first wrong frame in rows. A caret marks the byte with the first
 * wrong bit. Below it are the bits of that byte, with a caret under the wrong bit.
 * @param {Report} r
 * @returns {{text: string, words: string}|null} null where there is no frame to show
 */
export function caret(r) {
  const all = [...bytes(r.bytes)];
  if (!all.length) return null;
  const skipped = r.skipped || 0;
  const wrong = r.caret >= 0 && r.caret < 8 * all.length ? r.caret >> 3 : -1;
  const lines = [];
  for (let at = 0; at < all.length; at += perRow) {
    lines.push(all.slice(at, at + perRow).map((b) => hex(b)).join(" "));
    if (wrong >= at && wrong < at + perRow) lines.push(`${" ".repeat(3 * (wrong - at))}^^`);
  }
  const left = skipped ? `${count(skipped, "byte")} before these ${skipped === 1 ? "is" : "are"} not shown` : "";
  if (wrong < 0) return { text: lines.join("\n"), words: ["the whole frame: no frame was expected here", left].filter(Boolean).join("; ") };
  const bit = r.caret % 8;
  const bits = all[wrong].toString(2).padStart(8, "0");
  lines.push("", `${bits.slice(0, 4)} ${bits.slice(4)}`, `${" ".repeat(bit + (bit > 3 ? 1 : 0))}^`);
  return { text: lines.join("\n"), words: [`byte ${wrong + skipped}, bit ${bit}, ${maskText(0x80 >> bit)}`, left].filter(Boolean).join("; ") };
}

// ——— one case at several endpoints ———

/**
 * The steps of several endpoints in a case, side by side, as the lab server pairs them.
 * @typedef {{from: "client"|"server", kind: string, cells: ({seq: number, text: string}|null)[], differs: string[]}} Step
 * @typedef {{endpoints: string[], steps: Step[], first: number, amounts: Verdict, words: string, partial?: boolean}} Aligned first: the index of the first difference, -1 for none
 */

/**
 * Which of many steps are shown: the first, those around the first difference,
 * and the last.
 * @param {number} n how many there are
 * @param {number} first the index of the first difference, -1 for none
 * @returns {[number, number][]} ranges of steps: the first one, and the one after the last
 */
export function excerpt(n, first) {
  if (n <= 60) return [[0, n]];
  /** @type {[number, number][]} */
  const parts = [[0, 16], [Math.max(0, first - 3), first < 0 ? 0 : Math.min(n, first + 12)], [n - 6, n]];
  /** @type {[number, number][]} */
  const out = [];
  for (const [from, to] of parts.filter(([from, to]) => to > from).sort((a, b) => a[0] - b[0])) {
    const before = out[out.length - 1];
    if (before && from <= before[1]) before[1] = Math.max(before[1], to);
    else out.push([from, to]);
  }
  return out;
}

// ——— waiting for a server that is being started again ———

/**
 * How many ms the page waits before it asks again whether the server answers; 0 if
 * it stops asking.
 * @param {boolean} away whether the last request got no answer
 * @param {number} since ms since the page began to wait, or since the server last did not answer
 */
export function pollAfter(away, since) {
  if (since > 30 * 60_000) return 0;
  if (!away) return 5000;
  return since < 60_000 ? 1500 : 5000;
}
