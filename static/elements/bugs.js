/**
 * The game of lesson 9. The learner picks an attack or builds bytes, predicts, and
 * runs the input on three servers at once. A fault whose effect is in the recording
 * opens its card. The browser keeps the score.
 *
 * @typedef {import("../types.js").Bugs} Game
 * @typedef {import("../types.js").BugCard} Fault
 * @typedef {import("../bugs.js").Found} Found
 * @typedef {import("../bugs.js").Reaction} Reaction
 * @typedef {{what: string, clients: Map<string, {play: string, client: string}>, prediction: Reaction|"", is: Reaction|"failed"|""}} Run is: the reaction, once the run is over
 */

import { LabElement, button, h, hit, redraw, segment } from "./dom.js";
import { call, sessionPath, words } from "../api.js";
import { Score, column, eventsOf, lineOf, order, reaction, reactionWords, reactions, rowOf, scenarioOf } from "../bugs.js";
import { capital, count } from "../format.js";
import { headerFields } from "../forms.js";
import { recall, remember } from "../store.js";

const key = "bugs";
const settling = 300; // ms without an event before the page asks which faults were seen
const mostCalls = 60;

/** @param {string} label @param {HTMLElement} input */
const field = (label, input) => h("label", {}, h("span", {}, label), input);

/** @extends {LabElement<"session" | "cursor" | "inspector">} */
export class WsBugs extends LabElement {
  static tag = "ws-bugs";

  /** @type {Game} */
  game = { areas: [], attacks: [] };
  score = new Score(recall("local", key));
  goal = 0;
  /** @type {Map<string, import("../types.js").Plan>} the scenarios of the attacks, by name */
  plans = new Map();
  /** @type {Map<number, Fault>} the faults whose cards are open */
  faults = new Map();
  selected = 0; // number of the card that is shown
  hints = new Map(); // how many hints of a card are shown
  since = 0; // a reset ignores what the session recorded before
  building = false;
  /** @type {Run|null} */
  run = null;
  starting = false;
  key = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  timer;

