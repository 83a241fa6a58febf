/**
 * The lab of one page, put together from its parts: session (the recording),
 * inspector (the selection), cursor (the reader's place), sockets (the page's
 * WebSockets), actions (what buttons do) and player (plays of scenarios). The page
 * makes one Lab and gives each element the parts that it needs.
 *
 * @typedef {import("./types.js").Mode} Mode
 */

import { Actions } from "./actions.js";
import { Cursor } from "./cursor.js";
import { Inspector } from "./inspector.js";
import { Player } from "./player.js";
import { Session } from "./session.js";
import { Sockets } from "./sockets.js";
import { recall, remember } from "./store.js";

export class Lab {
  session = new Session();
  inspector = new Inspector(this.session);
  cursor = new Cursor(this.session, this.inspector);
  sockets = new Sockets(this.session, this.cursor);
  actions = new Actions(this.session, this.cursor, this.inspector, this.sockets, () => this.restart());
  player = new Player(this.session, this.cursor, this.inspector, this.sockets);

  /**
   * Begins a session. After a reload, continues the session that this page had
   * before.
   * @param {{mode: Mode, hold: boolean, watch: string}} options
   */
  start(options) {
    this.session.starting = this.begin(options);
    return this.session.starting;
  }

  /** @param {{mode: Mode, hold: boolean, watch: string}} options */
  async begin({ mode, hold, watch }) {
    const { session, cursor, inspector } = this;
    cursor.mode = mode;
    session.wantHold = hold;
    await inspector.readAddress();
    if (watch) {
      session.watch(watch);
      cursor.mode = "all";
      return;
    }
    // The page stores the session only when the reader leaves the page. A
    // duplicated tab gets a copy of the storage, but finds no session in it and
    // begins its own.
    const kept = recall("session", "session");
    remember("session", "session", undefined);
    if (kept && kept.path === location.pathname) {
      cursor.mode = kept.mode;
      return session.resume(kept);
    }
    await session.fresh();
  }

  /** Closes every connection, and begins a new session with an empty recording. */
  restart() {
    if (this.session.watching) return location.assign("/lab");
    this.sockets.closeAll();
    this.inspector.shared = null;
    return this.session.restart();
  }

  /** Closes the stream, and stores the session for a reload. */
  leave() {
    const { session, cursor, sockets } = this;
    session.setHidden(true);
    if (!session.id || session.watching || session.status === "lost") return;
    session.returned = sockets.some;
    const { id, holding, epoch } = session;
    const mode = cursor.mode === "plays" ? "both" : cursor.mode;
    remember("session", "session", { id, mode, holding, epoch, path: location.pathname });
  }

  /** Opens the stream again on a page that the browser kept. */
  comeBack() {
    remember("session", "session", undefined);
    this.cursor.setHidden(document.hidden);
    this.session.touch();
  }
}
