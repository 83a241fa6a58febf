/**
 * Runs of the judge for /compare: it begins and stops them, receives their reports,
 * echoes in this browser, and waits for the learner's server.
 *
 * @typedef {import("./compare.js").CaseInfo} CaseInfo
 * @typedef {import("./compare.js").Column} Column
 * @typedef {import("./compare.js").Line} Line
 * @typedef {import("./compare.js").Report} Report
 * @typedef {import("./compare.js").Aligned} Aligned
 * @typedef {{session: string, reports: Report[], texts: string[], crossed: string[], aligned: Aligned}} Played one case that was run again and recorded
 *
 * A run under way: told counts the reports of each column; again receives the
 * numbers of the cases to run again.
 * @typedef {{judge: string, lines: Lines, columns: Column[], told: Map<string, number>, stopped: boolean, again: (numbers: number[]) => void, repeats: Promise<number[]>}} Run
 *
 * What the page draws when something changes.
 * @typedef {object} Screen
 * @property {() => void} notice      the sentence of the notice
 * @property {(line: Line) => void} line    the report of one line
 * @property {() => void} all         runs, counts and reports
 * @property {() => void} columns     the columns
 * @property {() => void} findings    mistakes and habits
 * @property {(text: string) => void} speak  announces the end of a run
 */

import { ApiError, Lines, away, call, presence, words } from "./api.js";
import { Matrix, browserName, echoOnce, pollAfter, tallyWords } from "./compare.js";
import { recall, remember } from "./store.js";

const sockets = 4; // how many sockets of this browser are open at once

const awayText = "The lab server does not answer. Start it again with go run ./labserver. This page keeps trying.";
const goneText = "The lab server restarted, and this run ended with it. Press a Judge button to begin again.";

export class Judging {
  matrix = new Matrix();
  /** @type {Map<string, Run>} by kind of column */
  running = new Map();
  /** @type {Map<string, object>} requested runs that the server has not confirmed yet */
  begun = new Map();
  address = ""; // the address of the learner's server; set when the reader presses the button in this page
  server = ""; // the ID that the lab server gave to that address
  said = { text: "", failed: false }; // the notice while the lab server answers
  away = false; // whether the learner's server does not answer
  waitingSince = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;
  left = false; // whether the element that shows this has left the page

  /** @param {Screen} screen */
  constructor(screen) {
    this.screen = screen;
  }

  /** Leaves the page for good. After this, the page sends no requests to the server. */
  end() {
    this.left = true;
    clearTimeout(this.timer);
  }

  /** Reads the cases, and follows the run that the page followed before a reload. */
  async load() {
    const { matrix } = this;
    const { cases, endpoints } = await call("/api/judge/cases");
    matrix.take(cases);
    const name = hostOf(this.address);
    matrix.columns = [
      ...(this.address ? [{ name, label: name, kind: /** @type {const} */ ("server") }] : []),
      ...endpoints.map((/** @type {string} */ name) => ({ name, label: name, kind: "own" })),
      { name: browserName, label: browserName, kind: "browser" },
    ];
    this.screen.columns();
    const kept = recall("session", "judge");
    if (typeof kept === "string") this.follow("own", kept, matrix.columns.filter((c) => c.kind === "own"), "");
    this.screen.all();
    // An earlier page, which the browser may keep, ran cases against the learner's server.
    const left = recall("session", "judge:server");
    remember("session", "judge:server", undefined);
    if (typeof left === "string") endRun(left);
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.said = { text, failed };
    this.screen.notice();
  }

  /** The notice. While the lab server does not answer, the page knows only that. */
  get notice() {
    return presence.away ? { text: awayText, failed: true } : this.said;
  }

  /** Shows an error in the notice. @param {unknown} e */
  refuse(e) {
    if (e instanceof ApiError && away(e.status)) this.say("The lab server is back. Press the button again.");
    else this.say(words(e), true);
  }

  /** The run that a column takes part in. @param {Column} column */
  runOf(column) {
    return [...this.running.values()].find((r) => r.columns.includes(column));
  }

  // ——— runs ———

