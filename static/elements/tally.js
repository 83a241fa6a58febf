/**
 * Runs scenarios repeatedly on the reference, with this browser as the client, and
 * counts how the runs ended. The counts are stored in the browser.
 *
 * @typedef {import("../tally.js").Tally} Tally
 */

import { LabElement, h, hit } from "./dom.js";
import { words } from "../api.js";
import { count } from "../format.js";
import { empty, ending, endings, restored, total } from "../tally.js";
import { recall, remember } from "../store.js";

/** @extends {LabElement<"session" | "player">} */
export class WsTally extends LabElement {
  static tag = "ws-tally";

  /** @type {{runs: number, scenarios: {name: string, title: string}[]}} */
  settings = { runs: 1, scenarios: [] };
  /** @type {Map<string, Tally>} by scenario */
  tallies = new Map();
  running = ""; // the scenario that runs
  left = 0; // how many of its runs are left
  status = h("output", { class: "status" });
  table = h("div", { class: "wide" });
  reset = h("button", { type: "button", class: "forget quiet" }, "Delete counts");
  /** @type {AbortSignal|undefined} */
  signal;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.signal = signal;
    this.settings = JSON.parse(this.dataset.tally || "{}");
    for (const { name } of this.settings.scenarios) this.tallies.set(name, restored(recall("local", `tally:${name}`)));
    this.on("click", (e) => {
      const on = hit(e, "button[data-run]");
      if (on) this.run(on.dataset.run || "");
      else if (hit(e, ".stop")) this.left = 0;
      else if (hit(e, ".forget")) this.forget();
    });
    this.replaceChildren(h("h3", {}, "How did the runs end in this browser?"), this.table, h("p", { class: "buttons" }, this.reset), this.status);
    this.draw();
  }

  /** @param {string} scenario */
  async run(scenario) {
    if (this.running) return;
    this.running = scenario;
    this.left = this.settings.runs;
    this.status.classList.remove("failed");
    let done = 0;
    try {
      for (; this.left > 0 && !this.signal?.aborted; this.left--) {
        this.say(`Run ${done + 1} of ${this.settings.runs}.`);
        const tally = this.tallies.get(scenario) || empty();
        tally[await this.once(scenario)]++;
        done++;
        this.tallies.set(scenario, tally);
        remember("local", `tally:${scenario}`, tally);
        this.draw();
      }
      this.say(done < this.settings.runs ? `Stopped after ${done} of ${this.settings.runs} runs.` : `${count(done, "run")} ${done === 1 ? "is" : "are"} counted. The timeline shows each of them.`);
    } catch (e) {
      this.status.classList.add("failed");
      this.say(`× Run ${done + 1} failed: ${words(e)}`);
    } finally {
      this.running = "";
      this.left = 0;
      this.draw();
    }
  }

  /** Runs a scenario once. Returns how the run ended for this page. @param {string} scenario */
  async once(scenario) {
    const { play, token } = await this.lab.player.begin({ scenario, endpoint: "reference", as: "browser", pause: -1 });
    const { session } = this.lab;
    const { id } = session;
    let over = session.rows.plays.byId.get(play)?.over ?? Infinity;
    while (over === Infinity) {
      await new Promise((done) => session.addEventListener("events", done, { once: true, signal: this.signal }));
      if (id !== session.id) throw new Error("a new session began.");
      over = session.rows.plays.byId.get(play)?.over ?? Infinity;
    }
    const error = session.rows.plays.byId.get(play)?.error;
    if (error) throw new Error(error.replace(/^\S+:\d+: /, ""));
    return ending(session.history.events, token);
  }

  forget() {
    for (const { name } of this.settings.scenarios) {
      this.tallies.set(name, empty());
      remember("local", `tally:${name}`, undefined);
    }
    this.say("The counts are deleted.");
    this.draw();
  }

  /** @param {string} text */
  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  draw() {
    const { runs, scenarios } = this.settings;
    const all = scenarios.map((s) => ({ ...s, tally: this.tallies.get(s.name) || empty() }));
    // Clean and not clean always have a column. Another ending has one if a run had that ending.
    const shown = endings.filter(([name]) => name === "clean" || name === "unclean" || all.some(({ tally }) => tally[name]));
    const rows = all.map(({ name, title, tally }) => {
      const on = this.running === name ? h("button", { type: "button", class: "stop", "aria-label": `Stop runs of ${title}` }, "Stop runs") : h("button", { type: "button", "data-run": name, disabled: !!this.running, "aria-label": `Run ${runs} times: ${title}` }, `Run ${runs} times`);
      return h("tr", { "data-of": name }, h("th", { scope: "row" }, title, h("span", {}, on)), h("td", {}, total(tally)), ...shown.map(([ending]) => h("td", {}, tally[ending])));
    });
    const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "scenario"), h("th", { scope: "col" }, "runs"), ...shown.map(([, text]) => h("th", { scope: "col" }, text))));
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    const of = focused?.closest("[data-of]")?.getAttribute("data-of");
    this.table.replaceChildren(h("table", { class: "tally" }, head, h("tbody", {}, ...rows)));
    this.reset.disabled = !!this.running || !all.some(({ tally }) => total(tally));
    // The focus stays in its row. If the reset button had the focus and is now disabled, the first row's button gets
    // it.
    const next = of ? `[data-of="${of}"] button:not(:disabled)` : focused === this.reset && this.reset.disabled ? "button:not(:disabled)" : "";
    if (next) /** @type {HTMLElement|null} */ (this.querySelector(next))?.focus({ preventScroll: true });
  }
}
