/**
 * The bit grid of one frame. One Tab stop; arrows move, focus previews, a
 * click or Enter pins. A table lists the fields instead.
 *
 * @typedef {import("../types.js").Frame} Frame
 * @typedef {import("../types.js").Field} Field
 * @typedef {{bit: number, shown: number, into: number|null}} Selected
 */

import { BitEvent, LabElement, button, h, hit, table, violations } from "./dom.js";
import { bitName, fieldAt, layout, maskText, more, move } from "../bits.js";
import { count, missing } from "../format.js";

export class WsBits extends LabElement {
  static tag = "ws-bits";

  /** @type {Frame|null} */
  frame = null;
  /** @type {Field[]} */
  fields = [];
  /** @type {Selected|undefined} */
  selected;
  grown = 0;
  asTable = false;
  /** @type {Map<number, HTMLButtonElement>} */
  buttons = new Map();
  /** @type {import("../bits.js").Word[]} */
  words = [];

  setup() {
    this.on("click", (e) => {
      if (hit(e, ".gap button")) {
        this.grown += more * 4;
        return this.build();
      }
      const bit = bitOf(e);
      if (bit !== null) this.dispatchEvent(new BitEvent(bit, true));
    });
    this.on("focusin", (e) => this.dispatchEvent(new BitEvent(bitOf(e), false)));
    this.on("focusout", () => this.dispatchEvent(new BitEvent(null, false)));
    this.on("mouseover", (e) => this.dispatchEvent(new BitEvent(bitOf(e), false)));
    this.on("mouseleave", () => {
      const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.dataset.bit : undefined;
      this.dispatchEvent(new BitEvent(focused === undefined ? null : Number(focused), false));
    });
    this.on("keydown", (e) => this.key(e));
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const bit = bitOf(e);
    if (bit === null || !hit(e, ".bits") || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
    // On a narrow page, 32 bits take two rows of 16.
    const width = getComputedStyle(this).getPropertyValue("--word").trim() === "16" ? 16 : 32;
    const to = move(this.words, bit, e.key, width);
    if (to === bit && !e.key.startsWith("Arrow")) return;
    e.preventDefault();
    e.stopPropagation();
    this.buttons.get(to)?.focus();
  }

  /**
   * @param {Frame} frame
   * @param {Field[]} fields that cover the frame
   * @param {Selected} selected
   * @param {boolean} asTable
   */
  show(frame, fields, selected, asTable) {
    this.selected = selected;
    if (frame !== this.frame || fields !== this.fields || asTable !== this.asTable) {
      if (frame !== this.frame) this.grown = 0;
      this.frame = frame;
      this.fields = fields;
      this.asTable = asTable;
      this.build();
    } else this.mark();
  }

  build() {
    const { frame, fields } = this;
    if (!frame) return;
    const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.dataset.bit : undefined;
    const picture = layout(frame, fields, this.grown);
    this.words = picture.words;
    this.buttons.clear();
    this.replaceChildren(shape(picture.parts), this.asTable ? this.fieldTable() : this.grid(picture));
    this.mark();
    if (focused !== undefined) this.buttons.get(Number(focused))?.focus();
  }

  /** @param {ReturnType<typeof layout>} picture */
  grid(picture) {
    const { fields } = this;
    const grid = h("div", { class: "bits", role: "grid", "aria-label": `Frame of ${count(picture.bytes, "byte")}, bit by bit` });
    picture.words.forEach((word, w) => {
      if (word.kind === "gap") {
        const bytes = count(word.count, "byte");
        grid.append(h("div", { class: "gap", role: "row" }, h("span", { role: "gridcell" }, `… ${bytes} not shown${word.kept < word.count ? `, ${word.kept ? `${count(word.count - word.kept, "byte")} of them` : "all of them"} counted but not recorded` : ""}`, word.kept ? button(`Show ${count(Math.min(more * 4, word.kept), "more byte")}`) : "")));
        return;
      }
      const row = h("div", { class: "word", role: "row" });
      for (const byte of word.bytes) {
        const box = h("div", { class: "byte" });
        if (w === 0) for (const b of byte.bits) box.append(h("span", { class: "n", "aria-hidden": "true" }, b.bit % 32));
        for (const b of byte.bits) {
          const field = fields[b.field];
          const cell = button("", { "data-bit": b.bit, tabindex: -1, "aria-label": bitName(b, field), class: `g-${field ? field.group : "data"}${b.value ? " one" : ""}` });
          if (field && field.violations && field.violations.length) cell.classList.add("bad");
          cell.append(String(b.value), h("small", { "aria-hidden": "true", "data-letter": field?.letter }));
          this.buttons.set(b.bit, cell);
          box.append(h("span", { role: "gridcell" }, cell));
        }
        const label = h("span", { class: "label", "aria-hidden": "true", "data-byte": byte.byte }, h("span", { class: "word-byte" }, "byte "), `${byte.byte} · ${byte.hex}${byte.plain ? ` → ${byte.plain}` : ""}`, h("b", {}));
        box.append(label);
        row.append(box);
      }
      grid.append(row);
    });
    const short = this.frame && missing(this.frame);
    if (short) grid.append(h("div", { class: "gap bad" }, `× incomplete: the stream ended here, ${short}`));
    return grid;
  }

  /** The picture as a table of words. */
  fieldTable() {
    const rows = this.fields.map((f) =>
      h(
        "tr",
        { "data-field": f.bit },
        h("th", { scope: "row" }, button(f.name, { "data-bit": f.bit, class: `f-${f.group}` })),
        h("td", {}, f.bits === 1 ? String(f.bit) : `${f.bit}–${f.bit + f.bits - 1}`),
        h("td", { class: "mono" }, f.raw.length > 64 ? `${f.raw.slice(0, 64)}…` : f.raw),
        h("td", {}, f.value.length > 80 ? `${f.value.slice(0, 80)}…` : f.value),
        h("td", {}, f.meaning, f.violations?.length ? violations(f.violations) : ""),
      ),
    );
    const names = ["field", "RFC bits", "raw", "value", "meaning"];
    return h("div", { class: "twin", tabindex: 0, role: "group", "aria-label": "Fields of the frame" }, table(names, rows, { caption: "Fields of the frame, in the order of the wire" }));
  }

  /** Marks the selected bit, its field, and the bits that the walk through the frame has not reached. */
  mark() {
    const { selected, fields } = this;
    if (!selected) return;
    const last = fields.length ? fields[fields.length - 1].bit + fields[fields.length - 1].bits - 1 : 0;
    // This frame may not have the bit of the last frame, or may not draw it.
    /** @param {number} bit */
    const there = (bit) => (this.asTable ? bit <= last : this.buttons.has(bit));
    const at = there(selected.bit) ? selected.bit : 0;
    const shown = there(selected.shown) ? selected.shown : at;
    const stepping = selected.into !== null ? fields[selected.into] : null;
    const field = (selected.shown === selected.bit && stepping) || fields[fieldAt(fields, shown)];
    const read = stepping ? stepping.bit + stepping.bits : Infinity;
    for (const [bit, cell] of this.buttons) {
      const inside = !!field && bit >= field.bit && bit < field.bit + field.bits;
      cell.classList.toggle("in", inside);
      cell.classList.toggle("pin", bit === shown);
      cell.classList.toggle("unread", bit >= read);
      cell.tabIndex = bit === at ? 0 : -1;
      if (bit === selected.bit) cell.setAttribute("aria-current", "true");
      else cell.removeAttribute("aria-current");
    }
    for (const label of this.querySelectorAll(".label")) {
      const mine = label instanceof HTMLElement && Number(label.dataset.byte) === shown >> 3;
      label.classList.toggle("at", mine);
      const mask = label.lastElementChild;
      if (mask) mask.textContent = mine ? ` & ${maskText(0x80 >> shown % 8)}` : "";
    }
    for (const row of this.querySelectorAll("tr[data-field]")) row.classList.toggle("in", row instanceof HTMLElement && Number(row.dataset.field) === field?.bit);
  }
}

/** @param {Event} e */
function bitOf(e) {
  const bit = hit(e, "[data-bit]")?.dataset.bit;
  return bit === undefined ? null : Number(bit);
}

/**
 * The parts of a frame in one line. Absent parts are struck through, so that every
 * frame has the same shape.
 * @param {import("../bits.js").Part[]} parts
 */
function shape(parts) {
  return h(
    "div",
    { class: "shape", role: "group", "aria-label": "Parts of the frame" },
    ...parts.map((p) =>
      p.present
        ? button(p.name, { "data-bit": p.bit, class: `g-${p.group}`, "aria-label": `${p.name}, ${count(p.bits, "bit")}` })
        : h("span", { class: "ghost", title: `absent: ${p.why}` }, p.name, h("span", { class: "hide" }, `, absent: ${p.why}`)),
    ),
  );
}
