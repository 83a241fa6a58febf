/**
 * Builds frames field by field, legal or not, and shows their bits. Hex that a
 * person pastes fills the fields. The lab server reads the bytes and names each
 * rule that they break. Every change sends a BuiltEvent.
 *
 * @typedef {import("../builder.js").Draft} Draft
 * @typedef {import("../builder.js").Item} Item
 * @typedef {import("../types.js").Frame} Frame
 * @typedef {import("../types.js").Field} Field
 * @typedef {{frame: Frame, fields: Field[]}} Read a frame as the lab server reads it
 */

import { BitEvent, LabElement, button, h, hit, redraw, violations } from "./dom.js";
import { call, words } from "../api.js";
import { fieldAt } from "../bits.js";
import { cutsOf, decode, encodeAll, hello, most, nameOf, opcodeWord, partsOf, payloadAs, payloadOf } from "../builder.js";
import { capital, count, frameLine, missing } from "../format.js";
import { hexBytes, hexOf, spaced } from "../hex.js";
import { Selection } from "../selection.js";

const pause = 150; // ms without a change before the lab server reads the bytes

/**
 * The bytes changed.
 * @extends {CustomEvent<{hex: string, parts: string[], error: string}>}
 */
class BuiltEvent extends CustomEvent {
  /** @param {string} hex @param {string[]} parts hex of each part that TCP delivers @param {string} error why there are no bytes, "" if there are */
  constructor(hex, parts, error) {
    super("ws-built", { bubbles: true, detail: { hex, parts, error } });
  }
}

/** @param {string} label @param {HTMLElement} input @param {string} [of] class */
const field = (label, input, of) => h("label", { class: of }, h("span", {}, label), input);

/** @param {string} name @param {string} label @param {string} group */
const flag = (name, label, group) => h("label", { class: `flag f-${group}` }, h("input", { type: "checkbox", name }), label);

/** @param {string} name @param {[string|number, string][]} options */
const choice = (name, options) => h("select", { name }, ...options.map(([value, label]) => h("option", { value }, label)));

const notations = { text: "text", hex: "bytes in hex", close: "close code and reason", repeat: "a number of letters a" };

export class WsBuilder extends LabElement {
  static tag = "ws-builder";

  /** @type {Item[]} */
  items = [hello()];
  at = 0; // the item that the fields show
  /** @type {string[]} hex of each part; empty while there is an error */
  parts = [];
  hex = "";
  error = "";
  /** @type {Read[]} the frames as the lab server reads them */
  read = [];
  readOf = ""; // the bytes in which it read them
  asked = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;
  selection = new Selection();
  /** @type {IntersectionObserver|undefined} */
  sight;
  seen = false; // whether it is in sight

  frames = h("div", { class: "frames" });
  fields = h("fieldset", { class: "fields" });
  all = h("textarea", { name: "all", rows: 2, spellcheck: "false", autocapitalize: "off" });
  cuts = h("input", { name: "cuts", autocomplete: "off", placeholder: "for instance 1 6" });
  wrong = h("p", { class: "wrong", role: "status" });
  bits = h("ws-bits");
  card = h("ws-field-card");
  reading = h("div", { class: "reading" });

  setup() {
    if (this.dataset.hex) this.paste(this.dataset.hex);
    this.fields.append(
      h("legend", { class: "hide" }, "Fields of the frame"),
      h("div", { class: "flags" }, flag("fin", "FIN", "head"), flag("rsv1", "RSV1", "head"), flag("rsv2", "RSV2", "head"), flag("rsv3", "RSV3", "head")),
      field("opcode", choice("opcode", Array.from({ length: 16 }, (_, n) => [n, `${n} ${opcodeWord(n)}`])), "f-head"),
      h("div", { class: "flags" }, flag("masked", "MASK", "len")),
      field("masking key in hex", h("input", { name: "key", autocomplete: "off", spellcheck: "false" }), "f-key"),
      field("length form", choice("form", [["shortest", "shortest"], ["7", "7 bits"], ["16", "16 bits"], ["64", "64 bits"]]), "f-len"),
      field("length", h("input", { name: "length", autocomplete: "off", placeholder: "size of the payload" }), "f-len"),
      field("payload as", choice("notation", Object.entries(notations)), "f-data"),
      field("payload", h("textarea", { name: "payload", rows: 1, spellcheck: "false" }), "f-data wide"),
    );
    this.replaceChildren(
      this.frames,
      this.fields,
      h("div", { class: "whole" }, field("all bytes in hex; paste bytes here to fill the fields", this.all), field("TCP cuts after these bytes", this.cuts)),
      this.wrong,
      h("section", { class: "picture" }, this.bits, this.card),
      this.reading,
    );
    this.on("input", (e) => {
      if (e.target === this.all) this.pasted();
      else this.typed(e.target);
    });
    this.on("click", (e) => this.pressed(e));
    this.addEventListener("ws-bit", (e) => this.bit(e), { signal: this.leaving?.signal });
    // Nothing is read and drawn before the builder is in sight.
    this.sight = new IntersectionObserver((entries) => {
      this.seen = entries[entries.length - 1].isIntersecting;
      if (this.seen && this.hex && this.hex !== this.readOf) this.ask();
    });
    this.sight.observe(this);
    this.refill();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.sight?.disconnect();
    clearTimeout(this.timer);
  }

