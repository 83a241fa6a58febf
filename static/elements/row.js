/**
 * How one row of the timeline is drawn: its time and lanes, the heading of a
 * step, or the two halves of a pair.
 *
 * @typedef {import("../rows.js").Row} Row
 * @typedef {import("../align.js").Pair} Pair
 * @typedef {{cursor: number, selected: number, server: import("../session.js").Server, view: import("../rows.js").View|import("../align.js").Pairs}} Look selected: seq of the selected event
 */

import { h } from "./dom.js";
import { goAt, heldAt, jsAt, stepAt } from "../shown.js";
import { arrow, delta, frameParts, handshakeParts, line, ms, strip, uncrossed } from "../format.js";

/**
 * The row above an entry. If there are two columns, the row is in the same column.
 * @param {(Row|Pair)[]} list
 * @param {number} i place of the entry
 * @param {import("../align.js").Side} [side]
 * @returns {Row|null}
 */
export function above(list, i, side) {
  for (let k = i - 1; k >= 0; k--) {
    const item = list[k];
    const row = "event" in item ? item : side ? item[side] : null;
    if (row) return row;
  }
  return null;
}

/**
 * The time of a row, and the time since the row above it.
 * @param {Row} row
 * @param {Row|null} before
 * @param {number} base 0 of the row's clock
 */
export const time = (row, before, base) => h("span", { class: "t", role: "gridcell" }, h("span", {}, ms(row.at - base)), " ", h("small", {}, before && before.at >= base ? delta(row.at - before.at) : ""));

/** The state of a row at the valve, as a class. @param {Row} row @param {number} cursor */
export const stay = (row, cursor) => ({ waiting: " held", dropped: " dropped", unsent: " dropped" })[row.event.unsent && row.seq <= cursor ? "unsent" : heldAt(row, cursor)] || "";

/** @type {Record<string, string>} the words for a row that was not delivered, by its state at the valve */
export const missed = { dropped: "dropped", unsent: "not sent", unread: "not read" };

/** The three lanes of a row. @param {Row} row @param {Look} look */
export function lanes(row, look) {
  const { cursor } = look;
  const go = goAt(row, cursor);
  // A client from outside does not report its calls.
  const js = jsAt(row, cursor) || (row.conn.id && !row.conn.client && !row.conn.plain ? "—" : "");
  return [
    h("span", { class: "js", role: "gridcell", title: js || null }, js),
    h("span", { class: "wire", role: "gridcell" }, ...wire(row, look)),
    h("span", { class: `go${go.error ? " failed" : ""}${go.waiting ? " waits" : ""}`, role: "gridcell", title: go.text || null }, go.text),
  ];
}

/** The heading of a step. @param {NonNullable<ReturnType<typeof stepAt>>} s */
export const stepCell = (s) =>
  h(
    "span",
    { class: `heading${s.failed ? " failed" : ""}`, role: "gridcell", "aria-colspan": 3, title: s.say || null },
    h("span", { class: "soft" }, s.number && `${s.number} `),
    s.failed && !s.number ? h("b", {}, `× ${s.command}`) : h("code", {}, s.command),
    s.say ? h("span", { class: "say" }, ` ${s.say}`) : s.doing ? h("span", { class: "soft" }, " …") : "",
  );

/** The two halves of a pair. @param {Pair} pair @param {Look} look @param {string[]} differs */
export function halves(pair, look, differs) {
  const { cursor } = look;
  return /** @type {const} */ (["left", "right"]).map((side) => {
    const row = pair[side];
    const seen = row && row.seq <= cursor ? row : null;
    const mark = side === "right" && differs.length > 0 && h("b", { class: "mark", title: differs.join("\n") }, "≠ ", h("span", { class: "hide" }, "differs: "));
    const here = seen && seen.event.seq === look.selected ? " here" : "";
    // A broken server is neither of the two, so its row spans both columns.
    const broken = pair.left?.conn.endpoint.startsWith("broken/") ? pair.left.conn.endpoint.slice(7) : "";
    // The row of a gap, or of plain HTTP, spans both columns.
    const whole = broken || pair.left?.conn.plain || pair.left?.event.dropped;
    if (whole && side === "right") return "";
    if (!seen) return h("span", { class: "half none", role: "gridcell", "data-side": side }, mark || "", h("span", { class: "sub" }, differs.length ? "nothing" : "·"));
    const view = /** @type {import("../align.js").Pairs} */ (look.view);
    const clock = time(seen, above(view.list, pair.index, side), view.base(seen));
    clock.removeAttribute("role"); // the mark belongs to the cell of its half
    const heading = stepAt(seen, cursor);
    if (heading) return h("span", { class: `half${here}`, role: "gridcell", "data-side": side }, clock, stepCell(heading));
    const go = goAt(seen, cursor).text.replace(/ → nil$/, "");
    const js = jsAt(seen, cursor);
    const who = { tab: "page", raw: "raw", scenario: "raw", outside: "client", "": "client" }[seen.conn.as];
    /** @param {string} from @param {string} text */
    const part = (from, text) => h("span", { class: "part" }, h("i", {}, `${from}: `), text);
    return h(
      "span",
      { class: `half${here}${whole ? " broken" : ""}${stay(seen, cursor)}`, role: "gridcell", "data-side": side, "aria-colspan": whole ? 2 : null },
      clock,
      h("span", { class: "wire" }, mark || "", broken ? h("span", { class: "label" }, `broken server: ${broken.replaceAll("-", " ")}`) : "", ...wire(seen, look)),
      h("span", { class: "sub", title: [js && `${who}: ${js}`, go && `Go: ${go}`].filter(Boolean).join(" ⇢ ") || null }, js && part(who, js), js && go ? h("span", { class: "then" }, " ⇢ ") : "", go && part("Go", go)),
    );
  });
}

