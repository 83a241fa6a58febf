/** Buttons of a lesson that do something in the lab, and say how it stands. */

import { LabElement, h, hit } from "./dom.js";
import { Told } from "./told.js";
import { lab } from "../lab.js";

export class WsDo extends LabElement {
  static tag = "ws-do";

  said = h("output");
  told = new Told(this.said);

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.append(this.said);
    this.on("click", (e) => {
      const action = hit(e, "[data-do]")?.dataset.do;
      if (action) this.act(JSON.parse(action));
    });
    lab.observe(() => this.told.render(), signal);
  }

  /** @param {import("../types.js").Action} action */
  act(action) {
    if (!["hold", "run", "step", "back"].includes(action.do)) lab.turnBack();
    return this.told.after(() => lab.act(action));
  }
}
