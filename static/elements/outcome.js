/**
 * The outcome of a disconnect: the claim of tutorials, the learner's prediction,
 * and the measurement in this browser.
 *
 * @typedef {import("../outcome.js").Column} Column
 * @typedef {import("../outcome.js").Outcome} Outcome
 * @typedef {import("../outcome.js").Came} Came
 * @typedef {import("../play.js").Play} Play
 * @typedef {{play: Play, over: boolean, outcome: Outcome}} Run
 */

import { LabElement, button, h, hit, rich } from "./dom.js";
import { columns, measure, verdict } from "../outcome.js";
import { span } from "../ends.js";
import { by } from "../play.js";
import { quote } from "../format.js";
import { recall, remember } from "../store.js";

/** @type {Column[]} */
const all = ["after", "code", "clean", "read", "writes"];

/** @extends {LabElement<"session">} */
export class WsOutcome extends LabElement {
  static tag = "ws-outcome";

  kept = "";
  tutorials = "";
  /** @type {Partial<Record<Column, string>>} */
  guess = {};
  locked = false;
  measured = false;
  told = ""; // the outcome in a few words
  key = "";

  setup() {
    this.on("change", (e) => {
      if (!(e.target instanceof HTMLSelectElement)) return;
      this.guess[/** @type {Column} */ (e.target.name)] = e.target.value;
    });
    this.on("click", (e) => {
      if (!hit(e, ".again")) return;
      this.locked = this.measured = false;
      this.guess = {};
      this.keep();
      this.key = "";
      this.draw([]);
      this.querySelector("select")?.focus();
    });
  }

  /**
   * @param {string} scenario
   * @param {string} tutorials HTML
   */
  ask(scenario, tutorials) {
    this.kept = `outcome:${scenario}`;
    this.tutorials = tutorials;
    const kept = recall("local", this.kept);
    if (kept) ({ guess: this.guess, locked: this.locked, measured: this.measured } = kept);
    this.draw([]);
  }

  keep() {
    remember("local", this.kept, this.locked ? { guess: this.guess, locked: this.locked, measured: this.measured } : undefined);
    document.dispatchEvent(new Event("ws-progress"));
  }

  /** Locks the prediction when the run begins. */
  lock() {
    if (!this.isConnected) return;
    this.key = "";
    if (this.locked) return;
    this.locked = true;
    this.keep();
  }

  /** Whether the learner has seen the outcome and the prediction side by side. */
  get answered() {
    return this.locked && this.measured;
  }

  /**
   * Shows the outcomes of plays; compares the prediction with the last one.
   * @param {Play[]} plays
   */
  show(plays) {
    const newest = plays[plays.length - 1];
    if (!this.isConnected || !newest) return;
    const { history } = this.lab.session;
    const { cursor } = history;
    const key = `${plays.map((p) => `${p.id} ${by(p.over, cursor)} ${p.cut}`)} ${cursor === Infinity ? history.last : cursor}`;
    if (key === this.key) return;
    this.key = key;
    const runs = plays.map((play) => ({ play, over: by(play.over, cursor) && !play.cut, outcome: this.outcomeOf(play) }));
    const { outcome, over } = runs[runs.length - 1];
    if (over && !this.measured && this.locked) {
      this.measured = true;
      this.keep();
    }
    this.told = outcome.after === null ? "" : `onclose ${outcome.code} after ${span(outcome.after)}`;
    this.draw(runs);
  }

  /** @param {Play} play */
  outcomeOf(play) {
    const { session } = this.lab;
    // Events after the last step do not count.
    return measure(session.eventsOf(play), Math.min(session.history.cursor, play.settled));
  }

  /** @param {Run[]} runs */
  draw(runs) {
    const { guess, locked } = this;
    const newest = runs[runs.length - 1];
    const rows = all.map((column) => {
      const { head, choices } = columns[column];
      const is = newest ? verdict(column, newest.outcome, newest.over) : "";
      const chosen = guess[column] || "";
      const right = is && chosen ? chosen === is : null;
      const mine = locked
        ? h("span", { class: right === null ? "soft" : right ? "won" : "lost" }, right === null ? "" : h("b", {}, right ? "✔ right: " : "× wrong: "), (choices.find(([v]) => v === chosen) || ["", "no prediction"])[1])
        : h("select", { name: column, "aria-label": `Your prediction: ${head}` }, h("option", { value: "" }, "your prediction…"), ...choices.map(([v, text]) => h("option", { value: v, selected: v === chosen }, text)));
      const measured = runs.length ? runs.map((r) => h("td", { class: "measured" }, ...told(column, r.outcome, r.over, r.play.cut))) : [h("td", { class: "measured soft" }, "not run yet")];
      return h("tr", {}, h("th", { scope: "row", title: column === "after" ? "since close(), or since the last frame or FIN from the server" : null }, head), h("td", {}, mine), ...measured);
    });
    const heads = runs.length > 1 ? runs.map((r) => `measured, run ${r.play.id}: ${r.play.endpoint}${r.play.branchOf ? ", changed" : r.play.as === "raw" ? ", raw client" : ""}`) : ["measured just now"];
    this.replaceChildren(
      h("p", { class: "claim" }, h("b", {}, "The tutorials say: "), rich(this.tutorials)),
      h("div", { class: "wide" }, h("table", { class: `outcome${runs.length > 1 ? " two" : ""}` }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "you predicted"), ...heads.map((t) => h("th", { scope: "col", class: "measured" }, t)))), h("tbody", {}, ...rows))),
      h("p", { class: "soft" }, locked ? button("Predict again", { class: "again quiet" }) : "Your prediction is locked in when the run begins."),
    );
  }
}

/** @param {Column} column @param {Outcome} o @param {boolean} over @param {boolean} cut whether the session ended first @returns {(Node|string)[]} */
function told(column, o, over, cut) {
  const wait = h("span", { class: "soft" }, cut ? "not measured: the session ended first" : over ? "not in this run" : "…");
  switch (column) {
    case "after":
      return o.after === null ? [over ? "no onclose" : wait] : [h("b", {}, span(o.after)), o.error ? h("span", { class: "soft" }, ", after an error event") : ""];
    case "code":
      return o.code === null ? [wait] : [h("code", { class: "f-code" }, String(o.code)), o.reason ? ` ${quote(o.reason, 60)}` : h("span", { class: "soft" }, ", no reason")];
    case "clean":
      return o.clean === null ? [wait] : [h("code", {}, String(o.clean))];
    case "read":
      return o.read ? came(o.read) : [wait];
    case "writes":
      return o.writes.length ? [h("ol", {}, ...o.writes.map((w) => h("li", {}, ...came(w))))] : [wait];
  }
}

/** @param {Came} c */
function came(c) {
  if (!c.done) return [h("code", {}, `${c.name}()`), " waits"];
  if (!c.type) return [h("code", {}, `${c.name}()`), " → ", h("span", { class: "f-data" }, c.text || "nil")];
  return [h("code", {}, `${c.name}()`), " → ", h("code", { class: "f-code" }, c.type), ` ${c.text}`];
}
