/** The line beside a button: the result of its last action, or the reason for a refusal. */

import { wireLink } from "./dom.js";
import { words } from "../api.js";

export class Told {
  /**
   * @param {HTMLElement} place
   * @param {Pick<import("../lab.js").Lab, "session" | "actions">} lab
   */
  constructor(place, lab) {
    this.place = place;
    this.lab = lab;
    /** @type {import("../act.js").Act|null} */
    this.act = null;
    this.refusal = "";
    this.moment = "";
    this.key = "";
  }

  /**
   * Calls fn and then shows its result. Returns the exception, or null.
   * @param {() => unknown} fn
   */
  async after(fn) {
    this.act = null;
    this.refusal = "";
    let thrown = null;
    try {
      const done = await fn();
      if (done && typeof done === "object" && "status" in done) this.act = /** @type {import("../act.js").Act} */ (done);
    } catch (e) {
      thrown = e;
      this.refusal = words(e);
    }
    this.moment = this.lab.session.moment;
    this.render();
    return thrown;
  }

  /** @returns {import("../act.js").Status|null} */
  get status() {
    const { act } = this;
    const { session, actions } = this.lab;
    const now = this.moment === session.moment;
    if (this.refusal) return now ? { sign: "×", text: this.refusal } : null;
    if (!act) return null;
    act.look(session.rows);
    const status = act.status(actions.world);
    // For a step, the line only says why the step had no effect.
    return status || (act.action.do === "step" && now && session.notice.text ? { sign: "", text: session.notice.text } : null);
  }

  render() {
    const { place, status } = this;
    const key = status ? `${status.sign} ${status.text}`.trim() : "";
    if (key === this.key) return;
    this.key = key;
    place.classList.toggle("failed", status?.sign === "×");
    place.classList.toggle("soft", !!status && status.sign !== "×" && status.sign !== "✔");
    place.replaceChildren(...(status ? [`${key} `, wireLink()] : []));
  }
}
