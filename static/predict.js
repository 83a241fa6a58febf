/**
 * The answer to a prediction, computed from the recording. A small language names
 * values of an event: literals (127, 0x7f, "text"), names such as `byte.6` or
 * `field.Upgrade`, and `A xor B`, `A + B` from left to right. A choice may also be
 * `has "words"`, for a value that contains the words, or a range: `0 to 99` or `100
 * or more`.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {string|number|boolean|undefined} Value
 * @typedef {{is: string, text: string}} Choice
 * @typedef {{id: string, ask: string, about: Record<string, unknown>, value: string, choices: Choice[],
 *   explain: string, hint?: string}} Question
 * @typedef {{endpoint?: string, scenario?: string, run?: string, read?: number, pieces?: number, stack?: (byte: number) => string|undefined}} Context values that the event itself does not have; read: how many bytes of frames the endpoint had read before; pieces: how many Reads or Writes carried the event; stack: the implementation's calls at a byte, innermost first
 */

import { count, opcodeNames } from "./format.js";
import { bytes } from "./hex.js";

const opcodes = opcodeNames.map((name) => name.toLowerCase());

/**
 * Computes an expression; undefined when the event does not have the value.
 * @param {string} text
 * @param {LabEvent} e
 * @param {Context} [context]
 * @returns {Value}
 */
export function evaluate(text, e, context = {}) {
  const tokens = /** @type {string[]} */ (text.match(/"[^"]*"|[^\s"]+/g) || []);
  if (tokens.length % 2 === 0) throw new Error(`the expression ${JSON.stringify(text)} is not complete`);
  let value = operand(tokens[0], e, context);
  for (let i = 1; i < tokens.length; i += 2) {
    const other = operand(tokens[i + 1], e, context);
    if (tokens[i] !== "xor" && tokens[i] !== "+") throw new Error(`${JSON.stringify(tokens[i])} is neither xor nor +`);
    if (value === undefined || other === undefined) value = undefined;
    else if (tokens[i] === "xor") value = Number(value) ^ Number(other);
    else value = typeof value === "string" || typeof other === "string" ? `${value}${other}` : Number(value) + Number(other);
  }
  return value;
}

/** @param {string} token @param {LabEvent} e @param {Context} context @returns {Value} */
function operand(token, e, context) {
  if (token.startsWith('"')) return token.slice(1, -1);
  if (/^(0x[0-9a-f]+|\d+(\.\d+)?)$/i.test(token)) return Number(token);
  if (token === "true" || token === "false") return token === "true";
  if (token.startsWith("stack.")) return context.stack?.(Number(token.slice(6)));
  return token === "read" || token === "pieces" ? context[token] : named(token, e);
}

/** @param {string} name @param {LabEvent} e @returns {Value} */
function named(name, e) {
  const [, part, at] = /^([a-z]+)\.(.+)$/.exec(name) || [];
  const { frame: f, handshake: h, script: s } = e;
  const result = e.ways || e.streams || e.chat;
  if (result) return name.split(".").reduce((/** @type {any} */ of, key) => of?.[key], result);
  if (name === "violation") return ((f || h)?.violations || [])[0]?.code ?? "";
  if (f) {
    if (part === "byte") return bytes(f.hex)[Number(at)];
    if (part === "key" && f.header.masked) return bytes(f.header.key)[Number(at)];
    if (part === "payload") return bytes(f.payload)[Number(at)];
    if (name === "close.code") return f.close?.code;
    if (name === "header.size") return f.header.size;
    if (name === "size") return f.size;
    if (name === "fragment") return f.fragment && f.fragment.index + 1;
    if (name === "length") return Number(f.header.length);
    const bits = /** @type {Record<string, Value>} */ (/** @type {unknown} */ (f.header));
    if (["fin", "rsv1", "rsv2", "rsv3", "masked", "opcode", "form"].includes(name)) return bits[name];
  }
  if (h) {
    if (name === "status") return h.status;
    if (part === "field") {
      return (h.fields || []).filter((x) => x.name.toLowerCase() === at.toLowerCase()).map((x) => x.value).join(", ");
    }
    if (part === "accept" && h.accept) return /** @type {Record<string, string>} */ (h.accept)[at];
  }
  if (s && ["what", "code", "wasClean", "text"].includes(name)) {
    return /** @type {Record<string, Value>} */ (/** @type {unknown} */ (s))[name];
  }
  if (e.call) {
    if (name === "failed") return !!e.call.error;
    if (name === "name" || name === "result") return e.call[name] ?? "";
    if (part === "error") return e.call.error ? /** @type {Record<string, string>} */ (e.call.error)[at] : "";
  }
  return undefined;
}

