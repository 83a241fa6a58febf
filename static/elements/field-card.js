/**
 * The value, meaning and rule of one field. During a walk through a frame, also the
 * fields read so far.
 *
 * @typedef {import("../types.js").Field} Field
 */

import { LabElement, button, copy, h, hit, redraw, rfcLink, violations } from "./dom.js";
import { place } from "../bits.js";

export class WsFieldCard extends LabElement {
  static tag = "ws-field-card";

  key = "";
  /** @type {Field|null} */
  field = null;

  setup() {
    this.classList.add("card");
    this.on("click", (e) => {
      const on = hit(e, ".copy");
      if (on && this.field) copy(on, this.field.form);
    });
  }

  /**
   * @param {Field|null} field
   * @param {number} bit the bit shown
   * @param {Field[]} known during a walk through the frame, the fields read before this one
   */
  show(field, bit, known) {
    const key = field ? `${field.bit} ${bit} ${known.length}` : "";
    if (key === this.key && field === this.field) return;
    this.key = key;
    this.field = field;
    if (!field) {
      this.replaceChildren(h("h3", {}, "No field is selected"));
      return;
    }
    const f = field;
    const [picture, told] = f.form.split(" = ");
    redraw(
      this,
      h("h3", {}, h("b", { class: `f-${f.group}` }, f.name), ` · ${place(f, bit)}`),
      h("p", { class: "form" }, h("code", {}, h("span", { class: `f-${f.group}` }, cut(picture, 80)), told === undefined ? "" : ` = ${cut(told, 80)}`), " ", button("Copy line", { class: "copy" })),
      f.bits === 1 || f.form.endsWith(f.value) ? "" : h("p", { class: "value" }, h("b", {}, cut(f.value, 120))),
      h("p", {}, f.meaning),
      h("p", { class: "links" }, ...(f.rfc || []).flatMap((s, i) => [i ? " · " : "", rfcLink(s)]), f.rule ? h("span", {}, " · rule ", h("a", { href: `/rules#${f.rule}` }, f.rule)) : ""),
      f.violations?.length ? violations(f.violations) : "",
      known.length ? h("div", { class: "known" }, h("h3", {}, "known so far"), h("dl", {}, ...known.flatMap((k) => [h("dt", { class: `f-${k.group}` }, k.name), h("dd", {}, cut(k.value, 60))]))) : "",
    );
  }
}

/** @param {string} text @param {number} max */
const cut = (text, max) => (text.length > max ? `${text.slice(0, max)}…` : text);
