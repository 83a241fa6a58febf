/**
 * The lab server's HTTP API and its stream of events.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {"connecting"|"live"|"paused"|"gone"|"lost"} StreamStatus
 */

/** An error as the server words it: what is wrong, and what to do. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when no answer arrived
   * @param {{error?: string, fix?: string, at?: number}} body
   */
  constructor(status, body) {
    super(body.error || `the server answered with status ${status}`);
    this.status = status;
    this.fix = body.fix || "";
    this.at = body.at;
  }

  get words() {
    return this.fix ? `${this.message.replace(/\.$/, "")}. ${this.fix}` : this.message;
  }
}

/** The words for anything that was thrown. @param {unknown} e */
export const words = (e) => (e instanceof ApiError ? e.words : e instanceof Error ? e.message : String(e));

/**
 * Whether the lab server answered the last request. While it does not answer, the
 * page asks every second, so that it soon shows when the server is back.
 */
export class Presence extends EventTarget {
  away = false;

  /**
   * @param {() => Promise<boolean>} [ask] whether it answers
   * @param {(fn: () => void, ms: number) => unknown} [later]
   */
  constructor(ask, later = (fn, ms) => setTimeout(fn, ms)) {
    super();
    this.ask = ask || (() => fetch("/api/connections").then((r) => !away(r.status), () => false));
    this.later = later;
  }

  /** @param {boolean} is whether a request was just answered */
  found(is) {
    if (is === !this.away) return;
    this.away = !is;
    this.dispatchEvent(new Event("change"));
    if (this.away) this.look();
  }

  /** Asks now. */
  async check() {
    this.found(await this.ask());
  }

  look() {
    this.later(async () => {
      if (!this.away) return;
      await this.check();
      if (this.away) this.look();
    }, 1000);
  }
}

/** Whether this page's lab server answers. */
export const presence = new Presence();

/**
 * @param {string} path
 * @param {unknown} [body] sent as JSON by POST; without it, GET
 * @returns {Promise<any>}
 */
export async function call(path, body) {
  const init = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    presence.found(false);
    throw new ApiError(0, { error: "The lab server does not answer", fix: "Start it again with go run ./labserver." });
  }
  presence.found(!away(response.status));
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

/**
 * Whether a status means that the server does not answer or is ending. A refusal
 * means neither.
 * @param {number} status
 */
export const away = (status) => status === 0 || status === 503;

/** @param {string} session */
export const sessionPath = (session) => `/api/sessions/${encodeURIComponent(session)}`;

/**
 * The functions of the browser that a Stream needs; a test gives its own.
 * @typedef {object} Deps
 * @property {(url: string) => EventSource} open
 * @property {(session: string) => Promise<number>} probe status of the session: 200, 404, 503 while the server ends, or 0 for no answer
 * @property {(fn: () => void, ms: number) => unknown} later
 */

/** @type {Deps} */
const browser = {
  open: (url) => new EventSource(url),
  // EventSource hides the status of a failure, so the page finds it with another request.
  probe: (session) =>
    fetch(`${sessionPath(session)}/script`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "[]" }).then(
      (r) => r.status,
      () => 0,
    ),
  later: (fn, ms) => setTimeout(fn, ms),
};

/**
 * The events of one session. It resumes after the last event seen. A hidden tab
 * closes its stream, because HTTP/1.1 allows a browser six connections to one
 * host, and opens it again when it is shown.
 */
export class Stream {
  /**
   * @param {string} session
   * @param {() => number} last seq of the last event seen
   * @param {(batch: LabEvent[]) => void} onBatch
   * @param {(status: StreamStatus) => void} onStatus
   * @param {Deps} [deps]
   */
  constructor(session, last, onBatch, onStatus, deps = browser) {
    this.session = session;
    this.last = last;
    this.onBatch = onBatch;
    this.onStatus = onStatus;
    this.deps = deps;
    /** @type {EventSource|null} */
    this.source = null;
    this.failures = 0;
    this.shut = false;
    this.hidden = false;
  }

  open() {
    if (this.shut || this.source || this.hidden) return;
    if (!this.failures) this.onStatus("connecting");
    const source = this.deps.open(`${sessionPath(this.session)}/events?after=${this.last()}`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.onStatus("live");
    };
    source.onmessage = (e) => this.onBatch(JSON.parse(e.data));
    source.onerror = () => {
      // EventSource would retry by itself, but hides why it failed.
      this.release();
      this.retry();
    };
  }

  async retry() {
    const status = await this.deps.probe(this.session);
    if (this.shut || this.source) return;
    if (status === 404) {
      this.shut = true;
      this.onStatus("lost");
      return;
    }
    if (away(status)) this.onStatus("gone");
    this.failures++;
    this.deps.later(() => this.open(), Math.min(4000, 250 * 2 ** Math.min(this.failures, 5)));
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    this.hidden = hidden;
    if (hidden && this.source) {
      this.release();
      this.onStatus("paused");
    } else if (!hidden) this.open();
  }

  release() {
    if (this.source) this.source.close();
    this.source = null;
  }

  close() {
    this.shut = true;
    this.release();
  }
}

/**
 * The lines of a run of the judge. A pause closes the connection. When the
 * connection opens again, the lines continue after the last one received.
 */
export class Lines {
  /**
   * @param {string} path of the run's events
   * @param {(line: any) => void} onLine
   * @param {(status: "live"|"away"|"gone") => void} onStatus away: the browser keeps asking; gone: the server knows no such run
   * @param {(url: string) => EventSource} [open]
   */
  constructor(path, onLine, onStatus, open = browser.open) {
    this.path = path;
    this.onLine = onLine;
    this.onStatus = onStatus;
    this.deps = { open };
    /** @type {EventSource|null} */
    this.source = null;
    this.seen = 0;
    this.shut = false;
  }

  open() {
    if (this.shut || this.source) return;
    const source = this.deps.open(`${this.path}?after=${this.seen}`);
    this.source = source;
    source.onopen = () => this.onStatus("live");
    source.onmessage = (e) => {
      const n = Number(e.lastEventId);
      if (n <= this.seen) return; // received before the connection was cut
      this.seen = n;
      this.onLine(JSON.parse(e.data));
    };
    source.onerror = () => this.onStatus(source.readyState === EventSource.CLOSED ? "gone" : "away");
  }

  pause() {
    if (this.source) this.source.close();
    this.source = null;
  }

  close() {
    this.shut = true;
    this.pause();
  }
}
