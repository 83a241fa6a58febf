/**
 * The keys of the page, in one table for the help and the handler.
 *
 * @typedef {"back"|"step"|"toggle"|"help"|"next"|"previous"|"escape"} Command
 * @typedef {{lab: boolean, next: boolean, previous: boolean, play?: boolean, walk?: boolean, compare?: boolean}} Here what the page has
 * @typedef {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} Pressed
 * @typedef {{keys: string[], shown: string[], does: string, command?: Command, needs?: keyof Here}} Binding
 */

/** @type {Binding[]} */
export const bindings = [
  { keys: ["ArrowRight"], shown: ["→"], does: "next row, or release the held frame", command: "step", needs: "lab" },
  { keys: ["ArrowLeft"], shown: ["←"], does: "previous row", command: "back", needs: "lab" },
  { keys: [" ", "."], shown: ["Space", "."], does: "run, or hold the wire", command: "toggle", needs: "lab" },
  { keys: ["?"], shown: ["?"], does: "show this help", command: "help" },
  { keys: ["PageDown"], shown: ["PageDown"], does: "next lesson", command: "next", needs: "next" },
  { keys: ["PageUp"], shown: ["PageUp"], does: "previous lesson", command: "previous", needs: "previous" },
  { keys: [], shown: ["↑", "↓", "Home", "End"], does: "move in the timeline, when it has the focus", needs: "lab" },
  { keys: [], shown: ["←", "→", "↑", "↓", "Home", "End"], does: "move in the bits, when they have the focus", needs: "lab" },
  { keys: [], shown: ["Enter"], does: "select the bit that has the focus", needs: "lab" },
  { keys: [], shown: ["→", "←", "Space"], does: "in a scenario: next step, previous step, run or pause", needs: "play" },
  { keys: [], shown: ["→", "←", "Space"], does: "in a walk through bytes: next byte, previous byte, play or stop", needs: "walk" },
  { keys: [], shown: ["↑", "↓", "Home", "End", "Enter"], does: "move in the picture of both ends, select a row", needs: "play" },
  { keys: [], shown: ["↑", "↓", "PageUp", "PageDown", "Home", "End"], does: "move in the cases, when they have the focus", needs: "compare" },
  { keys: [], shown: ["←", "→", "↑", "↓", "PageUp", "PageDown"], does: "move in the frame header map, when it has the focus", needs: "compare" },
  { keys: [], shown: ["Enter"], does: "open the case or send the header that has the focus", needs: "compare" },
  { keys: ["Escape"], shown: ["Esc"], does: "close the current panel, or clear the selection", command: "escape" },
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
 * Whether the focused element needs the key. Text fields and choices need every
 * key. A button or link needs Space. An element that scrolls needs the keys that
 * scroll it.
 * @param {{localName: string, isContentEditable?: boolean}|null} target
 * @param {string} key
 * @param {{x: boolean, y: boolean}} [scrolls] the directions in which the element can scroll
 */
export function taken(target, key, scrolls = { x: false, y: false }) {
  if (!target) return false;
  if (scrolls.x && (key === "ArrowLeft" || key === "ArrowRight")) return true;
  if (scrolls.y && (key === "PageUp" || key === "PageDown")) return true;
  if (["input", "textarea", "select"].includes(target.localName) || target.isContentEditable) return true;
  return key === " " && ["button", "a", "summary", "label"].includes(target.localName);
}