  /** @param {string} name */
  input(name) {
    return /** @type {HTMLInputElement} */ (this.fields.querySelector(`[name=${name}]`));
  }

  // ——— from the fields to the bytes ———

  /** @param {EventTarget|null} target */
  typed(target) {
    const notation = /** @type {keyof typeof notations} */ (this.input("notation").value);
    const payload = this.input("payload");
    this.error = "";
    try {
      if (target === this.input("notation")) this.convert(notation);
      /** @param {string} name */
      const set = (name) => this.input(name).checked;
      if (!(this.items[this.at] instanceof Uint8Array)) {
        this.items[this.at] = {
          fin: set("fin"), rsv1: set("rsv1"), rsv2: set("rsv2"), rsv3: set("rsv3"), masked: set("masked"),
          opcode: Number(this.input("opcode").value),
          form: /** @type {Draft["form"]} */ (this.input("form").value),
          length: this.input("length").value,
          key: this.input("key").value,
          payload: payloadOf(notation, payload.value),
        };
      }
    } catch (e) {
      this.error = words(e);
    }
    this.build();
  }

  /** Writes the payload in another notation, if that is possible. @param {keyof typeof notations} notation */
  convert(notation) {
    const item = this.items[this.at];
    if (item instanceof Uint8Array) return;
    const as = payloadAs(item.payload, notation === "close" ? 8 : 0);
    this.input("payload").value = as.notation === notation ? as.text : notation === "hex" ? spaced(hexOf(item.payload)) : { text: "", close: "1000", repeat: "126" }[notation];
  }

  /** Makes the bytes of all items, and says so. */
  build() {
    this.parts = [];
    this.hex = "";
    try {
      if (this.error) throw new Error(this.error);
      const bytes = encodeAll(this.items);
      if (bytes.length > most) throw new Error(`These are ${count(bytes.length, "byte")}. The builder sends at most ${count(most, "byte")} in one go.`);
      this.parts = partsOf(bytes, cutsOf(this.cuts.value, bytes.length)).map(hexOf);
      this.hex = hexOf(bytes);
    } catch (e) {
      this.error = words(e);
    }
    if (!this.error && document.activeElement !== this.all) this.all.value = spaced(this.hex);
    this.draw();
    this.dispatchEvent(new BuiltEvent(this.hex, this.parts, this.error));
    clearTimeout(this.timer);
    if (!this.error && this.seen) this.timer = setTimeout(() => this.ask(), pause);
  }

  // ——— from the bytes to the fields ———

  /** Reads the frames in the bytes that the reader typed, and fills the fields. */
  async pasted() {
    const n = ++this.asked;
    clearTimeout(this.timer);
    this.error = "";
    try {
      const bytes = hexBytes(this.all.value);
      if (!bytes.length) throw new Error("Write at least one byte in hex.");
      const answer = await call("/api/dissect", { hex: hexOf(bytes), from: this.from });
      if (n !== this.asked) return; // the reader has typed on
      const frames = /** @type {Read[]} */ (answer.frames);
      this.items = decode(bytes, frames.map(({ frame }) => frame));
      this.at = Math.min(this.at, this.items.length - 1);
      this.fill();
    } catch (e) {
      if (n === this.asked) this.error = words(e);
    }
    if (n === this.asked) this.build();
  }

  /** Puts bytes into the builder. @param {string} hex */
  paste(hex) {
    this.all.value = hex;
    this.pasted();
  }

