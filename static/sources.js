/**
 * Source listings of the lab server. Sources do not change while the server runs, so
 * the page requests each one once.
 *
 * @typedef {import("./types.js").Listing} Listing
 */

import { call } from "./api.js";

/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/** @param {string} path @returns {Promise<any>} null if it could not be loaded */
function once(path) {
  let answer = kept.get(path);
  if (!answer) {
    answer = call(path).catch(() => {
      kept.delete(path);
      return null;
    });
    kept.set(path, answer);
  }
  return answer;
}

/** The lines that read a field. @param {string} site @returns {Promise<import("./types.js").Source|null>} */
export const siteSource = (site) => once(`/api/source?site=${encodeURIComponent(site)}`);

/** The function of a call. @param {import("./types.js").StackCall} c @returns {Promise<Listing|null>} */
export const callSource = (c) => once(`/api/source/line?${new URLSearchParams({ package: c.package, func: c.func, file: c.file, line: String(c.line) })}`);

/** The lines of a listing with their numbers, from the first to the last that is wanted. @param {Listing} l @param {number} from @param {number} to */
export const linesOf = (l, from, to) => l.lines.map((tokens, i) => ({ tokens, n: l.numbers[i] ?? l.first + i })).filter(({ n }) => n >= from && n <= to);
