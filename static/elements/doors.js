/**
 * Runs of lesson 10. Raw clients send the same bytes to the reference on a bare TCP
 * listener and on net/http, and two columns show what each server read. Other runs
 * measure memory, use HTTP/2, or look for the smallest request that breaks the naive
 * server.
 *
 * @typedef {import("../doors.js").Door} Door
 * @typedef {import("../doors.js").Exchange} Exchange
 * @typedef {import("../doors.js").Try} Try
 */

import { LabElement, button, h, hit, redraw, table, wireLink } from "./dom.js";
import { call, words } from "../api.js";
import { count } from "../format.js";
import { spaced } from "../hex.js";
import { door, opened, result, smallest } from "../doors.js";

/** @type {Record<string, {label: string, field?: [name: string, label: string]}>} */
const runs = {
  whole: { label: "Send request in one segment" },
  cut: { label: "Send request in two segments" },
  "cut-at": { label: "Send request cut there", field: ["cut", "Bytes of the first segment"] },
  glued: { label: "Send request and frame in one segment" },
  long: { label: "Send long request" },
  size: { label: "Send request of this size", field: ["size", "Bytes of the request"] },
  page: { label: "Request page from both" },
  naive: { label: "Send request to naive server", field: ["size", "Bytes of the request"] },
  http2: { label: "Send requests over HTTP/2" },
  memory: { label: "Measure memory" },
};

/** @type {Record<string, string>} */
const names = { listener: "Bare TCP listener", "net-http": "net/http", naive: "Naive server" };

/** @type {Record<string, string>} */
const ways = {
  listener: "Server.Serve on a bare TCP listener",
  server: "Server.ServeHTTP on net/http: the handler returns after the handshake",
  upgrader: "Upgrader.Upgrade on net/http: the handler keeps the connection",
};

/** @type {Record<string, string>} */
const requests = { page: "a page", handshake: "a WebSocket handshake", upgrade: "a handshake without Connection", fields: "a handshake without Connection and Upgrade" };

/** @extends {LabElement<"session" | "cursor" | "inspector" | "sockets">} */
export class WsDoors extends LabElement {
  static tag = "ws-doors";

