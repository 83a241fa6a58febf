/**
 * Plays (runs of scenarios), made from the step events in the recording. The state
 * of a play is a function of its events up to the cursor, so going back and forth
 * always gives the same picture. Only the page that began a play carries out its
 * orders, and it carries out each order once.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Step} Step
 * @typedef {import("./types.js").Order} Order
 *
 * @typedef {"todo"|"ready"|"doing"|"done"|"failed"} Phase
 * @typedef {{index: number, command: string, say: string, ready: number, begin: number, end: number,
 *   error: string, event: LabEvent|null}} Mark seqs at which a step was ready,
 * began and ended; Infinity if it has not happened
 * @typedef {{phases: Phase[], current: number, waits: boolean, over: boolean, error: string}} Standing
 */

/**
 * Whether something has happened by the cursor. The cursor may be Infinity.
 * @param {number} seq
 * @param {number} cursor
 */
export const by = (seq, cursor) => seq !== Infinity && seq <= cursor;

/** One play, as it was recorded. */
export class Play {
  /** @param {Step} s its first @param {LabEvent} e */
  constructor(s, e) {
    this.id = s.play;
    this.token = s.client;
    this.endpoint = s.endpoint;
    this.as = s.as;
    this.scenario = s.scenario || "";
    this.title = s.title || "";
    this.branchOf = s.branchOf || "";
    this.round = s.round || 0;
    this.seq = e.seq;
    this.at = e.at; // microseconds at which it began
    /** @type {Mark[]} */
    this.marks = Array.from({ length: s.of }, (_, index) => ({ index, command: "", say: "", ready: Infinity, begin: Infinity, end: Infinity, error: "", event: null }));
    this.begun = -1; // the newest step that has begun
    this.over = Infinity; // seq at which the play was over
    this.cut = false; // whether the session ended before the play
    this.overAt = 0; // microseconds
    this.error = "";
  }

  /**
   * The seq at which the last step was finished; Infinity if a step is not
   * finished. After it, the server only closes the ends that the steps left open.
   */
  get settled() {
    const ends = this.marks.map((m) => m.end);
    const last = Math.max(...ends);
    return last === Infinity ? (this.over === Infinity ? Infinity : Math.max(0, ...ends.filter((end) => end !== Infinity))) : last;
  }

  /** Ends the play because its session has ended. @param {number} last seq of the session's last event */
  cutOff(last) {
    if (this.over !== Infinity) return;
    this.over = last;
    this.cut = true;
    this.error = "the session ended before the run did";
  }

  /** @param {LabEvent} e @param {Step} s */
  take(e, s) {
    if (s.phase === "over") {
      this.over = Math.min(this.over, e.seq);
      this.overAt = e.at;
      this.error = s.error || "";
      return;
    }
    const mark = this.marks[s.index];
    if (!mark || mark[s.phase] !== Infinity) return; // if an event is repeated, the first one counts
    mark[s.phase] = e.seq;
    mark.command = s.command || mark.command;
    mark.say = s.say || mark.say;
    if (s.phase === "begin") {
      mark.event = e;
      this.begun = s.index;
    }
    if (s.phase === "end") mark.error = s.error || "";
  }
}

/** All plays of a recording. */
export class Plays {
  constructor() {
    /** @type {Map<string, Play>} in order of their beginning */
    this.byId = new Map();
    /** @type {Map<string, Play>} */
    this.byToken = new Map();
  }

  /** @param {LabEvent} e @param {Step} s */
  take(e, s) {
    let play = this.byId.get(s.play);
    if (!play) {
      play = new Play(s, e);
      this.byId.set(s.play, play);
      this.byToken.set(s.client, play);
    }
    play.take(e, s);
    return play;
  }
}

/**
 * The state of a play at the cursor. The current step is the running step,
 * otherwise the next step, otherwise the last finished one; -1 before the first.
 * @param {Play} play
 * @param {number} cursor
 * @returns {Standing}
 */
export function standing(play, cursor) {
  const over = by(play.over, cursor);
  let current = -1;
  let waits = false;
  const phases = play.marks.map((m) => {
    if (!by(m.begin, cursor)) {
      if (!by(m.ready, cursor) || over) return "todo";
      current = m.index;
      waits = true;
      return "ready";
    }
    current = m.index;
    waits = false;
    if (by(m.end, cursor)) return m.error ? "failed" : "done";
    return over ? "failed" : "doing";
  });
  return { phases, current, waits, over, error: over ? play.error : "" };
}

