/** The live connections of the lab server, those from outside included. */

import { LabElement, h, onLeaving, redraw } from "./dom.js";
import { ApiError, away, call, presence } from "../api.js";
import { lab, words } from "../lab.js";
import { count } from "../format.js";

export class WsConnections extends LabElement {
  static tag = "ws-connections";

  key = "";

  /** @param {AbortSignal} signal */
  setup(signal) {
    const timer = setInterval(() => document.hidden || this.load(), 2000);
    signal.addEventListener("abort", () => clearInterval(timer));
    onLeaving(() => {}, () => this.load(), signal);
    presence.addEventListener("change", () => presence.away || this.load(), { signal });
    this.load();
  }

  async load() {
    /** @type {import("../types.js").LiveConnection[]} */
    let list, shared;
    try {
      ({ connections: list, shared } = await call(`/api/connections?session=${encodeURIComponent(lab.session || "")}`));
    } catch (e) {
      this.key = "";
      // Why is said where the page speaks of the lab server.
      this.replaceChildren(h("p", { class: "soft" }, e instanceof ApiError && away(e.status) ? "Unknown while the lab server does not answer." : words(e)));
      return;
    }
    const open = list.filter((c) => c.open);
    const key = JSON.stringify(open.map((c) => [c.session, c.conn, c.frames]));
    if (key === this.key) return;
    this.key = key;
    const origin = location.host;
    const join = shared ? `?session=${lab.session}` : ""; // there, a session of its own is not listed
    const rows = open.map((c) => {
      const mine = c.session === lab.session;
      const whose = mine ? "this page" : c.outside ? "outside" : "another tab";
      return h("li", {}, h("b", {}, c.endpoint), ` · ${whose} · ${c.remote} · ${count(c.frames, "frame")} `, mine ? "" : h("a", { href: `/lab?watch=${encodeURIComponent(c.session)}`, "aria-label": `watch ${c.endpoint}, ${c.remote}` }, "watch"));
    });
    redraw(this, rows.length ? h("ul", { class: "live" }, ...rows) : h("p", { class: "soft" }, "None is open."), h("p", { class: "soft" }, "Any client may join: ", h("code", {}, `ws://${origin}/ws/reference${join}`), " or ", h("code", {}, `/ws/gorilla${join}`), "."));
  }
}
