/** Bytes that a raw client writes in parts. */

/**
 * Waits until the servers have read what an action has written, so that TCP delivers
 * the next part alone. If a server does not read, the wait ends after a second.
 * @param {import("./session.js").Session} session
 * @param {import("./act.js").Act} act
 * @param {AbortSignal} [late]
 */
export async function delivered(session, act, late = AbortSignal.timeout(1000)) {
  const { rows, history } = session;
  /** The bytes that a server has read since the action began. @param {import("./act.js").Client} client */
  const read = ({ token }) => {
    const conn = rows.byClient.get(token)?.id;
    const since = history.events.slice(history.count(act.began.get(token) ?? 0));
    return since.reduce((n, e) => n + (e.conn === conn && e.from === "client" && e.bytes ? e.bytes.size : 0), 0);
  };
  while (!late.aborted && act.clients.some((client) => read(client) < act.size)) {
    await new Promise((done) => {
      session.addEventListener("events", done, { once: true, signal: late });
      late.addEventListener("abort", done, { once: true });
    });
  }
}
