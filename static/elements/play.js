/**
 * A scenario: its steps, the explanation of each finished step, the buttons that
 * step it, and a changed run. Some lessons also show the picture of both ends and
 * the outcome.
 *
 * @typedef {import("../types.js").Plan} Plan
 * @typedef {import("../player.js").Begun} Begun
 * @typedef {import("../play.js").Play} Play
 * @typedef {"reference"|"gorilla"|"naive"} Server
 * @typedef {{scenario: string, as: "browser"|"raw"|"choose", endpoint: Server|"choose",
 *   tutorials?: string, plan: Plan}} Settings tutorials is HTML; only a play with
 * the picture of both ends has it
 */

import { LabElement, button, h, hit } from "./dom.js";
import { marks, planForm, planItem } from "./plan.js";
import { words } from "../api.js";
import { by, changed, inLine, pauses, said, standing, until, wrongWith } from "../play.js";
import { span } from "../ends.js";

/** @type {Server[]} */
const servers = ["reference", "gorilla", "naive"];
const long = 3_000_000; // how long a step runs, in microseconds, before the page says that it waits

/** @extends {LabElement<"session" | "cursor" | "player">} */
export class WsPlay extends LabElement {
  static tag = "ws-play";

  /** @type {Plan} as the server reads the scenario */
  plan = { name: "", title: "", steps: [], browser: false, plain: false };
  /** @type {Settings} */
  settings = { scenario: "", as: "choose", endpoint: "choose", plan: this.plan };
  /** @type {Begun|null} the play that is shown */
  begun = null;
  /** @type {Begun|null} the previous play, which is beside it */
  other = null;
  session = "";
  /** @type {"browser"|"raw"} */
  as = "browser";
  /** @type {Server} */
  endpoint = "reference";
  editing = -1;
  typed = "";
  wrong = "";
  asking = false;
  refused = ""; // the session's moment at the refusal
  meanwhile = false;
  key = "";
  /** @type {ReturnType<typeof setInterval>|undefined} */
  clock;