/** The explanation of a step at the cursor, "" until its effect is recorded. @param {Mark} m @param {number} cursor */
export const said = (m, cursor) => (by(m.end, cursor) ? m.say : "");

/**
 * The cursor one step back: before the newest shown step began. Null at the beginning.
 * @param {Play} play
 * @param {number} cursor
 */
export function before(play, cursor) {
  const begun = play.marks.filter((m) => by(m.begin, cursor));
  return begun.length ? begun[begun.length - 1].begin - 1 : null;
}

/**
 * The cursor one step forward, Infinity for the newest; null if every recorded step
 * is already visible.
 * @param {Play} play
 * @param {number} cursor
 */
export function after(play, cursor) {
  const later = play.marks.filter((m) => m.begin > cursor && m.begin !== Infinity);
  if (!later.length) return cursor < play.over && play.over !== Infinity ? Infinity : null;
  return later.length > 1 ? later[1].begin - 1 : Infinity;
}

/**
 * The cursor at which step k is finished and the next has not begun.
 * @param {Play} play
 * @param {number} k
 */
export function until(play, k) {
  const next = play.marks.find((m) => m.index > k && m.begin !== Infinity);
  return next ? next.begin - 1 : Infinity;
}

/** The effect of a pause that was ordered while step k runs, in words. @param {Play} play @param {number} k */
export const pauses = (play, k) => (k === play.marks.length - 1 ? "It ends with this step, which is the last." : "It pauses after this step.");

/** how many orders are kept for plays that the server has not confirmed yet */
const maxEarly = 64;

/**
 * The orders that this page carries out: the orders of the plays that it began,
 * each once. A reloaded page, or a second page on the same session, carries out
 * none.
 */
export class Orders {
  constructor() {
    /** @type {Set<string>} tokens of the plays begun here */
    this.own = new Set();
    /** @type {Set<string>} the orders that were already returned */
    this.taken = new Set();
    /** @type {Step[]} orders that arrived before the server confirmed their play */
    this.early = [];
  }

  /**
   * Marks a play as this page's own; returns its orders so far.
   * @param {string} token
   * @returns {Step[]}
   */
  expect(token) {
    this.own.add(token);
    const due = this.early.filter((s) => s.client === token);
    this.early = this.early.filter((s) => s.client !== token);
    return due.filter((s) => this.first(s));
  }

  /**
   * Returns the orders among new events that this page carries out now.
   * @param {LabEvent[]} events
   * @returns {Step[]}
   */
  due(events) {
    const out = [];
    for (const { step: s } of events) {
      if (!s || !s.order || s.phase !== "begin" || s.as !== "browser") continue;
      if (this.own.has(s.client)) {
        if (this.first(s)) out.push(s);
      } else this.early = [...this.early, s].slice(-maxEarly);
    }
    return out;
  }

  /** @param {Step} s */
  first(s) {
    const key = `${s.play} ${s.index}`;
    if (this.taken.has(key)) return false;
    this.taken.add(key);
    return true;
  }
}

/**
 * A command in one line. Bytes in several lines are one write.
 * @param {string} command
 */
export const inLine = (command) => command.replace(/\nbytes /g, " ");

/**
 * A scenario with one command changed. Removes the transcripts, because they are
 * from another run, and the explanation of the changed command.
 * @param {string} text
 * @param {number} line of the command, from 1
 * @param {string} command
 * @param {number} [count] how many lines the command had
 */
export function changed(text, line, command, count = 1) {
  if (/[\r\n]/.test(command)) throw new Error("Write the command in one line.");
  if (!command.trim()) throw new Error("Write a command, or press Esc to keep the step as it is.");
  const lines = text.split("\n");
  let from = line - 1;
  while (from > 1 && lines[from - 1].startsWith("#")) from--;
  lines.splice(from, line - 1 + count - from, command.trim());
  return lines.filter((l) => !l.startsWith("|")).join("\n");
}

/**
 * The first error in the server's list, for a scenario with one changed command.
 * The other errors mostly follow from the first.
 * @param {string} told
 */
export function wrongWith(told) {
  const list = told.replace(/^This scenario cannot be played: /, "").replace(/ Change the lines that are named\.$/, "");
  return list.split(/; (?=\S+:\d+: )/)[0].replace(/^\S+:\d+: /, "").replace(/\.?$/, ".");
}
