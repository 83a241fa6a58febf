/**
 * Runs of the judge for /compare: beginning and stopping them, taking their
 * reports, echoing in this browser, and waiting for the learner's server.
 *
 * @typedef {import("./compare.js").CaseInfo} CaseInfo
 * @typedef {import("./compare.js").Column} Column
 * @typedef {import("./compare.js").Line} Line
 * @typedef {import("./compare.js").Report} Report
 * @typedef {import("./compare.js").Aligned} Aligned
 * @typedef {{session: string, reports: Report[], texts: string[], crossed: string[], aligned: Aligned}} Played one case, run once more and recorded
 *
 * A run under way: told counts the reports of each column; again receives the
 * numbers of the cases that are to be run once more.
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

const sockets = 4; // of this browser at once

const awayText = "The lab server does not answer. Start it again with go run ./labserver. This page keeps trying.";
const goneText = "The lab server restarted, and this run ended with it. Press a Judge button to begin again.";

export class Judging {
  matrix = new Matrix();
  /** @type {Map<string, Run>} by kind of column */
  running = new Map();
  /** @type {Map<string, object>} runs that have been asked for, until the server has answered */
  begun = new Map();
  address = ""; // of the learner's server, for which the reader pressed the button in this page
  server = ""; // the ID that the lab server gave for it
  said = { text: "", failed: false }; // while the lab server is there
  away = false; // the learner's server
  waitingSince = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;
  left = false; // whether the element that shows this has left the page

  /** @param {Screen} screen */
  constructor(screen) {
    this.screen = screen;
  }

  /** Leaves for good: nothing more is asked of the server. */
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
    // A page before this one, which the browser may keep, had the learner's server judged.
    const left = recall("session", "judge:server");
    remember("session", "judge:server", undefined);
    if (typeof left === "string") endRun(left);
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.said = { text, failed };
    this.screen.notice();
  }

  /** The notice. While the lab server does not answer, nothing else is known of the runs. */
  get notice() {
    return presence.away ? { text: awayText, failed: true } : this.said;
  }

  /** Says why something could not be done. @param {unknown} e */
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
   * Judges columns by cases, all where none are given.
   * @param {Column["kind"]} kind
   * @param {string[]} [cases]
   * @param {boolean} [risky] whether they are the cases that have frozen a browser
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
      if (this.begun.get(kind) !== turn) return endRun(answer.judge); // another address was written meanwhile
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
      // An address that may not be judged stays so.
      if (kind === "server" && e instanceof ApiError && e.status === 0) this.wait();
    }
  }

  /**
   * Takes the reports of a run as they come.
   * @param {Column["kind"]} kind
   * @param {string} judge
   * @param {Column[]} columns
   * @param {string} lost what is said when there is no such run any more
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

  /** @param {"own"|"server"|"browser"} kind @param {any} line a report, a wish to run some once more, or that the run is over */
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
      presence.check(); // the lab server may have ended it as it left
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
   * Ends the runs that no page will show: the lab's own servers are judged on for a page that is
   * loaded again, the learner's for one that is kept. A page that is left has no sockets to judge.
   * @param {boolean} kept
   */
  leave(kept) {
    for (const [kind, run] of this.running) {
      run.lines.pause();
      if (kind === "browser" || (kind === "server" && !kept)) endRun(run.judge);
    }
    remember("session", "judge:server", kept ? this.running.get("server")?.judge : undefined);
  }

  /** Continues the runs of a page that was kept. */
  back() {
    remember("session", "judge:server", undefined);
    for (const [kind, run] of this.running) {
      if (kind === "browser") this.told(kind, { over: true, error: "You left this page, so judging this browser stopped. Press Judge this browser to begin again." });
      else run.lines.open();
    }
    this.wait();
  }

  // ——— the learner's server ———

  /** Takes another address, in a column of its own. @param {string} url */
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
   * Has the server at an address judged. The lab server dials no address but one that it received here,
   * and only the reader's press leads here: a link to this page, from any site, makes the lab dial nothing.
   * @param {string} address
   * @param {() => string[]|undefined} cases
   */
  async register(address, cases) {
    try {
      const { server } = await call("/api/judge/server", { address });
      if (address !== this.address) return; // another was written meanwhile
      this.server = server;
    } catch (e) {
      if (address === this.address) this.refuse(e);
      return;
    }
    await this.judge("server", cases());
  }

  /** Asks now and then whether the learner's server is there, and judges it again when it is back. */
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
      if (server !== this.server) return; // another was written meanwhile
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
      // While the lab server is away, the next turn asks again. One that was restarted needs the address again.
      if (server === this.server && e instanceof ApiError && !away(e.status)) {
        this.server = "";
        return this.refuse(e);
      }
    }
    this.wait();
  }

  /** The cases by which a server that is back is judged, undefined for all. @returns {string[]|undefined} */
  again = () => undefined;

  // ——— this browser ———

  /**
   * Opens the judge's socket once for each case, and echoes. Each has an address of its own, by the
   * number of its case: where some cases have failed, Firefox would wait longer and longer before it
   * goes there again. What ran out of time is asked once more at the end, one socket at a time.
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

  /** The endpoints that a case is run at, in the order of their columns. @param {CaseInfo} info */
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

  /** Runs a case of clients in this tab. @param {CaseInfo} info */
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

/** The query that names the learner's server, empty where there is none. @param {string} server */
const serverQuery = (server) => (server ? `?server=${encodeURIComponent(server)}` : "");

/** Ends a run that no page will show, even while the page is left. @param {string} judge */
function endRun(judge) {
  fetch(`/api/judge/${judge}/stop`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
}

/**
 * Reports to the judge the events that JavaScript received for a socket. A run that is over does not ask for it.
 * @param {string} judge
 * @param {number} number
 * @param {import("./compare.js").ScriptEvent[]} events
 */
const tellScript = (judge, number, events) => call(`/api/judge/${judge}/script`, { number, events }).catch(() => {});
