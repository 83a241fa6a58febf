/**
 * The four ways beside each other: the same events by polling, long polling,
 * Server-Sent Events and WebSocket. The learner orders them by their bytes, runs
 * them, and finds from how many events on WebSocket costs less.
 *
 * @typedef {import("../ways.js").Way} Way
 * @typedef {import("../ways.js").Settings} Settings
 * @typedef {import("../ways.js").Turn} Turn
 */

import { LabElement, button, h, hit, redraw, segment, table } from "./dom.js";
import { percent, svg } from "./svg.js";
import { words } from "../api.js";
import { count, grouped } from "../format.js";
import { Race } from "../race.js";
import { recall, remember } from "../store.js";
import { Costs, delays, median, names, order, result, shortest, steps, total, turn, ways } from "../ways.js";

/** @type {[keyof Settings, string, (value: number) => string][]} */
const sliders = [
  ["rate", "events per second", (v) => grouped(v)],
  ["poll", "a poll every", (v) => `${grouped(v)} ms`],
  ["wait", "long poll ends without news after", (v) => `${grouped(v)} ms`],
  ["up", "messages from the page, each way", (v) => grouped(v)],
];

const lane = 38; // height of a lane of a picture, in pixels

/** @type {[string, "up"|"down", "head"|"data"][]} the parts of a bar, with the words of the legend */
const parts = [
  ["page: headers and framing", "up", "head"],
  ["page: data", "up", "data"],
  ["server: headers and framing", "down", "head"],
  ["server: data", "down", "data"],
];

const stopped = "was stopped";
const blank = { text: "", solved: false, tries: 0, typed: "" };

/** @extends {LabElement<"session" | "sockets">} */
export class WsWays extends LabElement {
  static tag = "ws-ways";

  /** @type {Settings} */
  settings = { rate: 2, count: 20, poll: 300, wait: 2000, up: 0 };
  /** @type {Way[]} the learner's order, the cheapest first */
  guess = ["poll", "long", "events", "socket"];
  locked = false;
  /** @type {Race|null} the run in progress, or the last one */
  race = null;
  /** @type {Costs|null} */
  costs = null;
  began = 0; // when the source began to tick
  starting = false;
  checking = false;
  hidden = false; // whether the tab was hidden during the run
  /** @type {{agrees: boolean}|null} the server's own count, after the run */
  checked = null;
  /** @type {Turn[]} from the last run in which both ways worked: in this browser, and with the header fields that are needed */
  turns = [];
  /** @type {{text: string, solved: boolean, tries: number, typed: string}[]} the learner's answers, by turn */
  answers = [];
  key = "";

