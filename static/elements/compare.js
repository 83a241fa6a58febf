/**
 * The matrix of cases: what each endpoint made of each, as the runs tell it. A
 * row opens the case: it is played once more, recorded, and shown bit by bit.
 *
 * @typedef {import("../compare.js").CaseInfo} CaseInfo
 * @typedef {import("../compare.js").Column} Column
 * @typedef {import("../compare.js").Line} Line
 * @typedef {import("../compare.js").Report} Report
 */

import { LabElement, attempt, button, h, hit } from "./dom.js";
import { bench } from "./bench.js";
import { ApiError, call } from "../api.js";
import { words as why } from "../lab.js";
import { count, grouped } from "../format.js";
import { recall, remember } from "../store.js";
import { Matrix, browserName, caseOf, everything, glyphs, names, pollAfter, said, sectionOf, serverAddress, tally } from "../compare.js";
import { openCase } from "./case.js";

const sockets = 4; // of this browser at once

const awayText = "The lab server does not answer. Start it again with go run ./labserver.";
const goneText = "This run is gone with the old lab server. Judge anew.";

export class WsCompare extends LabElement {
  static tag = "ws-compare";

  matrix = new Matrix();
  filter = { ...everything };
  /** @type {Map<string, {judge: string, source: EventSource, columns: Column[], told: Map<string, number>}>} runs under way by their kind, with how many reports of each column have come */
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
  server = "";
  away = false;
  waitingSince = 0;
  url = ""; // of the socket that judges this browser
  again = 0; // connections to it beyond one for each case
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;
  scheduled = false;

  bar = h("div", { class: "bar" });
  form = h("form", { class: "server" });
  notice = h("p", { class: "notice", role: "status" });
  wrong = h("div", { class: "wrongs" });
  filters = h("div", { class: "filters" });
  grid = h("div", { class: "matrix", role: "grid", "aria-label": "Cases and what each endpoint made of them" });
  spoken = h("div", { class: "hide", "aria-live": "polite" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.server = new URLSearchParams(location.search).get("server") || "";
    this.build();
    window.addEventListener("hashchange", () => this.route(), { signal });
    window.addEventListener("pagehide", () => this.leave(), { signal });
    document.addEventListener("ws-shut", () => this.closed(), { signal });
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
    const search = h("input", { type: "search", name: "text", placeholder: "5.5/3, ping, utf8 …", "aria-label": "Words, number or rule", autocomplete: "off" });
    const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) =>
      h("label", {}, h("span", { class: "hide" }, label), h("select", { name }, ...options.map(([value, text]) => h("option", { value }, text))));
    this.filters.replaceChildren(
      search,
      choice("section", "Section", [["", "every section"]]),
      choice("verdict", "Verdict", [["", "every verdict"], ["fail", "× fail"], ["no-answer", "∅ no answer in time"], ["not-judged", "? not judged"], ["non-strict", "≈ non-strict"], ["info", "i info"], ["pass", "✔ pass"], ["differs", "≠ they differ"], ["differs:reference,gorilla", "≠ reference, gorilla"], ["none", "not played yet"]]),
      choice("keyword", "Keyword", [["", "MUST, SHOULD, MAY"], ["MUST", "MUST"], ["SHOULD", "SHOULD"], ["MAY", "MAY"]]),
      h("span", { class: "found soft", role: "status" }),
    );
    this.form.replaceChildren(
      h("label", {}, h("span", {}, "your own server "), h("input", { name: "server", value: this.server, placeholder: "ws://localhost:9000/", autocomplete: "off", spellcheck: "false", inputmode: "url" })),
      h("button", {}, "Judge it"),
      h("output", { class: "failed" }),
    );
    this.replaceChildren(
      h("p", { class: "goal" }, "Each row asks one thing of an endpoint, in a connection of its own. The first sign judges what it did, the second how the connection ended: ✔ right, ≈ a SHOULD broken, i legal and worth knowing, × a MUST broken, ∅ no answer in time, ? not judged. A row opens the case, down to the first wrong bit."),
      h("div", { class: "orders" }, this.bar, this.form),
      this.notice,
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
        ...(this.server ? [{ name: this.hostOf(this.server), label: this.hostOf(this.server), kind: /** @type {const} */ ("server") }] : []),
        ...endpoints.map((/** @type {string} */ name) => ({ name, label: name, kind: "own" })),
        { name: browserName, label: browserName, kind: "browser" },
      ];
    } catch (e) {
      return this.say(why(e), true);
    }
    const select = this.filters.querySelector("[name=section]");
    if (select) select.append(...this.matrix.sections.map((s) => h("option", { value: s }, /^\d/.test(s) ? `§${s}` : s)));
    this.draw();
    const kept = recall("session", "judge");
    if (typeof kept === "string") this.follow("own", kept, this.matrix.columns.filter((c) => c.kind === "own"), "");
    this.redraw();
    this.route();
    if (!this.server) return;
    // A link on another site may lead here, but must not make the lab dial.
    if (this.hasAttribute("own")) await this.judge("server");
    else this.say(`Press Judge it to have ${this.server} judged.`);
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
    this.notice.classList.toggle("failed", failed);
    this.notice.textContent = text;
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

