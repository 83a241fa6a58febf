/**
 * Decodes bytes in hex into frames, each with its bits and fields. An error in the
 * hex is shown at its place.
 *
 * @typedef {import("../types.js").Frame} Frame
 * @typedef {import("../types.js").Field} Field
 */

import { BitEvent, LabElement, button, h, hit } from "./dom.js";
import { ApiError, call, words } from "../api.js";
import { fieldAt } from "../bits.js";
import { count, frameLine } from "../format.js";
import { Selection } from "../selection.js";

export class WsDecoder extends LabElement {
  static tag = "ws-decoder";

  input = h("textarea", { rows: 2, spellcheck: "false", autocapitalize: "off" });
  from = h("select", {}, h("option", { value: "client" }, "❱ from a client"), h("option", { value: "server" }, "❰ from a server"));
  result = h("div", { class: "result" });
  wrong = h("div", { class: "wrong", role: "status" });

  setup() {
    const id = this.id || "decoder";
    this.input.id = `${id}-hex`;
    this.from.id = `${id}-from`;
    this.input.value = this.dataset.hex || "";
    this.from.value = this.dataset.from || "client";
    this.replaceChildren(
      h("label", { for: this.input.id }, "Bytes in hex, as they are on the wire"),
      this.input,
      h("p", { class: "buttons" }, h("label", { for: this.from.id, class: "hide" }, "Direction"), this.from, " ", button("Decode bytes", { class: "decode primary" })),
      this.wrong,
      this.result,
    );
    this.on("click", (e) => {
      if (hit(e, ".decode")) this.decode();
    });
    this.on("keydown", (e) => {
      if (e.target !== this.input || e.key !== "Enter" || e.shiftKey) return;
      e.preventDefault();
      this.decode();
    });
  }

  async decode() {
    const { input, from, result, wrong } = this;
    const hex = input.value;
    wrong.replaceChildren();
    try {
      const answer = await call("/api/dissect", { hex, from: from.value });
      result.replaceChildren(...answer.frames.map((/** @type {{frame: Frame, fields: Field[]}} */ f) => decoded(f.frame, f.fields)));
      if (answer.rest && !answer.more) wrong.append(h("p", {}, `note: ${count(answer.rest, "byte")} left over. The next frame is incomplete.`));
      if (answer.more) wrong.append(h("p", {}, `note: only the first ${count(answer.frames.length, "frame")} are shown. More follow in these bytes.`));
      else if (!answer.frames.length && !answer.rest) wrong.append(h("p", {}, "Enter at least one byte to decode."));
    } catch (e) {
      result.replaceChildren();
      wrong.append(h("p", { class: "f-code" }, `× ${words(e)}`));
      if (!(e instanceof ApiError) || e.at === undefined) return;
      // A caret under the wrong character.
      const start = Math.max(0, e.at - 24);
      wrong.append(h("pre", { class: "caret" }, `${hex.slice(start, e.at + 24).replace(/\s/g, " ")}\n${" ".repeat(e.at - start)}^ character ${e.at + 1}`));
      this.point(e.at);
    }
  }

  /** @param {number} at */
  point(at) {
    this.input.focus();
    this.input.setSelectionRange(at, at + 1);
  }
}

/** @param {Frame} frame @param {Field[]} fields */
function decoded(frame, fields) {
  const bits = h("ws-bits");
  const card = h("ws-field-card");
  const selection = new Selection();
  const draw = () => {
    bits.show(frame, fields, { bit: selection.bit, shown: selection.shown, into: null }, false);
    card.show(fields[Math.max(0, fieldAt(fields, selection.shown))] || null, selection.shown, []);
  };
  const section = h("section", {}, h("h3", {}, frameLine(frame)), bits, card);
  section.addEventListener("ws-bit", (e) => {
    if (!(e instanceof BitEvent)) return;
    if (e.detail.pin && e.detail.bit !== null) selection.pin(e.detail.bit);
    else selection.preview = e.detail.bit;
    draw();
  });
  draw();
  return section;
}
