/**
 * The map of all two-byte beginnings of a frame: the outcome of each beginning at
 * one endpoint. A header is a number, the first byte times 256 plus the second; the
 * picture has the first byte across and the second down.
 *
 * @typedef {{word: string, sentence: string}} Outcome
 * @typedef {{name: string, outcomes: Uint8Array, marks: Uint8Array, broken: Uint8Array}} Sheet
 * @typedef {{endpoint: string, role: "server"|"client", runs: number, outcomes: Outcome[], rules: string[][],
 *   sheets: Record<string, Sheet>}} HeaderMap
 * @typedef {{id: string, glyph: string, short: string, words: string}} Kind
 * @typedef {{bytes: string, fin: number, rsv: number, opcode: number, name: string, masked: boolean, length: number, form: 7|16|64}} Fields
 */

import { grouped, opcodeNames } from "./format.js";
import { servers } from "./connection.js";
import { fromBase64, hex } from "./hex.js";

export const size = 256;

/**
 * The kinds of headers. A kind is an outcome with its verdict. The map colors and
 * counts headers by kind.
 * @type {Kind[]}
 */
export const kinds = [
  { id: "echo", glyph: "✔", short: "echo", words: "echoed" },
  { id: "pong", glyph: "✔", short: "Pong", words: "answered with a Pong" },
  { id: "closed", glyph: "✔", short: "Close", words: "answered with a Close frame, as it must be" },
  { id: "taken", glyph: "✔", short: "ignored", words: "accepted without an answer" },
  { id: "p1002", glyph: "✔", short: "1002", words: "refused: Close 1002" },
  { id: "p1007", glyph: "≈", short: "1007", words: "refused: Close 1007" },
  { id: "p1009", glyph: "≈", short: "1009", words: "refused: Close 1009" },
  { id: "other", glyph: "≈", short: "other Close", words: "refused: Close with another code, or without a code" },
  { id: "cut", glyph: "≈", short: "TCP closed", words: "refused: TCP closed without a Close frame" },
  { id: "reset", glyph: "≈", short: "reset", words: "refused: TCP reset (RST)" },
  { id: "accepted", glyph: "×", short: "accepted", words: "accepted, although it breaks a rule" },
  { id: "waits", glyph: "×", short: "no answer", words: "no answer, not even a Pong" },
  { id: "refused", glyph: "×", short: "refused", words: "refused, although it breaks no rule" },
  { id: "wrong", glyph: "×", short: "wrong answer", words: "answered wrongly" },
];

const index = Object.fromEntries(kinds.map((k, i) => [k.id, i]));

/**
 * The two kinds of each outcome: if it is not a fail, and if it is a fail.
 * @type {Record<string, [string, string]>}
 */
const kindOf = {
  waits: ["waits", "waits"],
  taken: ["taken", "accepted"],
  echo: ["echo", "accepted"],
  pong: ["pong", "accepted"],
  closed: ["closed", "accepted"],
  1002: ["p1002", "refused"],
  1007: ["p1007", "refused"],
  1009: ["p1009", "refused"],
  close: ["other", "refused"],
  cut: ["cut", "refused"],
  reset: ["reset", "refused"],
  answer: ["wrong", "accepted"],
};

/**
 * @param {string} word of the outcome
 * @param {number} mark 0 ✔, 1 ≈, 2 ×
 * @param {boolean} legal whether the header breaks no rule
 */
function kind(word, mark, legal) {
  const [right, wrong] = kindOf[word] || ["wrong", "wrong"];
  if (mark < 2) return index[right];
  return index[legal && wrong === "accepted" ? "wrong" : wrong];
}

/**
 * @param {any} json of GET /api/headermap
 * @returns {HeaderMap}
 */
export function decode(json) {
  /** @type {Record<string, Sheet>} */
  const sheets = {};
  for (const c of json.contexts) sheets[c.name] = { name: c.name, outcomes: fromBase64(c.outcomes), marks: fromBase64(c.marks), broken: fromBase64(c.broken) };
  const { endpoint, role, runs, outcomes, rules } = json;
  return { endpoint, role, runs, outcomes, rules, sheets };
}

/**
 * The kind of every header, by its number.
 * @param {HeaderMap} map
 * @param {string} context
 */