  /**
   * Runs cases for columns. Without cases, runs all of them.
   * @param {Column["kind"]} kind
   * @param {string[]} [cases]
   * @param {boolean} [risky] whether these are the cases that have frozen a browser
   */
  async judge(kind, cases, risky = false) {
    if (this.running.has(kind) || this.begun.has(kind)) return;
    const columns = this.matrix.columns.filter((c) => c.kind === kind);
    if (!columns.length) return;
    if (cases && !cases.length) return this.say("The filter leaves 0 cases for this. Change the filter first.", true);
    const ask = { own: { endpoints: columns.map((c) => c.name), cases }, server: { cases }, browser: { cases, tells: true, risky } }[kind];
    const turn = {};
    this.begun.set(kind, turn);
    try {
      const answer = await call(kind === "browser" ? "/api/judge/client" : `/api/judge${kind === "server" ? serverQuery(this.server) : ""}`, ask);
      if (this.begun.get(kind) !== turn) return endRun(answer.judge); // the reader has typed another address
      this.begun.delete(kind);
      for (const c of columns) this.matrix.forget(c, cases && this.matrix.lines.filter((l) => cases.includes(this.matrix.asked(l, c)?.id || "")));
      if (kind === "own") remember("session", "judge", answer.judge);
      this.follow(kind, answer.judge, columns, goneText);
      this.say("");
      if (kind === "browser") this.echo(answer);
      this.screen.findings();
      this.screen.all();
    } catch (e) {
      if (this.begun.get(kind) !== turn) return;
      this.begun.delete(kind);
      this.refuse(e);
      // If the lab server has refused the address, do not ask again.
      if (kind === "server" && e instanceof ApiError && e.status === 0) this.wait();
    }
  }

  /**
   * Receives the reports of a run.
   * @param {Column["kind"]} kind
   * @param {string} judge
   * @param {Column[]} columns
   * @param {string} lost the notice if the run no longer exists
   */
  follow(kind, judge, columns, lost) {
    /** @type {(numbers: number[]) => void} */
    let again = () => {};
    /** @type {Promise<number[]>} */
    const repeats = new Promise((resolve) => (again = resolve));
    const lines = new Lines(
      `/api/judge/${judge}/events`,
      (line) => this.told(kind, line),
      (status) => {
        if (status === "gone") this.told(kind, { over: true, error: lost, gone: true });
        else presence.found(status === "live");
      },
    );
    this.running.set(kind, { judge, lines, columns, told: new Map(), stopped: false, again, repeats });
    lines.open();
  }

  /** @param {"own"|"server"|"browser"} kind @param {any} line a report, a request to run some cases again, or the end of the run */
  told(kind, line) {
    const run = this.running.get(kind);
    if (!run) return;
    if (line.repeat) return run.again(line.repeat);
    if (!line.over) {
      const changed = this.matrix.report(line);
      run.told.set(line.endpoint, (run.told.get(line.endpoint) || 0) + 1);
      if (changed) this.screen.line(changed.line);
      return;
    }
    run.lines.close();
    run.again([]);
    this.running.delete(kind);
    for (const c of run.columns) this.matrix.habit(c, line.habits || []);
    for (const c of run.columns) this.matrix.diagnose(c, line.mistakes || [], run.told.get(c.name) || 0);
    this.screen.findings();
    const who = run.columns.map((c) => c.label).join(", ");
    const counted = run.columns.map((c) => `${c.label}: ${tallyWords(this.matrix.counts(c))}`).join("; ");
    if (line.error) {
      this.say(kind === "server" && line.away ? `${this.address}: ${line.error}${line.error.endsWith(".") ? "" : "."} This page judges it as soon as it answers.` : line.error, !run.stopped);
      presence.check(); // the lab server may have ended the run when it stopped
    }
    if (line.gone) remember("session", "judge", undefined);
    this.screen.speak(line.error || (line.gone ? "" : `${who} judged. ${counted}`));
    if (kind === "server") {
      this.away = !!line.away;
      this.waitingSince = Date.now();
      this.wait();
    }
    this.screen.all();
  }