  form = h("form", { class: "sliders" });
  orderBox = h("fieldset", { class: "order" });
  start = button("Start run", { class: "primary start" });
  status = h("output", { class: "status" });
  figure = h("div", { class: "figures" });
  numbers = h("div");
  sum = h("section", { class: "turn", hidden: true });

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { session } = this.lab;
    const kept = recall("local", "ways:order");
    if (kept && ways.every((w) => kept.includes(w))) {
      this.guess = kept;
      this.locked = true;
    }
    this.drawForm();
    this.drawOrder();
    this.replaceChildren(h("h3", {}, "The same events, four ways"), this.form, this.orderBox, h("p", { class: "buttons" }, this.start), this.status, this.figure, this.numbers, this.sum);
    this.on("submit", (e) => {
      e.preventDefault();
      const question = e.target instanceof HTMLElement ? e.target.dataset.question : undefined;
      if (question) this.check(Number(question));
    });
    this.on("input", (e) => e.target instanceof HTMLInputElement && this.slide(e.target));
    this.on("click", (e) => this.press(e));
    document.addEventListener("visibilitychange", () => (this.hidden ||= document.hidden), { signal });
    signal.addEventListener("abort", () => this.race?.stop());
    window.addEventListener("pagehide", () => this.race?.stop(), { signal });
    session.addEventListener("fresh", () => this.reset(), { signal });
    session.observe(() => this.render(), signal);
  }

  reset() {
    this.race?.stop();
    this.race = this.costs = this.checked = null;
    this.turns = [];
    this.say("");
  }

  // ——— the form ———

  drawForm() {
    const { settings } = this;
    const rows = sliders.map(([name, label, text]) => {
      const all = steps[name];
      const at = all.indexOf(settings[name]);
      return h("label", {}, h("span", {}, label), h("input", { type: "range", name, min: 0, max: all.length - 1, step: 1, value: at, "aria-valuetext": text(settings[name]) }), h("output", { class: "mono" }, text(settings[name])));
    });
    const counts = segment("Number of events", steps.count.map((n) => [String(n), `${n} events`]), "count", String(settings.count));
    this.form.replaceChildren(h("p", { class: "buttons" }, counts), ...rows);
  }

  /** @param {HTMLInputElement} on */
  slide(on) {
    const slider = sliders.find(([name]) => name === on.name);
    if (!slider) return;
    const [name, , text] = slider;
    const value = steps[name][Number(on.value)];
    this.settings = { ...this.settings, [name]: value };
    on.setAttribute("aria-valuetext", text(value));
    const shown = on.parentElement?.querySelector("output");
    if (shown) shown.textContent = text(value);
  }

  drawOrder() {
    const items = this.guess.map((way, i) =>
      h("li", {}, h("span", {}, names[way]), this.locked ? "" : h("span", { class: "buttons" }, button("Move up", { "data-up": way, class: "quiet", disabled: i === 0, "aria-label": `Move up: ${names[way]}` }), button("Move down", { "data-down": way, class: "quiet", disabled: i === 3, "aria-label": `Move down: ${names[way]}` }))),
    );
    const does = this.locked ? button("Change order", { class: "unlock quiet" }) : button("Lock in order", { class: "lock" });
    redraw(this.orderBox, h("legend", {}, "Your prediction: which way needs the fewest bytes? Put it first."), h("ol", {}, ...items), h("p", { class: "buttons" }, does));
  }

  /** @param {MouseEvent} e */
  press(e) {
    const [up, down, n, run] = ["up", "down", "count", "run"].map((name) => hit(e, `[data-${name}]`)?.dataset[name]);
    if (up || down) this.move(/** @type {Way} */ (up || down), up ? -1 : 1);
    else if (n) {
      this.settings.count = Number(n);
      for (const on of this.form.querySelectorAll("[data-count]")) on.setAttribute("aria-pressed", String(on.getAttribute("data-count") === n));
    } else if (run) this.attempt({ ...this.settings, rate: 10, up: 0, count: Number(run) }, true);
    else if (hit(e, ".lock")) this.lock(true);
    else if (hit(e, ".unlock")) this.lock(false);
    else if (hit(e, ".start")) this.running ? this.stop() : this.attempt(this.settings);
    else if (hit(e, ".reveal")) this.solve(Number(hit(e, ".reveal")?.dataset.question), "");
  }

  /** @param {Way} way @param {number} by */
  move(way, by) {
    const at = this.guess.indexOf(way);
    const next = [...this.guess];
    next.splice(at, 1);
    next.splice(at + by, 0, way);
    this.guess = next;
    this.drawOrder();
    const same = this.orderBox.querySelector(`[data-${by < 0 ? "up" : "down"}="${way}"]:not(:disabled)`) || this.orderBox.querySelector(`[data-${by < 0 ? "down" : "up"}="${way}"]`);
    if (same instanceof HTMLElement) same.focus();
  }

  /** @param {boolean} locked */
  lock(locked) {
    this.locked = locked;
    remember("local", "ways:order", locked ? this.guess : undefined);
    this.drawOrder();
    this.key = "";
    this.render();
  }

  // ——— the run ———

  get running() {
    return this.starting || (!!this.race && !this.race.ended);
  }

  /** @param {Settings} settings @param {boolean} [checking] whether the run checks the answer of the exercise */
  async attempt(settings, checking = false) {
    if (this.running) return;
    this.checking = checking;
    this.status.classList.remove("failed");
    this.starting = true;
    this.render();
    try {
      await this.run({ ...settings });
    } catch (e) {
      this.race?.stop();
      this.status.classList.add("failed");
      this.say(`× The run failed: ${words(e)}`);
    } finally {
      this.starting = false;
      this.render();
    }
  }

  stop() {
    this.race?.stop(stopped);
    this.render();
  }

  /** @param {Settings} settings */
  async run(settings) {
    const { session, sockets } = this.lab;
    await session.starting;
    session.flowing();
    this.say("Opening the four ways.");
    const { id } = session;
    const { run, client, ...urls } = await session.post("ways", settings);
    const costs = (this.costs = new Costs(run, client));
    const race = (this.race = new Race(settings, urls, {
      fetch: (url, init) => fetch(url, init),
      stream: (url) => new EventSource(url),
      socket: (url) => sockets.dial("reference", client, WebSocket, 0, url),
      now: () => session.now(),
      later: (fn, ms) => setTimeout(fn, ms),
    }, () => session.touch()));
    this.checked = null;
    this.hidden = document.hidden;
    this.began = session.now();
    this.starting = false;
    await race.open();
    if (!race.ended) {
      await session.post(`ways/${run}`, { do: "start" });
      this.began = session.now();
      race.begin();
      this.say(`Running: ${count(settings.count, "event")}, ${settings.rate} per second.`);
    }
    await race.over;
    await session.post(`ways/${run}`, { do: "stop" });
    await this.settle(race, costs, run);
    if (id === session.id && race === this.race) this.finish(race, costs);
  }

  /** Waits until the page has every recorded event of the run: then its sums equal those of the server. @param {Race} race @param {Costs} costs @param {number} run */
  async settle(race, costs, run) {
    const { signal } = this.leaving || {};
    // A hidden tab gives up its stream of events, and gets the events when it is shown again.
    while (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true, signal }));
    for (let tries = 0; tries < 40; tries++) {
      const state = await this.lab.session.get(`ways/${run}`);
      this.take(costs);
      const agrees = state.ways.every((/** @type {{way: Way, up: number, down: number}} */ w) => total(costs.of[w.way]) === w.up + w.down);
      this.checked = { agrees };
      if (agrees || race !== this.race) return;
      await new Promise((done) => setTimeout(done, 150));
    }
  }

  /** @param {Race} race @param {Costs} costs */
  finish(race, costs) {
    if (ways.some((w) => race.failed[w] === stopped)) return this.say("You stopped the run. The numbers below are those until then.");
    const failed = ways.filter((w) => race.failed[w]);
    const missing = failed.map((w) => `${names[w]}: ${race.failed[w]}.`).join(" ");
    const hidden = this.hidden ? " The tab was hidden during the run, so the browser slowed its timers." : "";
    const good = this.checked?.agrees ? ways.filter((w) => !race.failed[w]) : [];
    const first = good.length > 1 ? ` ${names[order(costs.of, good)[0]]} needed the fewest bytes.` : "";
    this.status.classList.toggle("failed", failed.length > 0);
    this.say(failed.length ? `× ${missing}${first}${hidden}` : `✔ All four ways received ${count(race.settings.count, "event")}.${first}${hidden}`);
    if (good.includes("events") && good.includes("socket") && !race.settings.up) {
      const before = this.turns;
      // A run that checks the answer leaves the question as it is.
      if (!this.checking) this.turns = [turn(costs.of.events, costs.of.socket), shortest(costs)].filter((t) => t !== null);
      this.answers = this.answers.filter((_, i) => before[i]?.from === this.turns[i]?.from);
    }
    if (good.length === ways.length) this.lab.session.tell("ways", result(race.settings, costs));
    this.key = "";
    this.render();
  }

  /** Counts the events that were recorded since the last time. @param {Costs} costs */
  take(costs) {
    const { history } = this.lab.session;
    costs.take(history.events.slice(history.count(costs.last)));
  }

  /** The delays of each way so far. @returns {Record<Way, number[]>} */
  late() {
    const { race } = this;
    return /** @type {Record<Way, number[]>} */ (Object.fromEntries(ways.map((w) => [w, race ? delays(race.ticks, race.arrivals[w]) : []])));
  }

  /** @param {string} text */
  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  // ——— drawing ———

  render() {
    const { race, costs, start, running } = this;
    const { history } = this.lab.session;
    start.textContent = running ? "Stop run" : "Start run";
    start.classList.toggle("primary", !running);
    const key = race && costs ? JSON.stringify([costs.run, this.checked ? 0 : history.last, ways.map((w) => race.arrivals[w].size), race.ended, this.checked, this.locked, this.answers, this.running]) : "none";
    if (key === this.key) return;
    this.key = key;
    if (!race || !costs) {
      this.figure.replaceChildren();
      this.numbers.replaceChildren();
      this.sum.hidden = true;
      return;
    }
    this.take(costs);
    this.drawFigures(race, costs);
    this.drawNumbers(race, costs);
    this.drawTurn(race, costs);
  }

  /** @param {Race} race @param {Costs} costs */
  drawFigures(race, costs) {
    const { settings } = race;
    const all = (1e6 * settings.count) / settings.rate;
    const last = Math.max(0, ...[...race.ticks.values(), ...ways.flatMap((w) => [...race.arrivals[w].values()])].map((at) => at - this.began));
    const cut = ways.some((w) => race.failed[w] === stopped);
    const span = (cut && last ? last : Math.max(all, last)) * 1.03;
    /** @param {number} at */
    const x = (at) => percent(Math.max(0, at - this.began) / span);
    const ticks = [...race.ticks.values()];
    const lanes = ["source", ...ways];
    const height = lanes.length * lane;
    const dots = svg("svg", { height, role: "img", "aria-label": `Time line of ${(span / 1e6).toFixed(1)} seconds. The source made ${count(ticks.length, "event")}. ${ways.map((w) => `${names[w]}: ${race.arrivals[w].size} arrived`).join(". ")}.` });
    for (const at of ticks) dots.append(svg("line", { class: "tick", x1: x(at), x2: x(at), y1: lane - 14, y2: height }));
    lanes.forEach((name, i) => {
      const y = i * lane;
      const way = name === "source" ? null : /** @type {Way} */ (name);
      dots.append(svg("text", { x: 0, y: y + 13 }, way ? names[way] : "Source"), svg("line", { class: "axis", x1: 0, x2: "100%", y1: y + 25, y2: y + 25 }));
      if (way) for (const at of race.arrivals[way].values()) dots.append(svg("circle", { cx: x(at), cy: y + 25, r: 3.5 }));
      else for (const at of ticks) dots.append(svg("rect", { class: "made", x: x(at), y: y + 19, width: 2, height: 12 }));
    });
    const most = Math.max(1, ...ways.map((w) => total(costs.of[w])));
    const bars = svg("svg", { height: ways.length * lane, role: "img", "aria-label": `Bytes. ${ways.map((w) => `${names[w]}: ${count(total(costs.of[w]), "byte")}`).join(". ")}.` });
    ways.forEach((w, i) => {
      const y = i * lane;
      bars.append(svg("text", { x: 0, y: y + 13 }, `${names[w]} · ${count(total(costs.of[w]), "byte")}`));
      let at = 0;
      for (const [, side, kind] of parts) {
        const size = costs.of[w][side][kind];
        if (size) bars.append(svg("rect", { class: `${side} ${kind}`, x: percent(at / most), y: y + 18, width: percent(size / most), height: 13 }));
        at += size;
      }
    });
    const legend = h("p", { class: "legend" }, ...parts.map(([text, side, kind]) => h("span", {}, h("i", { class: `${side} ${kind}`, "aria-hidden": "true" }), text)));
    this.figure.replaceChildren(h("figure", {}, h("figcaption", {}, `When each event arrived, on a time line of ${(span / 1e6).toFixed(1)} seconds. The vertical lines are the events of the source.`), dots), h("figure", {}, h("figcaption", {}, "Bytes on the wire, headers included."), bars, legend));
  }

  /** @param {Race} race @param {Costs} costs */
  drawNumbers(race, costs) {
    const late = this.late();
    /** @param {number|null} us */
    const ms = (us) => (us === null ? "–" : `${us < 10_000 ? (us / 1000).toFixed(1) : grouped(Math.round(us / 1000))} ms`);
    /** @param {string} label @param {(w: Way) => string|number} value @param {string} [of] class of the row */
    const row = (label, value, of) => h("tr", { class: of }, h("th", { scope: "row" }, label), ...ways.map((w) => h("td", {}, value(w))));
    const c = (/** @type {Way} */ w) => costs.of[w];
    const received = (/** @type {Way} */ w) => race.arrivals[w].size;
    const rows = [
      row("events received", received),
      row("requests", (w) => c(w).requests),
      row("TCP connections", (w) => c(w).conns.size),
      row("bytes from the page", (w) => grouped(c(w).up.head + c(w).up.data)),
      row("of these, headers and framing", (w) => grouped(c(w).up.head), "part"),
      row("bytes from the server", (w) => grouped(c(w).down.head + c(w).down.data)),
      row("of these, headers and framing", (w) => grouped(c(w).down.head), "part"),
      row("bytes in all", (w) => grouped(total(c(w))), "all"),
      row("bytes per event", (w) => (received(w) ? grouped(Math.round(total(c(w)) / received(w))) : "–")),
      row("delay, median", (w) => ms(median(late[w]))),
      row("delay, worst", (w) => ms(late[w].length ? Math.max(...late[w]) : null)),
    ];
    const done = race.ended && this.checked;
    if (done) {
      const right = order(costs.of);
      rows.push(row("place by bytes", (w) => right.indexOf(w) + 1));
      if (this.locked) rows.push(row("your prediction", (w) => `${this.guess.indexOf(w) + 1} ${this.guess.indexOf(w) === right.indexOf(w) ? "✔ right" : "× wrong"}`));
    }
    const server = this.checked?.agrees ? "The server counted the same bytes." : "The page has not received the whole recording, so the server's count differs.";
    this.numbers.replaceChildren(h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Numbers of the run" }, table(["measured", ...ways.map((w) => names[w])], rows, { class: "numbers" })), done ? h("p", { class: "soft small" }, server) : "");
  }

  // ——— where it turns ———

  /** @param {Race} race @param {Costs} costs */
  drawTurn(race, costs) {
    const { turns, sum } = this;
    sum.hidden = !turns.length || !race.ended || !this.checked;
    if (sum.hidden) return;
    const at = [...sum.querySelectorAll("input")].findIndex((on) => on === document.activeElement);
    const asked = turns.slice(0, this.answers[0]?.solved ? 2 : 1);
    redraw(sum, h("h3", {}, "Where does it turn?"), ...asked.flatMap((t, i) => this.question(t, i)), this.answers[0]?.solved ? this.runs(turns[0], race, costs) : "");
    if (at >= 0) sum.querySelectorAll("input")[at]?.focus();
  }

  /** The sizes of one case, and the question about them. @param {Turn} t @param {number} i */
  question(t, i) {
    const answer = this.answers[i] || blank;
    const of = i ? "with only the header fields that each way needs" : "in this browser";
    /** @param {string} name @param {"events"|"socket"} w */
    const row = (name, w) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, grouped(t.fixed[w])), h("td", {}, t.each[w].toFixed(1)));
    const facts = table([`bytes ${of}`, "to begin and end", `for each of the first ${t.first} events`], [row(names.events, "events"), row(names.socket, "socket")], { class: "numbers" });
    const input = h("input", { type: "number", min: 1, max: 9999, value: answer.typed, inputmode: "numeric", autocomplete: "off" });
    const asks = h("label", {}, i ? "And here, from how many events on? " : "Exercise: from how many events on does WebSocket cost less than Server-Sent Events? ", input);
    return [
      i ? h("p", {}, "A browser sends header fields that these ways do not need, and the server adds some. Without them, the same run gives these sizes:") : "",
      facts,
      h("form", { class: "buttons", "data-question": i }, asks, h("button", { class: "check", "aria-label": `Check answer ${of}` }, "Check answer"), answer.tries > 1 && !answer.solved ? button("Show sum", { class: "reveal quiet", "data-question": i }) : ""),
      h("p", { role: "status", class: answer.solved ? "won" : "lost" }, answer.text),
      answer.solved ? h("p", {}, why(t)) : "",
    ];
  }

  /** @param {number} i */
  check(i) {
    const t = this.turns[i];
    const typed = this.sum.querySelector(`[data-question="${i}"] input`);
    if (!t || !(typed instanceof HTMLInputElement)) return;
    const n = Number(typed.value);
    const before = this.answers[i] || blank;
    this.answers[i] = { ...before, typed: typed.value };
    if (!Number.isInteger(n) || n < 1) this.answers[i].text = "× Write a whole number of events, 1 or more.";
    else if (n === t.from) return this.solve(i, "✔ Right. ");
    else {
      this.answers[i].tries++;
      const told = (/** @type {number} */ n) => `with ${count(n, "event")}, Server-Sent Events need ${grouped(Math.round(t.at(n).events))} bytes and WebSocket ${grouped(Math.round(t.at(n).socket))}`;
      this.answers[i].text = n < t.from ? `× Not yet: ${told(n)}.` : `× WebSocket costs less before that: ${told(n - 1)}.`;
    }
    this.render();
  }

  /** @param {number} i @param {string} word */
  solve(i, word) {
    const { from } = this.turns[i];
    this.answers[i] = { ...(this.answers[i] || blank), solved: true, text: `${word}${from === Infinity ? "WebSocket never costs less here." : from === 1 ? "WebSocket costs less from the first event on." : `WebSocket costs less from ${count(from, "event")} on.`}` };
    this.render();
  }

  /** The runs that check the answer for this browser. @param {Turn} t @param {Race} race @param {Costs} costs */
  runs(t, race, costs) {
    const { events, socket } = costs.of;
    const some = [t.from - 1, t.from].filter((n) => n >= 1 && n <= 100);
    return h(
      "div",
      {},
      h("p", {}, `A run checks the answer for this browser. In the last run, with ${count(race.settings.count, "event")}, Server-Sent Events needed ${grouped(total(events))} bytes and WebSocket ${grouped(total(socket))}.`),
      h("p", { class: "buttons" }, ...some.map((n) => button(`Run with ${count(n, "event")}`, { "data-run": n, disabled: this.running }))),
    );
  }
}

/** The sum in words. @param {Turn} t */
function why(t) {
  const bytes = (/** @type {number} */ n) => count(Number(n.toFixed(1)), "byte");
  const each = `and ${bytes(t.less)} less for each event`;
  if (t.more < 0) return `WebSocket needs ${bytes(-t.more)} less to begin and end, ${each}.`;
  return `WebSocket needs ${bytes(t.more)} more to begin and end, ${each}. ${bytes(t.more)} divided by ${bytes(t.less)} is ${(t.more / t.less).toFixed(1)}.`;
}