export function paint(map, context) {
  const { outcomes, marks, broken } = map.sheets[context];
  return Uint8Array.from(outcomes, (o, n) => kind(map.outcomes[o].word, marks[n], !map.rules[broken[n]].length));
}

/**
 * The number of headers of each kind that occurs.
 * @param {Uint8Array} painted
 * @returns {{kind: number, count: number}[]}
 */
export function counts(painted) {
  const all = kinds.map((_, k) => ({ kind: k, count: 0 }));
  for (const k of painted) all[k].count++;
  return all.filter((c) => c.count);
}

/**
 * The headers with different outcomes at two endpoints: 1 where they differ.
 * @param {HeaderMap} a
 * @param {HeaderMap} b
 * @param {string} context
 */
export function differing(a, b, context) {
  const mine = a.sheets[context].outcomes;
  const theirs = b.sheets[context].outcomes;
  return Uint8Array.from(mine, (o, n) => Number(a.outcomes[o].word !== b.outcomes[theirs[n]].word));
}

/** @param {number} n @returns {Fields} */
export function fields(n) {
  const first = n >> 8;
  const second = n & 0xff;
  const length = second & 0x7f;
  const opcode = first & 15;
  return {
    bytes: `${hex(first)} ${hex(second)}`,
    fin: first >> 7,
    rsv: (first >> 4) & 7,
    opcode,
    name: opcodeNames[opcode] || "reserved",
    masked: second > 0x7f,
    length,
    form: length === 126 ? 16 : length === 127 ? 64 : 7,
  };
}

/** The fields in words. @param {number} n */
export function words(n) {
  const f = fields(n);
  const rsv = [4, 2, 1].flatMap((bit, i) => (f.rsv & bit ? [`RSV${i + 1}`] : [])).join(" ");
  const length = f.form === 7 ? `length ${f.length}` : `length in ${f.form} more bits (here ${f.form === 16 ? "126" : "65,536"})`;
  return `${f.fin ? "FIN" : "no FIN"}${rsv ? `, ${rsv}` : ""}, opcode ${hex(f.opcode, 1).toUpperCase()} (${f.name}), ${f.masked ? "masked" : "not masked"}, ${length}`;
}

/** @param {number} n */
export const code = (n) => hex(n, 4);

/**
 * The outcome of a header at one endpoint.
 * @param {HeaderMap} map
 * @param {string} context
 * @param {number} n
 */
export function verdict(map, context, n) {
  const { outcomes, marks, broken } = map.sheets[context];
  const { word, sentence } = map.outcomes[outcomes[n]];
  const rules = map.rules[broken[n]];
  return { word, sentence, rules, glyph: "✔≈×"[marks[n]], kind: kind(word, marks[n], !rules.length) };
}

/**
 * The header that a key leads to.
 * @param {number} n
 * @param {string} key
 */
export function move(n, key) {
  let x = n >> 8;
  let y = n & 0xff;
  switch (key) {
    case "ArrowLeft":
      x--;
      break;
    case "ArrowRight":
      x++;
      break;
    case "ArrowUp":
      y--;
      break;
    case "ArrowDown":
      y++;
      break;
    case "PageUp":
      y -= 16;
      break;
    case "PageDown":
      y += 16;
      break;
    case "Home":
      x = 0;
      break;
    case "End":
      x = 255;
      break;
    default:
      return -1;
  }
  const within = (/** @type {number} */ v) => Math.max(0, Math.min(size - 1, v));
  return (within(x) << 8) | within(y);
}

const opcodes = [[0], [1], [2], [3, 4, 5, 6, 7], [8], [9], [10], [11, 12, 13, 14, 15]];
const opcodeRanges = ["continuation", "text", "binary", "3–7", "Close", "Ping", "Pong", "B–F"];
export const columns = ["MASK 0, 0–125", "MASK 0, 126", "MASK 0, 127", "MASK 1, 0–125", "MASK 1, 126", "MASK 1, 127"];

/** @param {number} column @returns {number[]} second bytes */
function seconds(column) {
  const mask = column > 2 ? 0x80 : 0;
  const form = column % 3;
  return form ? [mask | (125 + form)] : Array.from({ length: 126 }, (_, i) => mask | i);
}