  /** @param {Column["kind"]} kind */
  async stop(kind) {
    const run = this.running.get(kind);
    if (!run) return;
    try {
      run.stopped = true;
      await call(`/api/judge/${run.judge}/stop`, {});
    } catch (e) {
      this.refuse(e);
    }
  }

  /** Ends a run and drops its reports. @param {Column["kind"]} kind */
  abandon(kind) {
    this.begun.delete(kind);
    const run = this.running.get(kind);
    this.running.delete(kind);
    for (const c of this.matrix.columns.filter((c) => c.kind === kind)) this.matrix.forget(c);
    if (!run) return;
    run.lines.close();
    endRun(run.judge);
  }

  /**
   * Ends the runs that no page will show. A run against the lab's own servers
   * continues for a reloaded page. A run against the learner's server continues
   * only for a page that the browser keeps. A run against the browser ends, because
   * a page that was left has no sockets.
   * @param {boolean} kept
   */
  leave(kept) {
    for (const [kind, run] of this.running) {
      run.lines.pause();
      if (kind === "browser" || (kind === "server" && !kept)) endRun(run.judge);
    }
    remember("session", "judge:server", kept ? this.running.get("server")?.judge : undefined);
  }

  /** Continues the runs of a page that the browser kept. */
  back() {
    remember("session", "judge:server", undefined);
    for (const [kind, run] of this.running) {
      if (kind === "browser") this.told(kind, { over: true, error: "You left this page, so judging this browser stopped. Press Judge this browser to begin again." });
      else run.lines.open();
    }
    this.wait();
  }

  // ——— the learner's server ———

  /** Accepts another address, which gets its own column. @param {string} url */
  take(url) {
    const { matrix } = this;
    const same = url === this.address;
    if (!same) {
      this.abandon("server");
      this.away = false;
      this.waitingSince = 0;
      this.server = "";
    }
    this.address = url;
    if (same && matrix.columns.some((c) => c.kind === "server")) return;
    const name = hostOf(url);
    matrix.columns = [{ name, label: name, kind: "server" }, ...matrix.columns.filter((c) => c.kind !== "server")];
    this.screen.columns();
    this.screen.findings();
  }

  /**
   * Runs cases against the server at an address. The lab server dials only
   * addresses that it received here, and only the reader's press of the button
   * leads here. A link to this page on another site cannot make the lab dial.
   * @param {string} address
   * @param {() => string[]|undefined} cases
   */
  async register(address, cases) {
    try {
      const { server } = await call("/api/judge/server", { address });
      if (address !== this.address) return; // the reader has typed another address
      this.server = server;
    } catch (e) {
      if (address === this.address) this.refuse(e);
      return;
    }
    await this.judge("server", cases());
  }

  /** Asks at intervals whether the learner's server answers. Runs the cases again when the server is back. */
  wait() {
    clearTimeout(this.timer);
    if (this.left || !this.server || document.hidden || this.running.has("server") || !this.waitingSince) return;
    const ms = pollAfter(this.away, Date.now() - this.waitingSince);
    if (!ms) return this.say(`This page no longer asks whether ${this.address} answers. Press Judge my server to judge it now.`);
    this.timer = setTimeout(() => this.reach(this.server), ms);
  }

  /** @param {string} server */
  async reach(server) {
    if (this.left || this.running.has("server")) return;
    try {
      const { up } = await call(`/api/judge/reach${serverQuery(server)}`, {});
      if (server !== this.server) return; // the reader has typed another address
      if (up && this.away) {
        this.away = false;
        this.say(`${this.address} is back.`);
        await this.judge("server", this.again());
        return;
      }
      if (!up && !this.away) {
        this.away = true;
        this.waitingSince = Date.now();
        this.say(`${this.address} does not answer any more. This page judges it again as soon as it answers.`);
      }
    } catch (e) {
      // While the lab server does not answer, ask again at the next turn. A restarted lab server needs the address
      // again.
      if (server === this.server && e instanceof ApiError && !away(e.status)) {
        this.server = "";
        return this.refuse(e);
      }
    }
    this.wait();
  }

  /** The cases to run against a server that is back; undefined means all. @returns {string[]|undefined} */
  again = () => undefined;

