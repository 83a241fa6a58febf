/**
 * Unmasks a frame one byte at a time: wire, masking key, XOR. In the panel it shows
 * the selected frame. In a lesson it shows a frame that the page has sent.
 *
 * @typedef {import("../types.js").Frame} Frame
 */

import { LabElement, button, h, hit } from "./dom.js";
import { count } from "../format.js";
import { hex, bytes, printable } from "../hex.js";
import { toUnmask } from "../unmask.js";

const most = 16;

/** @extends {LabElement<"session" | "inspector">} */
export class WsUnmask extends LabElement {
  static tag = "ws-unmask";

  /** Whether the element reveals one byte at a time, as in a lesson. */
  steps = false;
  at = 0;
  /** @type {Frame|null} */
  frame = null;
  /** @type {import("../rows.js").Row|null} the row of the frame, in a lesson */
  row = null;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.steps = !this.hasAttribute("whole");
    this.on("click", (e) => {
      const by = hit(e, "[data-by]")?.dataset.by;
      const byte = hit(e, "[data-byte]")?.dataset.byte;
      if (by !== undefined) this.at = Math.max(0, Math.min(this.size - 1, this.at + Number(by)));
      else if (byte !== undefined) this.at = Number(byte);
      else return;
      const selector = by !== undefined ? `[data-by="${by}"]` : `[data-byte="${byte}"]`;
      this.draw();
      const again = this.querySelector(selector);
      if (again instanceof HTMLElement) again.focus();
    });
    if (!this.steps) return;
    const { session, inspector } = this.lab;
    session.observe(() => {
      this.row = toUnmask(session.rows, inspector.selection.seq, session.history.cursor, this.row);
      this.show(this.row?.event.frame || null);
    }, signal);
  }

  get size() {
    return Math.min(most, bytes(this.frame?.payload).length);
  }

  /** @param {Frame|null} frame */
  show(frame) {
    if (frame === this.frame && this.firstChild) return;
    this.frame = frame;
    this.at = 0;
    this.draw();
  }

  draw() {
    const { frame } = this;
    if (!frame || !frame.header.masked || !frame.payload) {
      this.hidden = !this.steps;
      this.replaceChildren(this.steps ? h("p", { class: "soft" }, "Send a message from your page to see its frame unmasked here.") : "");
      return;
    }
    this.hidden = false;
    const n = this.size;
    const key = bytes(frame.header.key);
    const plain = bytes(frame.payload).slice(0, n);
    const wire = plain.map((b, i) => b ^ key[i % 4]);
    const seen = (/** @type {number} */ i) => !this.steps || i <= this.at;
    /** @param {string} name @param {string} group @param {(i: number) => string|Node} cell */
    const row = (name, group, cell) => h("tr", { class: group }, h("th", { scope: "row" }, name), ...Array.from(plain, (_, i) => h("td", { class: this.steps && i === this.at ? "at" : null }, cell(i))));
    const rest = bytes(frame.payload).length - n + (frame.gap || 0);
    const table = h(
      "table",
      { class: "xor" },
      row("byte", "soft", (i) => (this.steps ? button(String(i), { "data-byte": i, "aria-label": `payload byte ${i}` }) : String(i))),
      row("wire", "", (i) => hex(wire[i])),
      row("masking key", "f-key", (i) => hex(key[i % 4])),
      row("XOR", "f-data", (i) => (seen(i) ? hex(plain[i]) : "··")),
      row("character", "f-data", (i) => (seen(i) ? printable(plain[i]) || "·" : " ")),
    );
    this.replaceChildren(h("h3", {}, this.row ? `Unmasking your frame to ${this.row.conn.endpoint}, connection ${this.row.conn.id}` : "Unmasking"), h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Unmasking table" }, table), rest > 0 ? h("p", { class: "soft" }, `and ${count(rest, "more byte")}`) : "");
    if (this.steps) this.append(this.bits(wire[this.at], key[this.at % 4], plain[this.at], n));
  }

  /** One byte's XOR, bit by bit. @param {number} wire @param {number} key @param {number} plain @param {number} n */
  bits(wire, key, plain, n) {
    /** @param {number} b */
    const cells = (b) => [7, 6, 5, 4, 3, 2, 1, 0].map((k) => h("td", { class: (key >> k) & 1 ? "turns" : null }, (b >> k) & 1));
    const i = this.at;
    return h(
      "div",
      { class: "onebyte" },
      h(
        "table",
        { class: "xor bitwise" },
        h("caption", {}, `payload byte ${i}, with masking key byte ${i} mod 4 = ${i % 4}`),
        h("tr", {}, h("th", { scope: "row" }, `wire ${hex(wire)}`), ...cells(wire)),
        h("tr", { class: "f-key" }, h("th", { scope: "row" }, `key ${hex(key)}`), ...cells(key)),
        h("tr", { class: "f-data" }, h("th", { scope: "row" }, `xor ${hex(plain)}`), ...cells(plain), h("td", { class: "letter" }, printable(plain) ? `= ${printable(plain)}` : "")),
      ),
      h("p", { class: "buttons" }, button("◀ Previous byte", { "data-by": -1, disabled: i === 0 }), " ", button("Next byte ▶", { "data-by": 1, disabled: i === n - 1 })),
    );
  }
}
