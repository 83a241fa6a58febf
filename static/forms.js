/**
 * Reads the input of the free lab's forms, and says which of several connections
 * could not do an action.
 */

import { capital } from "./format.js";

/**
 * The code of a Close frame. If the field is empty, undefined: the Close frame has
 * no code.
 * @param {string} text
 */
export function closeCode(text) {
  const typed = text.trim();
  if (!typed) return undefined;
  if (!/^\d+$/.test(typed) || Number(typed) > 65535) throw new Error("The close code is a number from 0 to 65535.");
  return Number(typed);
}

/** In a Close frame the reason is after the code (RFC 6455 §5.5.1). @param {number|undefined} code @param {string} [reason] */
export function reasonNeedsCode(code, reason) {
  if (code === undefined && reason) throw new Error("A close reason needs a close code.");
}

/**
 * Header fields to change, one in each line: "Name: value", or "-Name" to remove a
 * field. The value null means removal.
 * @param {string} text
 * @returns {[string, string|null][]}
 */
export function headerFields(text) {
  /** @type {[string, string|null][]} */
  const fields = [];
  text.split(/\r?\n/).forEach((line, i) => {
    if (!line.trim()) return;
    const out = /^[-−]\s*([^:]+)$/.exec(line.trim());
    const colon = line.indexOf(":");
    if (out) fields.push([out[1].trim(), null]);
    else if (colon < 0) throw new Error(`Line ${i + 1} does not have a colon. Write Name: value, or -Name to remove that field.`);
    else fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  });
  return fields;
}

/** @param {string} endpoint */
const named = (endpoint) => (endpoint === "reference" ? "the reference" : endpoint);

/**
 * Says why some of several raw clients did not carry out an order; "" if all did.
 * If all failed, throws the text instead.
 * @param {{endpoint: string, token: string}[]} clients
 * @param {PromiseSettledResult<unknown>[]} results
 */
export function outcome(clients, results) {
  /** @type {string[]} */
  const not = [];
  clients.forEach(({ endpoint, token }, i) => {
    const result = results[i];
    if (result.status === "fulfilled") return;
    const { message } = result.reason;
    const closed = /no raw client|could not be written/.test(message);
    not.push(closed ? `${named(endpoint)} has closed the connection` : `${named(endpoint)}: ${message.replaceAll(token, endpoint).replace(/\.$/, "")}`);
  });
  const why = not.map((n) => `${capital(n)}.`).join(" ");
  if (not.length === clients.length) throw new Error(why);
  return why;
}
