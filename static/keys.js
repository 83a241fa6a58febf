/**
 * The keys of the page, in one table: what the help lists is what works.
 *
 * @typedef {"back"|"step"|"toggle"|"help"|"next"|"previous"|"escape"} Command
 * @typedef {{lab: boolean, next: boolean, previous: boolean, play?: boolean, compare?: boolean}} Here what the page has
 * @typedef {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} Pressed
 * @typedef {{keys: string[], shown: string[], does: string, command?: Command, needs?: keyof Here}} Binding
 */

/** @type {Binding[]} */
export const bindings = [
  { keys: ["ArrowRight"], shown: ["→"], does: "step: the next row, or let what is held cross", command: "step", needs: "lab" },
  { keys: ["ArrowLeft"], shown: ["←"], does: "back one row", command: "back", needs: "lab" },
  { keys: [" ", "."], shown: ["Space", "."], does: "run, or pause by holding the wire", command: "toggle", needs: "lab" },
  { keys: ["?"], shown: ["?"], does: "this help", command: "help" },
  { keys: ["PageDown"], shown: ["PageDown"], does: "next lesson", command: "next", needs: "next" },
  { keys: ["PageUp"], shown: ["PageUp"], does: "previous lesson", command: "previous", needs: "previous" },
  { keys: [], shown: ["↑", "↓", "Home", "End"], does: "move in the timeline, while it has the focus", needs: "lab" },
  { keys: [], shown: ["←", "→", "↑", "↓", "Home", "End"], does: "move in the bits, while they have the focus", needs: "lab" },
  { keys: [], shown: ["Enter"], does: "pin the bit that has the focus", needs: "lab" },
  { keys: [], shown: ["→", "←", "Space"], does: "in a play: its next step, back over the last, run or pause", needs: "play" },
  { keys: [], shown: ["↑", "↓", "Home", "End", "Enter"], does: "move in the picture of both ends, and select", needs: "play" },
  { keys: [], shown: ["↑", "↓", "PageUp", "PageDown", "Home", "End"], does: "move in the cases, while they have the focus", needs: "compare" },
  { keys: [], shown: ["←", "→", "↑", "↓", "PageUp", "PageDown"], does: "move in the header map, while it has the focus", needs: "compare" },
  { keys: [], shown: ["Enter"], does: "open the case, or send the header, that has the focus", needs: "compare" },
  { keys: ["Escape"], shown: ["Esc"], does: "close or let go of the innermost thing", command: "escape" },
];

/** @param {Here} here */
export const help = (here) => bindings.filter((b) => !b.needs || here[b.needs]);

/**
 * The command of a key on this page, or null when the key is not ours.
 * @param {Pressed} e
 * @param {Here} here
 * @returns {Command|null}
 */
export function command(e, here) {
  if (e.ctrlKey || e.metaKey || e.altKey || (e.shiftKey && e.key !== "?")) return null;
  const found = help(here).find((b) => b.keys.includes(e.key));
  return (found && found.command) || null;
}

/**
 * Whether the element at hand needs the key itself: text fields and choices
 * need them all, a button or link its Space, and what scrolls those that
 * scroll it.
 * @param {{localName: string, isContentEditable?: boolean}|null} target
 * @param {string} key
 * @param {{x: boolean, y: boolean}} [scrolls] which ways there is more of it than shows
 */
export function taken(target, key, scrolls = { x: false, y: false }) {
  if (!target) return false;
  if (scrolls.x && (key === "ArrowLeft" || key === "ArrowRight")) return true;
  if (scrolls.y && (key === "PageUp" || key === "PageDown")) return true;
  if (["input", "textarea", "select"].includes(target.localName) || target.isContentEditable) return true;
  return key === " " && ["button", "a", "summary", "label"].includes(target.localName);
}
