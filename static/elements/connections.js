/** The open connections of the lab server, also of clients outside the page. */

import { LabElement, h, onLeaving, redraw } from "./dom.js";
import { ApiError, away, call, presence, words } from "../api.js";
import { count } from "../format.js";

/** @extends {LabElement<"session">} */
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
      ({ connections: list, shared } = await call(`/api/connections?session=${encodeURIComponent(this.lab.session.id)}`));
    } catch (e) {
      this.key = "";
      // The banner gives the reason.
      this.replaceChildren(h("p", { class: "soft" }, e instanceof ApiError && away(e.status) ? "Unknown, because the lab server does not answer." : words(e)));
      return;
    }
    const open = list.filter((c) => c.open);
    const key = JSON.stringify(open.map((c) => [c.session, c.conn, c.frames]));
    if (key === this.key) return;
    this.key = key;
    const origin = location.host;
    const join = shared ? `?session=${this.lab.session.id}` : ""; // if shared, the list leaves out clients that have their own session
    const rows = open.map((c) => {
      const mine = c.session === this.lab.session.id;
      const whose = mine ? "this page" : c.outside ? "outside" : "another tab";
      return h("li", {}, h("b", {}, c.endpoint), ` · ${whose} · ${c.remote} · ${count(c.frames, "frame")} `, mine ? "" : h("a", { href: `/lab?watch=${encodeURIComponent(c.session)}`, "aria-label": `Watch ${c.endpoint}, ${c.remote}` }, "Watch"));
    });
    redraw(this, rows.length ? h("ul", { class: "live" }, ...rows) : h("p", { class: "soft" }, "0 connections are open."), h("p", { class: "soft" }, "Any WebSocket client may connect to ", h("code", {}, `ws://${origin}/ws/reference${join}`), " or ", h("code", {}, `/ws/gorilla${join}`), "."));
  }
}
