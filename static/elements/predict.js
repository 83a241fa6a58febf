/**
 * A question before a step. The learner locks in an answer. The page then computes
 * the right answer from the run.
 *
 * @typedef {import("../predict.js").Question} Question
 * @typedef {import("../types.js").LabEvent} LabEvent
 */

import { LabElement, button, h, hit, rich } from "./dom.js";
import { answer, evaluate, place, right, shown } from "../predict.js";
import { line } from "../format.js";
import { recall, remember } from "../store.js";
import { runOf } from "../connection.js";

/** @extends {LabElement<"session">} */
export class WsPredict extends LabElement {
  static tag = "ws-predict";

  /** @type {Question} */
  question = { id: "", ask: "", about: {}, value: "", choices: [], explain: "" };
  /** @type {{choice: number, right?: boolean[], value?: string, line?: string, place?: string}|undefined} */
  answer;
  chosen = -1;
  hinted = false;
  seen = 0;
  /** @type {typeof import("../stack.js")|undefined} loaded for questions about calls */
  stack;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.question = JSON.parse(this.dataset.predict || "{}");
    this.answer = recall("local", `predict:${this.question.id}`);
    this.chosen = this.answer ? this.answer.choice : -1;
    this.on("change", (e) => {
      if (!(e.target instanceof HTMLInputElement)) return;
      this.chosen = Number(e.target.value);
      this.querySelector(".lock")?.removeAttribute("disabled");
    });
    this.on("click", (e) => {
      if (hit(e, ".lock")) this.commit();
      else if (hit(e, ".hint")) {
        this.hinted = true;
        this.draw("p.hinted");
      } else if (hit(e, ".again")) {
        this.answer = undefined;
        this.chosen = -1;
        remember("local", `predict:${this.question.id}`, undefined);
        this.draw("input");
      }
    });
    this.draw();
    if (/^(stack\.|pieces$)/.test(this.question.value)) {
      import("../stack.js").then((stack) => {
        this.stack = stack;
        this.look();
      });
    }
    this.lab.session.observe(() => this.look(), signal);
  }

  commit() {
    if (this.chosen < 0) return;
    this.answer = { choice: this.chosen };
    remember("local", `predict:${this.question.id}`, this.answer);
    this.draw();
    // A recorded event answers at once. Otherwise wait for the next one that fits.
    this.seen = 0;
    this.look();
    this.querySelector(".verdict")?.scrollIntoView({ block: "nearest" });
    document.dispatchEvent(new Event("ws-progress"));
  }

  look() {
    const { history, results } = this.lab.session;
    if (this.seen > history.last) this.seen = 0; // a new session
    if (this.answer && !this.answer.right) {
      // The calls may be recorded after the event that they are about.
      const from = this.stack ? 0 : this.seen;
      const e = answer(this.question, [...history.events.slice(history.count(from)), ...results], (e) => this.context(e));
      if (e) this.settle(e);
    }
    this.seen = history.last;
  }

  /**
   * The context of a question: values that the event itself does not have.
   * @param {LabEvent} e
   * @returns {import("../predict.js").Context}
   */
  context(e) {
    const { stack } = this;
    const { rows, history } = this.lab.session;
    const conn = rows.conns.get(e.conn) || (e.script && rows.byClient.get(e.script.client));
    const play = conn && rows.plays.byToken.get(conn.client);
    return {
      endpoint: conn ? conn.endpoint : "",
      scenario: play ? play.scenario : "",
      run: conn ? runOf(conn) : "",
      get pieces() {
        return conn && stack && stack.pieces(conn.stacks, e).length;
      },
      stack(byte) {
        const piece = conn && stack && stack.pieceAt(stack.pieces(conn.stacks, e), byte);
        return piece && stack?.trace(piece.calls, conn.endpoint);
      },
      get read() {
        const before = history.events.slice(0, history.count(e.seq)).filter((b) => b.conn === e.conn && b.from !== e.from);
        return before.reduce((n, b) => n + (b.bytes?.size || 0) - (b.handshake?.size || 0), 0);
      },
    };
  }

  /** @param {LabEvent} e */
  settle(e) {
    const q = this.question;
    if (!this.answer) return;
    this.answer = { ...this.answer, right: right(q, e, this.context(e)), value: shown(evaluate(q.value, e, this.context(e)), q.value), line: line(e), place: place(e, q.value) };
    remember("local", `predict:${q.id}`, this.answer);
    this.draw();
    document.dispatchEvent(new Event("ws-progress"));
  }

  /**
   * @param {string} [focus] selector of the element that gets the focus; by default the answer, if the focus was in this element
   */
  draw(focus) {
    const { question: q, answer } = this;
    const done = answer && answer.right;
    const choices = q.choices.map((c, i) => {
      const isRight = done && done[i];
      const mark = done ? (isRight ? "✔ right: " : i === answer.choice ? "× wrong: " : "") : "";
      return h(
        "label",
        { class: mark ? (isRight ? "right" : "wrong") : null },
        h("input", { type: "radio", name: q.id, value: i, checked: i === this.chosen, disabled: !!answer }),
        h("span", {}, mark && h("b", {}, mark), rich(c.text), done && i === answer.choice && h("small", {}, " — your answer")),
      );
    });
    const group = h("fieldset", {}, h("legend", {}, rich(q.ask)), ...choices);
    /** @type {Node[]} */
    const parts = [group];
    if (!answer) {
      group.append(
        h("p", { class: "buttons" }, button("Lock in answer", { class: "lock primary", disabled: this.chosen < 0 }), q.hint && !this.hinted && button("Show hint", { class: "hint quiet" })),
        h("p", { class: "soft" }, "The right answer comes from your own run."),
      );
      if (this.hinted) group.querySelector(".buttons")?.before(h("p", { class: "hinted", tabindex: -1 }, h("b", {}, "Hint: "), rich(q.hint || "")));
    } else if (!done) {
      parts.push(h("p", { class: "verdict waits", role: "status", tabindex: -1 }, "Locked in. Now run the step: the answer appears when it happens on the wire. ", button("Change answer", { class: "again quiet" })));
    } else {
      const won = done[answer.choice];
      parts.push(
        h(
          "div",
          { class: `verdict ${won ? "won" : "lost"}`, role: "status", tabindex: -1 },
          h("p", {}, h("b", {}, won ? "✔ Right. " : "× Wrong. "), `${answer.place || "On the wire it was"} `, h("code", {}, answer.value || ""), h("span", { class: "soft" }, `, in ${answer.line}`)),
          h("p", {}, rich(q.explain)),
          button("Answer again", { class: "again quiet" }),
        ),
      );
    }
    const inside = this.contains(document.activeElement);
    this.replaceChildren(...parts);
    const to = focus || (inside ? ".verdict" : "");
    const target = to && this.querySelector(to);
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  }

  /** Whether the learner has answered. */
  get answered() {
    return !!(this.answer && this.answer.right);
  }
}
