/**
 * The calls that read or wrote the bytes of one handshake or frame: a list of the
 * bytes with the line that waited for them, and below it the stack of the selected
 * byte, as lines of source inside each other.
 *
 * @typedef {import("../stack.js").Piece} Piece
 * @typedef {import("../types.js").Listing} Listing
 * @typedef {import("../types.js").StackCall} StackCall
 */

import { BitEvent, LabElement, button, h, hit, redraw } from "./dom.js";
import { count } from "../format.js";
import { callSource, linesOf, siteSource } from "../sources.js";
import { isOwn, pieceAt, pieces, sizeOf } from "../stack.js";
import { crossing, groups, named, nest, placeOf, range } from "../walk.js";

/** @param {import("../types.js").Token[]} tokens */
const text = (tokens) => tokens.map(([kind, t]) => (kind ? h("span", { class: kind }, t) : t));

const beside = 1; // lines shown above and below the line of a call
const most = 5; // the same, in the longest function

export class WsCalls extends LabElement {
  static tag = "ws-calls";

  endpoint = "";
  /** @type {Piece[]} */
  list = [];
  byte = 0;
  key = "";
  drawn = "";
  whole = ""; // the function that is shown as a whole
  heading = h("h3");
  table = h("ol", { class: "groups" });
  said = h("p", { class: "crossing" });
  stack = h("ol", { class: "nest" });
  use = h("div", { class: "nest use" });
  site = "";

  setup() {
    this.replaceChildren(this.heading, this.table, this.said, this.stack, this.use);
    this.on("click", (e) => {
      const byte = hit(e, "[data-byte]")?.dataset.byte;
      const whole = hit(e, "[data-whole]")?.dataset.whole;
      if (byte !== undefined) this.dispatchEvent(new BitEvent(8 * Number(byte), true));
      if (whole === undefined) return;
      this.whole = this.whole === whole ? "" : whole;
      this.drawn = "";
      this.draw();
    });
  }

  /**
   * Shows a handshake or frame, with the byte that is selected in it.
   * @param {import("../connection.js").Conn} conn
   * @param {import("../types.js").LabEvent} event
   * @param {number} byte
   */
  showUnit(conn, event, byte) {
    const list = pieces(conn.stacks, event);
    this.hidden = !list.length;
    if (!list.length) return;
    const size = sizeOf(event);
    const doing = { read: "reading", write: "writing", respond: "refusing with", panic: "" }[list[0].op];
    this.show(doing ? `Call stack at the wire: ${doing} ${count(size, "byte")}` : "Call stack of the panic", conn.endpoint, list, Math.max(0, Math.min(byte, size - 1)));
  }

  /**
   * @param {string} title
   * @param {string} endpoint
   * @param {Piece[]} list of one handshake or frame
   * @param {number} byte of it
   * @param {string} [site] the place in the reference that uses the byte after the Read
   */
  show(title, endpoint, list, byte, site = "") {
    const piece = pieceAt(list, byte);
    const key = [title, endpoint, list.length, piece?.event.seq, byte, site].join();
    if (key === this.key) return;
    this.key = key;
    Object.assign(this, { endpoint, list, byte });
    this.heading.textContent = title;
    const all = groups(list);
    this.table.hidden = !all.length || all[0].op === "panic";
    redraw(
      this.table,
      ...all.map((g) => {
        const verb = g.op === "read" ? "Read" : "Write";
        const times = ["read", "write"].includes(g.op) ? count(g.count, verb) : "";
        const own = named(g.calls, endpoint).flatMap((c, i) => [i ? " ← " : "", h("code", {}, c.func), h("span", { class: "soft" }, ` ${c.file}:${c.line}`)]);
        const here = byte >= g.first && byte <= g.last;
        return h("li", {}, button("", { "data-byte": g.first, "aria-current": here ? "true" : null, "aria-label": `${range(g.first, g.last)}, ${times} ${placeOf(g.calls, endpoint)}` }), h("span", { "aria-hidden": "true" }, h("b", {}, range(g.first, g.last)), h("span", { class: "soft" }, ` ${times} `), ...own));
      }),
    );
    this.said.textContent = crossing(piece, byte);
    this.draw();
    this.drawSite(site);
  }