/**
 * Whether two values are equal. A bit may be 1 or true. An opcode may be its number
 * or its name.
 * @param {Value} a
 * @param {Value} b
 */
export function same(a, b) {
  if (a === undefined || b === undefined) return false;
  if (typeof a === typeof b) return a === b;
  /** @param {string|number|boolean} v @param {string|number|boolean} other */
  const plain = (v, other) => {
    if (typeof v === "boolean" && typeof other === "number") return Number(v);
    if (typeof v === "string" && typeof other === "number" && opcodes.includes(v)) return opcodes.indexOf(v);
    return typeof other === "boolean" && typeof v === "string" ? v === "true" : v;
  };
  return plain(a, b) === plain(b, a);
}

/**
 * Whether each choice is right for the event.
 * @param {Question} q
 * @param {LabEvent} e
 * @param {Context} [context]
 * @returns {boolean[]}
 */
export function right(q, e, context = {}) {
  const value = evaluate(q.value, e, context);
  const is = q.choices.map((c) => {
    const has = /^has "([^"]+)"$/.exec(c.is);
    if (has) return typeof value === "string" && value.includes(has[1]);
    const range = /^(\d+) (?:to (\d+)|or more)$/.exec(c.is);
    if (range) return typeof value === "number" && value >= Number(range[1]) && value <= Number(range[2] ?? Infinity);
    return c.is !== "differs" && same(evaluate(c.is, e, context), value);
  });
  const none = !is.includes(true);
  return q.choices.map((c, i) => (c.is === "differs" ? none : is[i]));
}

/**
 * Whether a question is about an event.
 * @param {Question["about"]} about
 * @param {LabEvent} e
 * @param {Context} [context]
 */
export function matches(about, e, context = {}) {
  const body = /** @type {Record<string, unknown>|undefined} */ (/** @type {any} */ (e)[e.kind]);
  return Object.entries(about).every(([name, want]) => {
    const top = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (e))[name];
    if (name === "opcode" && e.frame) return same(e.frame.header.opcode, /** @type {Value} */ (want));
    const got = name in context ? /** @type {Record<string, unknown>} */ (context)[name] : name === "kind" || name === "from" || name === "conn" ? top : (body?.[name] ?? named(name, e));
    return same(/** @type {Value} */ (got), /** @type {Value} */ (want));
  });
}

/**
 * The event that answers a question: the first event of the right kind for which
 * exactly one choice fits. Later events belong to other steps. Two choices can fit,
 * for instance if a byte of the masking key happens to be 0.
 * @param {Question} q
 * @param {LabEvent[]} events
 * @param {(e: LabEvent) => Context} context
 */
export const answer = (q, events, context) => events.find((e) => matches(q.about, e, context(e)) && right(q, e, context(e)).filter(Boolean).length === 1);

/** A value from the run, in words. @param {Value} v @param {string} expression */
export function shown(v, expression) {
  if (v === undefined) return "nothing";
  if (expression === "wasClean") return String(v);
  if (typeof v === "boolean") return v ? "1" : "0";
  if (typeof v === "number" && /byte|payload|key|xor/.test(expression)) {
    const hex = `0x${v.toString(16).padStart(2, "0")}`;
    return /^payload\.\d+$/.test(expression) && v > 0x20 && v < 0x7f ? `${String.fromCharCode(v)}, which is ${hex}` : hex;
  }
  const [, unit] = (typeof v === "number" && /(?:^|\.)(byte|request|read|frame|stream|socket)s$/.exec(expression)) || [];
  if (unit) return count(Number(v), unit);
  if (typeof v === "number" && /^(length|size|header\.size|read)$/.test(expression)) return count(v, "byte");
  if (v === "") return expression === "violation" ? "no violation" : "nothing";
  return String(v);
}

/**
 * Words that say where a value was seen. The page writes them before the value.
 * @param {LabEvent} e
 * @param {string} [expression] of the value
 */
export function place(e, expression = "") {
  if (expression.startsWith("stack.")) return "The calls at this byte were";
  if (expression === "pieces") return e.from === "client" ? "The number of Reads was" : "The number of Writes was";
  if (expression === "read") return "Before this frame the server had read";
  if (e.ways || e.streams || e.chat) return "In your run it was";
  if (e.script) return e.script.what === "read" ? "The client's read returned" : "Your page received";
  return e.call ? "The server's code got" : "On the wire it was";
}