  // ——— this browser ———

  /**
   * Opens a socket to the judge for each case, and echoes. The address of each
   * socket has the number of its case: after failures at one address, Firefox waits
   * longer and longer before it connects there again. At the end, the cases that
   * timed out run again, one socket at a time.
   * @param {{judge: string, url: string, cases: CaseInfo[]}} answer
   */
  async echo({ judge, url, cases }) {
    const base = location.origin.replace(/^http/, "ws") + url;
    const run = this.running.get("browser");
    const goesOn = () => !this.left && this.running.get("browser") === run;
    /** @param {number} number */
    const one = async (number) => {
      const events = await echoOnce(`${base}/${number}`, cases[number - 1].subprotocols);
      await tellScript(judge, number, events);
    };
    let at = 0;
    const next = async () => {
      while (at < cases.length && goesOn()) await one(++at);
    };
    await Promise.all(Array.from({ length: Math.min(sockets, cases.length) }, next));
    for (const number of (await run?.repeats) || []) if (goesOn()) await one(number);
  }

  // ——— one case, recorded ———

  /** The endpoints of a case, in the order of their columns. @param {CaseInfo} info */
  endpointsOf(info) {
    if (info.judges === "client") return [browserName];
    return [...(this.server && !this.away ? [hostOf(this.address)] : []), ...this.own];
  }

  /** The names of the lab's own servers. */
  get own() {
    return this.matrix.columns.filter((c) => c.kind === "own").map((c) => c.name);
  }

  /** Runs a case once more, recorded. @param {CaseInfo} info @returns {Promise<Played>} */
  async play(info) {
    const { session, reports, texts, crossed, aligned } = info.judges === "client" ? await this.playHere(info) : await call(`/api/judge/case${this.away ? "" : serverQuery(this.server)}`, { case: info.id, endpoints: this.own });
    for (const r of reports) {
      const changed = this.matrix.report(r);
      if (changed) this.screen.line(changed.line);
    }
    return { session, reports, texts, crossed, aligned };
  }

  /** Runs a case for clients in this tab. @param {CaseInfo} info */
  async playHere(info) {
    const answer = await call("/api/judge/client", { cases: [info.id], record: true, tells: true });
    /** @type {Report[]} */
    const reports = [];
    /** @type {Promise<{aligned: Aligned, text: string, crossed: string}>} */
    const over = new Promise((resolve, reject) => {
      /** @param {string} why */
      const fail = (why) => {
        lines.close();
        reject(new Error(why));
      };
      const lines = new Lines(
        `/api/judge/${answer.judge}/events`,
        (line) => {
          if (!line.over) return reports.push(line);
          if (line.error) return fail(line.error);
          lines.close();
          resolve(line);
        },
        (status) => status !== "live" && fail(status === "gone" ? goneText : awayText),
      );
      lines.open();
      window.addEventListener("pagehide", () => fail("You left this page, which closed the socket of this case. Press Run again."), { once: true });
    });
    echoOnce(`${location.origin.replace(/^http/, "ws")}${answer.url}/1`, info.subprotocols).then((events) => tellScript(answer.judge, 1, events));
    const { aligned, text, crossed } = await over;
    return { session: answer.session, reports, texts: [text], crossed: [crossed], aligned };
  }
}

/** The host of an address, which names its column. @param {string} address */
export function hostOf(address) {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}

/** The query that names the learner's server; empty if there is none. @param {string} server */
const serverQuery = (server) => (server ? `?server=${encodeURIComponent(server)}` : "");

/**
 * Ends a run that no page will show. The request is sent even while the reader
 * leaves the page.
 * @param {string} judge
 */
function endRun(judge) {
  fetch(`/api/judge/${judge}/stop`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
}

/**
 * Reports to the judge the events that JavaScript received for a socket. A run that
 * has ended ignores the report.
 * @param {string} judge
 * @param {number} number
 * @param {import("./compare.js").ScriptEvent[]} events
 */
const tellScript = (judge, number, events) => call(`/api/judge/${judge}/script`, { number, events }).catch(() => {});