  /** Draws the lines that use the byte after the Read. @param {string} site */
  async drawSite(site) {
    if (site === this.site) return;
    this.site = site;
    const answer = site ? await siteSource(site) : null;
    if (site !== this.site) return;
    const l = answer?.reference;
    this.use.replaceChildren();
    if (!l) return;
    const lines = linesOf(l, l.hot[0], l.hot[1]).map(({ tokens, n }) => h("span", { class: "line hot" }, h("span", { class: "ln", "aria-hidden": "true" }, n), ...text(tokens), "\n"));
    this.use.append(h("p", { class: "place" }, "Then the state machine reads this byte in ", h("code", {}, l.symbol), h("span", { class: "soft" }, ` ${l.file.split("/").pop()}`)), h("pre", { class: "listing", tabindex: 0, role: "group", "aria-label": `${l.symbol} in ${l.file}` }, h("code", {}, ...lines)));
  }

  /** Draws the stack of the byte once its source is loaded. */
  async draw() {
    const piece = pieceAt(this.list, this.byte);
    const calls = piece?.calls || [];
    const { endpoint } = this;
    const key = calls.map((c) => `${c.func}:${c.line}`).join() + this.whole + endpoint;
    if (key === this.drawn) return;
    this.drawn = key;
    const listings = new Map(await Promise.all(calls.filter((c) => isOwn(c, endpoint)).map(async (c) => /** @type {[StackCall, Listing|null]} */ ([c, await callSource(c)]))));
    if (key !== this.drawn) return;
    if ([...listings.values()].includes(null)) this.drawn = ""; // ask again at the next step
    const size = (/** @type {StackCall} */ c) => listings.get(c)?.lines.length || 0;
    const longest = [...listings.keys()].reduce((a, b) => (size(b) > size(a) ? b : a), [...listings.keys()][0]);
    redraw(this.stack, ...nest(calls, endpoint).map((item, depth) => this.item(item, depth, listings, longest)));
  }

  /**
   * @param {{own: boolean, calls: StackCall[]}} item
   * @param {number} depth
   * @param {Map<StackCall, Listing|null>} listings
   * @param {StackCall} longest
   */
  item({ own, calls }, depth, listings, longest) {
    const li = h("li", { class: own ? "own" : "other" });
    li.style.setProperty("--depth", String(depth));
    if (!own) {
      const packages = [...new Set(calls.map((c) => c.package))].join(", ");
      li.append(h("details", {}, h("summary", {}, `${count(calls.length, "call")} in ${packages}`), h("ul", {}, ...calls.map((c) => h("li", {}, h("code", {}, c.func), h("span", { class: "soft" }, ` ${c.file}:${c.line}`))))));
      return li;
    }
    const [c] = calls;
    const l = listings.get(c);
    const name = `${c.func} ${c.depth}`;
    const whole = this.whole === name;
    const foot = l?.lines.length ? button(whole ? "Show fewer lines" : "Show whole function", { class: "quiet", "data-whole": name, "aria-label": `${whole ? "Show fewer lines" : "Show whole function"} ${c.func}` }) : "";
    li.append(h("p", { class: "place" }, h("code", {}, c.func), h("span", { class: "soft" }, ` ${c.file}:${c.line} `), foot));
    if (l?.lines.length) li.append(this.lines(l, c, whole ? Infinity : c === longest ? most : beside));
    else if (l?.link) li.append(h("p", { class: "small" }, "Its source is not on this computer: ", h("a", { href: l.link }, `${c.file}, line ${c.line}`)));
    else li.append(h("p", { class: "small" }, l ? "The lab does not show this file." : "The source could not be loaded."));
    return li;
  }

  /** The line of a call with the lines around it. @param {Listing} l @param {StackCall} c @param {number} around */
  lines(l, c, around) {
    const code = h("code");
    for (const { tokens, n } of linesOf(l, c.line - around, c.line + around)) {
      const hot = n === c.line;
      code.append(h("span", { class: `line${hot ? " hot" : ""}` }, h("span", { class: "ln", "aria-hidden": "true" }, hot ? `▶ ${n}` : n), hot ? h("span", { class: "hide" }, `line ${n}, waiting: `) : "", ...text(tokens), "\n"));
    }
    return h("pre", { class: "listing", tabindex: 0, role: "group", "aria-label": `${c.func} in ${c.file}, line ${c.line}` }, code);
  }
}