  run = "whole";
  /** @type {{endpoint: string, client: string}[]} the clients of the newest run */
  clients = [];
  session = ""; // its session
  key = "";
  busy = false;
  over = false; // the newest run has ended, and its end is shown
  /** @type {Try[]} */
  tries = [];
  size = 0; // of the newest request
  form = h("form", { class: "buttons" });
  said = h("output", { class: "status" });
  shown = h("div", { class: "shown" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.run = this.dataset.run || "whole";
    const { label, field } = runs[this.run];
    this.form.replaceChildren(
      ...(field ? [h("label", {}, `${field[1]} `, h("input", { type: "number", name: field[0], value: this.dataset.start, min: 1, max: 32768, required: true }))] : []),
      h("button", { type: "submit", class: "primary" }, label),
    );
    this.replaceChildren(this.form, this.said, this.shown);
    this.on("submit", (e) => {
      e.preventDefault();
      this.attempt();
    });
    this.on("click", (e) => {
      const seq = hit(e, "[data-seq]")?.dataset.seq;
      if (seq) this.lab.inspector.select(Number(seq));
    });
    this.lab.session.observe(() => this.render(), signal);
  }

  async attempt() {
    if (this.busy) return;
    this.busy = true;
    this.say("Running.");
    try {
      await (this.run === "http2" ? this.http2() : this.run === "memory" ? this.memory() : this.send());
    } catch (e) {
      this.say(`× ${words(e)}`, true);
    }
    this.busy = false;
    this.render();
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.said.classList.toggle("failed", failed);
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  async send() {
    const { session, sockets, cursor } = this.lab;
    session.alive();
    if (session.watching) throw new Error("You are watching a connection of another page, so this page cannot start a run.");
    await session.starting;
    if (!session.id) throw new Error(session.refusal || "There is no session yet, because the lab server does not answer.");
    cursor.toNewest();
    const naive = this.run === "naive";
    if (naive !== (cursor.mode === "naive")) cursor.turn(naive ? "naive" : "reference");
    const { field } = runs[this.run];
    const value = Number(field ? new FormData(this.form).get(field[0]) : this.dataset.start || 0);
    sockets.round = Math.max(sockets.round, ...[...session.rows.conns.values()].map((c) => c.round)) + 1;
    const body = { run: this.run, round: sockets.round, [field?.[0] || "size"]: value };
    const id = session.id;
    const answer = await session.post("doors", body);
    this.size = value;
    this.clients = answer.clients;
    this.session = id;
    this.key = "";
    this.over = false;
    session.touch();
  }

  async http2() {
    /** @type {{exchanges: Exchange[]}} */
    const { exchanges } = await call("/api/doors/http2", {});
    this.shown.replaceChildren(
      h(
        "ol",
        { class: "exchanges" },
        ...exchanges.map((e) =>
          h(
            "li",
            {},
            `A client of ${e.client === "both" ? "HTTP/2 and HTTP/1.1" : "HTTP/2 alone"} requests ${requests[e.what]}.`,
            h("dl", {}, h("dt", {}, "New TCP connections"), h("dd", {}, opened(e)), h("dt", {}, "Result"), h("dd", {}, h("b", {}, result(e)))),
            e.text ? h("pre", { tabindex: 0, "aria-label": "response text" }, e.text) : "",
          ),
        ),
      ),
    );
    this.say(`✔ ${count(exchanges.length, "request")} to one port with TLS.`);
  }

  async memory() {
    this.say("Three servers start one after the other. This takes some seconds.");
    /** @type {{ways: {way: string, connections: number, bytes: number}[]}} */
    const answer = await call("/api/doors/memory", {});
    this.shown.replaceChildren(h("div", { class: "wide" }, table(["server", "connections", "memory of each"], answer.ways.map((w) => h("tr", {}, h("th", { scope: "row" }, ways[w.way]), h("td", { class: "mono" }, w.connections), h("td", { class: "mono" }, `${(w.bytes / 1024).toFixed(1)} KiB`))))));
    this.say("✔ Measured on the computer of the lab server, each server in a process of its own.");
  }

  render() {
    const { session } = this.lab;
    if (!this.clients.length) return;
    if (this.session !== session.id) {
      this.clients = [];
      this.shown.replaceChildren();
      this.say("");
      return;
    }
    if (this.over) return;
    const { rows, history } = session;
    const doors = this.clients.map((c) => {
      const conn = rows.byClient.get(c.client);
      return { ...c, error: this.failure(c.client), door: door(conn ? history.events.filter((e) => e.conn === conn.id) : []) };
    });
    const over = (this.over = doors.every((d) => d.door.over || d.error));
    const key = JSON.stringify([doors, session.holding]);
    if (key === this.key) return;
    this.key = key;
    if (this.run === "naive") this.exercise(doors[0], over);
    else redraw(this.shown, h("div", { class: "doors" }, ...doors.map((d) => column(d))));
    if (!over) this.say(session.holding ? "The wire is held. Press → to release the next frame." : "Running.");
    else if (this.run !== "naive") this.say(`✔ ${summary(doors)}`);
    if (over && !this.said.querySelector("a")) this.said.append(" ", wireLink());
  }

  /** The error of a raw client that never connected, "" if it did. @param {string} client */
  failure(client) {
    const { rows, history } = this.lab.session;
    if (rows.byClient.has(client)) return "";
    return history.events.find((e) => e.script?.client === client && e.script.what === "error")?.script?.text || "";
  }

  /** @param {{door: Door, error: string}} d @param {boolean} over */
  exercise(d, over) {
    if (over && !this.tries.some((t) => t.size === this.size)) this.tries.push({ size: this.size, first: d.door.reads[0]?.size || 0, next: d.door.next, echo: !!d.door.echo });
    this.tries.sort((a, b) => a.size - b.size);
    const last = this.size;
    redraw(
      this.shown,
      this.tries.length
        ? h(
            "div",
            { class: "wide" },
            table(
              ["request", "first Read", "next Read", "echo of Hello"],
              this.tries.map((t) => h("tr", t.size === last ? { "aria-current": "true" } : {}, h("td", { class: "mono" }, count(t.size, "byte")), h("td", { class: "mono" }, count(t.first, "byte")), h("td", { class: "mono" }, spaced(t.next)), h("td", {}, t.echo ? "✔ arrived" : "× did not arrive"))),
            ),
          )
        : "",
    );
    if (!over) return;
    const { solved, text } = smallest(this.tries);
    this.say(`${solved ? "✔ " : ""}${text}`);
  }
}

/** @param {{endpoint: string, error: string, door: Door}[]} doors */
const summary = (doors) => `${doors.map((d) => `${names[d.endpoint]}: ${d.error || (d.door.response ? `${d.door.response.status}${d.door.response.status === 101 ? (d.door.echo ? ", and the echo arrived" : ", without an echo") : ""}` : "no response")}`).join(". ")}.`;

/** @param {{endpoint: string, error: string, door: Door}} d */
function column({ endpoint, error, door: d }) {
  const { response } = d;
  return h(
    "div",
    { class: "door", role: "group", "aria-label": names[endpoint] },
    h("h3", {}, names[endpoint]),
    error ? h("p", { class: "failed" }, `× ${error}`) : "",
    h("ol", { class: "reads", "aria-label": `Reads of ${names[endpoint]}` }, ...d.reads.map((r) => h("li", {}, h("b", { class: "mono" }, count(r.size, "byte")), h("span", {}, r.has)))),
    response ? h("p", {}, "It responds: ", button(response.line, { class: "quiet", "data-seq": response.seq })) : "",
    response?.body ? h("details", {}, h("summary", {}, "Show response text"), h("pre", { tabindex: 0, "aria-label": `response text of ${names[endpoint]}` }, response.body)) : "",
    response?.status === 101 && (d.echo || d.over) ? h("p", {}, "Echo of Hello: ", d.echo ? button("arrived", { class: "quiet", "data-seq": d.echo, "aria-label": `arrived from ${names[endpoint]}` }) : "did not arrive") : "",
    d.calls.length ? h("details", {}, h("summary", {}, `${d.calls.some((c) => c.startsWith("Hijack")) ? "Deadlines and Hijack" : "Deadlines"}: ${count(d.calls.length, "call")}`), h("ol", { class: "small" }, ...d.calls.map((c) => h("li", {}, h("code", {}, c))))) : "",
  );
}