  bar = h("progress", { "aria-label": "Faults found", max: 1, value: 0 });
  total = h("span", { class: "total" });
  source = h("div", { class: "choice" });
  attack = h("select", { name: "attack" });
  says = h("div", { class: "says" });
  builder = h("div", { class: "build", hidden: true });
  fields = h("textarea", { rows: 2, spellcheck: "false", placeholder: "Sec-WebSocket-Version: 8\n-Upgrade" });
  leaves = h("input", { type: "checkbox" });
  bare = h("input", { type: "checkbox" });
  guess = h("fieldset", { class: "guess" });
  go = button("Run on all three servers", { class: "begin primary" });
  verdict = h("p"); // of the run
  news = h("p"); // the cards that it opened
  status = h("div", { class: "status", role: "status" }, this.verdict, this.news);
  columns = h("div", { class: "columns" });
  cards = h("div", { class: "cards" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.goal = Number(this.dataset.goal) || 0;
    this.guess.append(h("legend", {}, "What will the naive server do?"), ...reactions.map(([value, text]) => h("label", {}, h("input", { type: "radio", name: "reaction", value }), h("span", {}, text))));
    this.builder.append(
      h("div", { class: "place" }),
      h("details", {}, h("summary", {}, "Change the request, or close TCP"), field("header fields to change: Name: value, or −Name to remove one", this.fields), h("label", { class: "check" }, this.bare, "Send the request only, without these bytes"), h("label", { class: "check" }, this.leaves, "Then close the TCP connection, without a Close frame")),
    );
    this.source.append(segment("Input", [["attack", "Pick an attack"], ["build", "Build bytes"]], "input", "attack"), h("div", { class: "attack" }, field("attack", this.attack), this.says), this.builder);
    this.replaceChildren(
      h("div", { class: "score" }, this.bar, this.total, button("Reset score", { class: "reset quiet" })),
      h("h3", {}, "1. Choose an input"),
      this.source,
      h("h3", {}, "2. Predict"),
      this.guess,
      h("h3", {}, "3. Run"),
      h("p", { class: "buttons" }, this.go, button("Stop run", { class: "stop", hidden: true })),
      this.status,
      this.columns,
      h("h3", {}, "4. Cards"),
      this.cards,
    );
    this.on("click", (e) => this.pressed(e));
    this.on("change", (e) => e.target === this.attack && this.drawAttack());
    const { session } = this.lab;
    session.addEventListener("events", (e) => this.heard(/** @type {CustomEvent} */ (e).detail), { signal });
    session.addEventListener("fresh", () => this.fresh(), { signal });
    session.observe(() => this.draw(), signal);
    this.loadGame();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  async loadGame() {
    try {
      this.game = await call("/api/bugs");
      for (const plan of (await call("/api/scenarios")).scenarios) this.plans.set(plan.name, plan);
      this.attack.replaceChildren(...this.game.attacks.map((a, i) => h("option", { value: i }, a.name)));
      this.drawAttack();
      this.say("");
      await Promise.all([...this.score.found.keys()].map((n) => this.fault(n)));
    } catch (e) {
      this.say(`× The cards could not be loaded: ${words(e)}`, button("Load cards again", { class: "again" }));
    }
    this.drawCards();
    this.look();
  }

  /** Loads what a card says. @param {number} number */
  async fault(number) {
    const known = this.faults.get(number);
    if (known) return known;
    const fault = /** @type {Fault} */ (await call(`/api/bugs/${number}`));
    this.faults.set(number, fault);
    return fault;
  }

  /** A new session has no runs. */
  fresh() {
    this.run = null;
    this.since = 0;
    this.key = "";
    this.say("");
  }

  // ——— the learner's actions ———

  /** @param {MouseEvent} e */
  pressed(e) {
    const on = hit(e, "button");
    if (!on) return;
    const { input, card, seq, conn } = on.dataset;
    if (input) this.choose(input === "build");
    else if (on === this.go) this.begin();
    else if (card) this.open(Number(card));
    else if (seq) this.show(Number(seq), Number(conn));
    else if (on.matches(".hint")) this.hint();
    else if (on.matches(".stop")) this.stop();
    else if (on.matches(".reset")) this.reset();
    else if (on.matches(".again")) this.loadGame();
  }

  /** @param {boolean} building */
  async choose(building) {
    this.building = building;
    for (const on of this.source.querySelectorAll("[data-input]")) on.setAttribute("aria-pressed", String((on instanceof HTMLElement && on.dataset.input === "build") === building));
    this.source.querySelector(".attack")?.toggleAttribute("hidden", building);
    this.builder.hidden = !building;
    const place = this.builder.querySelector(".place");
    if (!building || place?.firstChild) return;
    await this.load("ws-builder");
    place?.replaceChildren(h("ws-builder"));
  }

  /** What the learner has chosen to send. @returns {{what: string, ask: object}} */
  input() {
    if (!this.building) {
      const attack = this.game.attacks[Number(this.attack.value)];
      if (!attack) throw new Error("The attacks are not loaded yet.");
      return { what: attack.name, ask: { scenario: attack.scenario } };
    }
    const builder = this.builder.querySelector("ws-builder");
    if (!builder) throw new Error("The builder is not loaded yet.");
    if (builder.error) throw new Error(builder.error);
    const parts = this.bare.checked ? [] : builder.parts;
    return { what: "your bytes", ask: { text: scenarioOf({ parts, fields: headerFields(this.fields.value), leaves: this.leaves.checked }) } };
  }

  /** Runs the input on the three servers. */
  async begin() {
    const { session, cursor } = this.lab;
    if (this.starting || this.running) return;
    this.starting = true;
    this.draw();
    try {
      const { what, ask } = this.input();
      session.alive();
      await session.starting;
      if (session.watching) throw new Error("You are watching a connection of another page, so nothing can run here.");
      const checked = this.guess.querySelector("input:checked");
      /** @type {Run} */
      const run = { what, clients: new Map(), prediction: checked instanceof HTMLInputElement ? /** @type {Reaction} */ (checked.value) : "", is: "" };
      session.acted++;
      cursor.toNewest();
      cursor.turn("naive");
      await Promise.all(order.map(async (endpoint) => run.clients.set(endpoint, await session.post("plays", { ...ask, endpoint, as: "raw", pause: -1 }))));
      this.run = run;
      this.say(`Running ${what} on ${order.length} servers.`);
    } catch (e) {
      this.say(`× ${words(e)}`);
    }
    this.starting = false;
    this.key = "";
    this.draw();
  }

  /** Ends the runs that are not over. */
  stop() {
    for (const { play } of this.run?.clients.values() || []) {
      if (this.lab.session.rows.plays.byId.get(play)?.over === Infinity) this.lab.session.post(`plays/${play}`, { do: "stop" }).catch((e) => this.say(`× ${words(e)}`));
    }
  }

  reset() {
    this.since = this.lab.session.history.last;
    this.score = new Score(null);
    remember("local", key, undefined);
    this.hints.clear();
    this.selected = 0;
    this.say("The score is reset. All cards are closed.");
    this.drawCards();
  }

  /** Shows a card, or hides it again. @param {number} number */
  open(number) {
    this.selected = this.selected === number ? 0 : number;
    this.drawCards();
    if (this.selected && this.score.found.has(number)) this.fault(number).then(() => this.drawCards(), (e) => this.say(`× ${words(e)}`));
  }

  /** Shows the next hint of the card. */
  hint() {
    this.hints.set(this.selected, (this.hints.get(this.selected) || 0) + 1);
    this.drawCards();
    const last = this.cards.querySelector(".hinted:last-of-type");
    if (last instanceof HTMLElement) last.focus({ preventScroll: true });
  }

  /** Selects the row of an event in the timeline. @param {number} seq @param {number} conn */
  show(seq, conn) {
    const { session, cursor, inspector } = this.lab;
    const row = rowOf(session.rows, seq, conn);
    if (!row) return this.say("× The page no longer has this row. Run the input again.");
    cursor.choose(/** @type {import("../types.js").Mode} */ (row.conn.endpoint));
    inspector.select(row.event.seq);
    inspector.found++;
  }

  /** Says how the run goes or went. An error begins with ×. @param {string} text @param {Node} [more] */
  say(text, more) {
    this.tell(this.news, "");
    this.tell(this.verdict, text, more);
  }

  /** @param {HTMLElement} on @param {string} text @param {Node} [more] */
  tell(on, text, more) {
    if (on.textContent === text && !more) return;
    on.classList.toggle("failed", text.startsWith("×"));
    on.replaceChildren(text, more ? " " : "", more || "");
  }

  // ——— the recording ———

  /** @param {import("../types.js").LabEvent[]} events */
  heard(events) {
    const { rows } = this.lab.session;
    if (!events.some((e) => rows.conns.get(e.conn)?.endpoint === "naive" || e.step?.endpoint === "naive")) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), settling);
  }

