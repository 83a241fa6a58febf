/**
 * The matrix of cases: what each endpoint made of each, as the runs tell it. A
 * row opens the case: it is played once more, recorded, and shown bit by bit.
 *
 * @typedef {import("../compare.js").CaseInfo} CaseInfo
 * @typedef {import("../compare.js").Column} Column
 * @typedef {import("../compare.js").Line} Line
 * @typedef {import("../compare.js").Report} Report
 */

import { LabElement, attempt, button, h, hit, onLeaving } from "./dom.js";
import { bench } from "./bench.js";
import { ApiError, Lines, away, call, presence } from "../api.js";
import { words as why } from "../lab.js";
import { count, grouped } from "../format.js";
import { recall, remember } from "../store.js";
import { Matrix, because, browserName, caseOf, echoOnce, everything, glyphs, isMirrored, nameOf, pollAfter, said, scriptText, sectionOf, serverAddress, tally, tallyWords, words } from "../compare.js";
import { openCase } from "./case.js";

const sockets = 4; // of this browser at once

const awayText = "The lab server does not answer. Start it again with go run ./labserver. This page keeps trying.";
const goneText = "The lab server restarted, and this run ended with it. Press Judge to begin again.";

export class WsCompare extends LabElement {
  static tag = "ws-compare";

  matrix = new Matrix();
  filter = { ...everything };
  /**
   * Runs under way by their kind, with how many reports of each column have come, and what to call with the numbers of the
   * cases that are asked once more.
   * @type {Map<string, {judge: string, lines: Lines, columns: Column[], told: Map<string, number>, stopped: boolean, again: (numbers: number[]) => void, repeats: Promise<number[]>}>}
   */
  running = new Map();
  /** @type {Map<string, object>} runs that have been asked for, until the answer has come */
  begun = new Map();
  /** @type {Line[]} */
  shown = [];
  /** @type {Map<Line, {row: HTMLElement, cells: Map<string, HTMLElement>}>} */
  drawn = new Map();
  /** @type {Set<Line>} */
  stale = new Set();
  at = 0; // of the row that has the Tab stop
  open = "";
  address = ""; // of the learner's server, for which the reader pressed the button in this page
  server = ""; // the ID that the lab server gave for it
  said = { text: "", failed: false }; // what the notice says while the lab server is there
  away = false; // the learner's server
  waitingSince = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;
  scheduled = false;

