/**
 * Seven streams of Server-Sent Events at once, then seven WebSockets: how many open?
 * Each step ends by itself within seconds, so that the page never stays without a
 * free connection.
 *
 * @typedef {{state: "waits"|"open"|"closed"|"failed", ms: number}} One
 */

import { LabElement, button, h, hit } from "./dom.js";
import { words } from "../api.js";
import { count } from "../format.js";

const many = 7;
const quiet = 1200; // ms without a new open stream, after which the others are said to wait
const longest = 6000; // ms that a step takes at most

/** @extends {LabElement<"session">} */
export class WsStreams extends LabElement {
  static tag = "ws-streams";

  /** @type {One[]} */
  streams = [];
  /** @type {One[]} */
  sockets = [];
  running = false;
  start = button("Open seven of each", { class: "primary start" });
  status = h("output", { class: "status" });
  lists = h("div", { class: "lists" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.replaceChildren(h("h3", {}, "Seven streams, then seven WebSockets"), h("p", { class: "buttons" }, this.start), this.status, this.lists);
    this.on("click", (e) => hit(e, ".start") && this.attempt());
    this.lab.session.addEventListener("fresh", () => this.reset(), { signal });
    this.draw();
  }

  reset() {
    if (this.running) return;
    this.streams = this.sockets = [];
    this.say("");
    this.draw();
  }

  async attempt() {
    if (this.running) return;
    this.running = true;
    this.start.disabled = true;
    this.status.classList.remove("failed");
    try {
      await this.run();
    } catch (e) {
      this.status.classList.add("failed");
      this.say(`× The count failed: ${words(e)}`);
    } finally {
      this.running = false;
      this.start.disabled = false;
      this.draw();
    }
  }

  async run() {
    const { session } = this.lab;
    const signal = this.leaving?.signal;
    await session.starting;
    session.flowing();
    this.sockets = [];
    // The source of this run never starts: the streams only open. The server ends them if this page does not.
    const { run, events, socket } = await session.post("ways", { rate: 1, count: 1, poll: 1000, wait: 1000, up: 0 });
    this.streams = fresh();
    this.say("Opening seven streams.");
    const sources = this.streams.map((one, i) => this.open(one, () => new EventSource(`${events}?for=${3 * longest}&stream=${i + 1}`)));
    const shut = () => sources.forEach((s, i) => this.close(this.streams[i], s));
    const leave = () => shut();
    signal?.addEventListener("abort", leave);
    let first = 0;
    let next = -1;
    try {
      await this.settled(this.streams);
      first = opened(this.streams);
      const waits = this.streams.map((one, i) => ({ one, i })).filter(({ one }) => one.state === "waits");
      const free = this.streams.findIndex((one) => one.state === "open");
      if (waits.length && free >= 0) {
        this.say(`${first} of ${count(many, "stream")} are open. Closing stream ${free + 1} now.`);
        this.close(this.streams[free], sources[free]);
        await this.until(() => waits.some(({ one }) => one.state !== "waits"));
        next = waits.find(({ one }) => one.state === "open")?.i ?? -1;
        await pause(quiet);
      }
    } finally {
      shut();
      signal?.removeEventListener("abort", leave);
    }
    if (signal?.aborted) return;
    this.sockets = fresh();
    const wss = this.sockets.map((one, i) => {
      const url = new URL(socket, location.origin.replace(/^http/, "ws"));
      url.searchParams.set("client", `streams-${run}-${i + 1}`);
      return this.open(one, () => new WebSocket(url));
    });
    let second = 0;
    try {
      await this.settled(this.sockets);
      second = opened(this.sockets);
      await pause(quiet);
    } finally {
      wss.forEach((ws, i) => this.close(this.sockets[i], ws));
    }
    await session.post(`ways/${run}`, { do: "stop" });
    const blocked = [this.streams.every((s) => s.state === "failed") && "streams of Server-Sent Events", this.sockets.every((s) => s.state === "failed") && "WebSockets"].filter(Boolean);
    this.status.classList.toggle("failed", blocked.length > 0);
    const then = next >= 0 ? ` When one stream was closed, stream ${next + 1} opened.` : "";
    this.say(blocked.length ? `× This browser opened no ${blocked.join(" and no ")}. An extension or a proxy may block them.` : `✔ ${first} of ${count(many, "stream")} opened, and ${second} of ${count(many, "WebSocket")}.${then}`);
    session.tell("streams", { streams: first, sockets: second });
  }

  /**
   * Opens one, and notes when it is open.
   * @template {EventSource|WebSocket} T
   * @param {One} one
   * @param {() => T} make
   * @returns {T|null} null if the browser refused
   */
  open(one, make) {
    const began = performance.now();
    /** @param {One["state"]} state */
    const is = (state) => {
      if (one.state === "closed" || one.state === state) return;
      one.state = state;
      one.ms = performance.now() - began;
      this.draw();
    };
    try {
      const made = make();
      made.addEventListener("open", () => is("open"));
      made.addEventListener("error", () => one.state === "waits" && is("failed"));
      return made;
    } catch {
      is("failed");
      return null;
    } finally {
      this.draw();
    }
  }

  /** @param {One} one @param {EventSource|WebSocket|null} what */
  close(one, what) {
    what?.close();
    if (one.state !== "failed") one.state = "closed";
    this.draw();
  }

  /** Waits until all are open or have failed, or no other opens any more. @param {One[]} list */
  async settled(list) {
    let seen = -1;
    let since = performance.now();
    await this.until(() => {
      const n = list.filter((one) => one.state !== "waits").length;
      if (n !== seen) since = performance.now();
      seen = n;
      return n === many || (n > 0 && performance.now() - since > quiet);
    });
  }

  /** Waits for a condition, but not forever. @param {() => boolean} is */
  async until(is) {
    for (const end = performance.now() + longest; !is() && performance.now() < end && !this.leaving?.signal.aborted; ) await pause(50);
  }

  /** @param {string} text */
  say(text) {
    this.status.textContent = text;
  }

  draw() {
    /** @param {string} name @param {One[]} list */
    const part = (name, list) =>
      list.length &&
      h(
        "section",
        {},
        h("h4", {}, name),
        h("ol", {}, ...list.map((one) => h("li", { class: one.state }, one.state === "failed" || one.state === "waits" ? one.state : one.ms < 0 ? "closed, never opened" : `${one.state}, opened after ${one.ms.toFixed(0)} ms`))),
      );
    this.lists.replaceChildren(...[part("Server-Sent Events", this.streams), part("WebSocket", this.sockets)].filter((x) => x instanceof Node));
  }
}

/** @returns {One[]} */
const fresh = () => Array.from({ length: many }, () => ({ state: "waits", ms: -1 }));

/** @param {One[]} list */
const opened = (list) => list.filter((one) => one.state === "open").length;

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