  /** Asks which faults the recording shows, and opens their cards. */
  async look() {
    const { id } = this.lab.session;
    if (!id) return;
    try {
      const { found } = await call(`${sessionPath(id)}/bugs`);
      if (id !== this.lab.session.id) return;
      const fresh = this.score.add(found, id, this.since);
      this.keep();
      if (!fresh.length) return this.drawCards();
      const faults = await Promise.all(fresh.map((f) => this.fault(f.number)));
      this.selected = faults[0].number;
      this.tell(this.news, `✔ You found ${faults.map((f) => `fault ${f.number}, ${f.name}`).join("; and ")}. ${this.words}`);
      this.drawCards();
    } catch (e) {
      if (this.lab.session.server === "there") this.tell(this.news, `× ${words(e)}`);
    }
  }

  keep() {
    remember("local", key, this.score.kept);
    document.dispatchEvent(new Event("ws-progress"));
  }

  /** Whether the exercise is done. */
  get answered() {
    return this.score.found.size >= this.goal;
  }

  get all() {
    return this.game.areas.reduce((n, area) => n + area.cards.length, 0);
  }

  get words() {
    return this.score.words(this.all, this.goal);
  }

  /** Whether a server still runs the input. */
  get running() {
    const { plays } = this.lab.session.rows;
    return [...(this.run?.clients.values() || [])].some(({ play }) => (plays.byId.get(play)?.over ?? Infinity) === Infinity);
  }

  // ——— drawing ———

