/**
 * How one step of a scenario is drawn in its list, and the form that changes
 * its command.
 *
 * @typedef {import("../play.js").Phase} Phase
 */

import { button, h } from "./dom.js";

/** @type {Record<Phase, [string, string]>} the sign and the word for each phase */
export const marks = { todo: ["", "not started"], ready: ["▸", "next"], doing: ["…", "running"], done: ["✔", "done"], failed: ["×", "failed"] };
const whoNames = { client: "client", server: "server", wire: "wire", note: "" };

/**
 * One step of the list.
 * @param {import("../types.js").PlanStep} step
 * @param {{phase: Phase, say: string, error: string, current: boolean, changed: boolean}} at the step's state at the cursor; changed: whether the learner changed its command
 */
export function planItem({ index, command, who }, { phase, say, error, current, changed }) {
  const name = h("code", {}, command);
  const begun = phase !== "todo" && phase !== "ready";
  return h(
    "li",
    { class: `${phase}${changed ? " differs" : ""}`, "data-step": index, "aria-current": current ? "step" : null },
    h("span", { class: "mark", "aria-hidden": "true" }, marks[phase][0]),
    h(
      "span",
      { class: "what" },
      begun ? h("button", { type: "button", class: "command", "data-play-do": "seek", title: "show the state after this step" }, name) : h("span", { class: "command" }, name),
      h("span", { class: "hide" }, ` ${marks[phase][1]}`),
      whoNames[who] && h("small", { class: "soft" }, ` ${whoNames[who]}`),
      changed && h("small", { class: "changed" }, " changed"),
    ),
    button("Change step", { class: "change quiet", "data-play-do": "edit", "aria-label": `Change step ${command}` }),
    (say || error) && h("span", { class: `say${error ? " failed" : ""}` }, error ? `× ${error}` : say),
  );
}

/**
 * The form that replaces a step while the learner changes its command.
 * @param {string} command
 * @param {string} typed
 * @param {string} wrong the error in the typed command, "" for none
 * @param {string} id of the element with the error
 */
export function planForm(command, typed, wrong, id) {
  return h(
    "form",
    { class: "edit" },
    h("label", {}, h("span", { class: "hide" }, `Instead of ${command}`), h("input", { name: "command", value: typed, spellcheck: "false", autocomplete: "off", "aria-invalid": wrong ? "true" : null, "aria-describedby": wrong ? id : null })),
    h("span", { class: "buttons" }, h("button", { class: "primary" }, "Run changed scenario"), h("button", { "data-pause": "step" }, "Step from here"), button("Cancel change", { "data-play-do": "leave", class: "quiet" })),
    wrong ? h("span", { class: "say failed", id, role: "alert" }, `× ${wrong}`) : h("span", { class: "say" }, "The changed run is shown beside the previous run."),
  );
}