  /** Writes the item into the fields. */
  fill() {
    const item = this.items[this.at];
    this.fields.disabled = item instanceof Uint8Array;
    if (item instanceof Uint8Array) return;
    for (const name of /** @type {const} */ (["fin", "rsv1", "rsv2", "rsv3", "masked"])) this.input(name).checked = item[name];
    const { notation, text } = payloadAs(item.payload, item.opcode);
    for (const [name, value] of Object.entries({ opcode: String(item.opcode), key: spaced(item.key.replace(/\s/g, "")), form: item.form, length: item.length, notation, payload: text })) this.input(name).value = value;
  }

  // ——— frames in a row ———

  /** @param {Event} e */
  pressed(e) {
    const on = hit(e, ".frames button");
    if (!on) return;
    const { command, item } = on.dataset;
    if (item) this.at = Number(item);
    else if (command === "add") this.at = this.items.push(hello()) - 1;
    else if (command === "remove") {
      this.items.splice(this.at, 1);
      this.at = Math.min(this.at, this.items.length - 1);
    }
    this.error = "";
    this.refill();
  }

  /** Shows the item that the reader chose. */
  refill() {
    this.fill();
    this.build();
  }

  draw() {
    const { items, at } = this;
    const tabs = items.map((item, i) => button(`${i + 1} · ${nameOf(item)}`, { "data-item": i, "aria-pressed": String(i === at) }));
    redraw(
      this.frames,
      h("span", { class: "seg", role: "group", "aria-label": "Frames in a row" }, ...tabs),
      h("span", { class: "buttons" }, button("Add frame", { "data-command": "add" }), items.length > 1 ? button("Remove frame", { "data-command": "remove" }) : ""),
    );
    this.wrong.textContent = this.error ? `× ${this.error}` : items[at] instanceof Uint8Array ? "These bytes are not a whole header, so they have no fields. Change them in hex." : "";
    this.wrong.classList.toggle("f-code", !!this.error);
  }

  // ——— how a receiver reads the bytes ———

  /** Who sends the bytes. */
  get from() {
    return this.dataset.from || "client";
  }

  async ask() {
    const n = ++this.asked;
    const { hex } = this;
    try {
      const answer = await call("/api/dissect", { hex, from: this.from });
      if (n !== this.asked || hex !== this.hex) return;
      this.read = answer.frames;
      this.readOf = hex;
      this.show();
    } catch (e) {
      if (n !== this.asked) return;
      this.read = [];
      this.reading.replaceChildren(h("p", { class: "f-code" }, `× ${words(e)}`));
      this.bits.hidden = this.card.hidden = true;
    }
  }

  /** The frame in which the item begins. A length that lies moves the frames after it. */
  get shown() {
    const offset = encodeAll(this.items.slice(0, this.at)).length;
    /** @type {Read|undefined} */
    let at = this.read[0];
    for (const read of this.read) if (read.frame.offset <= offset) at = read;
    return at;
  }

  show() {
    const { read, shown, items } = this;
    const broken = read.flatMap(({ frame }) => frame.violations || []).length;
    const moved = read.length !== items.length || read.some(({ frame }, i) => frame.offset !== encodeAll(items.slice(0, i)).length);
    const lines = read.map(({ frame }) => h("li", {}, h("code", {}, frameLine({ ...frame, violations: [], short: 0 })), missing(frame) ? `. ${capital(missing(frame))}.` : "", violations(frame.violations)));
    this.reading.replaceChildren(
      h("h4", {}, moved ? `A receiver reads ${count(read.length, "frame")}, and you built ${items.length}` : `A receiver reads ${count(read.length, "frame")}`),
      h("ol", {}, ...lines),
      broken ? "" : h("p", { class: "f-data" }, "✔ No frame breaks a rule of RFC 6455."),
    );
    this.bits.hidden = this.card.hidden = !shown;
    if (shown) this.picture(shown);
  }

  /** @param {Read} read */
  picture({ frame, fields }) {
    const { selection } = this;
    selection.bit = Math.min(selection.bit, Math.max(0, frame.hex.length * 4 - 1));
    this.bits.show(frame, fields, { bit: selection.bit, shown: selection.shown, into: null }, false);
    this.card.show(fields[Math.max(0, fieldAt(fields, selection.shown))] || null, selection.shown, []);
  }

  /** @param {Event} e */
  bit(e) {
    if (!(e instanceof BitEvent) || !this.shown) return;
    e.stopPropagation(); // the selection of the lab is another
    if (e.detail.pin && e.detail.bit !== null) this.selection.pin(e.detail.bit);
    else this.selection.preview = e.detail.bit;
    this.picture(this.shown);
  }
}