  draw() {
    const { session } = this.lab;
    const { running, run } = this;
    // The button keeps the focus while it has no effect.
    this.go.setAttribute("aria-disabled", String(running || this.starting));
    this.querySelector(".stop")?.toggleAttribute("hidden", !running);
    const now = `${session.history.last} ${running} ${run?.is}`;
    if (!run || now === this.key) return;
    this.key = now;
    const columns = new Map([...run.clients].map(([endpoint, { client }]) => {
      const play = session.rows.plays.byToken.get(client);
      return [endpoint, column(play ? eventsOf(session, play) : [])];
    }));
    if (!running && !run.is) this.settle(run, columns);
    redraw(this.columns, ...order.map((endpoint) => this.column(endpoint, columns.get(endpoint) || column([]))));
  }

  /** Compares the prediction with the run. @param {Run} run @param {Map<string, import("../bugs.js").Column>} columns */
  settle(run, columns) {
    const early = order.filter((endpoint) => this.errorOf(endpoint));
    if (early.length) {
      run.is = "failed";
      return this.say(`× The run ended early on ${early.join(", ")}, so it says nothing about your prediction.`);
    }
    const [naive, reference] = order.map((endpoint) => columns.get(endpoint) || column([]));
    run.is = reaction(naive, reference);
    const right = run.prediction === run.is;
    if (run.prediction) {
      this.score.predict(right);
      this.keep();
      for (const on of this.guess.querySelectorAll("input")) on.checked = false;
    }
    const { inspector } = this.lab;
    const answer = naive.answers.find((a) => a.hex) || naive.answers[0];
    if (answer && !inspector.selection.chosen) {
      inspector.selection.lead(answer.seq);
      inspector.found++;
    }
    this.say(`${run.prediction ? (right ? "✔ Your prediction was right. " : "× Your prediction was wrong. ") : ""}${reactionWords(run.is)}.`);
    this.drawScore();
  }

  /** @param {string} endpoint @param {import("../bugs.js").Column} c */
  column(endpoint, c) {
    const error = this.errorOf(endpoint);
    const answers = c.answers.map((a) => h("li", {}, button(a.line, { class: "link", "data-seq": a.seq, "data-conn": a.conn, "aria-label": `${endpoint}: ${a.line}. Show it in the timeline` })));
    const calls = c.calls.slice(0, mostCalls).map((text) => h("li", {}, h("code", {}, text)));
    if (c.calls.length > mostCalls) calls.push(h("li", {}, `… and ${count(c.calls.length - mostCalls, "more call")}`));
    const open = !!this.columns.querySelector(`[data-of=${endpoint}] details`)?.hasAttribute("open");
    return h(
      "section",
      { "data-of": endpoint },
      h("h4", {}, endpoint),
      answers.length ? h("ul", {}, ...answers) : h("p", { class: "soft" }, "no answer"),
      h("p", {}, c.code === null ? "no Close frame" : h("span", {}, "close code ", h("code", {}, c.code))),
      h("p", {}, c.end || "The connection stays open."),
      c.stopped ? h("p", { class: "f-code" }, `The cage stopped it: ${c.stopped.replace(/^naive: /, "")}.`) : "",
      error ? h("p", { class: "f-code" }, `× The run ended early: ${error}.`) : "",
      h("details", { open }, h("summary", {}, count(c.calls.length, "call")), h("ol", { tabindex: 0, "aria-label": `Calls of ${endpoint}` }, ...calls)),
    );
  }

  /** Why the run on a server ended early, "" if it did not. @param {string} endpoint */
  errorOf(endpoint) {
    const play = this.lab.session.rows.plays.byToken.get(this.run?.clients.get(endpoint)?.client || "");
    return (play?.error || "").replace(/^\S+:\d+: /, "");
  }

  /** Shows the lines of the attack, without their explanations. */
  drawAttack() {
    const attack = this.game.attacks[Number(this.attack.value)];
    const lines = (this.plans.get(attack?.scenario)?.text || "").split("\n").filter((l) => l.trim() && !l.startsWith("#"));
    this.says.replaceChildren(h("pre", { class: "script", tabindex: 0, role: "group", "aria-label": "Steps of the attack" }, h("code", {}, lines.join("\n"))));
  }

  drawScore() {
    const { all, words } = this;
    this.bar.max = all || 1;
    this.bar.value = this.score.found.size;
    this.total.textContent = all ? words : "";
  }

