/**
 * The lines of Go that read the selected field, in the reference and in
 * gorilla. Lines that read another field of the frame select that field.
 *
 * @typedef {import("../types.js").Field} Field
 * @typedef {import("../types.js").Listing} Listing
 */

import { BitEvent, LabElement, h, hit } from "./dom.js";
import { siteSource } from "../sources.js";

export class WsSource extends LabElement {
  static tag = "ws-source";

  site = "none yet";
  /** @type {Field[]} */
  fields = [];

  setup() {
    this.classList.add("card");
    // Focus does not preview a field here, because the preview would replace these lines.
    this.on("click", (e) => {
      const bit = hit(e, "[data-bit]")?.dataset.bit;
      if (bit !== undefined) this.dispatchEvent(new BitEvent(Number(bit), true));
    });
  }

  /**
   * @param {Field|null} field
   * @param {Field[]} fields of the same frame
   */
  async show(field, fields) {
    const site = field?.site || "";
    this.fields = fields;
    if (site === this.site) return;
    this.site = site;
    if (!field || !site) {
      this.replaceChildren(h("h3", {}, field ? "No single line of source code reads this" : "Source"));
      return;
    }
    const sites = [...new Set(fields.map((f) => f.site || "").filter(Boolean))];
    const mine = await siteSource(site);
    if (this.site !== site) return;
    if (!mine) {
      this.replaceChildren(h("h3", {}, "The source could not be loaded. Select the field again."));
      this.site = "";
      return;
    }
    const others = await Promise.all(sites.map(async (s) => ({ s, source: await siteSource(s) })));
    if (this.site !== site) return;
    const listing = this.contains(document.activeElement) && document.activeElement?.closest("pre")?.getAttribute("aria-label");
    this.replaceChildren(
      ...(mine.reference ? [h("h3", {}, `read by ${mine.reference.file}, ${mine.reference.symbol}`), this.listing(mine.reference, field, others.map((o) => ({ s: o.s, listing: o.source?.reference })))] : []),
      ...(mine.gorilla ? [h("h3", {}, `the same field in gorilla ${mine.gorilla.version || ""}, ${mine.gorilla.file}, ${mine.gorilla.symbol}`), this.listing(mine.gorilla, field, [])] : [h("h3", {}, "gorilla does not have its own line for this")]),
    );
    for (const pre of this.querySelectorAll("pre")) {
      const hot = pre.querySelector(".hot");
      if (hot instanceof HTMLElement) pre.scrollTop = hot.offsetTop - pre.offsetTop - pre.clientHeight / 3;
      if (listing && listing === pre.getAttribute("aria-label")) pre.focus({ preventScroll: true });
    }
  }

  /**
   * @param {Listing} l
   * @param {Field} field
   * @param {{s: string, listing: Listing|null|undefined}[]} others
   */
  listing(l, field, others) {
    if (!l.lines.length) return h("p", {}, "Its source is not on this computer: ", h("a", { href: l.link || "" }, l.file));
    const code = h("code");
    l.lines.forEach((tokens, i) => {
      const n = l.numbers[i] ?? l.first + i;
      const hot = n >= l.hot[0] && n <= l.hot[1];
      const other = hot ? null : others.find(({ listing }) => listing && listing.file === l.file && n >= listing.hot[0] && n <= listing.hot[1] && tokens.some(([, t]) => t.trim()));
      // If one site reads several fields and has one line for each, each line selects its own field.
      const read = other ? this.fields.filter((f) => f.site === other.s) : [];
      const to = other?.listing && read.length === other.listing.hot[1] - other.listing.hot[0] + 1 ? read[n - other.listing.hot[0]] : read[0];
      const text = tokens.map(([kind, t]) => (kind ? h("span", { class: kind }, t) : t));
      const number = h("span", { class: "ln", "aria-hidden": "true" }, n);
      code.append(
        to
          ? h("button", { type: "button", class: `line other g-${to.group}`, "data-bit": to.bit, title: `reads ${to.name}` }, number, ...text, "\n")
          : h("span", { class: `line${hot ? ` hot g-${field.group}` : ""}` }, number, ...text, "\n"),
      );
    });
    return h("pre", { class: "listing", tabindex: 0, "aria-label": `${l.symbol} in ${l.file}` }, code);
  }
}
