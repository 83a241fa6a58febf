/** The elements at the top of every page: progress, the help on keys, the theme. */

import { LabElement, button, h } from "./dom.js";
import { help } from "../keys.js";
import { recall, remember } from "../store.js";

/** The parts of this page that have keys. @returns {import("../keys.js").Here} */
export const here = () => ({
  lab: !!document.querySelector("ws-lab"),
  play: !!document.querySelector("ws-play"),
  walk: !!document.querySelector("ws-stack"),
  next: !!document.querySelector("nav.pager a[rel~=next]"),
  compare: !!document.querySelector("ws-compare"),
  previous: !!document.querySelector("nav.pager a[rel~=prev]"),
});

/** The dialog that lists the keys of this page. */
export class WsKeys extends LabElement {
  static tag = "ws-keys";

  dialog = h("dialog", { "aria-labelledby": "keys-title" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    const open = h("button", { type: "button", class: "quiet", "aria-haspopup": "dialog" }, h("kbd", {}, "?"), " Show keys");
    open.addEventListener("click", () => this.open(), { signal });
    this.replaceChildren(open, this.dialog);
  }

  open() {
    const { dialog } = this;
    if (dialog.open) return;
    const rows = help(here()).map((b) => h("tr", {}, h("td", {}, ...b.shown.flatMap((k, i) => [i ? " " : "", h("kbd", {}, k)])), h("td", {}, b.does)));
    dialog.replaceChildren(h("h2", { id: "keys-title" }, "Keys on this page"), h("table", {}, h("tbody", {}, ...rows)), h("p", { class: "soft" }, "The keys are off while a text field or a choice has the focus."), h("form", { method: "dialog" }, h("button", {}, "Close help")));
    dialog.showModal();
  }
}

/** Light, dark, or the system's theme. */
export class WsTheme extends LabElement {
  static tag = "ws-theme";

  /** @param {AbortSignal} signal */
  setup(signal) {
    const toggle = button("◐", { class: "quiet" });
    const label = () => {
      const theme = recall("local", "theme") || "as the system";
      toggle.setAttribute("aria-label", `Change theme (now ${theme})`);
      toggle.title = `Change theme (now ${theme})`;
    };
    toggle.addEventListener(
      "click",
      () => {
        const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!recall("local", "theme") && matchMedia("(prefers-color-scheme: dark)").matches);
        const theme = dark ? "light" : "dark";
        remember("local", "theme", theme);
        document.documentElement.dataset.theme = theme;
        label();
      },
      { signal },
    );
    const kept = recall("local", "theme");
    if (kept) document.documentElement.dataset.theme = kept;
    label();
    this.replaceChildren(toggle);
  }
}

/** The number of finished lessons: those with every prediction answered and every exercise done. */
export class WsProgress extends LabElement {
  static tag = "ws-progress";

  /** @param {AbortSignal} signal */
  setup(signal) {
    document.addEventListener("ws-progress", () => this.draw(), { signal });
    this.draw();
  }

  draw() {
    /** @type {string[]} */
    const done = recall("local", "done") || [];
    const asked = [...document.querySelectorAll("ws-predict, ws-outcome, ws-bugs")];
    if (asked.length && asked.every((p) => "answered" in p && p.answered) && !done.includes(location.pathname)) {
      done.push(location.pathname);
      remember("local", "done", done);
    }
    const course = [...document.querySelectorAll("ol.course a[href^='/lessons/']")];
    for (const a of course) a.closest("li")?.classList.toggle("done", done.includes(a.getAttribute("href") || ""));
    const end = this.closest("[data-lessons]");
    const total = Number(end instanceof HTMLElement && end.dataset.lessons) || course.length || recall("local", "total") || 0;
    if (total) remember("local", "total", total);
    this.textContent = total ? `${Math.min(done.length, total)} of ${total} lessons done` : "";
  }
}