  drawCards() {
    this.drawScore();
    const { found } = this.score;
    const areas = this.game.areas.map(({ name, cards }) => {
      const n = cards.filter((c) => found.has(c.number)).length;
      const tiles = cards.map(({ number }) => {
        const is = this.faults.get(number)?.name;
        const known = found.has(number);
        return button(`${known ? "✔ " : ""}${number}`, { class: known ? "tile opened" : "tile", "data-card": number, "aria-expanded": String(this.selected === number), "aria-label": known ? `Card ${number}, found: ${is || "open"}` : `Card ${number}, not found` });
      });
      const chosen = cards.find((c) => c.number === this.selected);
      return h("section", {}, h("h4", {}, capital(name), h("span", { class: "soft" }, ` ${n} of ${cards.length}`)), h("div", { class: "tiles" }, ...tiles), chosen ? this.card(chosen) : "");
    });
    redraw(this.cards, ...areas);
  }

  /** @param {Game["areas"][0]["cards"][0]} card */
  card(card) {
    const found = this.score.found.get(card.number);
    const fault = found && this.faults.get(card.number);
    if (found && fault) return this.openCard(found, fault);
    const shown = this.hints.get(card.number) || 0;
    const words = ["Show first hint", "Show second hint"];
    return h(
      "div",
      { class: "face", role: "group", "aria-label": `Card ${card.number}` },
      h("p", {}, h("b", {}, `Card ${card.number}`), found ? ". It is being loaded." : ". You have not seen this fault yet."),
      ...card.hints.slice(0, shown).map((text, i) => h("p", { class: "hinted", tabindex: -1 }, h("b", {}, `Hint ${i + 1}: `), text)),
      !found && shown < card.hints.length ? button(words[shown] || "Show next hint", { class: "hint" }) : "",
    );
  }

  /** @param {Found} found @param {Fault} fault */
  openCard(found, fault) {
    const { session } = this.lab;
    const here = found.session === session.id;
    const events = here ? found.events.map((seq) => session.history.get(seq)).filter((e) => e !== undefined) : [];
    const links = events.map((e) => {
      const text = lineOf(session.history, e);
      return h("li", {}, button(text, { class: "link", "data-seq": e.seq, "data-conn": found.conn, "aria-label": `${text}. Show it in the timeline` }));
    });
    const { mistake } = fault;
    return h(
      "div",
      { class: "face opened", role: "group", "aria-label": `Card ${fault.number}` },
      h("p", {}, h("b", {}, `✔ ${fault.number} · ${fault.name}`)),
      h("p", {}, fault.what),
      h("h5", {}, "What happened in your run"),
      h("p", {}, found.said, here ? "" : h("span", { class: "soft" }, " (in an earlier recording)")),
      h("ul", {}, ...links),
      h("h5", {}, "The lines of the naive server"),
      code(fault.listing),
      h("h5", {}, "The fix"),
      diff(fault),
      h("h5", {}, "The rule"),
      h("p", {}, fault.section, fault.rule ? h("span", {}, " · ", h("a", { href: `/rules#${fault.rule}` }, `rule ${fault.rule}`)) : ""),
      h("h5", {}, "What the judge says about it"),
      h("p", {}, mistake ? mistake.says : "The judge of this lab does not name this mistake."),
      h("h5", {}, "How this fault arises"),
      h("p", {}, fault.comes),
    );
  }
}

/** @param {import("../types.js").Listing} l */
function code(l) {
  if (!l.lines.length) return h("p", {}, l.file);
  const lines = l.lines.map((tokens, i) => {
    const n = l.numbers[i] ?? l.first + i;
    return h("span", { class: n >= l.hot[0] && n <= l.hot[1] ? "line hot" : "line" }, h("span", { class: "ln", "aria-hidden": "true" }, n), ...tokens.map(([kind, text]) => (kind ? h("span", { class: kind }, text) : text)), "\n");
  });
  return h("pre", { class: "listing", tabindex: 0, role: "group", "aria-label": `${l.symbol} in ${l.file}` }, h("code", {}, ...lines));
}

/** @param {Fault} fault */
function diff(fault) {
  const lines = fault.mend.map(({ op, text }) => h(op === "+" ? "ins" : op === "-" ? "del" : "span", { class: "line" }, `${op} ${text}\n`));
  return h("pre", { class: "diff", tabindex: 0, role: "group", "aria-label": `Fix of fault ${fault.number}` }, h("code", {}, ...lines));
}
