/** Buttons of a lesson. Each does an action in the lab and shows the result. */

import { LabElement, h, hit } from "./dom.js";
import { Told } from "./told.js";

/** @extends {LabElement<"session" | "cursor" | "actions">} */
export class WsDo extends LabElement {
  static tag = "ws-do";

  said = h("output");
  /** @type {Told|undefined} */
  told;

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { lab } = this;
    const told = (this.told = new Told(this.said, lab));
    this.append(this.said);
    this.on("click", (e) => {
      const action = hit(e, "[data-do]")?.dataset.do;
      if (action) this.act(JSON.parse(action));
    });
    lab.session.observe(() => told.render(), signal);
  }

  /** @param {import("../types.js").Action} action */
  act(action) {
    const { cursor, actions } = this.lab;
    if (!["hold", "run", "step", "back"].includes(action.do)) cursor.turnBack();
    return this.told?.after(() => actions.act(action));
  }
}
