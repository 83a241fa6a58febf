/**
 * Handshakes that a server refuses, each with the line of gorilla that refused it in
 * the learner's own run, in the order of these lines.
 *
 * @typedef {import("../types.js").LabEvent} LabEvent
 * @typedef {{event: LabEvent|undefined, line: number, place: string, code: string, link: string}} Refusal
 */

import { LabElement, button, h, hit, redraw, table } from "./dom.js";
import { words } from "../api.js";
import { callSource, linesOf } from "../sources.js";
import { isOwn, pieces } from "../stack.js";

const servers = /** @type {const} */ (["gorilla", "reference"]);

/** @extends {LabElement<"session" | "player" | "inspector">} */
export class WsChecks extends LabElement {
  static tag = "ws-checks";

  /** @type {{name: string, title: string}[]} */
  scenarios = [];
  /** @type {Map<string, Refusal>} by server and scenario */
  refusals = new Map();
  running = false;
  session = "";
  status = h("output", { class: "status" });
  table = h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Refused handshakes" });
  go = button("Run all requests", { class: "primary" });
  /** @type {AbortSignal|undefined} */
  signal;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.signal = signal;
    this.scenarios = JSON.parse(this.dataset.checks || "[]");
    this.on("click", (e) => {
      const seq = hit(e, "[data-seq]")?.dataset.seq;
      if (seq) this.lab.inspector.select(Number(seq));
      else if (hit(e, "button") === this.go) this.run();
    });
    this.replaceChildren(h("h3", {}, "Requests that fail, one check each"), h("p", { class: "buttons" }, this.go), this.status, this.table);
    this.lab.session.observe(() => this.lab.session.id !== this.session && this.forget(), signal);
    this.draw();
  }

  forget() {
    this.session = this.lab.session.id;
    this.refusals.clear();
    this.draw();
  }

  /** Runs every scenario on both servers, one after the other. */
  async run() {
    if (this.running) return;
    this.running = true;
    this.status.classList.remove("failed");
    try {
      this.lab.session.alive();
      await this.lab.session.starting;
      await this.lab.session.stackAtWire(true);
      for (const { name, title } of this.scenarios) {
        this.status.textContent = `A raw client sends: ${title}.`;
        for (const server of servers) this.refusals.set(`${server} ${name}`, await this.once(name, server));
        this.draw();
      }
      this.status.textContent = "All requests are answered. The rows are in the order of gorilla's lines.";
    } catch (e) {
      this.status.classList.add("failed");
      this.status.textContent = `× ${words(e)}`;
    } finally {
      this.running = false;
    }
  }

  /** Runs a scenario once, and finds the line that refused it. @param {string} scenario @param {string} endpoint @returns {Promise<Refusal>} */
  async once(scenario, endpoint) {
    const { session, player } = this.lab;
    const { play, token } = await player.begin({ scenario, endpoint, as: "raw", pause: -1 });
    const { id } = session;
    while ((session.rows.plays.byId.get(play)?.over ?? Infinity) === Infinity) {
      await new Promise((done) => session.addEventListener("events", done, { once: true, signal: this.signal }));
      if (id !== session.id) throw new Error("A new session began. Run the requests again.");
    }
    const conn = session.rows.byClient.get(token);
    const event = conn?.response?.event;
    const calls = conn && event ? pieces(conn.stacks, event)[0]?.calls || [] : [];
    const own = calls.filter((c) => isOwn(c, endpoint));
    const last = own[own.length - 1];
    if (!last) return { event, line: Infinity, place: "", code: "", link: "" };
    const l = endpoint === "gorilla" ? await callSource(last) : null;
    // Go's if is one line above the line that refuses.
    const code = l ? linesOf(l, last.line - 1, last.line - 1).map(({ tokens }) => tokens.map(([, t]) => t).join("").trim()).join("") : "";
    return { event, line: last.line, place: `${last.file}:${last.line}`, code, link: code ? "" : l?.link || "" };
  }

  draw() {
    const of = (/** @type {string} */ server, /** @type {string} */ name) => this.refusals.get(`${server} ${name}`);
    const order = [...this.scenarios].sort((a, b) => (of("gorilla", a.name)?.line ?? Infinity) - (of("gorilla", b.name)?.line ?? Infinity) || 0);
    /** @param {Refusal|undefined} r @param {string} server @param {string} title */
    const status = (r, server, title) => (r?.event ? button(String(r.event.handshake?.status), { class: "quiet", "data-seq": r.event.seq, "aria-label": `Show ${r.event.handshake?.status} from ${server}: ${title}` }) : h("span", { class: "soft" }, "·"));
    const rows = order.map(({ name, title }) => {
      const g = of("gorilla", name);
      const source = g?.code ? h("pre", {}, h("code", {}, g.code)) : g?.link ? h("a", { href: g.link }, "its source is not on this computer") : "";
      return h("tr", {}, h("th", { scope: "row" }, title), h("td", { "data-of": "gorilla" }, status(g, "gorilla", title)), h("td", { class: "source" }, g?.place ? h("code", {}, g.place) : "", source), h("td", { "data-of": "reference" }, status(of("reference", name), "the reference", title)));
    });
    redraw(this.table, table(["request", "gorilla", "the line that refused it, and the check above it", "reference"], rows));
  }
}