/** @type {Map<string, string>} gradients by the two bytes that they draw */
const gradients = new Map();

/**
 * The first sixteen bits, small. They are one element with a gradient, not one
 * element for each bit, because thirty rows come into view at a time.
 * @param {import("../types.js").Frame} frame
 */
function picture(frame) {
  const node = h("span", { class: "strip", "aria-hidden": "true" });
  const bytes = frame.hex.slice(0, 4);
  let gradient = gradients.get(bytes);
  if (!gradient) {
    const slot = 100 / 16.6; // a little wider than 16 bits, to leave a gap between the bytes
    const stops = strip(frame).flatMap((bit, i) => {
      const from = slot * (i + (i > 7 ? 0.6 : 0));
      const color = `var(--${i < 8 ? "head" : "len"}-${bit ? "one" : "zero"})`;
      const [a, b, c] = [from, from + slot * 0.82, from + slot].map((at) => `${at.toFixed(2)}%`);
      return [`${color} ${a} ${b}`, `transparent ${b} ${i === 7 ? `${(from + slot * 1.6).toFixed(2)}%` : c}`];
    });
    gradient = `linear-gradient(to right, ${stops.join(", ")})`;
    gradients.set(bytes, gradient);
  }
  node.style.setProperty("background-image", gradient);
  return node;
}

/**
 * Says why a piece is not on the wire. If there is too little room, the words are
 * shortened first.
 * @param {HTMLElement} wait
 * @param {string} why
 * @param {boolean} failed
 */
function missing(wait, why, failed) {
  wait.classList.add("long");
  wait.title = why;
  wait.append(h("span", { class: failed ? "f-code" : null }, why));
}

/** The wire's lane of a row. @param {Row} row @param {Look} look */
function wire(row, { cursor, server }) {
  const e = row.event;
  const out = h("span", { class: "what" });
  const left = uncrossed(e);
  if (e.frame) {
    const p = frameParts(e.frame);
    out.append(
      h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `),
      picture(e.frame),
      h("b", { class: e.frame.header.opcode === 8 ? "f-code" : null }, p.kind),
      h("span", { class: "flags" }, ` ${p.flags}`),
      h("span", { class: "soft" }, p.size && ` · ${p.size}`),
      h("span", { class: e.frame.close ? "f-code" : "f-data" }, p.said && ` · ${p.said}`),
      h("span", { class: "f-code" }, p.cut && ` · ${p.cut}`, ...p.bad.map((code) => ` × ${code}`)),
    );
  } else if (e.handshake) {
    const p = handshakeParts(e.handshake);
    out.append(h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `), p.line, h("span", { class: "soft" }, p.note && ` ${p.note}`));
    if (p.good) out.append(" · ", h("span", { class: "f-head" }, p.good));
    if (p.bad.length) out.append(h("span", { class: "f-code" }, ...p.bad.map((code) => ` × ${code}`)));
  } else if (left) {
    out.append(h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `), left.what);
  } else if (!e.script && !e.call) {
    out.append(h("span", { class: `soft${e.dropped ? " f-code" : ""}` }, line(e)));
  }
  const held = heldAt(row, cursor);
  const wait = h("span", { class: "wait" });
  if (held === "waiting" && e.tcp) wait.append(h("b", {}, "waits"), h("span", { class: "more" }, " for the held frames before it"));
  else if (held === "waiting") {
    wait.append(h("b", {}, "held"));
    if (server !== "there") wait.append(h("span", { class: "more" }, " to the end"));
    else wait.append(h("span", { class: "more" }, ", press"), " ", h("kbd", {}, "→"));
  } else if (held === "dropped") wait.append(h("span", { class: "f-code" }, "× dropped", h("span", { class: "more" }, ", never delivered")));
  else if (left) missing(wait, left.why, left.struck);
  else if (held === "unsent") missing(wait, `not sent: ${row.held[row.held.length - 1].error || ""}`, true);
  else if (held === "unread") wait.append(h("span", {}, "released, not read"));
  else return [out];
  return [out, wait];
}
