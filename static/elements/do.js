/** Buttons of a lesson that do something in the lab, and say what came of it. */

import { LabElement, h, hit, wireLink } from "./dom.js";
import { lab, words } from "../lab.js";

export class WsDo extends LabElement {
  static tag = "ws-do";

  said = h("output");

  setup() {
    this.append(this.said);
    this.on("click", (e) => {
      const action = hit(e, "[data-do]")?.dataset.do;
      if (action) this.act(JSON.parse(action));
    });
  }

  /** @param {import("../types.js").Action} action */
  async act(action) {
    const { said } = this;
    said.classList.remove("failed");
    if (!["hold", "run", "step", "back"].includes(action.do)) lab.turnBack();
    try {
      const done = await lab.act(action);
      said.replaceChildren(done ? `✔ ${done}` : lab.notice.text);
    } catch (e) {
      said.classList.add("failed");
      said.replaceChildren(`× ${words(e)}`);
    }
    said.append(" ", wireLink());
  }
}
