/**
 * The header of the page's own frame for each size, with its length form. A row is
 * empty until the page has sent a frame of that size.
 */

import { LabElement, attempt, button, h, hit, table } from "./dom.js";
import { count, grouped } from "../format.js";
import { spaced } from "../hex.js";

/** @extends {LabElement<"session" | "inspector" | "actions">} */
export class WsLengths extends LabElement {
  static tag = "ws-lengths";

  /** @type {string[]} */
  sizes = [];
  /** @type {import("../history.js").History|null} the recording that was searched */
  history = null;
  seen = 0; // the seq up to which it was searched
  /** @type {Map<string, import("../types.js").LabEvent>} */
  found = new Map();

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.sizes = (this.dataset.sizes || "").split(/\s+/).filter(Boolean);
    this.on("click", (e) => {
      const on = hit(e, "button");
      if (on?.dataset.send) attempt(this.lab, () => this.lab.actions.act({ do: "send", repeat: Number(on.dataset.send) }));
      else if (on?.dataset.seq) this.lab.inspector.select(Number(on.dataset.seq), 9);
    });
    this.draw();
    this.lab.session.observe(() => this.look(), signal);
  }

  look() {
    const { history } = this.lab.session;
    const { events } = history;
    let news = history !== this.history;
    if (news) this.found.clear();
    for (let i = news ? 0 : history.count(this.seen); i < events.length; i++) {
      const { frame, from } = events[i];
      // A browser may split a large message. The row then shows the first frame.
      const size = frame && frame.header.opcode < 3 && from === "client" ? frame.header.length : "";
      if (!this.sizes.includes(size)) continue;
      this.found.set(size, events[i]);
      news = true;
    }
    this.history = history;
    this.seen = history.last;
    if (news) this.draw();
  }

  draw() {
    const rows = this.sizes.map((size) => {
      const e = this.found.get(size);
      const frame = e?.frame;
      const first = h("th", { scope: "row" }, grouped(size));
      if (!e || !frame) return h("tr", {}, first, h("td", { colspan: 3, class: "soft" }, "not sent yet"), h("td", {}, button("Send", { "data-send": size, "aria-label": `Send ${count(size, "byte")}` })));
      const at = { 7: [2, 2], 16: [2, 4], 64: [2, 10] }[frame.header.form];
      const hex = (/** @type {number} */ from, /** @type {number} */ to) => spaced(frame.hex.slice(2 * from, 2 * to));
      return h(
        "tr",
        {},
        first,
        h("td", { class: "mono" }, h("span", { class: "f-head" }, hex(0, 1)), " ", h("span", { class: "f-len" }, `${hex(1, 2)} ${hex(at[0], at[1])}`), " ", h("span", { class: "f-key" }, hex(at[1], frame.header.size))),
        h("td", {}, `${frame.header.form} bits`),
        h("td", {}, count(frame.header.size, "byte")),
        h("td", {}, button("Show frame", { "data-seq": e.seq, "aria-label": `Show frame of ${count(size, "byte")}` })),
      );
    });
    const names = ["payload", "frame header on the wire", "length form", "frame header", h("span", { class: "hide" }, "action")];
    // Each row has one button, so the focus stays in its row.
    const at = [...this.querySelectorAll("button")].findIndex((on) => on === document.activeElement);
    this.replaceChildren(h("div", { class: "wide" }, table(names, rows)));
    this.querySelectorAll("button")[at]?.focus({ preventScroll: true });
  }
}
