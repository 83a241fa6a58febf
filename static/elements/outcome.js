/**
 * What came of a disconnect: what the tutorials say, what the learner
 * predicted, and what was measured just now in this browser.
 *
 * @typedef {import("../outcome.js").Column} Column
 * @typedef {import("../outcome.js").Outcome} Outcome
 * @typedef {import("../outcome.js").Came} Came
 */

import { LabElement, button, h, hit, rich } from "./dom.js";
import { lab } from "../lab.js";
import { columns, measure, verdict } from "../outcome.js";
import { span } from "../ends.js";
import { by } from "../play.js";
import { quote } from "../format.js";
import { recall, remember } from "../store.js";

/** @type {Column[]} */
const all = ["after", "code", "clean", "read", "writes"];

export class WsOutcome extends LabElement {
  static tag = "ws-outcome";

  kept = "";
  /** @type {Column[]} */
  asked = [];
  tutorials = "";
  /** @type {Partial<Record<Column, string>>} */
  guess = {};
  locked = false;
  measured = false;
  /** @type {{play: import("../play.js").Play, token: string}|null} */
  of = null;
  told = ""; // in few words
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
      this.of = null;
      this.key = "";
      this.draw(null, false);
      this.querySelector("select")?.focus();
    });
  }

  /**
   * @param {string} scenario
   * @param {Column[]} asked what may be predicted
   * @param {string} tutorials HTML
   */
  ask(scenario, asked, tutorials) {
    this.kept = `outcome:${scenario}`;
    this.asked = asked;
    this.tutorials = tutorials;
    const kept = recall("local", this.kept);
    if (kept) ({ guess: this.guess, locked: this.locked, measured: this.measured } = kept);
    this.draw(null, false);
  }

  keep() {
    remember("local", this.kept, this.locked ? { guess: this.guess, locked: this.locked, measured: this.measured } : undefined);
    document.dispatchEvent(new Event("ws-progress"));
  }

  /** The guess stands once the play begins. */
  lock() {
    if (!this.asked.length) return;
    this.key = "";
    if (this.locked) return;
    this.locked = true;
    this.keep();
  }

  /** Whether the learner has seen the outcome beside a guess. */
  get answered() {
    return this.locked && this.measured;
  }

  /** @param {{play: import("../play.js").Play, token: string}|null} of */
  show(of) {
    if (!this.isConnected || !of) return;
    this.of = of;
    const { cursor, history, rows } = lab;
    const conn = rows.byClient.get(of.token);
    const over = by(of.play.over, cursor);
    const key = `${of.play.id} ${cursor === Infinity ? history.last : cursor} ${over}`;
    if (key === this.key) return;
    this.key = key;
    const from = history.count(of.play.seq - 1);
    const events = history.events.slice(from, history.count(Math.min(cursor, history.last))).filter((e) => (conn && e.conn === conn.id) || e.script?.client === of.token);
    // What tidying up brings is no outcome of the run.
    const outcome = measure(events, Math.min(cursor, of.play.settled));
    if (over && !this.measured && this.locked) {
      this.measured = true;
      this.keep();
    }
    this.told = outcome.after === null ? "" : `onclose ${outcome.code} after ${span(outcome.after)}`;
    this.draw(outcome, over);
  }

  /** @param {Outcome|null} o @param {boolean} over */
  draw(o, over) {
    const { asked, guess, locked } = this;
    const rows = all.map((column) => {
      const { head, choices } = columns[column];
      const is = o ? verdict(column, o, over) : "";
      const chosen = guess[column] || "";
      const right = is && chosen ? chosen === is : null;
      /** @type {Node|string} */
      let mine = h("span", { class: "soft" }, "—");
      if (asked.includes(column)) {
        mine = locked
          ? h("span", { class: right === null ? "soft" : right ? "won" : "lost" }, right === null ? "" : h("b", {}, right ? "✔ " : "× "), (choices.find(([v]) => v === chosen) || ["", "no guess"])[1])
          : h("select", { name: column, "aria-label": `Your prediction: ${head}` }, h("option", { value: "" }, "your guess…"), ...choices.map(([v, text]) => h("option", { value: v, selected: v === chosen }, text)));
      }
      return h("tr", {}, h("th", { scope: "row" }, head), h("td", {}, mine), h("td", { class: "measured" }, ...(o ? told(column, o, over) : [h("span", { class: "soft" }, "not run yet")])));
    });
    this.replaceChildren(
      this.tutorials ? h("p", { class: "claim" }, h("b", {}, "The tutorials say: "), rich(this.tutorials)) : "",
      h("div", { class: "wide" }, h("table", { class: "outcome" }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "you predicted"), h("th", { scope: "col" }, "measured just now"))), h("tbody", {}, ...rows))),
      asked.length ? h("p", { class: "soft" }, locked ? "" : "Your guess is locked in when the play begins. ", locked ? button("guess again", { class: "again quiet" }) : "") : "",
    );
  }
}

/** @param {Column} column @param {Outcome} o @param {boolean} over @returns {(Node|string)[]} */
function told(column, o, over) {
  const wait = h("span", { class: "soft" }, over ? "not in this run" : "…");
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
