/**
 * Three messages over a raw TCP connection, and the same three over WebSocket, in two
 * columns: what the client wrote, what was on the wire, and what the server read.
 *
 * @typedef {import("../chat.js").Side} Side
 */

import { LabElement, button, h, hit } from "./dom.js";
import { words } from "../api.js";
import { socketSide, tcpSide } from "../chat.js";
import { count } from "../format.js";

const messages = ["Hello", "are you there?", "bye"];
const longest = 15_000; // ms that a run takes at most; the server ends each connection before

/** @extends {LabElement<"session">} */
export class WsChat extends LabElement {
  static tag = "ws-chat";

  /** @type {{tcp: string, socket: string, split: number}|null} the clients of the last run */
  run = null;
  running = false;
  key = "";
  status = h("output", { class: "status" });
  columns = h("div", { class: "columns" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { session } = this.lab;
    const on = (/** @type {number} */ split, /** @type {string} */ label) => button(label, { "data-split": split, class: split ? "" : "primary" });
    this.replaceChildren(h("h3", {}, "The same chat twice"), h("p", {}, "The messages: ", ...messages.flatMap((m, i) => [i ? ", " : "", h("code", {}, m)]), "."), h("p", { class: "buttons" }, on(0, "Run both chats"), on(4, "Run with TCP reads of 4 bytes")), this.status, this.columns);
    this.on("click", (e) => {
      const split = hit(e, "[data-split]")?.dataset.split;
      if (split) this.attempt(Number(split));
    });
    session.addEventListener("fresh", () => this.reset(), { signal });
    session.observe(() => this.render(), signal);
  }

  reset() {
    this.run = null;
    this.say("");
  }

  /** @param {number} split bytes that the TCP server asks for in each read; 0 for many */
  async attempt(split) {
    if (this.running) return;
    const { session } = this.lab;
    this.running = true;
    this.status.classList.remove("failed");
    this.say("The two chats are running.");
    try {
      await session.starting;
      session.flowing();
      this.run = { ...(await session.post("chat", { messages, split })), split };
      await this.over();
      this.finish();
    } catch (e) {
      this.status.classList.add("failed");
      this.say(`× The chats failed: ${words(e)}`);
    } finally {
      this.running = false;
      this.render();
    }
  }

  /** Waits until both connections have ended, but not forever. */
  async over() {
    const { run } = this;
    const ended = () => [run?.tcp, run?.socket].every((token) => (this.conn(token)?.ended ?? Infinity) < Infinity);
    for (const end = performance.now() + longest; !ended(); ) {
      if (performance.now() > end) throw new Error("The connections did not end in time. If the wire is held, press Run.");
      await new Promise((done) => setTimeout(done, 50));
      if (this.leaving?.signal.aborted || run !== this.run) return;
    }
  }

  /** @param {string|undefined} token */
  conn(token) {
    return this.lab.session.rows.byClient.get(token || "");
  }

  /** The events of a client's connection and its reports. @param {string} token */
  events(token) {
    const id = this.conn(token)?.id;
    return this.lab.session.history.events.filter((e) => (id && e.conn === id) || e.script?.client === token);
  }

  finish() {
    const { run } = this;
    if (!run) return;
    const tcp = tcpSide(this.events(run.tcp));
    const socket = socketSide(this.events(run.socket));
    this.say(`✔ Raw TCP: ${count(tcp.wrote.length, "write")}, and ${count(tcp.read.length, "read")} returned data. WebSocket: ${count(socket.wrote.length, "write")}, and ${count(socket.read.length, "read")} returned a message.`);
    /** @param {Side} s */
    const sums = (s) => ({ writes: s.wrote.length, reads: s.read.length, bytes: s.bytes });
    this.lab.session.tell("chat", { split: run.split, tcp: sums(tcp), socket: sums(socket) });
  }

  /** @param {string} text */
  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  render() {
    const { run } = this;
    const { history } = this.lab.session;
    const key = run ? `${run.tcp} ${this.running ? history.last : "over"}` : "";
    for (const on of this.querySelectorAll("[data-split]")) on.toggleAttribute("disabled", this.running);
    if (key === this.key) return;
    this.key = key;
    if (!run) return this.columns.replaceChildren();
    const tcp = tcpSide(this.events(run.tcp));
    const socket = socketSide(this.events(run.socket));
    this.columns.replaceChildren(this.column("Raw TCP", tcp), this.column("WebSocket", socket));
  }

  /** @param {string} name @param {Side} s */
  column(name, s) {
    /** @param {string} title @param {string[]} list */
    const part = (title, list) => [h("h5", {}, title), list.length ? h("ol", {}, ...list.map((text) => h("li", { class: "mono" }, text))) : h("p", { class: "soft small" }, "not yet")];
    const cost = `${count(s.bytes, "byte")} for the messages${s.before ? `, after a handshake of ${count(s.before, "byte")}` : ""}.`;
    return h("section", {}, h("h4", {}, name), ...part("The client wrote", s.wrote), ...part("The server's socket delivered", s.wire), ...(s.units ? part("The frame headers divide these bytes", s.units) : [h("h5", {}, "What divides these bytes?"), h("p", { class: "small" }, "TCP has no borders between messages.")]), ...part("The server's code read", s.read), h("p", { class: "small" }, cost));
  }
}