  bar = h("div", { class: "playbar" });
  list = h("ol", { class: "plan" });
  caution = h("p", { class: "soft", hidden: true }, "The explanations describe correct behavior. This server may behave differently.");
  status = h("output", { class: "status" });
  spoken = h("p", { class: "hide", "aria-live": "polite" });
  waiting = h("p", { class: "waiting", hidden: true });
  pictures = h("div", { class: "pictures" });
  outcome = h("ws-outcome"); // without tutorials, the page does not load it

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.settings = JSON.parse(this.dataset.play || "{}");
    const { as, endpoint } = this.settings;
    if (as !== "choose") this.as = as;
    if (endpoint !== "choose") this.endpoint = endpoint;
    else if (this.lab.cursor.mode === "gorilla") this.endpoint = "gorilla";
    this.on("click", (e) => this.pressed(e));
    this.on("submit", (e) => {
      e.preventDefault();
      this.branch(/** @type {SubmitEvent} */ (e).submitter?.dataset.pause === "step");
    });
    this.on("input", (e) => {
      if (e.target instanceof HTMLInputElement && e.target.name === "command") this.typed = e.target.value;
    });
    this.on("keydown", (e) => {
      if (e.key !== "Escape" || this.editing < 0) return;
      e.preventDefault();
      this.edit(-1);
    });
    signal.addEventListener("abort", () => clearInterval(this.clock));
    this.plan = this.settings.plan;
    this.list.setAttribute("aria-label", `Steps of ${this.plan.title}`);
    if (!this.plan.browser) this.as = "raw";
    this.replaceChildren(h("h3", {}, this.plan.title), this.bar, this.caution, this.list, this.status, this.waiting, this.spoken);
    const { scenario, tutorials } = this.settings;
    if (tutorials) {
      this.outcome.ask(scenario, tutorials);
      this.append(this.pictures, this.outcome);
    }
    this.lab.session.observe(() => this.render(), signal);
  }

  /**
   * The servers on which the scenario can run. The naive server can do little more
   * than echo.
   */
  get servers() {
    return servers.filter((s) => s !== "naive" || this.plan.plain);
  }

  /** The steps of the shown run: a changed run has its own. */
  get steps() {
    return (this.begun?.plan || this.plan).steps;
  }

  /** @param {Begun|null} begun @returns {Play|undefined} */
  play(begun = this.begun) {
    return begun ? this.lab.session.rows.plays.byId.get(begun.play) : undefined;
  }

  /** The effect of a pause that was ordered but has not begun; "" for none. */
  get pausing() {
    const play = this.play();
    return play && this.lab.player.obeys(this.begun, "pause") ? pauses(play, standing(play, Infinity).current) : "";
  }

  /** @param {MouseEvent} e */
  pressed(e) {
    const on = hit(e, "[data-play-do]");
    const what = on?.dataset.playDo;
    const at = Number(hit(e, "[data-step]")?.dataset.step ?? -1);
    if (what === "as") this.as = on?.dataset.value === "raw" ? "raw" : "browser";
    else if (what === "endpoint") this.endpoint = servers.find((s) => s === on?.dataset.value) || "reference";
    else if (what === "edit") return this.edit(at);
    else if (what === "leave") return this.edit(-1);
    else if (what === "seek") return this.attempt(() => this.seek(at));
    else if (what === "meanwhile") return this.goOn();
    else if (what === "alone") return this.alone();
    else if (what === "larger") return this.larger();
    else if (what) return this.attempt(() => this.does(what));
    else return;
    this.key = "";
    this.render();
    /** @type {HTMLElement|null} */ (this.querySelector(`[data-play-do=${what}][data-value=${on?.dataset.value}]`))?.focus();
  }

  /** @param {string} what */
  does(what) {
    const play = this.play();
    // On another server the scenario runs to its end, so that the two runs can be compared.
    const elsewhere = !!play && play.over !== Infinity && (play.endpoint !== this.endpoint || play.as !== this.as);
    if (what === "restart" || !this.begun) return this.start(what === "run" || elsewhere ? -1 : 0);
    if (!play) return; // the play is not recorded yet
    this.take();
    const { player } = this.lab;
    if (what === "step") return player.step();
    if (what === "back") return player.back();
    if (what === "run") return player.toggle();
    if (what === "stop") return player.stop();
  }

  /** From now on, the keys step this play. */
  take() {
    if (!this.begun) return;
    const { player, cursor } = this.lab;
    player.current = this.begun.play;
    cursor.stepper = player;
  }

  /** @param {() => unknown} fn */
  async attempt(fn) {
    this.status.classList.remove("failed");
    try {
      await fn();
      if (this.status.textContent) this.status.textContent = "";
    } catch (e) {
      this.status.classList.add("failed");
      this.status.textContent = `× ${words(e)}`;
    }
    const { session } = this.lab;
    this.refused = this.status.textContent ? session.moment : "";
    this.key = "";
    session.touch();
  }

  /** Plays from the beginning. @param {number} pause the step to pause before; -1 for none */
  async start(pause) {
    const { player } = this.lab;
    if (this.asking) return;
    this.asking = true;
    try {
      if (this.play()?.over === Infinity) await player.order(/** @type {Begun} */ (this.begun).play, { do: "stop" });
      const before = this.begun && this.play() ? this.begun : null;
      const begun = await player.begin({ scenario: this.settings.scenario, endpoint: this.endpoint, as: this.as, pause });
      // The server's file contains transcripts, so its line numbers differ.
      begun.plan = this.plan;
      begun.text = this.plan.text || "";
      const was = this.play(before);
      this.begins(begun, was && (was.endpoint !== this.endpoint || was.as !== this.as) ? before : null);
    } finally {
      this.asking = false;
    }
    // If a run begins with the Step button, do the first step.
    if (pause === 0) await this.first();
  }

  /** Does the first step as soon as the play reports that it waits for that step. */
  async first() {
    const until = performance.now() + 3000;
    while (performance.now() < until) {
      const play = this.play();
      if (play && standing(play, Infinity).waits) return this.lab.player.step();
      if (play && play.over !== Infinity) return;
      await new Promise((done) => this.lab.session.addEventListener("events", done, { once: true }));
    }
  }

  /** @param {Begun} begun @param {Begun|null} other */
  begins(begun, other) {
    this.status.textContent = "";
    this.status.classList.remove("failed");
    this.session = this.lab.session.id; // the session may have begun a moment ago
    this.begun = begun;
    this.other = other;
    this.meanwhile = false;
    this.outcome.lock?.();
    this.take();
  }

  /** Shows the state after step k. @param {number} k */
  seek(k) {
    const play = this.play();
    if (!play || play.marks[k].begin === Infinity) return;
    this.take();
    this.lab.player.seek(until(play, k));
  }

  /** @param {number} at the step whose command the learner changes, -1 for none */
  edit(at) {
    const left = this.editing;
    this.editing = at;
    this.typed = at >= 0 ? inLine(this.steps[at].command) : "";
    this.wrong = "";
    this.key = "";
    this.render();
    const input = this.querySelector("input[name=command]");
    if (input instanceof HTMLInputElement) {
      input.focus();
      input.setSelectionRange(input.value.length, input.value.length);
    } else if (left >= 0) /** @type {HTMLElement|null} */ (this.list.querySelector(`[data-step="${left}"] [data-play-do=edit]`))?.focus();
  }

  /** Runs the scenario with the changed command, beside the previous run. @param {boolean} stepping */
  async branch(stepping) {
    const { editing } = this;
    const { player } = this.lab;
    const step = this.steps[editing];
    if (!step || this.asking) return;
    this.asking = true;
    this.wrong = "";
    try {
      const text = changed(this.begun?.text || this.plan.text || "", step.line, this.typed, step.command.split("\n").length);
      const play = this.play();
      const before = play ? this.begun : null;
      if (play && play.over === Infinity) await player.order(play.id, { do: "stop" });
      const begun = await player.begin({ scenario: this.settings.scenario, text, endpoint: this.endpoint, as: this.as, pause: stepping ? editing : -1, branchOf: before?.play });
      this.editing = -1;
      this.begins(begun, before);
    } catch (e) {
      this.wrong = wrongWith(words(e));
    } finally {
      this.asking = false;
    }
    this.key = "";
    this.render();
    const next = this.wrong ? "input[name=command]" : "[data-play-do=step]:not(:disabled), .playbar [data-play-do]:not(:disabled)";
    /** @type {HTMLElement|null} */ (this.querySelector(next))?.focus();
  }

  /** Removes the previous run and shows only this one. */
  alone() {
    this.other = null;
    const { session, cursor } = this.lab;
    if (cursor.mode === "plays") cursor.mode = this.endpoint;
    this.key = "";
    session.touch();
  }

  /** Scrolls to the text after this block while the run waits. */
  goOn() {
    this.meanwhile = true;
    this.key = "";
    this.render();
    const next = this.nextElementSibling;
    if (!(next instanceof HTMLElement)) return;
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  /** Shows the pictures on the whole page, or ends that. */
  larger() {
    const dialog = h("dialog", { class: "larger", "aria-label": "Both ends of the connection" });
    const home = h("span");
    this.pictures.replaceWith(home);
    dialog.append(this.pictures, h("form", { method: "dialog" }, h("button", {}, "Close picture")));
    this.append(dialog);
    dialog.addEventListener("close", () => {
      home.replaceWith(this.pictures);
      dialog.remove();
      /** @type {HTMLElement|null} */ (this.querySelector("[data-play-do=larger]"))?.focus();
    });
    dialog.showModal();
  }

  // ——— drawing ———

  render() {
    const { session, cursor, player } = this.lab;
    if (session.id !== this.session) {
      this.session = session.id;
      this.begun = this.other = null;
      this.key = "";
    }
    const play = this.play();
    const before = this.other && this.play(this.other);
    const key = [play ? `${play.id} ${cursor.at} ${play.over} ${JSON.stringify(standing(play, cursor.at))}` : "", before?.id, this.as, this.endpoint, this.editing, this.wrong, cursor.stepper === player && player.current, cursor.mode, session.moment, this.asking, this.begun?.failed, this.begun?.told].join();
    if (key !== this.key) {
      this.key = key;
      this.drawBar(play);
      this.drawSteps(play);
      this.drawPictures(play, before || undefined);
    }
    this.outcome.show?.([before, play].filter((p) => p !== undefined && p !== null));
    if (play && before && this.besides !== `${before.id} ${play.id}`) {
      this.besides = `${before.id} ${play.id}`;
      cursor.beside(before, play);
    }
    this.wait(play);
  }

  besides = "";

  /** @param {Play|undefined} play */
  drawBar(play) {
    const { settings, plan } = this;
    const { session, cursor, player } = this.lab;
    const now = play && standing(play, cursor.at);
    const whole = play && standing(play, Infinity);
    /** @param {string} what @param {string} label @param {Record<string, string|boolean|null>} [more] */
    const does = (what, label, more) => button(label, { "data-play-do": what, ...more });
    /** @param {string} what @param {string} name @param {[string, string][]} options @param {string} value */
    const choice = (what, name, options, value) => h("span", { class: "seg", role: "group", "aria-label": name }, ...options.map(([v, label]) => does(what, label, { "data-value": v, "aria-pressed": String(v === value) })));
    const running = !!whole && !whole.over;
    const other = !!play && (play.endpoint !== this.endpoint || play.as !== this.as);
    const step = !play || running || !session.history.live;
    const runs = player.obeys(this.begun, "run");
    this.caution.hidden = settings.endpoint !== "choose" || (play ? play.endpoint : this.endpoint) !== "naive";
    const focus = document.activeElement instanceof HTMLElement && this.bar.contains(document.activeElement) ? document.activeElement.dataset.playDo : "";
    this.bar.replaceChildren(
      h(
        "span",
        { class: "seg", role: "group", "aria-label": `Steps of ${plan.title}` },
        does("back", "◀", { "aria-label": "Back one step", title: "back one step (←)", disabled: !now || now.current < 0 }),
        does("step", "▶ Step scenario", { class: !play || whole?.waits ? "primary" : null, title: "next step (→)", disabled: !step }),
        does("run", runs ? "❚❚ Pause scenario" : "▶▶ Run scenario", { title: runs ? "pause after the current step (Space)" : "run (Space)", disabled: !!play && !running && session.history.live }),
      ),
      running ? does("stop", "Stop scenario") : "",
      play ? does("restart", other ? `Run on ${this.endpoint === play.endpoint ? (this.as === "raw" ? "a raw client" : "your browser") : this.endpoint}` : "Restart scenario", { class: other ? "primary" : null }) : "",
      h("span", { class: "who" }, settings.as === "choose" && plan.browser ? choice("as", "Client", [["browser", "your browser"], ["raw", "raw client"]], this.as) : h("span", { class: "soft" }, this.as === "raw" ? "a raw client in Go" : "your browser"), h("span", { class: "soft" }, " → "), settings.endpoint === "choose" || settings.endpoint === "naive" ? choice("endpoint", "Server", this.servers.map((s) => [s, s]), this.endpoint) : h("span", { class: "soft" }, this.endpoint)),
    );
    if (focus) /** @type {HTMLElement|null} */ (this.bar.querySelector(`[data-play-do=${focus}]:not(:disabled)`) || this.bar.querySelector("[data-play-do]:not(:disabled)"))?.focus();
    if (this.refused === session.moment) return;
    this.refused = "";
    const stopped = !!whole?.error.endsWith("the play was stopped");
    // Replace Go's words for the end of the session.
    const error = whole?.over ? whole.error.replace(/^\S+:\d+: /, "").replace(/context canceled$/, "the session ended first") : "";
    // The refusal is no longer true.
    this.status.classList.toggle("failed", (!!error && !stopped) || (running && session.server === "gone"));
    if (error) this.status.textContent = stopped ? "Stopped. The recording so far stays." : `× The run ended early: ${error}${error.endsWith(".") ? "" : "."}`;
    else this.status.textContent = running && session.server === "gone" ? "× This run cannot continue: the lab server does not answer." : "";
  }

  /** @param {Play|undefined} play */
  drawSteps(play) {
    const { at: cursor } = this.lab.cursor;
    const now = play && standing(play, cursor);
    const rows = this.steps.map((step) => (this.editing === step.index ? h("li", { class: "editing", "data-step": step.index }, planForm(step.command, this.typed, this.wrong, `wrong-${this.settings.scenario}`)) : this.item(step, play, now)));
    if (this.editing >= 0 && this.list.querySelector("form")) {
      // Keep the input with its caret.
      const old = this.list.querySelector(`li.editing[data-step="${this.editing}"]`);
      if (old && !this.wrong) rows[this.editing] = /** @type {HTMLLIElement} */ (old);
    }
    const focus = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement) && !document.activeElement.closest("form") ? [document.activeElement.closest("[data-step]"), document.activeElement.dataset.playDo] : null;
    const at = focus && focus[0] instanceof HTMLElement ? focus[0].dataset.step : "";
    const kept = this.list.contains(document.activeElement) && document.activeElement?.closest("li.editing");
    if (!kept || !rows.includes(/** @type {HTMLLIElement} */ (kept))) this.list.replaceChildren(...rows);
    if (at) /** @type {HTMLElement|null} */ (this.list.querySelector(`[data-step="${at}"] [data-play-do=${focus?.[1]}]`))?.focus({ preventScroll: true });
    const last = now && now.current >= 0 ? this.steps[now.current] : null;
    const told = now && last && play ? `Step ${last.index + 1} of ${this.steps.length}, ${last.command}: ${marks[now.phases[last.index]][1]}. ${said(play.marks[last.index], cursor)} ${this.pausing}`.trim() : "";
    if (this.spoken.textContent !== told) this.spoken.textContent = told;
    // Scroll a long list so that the current step stays in view.
    const current = this.list.querySelector("[aria-current]");
    if (current instanceof HTMLElement && this.list.scrollHeight > this.list.clientHeight) this.list.scrollTop = current.offsetTop - this.list.clientHeight / 2;
  }

  /**
   * One step of the list.
   * @param {import("../types.js").PlanStep} step
   * @param {Play|undefined} play
   * @param {import("../play.js").Standing|undefined} now
   */
  item(step, play, now) {
    const { index, command } = step;
    const { at } = this.lab.cursor;
    const phase = now?.phases[index] || "todo";
    const mark = play?.marks[index];
    return planItem(step, {
      phase,
      say: phase === "doing" ? this.pausing : mark ? said(mark, at) : "",
      error: mark && by(mark.end, at) ? mark.error : "",
      current: now?.current === index,
      changed: !!this.begun && this.begun.plan !== this.plan && this.plan.steps[index]?.command !== command,
    });
  }

  /** @param {Play|undefined} play @param {Play|undefined} before */
  drawPictures(play, before) {
    if (!this.pictures.isConnected) return;
    const want = [before, play].filter((p) => p !== undefined);
    const have = [...this.pictures.querySelectorAll("figure")];
    while (have.length > want.length) have.pop()?.remove();
    while (have.length < want.length) {
      const figure = h("figure", {}, h("figcaption"), h("ws-ends"));
      this.pictures.append(figure);
      have.push(figure);
    }
    this.pictures.classList.toggle("two", want.length === 2);
    want.forEach((p, i) => {
      const [caption] = have[i].children;
      const command = p.branchOf ? this.steps.find((s, k) => s.command !== this.plan.steps[k]?.command)?.command : "";
      const title = `run ${p.id} · ${p.as === "raw" ? "raw client" : "your browser"} → ${p.endpoint}`;
      caption.replaceChildren(title, command ? h("span", {}, ", changed: ", h("code", {}, command)) : "", " ", i === want.length - 1 ? button("Enlarge picture", { class: "quiet", "data-play-do": "larger" }) : "", before && i === 0 ? button("Remove previous run", { class: "quiet", "data-play-do": "alone" }) : "");
      have[i].querySelector("ws-ends")?.show(p.token, title);
    });
    if (!want.length) this.pictures.replaceChildren();
  }

  // ——— waiting ———

  /** Shows a clock during a long step. Meanwhile the reader may read on. @param {Play|undefined} play */
  wait(play) {
    const busy = !!play && play.over === Infinity && standing(play, Infinity).phases.includes("doing");
    if (busy && !this.clock) this.clock = setInterval(() => this.tick(), 100);
    if (!busy && this.clock) {
      clearInterval(this.clock);
      this.clock = undefined;
      this.waiting.hidden = true;
      if (this.meanwhile && play) {
        this.meanwhile = false;
        const told = this.outcome.told;
        this.lab.session.say(`In the meantime the run of ${this.plan.title} ended${told ? `: ${told}` : ""}.`);
      }
    }
  }

  tick() {
    const play = this.play();
    const mark = play?.marks[standing(play, Infinity).current];
    if (!play || !mark?.event) return;
    const { session } = this.lab;
    const passed = session.now() - mark.event.at;
    this.waiting.hidden = passed < long || session.server !== "there";
    if (this.waiting.hidden) return;
    if (!this.waiting.firstChild) this.waiting.replaceChildren(h("b", { class: "mono" }), h("span"), " ", button("Read on in the meantime ↓", { "data-play-do": "meanwhile" }));
    const [clock, text, offer] = this.waiting.children;
    clock.textContent = span(passed);
    const own = play.as !== "raw" && mark.command.startsWith("patience ") ? " A browser uses its own timeout." : "";
    text.textContent = `: the step “${mark.command}” is not finished yet.${own} This is normal: the step takes this long. ${this.pausing}`;
    offer.toggleAttribute("hidden", this.meanwhile);
  }
}
