/**
 * How two rows of a kind differ, in words.
 *
 * The rules are those of package suite (compare/suite/diff.go), so the page and
 * "compare judge" find the first difference at the same place. Keys, addresses,
 * times, close reasons and fields of plain HTTP may differ in any run, so they
 * do not count as a difference.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Handshake} Handshake
 * @typedef {import("./align.js").Sides} Sides
 */

import { count, frameLine, quote, stepLine } from "./format.js";

/**
 * The kind by which a row is compared; "" if it is not compared. The page does not
 * compare Reads of Go code. It compares the end of TCP as the peer sees it: FIN or
 * RST.
 * @param {Row} row
 */
export function compared(row) {
  const { frame, handshake, tcp, script, from } = row.event;
  if (frame) return `${from} ${frame.header.opcode < 8 ? "message" : frame.header.name}`;
  if (handshake) return `${from} ${handshake.what}`;
  if (tcp && from === "server" && (tcp.what === "fin" || tcp.what === "rst" || (tcp.what === "closed" && row.conn.ended === row.event.seq))) return "server tcp";
  if (script?.what === "onclose" && row.conn.as === "tab") return "told onclose";
  return "";
}

/** @param {Row} row */
export function brief(row) {
  const e = row.event;
  if (e.frame) return frameLine(e.frame);
  if (e.handshake) return e.handshake.line;
  if (e.tcp) return `TCP ${e.tcp.what}`;
  if (e.script) return e.script.what;
  if (e.step) return stepLine(e.step);
  return e.call ? e.call.name : e.kind;
}

/**
 * Says how two rows of a kind differ. Values that differ in every run, or that an
 * endpoint may choose, are not compared.
 * @param {Row} left
 * @param {Row} right
 * @param {Pick<Sides, "name" | "handshake">} sides
 * @returns {string[]}
 */
export function explain(left, right, sides) {
  const a = sides.name(left.conn, "left");
  const b = sides.name(right.conn, "right");
  /** @type {string[]} */
  const told = [];
  /** @param {string} what @param {unknown} x @param {unknown} y */
  const differ = (what, x, y) => {
    if (x !== y) told.push(`${a} ${what} ${x === "" ? "nothing" : x}, ${b} ${y === "" ? "nothing" : y}`);
  };
  const e = left.event;
  const f = right.event;
  if (e.frame && f.frame) {
    frames(e.from, e.frame, f.frame, differ);
    const [x, y] = [codes(e.frame), codes(f.frame)];
    // The client made the mistake in its frame, whichever server received the frame.
    const [mine, theirs] = e.from === "client" ? [`what was sent to ${a}`, `what was sent to ${b}`] : [a, b];
    if (x !== y) told.push([x && `${mine} broke ${x}`, y && `${theirs} broke ${y}`].filter(Boolean).join(", "));
  } else if (e.handshake && f.handshake) handshakes(e.handshake, f.handshake, differ, sides.handshake !== false);
  else if (e.tcp && f.tcp) differ("closed TCP with", ending(e), ending(f));
  else if (e.script && f.script) {
    differ("reported to JavaScript the close code", e.script.code ?? "", f.script.code ?? "");
    differ("reported wasClean", String(e.script.wasClean), String(f.script.wasClean));
  }
  return told;
}

/** The end of TCP as the peer sees it. @param {import("./types.js").LabEvent} e */
const ending = (e) => (e.tcp?.what === "rst" ? "RST" : "FIN");

/**
 * @param {string} from
 * @param {Frame} f
 * @param {Frame} g
 * @param {(what: string, x: unknown, y: unknown) => void} differ
 */
function frames(from, f, g, differ) {
  const got = from === "client" ? "was sent" : "sent";
  if (f.header.opcode !== g.header.opcode) differ(got, f.header.name, g.header.name);
  else if (f.close && g.close) {
    differ("closed with", f.close.code, g.close.code);
    if (f.close.code !== g.close.code) differ("gave the close reason", f.close.reason && quote(f.close.reason, 80), g.close.reason && quote(g.close.reason, 80));
  } else if (f.header.length !== g.header.length) differ(`${got} a payload of`, count(f.header.length, "byte"), count(g.header.length, "byte"));
  else differ(`${got} the payload`, ...parting(f.payload || "", g.payload || ""));
  const bits = /** @type {const} */ (["fin", "rsv1", "rsv2", "rsv3", "masked"]);
  for (const bit of bits) differ(`${got} ${bit === "masked" ? "MASK" : bit.toUpperCase()}`, Number(f.header[bit]), Number(g.header[bit]));
  if (f.header.length === g.header.length) differ(`${got} a length form of`, `${f.header.form} bits`, `${g.header.form} bits`);
}

/** @param {Frame} f */
const codes = (f) => (f.violations || []).map((v) => v.code).join(" and ");

const perRun = ["sec-websocket-key", "sec-websocket-accept"];

/**
 * @param {Handshake} h
 * @param {Handshake} i
 * @param {(what: string, x: unknown, y: unknown) => void} differ
 * @param {boolean} about whether fields count
 */
function handshakes(h, i, differ, about) {
  const got = h.what === "request" ? "received a request with" : "answered with";
  if (h.what === "response") {
    differ("answered with status", h.status ?? "", i.status ?? "");
    // If one connection does not open, all other differences follow from that, or are plain HTTP.
    if (h.status !== 101 || i.status !== 101) return;
  }
  if (!about) return;
  const mine = fields(h);
  const theirs = fields(i);
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    if (perRun.includes(name) || !/^(upgrade|connection|sec-websocket-.*)$/.test(name)) continue;
    const [x, y] = [mine.get(name), theirs.get(name)];
    if ((x?.value || "").toLowerCase() !== (y?.value || "").toLowerCase()) differ(`${got} ${(x || y)?.name}:`, x?.value ?? "", y?.value ?? "");
  }
}

/** The fields of a handshake by their names in lower case. @param {Handshake} h */
function fields(h) {
  /** @type {Map<string, {name: string, value: string}>} */
  const out = new Map();
  for (const { name, value } of h.fields || []) {
    const had = out.get(name.toLowerCase());
    if (had) had.value += `, ${value}`;
    else out.set(name.toLowerCase(), { name, value });
  }
  return out;
}

const most = 64; // how many hex digits of a payload are shown

/**
 * Two payloads in hex. If they are long, both begin at the first byte that differs.
 * @param {string} a
 * @param {string} b
 * @returns {[string, string]}
 */
function parting(a, b) {
  if (Math.max(a.length, b.length) <= most) return [a, b];
  let i = 0;
  while (i < a.length && a.slice(i, i + 2) === b.slice(i, i + 2)) i += 2;
  /** @param {string} hex */
  const cut = (hex) => `${i ? "…" : ""}${hex.slice(i, i + most)}${hex.length > i + most ? "…" : ""}`;
  return [cut(a), cut(b)];
}
