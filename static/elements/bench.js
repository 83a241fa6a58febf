/**
 * The place of /compare that shows an opened case or header. Below it, the lab's
 * panel shows the recording.
 */

import { LabElement, button, h, hit } from "./dom.js";

/** @extends {LabElement<"session" | "cursor">} */
export class WsBench extends LabElement {
  static tag = "ws-bench";

  about = h("div", { class: "about" });
  place = h("div");
  session = "";
  /** @type {Element|null} the element that had the focus when the bench opened */
  from = null;
  /** Whether the bench covers the list. */
  over = matchMedia("(max-width: 74.99rem)");

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "The opened case or header");
    this.hidden = true;
    this.replaceChildren(this.about, this.place);
    this.over.addEventListener("change", () => this.cover(), { signal });
    this.on("click", (e) => {
      if (hit(e, ".about > .shut")) this.shut();
    });
    this.on("keydown", (e) => {
      if (e.key !== "Escape" || e.defaultPrevented || this.querySelector("ws-log")) return;
      e.preventDefault();
      // Close the innermost first: a selected bit, a walk through a frame, a selected row.
      if (!hit(e, "ws-lab") || !this.lab.cursor.escape()) this.shut();
    });
  }

  /** @param {...(Node|string)} about */
  tell(...about) {
    this.about.replaceChildren(button("✕", { class: "shut quiet", "aria-label": "Close details", title: "close details (Esc)" }), ...about);
    if (this.hidden) this.from = document.activeElement;
    this.hidden = false;
    this.scrollTop = 0;
    if (this.over.matches) this.about.querySelector("button")?.focus();
    this.cover();
  }

  /** The Tab key does not reach the covered page. */
  cover() {
    for (const under of document.querySelectorAll("header.site, main.compare > .judged")) under.toggleAttribute("inert", !this.hidden && this.over.matches);
  }

  /**
   * Shows the recording of a session, or nothing if session is "".
   * @param {string} session
   * @param {boolean} [bare] whether only the wire was recorded
   */
  show(session, bare = false) {
    if (session === this.session) return;
    this.session = session;
    if (!session) {
      this.place.replaceChildren();
      this.lab.session.stream?.close(); // otherwise the session would have a watcher
      return;
    }
    this.place.replaceChildren(h("ws-lab", { watch: session, embedded: true, bare }));
  }

  /** Closes the bench. Returns whether it was open. */
  shut() {
    if (this.hidden) return false;
    this.hidden = true;
    this.cover();
    this.show("");
    this.dispatchEvent(new Event("ws-shut", { bubbles: true }));
    if (this.from instanceof HTMLElement) this.from.focus({ preventScroll: true });
    return true;
  }
}