/**
 * The map as a table: rows of first bytes with the same outcomes, columns of MASK
 * and length form, and in each cell the kinds with their counts.
 * @param {Uint8Array} painted
 * @returns {{fin: string, rsv: string, opcode: string, cells: {kind: number, count: number}[][]}[]}
 */
export function table(painted) {
  /** @type {{fin: string, rsv: string, opcode: string, cells: {kind: number, count: number}[][], key: string}[]} */
  const rows = [];
  for (const clear of [true, false]) {
    for (const fin of [1, 0]) {
      opcodes.forEach((set, i) => {
        const firsts = set.flatMap((o) => (clear ? [0] : [1, 2, 3, 4, 5, 6, 7]).map((rsv) => (fin << 7) | (rsv << 4) | o));
        const cells = columns.map((_, c) => counts(Uint8Array.from(firsts.flatMap((first) => seconds(c).map((second) => painted[(first << 8) | second])))));
        const key = JSON.stringify(cells.map((cell) => (cell.length === 1 ? cell[0].kind : cell)));
        rows.push({ fin: String(fin), rsv: clear ? "000" : "not 000", opcode: opcodeRanges[i], cells, key });
      });
    }
  }
  // First join opcodes with the same outcomes into one row, then both values of FIN.
  const opcodesJoined = join(rows, (r) => `${r.fin} ${r.rsv} ${r.key}`, "opcode");
  return join(opcodesJoined, (r) => `${r.rsv} ${r.opcode} ${r.key}`, "fin").map(({ key, ...row }) => ({
    ...row,
    fin: row.fin === "1, 0" ? "0 or 1" : row.fin,
    opcode: row.opcode === opcodeRanges.join(", ") ? "any" : row.opcode,
  }));
}

/**
 * Joins rows with the same key into the first one.
 * @template {{cells: {kind: number, count: number}[][], fin: string, opcode: string}} T
 * @param {T[]} rows
 * @param {(row: T) => string} key
 * @param {"fin"|"opcode"} label
 */
function join(rows, key, label) {
  /** @type {Map<string, T>} */
  const out = new Map();
  for (const row of rows) {
    const same = out.get(key(row));
    if (!same) {
      out.set(key(row), { ...row });
      continue;
    }
    same[label] = /** @type {any} */ (`${same[label]}, ${row[label]}`);
    same.cells = same.cells.map((cell, i) => {
      const sum = new Map(cell.map((c) => [c.kind, c.count]));
      for (const c of row.cells[i]) sum.set(c.kind, (sum.get(c.kind) || 0) + c.count);
      return [...sum].map(([kind, count]) => ({ kind, count }));
    });
  }
  return [...out.values()];
}

/** @typedef {{endpoint: string, role: "server"|"client", context: string, header: number, other: string}} Place */

/** @type {Place} */
export const start = { endpoint: "reference", role: "server", context: "fresh", header: 0x8185, other: "" };

/** The address of a place on the map. @param {Place} p */
export const toHash = (p) => `#headers/${p.endpoint}-${p.role}/${p.context}/${code(p.header)}${p.other ? `/${p.other}` : ""}`;

/**
 * The place that an address names; null if it names none.
 * @param {string} hash
 * @returns {Place|null}
 */
export function fromHash(hash) {
  const [what, who = "", context = "", header = "", other = ""] = hash.replace(/^#/, "").split("/");
  if (what !== "headers") return null;
  const [endpoint, role] = who.split("-");
  const known = servers.includes(endpoint) && (role === "server" || (role === "client" && endpoint !== "naive"));
  return {
    endpoint: known ? endpoint : start.endpoint,
    role: known && role === "client" ? "client" : "server",
    context: context === "fragmented" ? context : start.context,
    header: /^[0-9a-f]{4}$/.test(header) ? parseInt(header, 16) : start.header,
    other: known && other !== endpoint && servers.includes(other) && (role === "server" || other !== "naive") ? other : "",
  };
}

/** The number of runs, in a line. @param {HeaderMap} map */
export const made = (map) => `Made from ${grouped(map.runs)} connections to ${map.endpoint}.`;