  /** Judges what the filter leaves. @param {Column["kind"]} kind */
  async judge(kind) {
    if (this.running.has(kind) || this.begun.has(kind)) return;
    const columns = this.matrix.columns.filter((c) => c.kind === kind);
    if (!columns.length) return;
    const cases = this.chosen(kind);
    if (cases && !cases.length) return this.say("The filter leaves no case that this could be judged by.", true);
    const ask = { own: { endpoints: columns.map((c) => c.name), cases }, server: { server: this.server, cases }, browser: { cases } }[kind];
    const turn = {};
    this.begun.set(kind, turn);
    try {
      const answer = await call(kind === "browser" ? "/api/judge/client" : "/api/judge", ask);
      if (this.begun.get(kind) !== turn) return end(answer.judge); // another address was written meanwhile
      this.begun.delete(kind);
      for (const c of columns) this.matrix.forget(c, cases && this.matrix.lines.filter((l) => cases.includes(this.matrix.asked(l, c)?.id || "")));
      if (kind === "own") remember("session", "judge", answer.judge);
      this.follow(kind, answer.judge, columns, goneText);
      this.say("");
      if (kind === "browser") this.echo(answer.url, answer.cases.length);
      this.wrongs();
      this.redraw();
    } catch (e) {
      if (this.begun.get(kind) !== turn) return;
      this.begun.delete(kind);
      this.say(why(e), true);
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
    const source = new EventSource(`/api/judge/${judge}/events`);
    this.running.set(kind, { judge, source, columns, told: new Map() });
    source.onmessage = (e) => this.told(kind, JSON.parse(e.data));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) this.told(kind, { over: true, error: lost, gone: true });
      else this.say(awayText, true); // and the browser asks again and again
    };
    source.onopen = () => {
      if (this.notice.textContent === awayText) this.say("");
    };
  }

  /** Lets go of a run, whatever it has come to, and of what it told. @param {Column["kind"]} kind */
  abandon(kind) {
    this.begun.delete(kind);
    const run = this.running.get(kind);
    this.running.delete(kind);
    for (const c of this.matrix.columns.filter((c) => c.kind === kind)) this.matrix.forget(c);
    if (!run) return;
    run.source.close();
    end(run.judge);
  }

  /** Ends the runs that nobody will look at: the lab's own servers are judged on, for a page that is loaded again. */
  leave() {
    for (const [kind, run] of this.running) {
      run.source.close();
      if (kind !== "own") end(run.judge);
    }
  }

  /** @param {"own"|"server"|"browser"} kind @param {any} line a report, a wish for one more connection, or that the run is over */
  told(kind, line) {
    const run = this.running.get(kind);
    if (!run) return;
    if (line.more) {
      if (kind === "browser" && this.url) echoOnce(`${this.url}/again-${++this.again}`);
      return;
    }
    if (!line.over) {
      const changed = this.matrix.report(line);
      if (changed) this.stale.add(changed.line);
      run.told.set(line.endpoint, (run.told.get(line.endpoint) || 0) + 1);
      this.soon();
      return;
    }
    run.source.close();
    this.running.delete(kind);
    for (const c of run.columns) this.matrix.diagnose(c, line.mistakes || [], run.told.get(c.name) || 0);
    this.wrongs();
    const who = run.columns.map((c) => c.label).join(", ");
    const counted = run.columns.map((c) => `${c.label}: ${tally(this.matrix.counts(c))}`).join(" · ");
    if (line.error) this.say(kind === "server" && line.away ? `${this.server}: ${line.error}${line.error.endsWith(".") ? "" : "."} It is judged as soon as it is there.` : line.error, true);
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
    if (run) await call(`/api/judge/${run.judge}/stop`, {});
  }

  /**
   * Opens the judge's socket once for each case, and echoes. Each has an address of its own: where
   * some cases have failed, Firefox would wait longer and longer before it goes there again.
   * @param {string} path
   * @param {number} cases
   */
  async echo(path, cases) {
    const url = location.origin.replace(/^http/, "ws") + path;
    this.url = url;
    let left = cases;
    const next = async () => {
      while (left-- > 0 && this.isConnected && this.running.has("browser")) await echoOnce(`${url}/${cases - left}`);
    };
    await Promise.all(Array.from({ length: Math.min(sockets, cases) }, next));
  }

  /** Asks now and then whether the learner's server is there, and judges it anew when it comes back. */
  wait() {
    clearTimeout(this.timer);
    if (!this.server || document.hidden || this.running.has("server") || !this.waitingSince) return;
    const ms = pollAfter(this.away, Date.now() - this.waitingSince);
    if (!ms) return this.say(`${this.server} is not asked for any more. Press Judge it to go on.`);
    const { server } = this;
    this.timer = setTimeout(async () => {
      if (!this.isConnected || this.running.has("server")) return;
      try {
        const { up } = await call("/api/judge/reach", { server });
        if (server !== this.server) return; // another was written meanwhile
        if (up && this.away) {
          this.away = false;
          this.say(`${this.server} is back.`);
          await this.judge("server");
          return;
        }
        if (!up && !this.away) {
          this.away = true;
          this.waitingSince = Date.now();
          this.say(`${this.server} has gone. It is judged anew when it is back.`);
        }
      } catch {
        // The lab server is away itself; the next turn tells.
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
    const same = read.url === this.server;
    if (!same) {
      this.abandon("server");
      this.away = false;
      this.waitingSince = 0;
    }
    this.server = read.url;
    input.value = read.url;
    const name = this.hostOf(read.url);
    history.replaceState(null, "", `${location.pathname}?server=${encodeURIComponent(read.url)}${location.hash}`);
    if (!same || !this.matrix.columns.some((c) => c.kind === "server")) {
      this.matrix.columns = [{ name, label: name, kind: "server" }, ...this.matrix.columns.filter((c) => c.kind !== "server")];
      this.draw();
      this.wrongs();
    }
    attempt(() => this.judge("server"));
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
        h("div", { class: "id", role: "rowheader" }, h("b", {}, line.id), " ", h("span", { class: "keyword soft" }, c.keyword)),
        h("div", { class: "title", role: "gridcell" }, h("b", { class: "number", "aria-hidden": "true" }, `${line.id} `), c.title),
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
      cell.title = r ? [r.reason, r.says].filter(Boolean).join(" ") : asks ? "" : "This is not asked of it.";
      if (r) cell.replaceChildren(mark(r.verdict), mark(r.closing));
      else cell.replaceChildren(h("span", { class: "soft" }, asks ? (key === "runs" ? "…" : "·") : ""));
    }
    drawn.row.setAttribute("aria-label", `${line.id} ${this.matrix.about(line).title}. ${told.join(". ")}`);
  }

  /** What seems to be wrong with each; one that has not changed stays as it is, open or not. */
  wrongs() {
    const { columns, wrong } = this.matrix;
    const here = new Map([...this.wrong.children].map((old) => [old.getAttribute("data-of"), old]));
    const list = columns.flatMap((column) => {
      const told = wrong.get(column.name);
      if (!told) return [];
      const key = JSON.stringify(told);
      const old = here.get(column.name);
      if (old && madeOf.get(old) === key) return [old];
      const made = wrongWith(column, told);
      madeOf.set(made, key);
      return [made];
    });
    for (const old of here.values()) if (!list.includes(old)) old.remove();
    list.forEach((one, i) => this.wrong.children[i] === one || this.wrong.insertBefore(one, this.wrong.children[i] || null));
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
          return h("div", { class: "cell", role: "columnheader", title: "behaviour, then how the connection ended" }, h("b", {}, ...c.label.split(/(?<=:)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]))), h("span", { class: "tally" }, done ? tally(n) : "not judged"), runs ? h("progress", { max: n.asked, value: done, "aria-label": `${c.label}: ${done} of ${n.asked}` }) : "");
        }),
      );
    }
    this.buttons(kinds);
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
      this.server ? run("server", `Judge ${this.hostOf(this.server)}${these("server") || " again"}`) : "",
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
    if (!(on instanceof HTMLInputElement || on instanceof HTMLSelectElement) || !(on.name in this.filter)) return;
    this.filter = { ...this.filter, [on.name]: on.value };
    this.at = 0;
    this.sift();
  }

  /** @param {Event} e */
  clicked(e) {
    const on = hit(e, "button");
    const row = hit(e, ".line[data-id]");
    const link = /** @type {HTMLAnchorElement|null} */ (hit(e, '.wrong a[href^="#"]'));
    const { judge, stop } = on?.dataset || {};
    if (judge) attempt(() => this.judge(/** @type {Column["kind"]} */ (judge)));
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
    if (!info) {
      if (this.matrix.lines.length) this.say(`There is no case ${id}.`, true);
      return;
    }
    this.open = id;
    this.mark();
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    const own = this.matrix.columns.filter((c) => c.kind === "own").map((c) => c.name);
    const endpoints = info.judges === "client" ? [browserName] : [...(this.server && !this.away ? [this.hostOf(this.server)] : []), ...own];
    const opened = openCase(info, endpoints, {
      play: () => this.play(info, own),
      again: () => this.show(id),
      next: (by) => this.step(id, by),
    });
    if (reveals) this.reveal(id); // now that the bench has taken its room
    await opened;
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
    this.choose(to.id, id.endsWith("c") ? browserName : undefined);
  }

  /**
   * @param {CaseInfo} info
   * @param {string[]} own
   * @returns {Promise<{session: string, reports: Report[], aligned: import("../compare.js").Aligned}>}
   */
  async play(info, own) {
    const { session, reports, aligned } = info.judges === "client" ? await this.playHere(info.id) : await call("/api/judge/case", { case: info.id, endpoints: own, server: this.server && !this.away ? this.server : undefined });
    for (const r of reports) {
      const changed = this.matrix.report(r);
      if (changed) this.stale.add(changed.line);
    }
    this.soon();
    return { session, reports, aligned };
  }

  /** Plays a case of clients in this tab. @param {string} id */
  async playHere(id) {
    const answer = await call("/api/judge/client", { cases: [id], record: true });
    /** @type {Report[]} */
    const reports = [];
    /** @type {Promise<import("../compare.js").Aligned>} */
    const over = new Promise((resolve, reject) => {
      const source = new EventSource(`/api/judge/${answer.judge}/events`);
      source.onmessage = (e) => {
        const line = JSON.parse(e.data);
        if (!line.over) return reports.push(line);
        source.close();
        if (line.error) reject(new Error(line.error));
        else resolve(line.aligned);
      };
      source.onerror = () => {
        reject(new Error(source.readyState === EventSource.CLOSED ? goneText : awayText));
        source.close();
      };
    });
    echoOnce(location.origin.replace(/^http/, "ws") + answer.url);
    const aligned = await over;
    return { session: answer.session, reports, aligned };
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
const mark = (verdict) => h("span", { class: `v ${verdict}`, title: names[verdict] }, h("b", {}, glyphs[verdict]), h("span", { class: "say" }, ` ${names[verdict]}`));

/** Ends a run that nobody will look at, even while the page is left. @param {string} judge */
function end(judge) {
  fetch(`/api/judge/${judge}/stop`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
}

/** Opens a socket, echoes what comes, and returns when it is closed. @param {string} url */
function echoOnce(url) {
  return new Promise((resolve) => {
    const ws = new WebSocket(url);
    ws.binaryType = "arraybuffer";
    ws.onmessage = (e) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(e.data);
    };
    ws.onclose = () => resolve(undefined);
  });
}