  bar = h("div", { class: "bar" });
  form = h("form", { class: "server" });
  notice = h("p", { class: "notice", role: "status" });
  risk = h("div", { class: "risk", role: "note" });
  wrong = h("div", { class: "wrongs" });
  filters = h("div", { class: "filters" });
  grid = h("div", { class: "matrix", role: "grid", "aria-label": "Cases and what each endpoint made of them" });
  spoken = h("div", { class: "hide", "aria-live": "polite" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.build();
    window.addEventListener("hashchange", () => this.route(), { signal });
    onLeaving((kept) => this.leave(kept), () => this.back(), signal);
    document.addEventListener("ws-shut", () => this.closed(), { signal });
    presence.addEventListener("change", () => this.present(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.wait(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
    this.on("click", (e) => this.clicked(e));
    this.on("input", (e) => this.filtering(e));
    this.on("submit", (e) => {
      e.preventDefault();
      this.submit();
    });
    this.grid.addEventListener("keydown", (e) => this.key(e), { signal });
    this.on("keydown", (e) => {
      if (e.key === "Escape" && !e.defaultPrevented && !hit(e, "input, select") && bench()?.shut()) e.preventDefault();
    });
    attempt(() => this.load());
  }

  build() {
    const search = h("input", { type: "search", name: "text", placeholder: "5.5/ping-of-126, ping, utf8 …", "aria-label": "Words, number or rule", autocomplete: "off" });
    const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) =>
      h("label", {}, h("span", { class: "hide" }, label), h("select", { name }, ...options.map(([value, text]) => h("option", { value }, text))));
    this.filters.replaceChildren(
      search,
      choice("section", "Section", [["", "every section"]]),
      choice("verdict", "Verdict", [["", "every verdict"], ["fail", "× fail"], ["no-answer", "∅ no answer in time"], ["not-judged", "? not judged"], ["warning", "≈ warning"], ["note", "i note"], ["pass", "✔ pass"], ["differs", "≠ they differ"], ["differs:reference,gorilla", "≠ reference, gorilla"], ["none", "not played yet"]]),
      choice("keyword", "Keyword", [["", "MUST, SHOULD, MAY"], ["MUST", "MUST"], ["SHOULD", "SHOULD"], ["MAY", "MAY"]]),
      h("span", { class: "found soft", role: "status" }),
    );
    this.form.replaceChildren(
      h("label", {}, h("span", {}, "your own server "), h("input", { name: "server", value: linked(), placeholder: "ws://localhost:9000/", autocomplete: "off", spellcheck: "false", inputmode: "url" })),
      h("button", {}, "Judge it"),
      h("output", { class: "failed" }),
    );
    this.replaceChildren(
      h("p", { class: "goal" }, "Each row is one test, run on its own connection. The first sign is for what the endpoint did, the second for how the connection ended: ✔ pass, i note (legal), ≈ warning (breaks a SHOULD or is lax), × fail (breaks a MUST), ∅ no answer in time, ? not judged. Open a row to see everything that was sent, down to the first wrong bit."),
      h("div", { class: "orders" }, this.bar, this.form),
      this.notice,
      this.risk,
      this.wrong,
      this.filters,
      this.grid,
      this.spoken,
    );
  }

  async load() {
    this.route(false);
    try {
      const { cases, endpoints } = await call("/api/judge/cases");
      this.matrix.take(cases);
      this.matrix.columns = [
        ...(this.address ? [{ name: this.hostOf(this.address), label: this.hostOf(this.address), kind: /** @type {const} */ ("server") }] : []),
        ...endpoints.map((/** @type {string} */ name) => ({ name, label: name, kind: "own" })),
        { name: browserName, label: browserName, kind: "browser" },
      ];
    } catch (e) {
      return this.refuse(e);
    }
    const select = this.filters.querySelector("[name=section]");
    if (select) select.append(...this.matrix.sections.map((s) => h("option", { value: s }, /^\d/.test(s) ? `§${s}` : s)));
    this.draw();
    const kept = recall("session", "judge");
    if (typeof kept === "string") this.follow("own", kept, this.matrix.columns.filter((c) => c.kind === "own"), "");
    this.redraw();
    this.route();
    // A page before this one, which the browser may keep, had the learner's server judged.
    const left = recall("session", "judge:server");
    remember("session", "judge:server", undefined);
    if (typeof left === "string") end(left);
    if (linked() && !this.address) this.say(`Press Judge it to have ${linked()} judged.`);
  }

  /** @param {string} address */
  hostOf(address) {
    try {
      return new URL(address).host;
    } catch {
      return address;
    }
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.said = { text, failed };
    this.drawNotice();
  }

  /** Nothing else is known of the runs while the lab server does not answer. */
  drawNotice() {
    const { text, failed } = presence.away ? { text: awayText, failed: true } : this.said;
    this.notice.classList.toggle("failed", failed);
    this.notice.textContent = text;
  }

  /** The lab server came or went. */
  present() {
    this.drawNotice();
    if (presence.away) return;
    if (!this.matrix.lines.length) attempt(() => this.load());
    else this.wait();
  }

  /** Says why something could not be done: while the lab server is away that, and then what to do. @param {unknown} e */
  refuse(e) {
    if (e instanceof ApiError && away(e.status)) this.say("The lab server is back. Press the button again.");
    else this.say(why(e), true);
  }

  // ——— the address ———

  /** @param {boolean} [opens] */
  route(opens = true) {
    const { hash } = location;
    const map = hash.startsWith("#headers");
    this.hidden = map;
    for (const a of document.querySelectorAll("main.compare .tabs a")) {
      const is = a.getAttribute("href") === "#headers" ? map : !map;
      if (is) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    const id = caseOf(hash);
    if (opens && !id) bench()?.shut(); // the reader went elsewhere
    if (map || !opens) return;
    document.title = "Compare · wslab";
    if (id && id !== this.open) attempt(() => this.show(id));
  }

  closed() {
    if (!this.open) return;
    this.open = "";
    this.mark();
    if (caseOf(location.hash)) history.replaceState(null, "", `${location.pathname}${location.search}#cases`);
  }

  // ——— judging ———

  /** The run that a column takes part in. @param {Column} column */
  runOf(column) {
    return [...this.running.values()].find((r) => r.columns.includes(column));
  }

  /**
   * The cases that the filter leaves to a run, undefined when it leaves them all.
   * @param {Column["kind"]} kind
   */
  chosen(kind) {
    if (this.shown.length === this.matrix.lines.length) return undefined;
    const column = this.matrix.columns.find((c) => c.kind === kind);
    return column ? this.shown.flatMap((l) => this.matrix.asked(l, column)?.id || []) : [];
  }

  /**
   * Judges what the filter leaves, or the cases that were not sent because they have frozen a browser.
   * @param {Column["kind"]} kind
   * @param {string[]} [risky]
   */
  async judge(kind, risky) {
    if (this.running.has(kind) || this.begun.has(kind)) return;
    const columns = this.matrix.columns.filter((c) => c.kind === kind);
    if (!columns.length) return;
    const cases = risky || this.chosen(kind);
    if (cases && !cases.length) return this.say("The filter leaves no case that this could be judged by.", true);
    const ask = { own: { endpoints: columns.map((c) => c.name), cases }, server: { cases }, browser: { cases, tells: true, risky: !!risky } }[kind];
    const turn = {};
    this.begun.set(kind, turn);
    try {
      const answer = await call(kind === "browser" ? "/api/judge/client" : `/api/judge${kind === "server" ? serverQuery(this.server) : ""}`, ask);
      if (this.begun.get(kind) !== turn) return end(answer.judge); // another address was written meanwhile
      this.begun.delete(kind);
      for (const c of columns) this.matrix.forget(c, cases && this.matrix.lines.filter((l) => cases.includes(this.matrix.asked(l, c)?.id || "")));
      if (kind === "own") remember("session", "judge", answer.judge);
      this.follow(kind, answer.judge, columns, goneText);
      this.say("");
      if (kind === "browser") this.echo(answer);
      this.wrongs();
      this.redraw();
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

  /** Lets go of a run, whatever it has come to, and of what it told. @param {Column["kind"]} kind */
  abandon(kind) {
    this.begun.delete(kind);
    const run = this.running.get(kind);
    this.running.delete(kind);
    for (const c of this.matrix.columns.filter((c) => c.kind === kind)) this.matrix.forget(c);
    if (!run) return;
    run.lines.close();
    end(run.judge);
  }

  /**
   * Ends the runs that nobody will look at: the lab's own servers are judged on for a page that is
   * loaded again, the learner's for one that is kept. A page that is left has no sockets to judge.
   * @param {boolean} kept
   */
  leave(kept) {
    for (const [kind, run] of this.running) {
      run.lines.pause();
      if (kind === "browser" || (kind === "server" && !kept)) end(run.judge);
    }
    remember("session", "judge:server", kept ? this.running.get("server")?.judge : undefined);
  }

  /** Takes up the runs of a page that was kept. */
  back() {
    remember("session", "judge:server", undefined);
    for (const [kind, run] of this.running) {
      if (kind === "browser") this.told(kind, { over: true, error: "You left this page, so judging this browser stopped. Press Judge this browser to begin again." });
      else run.lines.open();
    }
    this.wait();
  }

  /** @param {"own"|"server"|"browser"} kind @param {any} line a report, a wish to play some once more, or that the run is over */
  told(kind, line) {
    const run = this.running.get(kind);
    if (!run) return;
    if (line.repeat) return run.again(line.repeat);
    if (!line.over) {
      const changed = this.matrix.report(line);
      if (changed) this.stale.add(changed.line);
      run.told.set(line.endpoint, (run.told.get(line.endpoint) || 0) + 1);
      this.soon();
      return;
    }
    run.lines.close();
    run.again([]);
    this.running.delete(kind);
    for (const c of run.columns) this.matrix.habit(c, line.habits || []);
    for (const c of run.columns) this.matrix.diagnose(c, line.mistakes || [], run.told.get(c.name) || 0);
    this.wrongs();
    const who = run.columns.map((c) => c.label).join(", ");
    const counted = run.columns.map((c) => `${c.label}: ${tallyWords(this.matrix.counts(c))}`).join("; ");
    if (line.error) {
      this.say(kind === "server" && line.away ? `${this.address}: ${line.error}${line.error.endsWith(".") ? "" : "."} It will be judged as soon as it answers.` : line.error, !run.stopped);
      presence.check(); // the lab server may have ended it as it left
    }
    if (line.gone) remember("session", "judge", undefined);
    this.spoken.textContent = line.error || (line.gone ? "" : `${who} judged. ${counted}`);
    if (kind === "server") {
      this.away = !!line.away;
      this.waitingSince = Date.now();
      this.wait();
    }
    this.redraw();
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

  /**
   * Opens the judge's socket once for each case, and echoes. Each has an address of its own, by the
   * number of its case: where some cases have failed, Firefox would wait longer and longer before it
   * goes there again. What ran out of time is asked once more at the end, one socket at a time.
   * @param {{judge: string, url: string, cases: CaseInfo[]}} answer
   */
  async echo({ judge, url, cases }) {
    const base = location.origin.replace(/^http/, "ws") + url;
    const run = this.running.get("browser");
    const goesOn = () => this.isConnected && this.running.get("browser") === run;
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

  /** Asks now and then whether the learner's server is there, and judges it anew when it comes back. */
  wait() {
    clearTimeout(this.timer);
    if (!this.server || document.hidden || this.running.has("server") || !this.waitingSince) return;
    const ms = pollAfter(this.away, Date.now() - this.waitingSince);
    if (!ms) return this.say(`This page no longer asks for ${this.address}. Press Judge it to judge it now.`);
    const { server } = this;
    this.timer = setTimeout(async () => {
      if (!this.isConnected || this.running.has("server")) return;
      try {
        const { up } = await call(`/api/judge/reach${serverQuery(server)}`, {});
        if (server !== this.server) return; // another was written meanwhile
        if (up && this.away) {
          this.away = false;
          this.say(`${this.address} is back.`);
          await this.judge("server");
          return;
        }
        if (!up && !this.away) {
          this.away = true;
          this.waitingSince = Date.now();
          this.say(`${this.address} does not answer any more. It will be judged again as soon as it answers.`);
        }
      } catch (e) {
        // While the lab server is away, the next turn asks again. One that was restarted needs the address again.
        if (server === this.server && e instanceof ApiError && !away(e.status)) {
          this.server = "";
          return this.refuse(e);
        }
      }
      this.wait();
    }, ms);
  }

  submit() {
    const input = this.form.querySelector("input");
    const output = this.form.querySelector("output");
    if (!input || !output) return;
    const read = serverAddress(input.value);
    output.textContent = "error" in read ? read.error : "";
    if ("error" in read) return input.focus();
    const same = read.url === this.address;
    if (!same) {
      this.abandon("server");
      this.away = false;
      this.waitingSince = 0;
      this.server = "";
    }
    this.address = read.url;
    input.value = read.url;
    const name = this.hostOf(read.url);
    history.replaceState(null, "", `${location.pathname}?server=${encodeURIComponent(read.url)}${location.hash}`);
    if (!same || !this.matrix.columns.some((c) => c.kind === "server")) {
      this.matrix.columns = [{ name, label: name, kind: "server" }, ...this.matrix.columns.filter((c) => c.kind !== "server")];
      this.draw();
      this.wrongs();
    }
    attempt(() => this.register(read.url));
  }

  /**
   * Has the server at an address judged. The lab server dials no address but one that it received here,
   * and only the reader's press leads here: a link to this page, from any site, makes the lab dial nothing.
   * @param {string} address
   */
  async register(address) {
    try {
      const { server } = await call("/api/judge/server", { address });
      if (address !== this.address) return; // another was written meanwhile
      this.server = server;
    } catch (e) {
      if (address === this.address) this.refuse(e);
      return;
    }
    await this.judge("server");
  }

  // ——— drawing ———

  soon() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.freshen();
    });
  }

  /** Brings what has changed up to date. */
  freshen() {
    const hides = this.filter.verdict && this.stale.size > 0;
    for (const line of this.stale) this.fill(line);
    this.stale.clear();
    this.head();
    if (hides) this.sift();
  }

  redraw() {
    for (const line of this.matrix.lines) this.stale.add(line);
    this.soon();
  }

  /** The whole matrix, for other columns. */
  draw() {
    const { columns, lines } = this.matrix;
    this.grid.style.setProperty("--columns", String(columns.length));
    this.grid.setAttribute("aria-rowcount", String(lines.length + 1));
    this.drawn.clear();
    /** @type {HTMLElement[]} */
    const rows = [h("div", { class: "line names", role: "row" })];
    for (const line of lines) {
      const c = this.matrix.about(line);
      const cells = new Map(columns.map((column) => [column.name, h("div", { class: "cell", role: "gridcell", "data-column": column.name })]));
      const row = h(
        "div",
        { class: "line", role: "row", tabindex: -1, "data-id": line.id },
        h("div", { class: "id", role: "rowheader" }, h("b", {}, sectionOf(line.id)), " ", h("span", { class: "keyword soft" }, c.keyword)),
        h("div", { class: "title", role: "gridcell" }, h("b", { class: "number", "aria-hidden": "true" }, `${sectionOf(line.id)} `), c.title, " ", h("code", { class: "name soft" }, nameOf(line.id))),
        ...cells.values(),
      );
      this.drawn.set(line, { row, cells });
      rows.push(row);
      this.fill(line);
    }
    this.grid.replaceChildren(...rows);
    this.head();
    this.sift();
  }

  /** @param {Line} line */
  fill(line) {
    const drawn = this.drawn.get(line);
    if (!drawn) return;
    const told = [];
    for (const column of this.matrix.columns) {
      const cell = drawn.cells.get(column.name);
      if (!cell) continue;
      const asks = this.matrix.asked(line, column);
      const r = this.matrix.of(line, column);
      const key = r ? `${r.verdict} ${r.closing} ${r.reason}` : asks ? (this.runOf(column) ? "runs" : "none") : "never";
      if (asks) told.push(`${column.label}: ${said(r)}`);
      if (cell.dataset.key === key) continue;
      cell.dataset.key = key;
      cell.title = r ? [because(r), r.says, ...(r.script?.length ? [`JavaScript was told: ${r.script.map(scriptText).join("; ")}.`] : [])].filter(Boolean).join(" ") : asks ? "" : "This is not asked of it.";
      if (r) cell.replaceChildren(mark(r.verdict), mark(r.closing));
      else cell.replaceChildren(h("span", { class: "soft" }, asks ? (key === "runs" ? "…" : "·") : ""));
    }
    drawn.row.setAttribute("aria-label", `${line.id} ${this.matrix.about(line).title}. ${told.join(". ")}`);
  }

  /** What seems to be wrong with each; one that has not changed stays as it is, open or not. */
  wrongs() {
    const { columns, wrong } = this.matrix;
    const here = new Map([...this.wrong.children].map((old) => [old.getAttribute("data-of"), old]));
    /** @param {string} of @param {object|undefined} told @param {() => HTMLElement} make */
    const kept = (of, told, make) => {
      if (!told) return [];
      const key = JSON.stringify(told);
      const old = here.get(of);
      if (old && madeOf.get(old) === key) return [old];
      const made = make();
      madeOf.set(made, key);
      return [made];
    };
    const list = columns.flatMap((column) => {
      const told = wrong.get(column.name);
      const habits = this.matrix.habits.get(column.name) || [];
      return [...kept(column.name, told, () => wrongWith(column, /** @type {any} */ (told))), ...kept(`${column.name} in many cases`, habits.length ? habits : undefined, () => habitsOf(column, habits))];
    });
    for (const old of here.values()) if (!list.includes(old)) old.remove();
    list.forEach((one, i) => this.wrong.children[i] === one || this.wrong.insertBefore(one, this.wrong.children[i] || null));
  }

  /** What was not sent to this browser, and the button that sends it. */
  risks() {
    const column = this.matrix.columns.find((c) => c.kind === "browser");
    const cases = column && !this.running.has("browser") ? this.matrix.withheld(column) : [];
    const key = cases.join();
    if (this.risk.dataset.key === key) return;
    this.risk.dataset.key = key;
    this.risk.replaceChildren(
      ...(cases.length
        ? [
            h("p", {}, h("b", {}, `${count(cases.length, "response")} ${cases.length === 1 ? "was" : "were"} not sent to this browser`), " (", ...shownBy(cases), `): ${cases.length === 1 ? "it has" : "they have"} client_max_window_bits=8, which this browser did not offer. Firefox 153 freezes when it receives that.`),
            h("p", {}, button("Send it and risk a freeze", { "data-risky": "" }), h("span", { class: "soft" }, " If the browser freezes, all its windows stop responding, and you must end it from outside. Save your work in other tabs first.")),
          ]
        : []),
    );
  }

  /** The names of the columns with their counts, and the buttons. */
  head() {
    const names = this.grid.querySelector(".names");
    if (!names) return;
    const { matrix } = this;
    const kinds = new Set(this.running.keys());
    const key = matrix.columns.map((c) => `${c.name} ${tally(matrix.counts(c))} ${kinds.has(c.kind)}`).join();
    if (names instanceof HTMLElement && names.dataset.key !== key) {
      names.dataset.key = key;
      names.replaceChildren(
        h("div", { class: "id", role: "columnheader" }, "case"),
        h("div", { class: "title", role: "columnheader" }, "asks"),
        ...matrix.columns.map((c) => {
          const n = matrix.counts(c);
          const done = n.asked - n.none;
          const runs = kinds.has(c.kind);
          return h("div", { class: "cell", role: "columnheader", title: "behaviour, then how the connection ended" }, h("b", {}, ...c.label.split(/(?<=:)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]))), h("span", { class: "tally", title: tallyWords(n) || null }, done ? tally(n) : "not judged"), runs ? h("progress", { max: n.asked, value: done, "aria-label": `${c.label}: ${done} of ${n.asked}` }) : "");
        }),
      );
    }
    this.buttons(kinds);
    this.risks();
  }

  /** @param {Set<string>} kinds that run */
  buttons(kinds) {
    const own = this.matrix.columns.filter((c) => c.kind === "own");
    const some = this.shown.length < this.matrix.lines.length;
    const again = own.every((c) => !this.matrix.counts(c).none);
    const key = [[...kinds].sort(), this.server, again, some && this.shown.length].join();
    if (this.bar.dataset.key === key || !this.matrix.lines.length) return;
    this.bar.dataset.key = key;
    const names = own.map((c) => c.label).join(", ");
    const cases = this.matrix.lines.filter((l) => l.server).length;
    /** @param {Column["kind"]} kind */
    const these = (kind) => {
      const n = this.chosen(kind)?.length;
      return n === undefined ? "" : ` by ${n === 1 ? "this case" : `these ${grouped(n)}`}`;
    };
    /** @param {Column["kind"]} kind @param {string} label @param {string} [primary] */
    const run = (kind, label, primary) => (kinds.has(kind) ? button(`Stop ${kind === "own" ? "judging" : kind === "server" ? "judging it" : "this browser"}`, { "data-stop": kind }) : button(label, { "data-judge": kind, class: primary }));
    const on = document.activeElement;
    const focus = on instanceof HTMLElement && this.bar.contains(on) ? on.dataset.judge || on.dataset.stop : "";
    this.bar.replaceChildren(
      run("own", some ? `Judge ${names}${these("own")}` : again ? "Judge all again" : `Judge ${names}: ${count(cases, "case")} each`, again ? "" : "primary"),
      run("browser", `Judge this browser${these("browser")}`),
      this.server ? run("server", `Judge ${this.hostOf(this.address)}${these("server") || " again"}`) : "",
    );
    if (focus) /** @type {HTMLElement|null} */ (this.bar.querySelector(`[data-judge=${focus}], [data-stop=${focus}]`))?.focus({ preventScroll: true });
  }

  /** Shows the lines that the filter leaves. */
  sift() {
    const { matrix } = this;
    this.shown = matrix.filtered(this.filter);
    const shown = new Set(this.shown);
    let section = "";
    for (const line of matrix.lines) {
      const drawn = this.drawn.get(line);
      if (!drawn) continue;
      const here = shown.has(line);
      drawn.row.hidden = !here;
      const is = sectionOf(line.id);
      drawn.row.classList.toggle("begins", here && is !== section);
      if (here) section = is;
    }
    const found = this.filters.querySelector(".found");
    if (found) found.textContent = this.shown.length === matrix.lines.length ? `${count(this.shown.length, "case")}` : `${grouped(this.shown.length)} of ${count(matrix.lines.length, "case")}`;
    this.at = Math.max(0, Math.min(this.at, this.shown.length - 1));
    this.tabStop();
    this.buttons(new Set(this.running.keys()));
  }

  /** The one row that Tab leads to. */
  tabStop() {
    for (const { row } of this.drawn.values()) row.tabIndex = -1;
    const line = this.shown[this.at];
    const drawn = line && this.drawn.get(line);
    if (drawn) drawn.row.tabIndex = 0;
  }

  /** Brings the row of a case into sight, and the Tab stop to it. @param {string} id */
  reveal(id) {
    const line = this.matrix.line(id);
    const row = line && this.drawn.get(line)?.row;
    if (!line || !row) return;
    if (this.shown.includes(line)) this.at = this.shown.indexOf(line);
    this.tabStop();
    // Rows out of sight have a guessed height, so where it stands is known some frames later.
    let frames = 6;
    const look = () => {
      row.scrollIntoView({ block: "nearest" });
      if (--frames) requestAnimationFrame(look);
    };
    look();
  }

  /** Marks the row that is open. */
  mark() {
    const line = this.open ? this.matrix.line(this.open) : undefined;
    for (const [l, { row }] of this.drawn) row.classList.toggle("open", l === line);
  }

  // ——— what the reader does ———

  /** @param {Event} e */
  filtering(e) {
    const on = e.target;
    // What was wrong with an address is not said of another.
    if (on instanceof HTMLInputElement && on.name === "server") this.form.querySelector("output")?.replaceChildren();
    if (!(on instanceof HTMLInputElement || on instanceof HTMLSelectElement) || !(on.name in this.filter)) return;
    this.filter = { ...this.filter, [on.name]: on.value };
    this.at = 0;
    this.sift();
  }

  /** @param {Event} e */
  clicked(e) {
    const on = hit(e, "button");
    const row = hit(e, ".line[data-id]");
    const link = /** @type {HTMLAnchorElement|null} */ (hit(e, ':is(.wrong, .habits, .risk) a[href^="#"]'));
    const { judge, stop } = on?.dataset || {};
    const browser = this.matrix.columns.find((c) => c.kind === "browser");
    if (on?.dataset.risky !== undefined && browser) attempt(() => this.judge("browser", this.matrix.withheld(browser)));
    else if (judge) attempt(() => this.judge(/** @type {Column["kind"]} */ (judge)));
    else if (stop) attempt(() => this.stop(/** @type {Column["kind"]} */ (stop)));
    else if (link && !e.defaultPrevented && e instanceof MouseEvent && !(e.ctrlKey || e.metaKey || e.shiftKey || e.altKey)) {
      e.preventDefault(); // Back is not to lead through cases
      attempt(() => this.show(caseOf(link.hash), false)); // what is being read stays in sight
    } else if (row) this.choose(row.dataset.id || "", hit(e, ".cell")?.dataset.column);
  }

  /**
   * Opens a line's case: that of clients from their column, or where it is alone.
   * @param {string} id
   * @param {string} [column]
   */
  choose(id, column) {
    const line = this.matrix.line(id);
    if (!line) return;
    this.at = Math.max(0, this.shown.indexOf(line));
    this.tabStop();
    const c = (column === browserName && line.client) || line.server || line.client;
    if (c) attempt(() => this.show(c.id));
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.shown.length) return;
    const page = 12;
    /** @type {Record<string, number>} */
    const to = { ArrowUp: this.at - 1, ArrowDown: this.at + 1, PageUp: this.at - page, PageDown: this.at + page, Home: 0, End: this.shown.length - 1 };
    if (e.key === "Enter") {
      e.preventDefault();
      return this.choose(this.shown[this.at].id);
    }
    if (to[e.key] === undefined) return;
    e.preventDefault();
    this.at = Math.max(0, Math.min(this.shown.length - 1, to[e.key]));
    this.tabStop();
    const row = this.drawn.get(this.shown[this.at])?.row;
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  /**
   * Plays a case once more and opens it.
   * @param {string} id
   * @param {boolean} [reveals] whether its row is brought into sight
   */
  async show(id, reveals = true) {
    const info = this.matrix.cases.get(id);
    const section = info ? "" : this.matrix.numbered(id);
    if (section) return this.lead(id, section);
    if (!info) {
      if (this.matrix.lines.length) this.say(`There is no case ${id}.`, true);
      return;
    }
    this.open = id;
    this.mark();
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    const own = this.matrix.columns.filter((c) => c.kind === "own").map((c) => c.name);
    const endpoints = info.judges === "client" ? [browserName] : [...(this.server && !this.away ? [this.hostOf(this.address)] : []), ...own];
    const opened = openCase(info, endpoints, {
      play: () => this.play(info, own),
      again: () => this.show(id),
      next: (by) => this.step(id, by),
    });
    if (reveals) this.reveal(id); // now that the bench has taken its room
    await opened;
  }

  /** Shows a section in place of a case that an old address names by a number. @param {string} id @param {string} section */
  lead(id, section) {
    const select = this.filters.querySelector("[name=section]");
    if (select instanceof HTMLSelectElement) select.value = section;
    this.filter = { ...this.filter, section };
    this.at = 0;
    this.sift();
    history.replaceState(null, "", `${location.pathname}${location.search}#cases`);
    this.say(`Cases have names now, so the number in the link ${id} does not lead to one case. These are all cases of section ${section}.`);
  }

  /** The case before or behind the one that is open. @param {string} id @param {number} by */
  step(id, by) {
    const line = this.matrix.line(id);
    const among = line && !this.shown.includes(line) ? this.matrix.lines : this.shown; // an address may name one that the filter hides
    const to = line && among[among.indexOf(line) + by];
    if (!to) return;
    const on = bench();
    const row = this.drawn.get(to)?.row;
    if (on && row && on.from?.matches(".line")) on.from = row; // where the focus goes when it is closed
    this.choose(to.id, isMirrored(id) ? browserName : undefined);
  }

  /**
   * @param {CaseInfo} info
   * @param {string[]} own
   * @returns {Promise<{session: string, reports: Report[], texts: string[], crossed: string[], aligned: import("../compare.js").Aligned}>}
   */
  async play(info, own) {
    const { session, reports, texts, crossed, aligned } = info.judges === "client" ? await this.playHere(info) : await call(`/api/judge/case${this.away ? "" : serverQuery(this.server)}`, { case: info.id, endpoints: own });
    for (const r of reports) {
      const changed = this.matrix.report(r);
      if (changed) this.stale.add(changed.line);
    }
    this.soon();
    return { session, reports, texts, crossed, aligned };
  }

  /** Plays a case of clients in this tab. @param {CaseInfo} info */
  async playHere(info) {
    const answer = await call("/api/judge/client", { cases: [info.id], record: true, tells: true });
    /** @type {Report[]} */
    const reports = [];
    /** @type {Promise<{aligned: import("../compare.js").Aligned, text: string, crossed: string}>} */
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
      window.addEventListener("pagehide", () => fail("You left this page, which closed the socket of this case. Press Play again."), { once: true });
    });
    echoOnce(`${location.origin.replace(/^http/, "ws")}${answer.url}/1`, info.subprotocols).then((events) => tellScript(answer.judge, 1, events));
    const { aligned, text, crossed } = await over;
    return { session: answer.session, reports, texts: [text], crossed: [crossed], aligned };
  }
}

/** @type {WeakMap<Element, string>} what a summary was made of */
const madeOf = new WeakMap();

const proofs = 6; // cases that are named at once

/**
 * What seems to be wrong with one, mistakes by their names.
 * @param {Column} column
 * @param {{list: import("../compare.js").Diagnosis[], by: number}} told
 */
function wrongWith(column, { list, by }) {
  return h(
    "details",
    { class: "wrong", "data-of": column.name },
    h("summary", {}, "What seems to be wrong with ", h("b", {}, column.label), h("span", { class: "soft" }, ` ${count(list.length, "mistake")}, of ${count(by, "case")} judged`)),
    h(
      "ol",
      {},
      ...list.map(({ mistake: m, cases }) =>
        h(
          "li",
          {},
          h("p", {}, h("b", {}, m.says), ` ${m.instead}`),
          h("p", {}, `Usually: ${m.usually}.`),
          h("p", { class: "soft" }, h("code", {}, m.code), ", ", ...section(m.section), "; shown by ", ...shownBy(cases)),
        ),
      ),
    ),
  );
}

/**
 * What one does in many cases, each told once.
 * @param {Column} column
 * @param {import("../compare.js").Habit[]} habits
 */
function habitsOf(column, habits) {
  const cases = habits.reduce((n, h) => n + h.cases.length, 0);
  return h(
    "details",
    { class: "habits", "data-of": `${column.name} in many cases`, open: column.kind === "browser" ? "" : null },
    h("summary", {}, "The same in many cases: ", h("b", {}, column.label), h("span", { class: "soft" }, ` ${count(habits.length, "finding")}, ${count(cases, "verdict")}`)),
    h("ul", {}, ...habits.map((one) => h("li", {}, h("p", {}, h("span", { class: `v ${one.verdict}` }, `${glyphs[one.verdict]} ${words[one.verdict]}`), ` in ${count(one.cases.length, "case")}: ${one.says}`), h("p", { class: "soft" }, ...shownBy(one.cases))))),
  );
}

/** A section as "RFC 6455 §5.4", with a link there. @param {string} text */
function section(text) {
  const [, rfc, number] = /^RFC (\d+) §([\d.]+)$/.exec(text) || [];
  return [rfc ? h("a", { href: `https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}` }, text) : text];
}

/** Links to cases; of many, some behind a button. @param {string[]} ids */
function shownBy(ids) {
  const links = ids.map((id) => h("a", { href: `#${id}` }, id));
  const listed = (/** @type {Node[]} */ some) => some.flatMap((a, i) => (i ? [", ", a] : [a]));
  if (ids.length <= proofs + 1) return listed(links);
  const more = button(`${grouped(ids.length - proofs)} more`, { class: "more quiet" });
  more.addEventListener("click", () => {
    more.before(", ", ...listed(links.slice(proofs)));
    links[proofs].focus();
    more.remove();
  });
  return [...listed(links.slice(0, proofs)), " ", more];
}

/** @param {import("../compare.js").Verdict} verdict */
const mark = (verdict) => h("span", { class: `v ${verdict}` }, h("b", {}, glyphs[verdict]), h("span", { class: "say" }, ` ${words[verdict]}`));

/** The address that a link to this page has for the learner's server. It is shown, and not used. */
const linked = () => new URLSearchParams(location.search).get("server") || "";

/** Ends a run that nobody will look at, even while the page is left. @param {string} judge */
function end(judge) {
  fetch(`/api/judge/${judge}/stop`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
}

/**
 * Tells the judge what JavaScript was told of a socket. A run that is over does not ask for it.
 * @param {string} judge
 * @param {number} number
 * @param {import("../compare.js").ScriptEvent[]} events
 */
const tellScript = (judge, number, events) => call(`/api/judge/${judge}/script`, { number, events }).catch(() => {});

/** The query that names the learner's server, empty where there is none. @param {string|undefined} server */
const serverQuery = (server) => (server ? `?server=${encodeURIComponent(server)}` : "");
