/** The recording as plain text, to copy and to save. */

import { LabElement, button, copy, h, hit } from "./dom.js";
import { sessionPath } from "../api.js";

/** @extends {LabElement<"session">} */
export class WsLog extends LabElement {
  static tag = "ws-log";

  text = h("pre", { tabindex: 0, role: "region", "aria-label": "Log" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { session } = this.lab;
    const path = `${sessionPath(session.id)}/log.txt`;
    this.replaceChildren(h("p", { class: "buttons" }, button("Copy log", { class: "copy" }), " ", h("a", { href: path, download: "wslab-log.txt", class: "button" }, "Save log"), " ", button("Reload log", { class: "refresh" }), " ", button("Hide log", { class: "shut" })), this.text);
    this.on("click", (e) => {
      const on = hit(e, ".copy");
      if (on) copy(on, this.text.textContent || "");
      else if (hit(e, ".refresh")) this.load(path);
      else if (hit(e, ".shut")) this.shut();
    });
    this.load(path);
    let { server } = session;
    session.observe(() => {
      if (session.server === server) return;
      server = session.server;
      this.load(path);
    }, signal);
  }

  /** Closes the log. The button that opened it gets the focus. */
  shut() {
    const inside = this.contains(document.activeElement);
    const on = this.closest("ws-lab")?.querySelector("[data-command=log]");
    this.remove();
    this.lab.session.touch();
    if (inside && on instanceof HTMLElement) on.focus();
  }

  /** Requests the log up to the last event that the page shows. @param {string} path */
  async load(path) {
    const { history, server } = this.lab.session;
    const until = history.cursor === Infinity ? "" : `?until=${history.cursor}`;
    const answer = await fetch(path + until).catch(() => null);
    this.text.textContent = answer && answer.ok ? await answer.text() : server === "lost" ? "The lab server no longer has this log. The timeline still shows the recording." : "The log could not be loaded: the lab server does not answer.";
  }
}
