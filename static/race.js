/**
 * One run of the four ways in this page: opens each of them, and notes when each
 * event arrives. A way that does not open is noted, and the others go on.
 *
 * @typedef {import("./ways.js").Way} Way
 * @typedef {import("./ways.js").Settings} Settings
 * @typedef {Record<Way, string>} Urls
 *
 * What the run needs of the browser; a test gives its own.
 * @typedef {object} Deps
 * @property {(url: string, init?: RequestInit) => Promise<Response>} fetch
 * @property {(url: string) => EventSource} stream
 * @property {(url: string) => WebSocket} socket
 * @property {() => number} now microseconds on the session's clock
 * @property {(fn: () => void, ms: number) => unknown} later
 */

import { words } from "./api.js";
import { ways } from "./ways.js";

const patience = 10_000; // ms in which a way must open

export class Race {
  /** @type {Record<Way, Map<number, number>>} when event n arrived */
  arrivals = { poll: new Map(), long: new Map(), events: new Map(), socket: new Map() };
  /** @type {Map<number, number>} when the source made event n, as each event says */
  ticks = new Map();
  /** @type {Partial<Record<Way, string>>} why a way did not open, or ended early */
  failed = {};
  /** @type {Set<Way>} ways that have received all their events, or have ended */
  done = new Set();
  ended = false;
  /** @type {Set<() => void>} functions that end what is open */
  closers = new Set();
  stopping = new AbortController();
  /** @type {Promise<void>} resolves when every way is done */
  over;
  /** @type {() => void} */
  finish = () => {};

  /**
   * @param {Settings} settings
   * @param {Urls} urls
   * @param {Deps} deps
   * @param {() => void} changed called when something arrived
   */
  constructor(settings, urls, deps, changed) {
    this.settings = settings;
    this.urls = urls;
    this.deps = deps;
    this.changed = changed;
    this.over = new Promise((done) => (this.finish = done));
  }

  /** Opens the ways that stay open. Resolves when each is open or has failed. */
  async open() {
    await Promise.all([this.stream(), this.socket()]);
  }

  /** Begins to ask, and sends the messages of the page. */
  begin() {
    for (const way of /** @type {const} */ (["poll", "long"])) this.ask(way);
    const { rate, count, up } = this.settings;
    for (let i = 0; i < up; i++) this.deps.later(() => this.send(i), ((i + 0.5) * 1000 * count) / rate / up);
    // A way that misses an event must not keep the run open.
    this.deps.later(() => this.stop("did not receive every event in time"), (1000 * (count + 1)) / rate + this.settings.poll + patience);
  }

  /** @param {Way} way @param {import("./ways.js").Tick} tick */
  arrived(way, { n, at }) {
    const list = this.arrivals[way];
    this.ticks.set(n, at);
    if (this.done.has(way) || list.has(n)) return;
    list.set(n, this.deps.now());
    if (list.size >= this.settings.count) this.end(way);
    this.changed();
  }

  /** @param {Way} way @param {string} [why] set if the way did not do its work */
  end(way, why) {
    if (this.done.has(way)) return;
    if (why) this.failed[way] = why;
    this.done.add(way);
    this.changed();
    if (this.done.size === ways.length) this.stop();
  }

  /** Ends the run. @param {string} [why] for the ways that are not done */
  stop(why = "was stopped") {
    if (this.ended) return;
    this.ended = true;
    for (const way of ways) {
      if (!this.done.has(way)) this.failed[way] = why;
      this.done.add(way);
    }
    this.stopping.abort();
    for (const close of this.closers) close();
    this.changed();
    this.finish();
  }

  // ——— Server-Sent Events and WebSocket ———

  stream() {
    return this.opens("events", (opened) => {
      const source = this.deps.stream(this.urls.events);
      this.closers.add(() => source.close());
      source.onopen = opened;
      source.onmessage = (e) => {
        this.arrived("events", JSON.parse(e.data));
        if (this.done.has("events")) source.close();
      };
      // After its last event the stream ends, and the browser must not ask for it again.
      source.onerror = () => {
        source.close();
        this.end("events", `the stream ${this.arrivals.events.size ? "ended early" : "did not open"}`);
        opened();
      };
    });
  }

  /** @type {WebSocket|undefined} */
  ws;

  socket() {
    return this.opens("socket", (opened) => {
      const ws = (this.ws = this.deps.socket(this.urls.socket));
      this.closers.add(() => ws.close(1000));
      ws.addEventListener("open", opened);
      ws.addEventListener("message", (e) => {
        this.arrived("socket", JSON.parse(e.data));
        if (this.done.has("socket")) ws.close(1000);
      });
      ws.addEventListener("close", (e) => {
        this.end("socket", this.done.has("socket") ? "" : `the connection ${this.arrivals.socket.size ? "ended early" : "did not open"}, close code ${e.code}`);
        opened();
      });
    });
  }

  /**
   * Opens a way. Resolves when it is open, has failed, or takes too long.
   * @param {Way} way
   * @param {(opened: () => void) => void} fn
   * @returns {Promise<void>}
   */
  opens(way, fn) {
    return new Promise((resolve) => {
      let open = false;
      const opened = () => {
        open = true;
        resolve();
      };
      this.deps.later(() => {
        if (!open) this.end(way, `did not open within ${patience / 1000} seconds`);
        resolve();
      }, patience);
      try {
        fn(opened);
      } catch (e) {
        this.end(way, `could not be opened: ${words(e)}`);
        resolve();
      }
    });
  }

  // ——— polling and long polling ———

  /** Asks until every event has arrived. @param {"poll"|"long"} way */
  async ask(way) {
    const { count, poll } = this.settings;
    const list = this.arrivals[way];
    try {
      while (!this.done.has(way)) {
        const began = this.deps.now();
        const answer = await this.deps.fetch(`${this.urls[way]}?after=${list.size ? Math.max(...list.keys()) : 0}`, { signal: this.stopping.signal, cache: "no-store" });
        if (!answer.ok) throw new Error(`the server answered with status ${answer.status}`);
        if (answer.status !== 204) {
          const events = await answer.json();
          for (const tick of events) this.arrived(way, tick);
          // Without events, the source has ended.
          if (!events.length && list.size < count) this.end(way, "the source ended early");
        }
        const wait = way === "poll" ? poll - (this.deps.now() - began) / 1000 : 0;
        if (wait > 0) await new Promise((done) => this.deps.later(() => done(undefined), wait));
      }
    } catch (e) {
      this.end(way, `the request failed: ${words(e)}`);
    }
  }

  // ——— messages from the page ———

  /** Sends message i on each way that is not done. @param {number} i */
  send(i) {
    const text = `message ${i + 1}`;
    for (const way of ways) {
      if (this.ended || this.failed[way]) continue;
      if (way === "socket") {
        if (this.ws?.readyState === 1) this.ws.send(text);
      } else {
        const request = this.deps.fetch(this.urls[way], { method: "POST", body: text, headers: { "Content-Type": "text/plain" } });
        request.catch((e) => this.end(way, `the message was not sent: ${words(e)}`));
      }
    }
  }
}
