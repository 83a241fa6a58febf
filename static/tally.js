/**
 * Counts of the ways in which the runs of a scenario ended, by the events that the
 * page's own JavaScript received.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {"clean"|"unclean"|"error"|"none"} Ending
 * @typedef {Record<Ending, number>} Tally
 */

/** @type {[Ending, string][]} */
export const endings = [
  ["clean", "clean"],
  ["unclean", "not clean"],
  ["error", "error, then not clean"],
  ["none", "no close event"],
];

/** @returns {Tally} */
export const empty = () => ({ clean: 0, unclean: 0, error: 0, none: 0 });

/** @param {Tally} t */
export const total = (t) => endings.reduce((n, [name]) => n + t[name], 0);

/**
 * A stored tally, with 0 for every value that is not a count.
 * @param {unknown} kept
 * @returns {Tally}
 */
export function restored(kept) {
  const from = /** @type {Record<string, unknown>} */ (kept && typeof kept === "object" ? kept : {});
  const t = empty();
  for (const [name] of endings) {
    const n = from[name];
    if (typeof n === "number" && Number.isInteger(n) && n > 0) t[name] = n;
  }
  return t;
}

/**
 * How one run ended for its page.
 * @param {LabEvent[]} events of the recording
 * @param {string} token of the client
 * @returns {Ending}
 */
export function ending(events, token) {
  const told = events.flatMap((e) => (e.script?.client === token ? [e.script] : []));
  const close = told.find((s) => s.what === "onclose");
  if (!close) return "none";
  if (close.wasClean) return "clean";
  return told.some((s) => s.what === "onerror") ? "error" : "unclean";
}
